"""Hierarchical alternating least squares: the fast way down for the Euclidean cost, and a start for the others.

Given W, every frame's activations are a small problem of their own, solved one atom after the other from V W and WᵀW.
As in the multiplicative updates, V is read once an iteration, block by block.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.updates import FLOOR, Flags, Float, Work

SWEEPS = 3  # over the atoms an iteration: cheap beside the products with V
NO_LOCKS: Flags = np.zeros((0, 0), dtype=np.bool_)


class LeastSquares(Work):
    """Updates for ½ ‖V − W H‖², or ½ ‖√V − W H‖² where `roots` is set.

    Entries of W and Hᵀ that are zero at the start stay zero, for a zero says what an atom may not explain; fixed atoms
    keep theirs. Unlike multiplicative updates, all others may become zero and come back.

    References
    ----------
    Gillis & Glineur 2012, "Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative matrix
    factorization".
    """

    roots = False
    sweeps = SWEEPS

    def lock(self) -> None:
        """Take note of what must not move; to be called before the first iteration."""
        self.locked_templates = locks(self.templates, self.fixed_templates)
        self.locked_activations = locks(self.activations, self.fixed_activations)

    def iterate(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """Update H, then W; the cost between the two if it is asked for."""
        gram = self.templates.T @ self.templates
        done = list(pool.map(lambda lane: self._solve(lane, gram, look), self.lanes))
        products = sum((lane[0] for lane in done[1:]), done[0][0])
        grams = sum((lane[1] for lane in done[1:]), done[0][1])
        sweep()(products, grams, self.templates, self.locked_templates, self.sweeps)
        self.normalise()
        return float(sum(lane[2] for lane in done))

    def _solve(self, blocks: list[tuple[int, int]], gram: Float, look: bool) -> tuple[Float, Float, float]:
        W, move = self.templates, sweep()
        products, grams, cost = np.zeros_like(W), np.zeros_like(gram), 0.0
        for start, stop in blocks:
            self.progress.check()
            V = self.V[start:stop]
            if self.scale != 1:
                V = V * self.scale
            if self.roots:
                V = np.sqrt(V)
            H = self.activations[start:stop]
            move(V @ W, gram, H, part(self.locked_activations, start, stop), self.sweeps)
            products += V.T @ H
            grams += H.T @ H
            if look:
                P = H @ W.T
                P += FLOOR
                cost += divergence(V, P, 2.0)
        return products, grams, cost


def locks(values: Float, fixed: Flags | None) -> Flags:
    """Entries that are zero or fixed; empty where there are none."""
    locked = values == 0
    if fixed is not None:
        locked[:, fixed] = True
    return locked if locked.any() else NO_LOCKS


def part(locked: Flags, start: int, stop: int) -> Flags:
    """Some rows of locks, which may be empty."""
    return locked[start:stop] if locked.size else locked


@lru_cache(maxsize=1)
def sweep() -> Callable[[Float, Float, Float, Flags, int], Any]:
    """The inner loop, compiled on first use and kept on disk."""
    from stemstudio.algorithms.nmf.hals_kernel import sweep as compiled

    return compiled
