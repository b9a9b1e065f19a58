"""The transform against librosa's, there and back: `python tests/benchmarks/bench_stft.py [--json]`.

Four minutes of a stereo song, FFT 4096, hop 1024, single precision; medians of five, in turns. Ours counts the copy to
frames side by side in memory, as everything here reads them, and gives the exact length back.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from measuring import RATE, Goal, clock, report, write_song

from stemstudio.audio.audio import Audio
from stemstudio.spectral.stft import StftSettings, forward, inverse

SECONDS, ROUNDS = 240.0, 5
TIMES_FASTER = 2.5


def measure(rounds: int = ROUNDS) -> tuple[list[Goal], float]:
    """Goals, and how far the song that came back is from what went in."""
    import librosa

    with tempfile.TemporaryDirectory() as folder:
        path = write_song(Path(folder) / "song.wav", SECONDS)
        samples = soundfile.read(path, dtype="float32", always_2d=True)[0]
    song, grid = Audio(np.ascontiguousarray(samples.T), RATE), StftSettings(fft=4096, hop=1024)
    given = np.array(song.samples)
    there = forward(song, grid)
    theirs = librosa.stft(given, n_fft=grid.fft, hop_length=grid.hop)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, work in (
            ("forward", lambda: forward(song, grid)),
            ("their forward", lambda: librosa.stft(given, n_fft=grid.fft, hop_length=grid.hop)),
            ("inverse", lambda: inverse(there)),
            ("their inverse", lambda: librosa.istft(theirs, hop_length=grid.hop, length=song.length)),
        ):
            begun = clock()
            work()
            times.setdefault(name, []).append(clock() - begun)
    goals = [
        Goal(
            f"{what}, against librosa",
            statistics.median(times[name]),
            1 / TIMES_FASTER,
            peer=statistics.median(times[f"their {name}"]),
        )
        for what, name in (("STFT", "forward"), ("inverse STFT", "inverse"))
    ]
    return goals, float(np.abs(inverse(there) - given).max())


def test_the_transform_against_librosa() -> None:
    goals, apart = measure(3)
    assert apart < 1e-5
    for goal in goals:
        print(goal)
        assert goal.met, goal.what


if __name__ == "__main__":
    found, gap = measure()
    sys.exit(report(found, [f"back within {gap:.1e}"]))
