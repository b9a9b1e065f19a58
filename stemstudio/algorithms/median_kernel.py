"""The inner loops of HPSS, its running median and its masks; imported on demand, for they need numba."""

import numba  # noqa: TID253  (only `medians` imports this module, inside a function)
import numpy as np

LANES = 64  # columns whose sorted windows move on together, in the registers' full width


@numba.njit("void(float32[:, ::1], int64, float32[:, ::1], int64)", cache=True, nogil=True, parallel=False)
def slide(padded, length, result, first):  # type: ignore[no-untyped-def]
    """Medians of windows of `length` rows of `padded` (steps + length − 1, lanes) into `result`, from lane `first` on.

    Each lane keeps its window sorted. A step takes the oldest value out and puts the newest in by one sweep of
    minima and maxima over the sorted rows, the same for all lanes, so that it runs in vector registers.
    """
    steps, width = result.shape[0], padded.shape[1]
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
            result[0, first + base + lane] = window[half, lane]
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
                result[step, first + base + lane] = window[half, lane]


TILE = 64  # frames and bins whose medians, which lie across each other in memory, are taken together


@numba.njit(
    "void(float32[:, ::1], float32[:, ::1], float32, float32, float32, int64, int64, float32[:, ::1], float32[:, ::1])",
    cache=True,
    nogil=True,
    parallel=False,
    error_model="numpy",
)
def share(along_time, along_frequency, margin, power, zeros, first, last, harmonic, percussive):  # type: ignore[no-untyped-def]
    """Masks of frames [first, last), (frames, bins), from medians (frames, bins) and (bins, frames).

    Each is own^p / (own^p + (β other)^p), scaled first so that no power overflows; `zeros` where both are 0.
    """
    tiny = np.float32(np.finfo(np.float32).tiny)
    one, none = np.float32(1), np.float32(0)
    squared = power == 2.0
    bins = along_time.shape[1]
    across = np.empty((TILE, TILE), dtype=np.float32)
    for frame in range(first, last, TILE):
        height = min(TILE, last - frame)
        for place in range(0, bins, TILE):
            width = min(TILE, bins - place)
            for column in range(width):
                for row in range(height):
                    across[row, column] = along_frequency[place + column, frame + row]
            for row in range(height):
                for part in range(2):
                    mask = harmonic if part == 0 else percussive
                    if power == 1.0 or power == 2.0:  # in vector registers
                        for column in range(width):
                            rings, strikes = along_time[frame + row, place + column], across[row, column]
                            own, other = (rings, strikes) if part == 0 else (strikes, rings)
                            other *= margin
                            larger = max(own, other)
                            scale = one if larger < tiny else larger
                            mine, theirs = own / scale, other / scale
                            mine *= mine if squared else one
                            theirs *= theirs if squared else one
                            value = mine / (mine + theirs)
                            mask[frame + row, place + column] = zeros if larger < tiny else value
                        continue
                    for column in range(width):
                        rings, strikes = along_time[frame + row, place + column], across[row, column]
                        own, other = (rings, strikes) if part == 0 else (strikes, rings)
                        other *= margin
                        larger = max(own, other)
                        scale = one if larger < tiny else larger
                        mine, theirs = own / scale, other / scale
                        if power == np.inf:
                            mine, theirs = (one, none) if own > other else (none, one)
                        else:
                            mine, theirs = mine**power, theirs**power
                        value = mine / (mine + theirs)
                        mask[frame + row, place + column] = zeros if larger < tiny else value
