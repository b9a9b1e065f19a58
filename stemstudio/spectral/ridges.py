"""Ridges: the pitch near a place on the sheet that the peaks of its overtones agree on."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTIALS = 8  # that are listened to
AROUND = 8  # bins to either side that a peak has to stand out of
CLEAR = 1.1  # nepers by which it has to
AGREE = 20.0  # cents within which overtones name the same pitch


def pitch_near(
    magnitudes: NDArray[np.floating[Any]], hertz_a_bin: float, hertz: float, cents: float = 70.0
) -> float:
    """The pitch within `cents` of `hertz` that most peaks of the spectrum are overtones of; `hertz` where there are none.

    Parameters
    ----------
    magnitudes
        Of one moment, float (bins,).
    hertz_a_bin
        Distance of two bins.
    hertz
        Where to look, > 0.
    cents
        How far to either side, but at least one bin.
    """
    span = max(cents, 1200 * float(np.log2(1 + hertz_a_bin / hertz)))
    found = []
    for number in range(1, PARTIALS + 1):
        wide = max(1.0, number * hertz * (2 ** (span / 1200) - 1) / hertz_a_bin)
        peak = _peak(magnitudes, number * hertz / hertz_a_bin, wide)
        if peak is not None:
            found.append((1200 * float(np.log2(peak[0] * hertz_a_bin / (number * hertz))), peak[1]))
    offsets = np.array([offset for offset, _ in found if abs(offset) <= span])
    weights = np.array([weight for offset, weight in found if abs(offset) <= span])
    if not offsets.size:
        return hertz
    agreeing = np.abs(offsets[:, None] - offsets) <= AGREE
    best = agreeing[int((agreeing @ weights).argmax())]
    return float(hertz * 2 ** (np.average(offsets[best], weights=weights[best]) / 1200))


def _peak(magnitudes: NDArray[np.floating[Any]], place: float, wide: float) -> tuple[float, float] | None:
    """Place in bins, and clearness in nepers, of the highest peak within `wide` bins; None where none stands out."""
    first, last = max(1, int(np.ceil(place - wide))), min(len(magnitudes) - 2, int(place + wide))
    if last < first:
        return None
    top = first + int(magnitudes[first : last + 1].argmax())
    a, b, c = (float(value) for value in magnitudes[top - 1 : top + 2])
    if b <= 0 or b < a or b < c or (a <= 0 and c <= 0):
        return None
    near = magnitudes[max(0, top - AROUND) : top + AROUND + 1].tolist()
    clear = math.log(b / max(median(near), 1e-9 * b))
    if clear < CLEAR:
        return None
    a, b, c = (math.log(max(value, 1e-9 * b)) for value in (a, b, c))
    return top + 0.5 * (a - c) / (a - 2 * b + c), min(clear, 4.0)
