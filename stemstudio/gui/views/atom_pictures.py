"""Pictures of atoms: maxima of activations at every zoom, and templates as small spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.atoms import Atoms
from stemstudio.progress import Progress

Float = NDArray[np.float32]

LOWEST = 40.0  # Hz at the left of a thumbnail
COLUMNS = 48  # of a thumbnail
BEND = np.float32(0.6)  # exponent that brings quiet parts forward
COARSEST = 64  # columns that a level has at least


@dataclass(frozen=True, eq=False)
class AtomPictures:
    """What the rows of atoms are drawn from; made on a thread.

    Attributes
    ----------
    estimates
        The atoms that they show; those of a run that has not ended are in no split yet.
    levels
        Activations, each divided by its own peak: float16 (atoms, frames), then maxima of 2, 4, 8 … frames.
    thumbnails
        float32 (atoms, COLUMNS) in [0, 1]: templates over the logarithm of frequency.
    energy
        Share of each atom in the whole, float64 (atoms,).
    pitches
        In Hz; None where a template has none.
    seconds_a_frame
        Distance of frames.
    """

    estimates: Atoms
    levels: tuple[NDArray[np.float16], ...]
    thumbnails: Float
    energy: NDArray[np.float64]
    pitches: tuple[float | None, ...]
    seconds_a_frame: float

    @property
    def atoms(self) -> int:
        return len(self.thumbnails)

    def curves(self, atoms: Sequence[int], start: float, stop: float, width: int) -> Float:
        """Heights of some atoms' curves over the seconds start…stop: float32 (atoms, width) in [0, 1]."""
        rows = np.asarray(atoms, dtype=np.intp)
        edges = np.linspace(start, stop, width + 1) / self.seconds_a_frame
        step = (edges[-1] - edges[0]) / max(1, width)
        if step < 1.5:
            return self._interpolated(rows, (edges[:-1] + edges[1:]) / 2)
        level = min(int(np.log2(step)), len(self.levels) - 1)
        held = self.levels[level]
        cells = np.floor(edges / 2**level).astype(np.intp)
        last = held.shape[1] - 1
        left, right = np.clip(cells[:-1], 0, last), np.clip(cells[1:], 0, last)
        first = int(left[0])
        piece = held[rows, first : int(right[-1]) + 1].astype(np.float32)
        heights = np.maximum.reduceat(piece, left - first, axis=1)
        heights[:, cells[:-1] > last] = 0.0
        return np.asarray(heights**BEND, dtype=np.float32)

    def _interpolated(self, rows: NDArray[np.intp], places: NDArray[np.float64]) -> Float:
        held = self.levels[0]
        last = held.shape[1] - 1
        low = np.clip(np.floor(places).astype(np.intp), 0, last)
        high = np.minimum(low + 1, last)
        share = np.clip(places - low, 0.0, 1.0).astype(np.float32)
        first, end = int(low[0]), int(high[-1]) + 1
        piece = held[rows, first:end].astype(np.float32)
        heights = piece[:, low - first] * (1 - share) + piece[:, high - first] * share
        heights[:, places > last + 1] = 0.0
        return np.asarray(heights**BEND, dtype=np.float32)


def pictured(atoms: Atoms, sample_rate: int, progress: Progress | None = None) -> AtomPictures:
    """Make the pictures of a factorisation's atoms."""
    from stemstudio.algorithms.timbre import energy, pitch_of

    progress = progress or Progress()
    H = atoms.activations
    peaks = H.max(axis=1, keepdims=True) if H.size else np.ones((len(H), 1), dtype=np.float32)
    levels = [(H / np.maximum(peaks, 1e-20)).astype(np.float16)]
    while levels[-1].shape[1] > 2 * COARSEST:
        progress.check()
        held = levels[-1]
        even = held[:, : held.shape[1] // 2 * 2]
        halved = np.maximum(even[:, ::2], even[:, 1::2])
        if held.shape[1] % 2:
            halved = np.concatenate([halved, held[:, -1:]], axis=1)
        levels.append(halved)
    pitches = []
    assert atoms.grid is not None
    for template in atoms.templates.T:
        progress.check()
        pitches.append(pitch_of(template, atoms.grid, sample_rate))
    for level in levels:
        level.flags.writeable = False
    return AtomPictures(
        atoms,
        tuple(levels),
        spectra(atoms.templates, atoms.grid.fft, sample_rate, COLUMNS),
        energy(atoms),
        tuple(pitches),
        atoms.grid.hop / sample_rate,
    )


def spectra(templates: Float, fft: int, sample_rate: int, columns: int, lowest: float = LOWEST) -> Float:
    """Templates (bins, atoms) over the logarithm of frequency, each to its own peak: float32 (atoms, columns)."""
    bins = len(templates)
    edges = np.geomspace(lowest, sample_rate / 2, columns + 1) * fft / sample_rate
    result = np.empty((templates.shape[1], columns), dtype=np.float32)
    places = np.arange(bins)
    for column in range(columns):
        low, high = int(np.ceil(edges[column])), int(np.ceil(edges[column + 1]))
        if high > low:
            result[:, column] = templates[low : min(high, bins)].max(axis=0, initial=0.0)
        else:
            at = (edges[column] + edges[column + 1]) / 2
            left = min(int(at), bins - 2)
            share = np.float32(at - places[left])
            result[:, column] = templates[left] * (1 - share) + templates[left + 1] * share
    result /= np.maximum(result.max(axis=1, keepdims=True), 1e-20)
    return result ** np.float32(0.5)
