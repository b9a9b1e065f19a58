"""NMFD: templates that last several frames, V ≈ Σ_l W_l shift(H, l), by multiplicative updates for the KL divergence.

A drum is not one spectrum but a course of spectra: a click, a body, a tail. All lags of a frame lie side by side in
memory when H is kept frame by frame, so that the sum over lags is one matrix product a block of frames, and V is read
once for H's update and once for W's.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.solver import THREADS, mean, one_blas_thread
from stemstudio.algorithms.nmf.updates import BLOCK_BYTES, FLOOR, LANES, NOTHING
from stemstudio.progress import Progress

Float = NDArray[np.float32]
AnyWork = TypeVar("AnyWork", bound="ConvolutiveWork")


@dataclass
class ConvolutiveFit:
    """Templates and activations, and the cost after each iteration that was looked at.

    Attributes
    ----------
    templates
        W, float32 (length, bins, atoms); those of an atom sum to 1.
    activations
        H, float32 (atoms, frames).
    costs
        D(V | model) in float64, before W's update of an iteration.
    """

    templates: Float
    activations: Float
    costs: list[float] = field(default_factory=list)


def convolutive_updates(
    V: Float,
    W: Float,
    H: Float,
    *,
    iterations: int = 30,
    hold_templates: bool = False,
    closeness: Float | None = None,
    cost_every: int = 10,
    progress: Progress | None = None,
) -> ConvolutiveFit:
    """Lower the KL divergence of V from Σ_l W_l shift(H, l); the cost never rises, zeros stay zeros.

    Two drums that are always struck together are one drum to the divergence: it goes on falling while the one takes the
    other's light over. Templates that are known keep them apart, when going away from them costs something,
    Σ_k μ_k KL(W⁰_k | W_k): as if each had been heard already, in a part c_k of what V has for a drum.

    Parameters
    ----------
    V
        float32 (bins, frames), ≥ 0.
    W, H
        Where to start: (length, bins, atoms) and (atoms, frames), ≥ 0; not written to.
    iterations
        How often H and W are updated, in turn.
    hold_templates
        Whether W stays as it is given.
    closeness
        c (atoms,), ≥ 0: what going away from its given template costs each, as a part of what V has for an atom; None
        for nothing.
    cost_every
        The cost is looked at in the first, every n-th and the last iteration.
    progress
        Reported to in every iteration; cancels between two blocks.

    Raises
    ------
    ValueError
        When shapes do not fit.

    References
    ----------
    Smaragdis 2004, "Non-negative matrix factor deconvolution; extraction of multiple sound sources from monophonic
    inputs", eqs. 7 and 8.
    """
    progress = progress or Progress()
    work = prepare(ConvolutiveWork, V, W, H, progress, hold_templates, closeness)
    costs: list[float] = []
    if work.silent:
        progress(1.0)
        return work.fit(costs)
    with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        for iteration in range(1, iterations + 1):
            look = iteration == 1 or iteration == iterations or iteration % cost_every == 0
            cost = work.iterate(pool, look)
            if look:
                costs.append(cost)
            progress(iteration / iterations, f"iteration {iteration} of {iterations}, cost {costs[-1]:.4g}")
    return work.fit(costs)


def prepare(
    kind: type[AnyWork],
    V: Float,
    W: Float,
    H: Float,
    progress: Progress,
    hold_templates: bool,
    closeness: Float | None,
) -> AnyWork:
    """Check a problem and copy its start, at V's level about 1; ValueError where shapes do not fit."""
    length, bins, atoms = W.shape
    if V.shape[0] != bins or H.shape != (atoms, V.shape[1]) or length < 1:
        raise ValueError(f"W {W.shape} and H {H.shape} do not fit V {V.shape}")
    if closeness is not None and (closeness.shape != (atoms,) or not (closeness >= 0).all()):
        raise ValueError(f"{closeness} does not say how close {atoms} atoms stay")
    level = mean(V.T)
    level = level if level > 0.0 else 0.0
    sizes = np.maximum(W.sum(axis=(0, 1), dtype=np.float64), NOTHING).astype(np.float32)
    H = H * sizes[:, None] / np.float32(level) if level else np.zeros_like(H)
    weights = None
    if closeness is not None and closeness.any() and not hold_templates:
        # V sums to its size at a level of 1.
        weights = np.tile(closeness * np.float32(V.size / atoms), length)[:, None]
    return kind(V.T, stacked(W / sizes), H.T, length, level, progress, hold_templates, weights)


