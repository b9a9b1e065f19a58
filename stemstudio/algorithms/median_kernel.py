"""The running median's inner loop; imported on demand, for it needs numba."""

import numba  # noqa: TID253  (only `medians` imports this module, inside a function)
import numpy as np

LANES = 64  # columns whose sorted windows move on together, in the registers' full width


@numba.njit("void(float32[:, ::1], int64, float32[:, ::1])", cache=True, nogil=True, parallel=False)
def slide(padded, length, result):  # type: ignore[no-untyped-def]
    """Medians of windows of `length` rows of `padded` (steps + length − 1, lanes) into `result` (steps, lanes).

    Each lane keeps its window sorted. A step takes the oldest value out and puts the newest in by one sweep of
    minima and maxima over the sorted rows, the same for all lanes, so that it runs in vector registers.
    """
    steps, width = result.shape
    half = length // 2
    window = np.empty((length, LANES), dtype=np.float32)
    for base in range(0, width, LANES):
        lanes = min(LANES, width - base)
        window[:] = np.float32(np.inf)
        for row in range(length):
            for lane in range(lanes):
                window[row, lane] = padded[row, base + lane]
            for above in range(row, 0, -1):
                for lane in range(LANES):
                    low, high = window[above - 1, lane], window[above, lane]
                    window[above - 1, lane] = min(low, high)
                    window[above, lane] = max(low, high)
        for lane in range(lanes):
            result[0, base + lane] = window[half, lane]
        new = np.zeros(LANES, dtype=np.float32)
        old = np.zeros(LANES, dtype=np.float32)
        for step in range(1, steps):
            for lane in range(lanes):
                old[lane] = padded[step - 1, base + lane]
                new[lane] = padded[step + length - 1, base + lane]
            # Delete: from the value's place on, every row takes its right neighbour's value.
            for row in range(length - 1):
                for lane in range(LANES):
                    here, following = window[row, lane], window[row + 1, lane]
                    window[row, lane] = following if here >= old[lane] else here
            # Insert: the newcomer moves up, each row keeping the smaller of the two.
            for row in range(length - 1):
                for lane in range(LANES):
                    here, carried = window[row, lane], new[lane]
                    window[row, lane] = min(here, carried)
                    new[lane] = max(here, carried)
            for lane in range(LANES):
                window[length - 1, lane] = new[lane]
            for lane in range(lanes):
                result[step, base + lane] = window[half, lane]
