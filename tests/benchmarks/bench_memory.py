"""How much memory the window takes at most: a ten-minute song with atoms and four stems, and an hour's recording.

`python tests/benchmarks/bench_memory.py [--json]`: each session is a process of its own, whose peak the system tells.
What it maps from files counts as far as it lies in memory, though the system may drop it at will.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from measuring import RATE, Goal, private_home, report, write_song

GIB = 2**30
SESSIONS = {"song": (600, 2.0), "recording": (3600, 4.0)}  # seconds of sound, GiB
ITERATIONS = 10  # memory does not depend on how many
PLAYED = 3.0  # seconds


def session(kind: str, path: Path) -> None:
    """Open, take apart if it is a song, paint, play."""
    from bench_edits import Studio

    from stemstudio.gui.application import make_application
    from stemstudio.project import edits
    from stemstudio.project.project import PaintStroke
    from stemstudio.spectral.brushes import BrushStroke

    application = make_application()
    studio = Studio(path)
    window, document, player = studio.window, studio.document, studio.window.player
    _tell("decoded")
    studio.until(lambda: window.light.idle, 600)
    _tell("drawn")
    if kind == "song":
        from stemstudio.algorithms.nmf.recipe import NMF
        from stemstudio.gui.views.suggestions import suggestions_of

        window.separating.run(0, NMF(components=64, iterations=ITERATIONS))
        studio.until(lambda: bool(document.state.splits), 600)
        _tell("taken apart")
        document.show_atoms_of(0)
        suggestions_of(document).suggest(4)
        studio.until(lambda: len(document.state.children(0)) == 5)
    else:
        document.do(edits.by_hand(document.project, "voice"))
    studio.until(lambda: window.light.idle, 600)
    stem = document.state.children(0)[0].id
    document.set_target(stem)
    _tell("stems")
    duration = document.duration
    for place in (0.1, 0.5, 0.9):
        player.seek(int(place * duration * RATE))
        player.play()
        studio.rest(PLAYED)
        here = player.position / RATE
        points = tuple((here + 0.1 * step, 300.0 * 1.5**step) for step in range(5))
        shape = BrushStroke(points=points, width=0.1, height=1.0, hardness=0.7, strength=0.8)
        stroke = PaintStroke(stem, False, shape)
        assert document.do(edits.paint(document.state, document.project.new_id(), stroke, "Brush"))
        document.viewport.set_time(here - 5, here + 5)
        studio.rest(1.0)
        assert player.position / RATE > here
        player.pause()
    _tell("played")
    window.light.restart()
    studio.until(lambda: window.light.idle, 600)
    _tell("drawn anew")
    window.grab()
    studio.close()
    del application


def _tell(what: str) -> None:
    """Memory in use now, on stderr, for whoever looks for what takes it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        sizes = {
            name: int(lines[name].split()[0]) / 2**20 for name in ("VmHWM", "VmRSS", "RssAnon", "RssFile")
        }
        words = ", ".join(f"{name} {size:.2f}" for name, size in sizes.items())
        print(f"{time.process_time():6.1f} s {what}: {words} GiB", file=sys.stderr)


def peak_of(kind: str, path: Path) -> float:
    """GiB that a process has at most while it goes through a session."""
    process = subprocess.Popen([sys.executable, __file__, "--session", kind, str(path)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the session {kind} ended with {process.returncode}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / GIB


def main() -> int:
    home = private_home()
    goals = []
    try:
        for kind, (seconds, limit) in SESSIONS.items():
            path = write_song(home / f"{kind}.wav", seconds)
            what = f"peak memory, {seconds // 60} min, " + (
                "64 atoms, four stems" if kind == "song" else "painted"
            )
            goals.append(Goal(what, peak_of(kind, path), limit, unit="GiB"))
            path.unlink()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return report(goals)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--session"]:
        session(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.exit(main())
