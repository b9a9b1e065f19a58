"""The β-divergence: how far a model is from what it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def divergence(V: NDArray[Any], P: NDArray[Any], beta: float) -> float:
    """D_β(V | P) over all entries; P > 0, and V > 0 for β = 0. Rows are added up as they are, their sums in float64."""
    if beta == 2.0:
        gap = V - P
        return 0.5 * float(np.einsum("...i,...i", gap, gap).sum(dtype=np.float64))
    if beta == 1.0:
        ratio = np.divide(V, P)
        np.log(ratio, out=ratio, where=ratio > 0)
        ratio *= V
        ratio += P
        ratio -= V
        return _total(ratio)
    if beta == 0.0:
        ratio = np.divide(V, P)
        terms = np.log(ratio)
        np.subtract(ratio, terms, out=terms)
        terms -= 1
        return _total(terms)
    wide, model = V.astype(np.float64), P.astype(np.float64)
    terms = wide**beta + (beta - 1) * model**beta - beta * wide * model ** (beta - 1)
    return float(terms.sum()) / (beta * (beta - 1))


def _total(terms: NDArray[Any]) -> float:
    return float(terms.sum(axis=-1).sum(dtype=np.float64))