def model(W: Float, H: Float, first: int, last: int) -> Float:
    """Σ_l W_l H(· − l) over frames [first, last) for W (length, bins, atoms): float32 (last − first, bins)."""
    length, _, atoms = W.shape
    padded = np.zeros((last - first + length - 1, atoms), dtype=np.float32)
    begin = first - length + 1
    held = H[:, max(0, begin) : last].T
    padded[max(0, -begin) : max(0, -begin) + len(held)] = held
    product: Float = lagged(padded, 0, last - first, length) @ stacked(W)
    return product


def stacked(W: Float) -> Float:
    """W (length, bins, atoms) with all lags of all atoms below each other, oldest frame first: (length · atoms, bins)."""
    length, bins, atoms = W.shape
    return np.ascontiguousarray(W[::-1].transpose(0, 2, 1), dtype=np.float32).reshape(length * atoms, bins)


def lagged(padded: Float, start: int, stop: int, length: int) -> Float:
    """Rows start…stop of Hᵀ, each with its length − 1 predecessors, oldest first: (stop − start, length · atoms).

    `padded` has length − 1 rows of zeros before the first frame, so that a row and its lags are a stretch of memory.
    """
    atoms = padded.shape[1]
    step = padded.strides[0]
    rows = padded[start : stop + length - 1]
    view = as_strided(rows, (stop - start, length * atoms), (step, padded.strides[1]), writeable=False)
    return np.ascontiguousarray(view)


