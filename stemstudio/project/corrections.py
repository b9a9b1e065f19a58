"""Corrections: stems that are not made of atoms learn from hints, and otherwise stay just as they sound.

What an algorithm made is finer than a few atoms can tell. So atoms are found for every stem as it is, with a kept seed,
and go on twice: once without hints, once with them. Only what differs between the two is laid over the stems.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.nmf.beginning import MOST_COMPONENTS
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.hint_start import HintStart, hint_start
from stemstudio.algorithms.nmf.hints import STRENGTH, Hint, hinted_updates
from stemstudio.algorithms.nmf.solver import Fit
from stemstudio.algorithms.nmf.spectrum import STRIDE, Float, room_for, spectrum
from stemstudio.algorithms.nmf.starts import random_start
from stemstudio.algorithms.taught import Taught
from stemstudio.audio.audio import Excerpt
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound, render
from stemstudio.project.showing import power_mean
from stemstudio.spectral.stft import forward

SILENT = 1e-3  # of the loudest: a stem with less gets no atoms of its own
SETTLING = 20  # rounds for all together, without hints


@dataclass(frozen=True)
class Lesson:
    """How to learn from hints.

    Attributes
    ----------
    strength
        λ of `hinted_updates`: how firmly others are kept off hinted light.
    iterations
        Rounds of updates.
    atoms
        For each stem of a split that is not made of atoms yet, at most.
    seed
        Of those.
    """

    strength: float = STRENGTH
    iterations: int = 30
    atoms: int = 24
    seed: int = 0


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
) -> tuple[Taught, list[int]] | None:
    """The split of `parent` with what the hints teach laid over it, and the owners of its parts; None for silence.

    All hints are learned together, from the stems as they were before the first of them.
    """
    split = state.splits[parent]
    children = [child.id for child in state.children(parent)]
    present = split.estimates
    base: Estimates
    if isinstance(present, Taught):
        base, before = present.base, present.before
        known = list(split.owners[len(base.names) :])
        then = [known[stem] for stem in present.stems_of[1]]
        V = spectrum(StemSound(state, parent), before.grid, 1.0, progress.part(0.0, 0.1))
        learning = progress.part(0.1, 1.0)
    else:
        base, known = present, []
        V = spectrum(StemSound(state, parent), state.grid, 1.0, progress.part(0.0, 0.05))
        W, H, then = _atoms_of_stems(state, children, lesson, progress.part(0.05, 0.5))
        if not then:
            return None
        # First without hints, until little changes any more: after that, it is the hints that make the difference.
        fit = fast_updates(V, W, H, iterations=SETTLING, settled=True, progress=progress.part(0.5, 0.75))
        before = Factorization(fit.templates, fit.activations, state.grid)
        learning = progress.part(0.75, 1.0)
    start, fit = learned(V, before, then, hints, lesson, learning)
    after = Factorization(fit.templates, np.ascontiguousarray(fit.activations), before.grid)
    # A part for each stem that ever learned here, in order; stems that came since are behind them.
    stems = [*known, *(child for child in children if child not in known)]
    words = [state.stems[stem].name for stem in stems]
    number = {stem: place for place, stem in reversed(list(enumerate(stems)))}
    stems_of = (
        [number[owner] for owner in split.owners[: len(base.names)]],
        [number[owner] for owner in then],
        [number[owner] for owner in start.stems],
    )
    hinted = [number[hint.stem] for hint in hints]
    taught = Taught(base, before, after, words, stems_of, number[split.residual], hinted)
    return taught, [*split.owners[: len(base.names)], *stems]


def _atoms_of_stems(
    state: State, children: Sequence[int], lesson: Lesson, progress: Progress
) -> tuple[Float, Float, list[int]]:
    """W and H for each child of a split as it sounds now, and whose each atom is."""
    count = max(1, min(lesson.atoms, MOST_COMPONENTS // max(1, len(children))))
    sheets = _sheets(state, children, progress.part(0.0, 0.4))
    loudness = [float(V.sum(dtype=np.float64)) for V in sheets]
    heard = [place for place, level in enumerate(loudness) if level > SILENT * max(loudness)]
    templates, activations, owners = [], [], []
    for turn, place in enumerate(heard):
        own = progress.part(0.4 + 0.6 * turn / len(heard), 0.4 + 0.6 * (turn + 1) / len(heard))
        W, H = random_start(sheets[place], count, lesson.seed)
        fit = fast_updates(sheets[place], W, H, iterations=lesson.iterations, progress=own)
        templates.append(fit.templates)
        activations.append(fit.activations)
        owners += [children[place]] * count
    if not owners:
        return np.zeros((state.grid.bins, 0), np.float32), np.zeros((0, state.frames), np.float32), []
    return np.concatenate(templates, axis=1), np.concatenate(activations), owners


def _sheets(state: State, children: Sequence[int], progress: Progress) -> list[Float]:
    """V of each child, (bins, frames): looked at together, as their split makes all of them at once anyway."""
    song, grid = state.mixture, state.grid
    sheets = room_for((len(children), state.frames, grid.bins))
    for first in range(0, state.frames, STRIDE):
        progress(first / state.frames, "looking at the stems")
        last = min(state.frames, first + STRIDE)
        low, high = grid.samples_touched(first, last, song.length)
        sounds = render(state, children, low, high)
        for sheet, child in zip(sheets, children, strict=True):
            heard = Excerpt(sounds[child], low, song.sample_rate, song.length)
            sheet[first:last] = power_mean(forward(heard, grid, first=first, last=last)).T
    progress(1.0)
    return [sheet.T for sheet in sheets]


def _fitting(activations: Float, frames: int) -> Float:
    """Activations over all frames of V: cut, or silent where they end early."""
    held = activations[:, :frames]
    return np.pad(held, ((0, 0), (0, frames - held.shape[1])))
