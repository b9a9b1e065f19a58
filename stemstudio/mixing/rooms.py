"""Room for sound that is made bit by bit: memory that is taken only where it is written, and can be given back."""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

__all__ = ["can_give_back", "give_back", "room"]


def room(channels: int, length: int) -> tuple[NDArray[np.float32], mmap.mmap]:
    """Return zeros (channels, length) and the memory they lie in."""
    memory = mmap.mmap(-1, max(1, channels * length * 4))
    zeros = np.frombuffer(memory, dtype=np.float32, count=channels * length).reshape(channels, length)
    return zeros, memory


def can_give_back() -> bool:
    """Whether this system takes memory back bit by bit."""
    return hasattr(mmap, "MADV_DONTNEED")


def give_back(memory: mmap.mmap, buffer: NDArray[np.float32], start: int, stop: int) -> None:
    """Give back the pages that lie wholly within samples [start, stop) of every channel."""
    length = buffer.shape[1]
    for channel in range(buffer.shape[0]):
        low = (channel * length + start) * 4
        high = (channel * length + min(stop, length)) * 4
        low = -(-low // mmap.PAGESIZE) * mmap.PAGESIZE
        high = high // mmap.PAGESIZE * mmap.PAGESIZE
        if high > low:
            memory.madvise(mmap.MADV_DONTNEED, low, high - low)
