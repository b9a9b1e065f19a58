"""The mixer's panels: equaliser, sends, effects, volume curve, mixers A to D, loudness; all of it undoable edits."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, QSettings, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from small_projects import Slicer, StandInPlayer, song, split_song

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.gui.matching import Matching
from stemstudio.gui.player import Player
from stemstudio.gui.sounding import Sounding
from stemstudio.gui.views.equaliser import EqualiserCurve
from stemstudio.gui.views.letters import Letters
from stemstudio.gui.views.loudness import LoudnessView
from stemstudio.gui.views.mixer import MixerView
from stemstudio.gui.views.volume_curve import VolumeCurve, _y
from stemstudio.mixing.matching import loudness_of_mixers
from stemstudio.project import edits, remixing
from stemstudio.project.effects import Effects, Equaliser
from stemstudio.project.stem import STRIP
from stemstudio.spectral.brushes import Box, Selection

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def mixer(qtbot):
    """A mixer of four stems, with the panel of its first strip open."""
    view = MixerView(split_song(), StandInPlayer())
    qtbot.addWidget(view)
    view.resize(1400, view.sizeHint().height())
    view.show()
    view.strips[0].shape.click()
    return view


@pytest.fixture
def panel(mixer):
    return mixer.panel


@pytest.fixture
def document(mixer):
    return mixer.panel._document


def send(widget, kind, place, button=LEFT, modifiers=Qt.KeyboardModifier.NoModifier):
    buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(kind, place, widget.mapToGlobal(place), button, buttons, modifiers)
    QApplication.sendEvent(widget, event)


def drag(widget, *places):
    send(widget, QEvent.Type.MouseButtonPress, places[0])
    for place in places[1:]:
        send(widget, QEvent.Type.MouseMove, place)
    send(widget, QEvent.Type.MouseButtonRelease, places[-1])


def steps(document):
    return [edit.name for edit in document.history.edits]


def strip(document):
    return document.state.stems[document.target]


# the equaliser


def test_a_dragged_point_is_one_step_in_words(panel, document):
    curve = panel.curve
    start = curve.point("mid")
    place = QPointF(curve._x(500.0), curve._y(6.0))
    drag(curve, start, (start + place) / 2, place)
    assert strip(document).equaliser.mid == pytest.approx(6.0, abs=0.2)
    assert strip(document).equaliser.mid_at == pytest.approx(500, rel=0.03)
    assert steps(document)[-1].startswith("vocals: Middle +6.0 dB at 5")
    assert len(steps(document)) == 2
    document.undo()
    assert strip(document).equaliser.flat
    assert curve.point("mid") == start


def test_a_cut_is_drawn_in_from_the_side_and_put_back_there(panel, document):
    curve = panel.curve
    middle = curve.height() / 2
    drag(curve, curve.point("low_cut"), QPointF(curve._x(120.0), middle))
    assert strip(document).equaliser.low_cut == pytest.approx(120, rel=0.03)
    drag(curve, curve.point("low_cut"), QPointF(2.0, middle))
    assert strip(document).equaliser.low_cut is None
    drag(curve, curve.point("high_cut"), QPointF(curve._x(5000.0), middle))
    assert strip(document).equaliser.high_cut == pytest.approx(5000, rel=0.03)
    send(curve, QEvent.Type.MouseButtonDblClick, curve.point("high_cut"))
    assert strip(document).equaliser.high_cut is None


def test_the_equaliser_is_reached_by_keys_and_boxes(panel, document):
    curve = panel.curve
    curve.setFocus()
    QTest.keyClick(curve, Qt.Key.Key_PageUp)
    assert curve.band == "high"
    for _ in range(4):
        QTest.keyClick(curve, Qt.Key.Key_Up)
    QTest.keyClick(curve, Qt.Key.Key_Left)
    assert strip(document).equaliser.high == 2.0
    assert strip(document).equaliser.high_at < 6000
    assert "High +2.0 dB" in curve.accessibleDescription()
    panel._boxes["low"].setValue(-4.5)
    panel._boxes["low_cut"].setValue(80)
    assert strip(document).equaliser.low == -4.5
    assert strip(document).equaliser.low_cut == 80
    panel._boxes["low_cut"].setValue(panel._boxes["low_cut"].minimum())
    assert strip(document).equaliser.low_cut is None
    panel.flat.click()
    assert strip(document).equaliser == Equaliser()
    assert not panel.flat.isEnabled()


def test_the_picture_of_the_equaliser_rises_and_falls(qtbot):
    curve = EqualiserCurve()
    qtbot.addWidget(curve)
    curve.resize(400, 160)
    curve.show_equaliser(Equaliser(low=12.0, high=-12.0), 44100.0, "#ff0000")
    image = curve.grab().toImage()

    def coloured(x):
        return [
            y
            for y in range(160)
            if image.pixelColor(x, y).red() > 200 and image.pixelColor(x, y).green() < 60
        ]

    assert np.mean(coloured(20)) < 50
    assert np.mean(coloured(372)) > 110


# sends, width and switches


def test_everything_on_the_panel_is_an_edit_of_the_target(panel, document):
    panel.reverb.setValue(round(-12.0 / 0.1))
    panel.reverb.settled.emit()
    panel.delay.setValue(round(-6.0 / 0.1))
    panel.width_fader.setValue(150)
    panel.flip.click()
    panel.safe.click()
    document.set_selection(Selection().combined("replace", Box(start=1.0, stop=2.0, low=0.0, high=20_000.0)))
    panel.silence.click()
    found = strip(document)
    assert (found.reverb_db, found.delay_db, found.width) == (-12.0, -6.0, 1.5)
    assert (found.flip, found.solo_safe, found.mutes) == (True, True, ((1.0, 2.0),))
    assert panel.reverb_text.text() == "−12.0 dB"
    document.set_selection(Selection().combined("replace", Box(start=1.5, stop=3.0, low=0.0, high=20_000.0)))
    panel.sound.click()
    assert strip(document).mutes == ((1.0, 1.5),)
    panel.reverb.setValue(panel.reverb.minimum())
    assert strip(document).reverb_db == -math.inf
    assert panel.reverb_text.text() == "off"
    while document.history.place > 1:
        document.undo()
    assert (panel.flip.isChecked(), panel.safe.isChecked(), panel.width_text.text()) == (
        False,
        False,
        "100 %",
    )


def test_the_panel_follows_the_target_and_the_strip_lights_up(mixer, panel, document):
    assert panel.windowTitle() == "Strip – vocals"
    panel.flip.click()
    assert mixer.strips[0].shape.property("lit")
    mixer.strips[1].shape.click()
    assert panel.windowTitle() == "Strip – drums"
    assert not panel.flip.isChecked()
    assert not mixer.strips[1].shape.property("lit")
    QTest.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    mixer.strips[0].shape.click()
    assert panel.isVisible()
    document.set_project(None)
    assert not panel.isVisible()


def test_both_panels_fit_and_everything_on_them_says_what_it_is(mixer, panel):
    mixer.master.effects.click()
    for window in (panel, mixer.effects):
        assert window.sizeHint().width() <= 700
        assert window.grab().toImage().width() == window.width()
        for child in window.findChildren(object):
            if getattr(child, "focusPolicy", None) and child.focusPolicy() & Qt.FocusPolicy.TabFocus:
                if child.objectName().startswith("qt_"):
                    continue
                assert child.toolTip(), child
                assert child.accessibleName() or getattr(child, "text", str)(), child


def test_effects_are_set_undone_and_put_back(mixer, document):
    effects = mixer.effects
    mixer.master.effects.click()
    fader = effects.faders["reverb_seconds"]
    for seconds in (2.0, 3.0, 4.0):
        fader.setValue(round(seconds / 0.05))
    fader.settled.emit()
    effects.faders["delay_feedback"].setValue(50)
    assert document.state.effects == Effects(reverb_seconds=4.0, delay_feedback=0.5)
    assert steps(document)[-2:] == ["Reverb: length 4.00 s", "Delay: repeats 50 %"]
    document.undo()
    assert effects._texts["delay_feedback"].text() == "35 %"
    effects.reset.click()
    assert document.state.effects == Effects()
    assert not effects.reset.isEnabled()


# the volume curve


@pytest.fixture
def curve(document):
    """The curve of the target over a strip of 400 pixels, 100 pixels high."""
    made = VolumeCurve(document, lambda x: x / 100.0, lambda seconds: 100.0 * seconds)
    made.set_editing(True)
    return made


def test_points_are_made_dragged_and_taken_away(curve, document):
    half = _y(0.5, 100)
    curve.press(QPointF(100, half), 100)
    curve.release()
    assert strip(document).envelope == ((1.0, pytest.approx(0.5, abs=0.01)),)
    curve.press(QPointF(300, _y(1.0, 100) + 1), 100)
    assert "0.0 dB" in curve.drag(QPointF(310, _y(1.0, 100) + 1), 100)
    curve.release()
    assert strip(document).envelope[1] == (3.1, 1.0)
    curve.press(QPointF(310, _y(1.0, 100)), 100)
    curve.drag(QPointF(20, 99), 100)  # not past its neighbour
    curve.release()
    assert [time for time, _ in strip(document).envelope] == [1.0, pytest.approx(1.01)]
    assert strip(document).envelope[1][1] == 0.0
    assert steps(document)[-3:] == ["Volume curve of vocals"] * 3
    place = QPointF(100, half)
    curve.press(place, 100)
    curve.release()
    curve.remove(place, 100)
    assert len(strip(document).envelope) == 1
    document.undo()
    assert len(strip(document).envelope) == 2


def test_a_double_click_that_made_a_point_leaves_it(curve, document):
    curve.press(QPointF(200, 30), 100)
    curve.release()
    curve.remove(QPointF(200, 30), 100)
    assert len(strip(document).envelope) == 1


def test_the_curve_is_drawn_by_keys(curve, document):
    assert curve.key(Qt.Key.Key_Up, 0.0) is None, "there is no point to move yet"
    assert curve.key(Qt.Key.Key_Return, 1.0) == "0.0 dB at 0:01.0"
    curve.key(Qt.Key.Key_Return, 3.0)
    for _ in range(4):
        curve.key(Qt.Key.Key_Down, 3.0)
    assert strip(document).envelope == ((1.0, 1.0), (3.0, pytest.approx(10 ** (-2 / 20), abs=1e-3)))
    curve.key(Qt.Key.Key_Left, 3.0)
    curve.key(Qt.Key.Key_Up, 3.0)
    assert strip(document).envelope[0][1] == pytest.approx(10 ** (0.5 / 20), abs=1e-3)
    curve.key(Qt.Key.Key_Return, 2.0)
    assert strip(document).envelope[1][1] == pytest.approx(
        np.mean([strip(document).envelope[n][1] for n in (0, 2)])
    )
    curve.key(Qt.Key.Key_Delete, 2.0)
    assert [time for time, _ in strip(document).envelope] == [1.0, 3.0]
    assert curve.key(Qt.Key.Key_X, 0.0) is None


def test_the_curve_is_drawn_on_the_overview(qtbot, document):
    from stemstudio.gui.light import Light
    from stemstudio.gui.peaks import Peaks
    from stemstudio.gui.playhead import Playhead
    from stemstudio.gui.views.overview import Overview

    light, peaks = Light(document), Peaks(document)
    overview = Overview(document, light, peaks, Playhead(document, StandInPlayer()))
    qtbot.addWidget(overview)
    overview.show()
    low = overview.sizeHint().height()
    overview.curve.set_editing(True)
    assert overview.sizeHint().height() > 2 * low
    overview.resize(400, overview.sizeHint().height())
    before = overview.grab().toImage()
    drag(overview, QPointF(100, 80), QPointF(120, 90))
    drag(overview, QPointF(300, 20), QPointF(300, 10))
    document.do(remixing.silence(document.state, document.target, 1.5, 2.0))
    assert len(strip(document).envelope) == 2
    overview.setFocus()
    QTest.keyClick(overview, Qt.Key.Key_Delete)
    assert len(strip(document).envelope) == 1
    document.undo()
    after = overview.grab().toImage()
    assert before != after
    overview.curve.set_editing(False)
    view = document.viewport.start, document.viewport.stop
    drag(overview, QPointF(50, 20), QPointF(150, 20))
    assert (document.viewport.start, document.viewport.stop) != view, "the pointer moves the view again"
    assert len(strip(document).envelope) == 2
    qtbot.waitUntil(lambda: light.idle, timeout=10_000)


# mixers A to D


def test_letters_switch_and_say_which_there_are(qtbot):
    document = split_song()
    letters = Letters(document, None)
    qtbot.addWidget(letters)
    assert letters.buttons["A"].isChecked()
    assert "copy" in letters.buttons["B"].toolTip()
    letters.buttons["B"].click()
    assert [letter for letter, button in letters.buttons.items() if button.isChecked()] == ["B"]
    document.do(edits.set_stem(document.state, document.target, "Mute", mute=True))
    letters.buttons["A"].click()
    assert not strip(document).mute
    assert letters.buttons["B"].property("lit")
    document.undo()
    assert letters.buttons["B"].isChecked()
    assert strip(document).mute


@pytest.fixture
def sounding(qtbot):
    document = song(1.0)
    sound = document.state.mixture.samples
    halves = Waveforms(["loud", "soft"], np.stack([0.9 * sound, 0.1 * sound]).astype(np.float32))
    document.do(edits.split(document.project, 0, Slicer(), halves, name="Slicer"))
    player = Player()
    made = Sounding(document, player)
    document.opened.emit()
    yield document, made, player
    made.close()
    player.close()
    document.jobs.close()


def test_mixers_are_heard_as_loud_as_the_song(qtbot, sounding):
    QSettings().remove("match mixers")
    document, sound, player = sounding
    matching = Matching(document, sound)
    loud = document.state.leaves()[0].id
    document.do(remixing.switch(document.state, "B"))
    document.do(edits.set_stem(document.state, loud, "Softer", gain_db=-6.0))
    document.do(remixing.switch(document.state, "A"))
    document.do(remixing.switch(document.state, "B"))
    qtbot.waitUntil(lambda: matching.gain_db > 1.0, timeout=10_000)
    _, [level] = loudness_of_mixers(document.state, [(document.state.leaves(), document.state.effects)])
    songs, [same] = loudness_of_mixers(
        document.state, [(tuple(replace(leaf, gain_db=0.0) for leaf in document.state.leaves()), Effects())]
    )
    assert same == pytest.approx(songs, abs=0.01)
    assert matching.gain_db == pytest.approx(songs - level, abs=0.01)
    heard = player._deck._strips.gains[:, 0]
    np.testing.assert_allclose(heard[1], 10 ** (matching.gain_db / 20), rtol=1e-6)
    held = matching.gain_db
    document.do(edits.set_stem(document.state, loud, "Softer", gain_db=-12.0))
    qtbot.wait(50)
    assert matching.gain_db == held, "a fader that is moved is heard as it is moved"
    document.do(remixing.switch(document.state, "A"))
    assert matching.gain_db == pytest.approx(0.0, abs=0.01), "known before, so at once"
    matching.set_on(False)
    document.do(remixing.switch(document.state, "B"))
    assert player._deck._strips.gains[1, 0] == 1.0
    QSettings().remove("match mixers")


def test_nothing_is_matched_while_there_is_one_mixer(qtbot, sounding):
    document, sound, _ = sounding
    matching = Matching(document, sound)
    document.do(edits.set_stem(document.state, document.target, "Softer", gain_db=-12.0))
    qtbot.wait(700)
    assert matching.gain_db == 0.0


# loudness


def test_loudness_is_shown_held_and_forgotten(qtbot):
    view = LoudnessView()
    qtbot.addWidget(view)
    levels = SimpleNamespace(
        momentary=-14.2,
        short=-15.0,
        integrated=-16.04,
        true_peak=1.122,
        correlation=0.5,
        master_rms=np.full(2, 0.1),
    )
    for _ in range(30):
        view.show_levels(levels)
    assert [label.text() for label in view.values.values()] == ["−14.2", "−15.0", "−16.0", "1.0", "−20.0"]
    assert view.values["peak"].property("role") == "error"
    assert view.correlation.value == pytest.approx(0.5, abs=0.02)
    levels.true_peak = 0.5
    view.show_levels(levels)
    assert view.values["peak"].property("role") == "error", "held until it is clicked"
    with qtbot.waitSignal(view.cleared):
        send(view, QEvent.Type.MouseButtonPress, QPointF(5, 5))
    assert view.values["peak"].text() == "−∞"
    assert view.values["peak"].property("role") == ""


def test_the_master_hands_loudness_on(mixer):
    player = mixer._player
    player.levels.momentary = -20.0
    player.playing = True
    player.state_changed.emit()
    mixer._read_meters()
    assert mixer.master.loudness.values["momentary"].text() == "−20.0"
    assert mixer.master.loudness.values["rms"].text() == "−∞"
    player.levels.master_rms = np.array([0.1, 0.0])
    player.levels.master_peak = np.array([1.2, 0.5])
    mixer._read_meters()
    assert mixer.master.loudness.values["rms"].text() == "−23.0"
    assert (mixer.master.peak.text(), mixer.master.peak.property("role")) == ("peak 1.6 dBFS", "error")
    player.levels.master_peak = np.array([0.2, 0.2])
    mixer._read_meters()
    assert mixer.master.peak.property("role") == "error", "held until it is clicked"
    mixer.master.meter.cleared.emit()
    assert mixer.master.peak.property("role") == "muted"
    send(mixer.master.loudness, QEvent.Type.MouseButtonPress, QPointF(5, 5))
    assert player.forgot
    player.playing = False


def test_resetting_a_strip_from_its_menu_takes_everything_back(document):
    from stemstudio.gui.views.strip_menu import reset

    first = strip(document)
    document.do(
        edits.set_stem(document.state, first.id, "x", width=0.2, equaliser=Equaliser(mid=3.0), pan=1.0)
    )
    reset(document, first.id)
    assert {name: getattr(strip(document), name) for name in STRIP} == {
        name: getattr(first, name) for name in STRIP
    }
