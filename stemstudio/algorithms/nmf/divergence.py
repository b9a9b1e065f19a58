"""The β-divergence: how far a model is from what it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def divergence(V: NDArray[Any], P: NDArray[Any], beta: float) -> float:
    """D_β(V | P), summed in float64 over all entries; P > 0, and V > 0 for β = 0."""
    if beta == 2.0:
        return 0.5 * float(np.sum(np.square(V - P), dtype=np.float64))
    if beta == 1.0:
        ratio = np.divide(V, P)
        np.log(ratio, out=ratio, where=ratio > 0)
        ratio *= V
        ratio += P
        ratio -= V
        return float(np.sum(ratio, dtype=np.float64))
    if beta == 0.0:
        ratio = np.divide(V, P)
        terms = ratio - np.log(ratio)
        return float(np.sum(terms, dtype=np.float64)) - float(terms.size)
    wide, model = V.astype(np.float64), P.astype(np.float64)
    terms = wide**beta + (beta - 1) * model**beta - beta * wide * model ** (beta - 1)
    return float(terms.sum()) / (beta * (beta - 1))
