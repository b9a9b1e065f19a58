"""The step that both ways of finding a phase repeat; imported on demand, for it needs numba."""

import math

import numba  # noqa: TID253  (only `phase` imports this module, inside a function)
import numpy as np

COMPLEX = numba.types.Array(numba.complex64, 3, "A", readonly=True)
REAL = numba.types.Array(numba.float32, 3, "A", readonly=True)


@numba.njit(
    numba.void(numba.complex64[:, :, ::1], REAL, COMPLEX, REAL),
    cache=True,
    nogil=True,
    parallel=False,
)
def turned(values, shares, missing, magnitude):  # type: ignore[no-untyped-def]
    """Give `values` + `shares` · `missing` the magnitudes, in place; all (channels, frames, bins).

    Where nothing is, the angle is 0.
    """
    channels, frames, bins = values.shape
    for channel in range(channels):
        for frame in range(frames):
            for number in range(bins):
                share = shares[channel, frame, number]
                value, more = values[channel, frame, number], missing[channel, frame, number]
                # Double, in which no square of a single is too small or too large.
                real = np.float64(value.real) + np.float64(share * more.real)
                imaginary = np.float64(value.imag) + np.float64(share * more.imag)
                size = math.sqrt(real * real + imaginary * imaginary)
                wanted = np.float64(magnitude[channel, frame, number])
                if size <= 1e-20:
                    values[channel, frame, number] = complex(wanted, 0.0)
                else:
                    values[channel, frame, number] = complex(wanted * real / size, wanted * imaginary / size)
