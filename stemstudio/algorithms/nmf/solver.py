"""Multiplicative updates for NMF under the β-divergence: the reference solver."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.updates import BLOCK_BYTES, LANES, Flags, Work
from stemstudio.progress import Progress

Float = NDArray[np.float32]
AnyWork = TypeVar("AnyWork", bound=Work)

THREADS = max(1, min(LANES, os.cpu_count() or 1))


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
    pans
        q, float32 (channels, atoms), columns summing to 1; None where all channels share one model.
    """

    templates: Float
    activations: Float
    iteration: int = 0
    costs: list[float] = field(default_factory=list)
    looked_at: list[int] = field(default_factory=list)
    pans: Float | None = None


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
    fixed_templates: Flags | None = None,
    fixed_activations: Flags | None = None,
    penalties: Penalties | None = None,
) -> Fit:
    """Lower D_β(V | W H), plus penalties, by multiplicative updates of H and W in turn.

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
    fixed_templates, fixed_activations
        bool (atoms,): the columns of W and the rows of H that stay as they are given.
    penalties
        Added to the cost, with absolute weights.

    Returns
    -------
    Fit
        W with columns that sum to 1 and the scale in H, except for atoms of fixed activations.

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
    problem = prepare(V, W, H, beta, fixed_templates, fixed_activations)
    progress = progress or Progress()
    fit, level = problem.fit, problem.level
    if level == 0.0:
        progress(1.0)
        return fit
    work = problem.work(Work, progress, penalties)
    atoms = W.shape[1]
    with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        for iteration in range(1, iterations + 1):
            look = iteration == 1 or iteration == iterations or iteration % cost_every == 0
            cost = work.iterate(pool, look)
            fit.iteration = iteration
            if look:
                fit.costs.append(cost * level**beta)
                fit.looked_at.append(iteration)
            if watch is not None:
                watch(problem.shown())
            progress(
                iteration / iterations,
                f"iteration {iteration} of {iterations}, {atoms} atoms, cost {fit.costs[-1]:.4g}",
            )
    work.activations *= np.float32(level)
    return fit


def mean(frames: Float) -> float:
    """Mean of V (frames, bins), block by block, frames added up in float64; 0 for an empty one."""
    total, step = 0.0, max(1, BLOCK_BYTES // max(1, 4 * frames.shape[1]))
    ones = np.ones(frames.shape[1], dtype=np.float32)
    for start in range(0, frames.shape[0], step):
        total += float(np.sum(frames[start : start + step] @ ones, dtype=np.float64))
    return total / max(1, frames.size)


@dataclass
class Problem:
    """V, a start that may be written to, and the level at which V is about 1.

    Attributes
    ----------
    V
        float32 (bins, frames).
    fit
        A copy of the start.
    beta
        Of the divergence.
    level
        V / level is factorised; 0 where V is silent.
    fixed_templates, fixed_activations
        Atoms whose W or H stays as given; None where there are none.
    """

    V: Float
    fit: Fit
    beta: float
    level: float
    fixed_templates: Flags | None
    fixed_activations: Flags | None

    def work(self, kind: type[AnyWork], progress: Progress, penalties: Penalties | None = None) -> AnyWork:
        """A run of updates on the fit's own arrays; `shown` and the end of the run put V's level back into H."""
        self.fit.activations *= np.float32(1.0 / self.level)
        return kind(
            self.V.T,
            self.fit.templates,
            self.fit.activations.T,
            self.beta,
            np.float32(1.0 / self.level),
            progress,
            fixed_templates=self.fixed_templates,
            fixed_activations=self.fixed_activations,
            penalties=penalties.for_level(self.level, self.beta) if penalties else None,
        )

    def shown(self) -> Fit:
        """The fit at V's own level and with columns that sum to 1, for somebody to look at while the work goes on."""
        fit = self.fit
        # Least squares leave the scale between W and H open until the end; multiplicative updates do not.
        norms = fit.templates.sum(axis=0)
        norms[(np.abs(norms - 1) < 1e-3) | (norms == 0)] = 1
        if self.fixed_activations is not None:
            norms[self.fixed_activations] = 1
        templates = fit.templates if (norms == 1).all() else fit.templates / norms
        activations = fit.activations * (norms * np.float32(self.level))[:, None]
        return Fit(templates, activations, fit.iteration, fit.costs, fit.looked_at)


def prepare(
    V: Float,
    W: Float,
    H: Float,
    beta: float,
    fixed_templates: Flags | None = None,
    fixed_activations: Flags | None = None,
) -> Problem:
    """Check a problem and copy its start; ValueError where shapes do not fit or β is outside [0, 2]."""
    bins, frames = V.shape
    atoms = W.shape[1]
    if W.shape != (bins, atoms) or H.shape != (atoms, frames):
        raise ValueError(f"W {W.shape} and H {H.shape} do not fit V {V.shape}")
    if not 0.0 <= beta <= 2.0:
        raise ValueError(f"beta must lie in [0, 2], not {beta}")
    for fixed in (fixed_templates, fixed_activations):
        if fixed is not None and fixed.shape != (atoms,):
            raise ValueError(f"flags {fixed.shape} do not fit {atoms} atoms")
    fit = Fit(np.array(W, dtype=np.float32), np.array(H.T, dtype=np.float32, order="C").T)
    level = mean(V.T)
    if level <= 0.0 or not np.isfinite(level):
        level = 0.0
        silent = slice(None) if fixed_activations is None else ~fixed_activations
        fit.activations[silent] = 0
    elif 1e-2 <= level <= 1e2:
        # Floors and limits are meant for a V about 1; most songs are, and need no scaling.
        level = 1.0
    none = [
        fixed if fixed is not None and fixed.any() else None for fixed in (fixed_templates, fixed_activations)
    ]
    return Problem(V, fit, beta, level, *none)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS calls of the blocks run each on its own thread: many small products, several at a time."""
    with _blas().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _blas() -> Any:
    """The control of BLAS's threads; finding the libraries takes some milliseconds, so once is enough."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
