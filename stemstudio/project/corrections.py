"""Corrections: what hints teach the stems of one split, made of atoms or not.

Atoms go on from where they are, told whose the hinted light is. What is not made of atoms is finer than a few atoms can
tell, so there the hints are laid over the stems as they sound, wherever that repeats.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stemstudio.algorithms.nmf.beginning import MOST_COMPONENTS
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.hint_start import HintStart, hint_start
from stemstudio.algorithms.nmf.hints import STRENGTH, Hint, hinted_updates
from stemstudio.algorithms.nmf.solver import Fit
from stemstudio.algorithms.nmf.spectrum import STRIDE, Float, room_for
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.algorithms.repeats import repeated
from stemstudio.algorithms.taught import Taught
from stemstudio.audio.audio import Excerpt
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound, render
from stemstudio.project.showing import power_mean
from stemstudio.spectral.stft import forward


@dataclass(frozen=True)
class Lesson:
    """How to learn from hints.

    Attributes
    ----------
    strength
        λ: how firmly others are kept off hinted light; together they get exp(−λ) for each 1 of the stem.
    iterations
        Rounds of updates, where there are atoms.
    """

    strength: float = STRENGTH
    iterations: int = 30


def learned(
    V: Float,
    begun: Factorization,
    owners: Sequence[int],
    hints: Sequence[Hint],
    lesson: Lesson,
    progress: Progress,
    *,
    held: Collection[int] = (),
) -> tuple[HintStart, Fit]:
    """A factorisation taught some hints: where it started, with the atoms that were split, and what came of it."""
    W, H = begun.templates, _fitting(begun.activations, V.shape[1])
    room = max(0, MOST_COMPONENTS - W.shape[1])
    start = hint_start(V, W, H, owners, hints, held=held, room=room, progress=progress.part(0.0, 0.05))
    atoms = np.arange(len(start.stems))
    fit = hinted_updates(
        V,
        start.templates,
        start.activations,
        start.stems,
        hints,
        strength=lesson.strength,
        iterations=lesson.iterations,
        progress=progress.part(0.05, 1.0),
        fixed_templates=np.isin(atoms, list(begun.held_templates)),
        fixed_activations=np.isin(atoms, list(begun.held_activations)),
    )
    return start, fit


def correction(
    state: State, parent: int, hints: Sequence[Hint], lesson: Lesson, progress: Progress
) -> tuple[Overlaid, list[int]] | None:
    """The split of `parent` with the hints laid over it, and the owners of its parts; None for silence.

    All hints are laid together, by the stems as they were before the first of them, and as they were before any paint.
    """
    split = state.splits[parent]
    base = split.estimates
    if isinstance(base, Overlaid | Taught):
        base = base.base
    owners = list(split.owners[: len(base.names)])
    bare = replace(
        state, paint={}, splits={**state.splits, parent: replace(split, estimates=base, owners=tuple(owners))}
    )
    stems = list(dict.fromkeys(hint.stem for hint in hints))
    sheets = _sheets(bare, parent, stems, progress.part(0.0, 0.4))
    if not any(sheet.any() for pair in sheets.values() for sheet in pair):
        return None
    firmness = 1 / (1 + float(np.exp(-lesson.strength))) if lesson.strength > 0 else 0.0
    masks = repeated(sheets, hints, firmness=firmness, progress=progress.part(0.4, 1.0))
    laid = Overlaid(base, state.grid, [state.stems[stem].name for stem in stems], [masks[s] for s in stems])
    return laid, [*owners, *stems]


def _sheets(
    state: State, parent: int, stems: Sequence[int], progress: Progress
) -> Mapping[int, tuple[Float, Float]]:
    """Magnitudes of stems of a split and of the rest of it, (bins, frames); rendered together."""
    song, grid = state.mixture, state.grid
    whole = StemSound(state, parent)
    own, rest = (room_for((len(stems), state.frames, grid.bins)) for _ in range(2))
    for first in range(0, state.frames, STRIDE):
        progress(first / state.frames, "looking at the stems")
        last = min(state.frames, first + STRIDE)
        low, high = grid.samples_touched(first, last, song.length)
        sounds, sound = render(state, stems, low, high), whole.read(low, high)
        for stem, mine, others in zip(stems, own, rest, strict=True):
            for sheet, heard in ((mine, sounds[stem]), (others, sound - sounds[stem])):
                piece = Excerpt(heard, low, song.sample_rate, song.length)
                sheet[first:last] = power_mean(forward(piece, grid, first=first, last=last)).T
    progress(1.0)
    return {stem: (mine.T, others.T) for stem, mine, others in zip(stems, own, rest, strict=True)}


def _fitting(activations: Float, frames: int) -> Float:
    """Activations over all frames of V: cut, or silent where they end early."""
    held = activations[:, :frames]
    return np.pad(held, ((0, 0), (0, frames - held.shape[1])))
