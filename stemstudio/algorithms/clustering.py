"""Clustering a few dozen points: a mixture of Gaussians with one common spread, always the same for a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]

RESTARTS = 12
ROUNDS = 60


def clusters(points: Wide, weights: Wide, n: int, seed: int, fixed: Mapping[int, int]) -> Wide:
    """Probabilities of n clusters: (points, n), rows sum to 1.

    Expectation–maximisation of a mixture of spherical Gaussians of one common variance, started from k-means++
    centres; the best of several starts by likelihood.

    Parameters
    ----------
    points
        (points, features).
    weights
        ≥ 0, how much each point counts.
    n
        Number of clusters.
    seed
        Of the starts.
    fixed
        Cluster by point: points whose cluster is given.
    """
    count = len(points)
    weights = np.sqrt(np.maximum(weights, 0.0))  # loud points lead, quiet ones are still heard
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(count, 1.0 / max(1, count))
    given = np.zeros((count, n), dtype=bool)
    for point, cluster in fixed.items():
        given[point, cluster] = True
    best, best_likelihood = np.full((count, n), 1.0 / n), -np.inf
    for restart in range(RESTARTS):
        rng = np.random.default_rng([seed, restart])
        found, likelihood = _fit(points, weights, _centres(points, weights, n, rng, fixed), given)
        if likelihood > best_likelihood + 1e-12:
            best, best_likelihood = found, likelihood
    return best


def _centres(points: Wide, weights: Wide, n: int, rng: np.random.Generator, fixed: Mapping[int, int]) -> Wide:
    """k-means++: each further centre far from those there are; clusters with given points start at their mean."""
    centres = np.zeros((n, points.shape[1]))
    known = sorted(set(fixed.values()))
    for cluster in known:
        members = [point for point, owner in fixed.items() if owner == cluster]
        centres[cluster] = points[members].mean(axis=0)
    distance = np.full(len(points), np.inf)
    for cluster in known:
        distance = np.minimum(distance, ((points - centres[cluster]) ** 2).sum(axis=1))
    for cluster in range(n):
        if cluster in known:
            continue
        chance = weights * (distance if np.isfinite(distance).all() else 1.0)
        total = chance.sum()
        pick = int(rng.choice(len(points), p=chance / total)) if total > 0 else int(rng.integers(len(points)))
        centres[cluster] = points[pick]
        distance = np.minimum(distance, ((points - centres[cluster]) ** 2).sum(axis=1))
    return centres


def _fit(points: Wide, weights: Wide, centres: Wide, given: NDArray[np.bool_]) -> tuple[Wide, float]:
    n, dimensions = centres.shape
    shares = np.full(n, 1.0 / n)
    held = given.any(axis=1)
    floor = 1e-3 * dimensions
    spread = max(floor, float((weights @ ((points - weights @ points) ** 2)).sum()) / n) / dimensions
    probabilities, likelihood = np.full((len(points), n), 1.0 / n), -np.inf
    for _ in range(ROUNDS):
        distance = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
        logs = np.log(shares + 1e-300) - distance / (2 * spread) - 0.5 * dimensions * np.log(spread)
        logs[held] = np.where(given[held], logs[held], -np.inf)
        top = logs.max(axis=1, keepdims=True)
        scaled = np.exp(logs - top)
        sums = scaled.sum(axis=1, keepdims=True)
        probabilities = scaled / sums
        reached = float(weights @ (top + np.log(sums))[:, 0])
        mass = (weights[:, None] * probabilities).sum(axis=0)
        full = mass > 1e-12
        centres = centres.copy()
        centres[full] = (weights[:, None] * probabilities).T[full] @ points / mass[full, None]
        shares = (mass + 1e-3) / (mass + 1e-3).sum()
        spread = max(floor, float((weights[:, None] * probabilities * distance).sum())) / dimensions
        if reached - likelihood < 1e-7:
            likelihood = reached
            break
        likelihood = reached
    return probabilities, likelihood
