"""Levels: how loud stems are that nobody mixes while they play, kept beside what is made of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Levels"]

HOP = 1024
"""Samples for which one level is kept."""
RMS_SECONDS = 0.3
MOST_SECONDS = 0.1
"""Of peaks that are looked back on: meters are read more often than that."""


class Levels:
    """Peaks and powers of some stems all through a song, as far as they are known.

    Parameters
    ----------
    stems
        How many there are.
    length, rate
        Of the song, in samples and Hz.
    """

    def __init__(self, stems: int, length: int, rate: float) -> None:
        hops = length // HOP + 1
        self._peak = np.zeros((hops, stems, 2), dtype=np.float32)
        self._power = np.zeros((hops, stems, 2), dtype=np.float32)
        self._rate = rate
        self._read = 0

    def take(self, sounds: Sequence[NDArray[np.float32]], start: int) -> None:
        """Take in the sound of every stem, (1 or 2, n), from sample `start` on, a multiple of `HOP`."""
        first = start // HOP
        for stem, sound in enumerate(sounds):
            hops = -(-sound.shape[1] // HOP)
            padded = np.zeros((2, hops * HOP), dtype=np.float32)
            padded[:, : sound.shape[1]] = sound
            pieces = padded.reshape(2, hops, HOP)
            self._peak[first : first + hops, stem] = np.abs(pieces).max(axis=2).T
            self._power[first : first + hops, stem] = np.square(pieces).mean(axis=2).T

    def read(self, position: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Peaks since the last call and RMS of what sounds at a sample: linear, each of shape (stems, 2)."""
        here = min(max(0, position) // HOP, len(self._peak) - 1)
        most = max(1, round(MOST_SECONDS * self._rate / HOP))
        first = min(max(self._read + 1, here + 1 - most), here)
        self._read = here
        long = max(1, round(RMS_SECONDS * self._rate / HOP))
        power = self._power[max(0, here + 1 - long) : here + 1].mean(axis=0)
        return self._peak[first : here + 1].max(axis=0).astype(float), np.sqrt(power).astype(float)
