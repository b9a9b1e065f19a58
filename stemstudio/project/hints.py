"""Hints: what is left of the strokes that teach, what they teach which split, and how far it was followed.

A hint is a stroke of mode "hint": it says whose the light is and moves nothing by itself. Hints are in one layer with the
paint: what is painted or erased later covers what was there, so that hints never contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress
from stemstudio.project.edit import Edit, Rows
from stemstudio.project.edits import below, composited
from stemstudio.project.project import Change, PaintStroke, State
from stemstudio.project.showing import levels
from stemstudio.spectral.brushes import grid_of, patch_of, weights
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.tiles import Patch

Half = NDArray[np.float16]

ERASED = 0.02  # of weight: a hint with no more than that left is gone
FOLLOWED = 0.5  # of the light under a hint that the wanted stem must have for it to count as followed
STRIDE = 256  # frames looked at at a time


@dataclass(frozen=True, eq=False)
class LaidHint:
    """What later strokes have left of a hint, on a grid.

    Attributes
    ----------
    number
        Of its stroke.
    stem
        Whose the light is said to be.
    patch, weights
        Where, and float16 (bins, frames) in [0, 1]: how surely.
    """

    number: int
    stem: int
    patch: Patch
    weights: Half


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a hint that a split has learned from.

    Attributes
    ----------
    share
        Of the energy under it, what the wanted stem was given, in [0, 1]; 1 where all is silent.
    missed
        bool (bins, frames) of its patch: painted bins that went to others.
    """

    share: float
    missed: NDArray[np.bool_]

    @property
    def followed(self) -> bool:
        return self.share >= FOLLOWED


def hint_numbers(state: State) -> tuple[int, ...]:
    """Numbers of the strokes that are hints, in order, whatever is left of them."""
    return tuple(number for number in sorted(state.strokes) if _is_hint(state.strokes[number]))


def laid_hints(state: State, grid: StftSettings | None = None) -> tuple[LaidHint, ...]:
    """The hints of a project that something is left of, on its own or another grid."""
    grid = grid or state.grid
    rate, frames = state.mixture.sample_rate, grid.frames(state.mixture.length)
    laid: list[LaidHint] = []
    for number in sorted(state.strokes):
        stroke = state.strokes[number]
        box = patch_of(stroke.stroke.box, grid, rate, frames)
        if stroke.erase or _is_hint(stroke):
            laid = [_covered(hint, stroke, box, grid, rate) for hint in laid]
        else:  # hard paint for the same stem says the same
            laid = [
                hint if hint.stem == stroke.stem else _covered(hint, stroke, box, grid, rate) for hint in laid
            ]
        if _is_hint(stroke) and state.path(stroke.stem):
            patch, amount = weights(stroke.stroke, grid, rate, frames)
            laid.append(LaidHint(number, stroke.stem, patch, amount.astype(np.float16)))
    return tuple(hint for hint in laid if hint.weights.max(initial=0) > ERASED)


def lessons(state: State, stem: int) -> dict[int, int]:
    """What light that belongs to a stem teaches: for each split on its path, the child that should have it."""
    path = state.path(stem)
    return dict(zip((0, *path[:-1]), path, strict=True)) if path else {}


def unlearned(state: State, hints: Iterable[LaidHint]) -> tuple[LaidHint, ...]:
    """Hints that the split right above their stem has not been taught yet."""
    fresh = []
    for hint in hints:
        parent = state.stems[hint.stem].parent
        if parent is not None and parent in state.splits and hint.number not in state.splits[parent].learned:
            fresh.append(hint)
    return tuple(fresh)


def outcome(
    state: State,
    parent: int,
    hint: LaidHint,
    grid: StftSettings | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """How the split of `parent`, paint aside, divides the light under a hint."""
    progress = progress or Progress()
    child = lessons(state, hint.stem)[parent]
    bare = replace(state, paint={})
    patch, own, total = hint.patch, 0.0, 0.0
    missed = np.zeros(patch.shape, dtype=bool)
    for first in range(patch.frame0, patch.frame1, STRIDE):
        progress.check()
        last = min(patch.frame1, first + STRIDE)
        part, whole = levels(bare, (child, parent), first, last, grid)[:, patch.bin0 : patch.bin1]
        mask = np.minimum(part / np.maximum(whole, 1e-20), 1.0)
        columns = slice(first - patch.frame0, last - patch.frame0)
        energy = hint.weights[:, columns].astype(np.float32) * np.square(whole)
        total += float(energy.sum(dtype=np.float64))
        own += float((energy * mask).sum(dtype=np.float64))
        missed[:, columns] = (hint.weights[:, columns] > ERASED) & (mask < FOLLOWED)
    return Outcome(own / total if total > 1e-12 else 1.0, missed)


def harden(state: State, numbers: Mapping[int, int], name: str = "") -> Edit | None:
    """Turn hints into hard paint, laid over what is there, as one step; None where none of them is a hint.

    `numbers` gives for each hint a number that no stroke ever had: strokes are laid in the order of their numbers, and
    this is the newest paint.
    """
    strokes = {
        number: state.strokes[number]
        for number in sorted(numbers)
        if number in state.strokes
        and _is_hint(state.strokes[number])
        and state.path(state.strokes[number].stem)
    }
    if not strokes:
        return None
    rows: Rows = {"strokes": {}, "paint": {}}
    paint = dict(state.paint)
    changes = []
    for number, stroke in strokes.items():
        patch, amount = weights(stroke.stroke, state.grid, state.mixture.sample_rate, state.frames)
        if not patch.empty:
            painted = composited(state, paint, patch, amount, state.path(stroke.stem), erase=False)
            paint.update(painted)
            rows["paint"].update(painted)
        rows["strokes"].update({number: None, numbers[number]: replace(stroke, mode="hard")})
        kinds = frozenset({"paint", "hints"})
        changes.append(Change(kinds, _heard(state, stroke.stem), stroke.stroke.box))
    words = "hint" if len(strokes) == 1 else f"{len(strokes)} hints"
    return Edit(name or f"Paint {words} hard", rows, reduce(Change.union, changes))


def clear(state: State, name: str = "") -> Edit | None:
    """Take all hints away; what was learned from them stays. None where there is none."""
    numbers = hint_numbers(state)
    if not numbers:
        return None
    words = "hint" if len(numbers) == 1 else f"{len(numbers)} hints"
    rows: Rows = {"strokes": dict.fromkeys(numbers)}
    return Edit(name or f"Clear {words}", rows, Change(frozenset({"hints"})))


def _is_hint(stroke: PaintStroke) -> bool:
    return stroke.mode == "hint" and not stroke.erase


def _covered(hint: LaidHint, stroke: PaintStroke, box: Patch, grid: StftSettings, rate: int) -> LaidHint:
    """What a later stroke, which reaches no further than `box`, leaves of a hint."""
    patch = hint.patch
    both = Patch(
        max(patch.bin0, box.bin0),
        min(patch.bin1, box.bin1),
        max(patch.frame0, box.frame0),
        min(patch.frame1, box.frame1),
    )
    if both.empty:
        return hint
    left = hint.weights.copy()
    place = (
        slice(both.bin0 - patch.bin0, both.bin1 - patch.bin0),
        slice(both.frame0 - patch.frame0, both.frame1 - patch.frame0),
    )
    left[place] *= (1 - stroke.stroke.at(*grid_of(both, grid, rate))).astype(np.float16)
    return replace(hint, weights=left)


def _heard(state: State, stem: int) -> frozenset[int]:
    """The stems whose sound paint on a stem changes."""
    return below(state, [child.id for parent in lessons(state, stem) for child in state.children(parent)])
