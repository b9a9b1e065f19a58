"""Direct sound and ambience of a stereo stem, and how ambience is made to come from several places at once.

What both channels share, at whatever level, is direct; what they do not is ambience: `stemstudio.algorithms.ambience`
has the formula.  Here each channel keeps its own share of it, sample by sample next to the direct sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.ambience import TINY, ambient_power
from stemstudio.audio.audio import Excerpt, Samples
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

__all__ = ["REACH_SECONDS", "ambience_of", "decorrelated", "velvet"]

Float = NDArray[np.float32]
FRAME_SECONDS = 0.046  # 2048 samples at 44.1 kHz
NEIGHBOURS = 4  # frames on either side that are averaged
TAIL_SECONDS = 0.03  # of decorrelated sound
PULSES = 24  # in that time
REACH_SECONDS = 0.25  # more than frames, their neighbours and the tail together, up to 192 kHz


def grid_for(rate: int) -> StftSettings:
    """Frames of about 46 ms."""
    fft = 1 << max(7, round(np.log2(FRAME_SECONDS * rate)))
    return StftSettings(fft=fft, hop=fft // 4)


def ambience_of(sound: Samples, rate: int, start: int = 0) -> Samples:
    """The ambience of a stereo sound, float32 (2, n); the sound less this is its direct part.

    A sound that is the same in both channels, or in one alone, has none. What is within `REACH_SECONDS` of the ends
    depends on what lies beyond them. `start` is the sample of the song at which the sound begins: frames have the same
    places whatever is cut out of it.
    """
    if sound.shape[1] == 0 or not sound.any() or np.array_equal(sound[0], sound[1]):
        return np.zeros_like(sound)
    from stemstudio.algorithms.ambience_kernel import shared

    grid = grid_for(rate)
    begin = start % grid.hop
    end = begin + sound.shape[1]
    spectrum = forward(Excerpt(sound, begin, rate, end), grid)
    left, right = spectrum.values
    ambient, *powers = ambient_power(left, right, NEIGHBOURS)
    values = np.empty((2, *left.T.shape), dtype=np.complex64)  # frame by frame, as `forward` has it
    for side, power, own in zip((left, right), powers, values, strict=True):
        shared(side.T, ambient.T, power.T, TINY, own)
    return inverse(Spectrogram(values.transpose(0, 2, 1), grid, rate, 0, end), begin, end)


@dataclass(frozen=True)
class Pulses:
    """A velvet-noise filter: a few single samples, each with a sign and a size.

    Attributes
    ----------
    delays
        Samples, rising.
    sizes
        Their squares add up to 1.
    """

    delays: NDArray[np.intp]
    sizes: Float


@lru_cache(maxsize=64)
def velvet(seed: int, rate: int) -> Pulses:
    """A short tail of velvet noise that dies away (Alary, Politis & Välimäki 2017); another seed, another one."""
    random = np.random.default_rng(seed)
    cell = TAIL_SECONDS * rate / PULSES
    delays = np.floor((np.arange(PULSES) + random.uniform(0.0, 1.0, PULSES)) * cell).astype(np.intp)
    sizes = random.choice((-1.0, 1.0), PULSES) * 10.0 ** (-1.5 * np.arange(PULSES) / PULSES)
    return Pulses(delays, (sizes / np.linalg.norm(sizes)).astype(np.float32))


def decorrelated(sound: Float, pulses: Pulses) -> Float:
    """The same sound, (n,), as loud and of nearly the same colour, but unlike in its wave; later by some milliseconds."""
    from stemstudio.algorithms.ambience_kernel import add_pulses

    result = np.zeros(len(sound), dtype=np.float32)
    add_pulses(np.ascontiguousarray(sound, dtype=np.float32), pulses.delays, pulses.sizes, result)
    return result
