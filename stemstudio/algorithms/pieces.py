"""Pieces: stretches of a sound that were separated by themselves, with their place, their fades and their band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates, Groups
from stemstudio.algorithms.masking import Masking
from stemstudio.audio.audio import Excerpt, Sound, Stretch
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Float = NDArray[np.float32]
FILTER = StftSettings(fft=4096, hop=1024)  # what cuts a band out; a tenth of a second at 44.1 kHz


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch that was separated by itself.

    Attributes
    ----------
    recipe
        What took it apart.
    estimates
        Its parts; their sample 0 is the parent's sample `offset`.
    offset, length
        The stretch that the recipe heard, in samples of the parent: what is wanted, and some more on both sides.
    start, stop
        The samples in which its parts are heard.
    ramp
        Samples at either end over which it fades in and out, within [start, stop); none where the song itself
        begins or ends.
    band
        Lowest and highest frequency in Hz of the light that moves; None for all of it.
    """

    recipe: Algorithm
    estimates: Estimates
    offset: int
    length: int
    start: int
    stop: int
    ramp: int
    band: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        inside = 0 <= self.offset <= self.start < self.stop <= self.offset + self.length
        if not inside or not 0 <= 2 * self.ramp <= self.stop - self.start:
            raise ValueError(
                f"samples {self.start}…{self.stop} with ramps of {self.ramp} do not lie within the stretch "
                f"{self.offset}…{self.offset + self.length}"
            )
        if self.band is not None and not 0 <= self.band[0] < self.band[1]:
            raise ValueError(f"{self.band[0]} to {self.band[1]} Hz is no band")

    def gain(self, start: int, stop: int, length: int) -> Float:
        """How much of it is heard in samples [start, stop) of a parent of `length` samples: 0 … 1."""
        place = np.arange(start, stop, dtype=np.float64) + 0.5
        ramp = max(1, self.ramp)
        rise = np.clip((place - self.start) / ramp, 0, 1) if self.start > 0 else place >= self.start
        fall = np.clip((self.stop - place) / ramp, 0, 1) if self.stop < length else place < self.stop
        return (rise * fall).astype(np.float32)

    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        """Its parts at their place in the parent, before any fade; see `Estimates.render`."""
        heard = Stretch(parent, self.offset, self.length)
        low, high = max(start, self.offset), min(stop, self.offset + self.length)
        result = np.zeros((len(groups), parent.channels, stop - start), dtype=np.float32)
        if high > low:
            result[..., low - start : high - start] = self.estimates.render(
                heard, groups, low - self.offset, high - self.offset, masking
            )
        return result

    def fills(self, start: int, stop: int, length: int) -> bool:
        """Whether nothing else is heard in samples [start, stop) of a parent of `length` samples."""
        low = self.start + (self.ramp if self.start > 0 else 0)
        high = self.stop - (self.ramp if self.stop < length else 0)
        return self.band is None and low <= start and stop <= high

    def covers(self, other: Piece) -> bool:
        """Whether the other is not needed any more where this is laid over it."""
        return self.start <= other.start and other.stop <= self.stop and self.band in (None, other.band)


def within_band(
    moved: Float, band: tuple[float, float], low: int, parent: Sound, start: int, stop: int
) -> Float:
    """The light of a band of some sounds that begin at sample `low`: (groups, channels, stop − start)."""
    rate = parent.sample_rate
    first, last = FILTER.frames_touching(start, stop, parent.length)
    flat = moved.reshape(-1, moved.shape[-1])
    sheet = forward(Excerpt(flat, low, rate, parent.length), FILTER, first=first, last=last)
    hertz = np.arange(FILTER.bins) * rate / FILTER.fft
    inside = ((hertz >= band[0]) & (hertz <= band[1])).astype(np.float32)
    kept = Spectrogram(sheet.values * inside[:, None], FILTER, rate, first, parent.length)
    return inverse(kept, start, stop).reshape(*moved.shape[:-1], stop - start)
