"""Plain and scale-invariant SDR, gathered piece by piece."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Sums:
    """What SI-SDR and plain SDR follow from: sums over all channels, gathered piece by piece."""

    def __init__(self) -> None:
        self._power = self._product = self._guessed = self._error = 0.0

    def add(self, reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> None:
        """Count another piece, (channels, samples) each; a mono one is the same in every channel of the other."""
        pair = np.broadcast_arrays(reference.astype(np.float64), estimate.astype(np.float64))
        s, guess = map(np.ascontiguousarray, pair)
        self._power += _product(s, s)
        self._product += _product(s, guess)
        self._guessed += _product(guess, guess)
        error = guess - s
        self._error += _product(error, error)

    @property
    def si_sdr(self) -> float:
        """Scale-invariant SDR in dB; NaN where either is silent."""
        if self._power == 0 or self._guessed == 0:
            return math.nan
        # α s is the estimate's share along s: |α s|² = product² / power
        along = self._product**2 / self._power
        return _ratio(along, max(self._guessed - along, 0.0))

    @property
    def sdr_plain(self) -> float:
        """10 log₁₀ |s|² / |s − ŝ|²; NaN where the reference is silent."""
        return _ratio(self._power, self._error) if self._power else math.nan


def within(signal: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Samples [start, stop) of (channels, samples), with silence after its end."""
    found = signal[:, start:stop]
    return np.pad(found, ((0, 0), (0, stop - start - found.shape[1])))


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The inner product of two pieces; BLAS would share it among threads, which costs more than it gains."""
    return float(np.einsum("cn,cn->", a, b))


def _ratio(signal: float, noise: float) -> float:
    """10 log₁₀ signal / noise, with its limits."""
    if signal == 0:
        return -math.inf
    return 10 * math.log10(signal / noise) if noise else math.inf