class ConvolutiveWork:
    """One run: V (frames, bins) at a level of 1; W with its lags, oldest frame first; Hᵀ behind its padding."""

    def __init__(
        self,
        V: Float,
        templates: Float,
        activations: Float,
        length: int,
        level: float,
        progress: Progress,
        hold_templates: bool,
        weights: Float | None,
    ) -> None:
        self.V, self.templates, self.length = V, templates, length
        self.level, self.progress, self.hold_templates = level, progress, hold_templates
        self.weights = weights  # μ (length · atoms, 1)
        self.known = templates.copy() if weights is not None else None  # W⁰
        self.scale = np.float32(1 / level if level else 1)
        self.atoms = len(templates) // length
        frames, bins = V.shape
        self.padded = np.zeros((frames + length - 1, self.atoms), dtype=np.float32)
        self.padded[length - 1 :] = activations
        self.size = max(8, BLOCK_BYTES // (4 * bins))
        lanes = max(1, min(LANES, frames // self.size))
        edges = np.linspace(0, frames, lanes + 1).astype(int)
        self.lanes = list(pairwise(edges.tolist()))

    @property
    def silent(self) -> bool:
        """Whether there is nothing to explain."""
        return self.level == 0.0

    @property
    def activations(self) -> Float:
        """Hᵀ (frames, atoms)."""
        return self.padded[self.length - 1 :]

    def lags(self) -> Float:
        """W as (length, atoms, bins), oldest frame, so the latest part of the sound, first."""
        return self.templates.reshape(self.length, self.atoms, -1)

    def fit(self, costs: list[float]) -> ConvolutiveFit:
        """Where the run stands, at V's own level; costs as `iterate` told them."""
        templates = np.ascontiguousarray(self.lags()[::-1].transpose(0, 2, 1))
        activations = np.ascontiguousarray(self.activations.T) * np.float32(self.level)
        return ConvolutiveFit(templates, activations, [cost * self.level for cost in costs])

    def iterate(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """Update H, then W unless it is held; the cost between the two if it is asked for."""
        self.update_activations(pool)
        return self.update_templates(pool, look) if look or not self.hold_templates else 0.0

    def update_activations(self, pool: ThreadPoolExecutor) -> None:
        """H ← H · Σ_l W_lᵀ R(· + l) / Σ_l W_lᵀ 1, R = V / model."""
        transposed = np.ascontiguousarray(self.templates.T)

        def run(lane: tuple[int, int]) -> Float:
            gathered = np.zeros((lane[1] - lane[0] + self.length - 1, self.atoms), dtype=np.float32)
            for start, stop, _, ratio, _ in self._ratios(lane, False):
                parts = (ratio @ transposed).reshape(stop - start, self.length, self.atoms)
                for lag in range(self.length):
                    offset = start - lane[0] + lag
                    gathered[offset : offset + stop - start] += parts[:, lag]
            return gathered

        total = np.zeros_like(self.padded)
        for (start, stop), gathered in zip(self.lanes, pool.map(run, self.lanes), strict=True):
            total[start : stop + self.length - 1] += gathered
        # Near the end of the song the later lags have no frames to explain.
        sums = self.lags()[::-1].sum(axis=2, dtype=np.float64).cumsum(axis=0).astype(np.float32)
        frames = len(self.V)
        reach = np.minimum(self.length - 1, frames - 1 - np.arange(frames))
        self.activations[...] *= total[self.length - 1 :] / np.maximum(sums[reach], NOTHING)
        self.activations[self.activations < NOTHING] = 0

    def update_templates(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """W_l ← (W_l · R shift(H, l)ᵀ + μ W⁰_l) / (1 shift(H, l)ᵀ + μ), unless it is held; the cost before that if asked for.

        Normed afterwards, which does not raise the penalty: −log of a sum is at least 1 minus it.
        """
        hold = self.hold_templates
        away = self._away() if look else 0.0

        def run(lane: tuple[int, int]) -> tuple[Float, float]:
            gathered, cost = np.zeros_like(self.templates), 0.0
            for _, _, H, ratio, share in self._ratios(lane, look):
                cost += share
                if not hold:
                    gathered += H.T @ ratio
            return gathered, cost

        done = list(pool.map(run, self.lanes))
        if not hold:
            gathered = sum((lane[0] for lane in done[1:]), done[0][0])
            amounts = self.activations.sum(axis=0, dtype=np.float64)
            late = np.zeros((self.length, self.atoms))  # what a lag pushes beyond the end
            late[1:] = self.activations[::-1][: self.length - 1].cumsum(axis=0, dtype=np.float64)[
                np.minimum(np.arange(self.length - 1), len(self.V) - 1)
            ]
            sums = (amounts - late)[::-1].reshape(-1, 1).astype(np.float32)
            if self.known is None or self.weights is None:
                self.templates *= gathered / np.maximum(sums, NOTHING)
            else:
                self.templates *= gathered
                self.templates += self.weights * self.known
                self.templates /= np.maximum(sums + self.weights, NOTHING)
            sizes = np.maximum(self.lags().sum(axis=(0, 2), dtype=np.float64), NOTHING).astype(np.float32)
            self.lags()[...] /= sizes[None, :, None]
            self.activations[...] *= sizes
            self.templates[self.templates < NOTHING] = 0
        return away + float(sum(lane[1] for lane in done))

    def _away(self) -> float:
        """Σ_k μ_k KL(W⁰_k | W_k), which momentum may have left with another sum than 1."""
        if self.known is None or self.weights is None:
            return 0.0
        known = self.known > 0
        ratio = np.divide(
            self.known, np.maximum(self.templates, NOTHING), out=np.ones_like(self.known), where=known
        )
        gone = self.known * np.log(ratio) - self.known + self.templates
        return float(np.sum(self.weights * gone, dtype=np.float64))

    def _ratios(self, lane: tuple[int, int], look: bool) -> Iterator[tuple[int, int, Float, Float, float]]:
        """For every block: its edges, H with its lags, V / model, and its share of the cost if it is asked for."""
        room = np.empty((self.size, self.templates.shape[1]), dtype=np.float32)
        for start in range(lane[0], lane[1], self.size):
            self.progress.check()
            stop = min(lane[1], start + self.size)
            H = lagged(self.padded, start, stop, self.length)
            P = np.matmul(H, self.templates, out=room[: stop - start])
            P += FLOOR
            cost = divergence(self.V[start:stop] * self.scale, P, 1.0) if look else 0.0
            np.divide(self.V[start:stop], P, out=P)
            if self.scale != 1:
                P *= self.scale
            yield start, stop, H, P, cost
