"""Steps of the multichannel Wiener filter for two channels; imported on demand, for they need numba."""

import numba  # noqa: TID253  (only `masks` imports this module, inside a function)
import numpy as np


@numba.njit(
    [
        "void(complex64[:, :, ::1], float32[:, :, :, :], complex64[:, :, :, ::1], int64, float64, float64)",
        "void(complex128[:, :, ::1], float64[:, :, :, :], complex128[:, :, :, ::1], int64, float64, float64)",
    ],
    cache=True,
    nogil=True,
    parallel=False,
)
def wiener_stereo(mixture, models, result, iterations, eps, scale):  # type: ignore[no-untyped-def]
    """Fill `result` (stems, 2, bins, frames) from `mixture` (2, bins, frames) and `models` (stems, 1 or 2, bins, frames).

    The mixture is worked on divided by `scale`. Everything in between is in double precision, bin by bin.
    """
    stems, sides, bins, frames = models.shape
    x = np.empty((2, 2, frames))  # channel; real, imaginary
    y = np.empty((stems, 2, 2, frames))
    v = np.empty((stems, frames))
    total = np.empty(frames)
    covariance = np.empty((4, frames))  # left, right, and what they share: real, imaginary
    z = np.empty((2, 2, frames))
    R = np.empty((stems, 4))
    root = np.sqrt(eps)
    for number in range(bins):
        for channel in range(2):
            for frame in range(frames):
                x[channel, 0, frame] = mixture[channel, number, frame].real / scale
                x[channel, 1, frame] = mixture[channel, number, frame].imag / scale
        for channel in range(2):
            side = min(channel, sides - 1)
            total[:] = eps
            for stem in range(stems):
                for frame in range(frames):
                    total[frame] += models[stem, side, number, frame]
            for stem in range(stems):
                for frame in range(frames):
                    share = models[stem, side, number, frame] / total[frame]
                    y[stem, channel, 0, frame] = share * x[channel, 0, frame]
                    y[stem, channel, 1, frame] = share * x[channel, 1, frame]
        for _ in range(iterations):
            covariance[:] = 0.0
            covariance[0] = root
            covariance[1] = root
            for stem in range(stems):
                left = right = real = imaginary = 0.0
                a, b, c, d = y[stem, 0, 0], y[stem, 0, 1], y[stem, 1, 0], y[stem, 1, 1]
                for frame in range(frames):
                    p = a[frame] * a[frame] + b[frame] * b[frame]
                    q = c[frame] * c[frame] + d[frame] * d[frame]
                    v[stem, frame] = 0.5 * (p + q)
                    left += p
                    right += q
                    real += a[frame] * c[frame] + b[frame] * d[frame]
                    imaginary += b[frame] * c[frame] - a[frame] * d[frame]
                weight = 1.0 / (eps + 0.5 * (left + right))
                R[stem, 0], R[stem, 1] = left * weight, right * weight
                R[stem, 2], R[stem, 3] = real * weight, imaginary * weight
                for frame in range(frames):
                    covariance[0, frame] += v[stem, frame] * R[stem, 0]
                    covariance[1, frame] += v[stem, frame] * R[stem, 1]
                    covariance[2, frame] += v[stem, frame] * R[stem, 2]
                    covariance[3, frame] += v[stem, frame] * R[stem, 3]
            for frame in range(frames):
                left, right = covariance[0, frame], covariance[1, frame]
                real, imaginary = covariance[2, frame], covariance[3, frame]
                shrink = 1.0 / (left * right - real * real - imaginary * imaginary)
                a, b = x[0, 0, frame], x[0, 1, frame]
                c, d = x[1, 0, frame], x[1, 1, frame]
                z[0, 0, frame] = (right * a - (real * c - imaginary * d)) * shrink
                z[0, 1, frame] = (right * b - (real * d + imaginary * c)) * shrink
                z[1, 0, frame] = (left * c - (real * a + imaginary * b)) * shrink
                z[1, 1, frame] = (left * d - (real * b - imaginary * a)) * shrink
            for stem in range(stems):
                left, right, real, imaginary = R[stem, 0], R[stem, 1], R[stem, 2], R[stem, 3]
                for frame in range(frames):
                    a, b = z[0, 0, frame], z[0, 1, frame]
                    c, d = z[1, 0, frame], z[1, 1, frame]
                    power = v[stem, frame]
                    y[stem, 0, 0, frame] = power * (left * a + real * c - imaginary * d)
                    y[stem, 0, 1, frame] = power * (left * b + real * d + imaginary * c)
                    y[stem, 1, 0, frame] = power * (right * c + real * a + imaginary * b)
                    y[stem, 1, 1, frame] = power * (right * d + real * b - imaginary * a)
        for stem in range(stems):
            for channel in range(2):
                for frame in range(frames):
                    result[stem, channel, number, frame] = complex(
                        y[stem, channel, 0, frame] * scale, y[stem, channel, 1, frame] * scale
                    )
