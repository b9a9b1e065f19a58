"""What plays an atom, as far as one can tell from it alone: drums, a bass, something else, or a voice."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.timbre import cepstrum, flatness, periodicity, sparseness
from stemstudio.resources import resource

Wide = NDArray[np.float64]

INSTRUMENTS = ("drums", "bass", "other", "voice")
LOW = 160.0  # Hz, below which a bass has its weight
PEAKS = 180.0  # Hz: what stands out twice above the median over that is a partial
RISE, HOLD = 0.046, 0.07  # s: how soon a stroke has risen; what still sounds after that long is no stroke
FARTHEST = 2.5  # deviations, as which everything farther out counts


class Ear(NamedTuple):
    """What was learned from invented songs, by `packaging/train_instruments.py`.

    mean, deviation: (features,); weights: (terms, instruments) of the features and all their products, and offsets.
    """

    mean: Wide
    deviation: Wide
    weights: Wide
    offsets: Wide


def instruments(factorization: Factorization, sample_rate: int) -> Wide:
    """How probably each of `INSTRUMENTS` plays each atom: float64 (atoms, 4), rows sum to 1.

    A logistic regression on the features of an atom and their products. It has heard invented songs only, so it knows
    kinds of sound and no song; one atom in four it takes for something else than it is.

    Parameters
    ----------
    sample_rate
        In Hz.
    """
    ear = _ear()
    logits = terms(features(factorization, sample_rate), ear) @ ear.weights + ear.offsets
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def features(factorization: Factorization, sample_rate: int) -> Wide:
    """What is looked at, (atoms, features): noise, partials, weight in the bass, envelope; strokes, sparse, periodic."""
    W = factorization.templates.astype(np.float64)
    H = factorization.activations.astype(np.float64)
    grid = factorization.grid
    frequencies = np.arange(len(W)) * sample_rate / grid.fft
    rate = sample_rate / grid.hop
    sums = W.sum(axis=0) + 1e-30
    return np.column_stack(
        [
            np.log(flatness(W**2) + 1e-4),
            _partials(W, max(1, round(PEAKS * grid.fft / sample_rate))) / sums,
            _held(H, max(1, round(HOLD * rate))),
            np.log(W[frequencies < LOW].sum(axis=0) / sums + 1e-2),
            _risen(H, max(1, round(RISE * rate))),
            sparseness(H),
            periodicity(H),
            cepstrum(W, frequencies),
        ]
    )


def terms(table: Wide, ear: Ear) -> Wide:
    """The features in deviations from what is usual, and the products of all pairs."""
    z = np.clip((table - ear.mean) / ear.deviation, -FARTHEST, FARTHEST)
    one, other = np.triu_indices(z.shape[1])
    return np.column_stack([z, z[:, one] * z[:, other]])


@cache
def _ear() -> Ear:
    with np.load(resource("instruments.npz")) as stored:
        return Ear(*(stored[word].astype(np.float64) for word in Ear._fields))


def _partials(W: Wide, width: int) -> Wide:
    """What stands out of the spectrum around it, summed over bins."""
    from scipy.ndimage import median_filter

    return np.asarray(np.maximum(W - 2.0 * median_filter(W, size=(width, 1)), 0.0).sum(axis=0))


def _held(H: Wide, lag: int) -> Wide:
    """Autocorrelation of the activations at a lag: 1 lasts, 0 is over."""
    centred = H - H.mean(axis=1, keepdims=True)
    later = centred[:, lag:]
    return np.asarray((later * centred[:, : later.shape[1]]).sum(axis=1) / ((centred**2).sum(axis=1) + 1e-30))


def _risen(H: Wide, lag: int) -> Wide:
    """Share of the activations that has risen within a lag."""
    later = H[:, lag:]
    rise = np.maximum(later - H[:, : later.shape[1]], 0.0)
    return np.asarray(rise.sum(axis=1) / (2.0 * H.sum(axis=1) + 1e-30))
