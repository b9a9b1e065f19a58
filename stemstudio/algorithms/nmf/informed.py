"""Starts that know something: harmonic templates over a pitch range, templates that were taught, free atoms beside them.

What must not be explained by an atom is zero at the start, and zeros stay zeros: a note's template is zero between its
harmonics. `score_start` has those that know a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.score import hertz, note_name
from stemstudio.algorithms.nmf.solver import multiplicative_updates
from stemstudio.algorithms.nmf.starts import leftover_start
from stemstudio.algorithms.nmf.templates import TemplateSet
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
Flags = NDArray[np.bool_]

HARMONICS = 30
DECAY = 0.8  # of one partial's amplitude to the next's
HALF_WIDTH = 0.5  # semitones either side of a harmonic that its template covers
EXPLAINING_ROUNDS = 20
LOBE = 2.0  # bins either side that a partial fills because of the window


@dataclass(frozen=True)
class Start:
    """Where a factorisation starts, and what of it stays as it is.

    Attributes
    ----------
    templates, activations
        W (bins, atoms) and H (atoms, frames), float32, ≥ 0.
    fixed_templates, fixed_activations
        bool (atoms,): given and fixed; otherwise given, or random, and updated.
    names
        Of the atoms; None for numbers.
    pans
        q (channels, atoms), columns summing to 1, where they are known; H is then about the sum of the channels, not
        their mean.
    families
        For each atom the taught sound or the drum that it is a part of, None for one that stands alone; None if all do.
    settled
        Whether these atoms know more than their zeros, which the rough first steps of a fast solver would lose.
    gentle
        Whether they know so much that momentum, too, would lead away from it.
    """

    templates: Float
    activations: Float
    fixed_templates: Flags
    fixed_activations: Flags
    names: tuple[str, ...] | None = None
    pans: Float | None = None
    families: tuple[str | None, ...] | None = None
    settled: bool = False
    gentle: bool = False

    @classmethod
    def free(cls, templates: Float, activations: Float) -> Start:
        """Every atom updated."""
        none = np.zeros(templates.shape[1], dtype=np.bool_)
        return cls(templates, activations, none, none)

    def beside(self, other: Start) -> Start:
        """The atoms of both, the other's after these; the other's are called “Free 1” … if they have no names."""
        atoms, others = self.templates.shape[1], other.templates.shape[1]
        free = tuple(f"Free {number + 1}" for number in range(others))
        own = tuple(f"Atom {number + 1}" for number in range(atoms))
        families = (self.families or (None,) * atoms) + (other.families or (None,) * others)
        return Start(
            np.concatenate([self.templates, other.templates], axis=1),
            np.concatenate([self.activations, other.activations]),
            np.concatenate([self.fixed_templates, other.fixed_templates]),
            np.concatenate([self.fixed_activations, other.fixed_activations]),
            (self.names or own) + (other.names or free),
            families=families if any(families) else None,
            settled=self.settled or other.settled,
            gentle=self.gentle or other.gentle,
        )


def harmonic_template(
    pitch: float, grid: StftSettings, sample_rate: int, exponent: float = 1.0, decay: float = DECAY
) -> Float:
    """A comb with decaying partials: float32 (bins,), summing to 1, zero between the harmonics.

    Partial n has the amplitude decay^(n−1) and a Gaussian shape of the window's width, cut half a semitone away; so
    does a string or a voice that is a little out of tune. A pitch above half the sample rate has no template: zeros.
    """
    frequencies = np.arange(grid.bins) * (sample_rate / grid.fft)
    spacing = sample_rate / grid.fft
    template = np.zeros(grid.bins)
    fundamental = hertz(pitch)
    for number in range(1, HARMONICS + 1):
        centre = number * fundamental
        if centre >= sample_rate / 2:
            break
        reach = max(LOBE * spacing, centre * (2 ** (HALF_WIDTH / 12) - 1))
        distance = np.abs(frequencies - centre)
        partial = decay ** (number - 1) * np.exp(-0.5 * (distance / (0.5 * reach)) ** 2)
        np.maximum(template, np.where(distance <= reach, partial, 0.0), out=template)
    total = float((template**exponent).sum())
    result: Float = (template**exponent / total if total > 0 else template).astype(np.float32)
    return result


def harmonic_start(
    V: Float, grid: StftSettings, sample_rate: int, low: int, high: int, exponent: float = 1.0
) -> Start:
    """An atom a semitone from MIDI pitch `low` to `high`, heard all the time at first."""
    pitches = range(low, high + 1)
    W = np.stack([harmonic_template(pitch, grid, sample_rate, exponent) for pitch in pitches], axis=1)
    H = np.repeat(loudness(V)[None] / np.float32(len(pitches)), len(pitches), axis=0)
    none = np.zeros(len(pitches), dtype=np.bool_)
    return Start(W, H, none, none, tuple(note_name(pitch) for pitch in pitches))


def taught_start(
    V: Float, sets: Sequence[TemplateSet], grid: StftSettings, sample_rate: int, exponent: float = 1.0
) -> Start:
    """The atoms of template sets, heard all the time at first."""
    W = np.concatenate([each.on(grid, sample_rate, exponent) for each in sets], axis=1)
    atoms = W.shape[1]
    H = np.repeat(loudness(V)[None] / np.float32(atoms), atoms, axis=0)
    none = np.zeros(atoms, dtype=np.bool_)
    names = tuple(name for each in sets for name in each.atom_names)
    families = tuple(each.name for each in sets for _ in range(each.atoms))
    return Start(W, H, none, none, names, families=families)


def with_free_atoms(
    V: Float, start: Start, free: int, seed: int, beta: float, progress: Progress | None = None
) -> Start:
    """The start and so many free atoms, which begin with what the others, fitted to the sound alone, leave over."""
    fit = multiplicative_updates(
        V,
        start.templates,
        start.activations,
        beta=beta,
        iterations=EXPLAINING_ROUNDS,
        progress=progress,
        fixed_templates=np.ones_like(start.fixed_templates),
        fixed_activations=start.fixed_activations,
    )
    W, H = leftover_start(V, fit.templates, fit.activations, free, seed)
    return replace(start.beside(Start.free(W, H)), settled=True)


def loudness(V: Float) -> Float:
    """The sum over all bins in each frame, float32 (frames,)."""
    return np.asarray(V.sum(axis=0), dtype=np.float32)
