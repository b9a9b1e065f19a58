"""Ambience's inner loops; imported on demand, for they need numba."""

import numba  # noqa: TID253  (imported inside functions only)
import numpy as np

STRETCH = 4096  # samples that stay at hand while all pulses are added
SPECTRUM = numba.types.Array(numba.complex64, 2, "C", readonly=True)
POWERS = numba.types.Array(numba.float32, 2, "C", readonly=True)


@numba.njit(
    numba.void(SPECTRUM, SPECTRUM, numba.int64, numba.int64, numba.float32, numba.float32[:, :, ::1]),
    cache=True,
    nogil=True,
    parallel=False,
)
def powers(left, right, around, beside, count, result):  # type: ignore[no-untyped-def]
    """Power of the ambience, of left and of right into `result` (3, frames, bins), averaged; see `ambient_power`.

    Frames are summed anew for each, from the oldest on: so a sound is the same however it is cut.
    """
    frames, bins = left.shape
    size = 2 * around + 1
    scale = np.float32(1.0) / np.float32(size * (2 * beside + 1))
    half, four, nothing = np.float32(0.5), np.float32(4.0), np.float32(0.0)
    chance, rest = np.float32(1.0) / count, np.float32(1.0) / (np.float32(1.0) - np.float32(1.0) / count)
    near = np.zeros((size, 4, bins), dtype=np.float32)  # the last frames, averaged over bins
    row = np.zeros((4, bins + 2 * beside), dtype=np.float32)
    total = np.empty((4, bins), dtype=np.float32)
    for newest in range(frames + around):
        slot = near[newest % size]
        slot[:] = nothing
        if newest < frames:
            for k in range(bins):
                a, b = left[newest, k].real, left[newest, k].imag
                c, d = right[newest, k].real, right[newest, k].imag
                row[0, beside + k] = a * a + b * b
                row[1, beside + k] = c * c + d * d
                row[2, beside + k] = a * c + b * d
                row[3, beside + k] = b * c - a * d
            for part in range(4):
                for shift in range(2 * beside + 1):
                    for k in range(bins):
                        slot[part, k] += row[part, shift + k]
        frame = newest - around
        if frame < 0:
            continue
        total[:] = nothing
        for older in range(size):
            other = near[(newest + 1 + older) % size]
            for part in range(4):
                for k in range(bins):
                    total[part, k] += other[part, k]
        for k in range(bins):
            one, two = total[0, k] * scale, total[1, k] * scale
            real, imaginary = total[2, k] * scale, total[3, k] * scale
            shared = max(nothing, (real * real + imaginary * imaginary - one * two * chance) * rest)
            unlike = np.sqrt((one - two) * (one - two) + four * shared)
            result[0, frame, k] = max(nothing, half * (one + two - unlike))
            result[1, frame, k] = one
            result[2, frame, k] = two


@numba.njit(
    numba.void(SPECTRUM, POWERS, POWERS, numba.float32, numba.complex64[:, ::1]),
    cache=True,
    nogil=True,
    parallel=False,
)
def shared(values, wanted, power, least, result):  # type: ignore[no-untyped-def]
    """What is wanted of the power of a spectrum (frames, bins), at most all; `least` is next to no power."""
    one = np.float32(1.0)
    for frame in range(values.shape[0]):
        for k in range(values.shape[1]):
            share = min(one, wanted[frame, k] / max(power[frame, k], least))
            value = values[frame, k]
            result[frame, k] = complex(value.real * share, value.imag * share)


@numba.njit(
    numba.void(
        numba.types.Array(numba.float32, 1, "C", readonly=True),
        numba.int64[::1],
        numba.float32[::1],
        numba.float32[::1],
    ),
    cache=True,
    nogil=True,
    parallel=False,
)
def add_pulses(sound, delays, sizes, result):  # type: ignore[no-untyped-def]
    """Add a sound to `result` once for each pulse, so much later and of such a size."""
    for start in range(0, sound.size, STRETCH):
        stop = min(sound.size, start + STRETCH)
        for pulse in range(delays.size):
            delay, size = delays[pulse], sizes[pulse]
            first = max(start, delay)
            if first < stop:
                to, come = result[first:stop], sound[first - delay : stop - delay]
                for at in range(to.size):
                    to[at] += size * come[at]
