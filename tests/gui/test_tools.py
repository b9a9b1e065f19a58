from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QMenu, QSlider, QWidget
from split_song import Stage, song, split_song

from stemstudio.gui.tools import TOOLS
from stemstudio.gui.tools.atom_picker import atoms_at
from stemstudio.gui.tools.painting import give_selection
from stemstudio.gui.views.tool_bar import ToolStrip
from stemstudio.gui.views.tool_options import ToolOptions

Modifier = Qt.KeyboardModifier


@pytest.fixture
def painter(show) -> Stage:
    """A split song with a sharp brush in the hand and the lead as the target."""
    made = show(split_song())
    made.document.set_target(made.stem("lead"))
    made.toolbox.choose("brush")
    for name, value in (("width", 0.4), ("height", 1.0), ("hardness", 1.0), ("strength", 1.0)):
        made.toolbox.set_value(name, value)
    return made


def box(made: Stage):
    return made.document.selection.bounds


def test_every_tool_says_what_it_is_and_has_a_key_of_its_own():
    tools = [kind() for kind in TOOLS]
    assert [tool.key for tool in tools] == ["H", "T", "F", "R", "L", "B", "E", "W", "K", "A"]
    assert len({tool.name for tool in tools}) == len(tools)
    assert all(tool.tip.endswith(".") and tool.title for tool in tools)


def test_the_brush_gives_light_to_the_target_and_undo_takes_it_back(painter, qtbot):
    made = painter
    assert made.owner_at(3.0, 220.0) == made.stem("bass")
    made.drag((2.5, 220.0), (3.5, 220.0))
    assert made.document.history.names == ["Brush lead 2.5 s"]
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.0, 220.0) == made.stem("lead")
    assert made.owner_at(5.0, 220.0) == made.stem("bass")
    made.document.undo()
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.0, 220.0) == made.stem("bass")


def test_a_stroke_is_seen_while_it_is_drawn_and_kept_until_the_sheet_has_it(painter, qtbot):
    made = painter
    before = made.colour(3.0, 300.0)
    made.drag((2.5, 300.0), (3.5, 300.0), release=False)
    during = made.colour(3.0, 300.0)
    assert during != before
    assert made.document.history.names == []
    QTest.mouseRelease(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(3.5, 300.0))
    assert made.colour(3.0, 300.0) == during
    qtbot.waitUntil(lambda: made.view._live is None, timeout=10_000)
    assert made.owner_at(3.0, 300.0) == made.stem("lead")


def test_escape_ends_the_stroke_in_the_hand(painter):
    made = painter
    before = made.colour(3.0, 300.0)
    made.drag((2.5, 300.0), (3.5, 300.0), release=False)
    QTest.keyClick(made.view, Qt.Key.Key_Escape)
    QTest.mouseRelease(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(3.5, 300.0))
    QTest.mouseMove(made.view, QPoint(5, 5))
    assert made.document.history.names == []
    assert made.colour(3.0, 300.0) == before
    assert not made.view.cancel()


def test_shift_click_draws_a_straight_line_from_the_last_point(painter):
    made = painter
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(2.0, 220.0))
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.ShiftModifier, made.at(4.0, 440.0))
    strokes = [painted.stroke for painted in made.document.state.strokes.values()]
    assert len(strokes[0].points) == 1
    assert len(strokes[1].points) == 2
    assert strokes[1].points[0] == strokes[0].points[0]
    assert strokes[1].points[1] == pytest.approx((4.0, 440.0), rel=0.02)


def test_the_selection_limits_the_brush(painter, qtbot):
    made = painter
    made.toolbox.choose("time")
    made.drag((3.0, 400.0), (4.0, 400.0))
    made.toolbox.choose("brush")
    made.drag((2.0, 220.0), (5.0, 220.0))
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.5, 220.0) == made.stem("lead")
    assert made.owner_at(2.5, 220.0) == made.stem("bass")


