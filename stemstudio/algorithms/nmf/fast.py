"""The fast solver: a start from a part of the frames, then least squares or multiplicative updates with momentum.

The sounds of a song come back, so most of what W must learn can be learned from every sixteenth frame, at a sixteenth
of the price. Then H is fitted to all frames with W held, each block several times while it is in the cache, and only
then do full iterations begin. For β = 2 they are hierarchical alternating least squares. For all other β they are the
multiplicative updates, from a point moved on in the logarithm, where positive stays positive and zero stays zero:
Ĥ = H (H / H_before)^b. Momentum has no proof of descent; so the cost is looked at, and where it rose, the last state
looked at is taken up again and carried on without momentum.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from stemstudio.algorithms.nmf.fast_start import start
from stemstudio.algorithms.nmf.hals import LeastSquares, sweep
from stemstudio.algorithms.nmf.momentum import Accelerated
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.solver import (
    THREADS,
    Fit,
    multiplicative_updates,
    one_blas_thread,
    prepare,
)
from stemstudio.algorithms.nmf.updates import Flags, Float
from stemstudio.progress import Progress, unhurried

START_SHARE = 10  # what the start takes, in iterations, for the progress bar


def fast_updates(
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
    settled: bool = False,
) -> Fit:
    """Lower D_β(V | W H) in fewer seconds than `multiplicative_updates`, which see for parameters, result and errors.

    The costs told never rise; zeros of the start stay zero; same input, same arrays, on any number of threads. With
    penalties the multiplicative updates do all the work. `settled` says that W and H are where an earlier run ended:
    they are improved from just there, without a start that would lead somewhere else.

    References
    ----------
    Gillis & Glineur 2012; Févotte & Idier 2011; Hien & Gillis 2021, "Algorithms for nonnegative matrix factorization
    with the Kullback–Leibler divergence".
    """
    if penalties:
        return multiplicative_updates(
            V,
            W,
            H,
            beta=beta,
            iterations=iterations,
            cost_every=cost_every,
            progress=progress,
            watch=watch,
            fixed_templates=fixed_templates,
            fixed_activations=fixed_activations,
            penalties=penalties,
        )
    problem = prepare(V, W, H, beta, fixed_templates, fixed_activations)
    progress = progress or Progress()
    fit = problem.fit
    if problem.level == 0.0:
        progress(1.0)
        return fit
    if beta == 2.0 or not settled:
        unhurried(sweep, progress, "Getting ready")  # the first time it is a library to be loaded
    with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        work: LeastSquares | Accelerated
        if beta == 2.0:
            work = problem.work(LeastSquares, progress)
            work.lock()
        else:
            work = problem.work(Accelerated, progress)
        share = 0.0 if settled else START_SHARE / (START_SHARE + iterations)
        if not settled:
            start(work, iterations, pool, progress.part(0.0, share))
        elif isinstance(work, Accelerated):
            work.carry_on(calmly=True)
        told = progress.part(share, 1.0)
        kept = Kept(work)
        for iteration in range(1, iterations + 1):
            look = iteration == 1 or iteration == iterations or iteration % cost_every == 0
            cost = work.iterate(pool, look)
            fit.iteration = iteration
            if look:
                fit.costs.append(kept.better(cost) * problem.level**beta)
                fit.looked_at.append(iteration)
            if watch is not None:
                watch(problem.shown())
            told(
                iteration / iterations,
                f"iteration {iteration} of {iterations}, {W.shape[1]} atoms, cost {fit.costs[-1]:.4g}",
            )
    if isinstance(work, LeastSquares):
        work.normalise()
    work.activations *= np.float32(problem.level)
    return fit


class Run(Protocol):
    """Updates with momentum, that can be led back and carried on `calmly`."""

    @property
    def templates(self) -> Float: ...
    @property
    def activations(self) -> Float: ...
    def carry_on(self, *, calmly: bool) -> None: ...


class Kept:
    """The best state looked at so far, to go back to where momentum led astray."""

    def __init__(self, work: Run) -> None:
        self.work = work
        self.cost = np.inf
        self.templates, self.activations = work.templates.copy(), work.activations.copy()

    def better(self, cost: float) -> float:
        """Keep the present state, or go back to the one that is kept if that costs less; the lower cost."""
        work = self.work
        astray = not cost <= self.cost
        if astray:
            work.templates[...], work.activations[...] = self.templates, self.activations
        else:
            self.cost = cost
            self.templates[...], self.activations[...] = work.templates, work.activations
        if astray or not isinstance(work, LeastSquares):
            work.carry_on(calmly=astray)
        return self.cost
