"""Long recordings: memory of an hour, and whether twice the song takes twice the time.

`python tests/benchmarks/bench_long_recordings.py [--json] [--minutes N] [NAME …]`: for each separator (all those without
networks by default) the peak memory of a process that separates N minutes of stereo (60), the recording itself
included, and time and memory against half of it. An hour of the slower ones takes some minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys

from measuring import Goal, report

NAMES = ("hpss", "hpss2", "repet", "rpca", "stereo", "melody", "nmf", "nmfd")
GIGABYTES, GROWTH = 6.0, 2.1

RUN = """
import json, resource, sys, time
import numpy as np
from stemstudio.algorithms import algorithm
from stemstudio.audio.audio import Audio
from stemstudio.audio.sample_store import SampleStore
from stemstudio.progress import Progress

rate, rng = 44100, np.random.default_rng(0)
length = round(float(sys.argv[2]) * 60 * rate)
t = np.arange(rate) / rate
store = SampleStore(2, length)
while store.length < length:
    tones = sum(np.sin(2 * np.pi * pitch * t) for pitch in rng.choice((110, 165, 220, 330, 440, 660), 3))
    second = 0.05 * tones + 0.02 * rng.standard_normal((2, rate)) + 0.2 * np.exp(-((t % 0.25) * 60)) * rng.standard_normal(rate)
    store.append(second[:, : length - store.length].astype(np.float32))
song = Audio(store.finish(), rate)
recipe = algorithm(sys.argv[1])()
recipe.run(Audio(song.samples[:, : 2 * rate], rate), Progress())
begun, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
estimates = recipe.run(song, Progress())
seconds, peak = time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak": peak / 2**20, "before": before / 2**20}))
"""


def run(name: str, minutes: float) -> dict[str, float]:
    """Seconds of processor time, which a busy machine does not stretch, and gigabytes at the peak and before."""
    answer = subprocess.run(
        [sys.executable, "-c", RUN, name, str(minutes)], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def measure(names: tuple[str, ...] = NAMES, minutes: float = 60) -> list[Goal]:
    """Goals by separator."""
    goals = []
    for name in names:
        half, whole = run(name, minutes / 2), run(name, minutes)
        goals += [
            Goal(f"{name}: peak of {minutes:g} min", whole["peak"], GIGABYTES, unit="GB"),
            Goal(f"{name}: time, against half of it", whole["seconds"], GROWTH, peer=half["seconds"]),
            Goal(f"{name}: memory, against half of it", whole["peak"], GROWTH, peer=half["peak"], unit="GB"),
        ]
    return goals


def test_long_recordings() -> None:
    for goal in measure(minutes=10):
        print(goal)
        assert goal.met, goal.what


if __name__ == "__main__":
    asked = [word for word in sys.argv[1:] if word != "--json"]
    length = 60.0
    if "--minutes" in asked:
        at = asked.index("--minutes")
        length = float(asked[at + 1])
        del asked[at : at + 2]
    sys.exit(report(measure(tuple(asked) or NAMES, length)))
