"""Ambience: what both channels share is direct sound; what they do not is the room around it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.framing import Framed, fft_parameter, hop_parameter
from stemstudio.algorithms.stereo import sides
from stemstudio.audio.audio import Sound
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress
from stemstudio.spectral.stft import forward

__all__ = ["BINS", "TINY", "Ambience", "ambient_power"]

Float = NDArray[np.float32]

NAMES = ("direct", "ambience")
BLOCK = 256  # frames worked on at a time
BINS = 2  # on either side that are averaged
TINY = np.float32(1e-20)


class Ambience(Framed):
    """A stereo sound as the source and the room around it."""

    name: ClassVar[str] = "ambience"
    title: ClassVar[str] = "Direct sound and ambience"
    summary: ClassVar[str] = (
        "Takes the room off a sound: what left and right have in common is the source, the rest its reverb."
    )
    speed: ClassVar[float] = 60.0

    seconds: float = parameter(
        0.1,
        "How long it listens before it decides: longer is calmer, shorter follows what moves",
        unit="s",
        ge=0.02,
        le=1.0,
    )
    threshold: float = parameter(
        0.0,
        "What share of a point must be ambience before any of it goes there: higher leaves more with the source",
        ge=0.0,
        le=0.9,
    )
    fft: int = fft_parameter(2048)
    hop: int = hop_parameter(512)

    def run(self, signal: Sound, progress: Progress) -> Masks:
        """Masks of the source and of its room, the same for both channels, so that sounds keep their place."""
        grid, frames = self.grid, self.grid.frames(signal.length)
        around = max(1, round(0.5 * self.seconds * signal.sample_rate / grid.hop))
        values = scratch((2, frames, grid.bins), np.float16)
        for first in range(0, frames, BLOCK):
            progress(first / frames, "listening to what is unlike in left and right")
            last = min(frames, first + BLOCK)
            low, high = max(0, first - around), min(frames, last + around)
            left, right = sides(forward(signal, grid, first=low, last=high).values)
            progress((first + last) / (2 * frames), "listening to what is unlike in left and right")
            ambient, power_left, power_right = ambient_power(left, right, around)
            share = 2.0 * ambient / np.maximum(power_left + power_right, TINY)
            share = np.clip((share - self.threshold) / (1.0 - self.threshold), 0.0, 1.0)
            room = share[:, first - low : last - low].T
            values[0, first:last] = 1 - room
            values[1, first:last] = room
        progress(1.0)
        return Masks(NAMES, grid, values.transpose(0, 2, 1))


def ambient_power(
    left: NDArray[np.complex64], right: NDArray[np.complex64], around: int
) -> tuple[Float, Float, Float]:
    """Power of the ambience in each channel, and that of left and right, averaged over neighbours.

    With L = a S + A₁ and R = b S + A₂, where A₁ and A₂ are equally loud and unlike anything else,

        P_A = ½ (P_L + P_R − √((P_L − P_R)² + 4 |P_LR|²)).

    Parameters
    ----------
    left, right
        Complex, (bins, frames).
    around
        Frames on either side that are averaged; of bins there are always two.

    Returns
    -------
    tuple of float32 arrays, (bins, frames)

    References
    ----------
    Faller 2006, "Multiple-loudspeaker playback of stereo signals"; Merimaa, Goodwin & Jot 2007, "Correlation-based
    ambience extraction from stereo recordings".
    """
    from stemstudio.algorithms.ambience_kernel import powers

    # Frames overlap by three quarters and windows join bins; of an average over so few, some likeness is chance.
    count = max(2.0, (2 * around + 1) / 2.0 * (2 * BINS + 1) / 2.0)
    result = np.empty((3, *left.T.shape), dtype=np.float32)
    powers(
        np.ascontiguousarray(left.T), np.ascontiguousarray(right.T), around, BINS, np.float32(count), result
    )
    ambient, power_left, power_right = (each.T for each in result)
    return ambient, power_left, power_right