def test_the_eraser_gives_back_what_the_separation_said(painter, qtbot):
    made = painter
    made.drag((2.5, 220.0), (3.5, 220.0))
    made.toolbox.choose("eraser")
    made.drag((2.8, 220.0), (3.2, 220.0))
    assert made.document.history.names[-1] == "Erase paint 2.8 s"
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.0, 220.0) == made.stem("bass")
    with qtbot.waitSignal(made.document.said, check_params_cb=lambda words: "no paint here" in words):
        made.drag((6.0, 220.0), (6.5, 220.0))
    assert len(made.document.history.names) == 2


def test_without_stems_the_brush_says_what_to_do(show, qtbot):
    made = show(song())
    made.toolbox.choose("brush")
    with qtbot.waitSignal(made.document.said, check_params_cb=lambda words: "no stems" in words):
        made.drag((2.0, 400.0), (3.0, 400.0))
    assert made.document.history.names == []


def test_the_wheel_with_alt_sizes_the_brush(painter):
    made = painter

    def turn(keys):
        point = QPointF(200, 200)
        event = QWheelEvent(
            point,
            point,
            QPoint(),
            QPoint(120, 0),
            Qt.MouseButton.NoButton,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(made.view, event)

    width, height, start = (
        made.toolbox.value("width"),
        made.toolbox.value("height"),
        made.document.viewport.start,
    )
    turn(Modifier.AltModifier)
    assert made.toolbox.value("width") > width
    assert made.toolbox.value("height") == height
    turn(Modifier.AltModifier | Modifier.ShiftModifier)
    assert made.toolbox.value("height") > height
    assert made.document.viewport.start == start


def test_the_cursor_shows_the_true_footprint(painter):
    made = painter
    made.toolbox.set_value("width", 1.0)
    made.toolbox.set_value("height", 1.0)
    QTest.mouseMove(made.view, QPoint(2, 2))
    bare = made.view.grab().toImage()
    QTest.mouseMove(made.view, made.at(4.0, 1000.0))
    image = made.view.grab().toImage()
    left, right, outside = made.at(3.5, 1000.0), made.at(4.5, 1000.0), made.at(4.6, 1000.0)
    for edge in (left, right):
        assert any(
            image.pixel(x, edge.y()) != bare.pixel(x, edge.y()) for x in range(edge.x() - 2, edge.x() + 3)
        )
    assert image.pixel(outside) == bare.pixel(outside)


@pytest.mark.parametrize(
    ("tool", "time", "frequency"),
    [("time", True, False), ("frequency", False, True), ("rectangle", True, True)],
)
def test_selection_tools_take_the_sides_they_are_for(show, tool, time, frequency):
    made = show(split_song())
    made.toolbox.choose(tool)
    made.drag((2.0, 300.0), (3.0, 3000.0))
    found = box(made)
    assert (found.start, found.stop) == (pytest.approx((2.0, 3.0), abs=0.02) if time else (0.0, 8.0))
    assert (found.low, found.high) == (
        pytest.approx((300.0, 3000.0), rel=0.03) if frequency else (0.0, 22050.0)
    )
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(6.0, 8000.0))
    assert not made.document.selection


def test_shift_adds_alt_takes_away_and_both_intersect(show):
    made = show(split_song())
    made.toolbox.choose("time")
    made.drag((1.0, 400.0), (2.0, 400.0))
    made.drag((4.0, 400.0), (5.0, 400.0), keys=Modifier.ShiftModifier)
    assert (box(made).start, box(made).stop) == pytest.approx((1.0, 5.0), abs=0.02)
    made.drag((4.4, 400.0), (4.6, 400.0), keys=Modifier.AltModifier)
    assert [step.how for step in made.document.selection.steps] == ["add", "add", "subtract"]
    made.drag((3.0, 400.0), (4.2, 400.0), keys=Modifier.AltModifier | Modifier.ShiftModifier)
    assert made.document.selection.steps[-1].how == "intersect"
    assert (box(made).start, box(made).stop) == pytest.approx((3.0, 4.2), abs=0.02)


