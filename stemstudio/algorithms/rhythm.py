"""When an atom sounds: how often it strikes, how sharply, how evenly; and which atoms strike together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.timbre import periodicity, sparseness

Wide = NDArray[np.float64]

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # Hz, edges of the bands of how often something comes back
FLOOR = 1e-2  # of the strongest band
BLUR = 0.06  # s: strikes this close count as one
TOGETHER = 0.7  # weight of striking together beside the pattern itself


def rhythm_table(factorization: Factorization, sample_rate: int) -> Wide:
    """Describe every atom by when it sounds, whatever it sounds like: (atoms, features).

    Bands of the modulation spectrum of the activation, from once in four seconds to 16 times a second; how much of it
    is sudden rise; how sparse, how periodic; and its onsets' correlation with all other atoms' onsets, as coordinates.
    """
    H = factorization.activations.astype(np.float64)
    rate = sample_rate / factorization.grid.hop
    sums = H.sum(axis=1, keepdims=True)
    level = H / np.where(sums > 0, sums, 1.0)
    rises = np.maximum(np.diff(level, axis=1, prepend=0.0), 0.0)
    return np.column_stack(
        [
            _modulation(level, rate),
            5.0 * rises.sum(axis=1),
            1.5 * sparseness(H),
            1.5 * periodicity(H),
            TOGETHER * _strikes(rises, rate),
        ]
    )


def _modulation(level: Wide, rate: float) -> Wide:
    """Logarithms of the bands of the modulation spectrum, each atom's strongest at 0, their mean taken away."""
    frames = level.shape[1]
    centred = level - level.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(frames), axis=1)) ** 2
    frequencies = np.fft.rfftfreq(frames, 1.0 / rate)
    bands = np.stack(
        [power[:, (frequencies >= low) & (frequencies < high)].sum(axis=1) for low, high in pairwise(RATES)],
        axis=1,
    )
    logs = np.log(bands / (bands.max(axis=1, keepdims=True) + 1e-30) + FLOOR)
    return np.asarray((logs - logs.mean(axis=1, keepdims=True)) / len(RATES))


def _strikes(rises: Wide, rate: float) -> Wide:
    """Coordinates whose products are the correlations of the atoms' onsets: (atoms, atoms)."""
    width = max(1, round(BLUR * rate))
    kernel = np.hanning(2 * width + 1)
    length = rises.shape[1]
    spectrum = np.fft.rfft(rises, n=length + len(kernel), axis=1) * np.fft.rfft(
        kernel, n=length + len(kernel)
    )
    blurred = np.fft.irfft(spectrum, n=length + len(kernel), axis=1)[:, :length]
    blurred -= blurred.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(blurred, axis=1, keepdims=True)
    blurred /= np.where(norms > 1e-12, norms, 1.0)
    values, vectors = np.linalg.eigh(blurred @ blurred.T)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
