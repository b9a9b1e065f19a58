"""Scoring's speed against mir_eval on a minute of two sources: `python tests/benchmarks/bench_evaluation.py [--json]`."""

from __future__ import annotations

import statistics
import sys
import time
import warnings

import numpy as np
from measuring import RATE, Goal, report

from stemstudio.evaluation import scores

SECONDS, ROUNDS = 60, 3
TIMES_FASTER = 5


def problem(seconds: float = SECONDS) -> tuple[np.ndarray, np.ndarray]:
    """Two coloured noises, and estimates of them that leak and are noisy."""
    rng = np.random.default_rng(0)
    length = round(seconds * RATE)
    tail = np.exp(-np.arange(200) / 30)
    sources = np.stack(
        [np.convolve(rng.standard_normal(length), tail * shape)[:length] for shape in (1, tail)]
    )
    guesses = np.array([[1, 0.2], [0.1, 1]]) @ sources + 0.1 * rng.standard_normal((2, length))
    return sources, guesses


def measure(rounds: int = ROUNDS) -> tuple[Goal, float]:
    """The goal, and by how much the scores differ in dB."""
    import mir_eval

    warnings.simplefilter("ignore")
    sources, guesses = problem()
    names = ("one", "two")
    stems, estimates = ({n: each[None] for n, each in zip(names, s, strict=True)} for s in (sources, guesses))
    ours, theirs = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        found = scores(stems, estimates, match="best")
        ours.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        expected = mir_eval.separation.bss_eval_sources(sources, guesses)[:3]
        theirs.append(time.perf_counter() - begun)
    figures = np.array([[getattr(score, name) for score in found.values()] for name in ("sdr", "sir", "sar")])
    goal = Goal(
        "scores of 60 s, two sources, against mir_eval",
        statistics.median(ours),
        1 / TIMES_FASTER,
        peer=statistics.median(theirs),
    )
    return goal, float(np.abs(figures - np.array(expected)).max())


def test_scoring_is_five_times_as_fast_as_mir_eval() -> None:
    goal, apart = measure(1)
    print(goal)
    assert apart < 1e-5
    assert goal.met


if __name__ == "__main__":
    goal, apart = measure()
    sys.exit(report([goal], [f"the scores differ by {apart:.1e} dB at most"]))
