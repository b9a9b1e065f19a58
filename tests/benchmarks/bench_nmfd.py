"""NMFD against the same updates in a plain numpy loop over the lags, from the same start.

`python tests/benchmarks/bench_nmfd.py [--json]`. V is the magnitude of a minute of a real song, FFT 2048, hop 512; ten
atoms of 0.2 s, 10 iterations; float32 both; medians of three, in turns.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from measuring import Goal, clock, report, write_song

from stemstudio.algorithms.nmf.convolutive import convolutive_updates
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

SECONDS, ATOMS, LENGTH, ITERATIONS, ROUNDS = 60.0, 10, 17, 10, 3


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


def measure(rounds: int = ROUNDS) -> tuple[list[Goal], float]:
    """The goal, and the greatest difference from the plain loop's activations, of their peak."""
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
    theirs, ours = [], []
    for _ in range(rounds):
        begun = clock()
        expected = plain_loop(plain_V, W, H, ITERATIONS)
        theirs.append(clock() - begun)
        begun = clock()
        fit = convolutive_updates(V, W, H, iterations=ITERATIONS, cost_every=10**9)
        ours.append(clock() - begun)
    sizes = expected[0].sum(axis=(0, 1))
    difference = np.abs(fit.activations - expected[1] * sizes[:, None]).max() / fit.activations.max()
    goal = Goal(
        f"NMFD, {ITERATIONS} iterations, against a plain loop",
        statistics.median(ours),
        0.1,
        statistics.median(theirs),
    )
    return [goal], float(difference)


if __name__ == "__main__":
    found, apart = measure()
    sys.exit(report(found, [f"greatest difference {apart:.1e} of the peak"]))
