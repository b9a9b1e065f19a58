"""Multiplicative updates for NMF under the β-divergence: the reference solver, in one pass over V an iteration.

Given W, the update of H falls apart into frames. So V is taken block by block: the block's activations are updated,
and with them the block's share of the numerator and denominator of W's update is summed, while everything is in the
cache. These are the same alternating updates as with whole matrices, without their temporaries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.progress import Progress

Float = NDArray[np.float32]

BLOCK_BYTES = 1 << 19  # of V a block: with its model it stays within a core's own cache
LANES = 8  # partial sums for W, in a fixed order: the result does not depend on the number of threads
THREADS = max(1, min(LANES, os.cpu_count() or 1))
NOTHING = np.float32(1e-18)  # smaller entries become 0: products would be denormal numbers, which are slow
FLOOR = np.float32(
    1e-12
)  # added to the model W H (V is about 1): a faint constant atom, so that it can be divided by


@dataclass
class Fit:
    """Where a factorisation stands; V's own scale is kept.

    Attributes
    ----------
    templates
        W, float32 (bins, atoms), columns summing to 1.
    activations
        H, float32 (atoms, frames).
    iteration
        Updates done so far.
    costs
        D(V | W H) in float64 at the iterations in `looked_at`.
    """

    templates: Float
    activations: Float
    iteration: int = 0
    costs: list[float] = field(default_factory=list)
    looked_at: list[int] = field(default_factory=list)


def multiplicative_updates(
    V: Float,
    W: Float,
    H: Float,
    *,
    beta: float = 1.0,
    iterations: int = 200,
    cost_every: int = 10,
    progress: Progress | None = None,
    watch: Callable[[Fit], None] | None = None,
) -> Fit:
    """Lower D_β(V | W H) by multiplicative updates of H and W in turn.

    The cost never rises, entries stay non-negative, and zeros of W and H stay zeros. The inputs are not written to.

    Parameters
    ----------
    V
        float32 (bins, frames), ≥ 0. Fastest where `V.T` is contiguous; may be a memory map.
    W, H
        Where to start: (bins, atoms) and (atoms, frames), ≥ 0.
    beta
        2 Euclidean, 1 Kullback–Leibler, 0 Itakura–Saito, or between.
    iterations
        How often both are updated.
    cost_every
        The cost is looked at in the first, every n-th and the last iteration: after H's update, before W's.
    progress
        Reported to in every iteration; cancels between two blocks.
    watch
        Called after every iteration with the `Fit` so far; its arrays are copied only if the callee does so.

    Returns
    -------
    Fit
        W with columns that sum to 1, the scale in H.

    Raises
    ------
    ValueError
        When shapes do not fit or β is outside [0, 2].
    Cancelled
        When asked to stop.

    References
    ----------
    Lee & Seung 2000, "Algorithms for non-negative matrix factorization"; Févotte & Idier 2011, "Algorithms for
    nonnegative matrix factorization with the β-divergence", eq. 4.1 and table 2 (the exponent γ(β)).
    """
    bins, frames = V.shape
    atoms = W.shape[1]
    if W.shape != (bins, atoms) or H.shape != (atoms, frames):
        raise ValueError(f"W {W.shape} and H {H.shape} do not fit V {V.shape}")
    if not 0.0 <= beta <= 2.0:
        raise ValueError(f"beta must lie in [0, 2], not {beta}")
    progress = progress or Progress()
    mean = float(_mean(V.T))
    fit = Fit(np.array(W, dtype=np.float32), np.array(H.T, dtype=np.float32, order="C").T)
    if mean <= 0.0 or not np.isfinite(mean):
        fit.activations[...] = 0
        progress(1.0)
        return fit
    # Floors and limits below are meant for a V about 1; most songs are, and need no scaling.
    level = 1.0 if 1e-2 <= mean <= 1e2 else mean
    work = _Work(V.T, fit.templates, fit.activations.T, beta, np.float32(1.0 / level), progress)
    work.activations *= work.scale
    with _one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        for iteration in range(1, iterations + 1):
            look = iteration == 1 or iteration == iterations or iteration % cost_every == 0
            cost = work.iterate(pool, look)
            fit.iteration = iteration
            if look:
                fit.costs.append(cost * level**beta)
                fit.looked_at.append(iteration)
            if watch is not None:
                shown = Fit(
                    fit.templates,
                    (work.activations * np.float32(level)).T,
                    iteration,
                    fit.costs,
                    fit.looked_at,
                )
                watch(shown)
            progress(
                iteration / iterations,
                f"iteration {iteration} of {iterations}, {atoms} atoms, cost {fit.costs[-1]:.4g}",
            )
    work.activations *= np.float32(level)
    return fit


class _Work:
    """One run: V (frames, bins) times a scale, W (bins, atoms) and Hᵀ (frames, atoms), updated in place."""

    def __init__(
        self, V: Float, W: Float, H: Float, beta: float, scale: np.float32, progress: Progress
    ) -> None:
        self.V, self.templates, self.activations = V, W, H
        self.beta, self.scale, self.progress = beta, scale, progress
        self.gamma = np.float32(1.0 / (2.0 - beta) if beta < 1.0 else 1.0)
        frames, bins = V.shape
        size = max(8, BLOCK_BYTES // (4 * bins))
        lanes = max(1, min(LANES, frames // size))
        edges = np.linspace(0, frames, lanes + 1).astype(int)
        self.lanes = [
            [(start, min(stop, start + size)) for start in range(low, stop, size)]
            for low, stop in pairwise(edges)
        ]
        self.normalise()

    def iterate(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """Update H, then W; the cost between the two if it is asked for."""
        sums = _Model(self.templates, self.beta)
        done = list(pool.map(lambda lane: self._lane(lane, sums, look), self.lanes))
        numerator = sum((lane.numerator for lane in done[1:]), done[0].numerator)
        denominator = sum((lane.denominator for lane in done[1:]), done[0].denominator)
        if self.beta == 2.0:
            denominator = self.templates @ denominator
        _multiply(self.templates, numerator, denominator, self.gamma)
        self.normalise()
        return float(sum(lane.cost for lane in done))

    def normalise(self) -> None:
        """Columns of W sum to 1; the scale goes to H."""
        norms = self.templates.sum(axis=0, dtype=np.float64).astype(np.float32)
        norms[norms <= NOTHING] = 1
        self.templates /= norms
        self.activations *= norms
        self.templates[self.templates < NOTHING] = 0
        self.activations[self.activations < NOTHING] = 0

    def _lane(self, blocks: list[tuple[int, int]], model: _Model, look: bool) -> _Lane:
        W, beta = self.templates, self.beta
        lane = _Lane(W.shape, beta)
        rows = max((stop - start for start, stop in blocks), default=0)
        first, second, third = (np.empty((rows, W.shape[0]), dtype=np.float32) for _ in range(3))
        for start, stop in blocks:
            self.progress.check()
            n = stop - start
            H = self.activations[start:stop]
            V = self.V[start:stop]
            if self.scale != 1 or beta == 0.0:
                V = np.multiply(V, self.scale, out=third[:n])
            if beta == 0.0:
                V += FLOOR
            model.update(V, H, first[:n], second[:n], self.gamma)
            lane.add(V, H, model, first[:n], second[:n], look)
        return lane


class _Model:
    """What an iteration needs of W alone, and the update of a block of H."""

    def __init__(self, W: Float, beta: float) -> None:
        self.W, self.beta = W, beta
        self.transposed = np.ascontiguousarray(W.T)
        self.sums = W.sum(axis=0)
        self.gram = W.T @ W if beta == 2.0 else None

    def update(self, V: Float, H: Float, first: Float, second: Float, gamma: np.float32) -> None:
        """H ← H · ((V P^(β−2)) W / (P^(β−1) W))^γ for a block, with P = H Wᵀ (everything transposed)."""
        if self.gram is not None:
            _multiply(H, V @ self.W, H @ self.gram, gamma)
            return
        self.weigh(V, H, first, second)
        denominator = self.sums if self.beta == 1.0 else second @ self.W
        _multiply(H, first @ self.W, denominator, gamma)

    def weigh(self, V: Float, H: Float, first: Float, second: Float) -> None:
        """first ← V P^(β−2); second ← P^(β−1), unless β is 1."""
        P = np.matmul(H, self.transposed, out=second)
        P += FLOOR
        if self.beta == 1.0:
            np.divide(V, P, out=first)
            return
        if self.beta == 0.0:
            np.divide(np.float32(1), P, out=P)
        elif self.beta == 0.5:
            np.sqrt(P, out=first)
            np.divide(np.float32(1), first, out=second)
            np.multiply(second, second, out=first)
            first *= second
            first *= V
            return
        elif self.beta == 1.5:
            np.sqrt(P, out=P)
            np.divide(V, P, out=first)
            return
        else:
            np.divide(V, P, out=first)
            np.power(P, np.float32(self.beta - 1.0), out=P)
            first *= P
            return
        np.multiply(P, P, out=first)
        first *= V


class _Lane:
    """Sums over a run of blocks for W's update."""

    def __init__(self, shape: tuple[int, int], beta: float) -> None:
        bins, atoms = shape
        self.beta = beta
        self.cost = 0.0
        self.numerator = np.zeros((bins, atoms), dtype=np.float32)
        sizes: dict[float, tuple[int, ...]] = {1.0: (atoms,), 2.0: (atoms, atoms)}
        self.denominator = np.zeros(sizes.get(beta, shape), dtype=np.float32)

    def add(self, V: Float, H: Float, model: _Model, first: Float, second: Float, look: bool) -> None:
        if self.beta == 2.0:
            self.numerator += V.T @ H
            self.denominator += H.T @ H
            if look:
                np.matmul(H, model.transposed, out=second)
                self.cost += divergence(V, second, 2.0)
            return
        model.weigh(V, H, first, second)
        self.numerator += first.T @ H
        self.denominator += H.sum(axis=0) if self.beta == 1.0 else second.T @ H
        if look:
            P = np.matmul(H, model.transposed, out=second)
            P += FLOOR
            self.cost += divergence(V, P, self.beta)


def _multiply(target: Float, numerator: Float, denominator: Float, gamma: np.float32) -> None:
    """target ← target · (numerator / denominator)^γ, in place; 0 where the denominator is 0."""
    ratio = np.divide(numerator, np.maximum(denominator, NOTHING))
    if gamma != 1.0:
        np.power(ratio, gamma, out=ratio)
    target *= ratio


def _mean(frames: Float) -> float:
    """Mean of V (frames, bins) in float64, block by block; 0 for an empty one."""
    total, step = 0.0, max(1, BLOCK_BYTES // max(1, 4 * frames.shape[1]))
    for start in range(0, frames.shape[0], step):
        total += float(np.sum(frames[start : start + step], dtype=np.float64))
    return total / max(1, frames.size)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """BLAS calls of the blocks run each on its own thread: many small products, several at a time."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
