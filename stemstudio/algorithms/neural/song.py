"""Song: the sound as a network wants it, and its answers as the song has them: rate, channels, level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.parameters import RESAMPLING
from stemstudio.algorithms.neural.segments import with_range
from stemstudio.audio.audio import Audio, Samples, Sound, read_padded
from stemstudio.audio.sample_store import SampleStore
from stemstudio.progress import Progress

Float = NDArray[np.float32]

BLOCK = 2**20  # samples taken at a time
# 5.1 and 7.1 in the order of WAVE_FORMAT_EXTENSIBLE: centre and low frequencies are no pair.
SURROUND = {6: ((0, 1), (2,), (3,), (4, 5)), 8: ((0, 1), (2,), (3,), (4, 5), (6, 7))}
EDGE = 1024  # samples beside a stretch that resampling it looks at


def channel_groups(channels: int) -> tuple[tuple[int, ...], ...]:
    """Which channels are separated together: pairs, as networks are trained on stereo, and what has no partner alone."""
    if channels in SURROUND:
        return SURROUND[channels]
    return tuple(tuple(range(first, min(first + 2, channels))) for first in range(0, channels, 2))


@dataclass(frozen=True, eq=False)
class Prepared:
    """Channels of a song at the rate, level and number of channels of a network.

    Attributes
    ----------
    sound
        The channels themselves, at the network's rate.
    channels
        That the network takes; mono is given to each of them.
    mean, deviation
        What is taken from every sample, and what it is divided by then, as Demucs has it.
    """

    sound: Sound
    channels: int
    mean: float
    deviation: float

    @property
    def length(self) -> int:
        return self.sound.length

    @property
    def silent(self) -> bool:
        return self.deviation == 0.0

    def read(self, start: int, stop: int) -> Float:
        """Level 1, and zeros outside the song: float32 (channels, stop − start)."""
        result = np.zeros((self.channels, stop - start), dtype=np.float32)
        low, high = max(0, start), min(self.length, stop)
        if high > low:
            samples = (self.sound.read(low, high) - np.float32(self.mean)) / np.float32(self.deviation)
            result[:, low - start : high - start] = samples
        return result

    def back(self, wave: Any) -> Any:
        """An answer, an array or a tensor, at the level and with the channels of the song: (stems, channels, samples)."""
        wave = wave * float(np.float32(self.deviation)) + float(np.float32(self.mean))
        return wave if self.sound.channels > 1 else wave.mean(axis=1, keepdims=True)


@dataclass(frozen=True)
class _Taken:
    """Some channels of a sound."""

    sound: Sound
    taken: tuple[int, ...]

    @property
    def sample_rate(self) -> int:
        return self.sound.sample_rate

    @property
    def channels(self) -> int:
        return len(self.taken)

    @property
    def length(self) -> int:
        return self.sound.length

    def read(self, start: int, stop: int) -> Samples:
        return self.sound.read(start, stop)[list(self.taken)]


def prepared(sound: Sound, taken: Sequence[int], network: Network, progress: Progress) -> Prepared:
    """Get a song ready for a network; a copy is made only where it has another rate, on disk if it is long."""
    own: Sound = _Taken(sound, tuple(taken))
    if sound.sample_rate != network.sample_rate:
        own = _resampled(own, network.sample_rate, progress.part(0.0, 0.8))
    mean, deviation = _level(own, progress.part(0.8, 1.0))
    if deviation and not network.levelled:
        mean, deviation = 0.0, 1.0
    return Prepared(own, network.channels, mean, deviation)


def _level(sound: Sound, progress: Progress) -> tuple[float, float]:
    """Mean and deviation of the mean of the channels; a deviation of 0 for silence."""
    total = squares = 0.0
    loud = False
    for start in range(0, sound.length, BLOCK):
        progress(start / sound.length)
        samples = sound.read(start, min(sound.length, start + BLOCK))
        loud = loud or bool(samples.any())
        together = samples.sum(axis=0, dtype=np.float64)
        total += float(together.sum())
        squares += float(together @ together)
    if not loud:
        return 0.0, 0.0
    total, squares = total / sound.channels, squares / sound.channels**2
    mean = total / sound.length
    variance = max(0.0, squares - sound.length * mean**2) / max(1, sound.length - 1)
    return mean, math.sqrt(variance) + 1e-8


def _resampled(sound: Sound, rate: int, progress: Progress) -> Audio:
    import soxr

    stream = soxr.ResampleStream(sound.sample_rate, rate, sound.channels, dtype="float32")
    store = SampleStore(sound.channels, math.ceil(sound.length * rate / sound.sample_rate) + 16)
    for start in range(0, sound.length, BLOCK):
        progress(start / sound.length, RESAMPLING)
        stop = min(sound.length, start + BLOCK)
        block = np.ascontiguousarray(sound.read(start, stop).T)
        store.append(stream.resample_chunk(block, last=stop == sound.length).reshape(-1, sound.channels).T)
    return Audio(store.finish(), rate)


class Answers:
    """The stems of some channels, filled in as they come: at the network's rate, and at the song's.

    Parameters
    ----------
    room
        float32 (stems, channels, samples) of the song's own rate and length, written to.
    rate, length
        Of the network's answers.
    song_rate
        Of the room.
    """

    def __init__(self, room: Float, rate: int, length: int, song_rate: int) -> None:
        self.room = room
        self._rate, self._song_rate = rate, song_rate
        self._own = room
        self._there: list[tuple[int, int]] = []
        if rate != song_rate:
            stems, channels = room.shape[:2]
            store = SampleStore(stems * channels, length)
            self._own = store.array[:, :length].reshape(stems, channels, length)

    def write(self, start: int, wave: Any) -> None:
        """Put a stretch of the answers in its place: an array, or a tensor on any device."""
        place = self._own[..., start : start + wave.shape[-1]]
        if not isinstance(wave, np.ndarray):
            import torch

            # A card writes into memory that is held for it several times as quickly as into any other.
            wave = torch.empty(wave.shape, pin_memory=wave.is_cuda).copy_(wave).numpy()
        place[...] = wave

    def finished(self, start: int, stop: int) -> tuple[int, int]:
        """A stretch of the answers is there: put it into the room; which samples of the room are good now.

        At another rate, a sample is good once all that resampling it looks at is there.
        """
        if self._rate == self._song_rate:
            return start, stop
        import soxr

        length, end = self._own.shape[-1], self.room.shape[-1]
        self._there = with_range(self._there, (start, stop))
        low, high = next((a, b) for a, b in self._there if a <= start and stop <= b)
        low = 0 if low == 0 else max(low + EDGE, start - EDGE)
        high = length if high == length else min(high - EDGE, stop + EDGE)
        if low == 0:
            low = max(0, start - EDGE)
        common = math.gcd(self._rate, self._song_rate)
        step, song_step = self._rate // common, self._song_rate // common
        first = max(0, low - EDGE) // step
        piece = read_padded(self._own, first * step, min(length, high + EDGE))
        flat = piece.reshape(-1, piece.shape[-1]).T
        found = soxr.resample(np.ascontiguousarray(flat), self._rate, self._song_rate).T
        song_low = math.ceil(low * self._song_rate / self._rate)
        song_high = end if high == length else math.ceil(high * self._song_rate / self._rate)
        song_high = max(song_low, min(end, song_high))
        at = song_low - first * song_step
        good = read_padded(found, at, at + song_high - song_low)
        self.room[..., song_low:song_high] = good.reshape(*self.room.shape[:2], -1)
        return song_low, song_high

    def settle(self, progress: Progress) -> None:
        """All is there: the room holds what resampling the whole in one go gives."""
        if self._rate == self._song_rate:
            progress(1.0)
            return
        import soxr

        stems, channels, length = self._own.shape
        flat, room = self._own.reshape(-1, length), self.room
        stream = soxr.ResampleStream(self._rate, self._song_rate, stems * channels, dtype="float32")
        filled = 0
        for start in range(0, length, BLOCK):
            progress(start / length, "resampling the stems")
            stop = min(length, start + BLOCK)
            block = stream.resample_chunk(np.ascontiguousarray(flat[:, start:stop].T), last=stop == length)
            block = block.reshape(-1, stems * channels).T[:, : room.shape[-1] - filled]
            room[..., filled : filled + block.shape[1]] = block.reshape(stems, channels, -1)
            filled += block.shape[1]
        room[..., filled:] = 0
        progress(1.0)
