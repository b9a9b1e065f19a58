from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from split_song import RATE, song, split_song

from stemstudio.algorithms.masking import Masking
from stemstudio.gui.notation import cents_text, hertz_text, note_of, octaves_text, time_text
from stemstudio.gui.pyramid import Pyramid
from stemstudio.gui.sheet_blocks import owner_block
from stemstudio.gui.viewport import Viewport
from stemstudio.gui.views import picture
from stemstudio.gui.views.axes import frequency_marks, time_marks
from stemstudio.gui.views.sheet_marks import SelectionOutline
from stemstudio.project import edits
from stemstudio.spectral.brushes import Box, Selection

Modifier = Qt.KeyboardModifier


def wheel(widget, point: QPoint, steps: float, keys=Modifier.NoModifier, pixels: int = 0) -> None:
    angle = QPoint(0, round(120 * steps))
    there = widget.mapToGlobal(point)
    event = QWheelEvent(
        QPointF(point),
        QPointF(there),
        QPoint(pixels, 0),
        angle,
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def pixels(image: QImage) -> np.ndarray:
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).astype(int)


def hue(colour: tuple[int, int, int]) -> str:
    red, green, blue = colour
    if max(colour) - min(colour) < 12:
        return "grey"
    return max(("red", red), ("green", green), ("blue", blue), key=lambda pair: pair[1])[0]