def test_an_edge_can_be_dragged(show):
    made = show(split_song())
    made.toolbox.choose("rectangle")
    made.drag((2.0, 300.0), (3.0, 3000.0))
    made.drag((3.0, 800.0), (5.0, 900.0))
    assert (box(made).start, box(made).stop) == pytest.approx((2.0, 5.0), abs=0.03)
    assert box(made).high == pytest.approx(3000.0, rel=0.03)
    QTest.mouseMove(made.view, made.at(2.0, 800.0))
    assert made.view.cursor().shape() == Qt.CursorShape.SizeHorCursor


def test_escape_restores_the_selection_of_before(show):
    made = show(split_song())
    made.toolbox.choose("rectangle")
    made.drag((2.0, 300.0), (3.0, 3000.0))
    before = made.document.selection
    made.drag((5.0, 300.0), (6.0, 3000.0), release=False)
    assert made.document.selection != before
    QTest.keyClick(made.view, Qt.Key.Key_Escape)
    assert made.document.selection == before


def test_a_selection_is_given_to_the_target(show, qtbot):
    made = show(split_song())
    made.document.set_target(made.stem("lead"))
    made.toolbox.choose("rectangle")
    options = ToolOptions(made.document, made.toolbox)
    qtbot.addWidget(options)
    options.show()
    assert not options.give.isEnabled()
    made.drag((2.0, 100.0), (3.0, 400.0))
    assert options.give.text() == "Give to lead"
    QTest.mouseClick(options.give, Qt.MouseButton.LeftButton)
    assert made.document.history.names == ["Give selection to lead"]
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(2.5, 220.0) == made.stem("lead")
    assert made.owner_at(3.5, 220.0) == made.stem("bass")


def test_a_large_selection_is_given_in_the_background(show, qtbot):
    made = show(split_song(30.0))
    made.document.set_target(made.stem("lead"))
    made.document.select_all()
    assert give_selection(made.document)
    assert made.document.history.names == []
    qtbot.waitUntil(lambda: made.document.history.names == ["Give selection to lead"], timeout=10_000)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(20.0, 220.0) == made.stem("lead")


def test_the_picker_selects_the_atom_that_makes_the_sound(show, qtbot):
    made = show(split_song(atoms=True))
    made.toolbox.choose("atom")
    assert atoms_at(made.document, 4.0, 220.0) == [(0, 1.0)]
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(4.0, 3520.0))
    assert made.document.atoms == (1,)
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.ShiftModifier, made.at(4.0, 220.0))
    assert made.document.atoms == (1, 0)
    QTest.mouseClick(made.view, Qt.MouseButton.RightButton, Modifier.NoModifier, made.at(4.0, 3520.0))
    menu = made.view.findChild(QMenu)
    choice = next(action for action in menu.actions() if "lead" in action.text())
    assert "100 %" in choice.text()
    choice.trigger()
    assert made.document.atoms == (1,)
    menu.close()


def test_the_picker_says_when_there_are_no_atoms(show, qtbot):
    made = show(split_song())
    made.toolbox.choose("atom")
    with qtbot.waitSignal(made.document.said, check_params_cb=lambda words: "no atoms yet" in words):
        QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(4.0, 3520.0))


@pytest.fixture
def window(show, qtbot):
    """A window with strip, sheet, options and a text field."""
    made = show(split_song())
    window = QWidget()
    qtbot.addWidget(window)
    layout = QHBoxLayout(window)
    made.strip, made.options, made.field = (
        ToolStrip(made.document, made.toolbox),
        ToolOptions(made.document, made.toolbox),
        QLineEdit(),
    )
    for part in (made.strip, made.sheet, made.options, made.field):
        layout.addWidget(part)
    window.resize(1280, 600)
    window.show()
    window.activateWindow()
    made.view.setFocus()
    qtbot.waitExposed(window)
    yield made
    made.sheet.setParent(None)


def test_a_click_takes_a_tool_in_the_hand(window):
    eraser = next(button for button in window.strip.buttons if button.tool.name == "eraser")
    QTest.mouseClick(eraser, Qt.MouseButton.LeftButton)
    assert window.toolbox.tool.name == "eraser"
    assert [button.isChecked() for button in window.strip.buttons].count(True) == 1


