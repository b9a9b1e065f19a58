"""Running medians along the frames or the bins of a spectrogram."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


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
    # np.pad's "symmetric" is scipy's "reflect".
    padded = np.pad(np.ascontiguousarray(values, dtype=np.float32), ((half, half), (0, 0)), mode="symmetric")
    result = np.empty(values.shape, dtype=np.float32)
    _kernel()(padded, length, result)
    return result


@lru_cache(maxsize=1)
def _kernel() -> Callable[[Float, int, Float], Any]:
    """The sliding sorted window, compiled on first use and kept on disk."""
    from stemstudio.algorithms.median_kernel import slide

    return slide
