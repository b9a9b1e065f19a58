"""How soon NMFD is where a plain numpy loop over the lags is after its iterations, from the same start.

`python tests/benchmarks/bench_nmfd.py [--json] [--processor] [--rounds N]`. V is the magnitude of a minute of real
songs, FFT 2048, hop 512; ten atoms of 0.2 s, 10 iterations of the loop; float32 both; medians of three, in turns. Ours
is the shortest run whose result costs no more than the loop's; finding how many iterations that takes is not timed.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from measuring import Goal, clock, report, write_song

from stemstudio.algorithms.nmf.convolutive import convolutive_updates, model
from stemstudio.algorithms.nmf.convolutive_fast import fast_convolutive_updates
from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

SECONDS, ATOMS, LENGTH, ITERATIONS, ROUNDS = 60.0, 10, 17, 10, 3
MOST = 20  # iterations of ours


def shifted(H: np.ndarray, by: int) -> np.ndarray:
    """Later by so many frames; earlier if negative."""
    moved = np.zeros_like(H)
    if by > 0:
        moved[:, by:] = H[:, :-by]
    elif by < 0:
        moved[:, :by] = H[:, -by:]
    else:
        moved[:] = H
    return moved


def plain_loop(V, W, H, iterations):
    """Smaragdis 2004 as it is written, H and W in turn."""
    W, H, ones = W.copy(), H.copy(), np.ones_like(V)
    for _ in range(iterations):
        ratio = V / (sum(W[lag] @ shifted(H, lag) for lag in range(len(W))) + np.float32(1e-12))
        above = sum(W[lag].T @ shifted(ratio, -lag) for lag in range(len(W)))
        H *= above / sum(W[lag].T @ shifted(ones, -lag) for lag in range(len(W)))
        ratio = V / (sum(W[lag] @ shifted(H, lag) for lag in range(len(W))) + np.float32(1e-12))
        for lag in range(len(W)):
            W[lag] *= (ratio @ shifted(H, lag).T) / (ones @ shifted(H, lag).T)
    return W, H


def cost(V: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    """D(V | model), the sums in float64."""
    return divergence(V, model(W, H, 0, V.shape[1]).T + np.float32(1e-12), 1.0)


def iterations_until(V, W, H, target) -> int:
    """How many iterations a run of ours needs to cost no more than the target; 0 where `MOST` do not suffice."""
    for iterations in range(1, MOST + 1):
        fit = fast_convolutive_updates(V, W, H, iterations=iterations, cost_every=10**9)
        if cost(V, fit.templates, fit.activations) <= target:
            return iterations
    return 0


def measure(rounds: int = ROUNDS) -> tuple[list[Goal], list[str]]:
    """The goal; and how many iterations it took, and how many times faster the same updates are."""
    with tempfile.TemporaryDirectory() as folder:
        samples, rate = soundfile.read(
            write_song(Path(folder) / "song.wav", SECONDS), dtype="float32", always_2d=True
        )
    V = spectrum(
        Audio(np.ascontiguousarray(samples.T), rate), StftSettings(fft=2048, hop=512), 1.0, Progress()
    )
    rng = np.random.default_rng(0)
    W = rng.random((LENGTH, V.shape[0], ATOMS), dtype=np.float32) + np.float32(0.1)
    H = rng.random((ATOMS, V.shape[1]), dtype=np.float32) + np.float32(0.1)
    plain_V = np.ascontiguousarray(V)
    theirs, same, ours, needed = [], [], [], 0
    for _ in range(rounds):
        begun = clock()
        expected = plain_loop(plain_V, W, H, ITERATIONS)
        theirs.append(clock() - begun)
        needed = needed or iterations_until(V, W, H, cost(V, *expected))
        begun = clock()
        fast_convolutive_updates(V, W, H, iterations=needed or MOST, cost_every=10**9)
        ours.append(clock() - begun if needed else math.inf)
        begun = clock()
        convolutive_updates(V, W, H, iterations=ITERATIONS, cost_every=10**9)
        same.append(clock() - begun)
    goal = Goal(
        f"NMFD, as far as a plain loop after {ITERATIONS}",
        statistics.median(ours),
        0.1,
        statistics.median(theirs),
    )
    notes = [
        f"{needed} iterations of ours",
        f"the loop's own {ITERATIONS} iterations: {goal.peer / statistics.median(same):.1f} times faster",
    ]
    return [goal], notes


if __name__ == "__main__":
    asked = sys.argv[1:]
    sys.exit(report(*measure(int(asked[asked.index("--rounds") + 1]) if "--rounds" in asked else ROUNDS)))
