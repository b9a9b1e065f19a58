"""The separators without networks against their peers: `python tests/benchmarks/bench_classical.py [--json] [--frames N]`.

HPSS and REPET-SIM against librosa's recipes, RPCA against the inexact augmented Lagrangian with the whole singular
value decomposition, run until it has converged. On the magnitudes of real songs, 1025 bins and 10,000 frames unless
said; single precision, and in turns, so that a busy machine is busy for all. Takes some minutes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from measuring import RATE, Goal, clock, report, write_song

from stemstudio.algorithms.hpss import hpss_masks, magnitude
from stemstudio.algorithms.repet import repeating
from stemstudio.algorithms.rpca import rpca
from stemstudio.audio.audio import Audio
from stemstudio.spectral.stft import StftSettings

GRID = StftSettings(fft=2048, hop=512)
FRAMES, ROUNDS = 10_000, 5
TIMES_FASTER = {"HPSS": 30, "REPET-SIM": 5, "RPCA": 20}
NEAR = 55  # dB between our low-rank part and the converged one


def magnitudes(frames: int = FRAMES) -> np.ndarray:
    """Of real songs one after the other: float32 (bins, frames)."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_song(Path(folder) / "song.wav", (frames + 4) * GRID.hop / RATE)
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return magnitude(Audio(np.ascontiguousarray(samples.T), rate), GRID, 0, frames)


def in_turns(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Medians of the seconds that each takes; the peer once where a round takes it over 20 s."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, taken in zip((ours, peer), times, strict=True):
            if work is peer and taken and taken[0] > 20:
                continue
            begun = clock()
            work()
            taken.append(clock() - begun)
    return statistics.median(times[0]), statistics.median(times[1])


def hpss(V: np.ndarray, rounds: int) -> Goal:
    """Soft masks, both medians of 17."""
    import librosa

    hpss_masks(V[:, :100], 17, 17)
    seconds = in_turns(
        lambda: hpss_masks(V, 17, 17), lambda: librosa.decompose.hpss(V, kernel_size=17, mask=True), rounds
    )
    return Goal("HPSS, against librosa", seconds[0], 1 / TIMES_FASTER["HPSS"], peer=seconds[1])


def repet_sim(V: np.ndarray, rounds: int) -> Goal:
    """As many neighbours as librosa takes by itself, 2 s apart; librosa's are 2 s from the frame only."""
    import librosa

    width = round(2 * RATE / GRID.hop)
    neighbours = 2 * int(np.ceil(np.sqrt(V.shape[1] - 2 * width + 1)))
    rows = np.ascontiguousarray(V.T)
    repeating(rows[:200], repeats=5, distance=3)
    # librosa's neighbours may lie side by side; a distance of 2 frames gives as many to us.
    seconds = in_turns(
        lambda: repeating(rows, repeats=neighbours, distance=2),
        lambda: librosa.decompose.nn_filter(V, aggregate=np.median, metric="cosine", width=width),
        rounds,
    )
    return Goal(
        f"REPET-SIM, {neighbours} neighbours, against librosa's recipe",
        seconds[0],
        1 / TIMES_FASTER["REPET-SIM"],
        peer=seconds[1],
    )


def full_svd(V: np.ndarray, tolerance: float = 1e-6, growth: float = 1.5) -> np.ndarray:
    """Inexact augmented Lagrangian with the whole singular value decomposition; the low-rank part."""
    norm, weight = np.linalg.norm(V, 2), 1 / np.sqrt(max(V.shape))
    Y, A, mu = V / max(norm, np.abs(V).max() / weight), np.zeros_like(V), 1.25 / norm
    for _ in range(100):
        X = V - A + Y / mu
        E = np.sign(X) * np.maximum(np.abs(X) - weight / mu, 0)
        U, s, Vt = np.linalg.svd(V - E + Y / mu, full_matrices=False)
        kept = int((s > 1 / mu).sum())
        A = (U[:, :kept] * (s[:kept] - 1 / mu)) @ Vt[:kept]
        Z = V - A - E
        Y, mu = Y + mu * Z, mu * growth
        if np.linalg.norm(Z) <= tolerance * np.linalg.norm(V):
            break
    return A


def robust_pca(V: np.ndarray, rounds: int) -> tuple[Goal, Goal]:
    """How long, and how near to the converged answer."""
    rows = np.ascontiguousarray(V.T)
    rpca(rows[:200])
    answers: dict[str, np.ndarray] = {}
    seconds = in_turns(
        lambda: answers.update(ours=rpca(rows).low_rank), lambda: answers.update(peer=full_svd(V).T), rounds
    )
    gap = np.linalg.norm(answers["ours"] - answers["peer"]) / np.linalg.norm(answers["peer"])
    return (
        Goal("RPCA, against the whole SVD, converged", seconds[0], 1 / TIMES_FASTER["RPCA"], peer=seconds[1]),
        Goal("RPCA, distance from the converged answer", 20 * np.log10(gap), -NEAR, unit="dB"),
    )


def measure(frames: int = FRAMES, rounds: int = ROUNDS) -> list[Goal]:
    """All goals."""
    warnings.simplefilter("ignore")
    V = magnitudes(frames)
    return [hpss(V, rounds), repet_sim(V, rounds), *robust_pca(V, rounds)]


def test_classical_separators_against_their_peers() -> None:
    for goal in measure(rounds=3):
        print(goal)
        assert goal.met, goal.what


if __name__ == "__main__":
    asked = sys.argv[1:]
    count = int(asked[asked.index("--frames") + 1]) if "--frames" in asked else FRAMES
    sys.exit(report(measure(count), [f"{GRID.bins} bins, {count} frames"]))
