"""A long recording or a long sitting in the window: memory, and how long the window stands still.

`python tests/benchmarks/bench_long_session.py [--json] [--minutes N] [--song FILE]`: opens N minutes of stereo (60), has
the whole sheet drawn, separates with HPSS, paints, undoes and redoes a stroke, plays, saves, opens the project again and
exports the stems, in the real window with no screen, as one process whose peak memory (VmHWM, mapped files included) the
system tells. Of every step the notes say how long it took, the longest that the window's thread was at work without
looking for input (processor time of that thread, which a busy machine does not stretch), and what it did then.

With `--sitting` it does instead what a person does with a song (of 5 minutes): two goals, atoms given away, brush, lasso,
wand, twenty steps back and forth, every view, mixer, room, a loop, the dialog of the export; and every turn of the
window over 16 ms is listed.

With `--network` it does what a person does while networks work (`network_session.py`), on a song of 4 minutes, playing.
"""

from __future__ import annotations

import collections
import shutil
import signal
import sys
import time
import traceback
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from bench_edits import Studio
from measuring import RATE, Goal, private_home, report, write_song

GIGABYTES = 4.0
STILL_MS = 16.0
PATIENCE = 3600.0  # seconds that a step may take
LOOK = 0.005  # seconds of work between two looks at what the window is doing


