"""The harmonics tool: a melody drawn on the sheet, corrected, erased, painted, found, and handed to its recipe."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QEvent, QPointF, QSettings, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from split_song import Stage, song, split_song

from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.tools.painting import paint_melody
from stemstudio.gui.viewport import Viewport
from stemstudio.gui.views.melody_marks import MelodyLayer, MelodyLook
from stemstudio.spectral.brushes import Box, Selection
from stemstudio.spectral.lines import PitchLine

Modifier = Qt.KeyboardModifier


@pytest.fixture
def made(show) -> Stage:
    """A split song with the harmonics tool in the hand and the lead as the target."""
    shown = show(split_song())
    shown.document.set_target(shown.stem("lead"))
    shown.toolbox.choose("harmonics")
    return shown


def draw(
    made: Stage, *places: tuple[float, float], keys=Modifier.AltModifier, button=Qt.MouseButton.LeftButton
) -> None:
    """Drag through some places, the keys held down all the while."""
    points = []
    for (t0, f0), (t1, f1) in pairwise(places):
        points += [(t0 + share * (t1 - t0), f0 * (f1 / f0) ** share) for share in np.linspace(0, 1, 11)]
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(points) - 1)]
    for kind, point in zip([*kinds, QEvent.Type.MouseButtonRelease], [*points, points[-1]], strict=True):
        at = QPointF(made.at(*point))
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        event = QMouseEvent(kind, at, made.view.mapToGlobal(at), button, held, keys)
        QApplication.sendEvent(made.view, event)


def pitch(made: Stage, *seconds: float) -> list[float]:
    return made.document.state.melody.at(np.array(seconds)).tolist()


def test_dragging_draws_a_melody_that_undo_takes_back(made):
    draw(made, (2.0, 500.0), (4.0, 700.0))
    assert made.document.history.names == ["Draw the melody 2.0 s"]
    assert pitch(made, 2.0, 3.0, 4.0) == pytest.approx([500, np.sqrt(500 * 700), 700], rel=0.02)
    assert pitch(made, 1.9, 4.1) == [0, 0]
    made.document.undo()
    assert not made.document.state.melody


def test_the_line_snaps_to_the_sound_and_alt_frees_it(made):
    draw(made, (2.0, 225.0), (4.0, 215.0), keys=Modifier.NoModifier)
    assert pitch(made, 2.5, 3.0, 3.5) == pytest.approx([220, 220, 220], rel=0.003)
    draw(made, (5.0, 225.0), (6.0, 225.0))
    assert pitch(made, 5.5)[0] == pytest.approx(225, rel=0.01)
    assert pitch(made, 3.0)[0] == pytest.approx(220, rel=0.003), "what was drawn before stays"


def test_where_nothing_sounds_the_line_stays_under_the_pointer(made):
    draw(made, (2.0, 1500.0), (3.0, 1500.0), keys=Modifier.NoModifier)
    assert pitch(made, 2.5)[0] == pytest.approx(1500, rel=0.012)


def test_a_line_drawn_above_any_melody_lies_at_the_highest(made):
    draw(made, (2.0, 22_050.0), (3.0, 21_000.0))
    assert pitch(made, 2.5)[0] == pytest.approx(20_000, rel=1e-6)


def test_drawing_again_corrects_a_stretch(made):
    draw(made, (2.0, 500.0), (5.0, 500.0))
    draw(made, (3.0, 600.0), (4.0, 600.0))
    assert pitch(made, 2.5, 3.5, 4.5) == pytest.approx([500, 600, 500], rel=0.02)
    assert len(made.document.state.melody.runs) == 1, "the line goes on from what it touches"
    draw(made, (4.4, 700.0), (2.6, 700.0))
    assert pitch(made, 2.3, 3.5, 4.7) == pytest.approx([500, 700, 500], rel=0.02)


@pytest.mark.parametrize("how", ["right", "control"])
def test_the_right_button_erases(made, how):
    draw(made, (2.0, 500.0), (5.0, 500.0))
    if how == "right":
        draw(made, (3.0, 300.0), (4.0, 2000.0), keys=Modifier.NoModifier, button=Qt.MouseButton.RightButton)
    else:
        draw(made, (3.0, 300.0), (4.0, 2000.0), keys=Modifier.ControlModifier)
    assert made.document.history.names[-1] == "Erase the melody 3.0 s"
    assert pitch(made, 2.5, 3.5, 4.5) == pytest.approx([500, 0, 500], rel=0.02)


def test_a_click_draws_nothing_and_escape_ends_the_drawing(made):
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(3.0, 500.0))
    made.drag((2.0, 500.0), (4.0, 700.0), release=False)
    QTest.keyClick(made.view, Qt.Key.Key_Escape)
    QTest.mouseRelease(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(4.0, 700.0))
    assert made.document.history.names == []
    assert not made.document.state.melody


def test_the_melody_and_its_overtones_are_seen(made):
    QTest.mouseMove(made.view, made.at(7.0, 60.0))
    before = {hertz: made.colour(3.0, hertz) for hertz in (500.0, 1000.0, 1500.0, 700.0)}
    draw(made, (2.0, 500.0), (4.0, 500.0))
    QTest.mouseMove(made.view, made.at(7.0, 60.0))
    during = {hertz: made.colour(3.0, hertz) for hertz in before}
    assert [hertz for hertz in before if before[hertz] != during[hertz]] == [500.0, 1000.0, 1500.0]
    made.toolbox.choose("hand")
    assert made.colour(3.0, 500.0) != before[500.0], "the pitch is faintly there with other tools"
    assert made.colour(3.0, 1000.0) == before[1000.0]


def test_painting_gives_pitch_and_overtones_to_the_target(made, qtbot):
    draw(made, (2.0, 220.0), (4.0, 220.0), keys=Modifier.NoModifier)
    assert made.owner_at(3.0, 220.0) == made.stem("bass")
    assert paint_melody(made.document, 40.0, 4, 1.0)
    assert made.document.history.names[-1] == "Paint the melody to lead"
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.0, 220.0) == made.stem("lead")
    assert made.owner_at(3.0, 440.0) == made.stem("lead")
    assert made.owner_at(3.0, 320.0) == made.stem("bass"), "between the teeth nothing moves"
    assert made.owner_at(5.0, 220.0) == made.stem("bass")
    made.document.undo()
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.0, 220.0) == made.stem("bass")


def test_a_selection_limits_what_is_painted(made, qtbot):
    draw(made, (2.0, 220.0), (6.0, 220.0), keys=Modifier.NoModifier)
    made.toolbox.choose("time")
    draw(made, (3.0, 400.0), (4.0, 400.0), keys=Modifier.NoModifier)
    assert paint_melody(made.document, 40.0, 4, 1.0)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.5, 220.0) == made.stem("lead")
    assert made.owner_at(2.5, 220.0) == made.stem("bass")


def test_a_melody_can_be_a_hint(made):
    draw(made, (2.0, 220.0), (6.0, 220.0))
    assert paint_melody(made.document, 40.0, 4, 1.0, hint=True)
    assert made.document.history.names[-1] == "Hint the melody to lead"
    (stroke,) = made.document.state.strokes.values()
    assert (stroke.mode, stroke.stroke.shape) == ("hint", "comb")
    assert not made.document.state.paint, "a hint moves no light by itself"


def test_what_is_missing_is_said(made, show):
    said = []
    made.document.said.connect(said.append)
    assert not paint_melody(made.document, 40.0, 4, 1.0)
    assert "no melody yet" in said[-1]
    unsplit = show(song())
    unsplit.toolbox.choose("harmonics")
    unsplit.document.said.connect(said.append)
    draw(unsplit, (2.0, 220.0), (4.0, 220.0), keys=Modifier.NoModifier)
    assert unsplit.document.state.melody, "a melody can be drawn before there are stems"
    assert not paint_melody(unsplit.document, 40.0, 4, 1.0)
    assert "no stems to paint into" in said[-1]


@pytest.fixture
def window(qtbot, tmp_path):
    """The whole window with a sung scale over a low hum, and an empty stem."""
    QSettings().clear()
    rate = 22050
    time = np.arange(5 * rate) / rate
    tune = np.select([time < 1.5, time < 3.0, time < 4.5], [330.0, 392.0, 440.0], 0.0)
    phase = 2 * np.pi * np.cumsum(tune) / rate
    voice = np.where(tune > 0, sum(np.sin(n * phase) / n for n in range(1, 6)), 0.0)
    samples = 0.1 * voice + 0.005 * np.random.default_rng(0).standard_normal(len(time))
    soundfile.write(tmp_path / "song.wav", samples, rate, subtype="FLOAT")
    window = MainWindow()
    window.resize(1400, 900)
    window.show()
    qtbot.waitExposed(window)
    with qtbot.waitSignal(window.opening.read, timeout=20_000):
        window.open_path(tmp_path / "song.wav")
    yield window
    window.document.history.mark_saved()
    window.close()
    window.deleteLater()


def test_a_melody_is_found_painted_by_return_and_handed_to_its_recipe(window, qtbot):
    document, actions = window.document, window.bindings.actions
    window.menus.separate.add_stem()
    document.set_target(next(leaf.id for leaf in document.state.leaves() if leaf.name == "Stem 1"))
    window.tools.choose("harmonics")
    panel = window.tool_options.melody
    assert panel.isVisible()
    assert not panel.paint.isEnabled()
    assert not panel.separate.isEnabled()
    assert not actions["paint_melody"].isEnabled()
    assert not actions["give_selection"].isEnabled()

    actions["find_melody"].trigger()
    qtbot.waitUntil(lambda: bool(document.state.melody), timeout=30_000)
    found = document.state.melody.at(np.array([0.7, 2.2, 3.7, 4.8]))
    assert found == pytest.approx([330, 392, 440, 0], rel=0.01)
    assert document.history.names[-1] == "Find the melody"

    assert panel.paint.isEnabled()
    assert "Stem 1" in panel.paint.accessibleName()
    actions["give_selection"].trigger()
    assert document.history.names[-1] == "Paint the melody to Stem 1"
    stroke = next(iter(document.state.strokes.values())).stroke
    assert stroke.shape == "comb"
    assert stroke.points == document.state.melody.points

    panel.separate.click()
    recipe = window.separate.recipe()
    assert recipe.name == "melody"
    assert recipe.points == pytest.approx(np.round(document.state.melody.points, 4), abs=0.006)
    assert recipe.width == window.tools.value("cents")

    actions["forget_melody"].trigger()
    assert not document.state.melody
    document.undo()
    assert document.state.melody


def test_a_melody_is_looked_for_within_the_selection_and_in_the_stem_that_is_named(window, qtbot):
    document = window.document
    window.tools.choose("harmonics")
    box = Box(start=1.6, stop=2.9, low=300.0, high=500.0)
    document.set_selection(Selection().combined("replace", box))
    window.menus.separate.add_stem()
    residual = next(leaf.id for leaf in document.state.leaves() if leaf.name == "residual")
    menu = window.tool_options.melody.find_button.menu()
    menu.aboutToShow.emit()
    words = {action.text(): action for action in menu.actions()}
    assert list(words) == ["In the whole song", "In Stem 1", "In residual"]
    words["In residual"].trigger()
    qtbot.waitUntil(lambda: bool(document.state.melody), timeout=30_000)
    assert document.history.names[-1] == "Find the melody of residual"
    start, stop = document.state.melody.span
    assert 1.6 <= start < 1.8
    assert 2.7 < stop <= 2.9
    assert document.state.melody.at(np.array([2.2]))[0] == pytest.approx(392, rel=0.01)
    assert residual in document.state.stems


def test_where_there_is_no_melody_a_way_on_is_said(window, qtbot):
    document = window.document
    said = []
    document.said.connect(said.append)
    document.set_selection(Selection().combined("replace", Box(start=4.6, stop=4.95, low=0, high=11025.0)))
    window.menus.tools.find_melody()
    qtbot.waitUntil(lambda: any("No melody was found" in words for words in said), timeout=30_000)
    assert not document.state.melody
    assert document.history.names == []


def test_a_song_that_is_closed_meanwhile_gets_no_melody(window, qtbot):
    window.menus.tools.find_melody()
    other = song(1.0)
    window.document.history.mark_saved()
    window.document.set_project(other)
    qtbot.waitUntil(lambda: not window.document.jobs.queue, timeout=30_000)
    assert not other.state.melody


def test_a_line_that_grows_looks_just_as_when_it_is_painted_whole(qtbot):
    canvas, viewport = QWidget(), Viewport()
    qtbot.addWidget(canvas)
    canvas.resize(401, 200)
    viewport.set_song(60.0, 44100)

    def painted(layer: MelodyLayer, line: PitchLine) -> QImage:
        image = QImage(401, 200, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        layer.paint(painter, MelodyLook(line, "#ff8800", 60.0, 20, 20.0), viewport, canvas)
        painter.end()
        return image

    layer, path = MelodyLayer(), []
    before = PitchLine(runs=(((2.0, 300.0), (9.0, 400.0)), ((40.0, 200.0), (50.0, 180.0))))
    pictures = [painted(layer, before)]
    for step in range(12):
        path.append((10.0 + 2.0 * step, 200.0 + 20.0 * (step % 5)))
        line = before.drawn(tuple(path)) if step else before
        pictures.append(painted(layer, line))
        assert pictures[-1] == painted(MelodyLayer(), line)
    assert pictures[-1] != pictures[0]
    assert painted(layer, before.erased(3.0, 45.0)) == painted(MelodyLayer(), before.erased(3.0, 45.0))