def test_without_a_song_the_sheet_says_what_to_do(show, qtbot):
    made = show(None)
    words = [label.text() for label in made.view.drop_zone.findChildren(QLabel) if label.isVisible()]
    assert "Drop a song here" in words
    with qtbot.waitSignal(made.view.open_wanted):
        QTest.mouseClick(made.view.drop_zone.open_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(made.view.demo_wanted):
        QTest.mouseClick(made.view.drop_zone.demo_button, Qt.MouseButton.LeftButton)
    assert not made.sheet.overview.isVisible()
    made.document.set_project(song())
    assert not made.view.drop_zone.isVisible()
    assert made.sheet.overview.isVisible()


def test_the_owner_gives_the_hue_and_the_level_the_brightness(show):
    made = show(split_song())
    state = made.document.state
    for name, hertz in (("bass", 220.0), ("lead", 3520.0)):
        edits.set_stem(state, made.stem(name), "", colour="#ff3020" if name == "bass" else "#2040ff").do(
            made.document.project
        )
        loud, quiet = made.colour(4.0, hertz), made.colour(4.0, hertz * 1.7)
        assert hue(loud) == ("red" if name == "bass" else "blue")
        assert max(loud) > 150
        assert max(quiet) < max(loud) / 2


def test_a_song_that_is_not_split_is_shown_in_the_colour_map(show):
    made = show(song())
    first = made.colour(4.0, 220.0)
    made.document.set_look(colours="grey")
    grey = made.colour(4.0, 220.0)
    assert hue(grey) == "grey"
    assert hue(first) != "grey"


def test_the_mask_of_a_stem_is_its_colour_where_it_owns_all(show, qtbot):
    made = show(split_song())
    made.document.set_target(made.stem("lead"))
    made.document.set_look(view="mask")
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert max(made.colour(4.0, 5000.0)) > 150
    assert max(made.colour(4.0, 300.0)) < 40
    made.document.set_target(made.stem("bass"))
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert max(made.colour(4.0, 5000.0)) < 40
    assert max(made.colour(4.0, 300.0)) > 150


def test_one_stem_alone_lacks_the_light_of_the_others(show, qtbot):
    made = show(split_song())
    made.document.set_target(made.stem("lead"))
    made.document.set_look(view="stem", colours="grey")
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert max(made.colour(4.0, 3520.0)) > 150
    assert max(made.colour(4.0, 220.0)) < 40


def test_selected_atoms_stay_bright_and_the_rest_is_dimmed(show, qtbot):
    made = show(split_song(atoms=True))
    before = made.colour(4.0, 220.0), made.colour(4.0, 3520.0)
    made.document.select_atoms((1,))
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.colour(4.0, 3520.0) == before[1]
    assert max(made.colour(4.0, 220.0)) < max(before[0]) / 2
    made.document.set_look(overlay=False)
    assert (made.colour(4.0, 220.0), made.colour(4.0, 3520.0)) == before


def test_other_masks_have_just_their_frames_drawn_anew(show, qtbot):
    made = show(split_song(20.0, atoms=True))
    document, light, state = made.document, made.light, made.document.state
    repainted: list[str] = []
    light.hues_changed.connect(lambda: repainted.append("hues"))
    document.do(edits.mask(state, 0, Masking(firmness=2.0, margin=3.0)))
    assert not repainted, "every stem has the colour that it had"
    qtbot.waitUntil(lambda: light.idle, timeout=10_000)
    slots = [(leaf.id, light.slots[leaf.id]) for leaf in document.state.leaves()]
    owners = owner_block(document.state, slots, 0, state.frames)
    np.testing.assert_array_equal(light.sheet.levels[0][:, : state.frames] & 0xFF, owners)
    document.do(edits.set_stem(document.state, made.stem("lead"), "Colour", colour="#ff0000"))
    assert repainted == ["hues"]


def test_paint_is_seen_where_hues_do_not_show_it(show, qtbot):
    made = show(split_song())
    made.document.set_target(made.stem("lead"))
    made.document.set_look(view="mixture", colours="grey")
    assert hue(made.colour(3.0, 300.0)) == "grey"
    made.toolbox.choose("brush")
    made.drag((2.5, 300.0), (3.5, 300.0))
    QTest.mouseMove(made.view, QPoint(3, 3))
    qtbot.waitUntil(lambda: made.light.idle and made.view._live is None, timeout=10_000)
    assert hue(made.colour(3.0, 300.0)) != "grey"
    made.document.undo()
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert hue(made.colour(3.0, 300.0)) == "grey"


def test_the_wheel_scrolls_and_zooms_at_the_pointer(show):
    made = show(split_song())
    viewport, view = made.document.viewport, made.view
    point = QPoint(300, 200)
    second = viewport.second_at(300, view.width())
    wheel(view, point, 4, Modifier.ControlModifier)
    assert viewport.stop - viewport.start < 8.0 / 2
    assert viewport.second_at(300, view.width()) == pytest.approx(second, abs=0.01)
    start = viewport.start
    wheel(view, point, -1)
    assert viewport.start > start
    hertz = viewport.hertz_at(200, view.height())
    wheel(view, point, 4, Modifier.ControlModifier | Modifier.ShiftModifier)
    assert viewport.hertz_at(200, view.height()) == pytest.approx(hertz, rel=0.01)
    low = viewport.low
    wheel(view, point, 1, Modifier.ShiftModifier)
    assert viewport.low > low
    start = viewport.start
    wheel(view, point, 0, pixels=-30)
    span = viewport.stop - viewport.start
    assert viewport.start - start == pytest.approx(30 / view.width() * span, rel=0.01)


def test_arrow_keys_move_the_view(show):
    made = show(split_song())
    viewport = made.document.viewport
    viewport.set_time(2.0, 4.0)
    viewport.set_frequency(200.0, 2000.0)
    QTest.keyClick(made.view, Qt.Key.Key_Right)
    assert viewport.start > 2.0
    low = viewport.low
    QTest.keyClick(made.view, Qt.Key.Key_Up)
    assert viewport.low > low
    span = viewport.stop - viewport.start
    QTest.keyClick(made.view, Qt.Key.Key_Plus)
    assert viewport.stop - viewport.start < span


@pytest.mark.parametrize("span", [4.0, 15.0])
def test_what_was_panned_to_looks_as_if_drawn_afresh(show, span):
    made = show(split_song(20.0))
    viewport = made.document.viewport
    viewport.set_time(1.0, 1.0 + span)
    made.view.grab()
    for step in (0.317, 0.4, -0.2, 0.3):
        viewport.scroll_time(step)
        made.view.grab()
    panned = pixels(made.view.grab().toImage())
    made.view._picture._light_picture.forget()
    # Where a picture is magnified, a place between two cells may be rounded the other way.
    assert np.abs(pixels(made.view.grab().toImage()) - panned).max() <= 3


@pytest.mark.parametrize("packed", [True, False])
def test_the_compiled_loop_makes_the_same_picture(packed, monkeypatch):
    rng = np.random.default_rng(0)
    pyramid = Pyramid(513, 3000, packed=packed)
    for level in pyramid.levels:
        level[...] = rng.integers(0, np.iinfo(level.dtype).max, level.shape, endpoint=True)
    table = rng.integers(0, 2**32, 65536 if packed else 256, dtype=np.uint32)
    loops, frames = ("_paint", "_magnify"), RATE / 1024
    plain = (picture._plainly, picture._magnified_plainly)
    for loop in loops:
        monkeypatch.setattr(picture, loop, None)  # as before, at the end
    picture.fetch()
    compiled = (picture._paint, picture._magnify)
    for axis, seconds, origin in (
        ("log", 60.0, 0),
        ("mel", 20.0, 40),
        ("linear", 5.0, 900),
        ("log", 1.0, 3000),  # a cell covers several pixels
        ("log", 68.0, 5),
    ):
        frame = picture.Frame(300, 130, seconds / 300, origin, 30.0, 20_000.0, axis)
        rows = picture.pixel_rows(pyramid, frame, RATE / 1024)
        pictures = []
        for made in (plain, compiled):
            for loop, function in zip(loops, made, strict=True):
                monkeypatch.setattr(picture, loop, function)
            pictures.append(np.zeros((130, 300), dtype=np.uint32))
            picture.draw(pyramid, table, frame, rows, frames, pictures[-1], 7, 290)
        assert len(np.unique(pictures[0])) > 50
        np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize("by", [37, -37, 0, 299])
def test_a_picture_is_moved_in_place(by):
    pixels = np.arange(130 * 300, dtype=np.uint32).reshape(130, 300)
    expected = pixels.copy()
    if by:
        rolled = np.roll(pixels, -by, axis=1)
        kept = slice(None, -by) if by > 0 else slice(-by, None)
        expected[:, kept] = rolled[:, kept]
    picture.shift(pixels, by)
    np.testing.assert_array_equal(pixels, expected)


def test_a_ruler_is_drawn_anew_only_when_its_own_axis_moves(show, monkeypatch):
    made = show(split_song())
    rulers = {"time": made.sheet.time_ruler, "frequency": made.sheet.frequency_ruler}
    viewport, drawn = made.document.viewport, []
    viewport.set_time(1.0, 5.0)
    QApplication.processEvents()
    for name, ruler in rulers.items():
        monkeypatch.setattr(ruler, "paintEvent", lambda event, name=name: drawn.append(name))
    viewport.scroll_time(0.5)
    QApplication.processEvents()
    viewport.set_frequency(100.0, 1000.0)
    QApplication.processEvents()
    assert drawn == ["time", "frequency"]


def test_another_target_leaves_the_colours_of_all_stems_alone(show, qtbot):
    made = show(split_song())
    made.view.grab()
    drawn = made.view._picture._light_picture._frame
    made.document.set_target(made.stem("lead"))
    assert made.view._picture._light_picture._frame is drawn is not None
    made.document.set_look(view="mask")
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    before = made.colour(4.0, 5000.0)
    made.document.set_target(made.stem("bass"))
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.colour(4.0, 5000.0) != before


def test_the_middle_button_and_the_space_bar_are_hands(show, qtbot):
    made = show(split_song())
    made.toolbox.choose("rectangle")
    viewport = made.document.viewport
    viewport.set_time(2.0, 4.0)
    made.drag((3.0, 400.0), (2.5, 400.0), button=Qt.MouseButton.MiddleButton)
    assert viewport.start == pytest.approx(2.5, abs=0.02)
    QTest.keyPress(made.view, Qt.Key.Key_Space)
    with qtbot.assertNotEmitted(made.view.play_wanted):
        made.drag((3.0, 400.0), (3.5, 400.0))
        QTest.keyRelease(made.view, Qt.Key.Key_Space)
    assert viewport.start == pytest.approx(2.0, abs=0.02)
    assert not made.document.selection
    with qtbot.waitSignal(made.view.play_wanted):
        QTest.keyClick(made.view, Qt.Key.Key_Space)


def test_the_pointer_is_told_time_note_level_and_owner(show, qtbot):
    made = show(split_song())
    with qtbot.waitSignal(made.view.pointed, check_params_cb=lambda words: "%" in words) as told:
        QTest.mouseMove(made.view, made.at(4.0, 3520.0))
    words = told.args[0]
    assert words.startswith("0:04.0")
    assert "A7" in words
    assert "dB" in words
    assert words.endswith("lead 100 %")


def test_the_playhead_is_put_by_the_time_ruler_and_seen(show):
    made = show(split_song())
    ruler = made.sheet.time_ruler
    QTest.mouseClick(ruler, Qt.MouseButton.LeftButton, pos=QPoint(ruler.width() // 4, 5))
    assert made.playhead.seconds == pytest.approx(2.0, abs=0.05)
    x = made.at(made.playhead.seconds, 440.0).x()
    image = made.view.grab().toImage()
    assert image.pixelColor(x, 100).lightness() > 240
    made.playhead.seek(6.0)
    assert made.view.grab().toImage().pixelColor(x, 100).lightness() < 240


def test_the_overview_is_coloured_by_the_loudest_stem_and_moves_the_view(show):
    made = show(split_song())
    overview, viewport = made.sheet.overview, made.document.viewport
    state = made.document.state
    edits.set_stem(state, made.stem("bass"), "", colour="#ff3020").do(made.document.project)
    pixel = overview.grab().toImage().pixelColor(overview.width() // 2, overview.height() // 2 - 4)
    assert pixel.red() > 2 * pixel.blue()
    viewport.set_time(0.0, 2.0)
    middle = QPoint(overview.width() * 3 // 4, overview.height() // 2)
    QTest.mouseClick(overview, Qt.MouseButton.LeftButton, pos=middle)
    assert (viewport.start + viewport.stop) / 2 == pytest.approx(6.0, abs=0.1)
    edge = QPoint(round(viewport.stop / 8.0 * overview.width()), 10)
    QTest.mousePress(overview, Qt.MouseButton.LeftButton, pos=edge)
    QTest.mouseMove(overview, QPoint(edge.x() - overview.width() // 8, 10))
    QTest.mouseRelease(overview, Qt.MouseButton.LeftButton, pos=edge)
    assert viewport.stop - viewport.start == pytest.approx(1.0, abs=0.1)
    QTest.mouseDClick(overview, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert (viewport.start, viewport.stop) == (0.0, 8.0)


def test_what_is_not_decoded_yet_is_hatched(show, qtbot):
    made = show(None)
    made.document.set_project(song(20.0))
    made.document.set_reading(5 * RATE, False)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    image = made.view.grab().toImage()
    row = made.at(0, 12000.0).y()
    unread = {
        image.pixel(x, row + dy)
        for x in range(made.at(8.0, 440).x(), made.view.width() - 5)
        for dy in range(8)
    }
    assert len(unread) > 1
    made.document.set_reading(20 * RATE, True)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert max(made.colour(15.0, 220.0)) > 150


def test_a_selection_is_outlined(show):
    made = show(split_song())
    before = made.view.grab().toImage()
    made.document.set_selection(
        Selection().combined("replace", Box(start=2.0, stop=3.0, low=300.0, high=2000.0))
    )
    after = made.view.grab().toImage()
    edge, outside = made.at(2.0, 800.0), made.at(5.0, 800.0)
    assert any(after.pixelColor(edge.x(), y).lightness() > 180 for y in range(edge.y() - 8, edge.y() + 8))
    assert after.pixel(outside) == before.pixel(outside)


@pytest.mark.parametrize("axis", ["log", "mel", "linear"])
def test_marks_of_the_axes_have_room_and_lie_where_they_say(axis):
    viewport = Viewport()
    viewport.set_song(240.0, 44100)
    viewport.set_axis(axis)
    for low, high in ((20.0, 22050.0), (200.0, 900.0), (430.0, 450.0)):
        viewport.set_frequency(low, high)
        marks = frequency_marks(viewport, 500, 20.0)
        named = [mark for mark in marks if mark.weak]
        assert all(b.place - a.place >= 19.9 for a, b in pairwise(named))
        assert len(named) >= 1
    for start, stop in ((0.0, 240.0), (10.0, 10.5), (3.0, 3.02)):
        viewport.set_time(start, stop)
        named = [mark for mark in time_marks(viewport, 900, 80.0) if mark.strong]
        assert len(named) >= 2
        assert len({mark.strong for mark in named}) == len(named)
        assert all(b.place - a.place >= 79.9 for a, b in pairwise(named))


def test_musicians_words():
    assert note_of(440.0) == ("A4", 0)
    assert note_of(743.0) == ("F♯5", 7)
    assert (cents_text(-18), cents_text(3), cents_text(0)) == ("−18¢", "+3¢", "±0¢")
    assert (hertz_text(55), hertz_text(3520), hertz_text(14080)) == ("55", "3.5k", "14.1k")
    assert (time_text(7.42, 2), time_text(3725), time_text(59.999, 2)) == ("0:07.42", "1:02:05", "1:00.00")
    assert (octaves_text(1 / 3), octaves_text(1.5), octaves_text(2)) == ("1/3 oct", "1.5 oct", "2 oct")


@pytest.mark.parametrize("axis", ["log", "mel", "linear"])
def test_the_outline_of_a_selection_lies_where_it_was_drawn_and_is_kept(axis):
    viewport = Viewport()
    viewport.set_song(60.0, 44100)
    viewport.set_axis(axis)
    viewport.set_time(10.0, 20.0)
    outline = ((11.0, 300.0), (15.0, 4000.0), (18.0, 500.0))
    box = Box(start=11.0, stop=18.0, low=300.0, high=4000.0)
    selection = Selection().combined("replace", box, outline)
    kept = SelectionOutline()
    path = kept.path(selection, viewport, 800, 400)
    drawn = [(each.x, each.y) for each in map(path.elementAt, range(3))]
    there = [(viewport.x_of(s, 800), viewport.y_of(f, 400)) for s, f in outline]
    assert np.allclose(drawn, there)
    assert kept.path(selection, viewport, 800, 400) is path
    viewport.set_time(12.0, 20.0)
    moved = kept.path(selection, viewport, 800, 400)
    assert moved.elementAt(0).x < 0
    other = Selection().combined("replace", box)
    assert kept.path(other, viewport, 800, 400).elementAt(0).x != moved.elementAt(0).x
