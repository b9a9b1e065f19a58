"""Hierarchical alternating least squares: the fast way down for the Euclidean cost, and a start for the others.

Given W, every frame's activations are a small problem of their own, solved one atom after the other from V W and WᵀW.
As in the multiplicative updates, V is read once an iteration, block by block.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.updates import LANES, Flags, Float, Work, even_parts

SWEEPS = 3  # over the atoms an iteration: cheap beside the products with V
FARTHER, FARTHEST, GROWTH = (
    0.5,
    0.95,
    1.05,
)  # of the last step moved on: at first, at most, and from one to the next
# The cost is told from the products, which are there anyway; where it is less than this share of ‖V‖², what is left of
# their difference is rounding, and it is taken from V − W H.
CLOSE = 1e-2
NO_LOCKS: Flags = np.zeros((0, 0), dtype=np.bool_)


class LeastSquares(Work):
    """Updates for ½ ‖V − W H‖², or ½ ‖√V − W H‖² where `roots` is set, from points moved on along the last step.

    Entries of W and Hᵀ that are zero at the start stay zero, for a zero says what an atom may not explain; fixed atoms
    keep theirs. Unlike multiplicative updates, all others may become zero and come back. The scale between W and H is
    left as it falls, for the updates do not depend on it; `normalise` brings it in order in the end.

    References
    ----------
    Gillis & Glineur 2012, "Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative matrix
    factorization"; Ang & Gillis 2019, "Accelerating nonnegative matrix factorization algorithms using extrapolation",
    with the cost, which the products give for next to nothing, as the judge of every step.
    """

    roots = False
    sweeps = SWEEPS
    first_sweeps: int | None = None  # over H in the next iteration alone

    def lock(self) -> None:
        """Take note of what must not move; to be called before the first iteration."""
        self.locked_templates = locks(self.templates, self.fixed_templates)
        self.locked_activations = locks(self.activations, self.fixed_activations)
        self.farther = FARTHER
        self.energy = 0.0
        self.carry_on(calmly=False)

    def carry_on(self, *, calmly: bool) -> None:
        """From here on as W and H stand now; `calmly` with half the way moved on."""
        if calmly:
            self.farther /= 2
        self.seen: tuple[Float, Float] | None = None
        self.origin = self.templates
        self.cost = np.inf

    def iterate(self, pool: Executor | None, look: bool) -> float:
        """Update H, then W; the cost between the two if it is asked for. Where both led up, go back to before.

        Without a pool all is done in the calling thread; the result is the same.
        """
        at_once = map if pool is None else pool.map
        sweeps, self.first_sweeps = self.first_sweeps or self.sweeps, None
        W, move = self.origin.copy(), sweep()
        fresh = np.empty_like(self.activations)
        b = np.float32(0 if look or self.seen is None else self.farther)
        gram = W.T @ W
        done = list(at_once(lambda lane: self._solve(lane, W, gram, fresh, sweeps, b), self.lanes))
        products = sum((lane.products for lane in done[1:]), done[0].products)
        grams = sum((lane.grams for lane in done[1:]), done[0].grams)
        self.energy = self.energy or sum(lane.energy for lane in done)
        told = 0.0
        if look:
            told = self._from_products(products, grams, W)
            if told < CLOSE * self.energy:
                told = sum(at_once(lambda lane: self._cost(lane, W, fresh), self.lanes))

        def solve(rows: tuple[int, int]) -> None:
            start, stop = rows
            locked = part(self.locked_templates, start, stop)
            move(products[start:stop], grams, W[start:stop], locked, self.sweeps)

        list(at_once(solve, even_parts(0, len(W), LANES)))
        cost = self._from_products(products, grams, W)
        if self.seen is not None and cost > self.cost:
            self.templates[...], self.activations[...] = self.seen
            self.carry_on(calmly=True)
        else:
            before = self.templates if self.seen is None else self.seen[0]
            self.origin = np.maximum(0, W + np.float32(self.farther) * (W - before))
            self.templates[...] = W
            self.seen, self.cost = (W, fresh), cost
            self.farther = min(FARTHEST, self.farther * GROWTH)
        return float(told)

    def _solve(
        self,
        blocks: list[tuple[int, int]],
        W: Float,
        gram: Float,
        fresh: Float,
        sweeps: int,
        b: np.float32,
    ) -> Products:
        """Solve for H in one lane, into `fresh`; `activations` then hold H moved on by `b`."""
        move = sweep()
        lane = Products(np.zeros_like(W), np.zeros_like(gram))
        for start, stop in blocks:
            self.progress.check()
            V = self._block(start, stop)
            if not self.energy:
                lane.energy += float(np.einsum("ij,ij->i", V, V).sum(dtype=np.float64))
            H, moved = fresh[start:stop], self.activations[start:stop]
            H[...] = moved
            move(V @ W, gram, H, part(self.locked_activations, start, stop), sweeps)
            if b and self.seen is not None:
                np.subtract(H, self.seen[1][start:stop], out=moved)
                moved *= b
                moved += H
                np.maximum(moved, 0, out=moved)
            else:
                moved[...] = H
            lane.products += V.T @ moved
            lane.grams += moved.T @ moved
        return lane

    def _from_products(self, products: Float, grams: Float, W: Float) -> float:
        """½ ‖V − H Wᵀ‖² = ½ ‖V‖² − ⟨Vᵀ H, W⟩ + ½ ⟨HᵀH, WᵀW⟩."""
        return 0.5 * self.energy - _inner(products, W) + 0.5 * _inner(grams, W.T @ W)

    def _block(self, start: int, stop: int) -> Float:
        """What is to be explained in these frames."""
        V = self.V[start:stop]
        if self.scale != 1:
            V = V * self.scale
        return np.sqrt(V) if self.roots else V

    def _cost(self, blocks: list[tuple[int, int]], W: Float, H: Float) -> float:
        """½ ‖V − H Wᵀ‖² in one lane, from the difference itself."""
        total = 0.0
        for start, stop in blocks:
            self.progress.check()
            total += divergence(self._block(start, stop), H[start:stop] @ W.T, 2.0)
        return total


@dataclass
class Products:
    """What a lane adds to the update of W: V Hᵀ and H Hᵀ; and ‖V‖², the first time."""

    products: Float
    grams: Float
    energy: float = 0.0


def _inner(first: Float, second: Float) -> float:
    return float(np.sum(np.multiply(first, second, dtype=np.float64)))


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
