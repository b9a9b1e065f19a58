"""The stereo fold-down: what is left of an upmix on two loudspeakers, and how it is kept equal to the stereo mix.

A fold-down is L' = L + √½ C + √½ Ls + …, R' likewise, without the low-frequency channel (ITU-R BS.775-3, annex 4):
a matrix D of shape (2, channels).  A stem s (its stereo sound behind the strip) becomes y in the room, by whatever
gains and filters.  It is *fold-safe* if D y = s.  To any y there is the nearest that is,

    y + W Dᵀ (D W Dᵀ)⁻¹ (s − D y),

where a loudspeaker with a large weight in the diagonal W takes more of the correction.  As this holds sample by
sample, panning that moves and decorrelated reverb may be in y: what folds to nothing is free, the rest is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.layouts import Layout
from stemstudio.mixing.panning import side_gains

__all__ = ["OCTAVES", "FoldRow", "FoldTable", "add_led", "as_record", "correction", "folded", "near"]

Float = NDArray[np.float64]
OCTAVES = (31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
FRAME = 4096  # samples of a spectrum
LEAST = 1e-4  # weight of a loudspeaker that is far away
NEARBY = 0.5  # distance at which a stem would be spread over what is near
QUIET = 1e-7  # of the loudest octave, below which a difference says nothing


def folded(layout: Layout, channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stereo fold-down, (2, n), of channels (channels, n)."""
    fold = np.zeros((2, channels.shape[1]), dtype=np.float32)
    add_led(fold, layout.fold, channels)
    return fold


def add_led(into: NDArray[np.float32], matrix: Float, sound: NDArray[np.float32]) -> None:
    """Add a matrix (rows, columns) of sound (columns, n) to `into` (rows, n).

    Channel by channel: few of the gains are not zero, a matrix product would start threads for so little work, and
    its last bit would depend on the length.
    """
    scaled = np.empty(sound.shape[1], dtype=np.float32)
    for row, gains in zip(into, matrix.tolist(), strict=True):
        for gain, column in zip(gains, sound, strict=True):
            if gain == 1.0:
                row += column
            elif gain != 0.0:
                row += np.multiply(column, np.float32(gain), out=scaled)


def near(layout: Layout, azimuth: NDArray[np.floating]) -> Float:
    """Weights (times, channels) for a correction: those of loudspeakers near a direction, left or right, are the largest."""
    gains = side_gains(layout, azimuth, np.array([NEARBY]), width=0.0)[..., 0]
    weights = np.square(gains) + LEAST
    return np.maximum(weights, weights[:, _mirror(layout)])


def correction(layout: Layout, weights: Float) -> Float:
    """The matrices (times, channels, 2) that spread what the fold-down lacks; D times each is the identity.

    In mono, where that cannot be, it is the best there is.
    """
    weighted = weights[..., None] * layout.fold.T
    return np.asarray(weighted @ np.linalg.pinv(layout.fold @ weighted))


def _mirror(layout: Layout) -> NDArray[np.intp]:
    """For each loudspeaker the one at the same place on the other side."""
    places = [speaker.azimuth for speaker in layout.speakers]
    return np.array([n if place is None else places.index(-place) for n, place in enumerate(places)])


@dataclass(frozen=True)
class FoldRow:
    """How the fold-down of one stem, or of all together, compares with the stereo mix.

    Attributes
    ----------
    name
        Of the stem.
    stereo_db, fold_db
        Level (RMS) in the stereo mix and in the fold-down, in dB of full scale; −inf for silence.
    octaves_db
        By how much each octave of `OCTAVES` is louder in the fold-down; None where there is next to nothing.
    null_db
        Level of the difference, in dB of the stem's own; −inf if there is none.
    """

    name: str
    stereo_db: float
    fold_db: float
    octaves_db: tuple[float | None, ...]
    null_db: float

    @property
    def level_db(self) -> float:
        """By how much the fold-down is louder."""
        if self.stereo_db == self.fold_db:
            return 0.0
        return self.fold_db - self.stereo_db

    @property
    def spectrum_db(self) -> float:
        """The largest difference of an octave, with its sign."""
        return max((each for each in self.octaves_db if each is not None), key=abs, default=0.0)


class FoldTable:
    """Adds up levels, spectra and differences, block by block; memory does not grow with the song."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sums: dict[str, Float] = {}
        edges = np.array([OCTAVES[0] / math.sqrt(2), *(centre * math.sqrt(2) for centre in OCTAVES)])
        pitches = np.arange(FRAME // 2 + 1) * rate / FRAME
        places = np.searchsorted(pitches, edges)
        self._bands = [slice(low, high) for low, high in pairwise(places.tolist())]
        self._window = np.hanning(FRAME).astype(np.float32)

    def add(self, name: str, stereo: NDArray[np.floating], fold: NDArray[np.floating]) -> None:
        """Take in the next block of a stem, (2, n) each."""
        sums = self._sums.setdefault(name, np.zeros(3 + 2 * len(OCTAVES)))
        for place, sound in enumerate((stereo, fold, fold - stereo)):
            sums[place] += sum(float(np.vdot(row, row)) for row in sound)
        sums[3:] += np.concatenate([self._octaves(stereo), self._octaves(fold)])

    def rows(self, samples: int) -> tuple[FoldRow, ...]:
        """What it comes to, over so many samples."""
        return tuple(_row(name, sums, max(1, 2 * samples)) for name, sums in self._sums.items())

    def _octaves(self, sound: NDArray[np.floating]) -> Float:
        """Energy of every octave; what does not fill a frame is filled up with silence."""
        import scipy.fft

        frames = -(-sound.shape[1] // FRAME)
        padded = np.zeros((2, frames * FRAME), dtype=np.float32)
        padded[:, : sound.shape[1]] = sound
        windowed = padded.reshape(2 * frames, FRAME)
        windowed *= self._window
        parts = scipy.fft.rfft(windowed, overwrite_x=True).view(
            np.float32
        )  # real and imaginary, side by side
        np.square(parts, out=parts)
        power = parts.sum(axis=0).reshape(-1, 2).sum(axis=1, dtype=np.float64)
        return np.array([power[band].sum() for band in self._bands])


def as_record(rows: tuple[FoldRow, ...]) -> list[Mapping[str, object]]:
    """Rows as plain data for scripts; None stands for −∞ dB."""

    def finite(level: float) -> float | None:
        return round(level, 2) if math.isfinite(level) else None

    return [
        {
            "stem": row.name,
            "stereo_db": finite(row.stereo_db),
            "fold_db": finite(row.fold_db),
            "level_db": finite(row.level_db),
            "spectrum_db": round(row.spectrum_db, 2),
            "octaves_db": [None if each is None else round(each, 2) for each in row.octaves_db],
            "null_db": finite(row.null_db),
        }
        for row in rows
    ]


def _row(name: str, sums: Float, count: int) -> FoldRow:
    stereo, fold, difference = (float(each) for each in sums[:3])
    before, after = sums[3 : 3 + len(OCTAVES)], sums[3 + len(OCTAVES) :]
    floor = QUIET * max(before.max(), after.max())
    octaves = tuple(
        10 * math.log10(b / a) if min(a, b) > floor else None
        for a, b in zip(before.tolist(), after.tolist(), strict=True)
    )
    return FoldRow(
        name,
        _decibels(stereo / count),
        _decibels(fold / count),
        octaves,
        _decibels(difference / stereo) if stereo > 0.0 else (-math.inf if difference == 0.0 else math.inf),
    )


def _decibels(power: float) -> float:
    return 10.0 * math.log10(power) if power > 0.0 else -math.inf
