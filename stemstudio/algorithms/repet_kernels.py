"""REPET-SIM's inner loops; imported on demand, for they need numba."""

import numba  # noqa: TID253  (only `repet` imports this module, inside a function)
import numpy as np

LANES = 64  # bins sorted side by side, so that a comparison runs in the registers' full width


@numba.njit(
    "int64(float32[::1], int64, float32, int64, int64, int64[::1])", cache=True, nogil=True, parallel=False
)
def peaks(row, distance, threshold, most, own, found):  # type: ignore[no-untyped-def]
    """The highest local maxima of a row into `found`, the frame itself first; how many.

    A peak is at least `threshold` and higher than everything within `distance` (≥ 1) on either side.
    """
    found[0] = own
    if most == 1:
        return 1
    places = np.empty(row.size, dtype=np.int64)
    heights = np.empty(row.size, dtype=np.float32)
    count = 0
    at = 0
    while at < row.size:
        # The highest from here on within reach; what it tops on the way can be no peak.
        high = at
        for other in range(at + 1, min(row.size, at + distance + 1)):
            if row[other] > row[high]:
                high = other
        if high != at:
            at = high
            continue
        alone = row[at] >= threshold and at != own
        for other in range(max(0, at - distance), at):
            if row[other] >= row[at]:
                alone = False
                break
        if alone:
            for other in range(at + 1, min(row.size, at + distance + 1)):
                if row[other] >= row[at]:
                    alone = False
                    break
        if alone:
            places[count] = at
            heights[count] = -row[at]
            count += 1
        at += 1
    order = np.argsort(heights[:count], kind="mergesort")
    kept = min(count, most - 1)
    for rank in range(kept):
        found[1 + rank] = places[order[rank]]
    return kept + 1


@numba.njit(
    numba.void(
        numba.types.Array(numba.float32, 2, "C", readonly=True),
        numba.int64[:, ::1],
        numba.int64[::1],
        numba.types.Array(numba.int32, 2, "C", readonly=True),
        numba.float32[:, ::1],
    ),
    cache=True,
    nogil=True,
    parallel=False,
)
def medians(values, neighbours, which, network, result):  # type: ignore[no-untyped-def]
    """Medians of rows of `values` (frames, bins): for each frame in `which`, of those `neighbours` names, into `result`.

    `network` lists the comparisons that bring the middle of a column into its place; all columns take the same ones.
    """
    count, bins = neighbours.shape[1], values.shape[1]
    upper, lower = count // 2, (count - 1) // 2
    window = np.empty((count, LANES), dtype=np.float32)
    window[:] = 0
    for number in range(which.size):
        for base in range(0, bins, LANES):
            lanes = min(LANES, bins - base)
            for row in range(count):
                source = neighbours[number, row]
                for lane in range(lanes):
                    window[row, lane] = values[source, base + lane]
            for step in range(network.shape[0]):
                first, second = network[step, 0], network[step, 1]
                for lane in range(LANES):
                    low, high = window[first, lane], window[second, lane]
                    window[first, lane] = min(low, high)
                    window[second, lane] = max(low, high)
            for lane in range(lanes):
                result[which[number], base + lane] = np.float32(0.5) * (
                    window[lower, lane] + window[upper, lane]
                )
