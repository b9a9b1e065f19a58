"""How loud a sound is to the ear, and how high its true peaks go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples, Sound
from stemstudio.progress import Progress, unhurried

SECONDS_A_BLOCK = 10
SURROUND_WEIGHT = 1.41
WEIGHTS = {
    5: (1.0, 1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
    6: (1.0, 1.0, 1.0, 0.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
}


def load_meter(progress: Progress) -> None:
    """Have the libraries that a meter takes, which the first time is some seconds; stops at once."""
    unhurried(_libraries, progress, "Getting ready to measure loudness")


def _libraries() -> None:
    import pyloudnorm  # noqa: F401
    import scipy.signal  # noqa: F401


class LoudnessMeter:
    """Integrated loudness of a sound that comes in blocks, after ITU-R BS.1770-4.

    The K-weighting filters are pyloudnorm's. Channels count 1, the surrounds of 5 and 5.1 channels 1.41, the
    low-frequency channel nothing. It keeps one number a channel for every 100 ms.

    Parameters
    ----------
    sample_rate
        In Hz.
    channels
        Of the blocks.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        import pyloudnorm

        self._rate, self._channels = sample_rate, channels
        self._filters = [(each.b, each.a) for each in pyloudnorm.Meter(sample_rate)._filters.values()]
        self._states = [np.zeros((channels, max(len(a), len(b)) - 1)) for b, a in self._filters]
        self._position = 0
        self._energy = np.zeros((channels, 0))

    def take(self, block: Samples) -> None:
        """The next samples, (channels, n)."""
        from scipy.signal import lfilter

        count = block.shape[1]
        if not count:
            return
        weighted = block.astype(np.float64)
        for index, (b, a) in enumerate(self._filters):
            weighted, self._states[index] = lfilter(b, a, weighted, axis=1, zi=self._states[index])
        steps = self._edges(self._position + count)
        missing = len(steps) - self._energy.shape[1]
        self._energy = np.concatenate([self._energy, np.zeros((self._channels, missing))], axis=1)
        first = int(np.searchsorted(steps, self._position, side="right")) - 1
        starts = np.maximum(steps[first:] - self._position, 0)
        self._energy[:, first:] += np.add.reduceat(weighted**2, starts, axis=1)
        self._position += count

    @property
    def integrated(self) -> float:
        """So far, in LUFS; −inf for silence and for less than 0.4 s."""
        power = self._power(4)
        power = power[power > 10 ** ((-70 + 0.691) / 10)]
        if not len(power):
            return -float("inf")
        gated = power[power > np.mean(power) * 0.1]
        return float(-0.691 + 10 * np.log10(np.mean(gated)))

    def loudest(self, seconds: float) -> float:
        """Of the loudest stretch so far of so many seconds, in LUFS: 0.4 for momentary, 3 for short-term loudness."""
        most = float(np.max(self._power(round(10 * seconds)), initial=0.0))
        return -0.691 + 10 * float(np.log10(most)) if most > 0 else -float("inf")

    def _power(self, tenths: int) -> NDArray[np.float64]:
        """Weighted mean squares of stretches that begin every 100 ms; a tenth that is not full does not count."""
        full = len(self._edges(self._position + 1)) - 1
        if full < tenths:
            return np.zeros(0)
        energy = np.lib.stride_tricks.sliding_window_view(self._energy[:, :full], tenths, axis=1)
        blocks = energy.sum(axis=2) / (0.1 * tenths * self._rate)
        weights = np.array(WEIGHTS.get(self._channels, (1.0,) * self._channels))
        return np.asarray(weights @ blocks)

    def _edges(self, stop: int) -> NDArray[np.int64]:
        """Where the steps of 100 ms begin that begin before `stop`."""
        edges = (0.1 * np.arange(int(stop / self._rate * 10) + 2) * self._rate).astype(np.int64)
        return edges[edges < stop]


def integrated_lufs(audio: Sound, progress: Progress | None = None) -> float:
    """Integrated loudness in LUFS after ITU-R BS.1770-4, −inf for silence and for less than 0.4 s.

    The sound is read in pieces, so that an hour needs no more memory than a minute.

    Parameters
    ----------
    audio
        Any sound that reads by range.
    """
    load_meter(progress or Progress())
    meter = LoudnessMeter(audio.sample_rate, audio.channels)
    size = SECONDS_A_BLOCK * audio.sample_rate
    for start in range(0, audio.length, size):
        if progress is not None:
            progress(start / audio.length)
        meter.take(audio.read(start, min(start + size, audio.length)))
    return meter.integrated


class TruePeakMeter:
    """True peak of a sound that comes in blocks, after ITU-R BS.1770-4 annex 2.

    Four times oversampled below 96 kHz, twice below 192 kHz, the samples themselves above.

    Parameters
    ----------
    sample_rate
        In Hz.
    channels
        Of the blocks.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        import soxr

        factor = 4 if sample_rate < 96_000 else 2 if sample_rate < 192_000 else 1
        self._stream = (
            soxr.ResampleStream(sample_rate, factor * sample_rate, channels, dtype="float32", quality="HQ")
            if factor > 1
            else None
        )
        self._channels, self._peak = channels, 0.0

    def take(self, block: Samples) -> None:
        """The next samples, (channels, n)."""
        self._peak = max(self._peak, float(np.max(np.abs(block), initial=0.0)))
        self._look_between(block, last=False)

    def finish(self) -> float:
        """The sound is whole: its true peak in dBTP, −inf for silence."""
        self._look_between(np.zeros((self._channels, 0), dtype=np.float32), last=True)
        return 20 * float(np.log10(self._peak)) if self._peak > 0 else -float("inf")

    def _look_between(self, block: Samples, *, last: bool) -> None:
        if self._stream is not None:
            samples = np.ascontiguousarray(block.T, dtype=np.float32)
            between = self._stream.resample_chunk(samples, last=last)
            self._peak = max(self._peak, float(np.max(np.abs(between), initial=0.0)))
