"""What an atom is like: pitch, energy, brightness, noise, attack; and which atoms are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
Wide = NDArray[np.float64]

BANDS = 32  # of the mel-like filterbank
COEFFICIENTS = 8  # of the cepstrum, without the zeroth
LOWEST, HIGHEST = 40.0, 2000.0  # Hz, of pitches that are looked for
PARTIALS = 8


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Of every atom.

    Attributes
    ----------
    table
        (atoms, features): cepstrum of the template, brightness, flatness, attack, sparseness, periodicity.
    energy
        Share of each atom in the sum of W H.
    centroid
        Of the power, in Hz.
    flatness
        0 a pure tone … 1 noise.
    attack
        0 swells … 1 strikes.
    """

    table: Wide
    energy: Wide
    centroid: Wide
    flatness: Wide
    attack: Wide

    def words(self, owners: NDArray[np.intp], n: int) -> tuple[str, ...]:
        """A guess at a name for each of n stems, all different: Drums where it strikes and is noisy, else its height."""
        weights = self.energy + 1e-12
        names: list[str] = []
        strikes = [
            _mean(self.attack * np.sqrt(self.flatness), weights, owners == stem)
            if (owners == stem).any()
            else -1.0
            for stem in range(n)
        ]
        drums = int(np.argmax(strikes)) if n > 1 and max(strikes, default=0.0) > 0.25 else -1
        for stem in range(n):
            mine = owners == stem
            if not mine.any():
                word = "Empty"
            elif stem == drums:
                word = "Drums"
            else:
                height = 2.0 ** _mean(np.log2(self.centroid + 1.0), weights, mine)
                word = next(word for limit, word in _HEIGHTS if height < limit)
            names.append(word)
        return tuple(_numbered(names))


_HEIGHTS = ((200.0, "Bass"), (500.0, "Low"), (1500.0, "Middle"), (4000.0, "High"), (np.inf, "Top"))


def descriptors(factorization: Factorization, sample_rate: int) -> Descriptors:
    """Describe every atom of a factorisation by its template's spectrum and its activation's shape.

    Parameters
    ----------
    sample_rate
        In Hz.
    """
    W = factorization.templates.astype(np.float64)
    H = factorization.activations.astype(np.float64)
    frequencies = np.arange(len(W)) * sample_rate / factorization.grid.fft
    share = energy(factorization)
    brightness = (frequencies @ W) / (W.sum(axis=0) + 1e-30)
    power = W**2  # names and order go by where the energy is, not by a faint hiss up to 20 kHz
    centroid = (frequencies @ power) / (power.sum(axis=0) + 1e-30)
    flatness = _flatness(W)
    cepstrum = _cepstrum(W, frequencies)
    attack, periodicity = _attack(H), _periodicity(H)
    sparseness = _sparseness(H)
    table = np.column_stack(
        [
            cepstrum / np.sqrt(COEFFICIENTS) * 1.5,
            2.0 * _standard(np.log2(brightness + 20.0)),
            1.5 * _standard(flatness),
            1.5 * _standard(attack),
            _standard(sparseness),
            0.5 * _standard(periodicity),
        ]
    )
    return Descriptors(table, share, centroid, flatness, attack)


def standardised(table: Wide) -> Wide:
    """Without columns that tell nothing, being the same for all; one is kept where none tells anything."""
    telling = np.ptp(table, axis=0) > 1e-9
    return table[:, telling] if telling.any() else table[:, :1]


def energy(factorization: Factorization) -> Wide:
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


def similarity_order(factorization: Factorization) -> list[int]:
    """Atoms in an order that puts like beside like: the leaves of a hierarchical clustering of their templates."""
    atoms = len(factorization.names)
    if atoms < 3:
        return list(range(atoms))
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering

    W = np.sqrt(factorization.templates.astype(np.float64))
    frequencies = np.arange(len(W), dtype=np.float64)
    points = _bands(W, frequencies)
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


def _bands(W: Wide, frequencies: Wide) -> Wide:
    """Energy of templates in overlapping triangular bands, even on the mel scale: (bands, atoms)."""
    mel = 1127.0 * np.log1p(frequencies / 700.0)
    edges = np.linspace(mel[0], mel[-1], BANDS + 2)
    rise = (mel[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - mel[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)) @ W)


def _cepstrum(W: Wide, frequencies: Wide) -> Wide:
    """MFCC-like: cosine transform of the log bands, (atoms, coefficients), each column to unit spread."""
    bands = _bands(W, frequencies)
    levels = np.log(bands / (bands.max(axis=0) + 1e-30) + 1e-4)
    numbers = np.arange(1, COEFFICIENTS + 1)
    basis = np.cos(np.pi / BANDS * (np.arange(BANDS) + 0.5)[None] * numbers[:, None])
    return np.apply_along_axis(_standard, 0, (basis @ levels).T)


def _flatness(W: Wide) -> Wide:
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


def _attack(H: Wide) -> Wide:
    """How much of an activation's movement is sudden rise: the rises' sharpness, 0…1."""
    steps = np.diff(np.pad(H, ((0, 0), (1, 1))), axis=1)
    rise, fall = np.maximum(steps, 0.0), np.maximum(-steps, 0.0)
    # Sharp: the rise happens in few frames, the decay takes longer.
    together = np.sqrt((rise**2).sum(axis=1)), np.sqrt((fall**2).sum(axis=1))
    return np.asarray(together[0] / (together[0] + together[1] + 1e-30))


def _sparseness(H: Wide) -> Wide:
    """Hoyer's sparseness: 0 always on … 1 a single frame."""
    frames = H.shape[1]
    if frames < 2:
        return np.zeros(len(H))
    ratio = H.sum(axis=1) / (np.linalg.norm(H, axis=1) + 1e-30)
    return np.asarray((np.sqrt(frames) - ratio) / (np.sqrt(frames) - 1.0))


def _periodicity(H: Wide) -> Wide:
    """The highest peak of the autocorrelation away from lag 0, 0…1."""
    frames = H.shape[1]
    if frames < 16:
        return np.zeros(len(H))
    centred = H - H.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, n=2 * frames, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, : frames // 2]
    peak = correlation[:, 4:].max(axis=1) / (correlation[:, 0] + 1e-30)
    return np.asarray(np.clip(peak, 0.0, 1.0))


def _standard(column: Wide) -> Wide:
    """To mean 0 and spread 1; 0 where all are the same."""
    spread = column.std()
    return np.asarray((column - column.mean()) / spread if spread > 1e-12 else np.zeros_like(column))


def _mean(values: Wide, weights: Wide, where: NDArray[np.bool_]) -> float:
    return float((values[where] * weights[where]).sum() / weights[where].sum())


def _numbered(names: list[str]) -> list[str]:
    """Names that come twice get a number."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(f"{name} {seen[name]}" if seen[name] > 1 else name)
    return result
