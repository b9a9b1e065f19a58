"""Blending: the stems of several models into one, as a weighted mean or by the order of their magnitudes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Excerpt
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Float = NDArray[np.float32]
How = Literal["mean", "median", "smallest", "largest"]
GRID = StftSettings(fft=4096, hop=1024)
REST = "other"


@dataclass(frozen=True)
class Member:
    """What a model answered.

    Attributes
    ----------
    found
        Its stems.
    weight
        How much it counts in a mean.
    """

    found: Waveforms
    weight: float = 1.0

    def read(self, stem: str, common: Sequence[str], start: int, stop: int) -> Float:
        """A stem over samples [start, stop): (channels, stop − start).

        Stems that not all models know are part of the rest, as they are for those that know them not.
        """
        names = self.found.names
        own = [name for name in names if name not in common] if stem == REST else []
        total = np.array(self.found.waves[names.index(stem)][..., start:stop], dtype=np.float32)
        for name in own:
            total += self.found.waves[names.index(name)][..., start:stop]
        return total


def common_stems(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The stems that all models know, in the order of the first."""
    return tuple(name for name in names[0] if all(name in others for others in names))


def mean(members: Sequence[Member], stem: str, common: Sequence[str], start: int, stop: int) -> Float:
    """Σ w x / Σ w over samples [start, stop): (channels, stop − start)."""
    whole = sum(member.weight for member in members)
    total = members[0].read(stem, common, start, stop) * np.float32(members[0].weight / whole)
    for member in members[1:]:
        total += member.read(stem, common, start, stop) * np.float32(member.weight / whole)
    return total


def ordered(
    members: Sequence[Member], stem: str, common: Sequence[str], how: How, start: int, stop: int, rate: int
) -> Float:
    """In every bin the value whose magnitude is the median, the smallest or the largest: (channels, stop − start).

    The median of an even number is the mean of the two in the middle.
    """
    length = members[0].found.waves.shape[-1]
    first, last = GRID.frames_touching(start, stop, length)
    low, high = GRID.samples_touched(first, last, length)
    sheets = []
    for member in members:
        sound = Excerpt(member.read(stem, common, low, high), low, rate, length)
        sheets.append(forward(sound, GRID, first=first, last=last).values)
    values = np.stack(sheets)
    order = np.argsort(np.abs(values), axis=0, kind="stable")
    count = len(members)
    places = {"smallest": [0], "largest": [count - 1], "median": [(count - 1) // 2, count // 2]}[how]
    chosen = sum(np.take_along_axis(values, order[place : place + 1], axis=0)[0] for place in places)
    sheet = np.asarray(chosen / np.float32(len(places)), dtype=np.complex64)
    return inverse(Spectrogram(sheet, GRID, rate, first, length), start, stop)
