"""Where the fast solver starts: what every sixteenth frame teaches, fitted to all of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.hals import SWEEPS, LeastSquares, locks, part, sweep
from stemstudio.algorithms.nmf.momentum import Accelerated, momentum, move_on
from stemstudio.algorithms.nmf.updates import NOTHING, Flags, Float, Model, Work
from stemstudio.progress import Progress

SPARING = 16  # one frame in so many is learned from, where that leaves enough of them
FEWEST_FRAMES = 600
FRAMES_AN_ATOM = 10
SQUARES_FROM = 0.5  # for a smaller β quiet sounds count for much, and least squares would lead away from them
ON_PART, ON_ALL = 25, 8  # iterations of least squares for a larger β < 2, on a part of the frames and on all
# Iterations on a part of the frames after that, or, for β = 2, of least squares alone: so many and more by iteration
# asked for, for a short run has a short start; and at most.
LEARNING, LEARNING_SQUARES = (24, 4, 60), (12, 2, 40)
FITTING, FITTING_FEW = (
    24,
    6,
)  # updates of H alone when all frames come in; after least squares, and without them
BAND = 64  # a band is so much narrower than its frequency
FITTING_SWEEPS = 5
SPREAD = np.float32(0.1)
FEW_ATOMS = 16
WARM = 10  # iterations that momentum counts as done after the start
TRACE = np.float32(1e-7)
LIFT = np.float32(1e-3)  # zeros of least squares become this share of the mean: in products, zero is for ever

Learned = tuple[float, int, Float]  # the cost, the sweeps that led there, W


def start(work: Work, iterations: int, pool: ThreadPoolExecutor, progress: Progress) -> None:
    """Bring W and H of `work` near the sound, in place; zeros and fixed atoms stay as they are.

    Before few `iterations` less is learned, so that a short run is short.
    """
    kept = work.templates.copy(), work.activations.copy() if work.fixed_activations is not None else None
    frames, atoms = len(work.V), work.templates.shape[1]
    every = min(SPARING, frames // max(FEWEST_FRAMES, FRAMES_AN_ATOM * atoms))
    if every < 2 or work.fixed_activations is not None:
        every = 1
    if isinstance(work, LeastSquares):
        if every > 1:
            _learn_squares(work, every, iterations, pool, progress)
    elif every > 1:
        _learn(work, every, iterations, pool, progress)
    elif work.beta >= SQUARES_FROM:
        # Not moved on: on songs of 20 s with true stems that led to atoms that tell stems apart 0.3 dB less well.
        _from_squares(work, ON_ALL, pool, progress, moving=False)
    if work.fixed_templates is not None:
        work.templates[:, work.fixed_templates] = kept[0][:, work.fixed_templates]
    if work.fixed_activations is not None and kept[1] is not None:
        work.activations[:, work.fixed_activations] = kept[1][:, work.fixed_activations]
    if isinstance(work, Accelerated):
        work.carry_on(calmly=False)
        work.iterations_done = WARM if every > 1 else 0
    progress(1.0)


def _effort(effort: tuple[int, int, int], iterations: int) -> int:
    """How long to learn on a part before so many iterations on all."""
    least, more, most = effort
    return min(most, least + more * iterations)


def _part_of(work: Work, every: int) -> tuple[Float, Float]:
    """V and a copy of Hᵀ in one frame of `every`."""
    some = slice(every // 2, None, every)
    return np.ascontiguousarray(work.V[some]), work.activations[some].copy()


def _learn_squares(
    work: LeastSquares, every: int, iterations: int, pool: ThreadPoolExecutor, progress: Progress
) -> None:
    """Learn W for the Euclidean cost, in place, from one frame in `every`.

    With few atoms, whether an iteration sweeps over them once or more often decides which minimum is found, and neither
    is always the better one; so both are tried on the part, side by side, and the better goes on.
    """
    V, given = _part_of(work, every)
    learning = _effort(LEARNING_SQUARES, iterations)

    def learn(sweeps: int, each: Executor | None, told: Callable[[float, str], None]) -> Learned:
        learner = LeastSquares(
            V,
            work.templates.copy(),
            given.copy(),
            2.0,
            work.scale,
            work.progress,
            fixed_templates=work.fixed_templates,
        )
        learner.sweeps = sweeps
        learner.lock()
        cost = np.inf
        for iteration in range(learning):
            cost = learner.iterate(each, iteration == learning - 1)
            told((iteration + 1) / learning, "learning from a part of the song")
        return cost, sweeps, learner.templates

    if work.templates.shape[1] <= FEW_ATOMS:
        other = pool.submit(learn, 1, None, lambda *_: work.progress.check())
        found = [learn(SWEEPS, None, progress), other.result()]
    else:
        found = [learn(SWEEPS, pool, progress)]
    _, work.sweeps, work.templates[...] = min(found, key=lambda learned: learned[0])
    # The other frames come in: their activations are far off, so the first sweeps are more.
    work.first_sweeps = FITTING_SWEEPS


def _learn(work: Work, every: int, iterations: int, pool: ThreadPoolExecutor, progress: Progress) -> None:
    """Learn W, in place, from one frame in `every`, and fit H to all."""
    V, H = _part_of(work, every)
    locked = locks(work.templates, work.fixed_templates)
    # Atoms that may not sound in any of these frames have nothing to learn from, and wait as they are.
    waiting = np.max(H, axis=0, initial=0) == 0
    if work.fixed_templates is not None:
        np.logical_or(waiting, work.fixed_templates, out=waiting)
    learner = Accelerated(
        V,
        work.templates,
        H,
        work.beta,
        work.scale,
        work.progress,
        fixed_templates=waiting if waiting.any() else None,
    )
    if work.beta >= SQUARES_FROM:
        _from_squares(learner, ON_PART, pool, progress.part(0.0, 0.2))
    learner.carry_on(calmly=False)
    learning = _effort(LEARNING, iterations)
    for iteration in range(learning):
        learner.iterate(pool, False)
        progress(0.2 + 0.6 * (iteration + 1) / learning, "learning from a part of the song")
    # A bin that was silent in that part is no more than that: it must be able to come back.
    _lift(work.templates, work.templates.mean(axis=0, keepdims=True) * TRACE, locked)
    if work.beta < SQUARES_FROM:  # what least squares would find anew is taken from the neighbours
        _spread(learner.activations, work.activations, every)
    _fit_activations(work, pool)


def _spread(some: Float, activations: Float, every: int) -> None:
    """Fill all activations from those of one frame in `every`, in place: each its nearest one and some of them all.

    Atoms without any there keep theirs.
    """
    nearest = np.minimum(np.arange(len(activations)) // every, len(some) - 1)
    heard = some.any(axis=0)
    found = (some[nearest] + SPREAD * some.mean(axis=0)) * (activations > 0)
    activations[:, heard] = found[:, heard]


def _from_squares(
    work: Work, iterations: int, pool: ThreadPoolExecutor, progress: Progress, *, moving: bool = True
) -> None:
    """Least squares on √V from √W and √H; the squares of what they find are where `work` starts."""
    W, H = np.sqrt(work.templates), np.sqrt(work.activations)
    squares = LeastSquares(
        work.V,
        W,
        H,
        2.0,
        work.scale,
        work.progress,
        fixed_templates=work.fixed_templates,
        fixed_activations=work.fixed_activations,
    )
    squares.roots = True
    squares.lock()
    if not moving:
        squares.farther = 0.0
    for iteration in range(iterations):
        squares.iterate(pool, False)
        progress((iteration + 1) / iterations, "finding a start")
    for found, target, locked in (
        (W, work.templates, squares.locked_templates),
        (H, work.activations, squares.locked_activations),
    ):
        np.square(found, out=target)
        _lift(target, target.mean(axis=0, keepdims=True) * LIFT, locked)
    # The square of a sum is more than the sum of squares: the level is put right, the rest is left to the updates.
    loudness = sum(float(frame.sum(dtype=np.float64)) for frame in work.V) * float(work.scale)
    model = float(
        work.templates.sum(axis=0, dtype=np.float64) @ work.activations.sum(axis=0, dtype=np.float64)
    )
    work.activations *= np.float32(loudness / max(model, 1e-30))
    work.normalise()


def _fit_activations(work: Work, pool: ThreadPoolExecutor) -> None:
    """Fit H to W in all frames, a block at a time: least squares on √V where they help, then updates with momentum.

    When a sound plays can be told from bands as well as from bins, and there are fewer of them.
    """
    edges = bands(work.V.shape[1])
    W = np.add.reduceat(work.templates, edges, axis=0)
    roots, model = np.sqrt(W), Model(W, work.beta)
    # The sum of n bins is known better than one of them: its share of the cost is n^(1 - β) that of a bin as loud.
    widths = np.diff(edges, append=work.V.shape[1]).astype(np.float32)
    model.W = W * (widths ** np.float32(1 - work.beta))[:, None]
    gram = roots.T @ roots
    locked = locks(work.activations, None)
    squares, move = work.beta >= SQUARES_FROM, sweep()

    def fit(lane: list[tuple[int, int]]) -> None:
        rows = max((stop - start for start, stop in lane), default=0)
        first, second = (np.empty((rows, W.shape[0]), dtype=np.float32) for _ in range(2))
        for start, stop in lane:
            work.progress.check()
            V = np.add.reduceat(work.V[start:stop], edges, axis=1)
            V *= work.scale
            H = work.activations[start:stop].copy()
            loudness = V.sum(axis=1, keepdims=True)
            if squares:
                mine = part(locked, start, stop)
                np.sqrt(H, out=H)
                move(np.sqrt(V) @ roots, gram, H, mine, FITTING_SWEEPS)
                np.square(H, out=H)
                _lift(H, loudness * (LIFT / H.shape[1]), mine)
            H *= loudness / np.maximum(H @ model.sums, NOTHING)[:, None]
            n, before = stop - start, None
            for done in range(FITTING if squares else FITTING_FEW):
                here = H.copy()
                if before is not None:
                    move_on(H, before, np.float32(momentum(done)))
                before = here
                model.update(V, H, first[:n], second[:n], np.float32(1))
            work.activations[start:stop] = H

    list(pool.map(fit, work.lanes))


def bands(bins: int, narrower: int = BAND) -> NDArray[np.intp]:
    """Where bands begin: each a bin at the bottom, and in the heights so many times narrower than its frequency."""
    edges = [0]
    while (following := edges[-1] + max(1, edges[-1] // narrower)) < bins:
        edges.append(following)
    return np.array(edges)


def _lift(values: Float, least: Float, locked: Flags) -> None:
    """Raise entries to `least`, in place, except where they are locked."""
    raised = np.maximum(values, least)
    if locked.size:
        raised[locked] = values[locked]
    values[...] = raised
