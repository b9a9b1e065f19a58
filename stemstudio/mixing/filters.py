"""Second-order filters: the equaliser of a strip, as numbers for native code.

Formulas are those of R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C note,
2021): an analogue prototype through the bilinear transform, which is exact at the filter's own frequency.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemstudio.project.effects import Equaliser

__all__ = [
    "FLAT_Q",
    "Biquad",
    "bell",
    "equaliser_array",
    "equaliser_sections",
    "high_pass",
    "high_shelf",
    "low_pass",
    "low_shelf",
    "response_db",
    "serials",
]

Biquad = tuple[float, float, float, float, float]
"""b0, b1, b2, a1, a2, with a0 = 1."""

FLAT_Q = math.sqrt(0.5)
HIGHEST = 0.49  # of the sample rate, where a filter can still be

serials = itertools.count(1)
"""Numbers that tell arrays for native code apart, each given once."""


def _angle(rate: float, hertz: float, q: float) -> tuple[float, float]:
    """Cosine of the filter's frequency, and α."""
    angle = 2 * math.pi * min(hertz, HIGHEST * rate) / rate
    return math.cos(angle), math.sin(angle) / (2 * q)


def _normal(b0: float, b1: float, b2: float, a0: float, a1: float, a2: float) -> Biquad:
    return b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0


def low_pass(rate: float, hertz: float, q: float = FLAT_Q) -> Biquad:
    """12 dB an octave above `hertz`; a Butterworth filter at the default quality factor."""
    cosine, alpha = _angle(rate, hertz, q)
    return _normal((1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2, 1 + alpha, -2 * cosine, 1 - alpha)


def high_pass(rate: float, hertz: float, q: float = FLAT_Q) -> Biquad:
    """12 dB an octave below `hertz`; a Butterworth filter at the default quality factor."""
    cosine, alpha = _angle(rate, hertz, q)
    return _normal((1 + cosine) / 2, -1 - cosine, (1 + cosine) / 2, 1 + alpha, -2 * cosine, 1 - alpha)


def bell(rate: float, hertz: float, gain_db: float, q: float) -> Biquad:
    """`gain_db` at `hertz`, nothing far away from it."""
    cosine, alpha = _angle(rate, hertz, q)
    root = 10 ** (gain_db / 40)
    return _normal(
        1 + alpha * root, -2 * cosine, 1 - alpha * root, 1 + alpha / root, -2 * cosine, 1 - alpha / root
    )


def low_shelf(rate: float, hertz: float, gain_db: float, q: float = FLAT_Q) -> Biquad:
    """`gain_db` far below `hertz`, half of it there, nothing far above."""
    return _shelf(rate, hertz, gain_db, q, 1.0)


def high_shelf(rate: float, hertz: float, gain_db: float, q: float = FLAT_Q) -> Biquad:
    """`gain_db` far above `hertz`, half of it there, nothing far below."""
    return _shelf(rate, hertz, gain_db, q, -1.0)


def _shelf(rate: float, hertz: float, gain_db: float, q: float, way: float) -> Biquad:
    """The low shelf; the high one is its mirror image, cos → −cos with the signs of b1 and a1 turned."""
    cosine, alpha = _angle(rate, hertz, q)
    cosine *= way
    root = 10 ** (gain_db / 40)
    slope = 2 * math.sqrt(root) * alpha
    return _normal(
        root * ((root + 1) - (root - 1) * cosine + slope),
        way * 2 * root * ((root - 1) - (root + 1) * cosine),
        root * ((root + 1) - (root - 1) * cosine - slope),
        (root + 1) + (root - 1) * cosine + slope,
        way * -2 * ((root - 1) + (root + 1) * cosine),
        (root + 1) + (root - 1) * cosine - slope,
    )


def equaliser_sections(equaliser: Equaliser, rate: float) -> tuple[Biquad, ...]:
    """The filters of an equaliser that do something, from the lowest to the highest; at most five."""
    found: list[Biquad] = []
    if equaliser.low_cut:
        found.append(high_pass(rate, equaliser.low_cut))
    if equaliser.low:
        found.append(low_shelf(rate, equaliser.low_at, equaliser.low))
    if equaliser.mid:
        found.append(bell(rate, equaliser.mid_at, equaliser.mid, equaliser.mid_width))
    if equaliser.high:
        found.append(high_shelf(rate, equaliser.high_at, equaliser.high))
    if equaliser.high_cut:
        found.append(low_pass(rate, equaliser.high_cut))
    return tuple(found)


@lru_cache(maxsize=256)
def equaliser_array(equaliser: Equaliser, rate: float) -> NDArray[np.float64] | None:
    """An equaliser as `playstate` has it, the same array whenever it is asked for; None where it changes nothing."""
    sections = equaliser_sections(equaliser, rate)
    if not sections:
        return None
    numbers = np.array([len(sections), next(serials), *itertools.chain(*sections)], dtype=np.float64)
    numbers.flags.writeable = False
    return numbers


def response_db(sections: tuple[Biquad, ...], rate: float, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gain in dB at some frequencies; none above half the sample rate."""
    z = np.exp(-2j * np.pi * np.minimum(hertz, rate / 2) / rate)
    gain = np.ones_like(z)
    for b0, b1, b2, a1, a2 in sections:
        gain *= (b0 + b1 * z + b2 * z**2) / (1 + a1 * z + a2 * z**2)
    return np.asarray(20 * np.log10(np.maximum(np.abs(gain), 1e-10)))
