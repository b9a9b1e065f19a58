"""The mixer: strips follow the stems, faders make named steps that can be undone, atoms can be dropped."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from small_projects import Slicer, StandInPlayer, atom_song, song, split_song, stem_called, waveforms

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.mixer import SPARE, MixerView
from stemstudio.gui.views.strip import Strip
from stemstudio.gui.views.strip_menu import reset, solo_only, stem_menu
from stemstudio.project import edits


@pytest.fixture
def shown(qtbot):
    """Shows a mixer of a document."""

    kept = []

    def show(document, player=None, width=1280):
        view = MixerView(document, player)
        qtbot.addWidget(view)
        view.resize(width, view.sizeHint().height())
        view.show()
        kept.append(view)
        return view

    return show


def names(view):
    return [strip.name_label.text() for strip in view.strips]


def turn_wheel(fader, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    at = QPointF(fader.rect().center())
    event = QWheelEvent(
        at, fader.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(fader, event)


def drop_on(widget, mime):
    where = (
        QPoint(20, 20),
        Qt.DropAction.MoveAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, QDragEnterEvent(*where))
    QApplication.sendEvent(widget, QDropEvent(QPointF(20, 20), *where[1:]))


def test_without_a_song_the_mixer_is_as_high_as_with_one(shown):
    empty, full = shown(Document(), width=1900), shown(split_song(), width=1900)
    assert empty.bench_area.minimumHeight() == full.strips[0].height()


def test_before_a_split_there_is_one_strip_and_a_sentence(shown):
    view = shown(song())
    assert names(view) == ["Mixture"]
    hint = view._hint
    assert hint.isVisible()
    assert "Separate" in hint.text()


def test_without_a_song_there_is_a_way_on(shown):
    document = song()
    document.set_project(None)
    view = shown(document)
    assert view.strips == []
    assert "Open a song" in view._hint.text()


def test_while_no_atom_has_a_stem_the_mixer_says_what_to_do_next(shown):
    document = atom_song(stems=())
    view = shown(document)
    assert names(view) == ["residual"]
    assert view._hint.isVisible()
    assert "Suggest" in view._hint.text()
    assert view.strips[0].x() == 0, "where the strip of the whole song stood"
    atom_drag.give_to_new(document, document.atoms_of, (0,))
    assert len(view.strips) == 2
    assert not view._hint.isVisible()


def test_a_split_puts_up_its_strips_with_the_residual_last(shown):
    document = song()
    view = shown(document)
    length = document.state.mixture.length
    document.do(edits.split(document.project, 0, Slicer(), waveforms(["voice", "band"], length)))
    assert names(view) == ["voice", "band", "residual"]
    assert [strip.number_label.text() for strip in view.strips] == ["1", "2", "3"]
    assert not view._hint.isVisible()
    document.undo()
    assert names(view) == ["Mixture"]


def test_strips_of_new_stems_come_a_moment_after_them_and_show_no_other_levels_meanwhile(shown, qtbot):
    document, player = song(), StandInPlayer()
    view = shown(document, player)
    before = view.findChildren(Strip)
    length = document.state.mixture.length
    document.do(edits.split(document.project, 0, Slicer(), waveforms(["voice", "band"], length)))
    document.set_target(document.state.leaves()[1].id)
    assert [strip.stem.id for strip in before if strip.isVisible()] == [0], "not in the turn of the edit"
    player.levels.stem_peak = player.levels.stem_rms = np.ones((3, 2))
    view._read_meters()
    assert all(strip.meter.resting for strip in before), "these levels are of other stems"
    qtbot.waitUntil(lambda: sum(strip.isVisible() for strip in view.findChildren(Strip)) == 3, timeout=2000)
    assert view._framed == document.target, "the frame is around the strip that was not there yet"
    document.undo()
    shown_now = [strip.stem.id for strip in view.findChildren(Strip) if strip.isVisible()]
    assert shown_now == [0], "a strip of a stem that is gone is gone at once"


def test_few_strips_stand_side_by_side_on_the_left(shown):
    mixer = shown(split_song(("low", "high")), width=1600)
    QTest.qWait(50)
    first, second, third = (strip.geometry() for strip in mixer.strips)
    assert first.left() == 0
    assert second.left() - first.right() == third.left() - second.right() < 20
    assert first.width() == second.width() == mixer.strips[0].maximumWidth()


def test_a_drag_of_a_fader_is_one_step(shown, qtbot):
    document = split_song()
    view = shown(document)
    fader = view.strips[1].gain
    middle = fader.height() // 2
    QTest.mousePress(fader, Qt.MouseButton.LeftButton, pos=QPoint(int(fader.x_of(0.0)), middle))
    for level_db in (-3.0, -6.0, -12.0):
        QTest.mouseMove(fader, QPoint(round(fader.x_of(level_db)), middle))
    QTest.mouseRelease(fader, Qt.MouseButton.LeftButton, pos=QPoint(round(fader.x_of(-12.0)), middle))
    drums = document.state.stems[stem_called(document, "drums")]
    assert fader.x_of(drums.gain_db) == pytest.approx(fader.x_of(-12.0), abs=1.0), "to the pixel"
    assert len(document.history.edits) == 2
    assert document.history.names[-1].startswith("Gain drums −1")
    QTest.mousePress(fader, Qt.MouseButton.LeftButton, pos=QPoint(round(fader.x_of(-12.0)), middle))
    QTest.mouseMove(fader, QPoint(round(fader.x_of(-30.0)), middle))
    QTest.mouseRelease(fader, Qt.MouseButton.LeftButton, pos=QPoint(round(fader.x_of(-30.0)), middle))
    assert len(document.history.edits) == 3, "a second drag is a step of its own"
    document.undo()
    assert document.state.stems[drums.id].gain_db == drums.gain_db
    assert view.strips[1].gain.amount == pytest.approx(drums.gain_db)


def test_wheel_and_double_click_on_a_fader(shown):
    document = split_song()
    view = shown(document)
    strip = view.strips[0]
    turn_wheel(strip.gain, -3)
    assert document.state.stems[strip.stem.id].gain_db == pytest.approx(-1.5)
    assert strip.gain_text.text() == "−1.5"
    turn_wheel(strip.gain, 1, Qt.KeyboardModifier.ShiftModifier)
    assert strip.gain_text.text() == "−1.4"
    QTest.mouseDClick(strip.gain, Qt.MouseButton.LeftButton)
    assert document.state.stems[strip.stem.id].gain_db == 0.0


def test_gain_stays_within_its_range(shown):
    document = split_song()
    strip = shown(document).strips[0]
    turn_wheel(strip.gain, 100)
    assert document.state.stems[strip.stem.id].gain_db == 12.0
    turn_wheel(strip.gain, -500)
    assert document.state.stems[strip.stem.id].gain_db == -60.0


def test_pan_by_keys_is_written_as_musicians_say(shown):
    document = split_song()
    strip = shown(document).strips[2]
    assert strip.pan_text.text() == "C"
    strip.pan.setFocus()
    QTest.keyClick(strip.pan, Qt.Key.Key_Left)
    assert strip.pan_text.text() == "L 5"
    QTest.keyClick(strip.pan, Qt.Key.Key_End)
    assert strip.pan_text.text() == "R 100"
    assert document.state.stems[strip.stem.id].pan == 1.0


def test_mute_and_solo_are_steps_one_can_undo_one_by_one(shown):
    document = split_song()
    view = shown(document)
    drums = view.strips[1]
    QTest.mouseClick(drums.mute, Qt.MouseButton.LeftButton)
    QTest.mouseClick(drums.mute, Qt.MouseButton.LeftButton)
    QTest.mouseClick(drums.solo, Qt.MouseButton.LeftButton)
    assert document.history.names[1:] == ["Mute drums", "Unmute drums", "Solo drums"]
    document.undo()
    assert not drums.solo.isChecked()
    document.undo()
    assert drums.mute.isChecked()


def test_a_click_makes_a_strip_the_target(shown):
    document = split_song()
    view = shown(document)
    QTest.mouseClick(view.strips[2], Qt.MouseButton.LeftButton, pos=QPoint(9, 40))
    assert document.target == view.strips[2].stem.id
    QTest.mouseClick(view.strips[3].meter, Qt.MouseButton.LeftButton)
    assert document.target == view.strips[3].stem.id


def test_the_target_is_outlined(shown):
    document = split_song()
    view = shown(document)
    plain = view.strips[1].grab().toImage()
    document.set_target(view.strips[1].stem.id)
    assert view.strips[1].grab().toImage() != plain


def test_rename_by_double_click(shown, qtbot):
    document = split_song()
    view = shown(document)
    view.activateWindow()
    strip = view.strips[0]
    QTest.mouseDClick(strip.name_label, Qt.MouseButton.LeftButton)
    assert strip.name_edit.isVisible()
    QTest.keyClicks(strip.name_edit, "choir")
    QTest.keyClick(strip.name_edit, Qt.Key.Key_Return)
    assert names(view)[0] == "choir"
    assert document.history.names[-1] == "Rename vocals to choir"
    assert not strip.name_edit.isVisible()


def test_escape_leaves_the_name(shown):
    document = split_song()
    view = shown(document)
    view.rename(view.strips[0].stem.id)
    QTest.keyClicks(view.strips[0].name_edit, "choir")
    QTest.keyClick(view.strips[0].name_edit, Qt.Key.Key_Escape)
    assert names(view)[0] == "vocals"
    assert len(document.history.edits) == 1


def test_a_name_that_is_taken_gets_a_number(shown):
    document = split_song()
    view = shown(document)
    view.rename(view.strips[0].stem.id)
    QTest.keyClicks(view.strips[0].name_edit, "drums")
    QTest.keyClick(view.strips[0].name_edit, Qt.Key.Key_Return)
    assert names(view)[:2] == ["drums 2", "drums"]


def test_stems_of_a_stem_stand_under_its_name(shown):
    document = split_song()
    view = shown(document)
    flat = view.sizeHint().height()
    drums = stem_called(document, "drums")
    length = document.state.mixture.length
    document.do(edits.split(document.project, drums, Slicer(), waveforms(["kick", "snare"], length)))
    view.resize(1600, view.sizeHint().height())
    QApplication.processEvents()
    assert names(view) == ["vocals", "kick", "snare", "drums residual", "bass", "other", "residual"]
    assert view.sizeHint().height() > flat
    ((stem, level, left, right),) = view._bench.brackets()
    assert (stem, level) == (drums, 0)
    assert left == view.strips[1].x()
    assert right == view.strips[3].x() + view.strips[3].width()


def test_many_strips_scroll_and_none_is_squeezed(shown):
    document = split_song(tuple(f"stem {n}" for n in range(12)))
    view = shown(document, width=1000)
    QApplication.processEvents()
    assert view.bench_area.horizontalScrollBar().maximum() > 0
    assert all(strip.width() >= 160 for strip in view.strips)
    assert all(strip.meter.geometry().bottom() < strip.height() for strip in view.strips)
    document.set_target(view.strips[-1].stem.id)
    assert view.bench_area.horizontalScrollBar().value() > 0


def test_strips_are_whole_within_the_view(shown):
    for width in (1280, 1600):
        view = shown(split_song(), width=width)
        QApplication.processEvents()
        assert view.bench_area.horizontalScrollBar().maximum() == 0
        for strip in view.strips:
            assert strip.geometry().bottom() <= view.bench_area.viewport().height()
            assert not strip.name_label.cut, strip.stem.name
        assert view.master.geometry().right() < view.width()


def test_atoms_dropped_on_a_strip_belong_to_it(shown):
    document = atom_song()
    view = shown(document)
    strip = view.strip_of(stem_called(document, "high"))
    mime = atom_drag.packed(0, [2, 3])
    drop_on(strip, mime)
    split = document.state.splits[0]
    assert split.owners[2] == split.owners[3] == strip.stem.id
    assert document.history.names[-1] == "Give 2 atoms to high"


def test_atoms_dropped_on_a_stem_of_a_stem_go_to_the_stem_above(shown):
    document = atom_song()
    high = stem_called(document, "high")
    length = document.state.mixture.length
    document.do(edits.split(document.project, high, Slicer(), waveforms(["top", "side"], length)))
    view = shown(document)
    strip = view.strip_of(stem_called(document, "top"))
    mime = atom_drag.packed(0, [3])
    drop_on(strip, mime)
    assert document.state.splits[0].owners[3] == high


def test_meters_follow_the_player_and_fall_back(shown, qtbot):
    player = StandInPlayer()
    document = split_song()
    view = shown(document, player)
    dark = view.strips[0].meter.grab().toImage()
    player.levels.stem_peak = np.array([[0.5, 0.25], [0, 0], [0, 0], [0, 0], [0, 0]])
    player.levels.stem_rms = player.levels.stem_peak / 2
    player.levels.master_peak = np.array([1.2, 0.3])
    player.levels.null_db = -151.0
    player.toggle()
    qtbot.waitUntil(lambda: view.strips[0].meter.peak_db > -7, timeout=2000)
    assert view.strips[0].meter.grab().toImage() != dark
    assert view.strips[1].meter.resting
    assert view.master.null.text() == "−∞ dB"
    assert view.master.peak.text() == "peak 1.6 dBFS"
    assert view.master.meter.over
    player.levels.stem_peak = player.levels.stem_rms = np.zeros((5, 2))
    player.levels.master_peak = player.levels.master_rms = np.zeros(2)
    player.toggle()
    qtbot.waitUntil(lambda: not view._timer.isActive(), timeout=6000)
    assert view.strips[0].meter.grab().toImage() == dark
    QTest.mouseClick(view.master.meter, Qt.MouseButton.LeftButton)
    assert not view.master.meter.over
    assert view.master.peak.text() == "peak −∞ dBFS"


def test_a_null_that_is_not_one_is_said_loudly(shown):
    view = shown(split_song(), StandInPlayer())
    view.master.show_null(-41.3)
    assert view.master.null.text() == "−41 dB"
    assert view.master.null.property("role") == "error"
    view.master.show_null(-120.0)
    assert view.master.null.property("role") == "good"


def test_where_a_null_says_nothing_it_is_off_and_says_why(shown, qtbot):
    player = StandInPlayer()
    view = shown(split_song(), player)
    player.levels.null_applies = False
    player.toggle()
    qtbot.waitUntil(lambda: view.master.null.text() == "off", timeout=2000)
    assert "another tempo" in view.master.null.toolTip()
    player.levels.null_applies, player.levels.null_db = True, -151.0
    qtbot.waitUntil(lambda: view.master.null.text() == "−∞ dB", timeout=2000)
    assert "another tempo" not in view.master.null_words.toolTip()
    player.toggle()


def test_without_a_song_there_is_nothing_to_export(shown):
    document = split_song()
    view = shown(document)
    assert view.master.export.isEnabled()
    document.set_project(None)
    assert not view.master.export.isEnabled()


def test_master_volume_and_export(shown, qtbot):
    player = StandInPlayer()
    view = shown(split_song(), player)
    turn_wheel(view.master.volume, -12)
    assert player.master == pytest.approx(10 ** (-6 / 20))
    assert view.master.volume_text.text() == "−6.0"
    with qtbot.waitSignal(view.export_wanted):
        QTest.mouseClick(view.master.export, Qt.MouseButton.LeftButton)


def menu_words(menu: QMenu) -> dict[str, object]:
    return {action.text().split("\t")[0]: action for action in menu.actions() if not action.isSeparator()}


def test_menu_of_a_strip(shown, qtbot):
    document = split_song()
    view = shown(document)
    drums, bass = stem_called(document, "drums"), stem_called(document, "bass")
    asked = []
    menu = stem_menu(
        document,
        drums,
        lambda: asked.append("rename"),
        lambda: asked.append("split"),
        lambda: asked.append("panel"),
        view,
    )
    words = menu_words(menu)
    words["Rename…"].trigger()
    words["Split this stem…"].trigger()
    assert asked == ["rename", "split"]
    menu_words(words["Colour"].menu())["Magenta"].trigger()
    assert document.state.stems[drums].colour == "#e070d8"
    menu_words(words["Merge with"].menu())["bass"].trigger()
    assert names(view) == ["vocals", "drums", "other", "residual"]
    assert bass not in document.state.stems
    menu = stem_menu(document, drums, asked.clear, asked.clear, asked.clear, view)
    menu_words(menu)["Delete (its light goes to the residual)"].trigger()
    assert names(view) == ["vocals", "other", "residual"]
    split = document.state.splits[0]
    assert split.owners[1] == split.owners[2] == split.residual


def test_the_residual_cannot_be_deleted(shown):
    document = split_song()
    view = shown(document)
    menu = stem_menu(document, document.state.splits[0].residual, list, list, list, view)
    assert not menu_words(menu)["Delete (its light goes to the residual)"].isEnabled()


def test_right_click_opens_the_menu(shown, qtbot):
    document = split_song()
    view = shown(document)
    strip = view.strips[0]
    at = QPoint(12, 30)
    QApplication.sendEvent(
        strip, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, strip.mapToGlobal(at))
    )
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    QApplication.activePopupWidget().close()


def test_solo_only_and_reset_are_one_step_each(shown):
    document = split_song()
    view = shown(document)
    for strip in view.strips[:2]:
        QTest.mouseClick(strip.solo, Qt.MouseButton.LeftButton)
    steps = len(document.history.edits)
    solo_only(document, view.strips[2].stem.id)
    assert [strip.solo.isChecked() for strip in view.strips] == [False, False, True, False, False]
    assert len(document.history.edits) == steps + 1
    turn_wheel(view.strips[2].gain, -4)
    reset(document, view.strips[2].stem.id)
    assert not view.strips[2].solo.isChecked()
    assert view.strips[2].gain_text.text() == "0.0"


def test_every_control_has_a_name_and_a_tooltip(shown):
    view = shown(split_song(), StandInPlayer())
    controls = [view.master.volume, view.master.export]
    for strip in view.strips:
        controls += [strip.mute, strip.solo, strip.more, strip.gain, strip.pan]
    assert view.strips[0].more.isVisible() == (view.strips[0].width() >= 186)
    assert all(strip.shape.isVisible() for strip in view.strips), "the equaliser is in sight, however narrow"
    for control in controls:
        assert control.toolTip(), control
        assert control.accessibleName() or control.text(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_both_themes_paint_readable_numbers(shown, qapp):
    try:
        for name in ("dark", "light"):
            look = theme.apply(qapp, name)
            assert theme.contrast(look.colour("text"), look.colour("card")) > 7
            assert theme.contrast(look.colour("muted"), look.colour("card")) > 4.5
            assert theme.contrast(look.colour("mute"), look.colour("mute_back")) > 4.5
            assert theme.contrast(look.colour("solo"), look.colour("solo_back")) > 4.5
    finally:
        qapp.setStyleSheet("")
        theme.apply(qapp, "dark")


def test_a_spare_strip_is_built_in_one_turn_and_gets_its_looks_in_another(shown, monkeypatch):
    polished = []
    monkeypatch.setattr("stemstudio.gui.views.mixer._polish", polished.append)
    view = shown(song())
    assert (len(view._spare), polished) == (0, [])
    view._build_spare()
    assert (len(view._spare), polished) == (1, [])
    view._build_spare()
    assert polished == view._spare


def test_strips_are_ready_before_they_are_wanted_and_know_nothing_of_the_stem_before(shown, qtbot):
    document = song()
    view = shown(document)
    qtbot.waitUntil(lambda: len(view._spare) == SPARE, timeout=20_000)
    ready = set(view._spare)
    document.do(
        edits.split(document.project, 0, Slicer(), waveforms(["low", "high"], document.state.mixture.length))
    )
    assert names(view) == ["low", "high", "residual"]
    assert set(view.strips) <= ready
    low = view.strips[0]
    document.do(edits.set_stem(document.state, low.stem.id, "Set", gain_db=-9.0, mute=True, pan=0.5))
    low.rename()
    document.undo()
    document.undo()
    assert names(view) == ["Mixture"]
    document.do(edits.by_hand(document.project, "lead"))
    strip = view.strip_of(stem_called(document, "lead"))
    assert strip.gain.amount == 0.0
    assert not strip.mute.isChecked()
    assert strip.name_edit.isHidden()
    assert strip.name_label.isVisible()
    assert strip.isVisible()
    assert document.history.names[-1] == "Add stem lead", "no fader moved by itself"
