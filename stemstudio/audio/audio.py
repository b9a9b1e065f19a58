"""Audio: samples and their rate, frozen, readable by range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Sound(Protocol):
    """Anything that can be read by range: an `Audio`, a stem rendered on demand, samples in a project file."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def length(self) -> int: ...

    def read(self, start: int, stop: int) -> Samples:
        """Samples `start`…`stop` as float32 (channels, stop − start); zeros before 0 and after the end."""
        ...


@dataclass(frozen=True, eq=False)
class Audio:
    """A piece of sound.

    Attributes
    ----------
    samples
        float32 (channels, samples), read-only; full scale is ±1 and may be exceeded. May be a memory map.
    sample_rate
        In Hz.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.ndim != 2 or samples.dtype != np.float32:
            raise ValueError(
                f"samples must be float32 (channels, samples), not {samples.dtype} {samples.shape}"
            )
        if self.sample_rate <= 0:
            raise ValueError(f"sample_rate must be positive, not {self.sample_rate}")
        if samples.flags.writeable:
            samples = samples.view()
            samples.flags.writeable = False
            object.__setattr__(self, "samples", samples)

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def length(self) -> int:
        """Number of samples a channel."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.length / self.sample_rate

    def read(self, start: int, stop: int) -> Samples:
        """Samples `start`…`stop`, zeros outside the sound; read-only where no padding is needed."""
        return read_padded(self.samples, start, stop)


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some samples at their own place in a longer sound, which is silent elsewhere.

    Attributes
    ----------
    samples
        float32 (channels, samples).
    start
        The place of the first of them.
    sample_rate, length
        Of the whole.
    """

    samples: Samples
    start: int
    sample_rate: int
    length: int

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    def read(self, start: int, stop: int) -> Samples:
        return read_padded(self.samples, start - self.start, stop - self.start)


@dataclass(frozen=True)
class Stretch:
    """Samples [start, start + length) of another sound, as a sound of its own: silent outside.

    Attributes
    ----------
    whole
        The other sound.
    start, length
        What of it.
    """

    whole: Sound
    start: int
    length: int

    @property
    def sample_rate(self) -> int:
        return self.whole.sample_rate

    @property
    def channels(self) -> int:
        return self.whole.channels

    def read(self, start: int, stop: int) -> Samples:
        low, high = max(0, start), min(self.length, stop)
        if (low, high) == (start, stop):
            return self.whole.read(self.start + start, self.start + stop)
        padded = np.zeros((self.channels, max(0, stop - start)), dtype=np.float32)
        if high > low:
            padded[:, low - start : high - start] = self.whole.read(self.start + low, self.start + high)
        return padded


def begins_at(sound: Sound) -> float:
    """The second of the song at which a sound begins: 0, unless it is a stretch of another."""
    if isinstance(sound, Stretch):
        return begins_at(sound.whole) + sound.start / sound.sample_rate
    return 0.0


def read_padded(samples: Samples, start: int, stop: int) -> Samples:
    """`samples[..., start:stop]` of any array that slices along its last axis, with zeros outside it."""
    length = samples.shape[-1]
    if 0 <= start <= stop <= length:
        return np.asarray(samples[..., start:stop], dtype=np.float32)
    padded = np.zeros((*samples.shape[:-1], max(0, stop - start)), dtype=np.float32)
    low, high = min(max(start, 0), length), min(max(stop, 0), length)
    if high > low:
        padded[..., low - start : high - start] = samples[..., low:high]
    return padded
