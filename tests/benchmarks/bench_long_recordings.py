"""Long recordings: memory of an hour, and whether twice the song takes twice the time.

`python tests/benchmarks/bench_long_recordings.py [--json] [--minutes N] [--kept FILE] [NAME …]`: for each
separator (all those without networks by default) the peak memory of a process that decodes N minutes of stereo (60),
separates them with the recipe's defaults and renders its stems over some seconds; and memory and time of the separation
against half of it. An hour of the slower ones takes many minutes: name one at a time, with other settings if need be
(`nmf:iterations=10`: memory does not depend on how many), and say with `--kept` where the runs are written down, one a
line; those that are in that file already are not run again.

Of memory the system is asked for two numbers, where it has them. The peak of all that lies in memory for the process
(VmHWM), which is what the bound is on, counts files that are mapped: songs and spectrograms in nameless files, whose
pages the system takes away when somebody needs the room. What is its own alone (RssAnon, looked at all the time) is in
the notes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from measuring import RATE, Goal, report, write_song

NAMES = ("hpss", "hpss2", "repet", "rpca", "stereo", "ambience", "melody", "nmf", "nmfd")
GIGABYTES, GROWTH = 6.0, 2.1
GIB = 2**30
RENDERED = 20  # seconds
LOOK = 0.02  # seconds between two looks at the memory that is its own


@dataclass(frozen=True)
class Run:
    """One separation that was measured.

    Attributes
    ----------
    name, minutes
        What was run, and on how much.
    seconds
        Of processor time that the separation took, which a busy machine hardly stretches.
    peak, own
        GiB in memory at most, with what is mapped from files and without.
    """

    name: str
    minutes: float
    seconds: float
    peak: float
    own: float


def session(name: str, song: Path, minutes: float) -> Run:
    """Separate a song that is so long, in this process."""
    from stemstudio.algorithms import algorithm
    from stemstudio.audio.audio import Audio
    from stemstudio.audio.reading import read_song
    from stemstudio.progress import Progress

    word, *settings = name.split(":")
    recipe = algorithm(word).from_settings(dict(each.split("=") for each in settings))
    with _own_memory() as peak:
        audio = read_song(song, Progress())
        recipe.run(Audio(audio.samples[:, : 2 * RATE], RATE), Progress())  # compiles
        begun = time.process_time()
        estimates = recipe.run(audio, Progress())
        seconds = time.process_time() - begun
        groups = [[number] for number in range(len(estimates.names))][:4]
        for start in (0, audio.length // 2, audio.length - RENDERED * RATE):
            estimates.render(audio, groups, start, start + RENDERED * RATE)
    return Run(name, minutes, seconds, _all_memory(), peak[0])


def run(name: str, song: Path, minutes: float) -> Run:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--session", name, str(song), str(minutes)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(answer.stdout))


def measure(
    names: tuple[str, ...] = NAMES, minutes: float = 60, kept: Path | None = None
) -> tuple[list[Goal], list[str]]:
    """Goals and notes by separator."""
    known = {}
    if kept is not None and kept.exists():
        known = {(each.name, each.minutes): each for each in map(_from_line, kept.read_text().splitlines())}
    goals, notes = [], []
    with tempfile.TemporaryDirectory(prefix="stemstudio-bench-") as folder:
        for name in names:
            found = []
            for length in (minutes / 2, minutes):
                if (name, length) not in known:
                    song = Path(folder) / f"{length:g}.wav"
                    if not song.exists():
                        write_song(song, length * 60)
                    known[name, length] = run(name, song, length)
                    if kept is not None:
                        with kept.open("a") as file:
                            file.write(json.dumps(asdict(known[name, length])) + "\n")
                found.append(known[name, length])
            half, whole = found
            goals += [
                Goal(f"{name}: peak of {minutes:g} min", whole.peak, GIGABYTES, unit="GB"),
                Goal(f"{name}: time, against half of it", whole.seconds, GROWTH, peer=half.seconds),
                Goal(f"{name}: memory, against half of it", whole.peak, GROWTH, peer=half.peak, unit="GB"),
            ]
            notes.append(f"{name}: {whole.own:.2f} GB without what is mapped from files")
    return goals, notes


def _from_line(line: str) -> Run:
    return Run(**json.loads(line))


@contextmanager
def _own_memory() -> Iterator[list[float]]:
    """The most GiB that are the process's own within the block; 0 where the system does not say."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
            peak[0] = max(peak[0], _status("RssAnon"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _all_memory() -> float:
    """The most GiB in memory so far."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    # What a process inherits from the one that started it counts in the second, not in the first.
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def _status(name: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines[name].split()[0]) * 1024 / GIB


def test_long_recordings() -> None:
    for goal in measure(minutes=10)[0]:
        print(goal)
        assert goal.met, goal.what


def main(words: list[str]) -> int:
    options = {"--minutes": "60", "--kept": ""}
    names = []
    while words:
        word = words.pop(0)
        if word in options:
            options[word] = words.pop(0)
        elif word != "--json":
            names.append(word)
    kept = Path(options["--kept"]) if options["--kept"] else None
    return report(*measure(tuple(names) or NAMES, float(options["--minutes"]), kept))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--session"]:
        print(json.dumps(asdict(session(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])))))
    else:
        sys.exit(main(sys.argv[1:]))
