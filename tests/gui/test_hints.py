"""Hints in the window: painted, seen, learned from, and painted hard where they were not followed."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from split_song import Stage, split_song, stage

from stemstudio.gui import separating
from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.separating import Separating
from stemstudio.gui.tools.painting import give_selection
from stemstudio.gui.views import hint_marks, picture, picture_kernel
from stemstudio.gui.views.hint_marks import MISSED, HintPicture
from stemstudio.gui.views.tool_options import ToolOptions
from stemstudio.project import edits
from stemstudio.project.hints import Outcome
from stemstudio.project.showing import levels
from stemstudio.spectral.brushes import Box, Selection

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def painter(qtbot):
    """A split song, the brush in the hand, the lead as the target, hints on."""
    made = stage(qtbot, split_song(4.0), qtbot.waitUntil)
    made.document.set_target(made.stem("lead"))
    made.toolbox.choose("brush")
    for name, value in (("width", 0.4), ("height", 1.0), ("hardness", 1.0), ("strength", 1.0)):
        made.toolbox.set_value(name, value)
    made.toolbox.set_mode("hint")
    yield made
    made.document.jobs.close()


@pytest.fixture
def options(painter, qtbot):
    made = ToolOptions(painter.document, painter.toolbox)
    qtbot.addWidget(made)
    made.resize(300, 400)
    made.show()
    return made


@pytest.fixture
def settle(qtbot):
    def wait(made: Stage) -> None:
        document = made.document
        qtbot.waitUntil(
            lambda: not document.jobs.queue and not document.hints.busy and made.light.idle, timeout=20_000
        )

    return wait


def hint(made: Stage, settle) -> None:
    """Say that a second of the bass's tone is the lead's."""
    made.drag((2.5, 220.0), (3.5, 220.0))
    settle(made)


def refine(made: Stage, settle, *, again: bool = False) -> None:
    separating = Separating(made.document)
    assert separating.refine(again=again) is not None
    settle(made)


def pixels(made: Stage, start: tuple[float, float], stop: tuple[float, float]) -> np.ndarray:
    """What is on screen between two places: int (height, width, 3)."""
    a, b = made.at(*start), made.at(*stop)
    QApplication.sendEvent(made.view, QEvent(QEvent.Type.Leave))  # no cursor in the picture
    image = made.view.grab().toImage()
    return np.array(
        [
            [image.pixelColor(x, y).getRgb()[:3] for x in range(min(a.x(), b.x()), max(a.x(), b.x()))]
            for y in range(min(a.y(), b.y()), max(a.y(), b.y()))
        ],
        dtype=int,
    )


def share(made: Stage, stem: str, seconds: float, hertz: float) -> float:
    """How much of the light at a place a stem has."""
    state = made.document.state
    frame = round(seconds * state.mixture.sample_rate / state.grid.hop)
    number = round(hertz * state.grid.fft / state.mixture.sample_rate)
    part, whole = levels(state, [made.stem(stem), 0], frame, frame + 1)
    return float(part[number, 0] / whole[number, 0])


def test_a_hint_is_one_named_step_that_moves_nothing_and_is_taken_back(painter, settle):
    made = painter
    hint(made, settle)
    assert made.document.history.names == ["Hint lead 2.5 s"]
    assert share(made, "bass", 3.0, 220.0) == pytest.approx(1.0, abs=1e-3)
    assert made.document.hints.words == "1 hint, new"
    made.document.undo()
    settle(made)
    assert made.document.hints.words == ""


def test_hints_are_hatched_and_hard_paint_is_not(painter, settle):
    made = painter
    place = (2.7, 400.0), (3.3, 300.0)  # dark: there is no light of the song here
    dark = pixels(made, *place)
    made.drag((2.5, 350.0), (3.5, 350.0), release=False)
    live = pixels(made, *place)
    QTest.mouseRelease(made.view, LEFT, Qt.KeyboardModifier.NoModifier, made.at(3.5, 350.0))
    settle(made)
    seen = pixels(made, *place)
    for look in (live, seen):
        rows = look.sum(axis=2)
        bright = (rows > dark.sum(axis=2) + 200).mean()
        assert 0.2 < bright < 0.45, "lines, with room between them"
        assert (np.diff(rows, axis=1) != 0).mean() > 0.3, "lines across, not a plain colour"
    made.document.set_look(overlay=False)
    assert np.array_equal(pixels(made, *place), dark)
    made.document.undo()
    made.toolbox.set_mode("hard")
    made.drag((2.5, 350.0), (3.5, 350.0), release=False)
    plain = pixels(made, *place).sum(axis=2)
    assert made.view.cancel()
    assert plain.mean() > dark.sum(axis=2).mean() + 60
    assert (np.abs(np.diff(plain, axis=1)) > 60).mean() < 0.05


def test_hints_stay_in_their_place_when_the_view_moves(painter, settle):
    made = painter
    made.drag((2.5, 350.0), (3.5, 350.0))
    settle(made)
    made.document.viewport.set_time(2.0, 4.0)
    settle(made)
    inside, outside = pixels(made, (2.8, 380.0), (3.2, 320.0)), pixels(made, (3.8, 380.0), (3.95, 320.0))
    assert inside.sum(axis=2).max() > outside.sum(axis=2).max() + 100


@pytest.mark.parametrize("fine", [250_000, 500])
@pytest.mark.parametrize("followed", [True, False])
def test_hints_that_are_scrolled_look_just_as_when_they_are_drawn_whole(
    painter, settle, monkeypatch, followed, fine
):
    made = painter
    monkeypatch.setattr(hint_marks, "FINE", fine)
    made.drag((1.0, 350.0), (2.0, 600.0))
    made.drag((1.8, 900.0), (2.9, 500.0))
    settle(made)
    document, view = made.document, made.document.viewport
    missed = np.random.default_rng(0).random((2049, 400)) < 0.3
    if not followed:
        parts = {
            hint.number: missed[: hint.weights.shape[0], : hint.weights.shape[1]]
            for hint in document.hints.laid
        }
        monkeypatch.setattr(document.hints, "outcome", lambda number: Outcome(0.0, parts[number]))

    def painted(picture: HintPicture) -> QImage:
        image = QImage(500, 300, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        with QPainter(image) as onto:
            picture.paint(onto, 500, 300)
        return image

    scrolled, first = HintPicture(document), 1.2
    for move in (0.0, 0.05, 0.31, -0.02, -0.4, 0.004, 0.9, -1.1):
        first += move
        view.set_time(first, first + 1.0)
        monkeypatch.setattr(picture, "loops", picture_kernel)
        assert painted(scrolled) == painted(HintPicture(document)), move
        assert len(set(painted(scrolled).constBits()[::4])) > 1, "there is something to see"
        monkeypatch.setattr(picture, "loops", None)
        assert painted(scrolled) == painted(HintPicture(document)), "compiled or not"


def test_x_swaps_and_the_switch_shows_it(options, painter):
    made = painter
    hard, soft = options.mode.buttons["hard"], options.mode.buttons["hint"]
    assert soft.isChecked()
    assert not hard.isChecked()
    QTest.mouseClick(hard, LEFT)
    assert made.toolbox.mode == "hard"
    made.toolbox.set_mode("hint")
    assert soft.isChecked()
    assert options.give.text() == "Hint: it is lead"
    made.toolbox.choose("hand")
    assert not options.mode.isVisible()
    made.toolbox.choose("rectangle")
    assert options.mode.isVisible()
    for button in (hard, soft):
        assert button.toolTip()
        assert button.accessibleName()


def test_the_mode_is_remembered(painter):
    record = painter.toolbox.record()
    painter.toolbox.set_mode("hard")
    painter.toolbox.restore(record)
    assert painter.toolbox.mode == "hint"
    painter.toolbox.restore({**record, "mode": "loud"})
    assert painter.toolbox.mode == "hard"


def test_the_cursor_of_a_hint_differs(painter):
    made = painter
    QTest.mouseMove(made.view, made.at(1.0, 900.0))
    dashed = made.view.grab().toImage()
    made.toolbox.set_mode("hard")
    assert made.view.grab().toImage() != dashed


def test_a_selection_is_hinted(painter, settle):
    made = painter
    box = Box(start=1.0, stop=2.0, low=100.0, high=400.0)
    made.document.set_selection(Selection().combined("replace", box))
    assert give_selection(made.document, hint=True)
    settle(made)
    assert made.document.history.names == ["Hint lead in selection"]
    assert made.document.hints.laid[0].weights.max() == 1


def test_the_eraser_takes_hints_away_and_says_where_there_is_nothing(painter, qtbot, settle):
    made = painter
    hint(made, settle)
    made.toolbox.choose("eraser")
    with qtbot.waitSignal(made.document.said) as said:
        made.drag((0.5, 3000.0), (1.0, 3000.0))
    assert said.args == ["There is no paint here to erase."]
    made.toolbox.set_value("height", 3.0)
    made.toolbox.set_value("width", 1.0)
    made.drag((2.3, 220.0), (3.7, 220.0))
    settle(made)
    assert made.document.hints.laid == ()
    assert made.document.history.names[-1].startswith("Erase")


def test_learning_moves_the_whole_tone_and_says_how_it_went(options, painter, qtbot, settle):
    made = painter
    hint(made, settle)
    assert options.hints.isVisible()
    assert options.hints.refine.property("primary")
    with qtbot.waitSignal(made.document.hints.refined, timeout=20_000) as told:
        refine(made, settle)
    assert told.args == ["1 hint, followed"]
    assert made.document.history.names[-1] == "Refine from 1 hint"
    assert share(made, "lead", 3.0, 220.0) > 0.9
    assert share(made, "lead", 1.0, 220.0) > 0.8, "where nothing was painted"
    assert share(made, "lead", 1.0, 3520.0) > 0.8
    assert made.document.hints.fresh == ()
    assert not options.hints.refine.property("primary")
    assert not options.hints.paint_hard.isVisible()
    QTest.mouseClick(options.hints.clear, LEFT)
    settle(made)
    assert made.document.history.names[-1] == "Clear hint"
    assert not options.hints.isVisible()
    assert share(made, "lead", 1.0, 220.0) > 0.8, "what was learned stays"


def test_hints_bind_as_firmly_as_the_slider_says(options, painter, settle, monkeypatch):
    made = painter
    hint(made, settle)
    slider, words = options.hints.firmness, options.hints.firmness_words
    assert slider.isVisible()
    assert words.text() == "−52 dB"
    taught = []

    def teach(state, progress, lesson, **more):
        taught.append(lesson.strength)
        return learn(state, progress, lesson, **more)

    learn = separating.refine
    monkeypatch.setattr(separating, "refine", teach)
    slider.setValue(slider.minimum())
    assert words.text() == "−4 dB"
    refine(made, settle)
    assert taught == [0.5]
    assert made.document.hints.words == "1 hint, followed"
    made.document.hints.set_strength(1e9)
    assert slider.value() == slider.maximum()


def test_what_was_not_followed_is_seen_and_painted_hard_in_one_step(options, painter, qtbot, settle):
    made = painter
    hint(made, settle)
    refine(made, settle)
    document = made.document
    parts = range(len(document.state.splits[0].owners))
    document.do(edits.assign(document.state, 0, dict.fromkeys(parts, made.stem("bass")), "Move"))
    settle(made)
    assert document.hints.words == "1 of 1 hint not followed"
    red = np.array([MISSED.red(), MISSED.green(), MISSED.blue()])
    there = np.abs(pixels(made, (2.4, 330.0), (3.6, 150.0)) - red).sum(axis=2) < 60
    assert there.mean() > 0.1
    assert (np.abs(pixels(made, (0.5, 330.0), (1.5, 150.0)) - red).sum(axis=2) < 60).mean() == 0
    assert options.hints.paint_hard.isVisible()
    assert share(made, "lead", 3.0, 220.0) < 0.1
    steps = len(document.history.names)
    QTest.mouseClick(options.hints.paint_hard, LEFT)
    qtbot.waitUntil(lambda: len(document.history.names) > steps, timeout=10_000)
    settle(made)
    assert document.history.names[-1] == "Paint hint hard"
    assert share(made, "lead", 3.0, 220.0) > 0.95
    assert document.hints.laid == ()
    document.undo()
    settle(made)
    assert document.hints.words == "1 of 1 hint not followed"


def test_closing_the_song_forgets_its_hints(painter, settle):
    made = painter
    hint(made, settle)
    made.document.set_project(None)
    assert made.document.hints.laid == ()
    assert made.document.hints.words == ""


@pytest.fixture
def window(qtbot):
    QSettings().clear()
    made = MainWindow()
    made.resize(1400, 900)
    made.show()
    project = split_song(4.0)
    made.document.set_project(project)
    made.document.set_reading(project.state.mixture.length, True)
    qtbot.waitUntil(lambda: made.light.idle, timeout=20_000)
    yield made
    made.document.set_project(None)
    made.close()
    made.deleteLater()
    QApplication.processEvents()


def test_the_key_refines_while_there_are_new_hints_and_else_runs_the_recipe(window, qtbot, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(window.menus.separate, "run_recipe", lambda *_: asked.append("recipe"))
    window.separate.run_wanted.disconnect()
    window.separate.run_wanted.connect(lambda *_: asked.append("recipe"))
    document = window.document
    lead = next(stem.id for stem in document.state.stems.values() if stem.name == "lead")
    document.set_target(lead)
    assert not window.bindings.actions["clear_hints"].isEnabled()
    window.menus.separate.run()
    assert asked == ["recipe"]
    window.menus.tools.swap_mode()
    assert window.tools.mode == "hint"
    box = Box(start=1.0, stop=2.0, low=100.0, high=400.0)
    document.set_selection(Selection().combined("replace", box))
    window.menus.edit.give_selection()
    qtbot.waitUntil(lambda: document.hints.fresh != () and not document.hints.busy, timeout=10_000)
    assert window.separate.refine_button.isVisible()
    assert window.separate.refine_button.text() == "Refine from the hint"
    assert window.bindings.actions["clear_hints"].isEnabled()
    window.menus.separate.run()
    qtbot.waitUntil(lambda: document.history.names[-1] == "Refine from 1 hint", timeout=20_000)
    qtbot.waitUntil(lambda: not document.hints.busy and not document.jobs.queue, timeout=10_000)
    assert not window.separate.refine_button.isVisible()
    window.menus.separate.run()
    assert asked == ["recipe", "recipe"]
    window.menus.tools.swap_mode()
    assert window.tools.mode == "hard"


def test_the_key_that_swaps_is_x(window):
    assert window.bindings.actions["swap_mode"].shortcut().toString() == "X"
