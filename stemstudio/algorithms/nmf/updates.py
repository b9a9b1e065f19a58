"""One round of multiplicative updates, in one pass over V; what every NMF solver here is made of.

Given W, the update of H falls apart into frames. So V is taken block by block: the block's activations are updated,
and with them the block's share of the numerator and denominator of W's update is summed, while everything is in the
cache. These are the same alternating updates as with whole matrices, without their temporaries.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.penalties import Penalties, PenaltiesAt, balanced
from stemstudio.progress import Progress

Float = NDArray[np.float32]
Flags = NDArray[np.bool_]

BLOCK_BYTES = 1 << 19  # of V a block: with its model it stays within a core's own cache
LANES = 8  # partial sums for W, in a fixed order: the result does not depend on the number of threads
NOTHING = np.float32(1e-18)  # smaller entries become 0: products would be denormal numbers, which are slow
FLOOR = np.float32(
    1e-12
)  # added to the model W H (V is about 1): a faint constant atom, so that it can be divided by


class Work:
    """One run: V (frames, bins) times a scale, W (bins, atoms) and Hᵀ (frames, atoms), updated in place."""

    def __init__(
        self,
        V: Float,
        W: Float,
        H: Float,
        beta: float,
        scale: np.float32,
        progress: Progress,
        *,
        fixed_templates: Flags | None = None,
        fixed_activations: Flags | None = None,
        penalties: Penalties | None = None,
    ) -> None:
        self.V, self.templates, self.activations = V, W, H
        self.beta, self.scale, self.progress = beta, scale, progress
        self.fixed_templates, self.fixed_activations = fixed_templates, fixed_activations
        self.penalties = penalties
        self.normalised = False
        descending = (descending_exponent(beta),) * 2 if penalties is None else penalties.exponents(beta)
        self.gamma, self.templates_gamma = map(np.float32, descending)
        frames, bins = V.shape
        size = max(8, BLOCK_BYTES // (4 * bins))
        self.lanes = [
            even_parts(low, stop, max(1, round((stop - low) / size)))
            for low, stop in even_parts(0, frames, max(1, min(LANES, frames // size)))
        ]
        self.normalise()

    def iterate(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """Update H, then W; the cost between the two if it is asked for."""
        sums = Model(self.templates, self.beta)
        penal = None
        if self.penalties is not None:
            penal = self.penalties.at(self.templates, self.activations)
        done = list(pool.map(lambda lane: self._lane(lane, sums, look, penal), self.lanes))
        numerator = sum((lane.numerator for lane in done[1:]), done[0].numerator)
        denominator = sum((lane.denominator for lane in done[1:]), done[0].denominator)
        if self.beta == 2.0:
            denominator = self.templates @ denominator
        if self.penalties is not None:
            penalised = self.penalties.at(self.templates, self.activations)
            denominator = balanced(numerator, denominator, penalised.templates_pull(), self.beta)
            penal_cost = penalised.cost() if look else 0.0
        else:
            penal_cost = 0.0
        multiply(self.templates, numerator, denominator, self.templates_gamma, self.fixed_templates)
        self.normalise()
        return float(sum(lane.cost for lane in done)) + penal_cost

    def normalise(self) -> None:
        """Columns of W sum to 1 and the scale goes to H, but for atoms whose H is fixed."""
        norms = self.templates.sum(axis=0, dtype=np.float64).astype(np.float32)
        if self.fixed_activations is not None:
            norms[self.fixed_activations] = 1
        if self.fixed_templates is not None:
            # Fixed columns are normalised once: rounding must not move them after that.
            if self.normalised:
                norms[self.fixed_templates] = 1
            self.normalised = True
        norms[norms <= NOTHING] = 1
        for values, factor in ((self.templates, 1 / norms), (self.activations, norms)):
            np.multiply(values, factor, out=values)
            np.multiply(values, values >= NOTHING, out=values)

    def _lane(
        self, blocks: list[tuple[int, int]], model: Model, look: bool, penal: PenaltiesAt | None
    ) -> Sums:
        W, beta = self.templates, self.beta
        lane = Sums(W.shape, beta)
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
            extra = None if penal is None else penal.activations_terms(start, stop)
            model.update(V, H, first[:n], second[:n], self.gamma, self.fixed_activations, extra)
            lane.add(V, H, model, first[:n], second[:n], look)
        return lane


class Model:
    """What an iteration needs of W alone, and the update of a block of H."""

    def __init__(self, W: Float, beta: float) -> None:
        self.W, self.beta = W, beta
        self.transposed = np.ascontiguousarray(W.T)
        self.sums = W.sum(axis=0)
        self.gram = W.T @ W if beta == 2.0 else None

    def update(
        self,
        V: Float,
        H: Float,
        first: Float,
        second: Float,
        gamma: np.float32,
        fixed: Flags | None = None,
        extra: tuple[Float | float, Float] | None = None,
    ) -> None:
        """H ← H · ((V P^(β−2)) W / (P^(β−1) W))^γ for a block, with P = H Wᵀ (everything transposed).

        `extra` is added to numerator and denominator.
        """
        if self.gram is not None:
            numerator, denominator = V @ self.W, H @ self.gram
        else:
            self.weigh(V, H, first, second)
            numerator = first @ self.W
            denominator = self.sums if self.beta == 1.0 else second @ self.W
        if extra is not None:
            numerator += extra[0]
            denominator = denominator + extra[1]
        multiply(H, numerator, denominator, gamma, fixed)

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


class Sums:
    """Sums over a run of blocks for W's update."""

    def __init__(self, shape: tuple[int, int], beta: float) -> None:
        bins, atoms = shape
        self.beta = beta
        self.cost = 0.0
        self.numerator = np.zeros((bins, atoms), dtype=np.float32)
        sizes: dict[float, tuple[int, ...]] = {1.0: (atoms,), 2.0: (atoms, atoms)}
        self.denominator = np.zeros(sizes.get(beta, shape), dtype=np.float32)

    def add(self, V: Float, H: Float, model: Model, first: Float, second: Float, look: bool) -> None:
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


def even_parts(start: int, stop: int, count: int) -> list[tuple[int, int]]:
    """A range in so many consecutive parts of like length."""
    edges = np.linspace(start, stop, count + 1).astype(int).tolist()
    return list(pairwise(edges))


def descending_exponent(beta: float) -> float:
    """γ(β), with which the multiplicative updates cannot raise the cost (Févotte & Idier 2011, table 2)."""
    return 1.0 / (2.0 - beta) if beta < 1.0 else 1.0


def multiply(
    target: Float, numerator: Float, denominator: Float, gamma: np.float32, fixed: Flags | None = None
) -> None:
    """target ← target · (numerator / denominator)^γ, in place; 0 where the denominator is 0; not in fixed columns."""
    ratio = np.divide(numerator, np.maximum(denominator, NOTHING))
    if gamma != 1.0:
        np.power(ratio, gamma, out=ratio)
    if fixed is not None:
        ratio[:, fixed] = 1
    target *= ratio
