"""What the benchmarks share: songs of any length, a home of their own, a table of what was reached."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
SHARED = REPOSITORY.parent / "shared" / "audio"
SONGS = (
    "stems/everythingisfree/lithium/mix.flac",
    "stems/everythingisfree/francium/mix.flac",
    "stems/funk/excerpt_24s_44s/mix.flac",
    "stems/everythingisfree/sodium_a/mix.flac",
)
RATE = 44100


@dataclass(frozen=True)
class Goal:
    """One thing that was measured.

    Attributes
    ----------
    what
        In words.
    ours, peer
        What we take, and what it is compared with; None where the limit is a plain number.
    limit
        Of ours / peer, or of ours where there is no peer.
    unit
        Of `ours` and `peer`.
    """

    what: str
    ours: float
    limit: float
    peer: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        return None if self.peer is None else self.ours / self.peer

    @property
    def met(self) -> bool:
        return (self.ours if self.ratio is None else self.ratio) <= self.limit


def clock() -> float:
    """Seconds that went by; with --processor those that all threads together were at work, for a busy machine.

    Threads of BLAS that wait are at work, too: set OMP_NUM_THREADS and OPENBLAS_NUM_THREADS to 1 with it.
    """
    return time.process_time() if "--processor" in sys.argv[1:] else time.perf_counter()


def report(goals: Sequence[Goal], notes: Sequence[str] = ()) -> int:
    """Print a table, or JSON when the script was called with --json; the exit code, 1 when a goal is missed."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    if "--json" in sys.argv[1:]:
        rows = [{**asdict(goal), "ratio": goal.ratio, "met": goal.met} for goal in goals]
        print(
            json.dumps({"goals": rows, "notes": list(notes), "load": load, "cores": os.cpu_count()}, indent=2)
        )
    else:
        wide = max(len(goal.what) for goal in goals)
        print(f"{'what':<{wide}}  {'ours':>10}  {'peer':>10}  {'ratio':>6}  {'goal':>11}")
        for goal in goals:
            peer = "–" if goal.peer is None else f"{goal.peer:.4g} {goal.unit}"
            ratio = "–" if goal.ratio is None else f"{goal.ratio:.2f}"
            limit = f"≤ {goal.limit:.4g} {goal.unit}" if goal.peer is None else f"≤ {goal.limit:.3g} ×"
            verdict = "met" if goal.met else "NOT MET"
            print(
                f"{goal.what:<{wide}}  {f'{goal.ours:.4g} {goal.unit}':>10}  {peer:>10}  {ratio:>6}  {limit:>11}  {verdict}"
            )
        for note in notes:
            print(note)
        print(f"load {', '.join(f'{value:.1f}' for value in load)} on {os.cpu_count()} cores")
    return 0 if all(goal.met for goal in goals) else 1


def private_home() -> Path:
    """Point settings, data and caches into a folder that is new, and Qt to no screen; before Qt is imported."""
    home = Path(tempfile.mkdtemp(prefix="stemstudio-bench-"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        (home / name).mkdir(mode=0o700)
        os.environ[name] = str(home / name)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return home


def write_song(path: Path, seconds: float) -> Path:
    """A song of that length at 44.1 kHz in stereo: real ones (the demo song where there are none) in a loop.

    Each turn is a little softer or louder than the last, so that no cache can take one for another.
    """
    import numpy as np
    import soundfile

    sources = [SHARED / name for name in SONGS if (SHARED / name).exists()]
    sources = sources or sorted((REPOSITORY / "resources").rglob("*.flac"))
    sounds = [soundfile.read(source, dtype="float32", always_2d=True)[0] for source in sources]
    left, turn = round(seconds * RATE), 0
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        while left > 0:
            piece = sounds[turn % len(sounds)][:left] * np.float32(0.98 - 0.13 * (turn % 5))
            file.write(piece if piece.shape[1] == 2 else np.repeat(piece, 2, axis=1))
            left -= len(piece)
            turn += 1
    return path
