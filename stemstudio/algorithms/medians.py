"""Running medians along the frames or the bins of a spectrogram."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

PART = 64  # what a thread's share is a multiple of
WORTH = 1 << 18  # values from which on a thread is worth starting


def running_median(values: Float, length: int) -> Float:
    """Median over a window along the first axis, centred, the edges mirrored (d c b a | a b c d | d c b a).

    Parameters
    ----------
    values
        float32 (steps, lanes).
    length
        Of the window, odd.

    Returns
    -------
    ndarray
        float32 (steps, lanes), bit for bit what `scipy.ndimage.median_filter(mode="reflect")` gives.
    """
    if length % 2 == 0 or length < 1:
        raise ValueError(f"the length of a median window must be odd, not {length}")
    if length == 1 or not values.size:
        return np.array(values, dtype=np.float32)
    half = length // 2
    slide = _kernel()
    result = np.empty(values.shape, dtype=np.float32)

    def lanes(first: int, last: int) -> None:
        part = np.ascontiguousarray(values[:, first:last], dtype=np.float32)
        # np.pad's "symmetric" is scipy's "reflect".
        slide(np.pad(part, ((half, half), (0, 0)), mode="symmetric"), length, result, first)

    in_parts(lanes, values.shape[1], values.size)
    return result


def in_parts(work: Callable[[int, int], object], count: int, size: int) -> None:
    """Have [0, count) worked on in as many parts as there are cores, where `size` values are worth it."""
    threads = max(1, min(os.cpu_count() or 1, count // PART, size // WORTH))
    if threads == 1:
        work(0, count)
        return
    edges = [PART * (count * n // (threads * PART)) for n in range(threads)] + [count]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *edge) for edge in pairwise(edges)]:
            done.result()


@lru_cache(maxsize=1)
def _kernel() -> Callable[[Float, int, Float, int], Any]:
    """The sliding sorted window, compiled on first use and kept on disk."""
    from stemstudio.algorithms.median_kernel import slide

    return slide
