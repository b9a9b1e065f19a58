"""Levels: all that meters say of a whole sound, measured while it comes in blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.audio.loudness import LoudnessMeter, TruePeakMeter


@dataclass(frozen=True)
class Levels:
    """How loud a sound is; −inf for silence.

    Attributes
    ----------
    peak_db
        Highest sample, in dB of full scale.
    true_peak_db
        Highest value between the samples too, after ITU-R BS.1770-4 annex 2.
    rms_db
        Root of the mean square over all channels, in dB of full scale: −3.01 for a sine that reaches it.
    lufs
        Integrated loudness after ITU-R BS.1770-4.
    momentary, short
        Loudness of the loudest 0.4 s and of the loudest 3 s.
    correlation
        Of left and right, −1 to 1; 0 in silence, 1 for a single channel.
    """

    peak_db: float
    true_peak_db: float
    rms_db: float
    lufs: float
    momentary: float
    short: float
    correlation: float

    def __str__(self) -> str:
        words = {name: _words(value, 1) for name, value in vars(self).items()}
        return (
            f"{words['lufs']} LUFS (at most {words['momentary']} momentary, {words['short']} short-term), "
            f"peak {words['peak_db']} dBFS, true peak {words['true_peak_db']} dBTP, RMS {words['rms_db']} dBFS, "
            f"correlation {_words(self.correlation, 2)}"
        )


class SoundMeter:
    """Measures a sound that comes in blocks.

    Parameters
    ----------
    sample_rate
        In Hz.
    channels
        Of the blocks; the first two are left and right.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._loudness = LoudnessMeter(sample_rate, channels)
        self._between = TruePeakMeter(sample_rate, channels)
        self._peak = self._square = 0.0
        self._count = 0
        self._products = np.zeros((2, 2))

    def take(self, block: Samples) -> None:
        """The next samples, (channels, n)."""
        self._loudness.take(block)
        self._between.take(block)
        self._peak = max(self._peak, float(np.max(np.abs(block), initial=0.0)))
        sides = block[:2].astype(np.float64)
        self._products += sides @ sides.T  # one channel counts as both sides
        self._square += float(np.sum(np.square(block, dtype=np.float64)))
        self._count += block.size

    def finish(self) -> Levels:
        """The sound is whole."""
        power = math.sqrt(self._products[0, 0] * self._products[1, 1])
        return Levels(
            peak_db=_decibels(self._peak),
            true_peak_db=max(_decibels(self._peak), self._between.finish()),
            rms_db=_decibels(math.sqrt(self._square / self._count)) if self._count else -math.inf,
            lufs=self._loudness.integrated,
            momentary=self._loudness.loudest(0.4),
            short=self._loudness.loudest(3.0),
            correlation=float(np.clip(self._products[0, 1] / power, -1.0, 1.0)) if power > 0 else 0.0,
        )


def _words(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return "−∞"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # nothing is less than 0 by nothing


def _decibels(gain: float) -> float:
    return 20 * math.log10(gain) if gain > 0 else -math.inf