def written(options: ToolOptions) -> set[str]:
    """All that stands beside the sliders."""
    return {label.text() for label in options.findChildren(QLabel) if not label.isHidden()}


def sliders(options: ToolOptions) -> dict[str, QSlider]:
    """Those of the tool in the hand, by what a screen reader calls them."""
    return {each.accessibleName(): each for each in options.findChildren(QSlider) if not each.isHidden()}


def test_options_are_written_in_musical_units_and_follow_the_keys(window):
    window.toolbox.choose("brush")
    options = window.options
    assert {"120 ms", "1/3 oct", "70 %"} <= written(options)
    sliders(options)["Brush: Hardness"].setValue(0)
    assert window.toolbox.value("hardness") == 0.0
    assert "0 %" in written(options)
    assert "70 %" not in written(options)
    window.toolbox.set_value("width", 2.0)
    assert "2.00 s" in written(options)
    window.toolbox.choose("hand")
    assert options.title.text() == "Hand"
    assert not [name for name in sliders(options) if name.startswith(("Brush", "Hand"))]


def test_what_the_hand_held_is_remembered(painter):
    record = painter.toolbox.record()
    painter.toolbox.choose("hand")
    painter.toolbox.set_value("width", 9.0)
    painter.toolbox.restore({**record, "hardness": "much", "unknown": 1})
    assert painter.toolbox.tool.name == "brush"
    assert painter.toolbox.value("width") == 0.4


def test_the_lasso_selects_what_the_line_goes_around(painter, qtbot):
    made = painter
    made.toolbox.choose("lasso")
    corners = [(2.5, 150.0), (4.5, 150.0), (4.5, 320.0), (2.5, 320.0)]
    QTest.mousePress(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(*corners[0]))
    for corner in [*corners[1:], corners[0]]:
        QTest.mouseMove(made.view, made.at(*corner))
    QTest.mouseRelease(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(*corners[0]))
    (step,) = made.document.selection.steps
    assert len(step.outline) >= 4
    assert (step.box.start, step.box.stop) == pytest.approx((2.5, 4.5), abs=0.05)
    assert give_selection(made.document)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner_at(3.5, 220.0) == made.stem("lead")
    assert made.owner_at(5.0, 220.0) == made.stem("bass")
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(6.0, 2000.0))
    assert not made.document.selection, "a click forgets it"


def test_the_lasso_can_be_cancelled(painter):
    made = painter
    made.toolbox.choose("lasso")
    made.drag((2.0, 200.0), (4.0, 900.0), release=False)
    QTest.keyClick(made.view, Qt.Key.Key_Escape)
    assert not made.document.selection


def test_the_wand_selects_the_tone_and_a_drag_says_how_much(painter):
    made = painter
    made.toolbox.choose("wand")
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(4.0, 222.0))
    (step,) = made.document.selection.steps
    assert step.outline
    assert step.box.low > 150
    assert step.box.high < 300
    assert step.box.stop - step.box.start > 3, "the tone holds on as far as the wand reaches"
    height = step.box.high - step.box.low
    made.drag((4.0, 222.0), (5.0, 4000.0))
    (wider,) = made.document.selection.steps
    assert wider.box.high - wider.box.low > height, "up and to the right takes more"
    made.document.set_selection(type(made.document.selection)())
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.NoModifier, made.at(2.0, 222.0))
    QTest.mouseClick(made.view, Qt.MouseButton.LeftButton, Modifier.ShiftModifier, made.at(2.0, 3520.0))
    assert len(made.document.selection.steps) == 2


def test_the_sliders_wear_the_colour_of_the_target_and_are_dressed_for_another_alone(window):
    document, rows = window.document, window.options._rows
    first, second = (leaf.id for leaf in document.state.leaves()[:2])
    dressed: list[str] = []
    rows.setStyleSheet = lambda sheet: (dressed.append(sheet), QWidget.setStyleSheet(rows, sheet))
    document.set_target(second)
    document.set_target(first)
    assert [
        document.state.stems[stem].colour in sheet
        for stem, sheet in zip((second, first), dressed, strict=True)
    ] == [True, True]
    document.select_all()
    assert len(dressed) == 2
