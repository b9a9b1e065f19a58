"""Memory of a neural separation: an hour's recording, of the network's own rate and of another.

`python tests/benchmarks/bench_neural_memory.py [--json] [--minutes N]`: the peak memory of a process that separates N
minutes of stereo (60) into four stems by a network of 20,000 random weights, what torch itself takes included; and
against half of it, which must be the same but for what a second of song costs in bookkeeping. Counted is what only the process can give back: song and stems lie in
unnamed files on disk, whose pages the system drops when others need the room.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measuring import Goal, report

GIGABYTES, GROWTH = 4.0, 1.2

RUN = """
import json, os, re, sys, tempfile, threading, time
from pathlib import Path
import numpy as np

sys.path.insert(0, sys.argv[3])
from small_recipes import write_tiny_weights
folder = tempfile.mkdtemp()
os.environ["STEMSTUDIO_MODELS"] = folder
write_tiny_weights(Path(folder))
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.audio.audio import Audio
from stemstudio.audio.sample_store import SampleStore
from stemstudio.progress import Progress

rate, rng = int(sys.argv[2]), np.random.default_rng(0)
length = round(float(sys.argv[1]) * 60 * rate)
store = SampleStore(2, length)
while store.length < length:
    store.append(0.1 * rng.standard_normal((2, min(2**20, length - store.length)), dtype=np.float32))
song = Audio(store.finish(), rate)

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**20

peak, going = held(), True
def watch():
    global peak
    while going:
        peak = max(peak, held())
        time.sleep(0.02)

thread = threading.Thread(target=watch)
thread.start()
begun = time.monotonic()
found = HTDemucs().run(song, Progress())
going = False
thread.join()
total = sum(float(np.abs(found.waves[n, :, -rate:]).sum()) for n in range(4))
assert np.isfinite(total) and total > 0
print(json.dumps({"peak": peak, "seconds": time.monotonic() - begun}))
"""


def run(minutes: float, rate: int) -> dict[str, float]:
    """Gigabytes at the peak, and seconds."""
    tests = str(Path(__file__).resolve().parent.parent)
    answer = subprocess.run(
        [sys.executable, "-c", RUN, str(minutes), str(rate), tests],
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def measure(minutes: float = 60) -> list[Goal]:
    """Goals by sample rate."""
    goals = []
    for rate in (44100, 48000):
        half, whole = run(minutes / 2, rate), run(minutes, rate)
        goals += [
            Goal(f"peak of {minutes:g} min at {rate} Hz", whole["peak"], GIGABYTES, unit="GB"),
            Goal(
                f"memory at {rate} Hz, against half of it",
                whole["peak"],
                GROWTH,
                peer=half["peak"],
                unit="GB",
            ),
        ]
    return goals


def test_neural_memory() -> None:
    for goal in measure(minutes=4):
        print(goal)
        assert goal.met, goal.what


if __name__ == "__main__":
    asked = sys.argv[1:]
    length = float(asked[asked.index("--minutes") + 1]) if "--minutes" in asked else 60.0
    sys.exit(report(measure(length)))