class Watched(Studio):
    """A window whose every turn is timed.

    Attributes
    ----------
    longest
        Milliseconds of its thread in its longest turn since `begin`, and by the clock.
    doing
        Where it was in that turn.
    by_clock, shares
        Milliseconds by the clock of the longest turn by the clock; of them at work, and without a processor. The rest
        is waiting for Python's lock, mostly.
    still
        Of every turn over 16 ms: its milliseconds, and where it was.
    """

    def __init__(self, path: Path) -> None:
        self.begin()
        self._seen: collections.Counter[str] = collections.Counter()
        # Not from another thread: what a frame holds would live on with it, a painter of a widget that is gone among it.
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, LOOK, LOOK)
        super().__init__(path)

    def begin(self) -> None:
        """Forget what the longest turn was."""
        self.longest, self.by_clock, self.doing = 0.0, 0.0, ""
        self.shares = (0.0, 0.0)
        self.still: list[tuple[float, str]] = []

    def until(self, met: Callable[[], bool], seconds: float = PATIENCE) -> None:
        from PySide6.QtCore import QEvent, QEventLoop
        from PySide6.QtWidgets import QApplication

        def events() -> None:
            # No event after the first that took longer than a millisecond: one turn is one piece of work.
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 1)
            # The program's own loop does this by itself; without, widgets that are done with would pile up.
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                raise TimeoutError("the window does not get there")
            self.turn(events)
            time.sleep(0.001)

    def do(self, work: Callable[[], object], seconds: float = 0.05) -> None:
        """One turn, and what follows from it for a while."""
        self.turn(work)
        self.rest(seconds)

    def drag(self, tool: str, points: list[tuple[int, int]]) -> None:
        """Take a tool and drag it along pixels of the sheet."""
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        sheet, left, none = (
            self.window.sheet.spectrogram,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        self.do(lambda: self.window.tools.choose(tool))
        self.do(lambda: QTest.mousePress(sheet, left, none, QPoint(*points[0])), 0.02)
        for point in points[1:]:
            self.do(lambda point=point: QTest.mouseMove(sheet, QPoint(*point)), 0.01)
        self.do(lambda: QTest.mouseRelease(sheet, left, none, QPoint(*points[-1])), 0.3)

    def turn(self, work: Callable[[], object]) -> None:
        """One turn of the window's thread."""
        self._seen.clear()
        own, clock, idle = time.thread_time(), time.perf_counter(), unscheduled()
        work()
        own, clock = time.thread_time() - own, time.perf_counter() - clock
        if 1000 * clock > self.by_clock:
            self.by_clock, self.shares = 1000 * clock, (1000 * own, 1000 * (unscheduled() - idle))
        doing = self._seen.most_common(1)[0][0] if self._seen else "nothing of ours"
        if 1000 * own > STILL_MS:
            self.still.append((1000 * own, doing))
        if 1000 * own > self.longest:
            self.longest, self.doing = 1000 * own, doing

    def close(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        super().close()

    def _look(self, _number: int, frame: types.FrameType | None) -> None:
        ours = [each for each in traceback.extract_stack(frame) if "/stemstudio/" in each.filename]
        if ours:
            self._seen[
                " > ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in ours[-3:])
            ] += 1


def session(path: Path, folder: Path) -> tuple[list[Goal], list[str]]:
    """All steps, one after the other."""
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QFileDialog, QMessageBox

    from stemstudio.algorithms.hpss import HPSS
    from stemstudio.gui.application import make_application
    from stemstudio.mixing.export import ExportOrder
    from stemstudio.project import edits
    from stemstudio.project.project import PaintStroke
    from stemstudio.spectral.brushes import BrushStroke

    application = make_application()
    QSettings().setValue("folders/save", str(folder))
    QFileDialog.getSaveFileName = lambda *_: (str(folder / "recording.stems"), "")
    QMessageBox.open = lambda *_: None
    goals: list[Goal] = []
    notes: list[str] = []
    last = time.perf_counter()

    def told(what: str) -> None:
        nonlocal last
        took, last = time.perf_counter() - last, time.perf_counter()
        goals.append(Goal(f"{what}: longest turn of the window", studio.longest, STILL_MS, unit="ms"))
        doing = f" in {studio.doing}" if studio.longest > STILL_MS else ""
        words = f"{what}: {took:.1f} s, longest turn {studio.longest:.1f} ms ({studio.by_clock:.0f} by the clock){doing}"
        notes.append(f"{words}; memory {memory()}")
        print(notes[-1], file=sys.stderr)
        studio.begin()

    studio = Watched(path)
    window, document, player = studio.window, studio.document, studio.window.player
    told("opened")
    studio.until(lambda: window.light.idle)
    told("drawn")
    window.separating.run(0, HPSS())
    studio.until(lambda: bool(document.state.splits))
    told("separated")
    stems = [leaf.id for leaf in document.state.leaves()]
    document.set_target(stems[0])
    player.seek(document.state.mixture.length // 2)
    studio.wait_for_sound(document.duration / 2, 6.0)
    told("rendered around the playhead")
    here = document.duration / 2 + 1.0
    document.viewport.set_time(here - 5, here + 5)
    points = tuple((here + 0.1 * step, 300.0 * 1.5**step) for step in range(5))
    shape = BrushStroke(points=points, width=0.1, height=1.0, hardness=0.7, strength=0.8)
    stroke = PaintStroke(stems[0], False, shape)
    studio.turn(lambda: document.do(edits.paint(document.state, document.project.new_id(), stroke, "Brush")))
    studio.wait_for_sound(here - 1.0, 3.0)
    told("painted")
    studio.turn(document.undo)
    studio.wait_for_sound(here - 1.0, 3.0)
    studio.turn(lambda: document._step("redo"))
    studio.wait_for_sound(here - 1.0, 3.0)
    told("undone and redone")
    player.play()
    studio.rest(3.0)
    player.pause()
    told("played")
    studio.until(lambda: window.light.idle)
    told("drawn anew")
    studio.turn(window.saving.save)
    studio.until(lambda: not window.saving.unsaved)
    told("saved")
    before = weakref.ref(document.project)
    studio.turn(lambda: window.open_path(folder / "recording.stems"))
    studio.until(lambda: document.project is not before() and document.complete and not window.opening.busy)
    assert document.state.splits
    told("opened again")
    studio.until(lambda: window.light.idle)
    told("drawn again")
    done: list[object] = []
    window.exporting.finished.connect(done.append)
    window.exporting.failed.connect(done.append)
    leaves = tuple(leaf.id for leaf in document.state.leaves())
    studio.turn(lambda: window.exporting.run(ExportOrder(folder / "stems", leaves)))
    studio.until(lambda: bool(done))
    told("exported")
    report_ = done[0]
    assert report_.null_db < -90, report_.null_db
    goals.insert(0, Goal("peak memory", peak(), GIGABYTES, unit="GB"))
    studio.close()
    del application
    return goals, notes


def sitting(path: Path, _folder: Path) -> tuple[list[Goal], list[str]]:
    """What a person does with a song."""
    import numpy as np
    from PySide6.QtWidgets import QMessageBox

    from stemstudio.gui.application import make_application
    from stemstudio.gui.dialogs.export import ExportDialog
    from stemstudio.gui.look import View
    from stemstudio.spectral.brushes import Box, Selection

    application = make_application()
    QMessageBox.question = lambda *_: QMessageBox.StandardButton.Yes
    goals: list[Goal] = []
    notes: list[str] = []

    def told(what: str) -> None:
        goals.append(Goal(f"{what}: longest turn of the window", studio.longest, STILL_MS, unit="ms"))
        notes.extend(f"{what}: {spent:.0f} ms in {doing}" for spent, doing in studio.still)
        print(
            f"{what}: longest turn {studio.longest:.1f} ms",
            *(f"{spent:.0f} ms in {doing}" for spent, doing in studio.still),
            sep="\n  ",
            file=sys.stderr,
        )
        studio.begin()

    studio = Watched(path)
    window, document = studio.window, studio.document
    player, menus = window.player, window.menus
    told("opened")
    studio.until(lambda: window.light.idle)
    told("drawn")
    for title in ("Four stems, a quick sketch", "By hand, from atoms"):
        card = next(card for card in window.separate.cards if card.goal.title == title)
        studio.do(card.click)
        before = document.state.splits
        studio.do(window.separate.run)
        studio.until(lambda before=before: document.state.splits is not before and not document.jobs.queue)
        studio.until(lambda: window.light.idle)
        told(title)
    studio.do(menus.atoms.suggest_atoms)
    studio.until(lambda: len(document.state.leaves()) > 2 and not document.jobs.queue)
    studio.until(lambda: window.light.idle)
    told("atoms suggested")
    for atom in range(12):
        studio.do(lambda atom=atom: document.select_atoms((atom,)))
        studio.do(lambda atom=atom: menus.play.number(1 + atom % 3), 0.2)
    studio.do(lambda: document.select_atoms(()))
    told("atoms given away")
    middle = document.duration / 2
    studio.do(lambda: document.viewport.set_time(middle - 6, middle + 6))
    studio.do(lambda: document.set_target(document.state.leaves()[0].id))
    for turn in range(6):
        studio.drag("brush", [(200 + 60 * turn + 8 * step, 150 + 9 * step) for step in range(25)])
    told("painted")
    studio.drag("wand", [(500 + 4 * step, 300 - 2 * step) for step in range(40)])
    told("wand")
    circle = [(round(500 + 200 * np.cos(n / 10)), round(250 + 90 * np.sin(n / 10))) for n in range(60)]
    studio.drag("lasso", circle)
    studio.do(menus.edit.give_selection, 0.3)
    told("lasso, given to a stem")
    for step in ("undo", "redo"):
        for _ in range(20):
            studio.do(lambda step=step: document._step(step), 0.1)
        told(f"20 × {step}")
    for view in get_args(View):
        studio.do(lambda view=view: document.set_look(view=view), 0.3)
        studio.until(lambda: window.light.idle)
    studio.do(lambda: document.set_look(view="dominant"), 0.3)
    told("every view")
    for leaf in document.state.leaves():
        studio.do(lambda leaf=leaf: window.mixer.open_panel(leaf.id), 0.2)
    studio.do(window.mixer.open_effects, 0.2)
    studio.do(menus.edit.escape)
    told("mixer")
    for _ in range(2):
        studio.do(menus.view.show_room, 1.0)
    told("room")
    studio.do(lambda: player.seek(int(middle * RATE)), 0.5)
    studio.do(player.play, 3.0)
    told("played")
    chosen = Box(start=middle, stop=middle + 2, low=0.0, high=RATE / 2)
    studio.do(lambda: document.set_selection(Selection().combined("replace", chosen)))
    studio.do(menus.play.loop_selection, 3.0)
    studio.do(menus.play.loop_selection)
    studio.do(player.pause)
    told("a loop")
    studio.do(menus.file.export, 0.5)
    studio.do(window.findChild(ExportDialog).close)
    told("dialog of the export")
    document.history.mark_saved()
    studio.do(menus.file.close_song, 0.5)
    told("closed")
    window.close()
    signal.setitimer(signal.ITIMER_PROF, 0)
    del application
    return goals, notes


def unscheduled() -> float:
    """Seconds that this thread was ready and had no processor; 0 where Linux does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def memory() -> str:
    """What lies in memory now: at most, now, and of that its own."""
    lines = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line
    )
    most, now, own = (int(lines[name].split()[0]) / 2**20 for name in ("VmHWM", "VmRSS", "RssAnon"))
    return f"{now:.2f} GB, {own:.2f} of it its own, at most {most:.2f}"


def peak() -> float:
    """GB at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20


def main(words: list[str]) -> int:
    steps, minutes = (sitting, 5.0) if "--sitting" in words else (session, 60.0)
    if "--network" in words:
        from network_session import meanwhile

        steps, minutes = meanwhile, 4.0
    if "--minutes" in words:
        minutes = float(words[words.index("--minutes") + 1])
    home = private_home()
    try:
        if "--song" in words:
            song = Path(words[words.index("--song") + 1])
        else:
            song = write_song(home / "recording.wav", 60 * minutes)
        return report(*steps(song, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
