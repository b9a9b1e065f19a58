"""NMF's speed and memory, against the same updates in plain numpy in the same run.

Run as `pytest -m benchmark tests/benchmarks/bench_nmf.py -s`, or as a script for the figures alone.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

from stemstudio.algorithms.nmf.recipe import FIRST_LOOK
from stemstudio.algorithms.nmf.solver import multiplicative_updates

BINS, FRAMES, ATOMS, ITERATIONS, PIECES = 1025, 10_000, 32, 200, 5


def plain_numpy(V, W, H, iterations):
    """The updates as they are written in the papers."""
    W, H = W.copy(), H.copy()
    for _ in range(iterations):
        H *= (W.T @ (V / (W @ H))) / W.sum(axis=0)[:, None]
        W *= ((V / (W @ H)) @ H.T) / H.sum(axis=1)
    return W, H


def problem():
    """A matrix with a structure like a song's: a few patterns, and noise."""
    rng = np.random.default_rng(0)
    patterns = rng.random((BINS, 20), dtype=np.float32) ** 4 @ rng.random((20, FRAMES), dtype=np.float32) ** 4
    V = patterns + 0.01 * rng.random((BINS, FRAMES), dtype=np.float32)
    W = rng.random((BINS, ATOMS), dtype=np.float32) + 0.1
    H = rng.random((ATOMS, FRAMES), dtype=np.float32) + 0.1
    return np.ascontiguousarray(V.T).T, W, H


def measure() -> dict[str, float]:
    """Seconds for 200 iterations each, in turns, so that a busy machine is busy for both; and how far they differ."""
    V, W, H = problem()
    plain_V = np.ascontiguousarray(V)
    plain, ours = (W, H), (W, H)
    plain_seconds, our_seconds = [], []
    for _ in range(PIECES):
        begun = time.perf_counter()
        plain = plain_numpy(plain_V, *plain, ITERATIONS // PIECES)
        plain_seconds.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        fit = multiplicative_updates(V, *ours, iterations=ITERATIONS // PIECES)
        our_seconds.append(time.perf_counter() - begun)
        ours = (fit.templates, fit.activations)
    theirs, mine = plain[0] @ plain[1], ours[0] @ ours[1]
    return {
        "plain numpy, s": sum(plain_seconds),
        "ours, s": sum(our_seconds),
        "ratio": sum(plain_seconds) / sum(our_seconds),
        "ratio of the best pieces": min(plain_seconds) / min(our_seconds),
        "difference": float(np.abs(theirs - mine).max() / theirs.max()),
        "first picture, s": our_seconds[0] / (ITERATIONS // PIECES) * FIRST_LOOK,
    }


MEMORY = """
import resource, sys, numpy as np
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
rng = np.random.default_rng(0)
sound = Audio(rng.standard_normal((2, 600 * 44100), dtype=np.float32) * np.float32(0.1), 44100)
NMF(components=4, iterations=1).run(Audio(sound.samples[:, :100000], 44100), Progress())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
NMF(components=64, iterations=3).run(sound, Progress())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / (2049 * 25840 * 4))
"""


def memory() -> float:
    """Peak of a run on a 10-minute stereo song beyond the song itself, in units of V."""
    answer = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    return float(answer.stdout)


def test_not_slower_than_plain_numpy():
    figures = measure()
    print(figures)
    assert figures["ratio"] >= 1.0
    assert figures["difference"] <= 1e-3


def test_memory_of_a_ten_minute_song():
    beyond = memory()
    print(f"{beyond:.2f} V")
    assert beyond <= 1.5


if __name__ == "__main__":
    print(measure())
    print(f"memory beyond the song: {memory():.2f} V")
