"""The transport: what its buttons do to the player, and what it says about place and selection."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from small_projects import RATE, StandInPlayer, song

from stemstudio.gui.practising import Practising
from stemstudio.gui.views.practice_bar import PracticeBar
from stemstudio.gui.views.transport import HELD, WHY_HELD, Transport, selection_words
from stemstudio.spectral.brushes import Box, Selection


@pytest.fixture
def transport(qtbot):
    player = StandInPlayer()
    view = Transport(song(), player)
    qtbot.addWidget(view)
    view.resize(1280, view.sizeHint().height())
    view.show()
    view.player = player
    view.loop_wanted.connect(lambda: player.clear_loop() if player.loop else player.set_loop(RATE, 2 * RATE))
    return view


def select(view, **box):
    view._document.set_selection(Selection().combined("replace", Box(**box)))


def click(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_selection_in_seconds_hertz_and_notes():
    words = selection_words(Box(start=11.51, stop=14.34, low=311.0, high=2093.0), 22050)
    assert words == "0:11.51–0:14.34 · 2.83 s · 311 Hz–2.09 kHz (D♯4–C7)"
    assert selection_words(Box(start=1, stop=2, low=0, high=22050), 22050).endswith(
        "· 1.00 s · all frequencies"
    )
    assert selection_words(None, 22050) == ""


def test_position_moves_while_playing(transport, qtbot):
    assert transport.position.text() == "0:00.000 / 0:04.0"
    click(transport.play)
    transport.player.position = int(1.5 * RATE)
    qtbot.waitUntil(lambda: transport.position.text() == "0:01.500 / 0:04.0", timeout=1000)
    click(transport.start)
    assert transport.position.text() == "0:00.000 / 0:04.0"


def test_a_count_in_is_told_in_the_place_of_the_position(transport, qtbot):
    left = [4]
    transport._beats_to_count = lambda: left[0]
    click(transport.play)
    assert transport.position.text() == "Count-in: 4"
    assert transport.position.sizeHint().width() <= transport.position.width(), "it is cut"
    left[0] = 1
    qtbot.waitUntil(lambda: transport.position.text() == "Count-in: 1", timeout=1000)
    left[0] = 0
    qtbot.waitUntil(lambda: transport.position.text() == "0:00.000 / 0:04.0", timeout=1000)


def test_play_becomes_pause(transport):
    play = transport.play.icon().cacheKey()
    click(transport.play)
    assert transport.player.playing
    assert transport.play.accessibleName() == "Pause"
    assert transport.play.icon().cacheKey() != play
    click(transport.play)
    assert not transport.player.playing
    assert transport.play.toolTip() == "Play (Space)"


def test_loop_needs_a_selection_to_begin_and_none_to_end(transport):
    assert not transport.loop.isEnabled()
    assert "Select some time first" in transport.loop.toolTip()
    select(transport, start=1.0, stop=2.0, low=0, high=22050)
    click(transport.loop)
    assert transport.player.loop == (RATE, 2 * RATE)
    assert transport.loop.isChecked()
    transport._document.set_selection(Selection())
    assert transport.loop.isEnabled(), "a loop that is on can be ended"
    click(transport.loop)
    assert transport.player.loop is None
    assert not transport.loop.isChecked()


def test_back_to_the_start_of_the_loop_first(transport):
    transport.player.set_loop(RATE, 2 * RATE)
    transport.player.position = RATE + 500
    click(transport.start)
    assert transport.player.position == RATE
    click(transport.start)
    assert transport.player.position == 0


def test_a_b_original(transport):
    click(transport.original)
    assert transport.player.source == "original"
    assert transport.original.isChecked()
    transport.player.set_source("stems")
    assert not transport.original.isChecked(), "the button follows the player"


def test_before_is_heard_while_held(transport):
    heard = []
    transport.before_pressed.connect(lambda: heard.append("on"))
    transport.before_released.connect(lambda: heard.append("off"))
    at = QPoint(5, 5)
    QTest.mousePress(transport.before, Qt.MouseButton.LeftButton, pos=at)
    assert heard == ["on"]
    QTest.mouseRelease(transport.before, Qt.MouseButton.LeftButton, pos=at)
    assert heard == ["on", "off"]


def test_play_selection_toggles(transport):
    asked = []
    transport.play_selection_wanted.connect(asked.append)
    transport.play_selection_wanted.connect(lambda loop: transport.player.set_source("audition"))
    select(transport, start=1.0, stop=2.0, low=100, high=200)
    click(transport.alone)
    assert asked == [False]
    assert transport.alone.isChecked()
    click(transport.alone)
    assert asked == [False]
    assert transport.player.source == "stems"
    assert not transport.alone.isChecked()
    click(transport.loop)
    click(transport.alone)
    assert asked == [False, True], "while the loop is on, the selection is repeated"


def test_a_sentence_is_shown_for_a_while_and_the_selection_comes_back(transport, qtbot, monkeypatch):
    monkeypatch.setattr("stemstudio.gui.views.transport.SAY_MS", 50)
    select(transport, start=1.0, stop=2.0, low=100, high=200)
    transport.say("Saved.")
    assert transport.selection.text() == "Saved."
    qtbot.waitUntil(lambda: transport.selection.text().startswith("0:01.00"), timeout=3000)


def test_choosing_device_and_delay(transport):
    transport.device_menu.aboutToShow.emit()
    actions = {action.text(): action for action in transport.device_menu.actions() if action.text()}
    assert actions["Headphones (default)"].isChecked()
    assert actions["Normal delay"].isChecked()
    remembered = []
    transport.output_chosen.connect(lambda *chosen: remembered.append(chosen))
    actions["Studio monitors"].trigger()
    device, latency = transport.player.opened
    assert (device.key, latency) == ("b", "normal")
    actions["Short delay (may crackle)"].trigger()
    device, latency = transport.player.opened
    assert (device.key, latency) == ("b", "low"), "the device stays when the delay changes"
    assert remembered == [("b", "normal"), ("b", "low")]


def test_no_sound_output_is_said(transport):
    transport.player.devices = list
    transport.player.device_note = "No sound output was found; connect one."
    transport.device_menu.aboutToShow.emit()
    assert transport.device_menu.actions()[0].text() == "No sound output was found; connect one."


def test_nothing_is_cut_at_the_smallest_window(transport):
    select(transport, start=1.51, stop=3.34, low=311, high=2100)
    transport.resize(1280, transport.height())
    assert not transport.selection.cut
    assert transport.position.width() >= transport.position.fontMetrics().horizontalAdvance(
        transport.position.text()
    )


def test_the_selection_is_whole_beside_the_practice_bar(qtbot):
    document = song(seconds=4.0)
    view = Transport(
        document, StandInPlayer(), None, PracticeBar(document, Practising(document, StandInPlayer()))
    )
    qtbot.addWidget(view)
    view.show()
    select(view, start=1.51, stop=3.34, low=311, high=2100)
    for width in (1400, 1580, 1700, 1860):
        view.resize(width, view.height())
        assert not view.selection.cut, width


def test_without_a_song_or_a_player_nothing_can_be_pressed(qtbot):
    document = song()
    document.set_project(None)
    view = Transport(document, StandInPlayer())
    qtbot.addWidget(view)
    assert not any(
        button.isEnabled() for button in (view.play, view.start, view.loop, view.alone, view.original)
    )
    assert view.position.text() == "0:00.000 / 0:00.0"
    silent = Transport(song(), None)
    qtbot.addWidget(silent)
    assert not silent.play.isEnabled()


@pytest.mark.parametrize("held", HELD)
def test_what_play_waits_for_is_said_as_long_as_it_does(transport, qtbot, held):
    transport.player.held_by = held
    click(transport.play)
    qtbot.waitUntil(lambda: transport.selection.text() == HELD[held], timeout=1000)
    assert transport.selection.toolTip() == WHY_HELD[held]
    assert not transport.selection.cut
    transport.player.held_by = ""
    qtbot.waitUntil(lambda: transport.selection.text() == "", timeout=1000)


def test_a_moment_of_waiting_is_not_worth_a_word(transport, qtbot):
    transport.player.held_by = "stretching"
    click(transport.play)
    transport.say("Tap 1: 2 more to set the tempo.")
    qtbot.wait(100)
    transport.player.held_by = ""
    qtbot.wait(200)
    assert transport.selection.text() == "Tap 1: 2 more to set the tempo."
