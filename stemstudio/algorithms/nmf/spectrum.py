"""V, the matrix that is factorised: one for all channels, in memory or, for a long recording, on disk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Sound
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings, forward

Float = NDArray[np.float32]

IN_MEMORY = (
    600 << 20
)  # bytes of V; a larger one is a file that the system keeps in memory as far as there is room
STRIDE = 256  # frames transformed at a time


def spectrum(sound: Sound, grid: StftSettings, exponent: float, progress: Progress) -> Float:
    """|X|^p with |X|² the channels' mean power.

    Parameters
    ----------
    sound
        Read by range.
    grid
        STFT settings.
    exponent
        p: 1 magnitudes, 2 powers.

    Returns
    -------
    ndarray
        float32 (bins, frames); its transpose is contiguous. A memory map of a nameless file where it is large.
    """
    frames = grid.frames(sound.length)
    values = room_for((frames, grid.bins))
    for first in range(0, frames, STRIDE):
        progress(first / frames, "transforming")
        last = min(frames, first + STRIDE)
        values[first:last] = np.power(mean_power(sound, grid, first, last).T, np.float32(exponent / 2))
    progress(1.0, "transforming")
    return values.T


def spectra(sound: Sound, grid: StftSettings, exponent: float, progress: Progress) -> Float:
    """|X_c|^p of every channel: float32 (channels, bins, frames), frames after each other in memory, as `spectrum`."""
    frames = grid.frames(sound.length)
    values = room_for((sound.channels, frames, grid.bins))
    for first in range(0, frames, STRIDE):
        progress(first / frames, "transforming")
        last = min(frames, first + STRIDE)
        found = forward(sound, grid, first=first, last=last).values
        power = np.square(found.real) + np.square(found.imag)
        values[:, first:last] = np.power(power.transpose(0, 2, 1), np.float32(exponent / 2))
    progress(1.0, "transforming")
    return values.transpose(0, 2, 1)


def mean_power(sound: Sound, grid: StftSettings, first: int, last: int) -> Float:
    """Power of frames [first, last), mean over the channels, float32 (bins, last − first)."""
    values = forward(sound, grid, first=first, last=last).values
    power: Float = (np.square(values.real) + np.square(values.imag)).mean(axis=0)
    return power


def room_for(shape: tuple[int, ...]) -> Float:
    """A writable float32 array, on disk where it is large; its file is gone with the last reference."""
    return scratch(shape, in_memory=IN_MEMORY)
