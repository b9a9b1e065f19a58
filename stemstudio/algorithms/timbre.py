"""What an atom is like: energy, pitch, envelope, noise, how sparse and how periodic; and an order by likeness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.atoms import Atoms
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
Wide = NDArray[np.float64]

# Of the filterbank, in Hz: linear below the corner, logarithmic above.
BANDS, CORNER, CEILING = 40, 150.0, 16000.0
COEFFICIENTS = 10  # of the cepstrum, without the zeroth
WIDTH = 2.0  # of a band to either side, in steps to the next: the partials of a high note run together
FLOOR = 1e-3  # of the loudest band: what is fainter tells nothing
LOWEST, HIGHEST = 40.0, 2000.0  # Hz, of pitches that are looked for
PARTIALS = 8


def energy(factorization: Atoms) -> Wide:
    """Share of each atom in the sum of W H, float64 (atoms,); all 0 in silence."""
    sums = factorization.templates.sum(axis=0, dtype=np.float64) * factorization.activations.sum(
        axis=1, dtype=np.float64
    )
    total = float(sums.sum())
    return np.asarray(sums / total if total > 0 else sums, dtype=np.float64)


def pitch_of(template: Float, grid: StftSettings, sample_rate: int) -> float | None:
    """The pitch of a template in Hz, or None where it has none.

    A comb of decaying partials is laid over the spectrum, whitened a little by a square root, for every candidate
    from 40 to 2000 Hz; the best one must hold enough of the spectrum between its partials' neighbours.

    Parameters
    ----------
    template
        (bins,), ≥ 0.
    grid, sample_rate
        Say which bin is which frequency.
    """
    spectrum = np.sqrt(np.asarray(template, dtype=np.float64))
    width = sample_rate / grid.fft
    total = spectrum.sum()
    if total <= 0:
        return None
    lowest = max(LOWEST, 1.5 * width)
    candidates = lowest * 2.0 ** np.arange(0.0, np.log2(max(HIGHEST / lowest, 1.0)), 1 / 60)
    bins = np.arange(len(spectrum), dtype=np.float64)
    weights = 0.84 ** np.arange(PARTIALS)
    places = candidates[:, None] * np.arange(1, PARTIALS + 1) / width
    on = np.interp(places, bins, spectrum, right=0.0)
    between = np.interp(places - candidates[:, None] / (2 * width), bins, spectrum, right=0.0)
    score = ((on - between) * weights).sum(axis=1)
    best = int(score.argmax())
    heard = float((on[best] * weights).sum())
    if heard <= 0 or score[best] < 0.5 * heard or on[best].max() < 0.25 * spectrum.max():
        return None
    return _sharpened(candidates[best], spectrum, width)


def similarity_order(factorization: Atoms) -> list[int]:
    """Atoms in an order that puts like beside like: the leaves of a hierarchical clustering of their templates."""
    atoms = len(factorization.names)
    if atoms < 3:
        return list(range(atoms))
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering

    W = np.sqrt(factorization.templates.astype(np.float64))
    frequencies = np.arange(len(W), dtype=np.float64)
    points = _bands(W, frequencies, 32, 700.0, float(frequencies[-1]))
    lengths = np.linalg.norm(points, axis=0)
    points = (points / np.where(lengths > 0, lengths, 1.0)).T
    tree = linkage(points, method="average")
    return [int(atom) for atom in leaves_list(optimal_leaf_ordering(tree, points))]


def _sharpened(pitch: float, spectrum: Wide, width: float) -> float:
    """The pitch from the strongest partial's own peak, to a fraction of a bin."""
    places = np.round(pitch * np.arange(1, PARTIALS + 1) / width).astype(int)
    places = places[(places >= 1) & (places < len(spectrum) - 2)]
    if not places.size:
        return float(pitch)
    number = int(spectrum[places].argmax())
    near = np.arange(max(1, places[number] - 1), min(len(spectrum) - 1, places[number] + 2))
    peak = int(near[spectrum[near].argmax()])
    left, middle, right = (np.log(spectrum[peak + step] + 1e-12) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < -1e-9 else 0.0
    return float((peak + np.clip(shift, -0.5, 0.5)) * width / (number + 1))


def _bands(W: Wide, frequencies: Wide, bands: int, corner: float, ceiling: float) -> Wide:
    """Sums of templates in overlapping triangles, even on a scale that is linear, then logarithmic: (bands, atoms)."""
    places = np.log1p(frequencies / corner)
    step = float(np.log1p(ceiling / corner)) / (bands + 1)
    middles = step * np.arange(1, bands + 1)
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(places[None] - middles[:, None]) / (WIDTH * step)) @ W)


def cepstrum(W: Wide, frequencies: Wide) -> Wide:
    """Cosine transform of the logarithms of the bands, (atoms, coefficients): the envelope, whatever the level."""
    bands = _bands(W, frequencies, BANDS, CORNER, CEILING)
    levels = np.log(bands / (bands.max(axis=0) + 1e-30) + FLOOR)
    numbers = np.arange(1, COEFFICIENTS + 1)
    basis = np.cos(np.pi / BANDS * (np.arange(BANDS) + 0.5)[None] * numbers[:, None])
    return np.asarray((basis @ levels).T / BANDS)


def flatness(W: Wide) -> Wide:
    """Geometric over arithmetic mean of the smoothed power, between the bins that hold 98 % of it."""
    result = np.zeros(W.shape[1])
    for atom in range(W.shape[1]):
        power = W[:, atom]
        total = power.sum()
        if total <= 0:
            continue
        reached = np.cumsum(power) / total
        low, high = int(np.searchsorted(reached, 0.01)), int(np.searchsorted(reached, 0.99)) + 1
        part = power[low : max(high, low + 8)] + 1e-6 * power.max()
        result[atom] = np.exp(np.log(part).mean()) / part.mean()
    return result


def sparseness(H: Wide) -> Wide:
    """Hoyer's sparseness: 0 always on … 1 a single frame."""
    frames = H.shape[1]
    if frames < 2:
        return np.zeros(len(H))
    ratio = H.sum(axis=1) / (np.linalg.norm(H, axis=1) + 1e-30)
    return np.asarray((np.sqrt(frames) - ratio) / (np.sqrt(frames) - 1.0))


def periodicity(H: Wide) -> Wide:
    """The highest peak of the autocorrelation away from lag 0, 0…1."""
    frames = H.shape[1]
    if frames < 16:
        return np.zeros(len(H))
    centred = H - H.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, n=2 * frames, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, : frames // 2]
    peak = correlation[:, 4:].max(axis=1) / (correlation[:, 0] + 1e-30)
    return np.asarray(np.clip(peak, 0.0, 1.0))
