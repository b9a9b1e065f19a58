"""How soon the fast NMF solver is where scikit-learn's is after its iterations, from the same start.

`python tests/benchmarks/bench_nmf_fast.py [--json] [--processor] [--rounds N]`. V is the magnitude of a real song, 1025 × 10 000 (FFT
2048, hop 512); for Itakura–Saito its power over a floor at −80 dB of the mean, and so much louder that the floors of
scikit-learn, 1.2e-7 in single precision, do not matter to it (the divergence does not know the level). Ours is the
shortest run whose result costs no more than the peer's; finding how many iterations that takes is not timed, nor is the
first run, with its compilation. The two run in turns. torchnmf is a peer where it can be imported (it is not among our
dependencies: `pip install --no-deps --target FOLDER torchnmf`, and FOLDER on PYTHONPATH).
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import soundfile
from measuring import SHARED, Goal, clock, report, write_song

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.algorithms.nmf.starts import random_start
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

FRAMES = 10_000
SONG = "songs/librosa/Karissa_Hobbs_-_Lets_Go_Fishin.hq.ogg"
ROUNDS = 5
TRIES = (*range(1, 11), *range(12, 31, 2), *range(35, 101, 5))  # iterations of ours
PEERS = (  # β, what scikit-learn calls it, its solver, its iterations, the goal
    (2.0, "frobenius", "mu", 100, 12.0),
    (2.0, "frobenius", "cd", 50, 2.0),
    (1.0, "kullback-leibler", "mu", 100, 10.0),
    (0.0, "itakura-saito", "mu", 60, 12.0),
    (1.0, "kullback-leibler", "torchnmf", 100, 4.0),
)


def magnitude() -> np.ndarray:
    """V of a real song; where the shared ones are missing, of the demo song in a loop."""
    path = SHARED / SONG
    with tempfile.TemporaryDirectory() as folder:
        if not path.exists():
            path = write_song(Path(folder) / "song.wav", 118.0)
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    V = spectrum(
        Audio(np.ascontiguousarray(samples.T), rate), StftSettings(fft=2048, hop=512), 1.0, Progress()
    )
    return V[:, :FRAMES]


def power(V: np.ndarray) -> np.ndarray:
    """|X|², nowhere silent, for Itakura–Saito; its mean is 10⁴."""
    squared = np.square(V.T)
    squared += np.float32(1e-8) * squared.mean()
    squared *= np.float32(1e4) / squared.mean()
    return squared.T


def cost(V: np.ndarray, W: np.ndarray, H: np.ndarray, beta: float) -> float:
    """D(V | W H) in float64."""
    total = 0.0
    for start in range(0, V.shape[1], 500):
        P = W.astype(float) @ H[:, start : start + 500].astype(float)
        if beta < 2:
            P += 1e-12
        total += divergence(V[:, start : start + 500].astype(float), P, beta)
    return total


def peer_run(V, W, H, name, solver, iterations) -> tuple[float, float]:
    """Seconds and the cost in the end, of scikit-learn or torchnmf."""
    if solver == "torchnmf":
        return torch_run(V, W, H, iterations)
    from sklearn.decomposition import NMF

    model = NMF(W.shape[1], init="custom", solver=solver, beta_loss=name, max_iter=iterations, tol=0)
    given = np.ascontiguousarray(V)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begun = clock()
        found = model.fit_transform(given, W=W.copy(), H=H.copy())
        seconds = clock() - begun
    return seconds, cost(
        V, found, model.components_, {"frobenius": 2.0, "kullback-leibler": 1.0}.get(name, 0.0)
    )


def torch_run(V, W, H, iterations) -> tuple[float, float]:
    """Seconds and the cost in the end, of torchnmf with β = 1."""
    import torch
    from torchnmf.nmf import NMF

    model = NMF(W=torch.from_numpy(W.copy()), H=torch.from_numpy(H.T.copy()))
    given = torch.from_numpy(np.ascontiguousarray(V.T))
    begun = clock()
    model.fit(given, beta=1, tol=0, max_iter=iterations)
    seconds = clock() - begun
    return seconds, cost(V, model.W.detach().numpy(), model.H.detach().numpy().T, 1.0)


def iterations_until(V, W, H, beta, target) -> int:
    """How many iterations a run of ours needs to cost no more than the target; 0 where 100 do not suffice."""
    for iterations in TRIES:
        fit = fast_updates(V, W, H, beta=beta, iterations=iterations, cost_every=10**9)
        if cost(V, fit.templates, fit.activations, beta) <= target:
            return iterations
    return 0


def measure(rounds: int = ROUNDS, tell=print) -> tuple[list[Goal], list[str]]:
    """All goals, and how many iterations each took."""
    V_magnitude = magnitude()
    V_power = power(V_magnitude)
    goals, notes = [], []
    for beta, name, solver, iterations, factor in PEERS:
        if solver == "torchnmf" and importlib.util.find_spec("torchnmf") is None:
            notes.append("torchnmf is not installed and was left out")
            continue
        V = V_magnitude if beta else V_power
        for components in (8, 32, 64):
            W, H = random_start(V, components, 0)
            theirs, ours, needed = [], [], 0
            for _ in range(rounds):
                seconds, target = peer_run(V, W, H, name, solver, iterations)
                theirs.append(seconds)
                needed = needed or iterations_until(V, W, H, beta, target)
                if not needed:
                    ours.append(math.inf)
                    break
                begun = clock()
                fast_updates(V, W, H, beta=beta, iterations=needed, cost_every=10**9)
                ours.append(clock() - begun)
            what = f"{name}, {components} atoms, as far as {solver} after {iterations}"
            goals.append(Goal(what, statistics.median(ours), 1 / factor, statistics.median(theirs)))
            notes.append(f"{what}: {needed} iterations; {goals[-1].peer / goals[-1].ours:.1f} times faster")
            tell(notes[-1])
    return goals, notes


def main() -> int:
    """Measure and print the table."""
    asked = sys.argv[1:]
    rounds = int(asked[asked.index("--rounds") + 1]) if "--rounds" in asked else ROUNDS
    silent = "--json" in asked
    return report(*measure(rounds, (lambda note: None) if silent else lambda note: print(note, flush=True)))


if __name__ == "__main__":
    raise SystemExit(main())
