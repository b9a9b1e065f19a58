"""How soon an edit is heard: from `document.do` until the new sound is where the audio callback reads it.

`python tests/benchmarks/bench_edits.py [--json] [SECONDS …] [atoms|masks|waveforms …]`, in the real window with no
screen, playing by the silent clock; songs of 60 and 600 seconds and all three kinds of stems unless some are named.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from measuring import RATE, Goal, private_home, report, write_song

LIMIT_MS = 60.0
EDITS = 40
LENGTHS = (60, 600)  # seconds
KINDS = ("atoms", "masks", "waveforms")
ATOMS = 64  # the default of the recipe


class Studio:
    """The window with a song in it, taken apart into stems."""

    def __init__(self, path: Path) -> None:
        from PySide6.QtWidgets import QApplication

        from stemstudio.gui.application import fetch
        from stemstudio.gui.garbage import Garbage
        from stemstudio.gui.main_window import MainWindow

        # As the program does: dead widgets are looked for on this thread alone, and compiled loops, dialogs and help are
        # fetched; there, by a thread.
        Garbage(QApplication.instance())
        fetch()
        self.window = MainWindow()
        self.window.resize(1600, 1000)
        self.window.show()
        self.window.player.warm()
        self.document, self.sounding = self.window.document, self.window.sounding
        self.window.opening.open(path)
        self.until(lambda: self.document.complete and self.window.player.warmed)

    def until(self, met, seconds: float = 300.0) -> None:
        """Let the window work until something is so."""
        from PySide6.QtCore import QEventLoop
        from PySide6.QtWidgets import QApplication

        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                raise TimeoutError("the window does not get there")
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            time.sleep(0.001)

    def rest(self, seconds: float) -> None:
        """Let the window work for a while."""
        from PySide6.QtCore import QTimer

        over: list[bool] = []
        QTimer.singleShot(int(1000 * seconds), lambda: over.append(True))
        self.until(lambda: bool(over))

    def split(self, estimates, owners) -> list[int]:
        """Four stems and the residual."""
        from stemstudio.algorithms.by_hand import ByHand
        from stemstudio.project import edits

        document = self.document
        names = ["one", "two", "three", "four"]
        document.do(edits.split(document.project, 0, ByHand(), estimates, stems=names, owners=owners))
        stems = [stem.id for stem in document.state.children(0)]
        document.set_target(stems[0])
        return stems

    def seek(self, seconds: float) -> None:
        """Go there, and wait until what is around is rendered."""
        self.window.player.seek(int(seconds * RATE))
        self.wait_for_sound(seconds, 6.0)

    def wait_for_sound(self, seconds: float, ahead: float) -> None:
        """Until all is fresh from there on."""
        from stemstudio.gui.sounding import FRESH
        from stemstudio.mixing.playstate import CHUNK

        first = int(seconds * RATE) // CHUNK
        last = int((seconds + ahead) * RATE) // CHUNK
        self.until(lambda: not (self.sounding._status[first:last] != FRESH).any())

    def spent(self, edit, start: float, stop: float) -> float:
        """Milliseconds from the edit to its sound over [start, stop) seconds being in place."""
        from PySide6.QtCore import Qt

        waiting = set(range(int(start * RATE), int(stop * RATE), 256))
        there: list[float] = []

        def arrived(first: int, last: int) -> None:
            waiting.difference_update([sample for sample in waiting if first <= sample < last])
            if not waiting:
                there.append(time.perf_counter())

        self.sounding.rendered.connect(arrived, Qt.ConnectionType.DirectConnection)
        begun = time.perf_counter()
        edit()
        self.until(lambda: bool(there), 20.0)
        self.sounding.rendered.disconnect(arrived)
        return 1000 * (there[0] - begun)

    def close(self) -> None:
        self.document.history.mark_saved()
        self.window.close()


def estimates_of(kind: str, document, folder: Path):
    """Parts in the shape that NMF, HPSS and a neural model leave behind, and who owns them; made up, as only their size counts here."""
    import numpy as np

    from stemstudio.algorithms.estimates import Masks, Waveforms
    from stemstudio.algorithms.nmf.factorization import Factorization

    rng = np.random.default_rng(0)
    grid, frames, length = document.state.grid, document.state.frames, document.state.mixture.length
    if kind == "atoms":
        W = rng.random((grid.bins, ATOMS), dtype=np.float32) ** 4
        H = rng.random((ATOMS, frames), dtype=np.float32) ** 4
        return Factorization(W, H, grid), [n % 4 for n in range(ATOMS)]
    shape = (4, grid.bins, frames) if kind == "masks" else (4, 2, length)
    number = np.dtype(np.float16 if kind == "masks" else np.float32)
    values = np.memmap(folder / f"{kind}.{length}", dtype=number, mode="w+", shape=shape)
    for part in range(4):
        for first in range(0, shape[2], 2**16):
            last = min(shape[2], first + 2**16)
            if kind == "masks":
                values[part, :, first:last] = rng.random((grid.bins, last - first), dtype=np.float32) / 4
            else:
                values[part, :, first:last] = document.state.mixture.read(first, last) / (part + 4)
    names = ["one", "two", "three", "four"]
    return (Masks(names, grid, values) if kind == "masks" else Waveforms(names, values)), list(range(4))


def strokes(studio: Studio, stems: list[int], seconds: float) -> list[float]:
    """Strokes half a second long, each in another place, the playhead near it, playing every other time."""
    from stemstudio.project import edits
    from stemstudio.project.project import PaintStroke
    from stemstudio.spectral.brushes import BrushStroke

    document, player = studio.document, studio.window.player
    took = []
    for number in range(EDITS):
        at = 4.0 + (seconds - 20.0) * ((number * 0.618) % 1.0)
        if number % 4 == 0:
            studio.seek(at)
            if number % 8:
                player.play()
        here = player.position / RATE + 0.2 * (number % 4)
        points = tuple((here + 0.1 * step, 300.0 * 1.5**step) for step in range(5))
        shape = BrushStroke(points=points, width=0.1, height=1.0, hardness=0.7, strength=0.8)
        stroke = PaintStroke(stems[number % 4], False, shape)

        def lay(stroke=stroke) -> None:
            state = document.state
            document.do(edits.paint(state, document.project.new_id(), stroke, "Brush"))

        took.append(studio.spent(lay, shape.box.start, shape.box.stop))
        if number % 4 == 3:
            player.pause()
        studio.rest(0.03)
    return took


def moves(studio: Studio, stems: list[int], seconds: float) -> list[float]:
    """Atoms given to another stem, for the two seconds around the playhead."""
    from stemstudio.project import edits

    document, player = studio.document, studio.window.player
    took = []
    for number in range(EDITS):
        if number % 4 == 0:
            studio.seek(4.0 + (seconds - 30.0) * ((number * 0.618) % 1.0))
        atom, here = (number * 7) % ATOMS, player.position / RATE

        def move(atom=atom, number=number) -> None:
            state = document.state
            owner = state.splits[0].owners[atom]
            other = next(stem for stem in stems[number % 4 :] + stems if stem != owner)
            document.do(edits.assign(state, 0, {atom: other}, "Move an atom"))

        took.append(studio.spent(move, here - 1.0, here + 1.0))
        studio.wait_for_sound(here, 6.0)
    return took


def masked(studio: Studio, seconds: float, field: str) -> list[float]:
    """The firmness or the margin of the masks moved, for the two seconds around the playhead."""
    from stemstudio.project import edits

    document, player = studio.document, studio.window.player
    took = []
    for number in range(EDITS):
        if number % 4 == 0:
            studio.seek(4.0 + (seconds - 30.0) * ((number * 0.618) % 1.0))
        here = player.position / RATE

        def move(number=number) -> None:
            state = document.state
            wanted = state.splits[0].masking.model_copy(update={field: 1.1 + 0.13 * (number % 16)})
            document.do(edits.mask(state, 0, wanted))

        took.append(studio.spent(move, here - 1.0, here + 1.0))
        studio.wait_for_sound(here, 6.0)
    document.do(edits.mask(document.state, 0, None))
    studio.wait_for_sound(player.position / RATE, 6.0)
    return took


def main() -> int:
    home = private_home()
    from stemstudio.gui.application import make_application

    application = make_application()
    goals: list[Goal] = []
    notes: list[str] = []
    lengths = [int(word) for word in sys.argv[1:] if word.isdecimal()] or LENGTHS
    kinds = [word for word in sys.argv[1:] if word in KINDS] or KINDS
    import numpy as np

    try:
        for seconds in lengths:
            studio = Studio(write_song(home / f"{seconds}.wav", seconds))
            for kind in kinds:
                stems = studio.split(*estimates_of(kind, studio.document, home))
                studio.seek(4.0)
                studio.until(lambda studio=studio: studio.window.light.idle)
                rows = [("0.5 s stroke", strokes(studio, stems, seconds))]
                if kind == "atoms":
                    rows.append(("atom moved, 2 s around the playhead", moves(studio, stems, seconds)))
                if kind != "waveforms":
                    for field in ("firmness", "margin"):
                        what = f"{field} of the masks moved, 2 s around the playhead"
                        rows.append((what, masked(studio, seconds, field)))
                for what, took in rows:
                    where = f"{what}, {seconds // 60} min, {kind}"
                    goals.append(Goal(where, float(np.median(took)), LIMIT_MS, unit="ms"))
                    notes.append(
                        f"{where}: 95th percentile {np.percentile(took, 95):.1f} ms, slowest {max(took):.1f} ms"
                    )
            studio.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    del application
    return report(goals, notes)


if __name__ == "__main__":
    sys.exit(main())
