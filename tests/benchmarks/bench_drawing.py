"""How fast the sheet is drawn: pan and zoom of a 10-minute song at 1600 × 900, and a brush dab to its pixels."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from split_song import RATE, Known, Stage, stage

from stemstudio.algorithms.estimates import Masks
from stemstudio.audio.audio import Audio
from stemstudio.gui.garbage import Garbage
from stemstudio.gui.views import picture
from stemstudio.project import edits
from stemstudio.project.project import PaintStroke, Project, SongReference
from stemstudio.spectral.brushes import BrushStroke, Selection
from stemstudio.spectral.lines import PitchLine
from stemstudio.spectral.stft import StftSettings

MINUTES = 10
Modifier = Qt.KeyboardModifier
BOTH = Modifier.ControlModifier | Modifier.ShiftModifier


def busy_song(minutes: float) -> Project:
    """Noise bursts and chords, so that every bin holds light, and four stems that share it unevenly."""
    rng = np.random.default_rng(0)
    length = int(20 * RATE)
    seconds = np.arange(length) / RATE
    chords = sum(np.sin(2 * np.pi * f * seconds) for f in (55, 110, 220, 277.2, 329.6, 880)) / 12
    hiss = rng.standard_normal(length) * 0.2 * (np.exp(-8 * (seconds % 0.5)))
    loop = np.stack([chords + hiss, chords - 0.5 * hiss]).astype(np.float32)
    samples = np.tile(loop, (1, round(minutes * 3)))
    grid = StftSettings()
    project = Project(Audio(samples, RATE), SongReference("", "", "Busy"), grid)
    frames = project.state.frames
    small = rng.random((4, grid.bins // 16 + 1, frames // 16 + 1), dtype=np.float32) ** 3
    small /= small.sum(axis=0)
    masks = small.astype(np.float16).repeat(16, axis=1).repeat(16, axis=2)[:, : grid.bins, :frames]
    names = ["vocals", "drums", "bass", "other"]
    edits.split(project, 0, Known(), Masks(names, grid, masks)).do(project)
    return project


@pytest.fixture(scope="module")
def large(qapp) -> Project:
    # As the program does: the compiled loops are fetched, and garbage is looked for a little at a time.
    picture.fetch()
    Garbage(qapp)
    return busy_song(MINUTES)


@pytest.fixture
def shown(qtbot, large):
    made = stage(qtbot, large, lambda condition, timeout: qtbot.waitUntil(condition, timeout=120_000))
    made.sheet.resize(
        1600 + made.sheet.frequency_ruler.width(), 900 + 44 + 6 + made.sheet.time_ruler.height()
    )
    QApplication.processEvents()
    assert (made.view.width(), made.view.height()) == (1600, 900)
    yield made
    made.document.set_project(None)
    made.document.jobs.close()


def wheel(made: Stage, x: int, steps: float, keys: Modifier = Modifier.NoModifier) -> None:
    point = QPointF(x, 400)
    event = QWheelEvent(
        point,
        point,
        QPoint(),
        QPoint(0, round(120 * steps)),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(made.view, event)


Spent = tuple[float, float]


def frames_of(made: Stage, act: Callable[[int], None], count: int) -> list[Spent]:
    """Milliseconds from an input event to the end of the paint that it caused: of this thread, and by the clock."""
    return [
        clocked(lambda number=number: (act(number), QApplication.processEvents())) for number in range(count)
    ]


def clocked(act: Callable[[], object]) -> Spent:
    """Milliseconds of this thread and by the clock; other programs on a busy machine lengthen only the second."""
    begin, clock = time.thread_time(), time.perf_counter()
    act()
    return 1000 * (time.thread_time() - begin), 1000 * (time.perf_counter() - clock)


def report(name: str, spent: list[Spent]) -> tuple[float, float]:
    own, clock = np.array(spent).T
    median, high = float(np.median(own)), float(np.percentile(own, 99))
    print(
        f"{name}: median {median:.1f} ms, 99 % {high:.1f} ms of the thread; "
        f"{np.median(clock):.1f} and {np.percentile(clock, 99):.1f} ms by the clock; {len(spent)} frames"
    )
    return median, high


def test_pan_and_zoom(shown):
    made, viewport = shown, shown.document.viewport
    everything = []
    for axis in ("log", "mel", "linear"):
        viewport.set_axis(axis)
        viewport.fit()
        zooms = frames_of(made, lambda n: wheel(made, 300 + 9 * n, 1, Modifier.ControlModifier), 30)
        zooms += frames_of(made, lambda n: wheel(made, 900, -1, Modifier.ControlModifier), 12)
        pans = frames_of(made, lambda n: wheel(made, 400, -0.5 if n % 3 else 1), 40)
        heights = frames_of(made, lambda n: wheel(made, 400, 1 if n < 8 else -1, BOTH), 16)
        for name, spent in (("zoom", zooms), ("pan", pans), ("zoom in pitch", heights)):
            report(f"{axis} {name}", spent)
            everything += spent
    median, high = report("all", everything)
    assert median <= 8.0
    assert high <= 16.0


def test_pan_and_zoom_under_a_mask(shown, qtbot):
    made, viewport = shown, shown.document.viewport
    made.light.overlay = made.light.sheet.__class__(
        made.document.state.grid.bins, made.document.state.frames, packed=False
    )
    made.light.overlay.put_levels(0, np.full((made.document.state.grid.bins, 512), 128, np.uint8))
    viewport.fit()
    spent = frames_of(made, lambda n: wheel(made, 300 + 9 * n, 1, Modifier.ControlModifier), 25)
    spent += frames_of(made, lambda n: wheel(made, 400, -0.5 if n % 3 else 1), 40)
    median, _ = report("with a mask", spent)
    assert median <= 16.0


def test_a_brush_dab_to_its_pixels(shown):
    made = shown
    made.document.set_target(made.stem("vocals"))
    made.toolbox.choose("brush")
    made.document.viewport.set_time(100.0, 112.0)
    QApplication.processEvents()
    QTest.mousePress(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, QPoint(300, 300))

    def dab(number: int) -> None:
        QTest.mouseMove(made.view, QPoint(300 + 5 * number, 300 + round(60 * np.sin(number / 9))))

    spent = frames_of(made, dab, 200)
    QTest.mouseRelease(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, QPoint(1300, 300))
    _, high = report("dab", spent)
    assert high <= 16.0


def test_a_stroke_to_its_new_owners(shown, qtbot):
    made = shown
    made.document.set_target(made.stem("vocals"))
    made.toolbox.choose("brush")
    made.document.viewport.set_time(100.0, 112.0)
    QApplication.processEvents()
    spent, releases = [], []
    for number in range(20):
        made.drag((103.0 + 0.2 * number, 500.0), (103.5 + 0.2 * number, 900.0), release=False)
        end = made.at(103.5 + 0.2 * number, 900.0)
        begin = time.perf_counter()
        releases.append(
            clocked(
                lambda end=end: QTest.mouseRelease(
                    made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, end
                )
            )
        )
        qtbot.waitUntil(lambda: made.view._live is None, timeout=5000)
        spent.append(1000 * (time.perf_counter() - begin))
    median, _ = report("release of a 0.5 s stroke", releases)
    print(f"stroke to its owners on screen: median {np.median(spent):.1f} ms by the clock")
    assert median <= 16.0


def test_a_moving_playhead_costs_next_to_nothing(shown):
    made = shown
    spent = frames_of(made, lambda n: made.playhead.seek(10.0 + n / 60), 120)
    median, _ = report("playhead", spent)
    assert median <= 4.0


def drag_steps(
    made: Stage, name: str, start: tuple[int, int], step: Callable[[int], QPoint], count: int
) -> list[Spent]:
    """A drag with a tool, from its press: what every step costs, and the release."""
    made.toolbox.choose(name)
    QApplication.processEvents()

    def act(number: int) -> None:
        if number == 0:
            QTest.mousePress(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, QPoint(*start))
        elif number < count - 1:
            QTest.mouseMove(made.view, step(number))
        else:
            QTest.mouseRelease(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, step(number))

    return frames_of(made, act, count)


@pytest.mark.parametrize("span", [12.0, 120.0, 60.0 * MINUTES])
def test_drags_of_wand_lasso_and_comb(shown, span):
    made = shown
    made.document.set_target(made.stem("vocals"))
    made.document.viewport.fit()
    made.document.viewport.set_time(0.0, span)
    wand = drag_steps(made, "wand", (700, 500), lambda n: QPoint(700 + 4 * n, 500 - 2 * n), 60)

    def circle(number: int) -> QPoint:
        angle = number / 30
        return QPoint(
            800 + round((300 + number) * np.cos(angle)), 450 + round((100 + number) * np.sin(angle))
        )

    lasso = drag_steps(made, "lasso", (1100, 450), circle, 300)
    made.document.set_selection(Selection())
    comb = drag_steps(
        made, "harmonics", (100, 600), lambda n: QPoint(100 + 5 * n, 600 + round(60 * np.sin(n / 9))), 250
    )
    made.document.do(edits.draw_melody(PitchLine(), "Nothing"))
    highest = [
        report(f"{name} over {span:.0f} s", spent)[1]
        for name, spent in (("wand", wand), ("lasso", lasso), ("comb", comb))
    ]
    assert max(highest) <= 16.0


def test_pan_and_zoom_under_hints(shown, qtbot):
    made, project = shown, shown.document.project
    before = made.document.state
    for number in range(12):
        start = 100.0 + number
        stroke = BrushStroke(
            points=((start, 200.0 + 80 * number), (start + 3.0, 900.0)),
            width=0.3,
            height=0.6,
            hardness=0.7,
            strength=1.0,
        )
        leaf = made.stem("vocals" if number % 2 else "drums")
        made.document.do(
            edits.paint(
                made.document.state, project.new_id(), PaintStroke(leaf, False, stroke, "hint"), "Hint"
            )
        )
    qtbot.waitUntil(
        lambda: len(made.document.hints.laid) == 12 and not made.document.hints.busy, timeout=60_000
    )
    made.document.viewport.set_time(98.0, 118.0)
    QApplication.processEvents()
    spent = frames_of(made, lambda n: wheel(made, 400, -0.5 if n % 3 else 1), 60)
    spent += frames_of(
        made, lambda n: wheel(made, 300 + 9 * n, 1 if n < 10 else -1, Modifier.ControlModifier), 20
    )
    median, high = report("pan and zoom under 12 hints", spent)
    while made.document.state.strokes != before.strokes:
        made.document.undo()
    assert median <= 8.0
    assert high <= 16.0
