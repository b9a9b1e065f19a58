"""Practising in the window: numbers of the bar reach the player; beats are found, tapped, moved; selections snap."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog
from small_projects import RATE, StandInPlayer, song

from stemstudio.algorithms.beats import Timing
from stemstudio.gui.player import Player
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.practising import Practising, moved_key
from stemstudio.gui.sounding import Sounding
from stemstudio.gui.tools.selecting import on_beat
from stemstudio.gui.views.practice_bar import PracticeBar
from stemstudio.gui.views.song_pace import SongPace
from stemstudio.gui.views.time_ruler import TimeRuler
from stemstudio.mixing.compiling import STRETCHING, UNITS, compiled, load
from stemstudio.project import edits
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.practising import set_beats, set_practice
from stemstudio.project.project import Change, PaintStroke
from stemstudio.spectral.brushes import Box, BrushStroke, Selection

GRID = BeatGrid.even(120, 0.5, 4.0, key="A minor")
PATIENCE = 60_000  # ms: what is heard must come, however busy the machine is


class AlongPlayer(StandInPlayer):
    """Also keeps how it was told to play along."""

    def __init__(self) -> None:
        super().__init__()
        self.lead = None
        self.counting = 0
        self.stretch = (1.0, 0.0)
        self.metronome = None
        self.stretched_at: list[float] = []

    def set_stretch(self, tempo, semitones):
        self.stretch = (tempo, semitones)
        self.stretched_at.append(time.monotonic())

    def set_metronome(self, beats, gain):
        self.metronome = None if beats is None else (beats, gain)


@pytest.fixture
def along(qtbot):
    document = song()
    practising = Practising(document, AlongPlayer())
    practising.player = practising._player
    practising.document = document
    return practising


def with_beats(practising):
    practising.document.do(set_beats(practising.document.state, GRID, "beats"))


def test_what_the_bar_says_is_played_and_undone(along, qtbot):
    bar = PracticeBar(along.document, along)
    qtbot.addWidget(bar)
    bar.tempo.setValue(0.8)
    assert along.player.stretch == (0.8, 0.0)
    bar.semitones.setValue(-2)
    qtbot.waitUntil(lambda: along.player.stretch == (0.8, -2.0), timeout=500)
    assert along.document.state.practice.tempo == 0.8
    along.document.undo()
    assert bar.semitones.value() == 0
    assert bar.tempo.value() == 0.8
    along.as_recorded()
    qtbot.waitUntil(lambda: along.player.stretch == (1.0, 0.0), timeout=500)
    assert bar.tempo.value() == 1.0


def test_beats_a_minute_are_those_that_are_heard(along, qtbot):
    bar = PracticeBar(along.document, along)
    qtbot.addWidget(bar)
    bar.show()
    assert bar.find_button.isVisible()
    assert not bar.bpm.isVisible()
    with_beats(along)
    assert bar.bpm.value() == pytest.approx(120)
    bar.tempo.setValue(0.5)
    assert bar.bpm.value() == pytest.approx(60)
    bar.bpm.setValue(90)
    assert along.document.state.practice.tempo == pytest.approx(0.75)
    bar.semitones.setValue(-2)
    assert bar.semitones.text() == "−2 · G minor"
    bar.semitones.lineEdit().setText("-5")
    bar.semitones.interpretText()
    assert bar.semitones.value() == -5


def test_turning_a_number_quickly_is_one_step_and_few_changes_of_sound(along, qtbot):
    for hundredths in range(99, 69, -1):
        along.set(tempo=hundredths / 100)
    qtbot.waitUntil(lambda: along.player.stretch == (0.7, 0.0), timeout=500)
    assert len(along.document.history.edits) == 1
    assert len(along.player.stretched_at) < 6


def test_keys_go_in_round_steps_and_stop_at_the_ends(along):
    along.set(tempo=0.97)
    along.step_tempo(-0.05)
    assert along.practice.tempo == pytest.approx(0.9)
    for _ in range(40):
        along.step_tempo(-0.05)
        along.step_key(-1)
    assert (along.practice.tempo, along.practice.semitones) == (0.25, -12)
    along.step_tempo(0.05)
    assert along.practice.tempo == pytest.approx(0.3)


def test_keys_have_names_wherever_they_are_moved():
    assert moved_key("A minor", 3) == "C minor"
    assert moved_key("C major", -1) == "B major"
    assert moved_key("", 5) == ""


def test_the_metronome_clicks_on_beats_and_its_count_in_leads_to_the_next_one(along, qtbot):
    with_beats(along)
    along.set(click=True)
    qtbot.waitUntil(lambda: along.player.metronome is not None, timeout=500)
    beats, gain = along.player.metronome
    np.testing.assert_allclose(beats.samples, np.array(GRID.beats) * RATE)
    assert gain == pytest.approx(10 ** (-6 / 20))
    assert along.player.lead() == (0, None)
    along.set(count_in=1)
    along.set(tempo=0.5)
    along.player.position = round(0.6 * RATE)
    start, clicks = along.player.lead()
    assert start == round(0.6 * RATE)
    # Four beats of a second each, as heard; the next beat, at 1.0 s, comes 0.8 s after play begins.
    assert clicks.size / RATE == pytest.approx(4 - 0.8, abs=1e-3)
    # They are told as they sound: 4 until the second click, 1 from the last one on, which is cut short.
    told = {}
    for at in (0.0, 0.99, 1.01, 2.01, 3.01, 3.19):
        along.player.counting = clicks.size - round(at * RATE)
        told[at] = along.beats_to_count
    assert told == {0.0: 4, 0.99: 4, 1.01: 3, 2.01: 2, 3.01: 1, 3.19: 1}
    along.player.counting = 0
    assert along.beats_to_count == 0
    along.set(click=False)
    qtbot.waitUntil(lambda: along.player.metronome is None, timeout=500)


def test_pre_roll_begins_bars_before_the_loop(along):
    with_beats(along)
    along.set(pre_roll=1)
    along.player.loop = (3 * RATE, 4 * RATE)
    along.player.position = 3 * RATE
    assert along.player.lead()[0] == RATE  # four beats of half a second before
    along.player.position = round(3.5 * RATE)
    assert along.player.lead()[0] == along.player.position, "in the middle, play goes on there"


def test_beats_are_looked_for_in_the_background_when_they_are_needed(along, qtbot, monkeypatch):
    heard = []

    go_on = threading.Event()

    def listen(sound, progress):
        heard.append(sound)
        assert go_on.wait(5)
        return Timing(np.arange(0.3, 4.0, 0.5), 1, 4, "D minor")

    monkeypatch.setattr("stemstudio.gui.practising.find_timing", listen)
    along.set(click=True)
    assert along.finding
    go_on.set()
    qtbot.waitUntil(lambda: bool(along.beats), timeout=5000)
    assert heard == [along.document.state.mixture]
    assert along.beats.bpm == pytest.approx(120)
    assert along.key == "D minor"
    assert along.document.history.edits[-1].name == "Find beats and key"


def test_the_beats_of_a_song_that_is_closed_are_not_waited_for(along, qtbot, monkeypatch):
    begun, said = threading.Event(), []

    def endless(_sound, progress):
        begun.set()
        while True:
            progress.check()

    monkeypatch.setattr("stemstudio.gui.practising.find_timing", endless)
    along.document.said.connect(said.append)
    along.find()
    assert begun.wait(5)
    along.document.set_project(song().project)
    assert not along.finding, "those of the other song can be looked for at once"
    qtbot.waitUntil(lambda: not along.document.jobs.queue, timeout=2000)
    assert not said


def test_taps_set_the_tempo(along, monkeypatch):
    along.player.playing = True
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for tap in range(4):
        along.player.position = round((0.5 + 0.75 * tap) * RATE)
        clock[0] += 0.75
        along.tap()
    assert along.beats.bpm == pytest.approx(80, rel=0.01)
    assert len(along.document.history.edits) == 1, "all taps are one step"
    first = along.beats.nearest(0.5)
    assert along.beats.strong[first]


def test_selections_snap_to_beats_when_wanted(along):
    with_beats(along)
    assert on_beat(along.document, 1.13) == 1.13
    along.set(snap=True)
    assert on_beat(along.document, 1.13) == pytest.approx(1.0)
    assert on_beat(along.document, 1.3) == pytest.approx(1.5)


@pytest.fixture
def ruler(along, qtbot):
    view = TimeRuler(along.document, Playhead(along.document))
    view.beat_moved.connect(along.move)
    qtbot.addWidget(view)
    view.resize(800, view.height())
    view.show()
    return view


def test_the_ruler_has_a_row_of_bars_once_there_are_beats(along, ruler):
    low = ruler.height()
    with_beats(along)
    assert ruler.height() > low
    picture = ruler.grab().toImage()
    bar = round(0.5 / 4.0 * 800)
    beat = round(1.0 / 4.0 * 800)
    empty = round(1.2 / 4.0 * 800)
    row = low + 2
    shades = [picture.pixelColor(x, row) for x in (bar, beat, empty)]
    assert shades[0] != shades[2]
    assert shades[1] != shades[2]
    along.document.undo()
    assert ruler.height() == low


def test_a_beat_is_dragged_on_the_ruler(along, ruler, qtbot):
    with_beats(along)
    y = ruler.height() - 4
    x = round(1.0 / 4.0 * 800)
    QTest.mousePress(ruler, Qt.MouseButton.LeftButton, pos=QPointF(x, y).toPoint())
    for by in (5, 10, 20):
        QTest.mouseMove(ruler, QPointF(x + by, y).toPoint())
    QTest.mouseRelease(ruler, Qt.MouseButton.LeftButton, pos=QPointF(x + 20, y).toPoint())
    assert along.beats.beats[2] == pytest.approx(1.1, abs=0.01)
    assert [edit.name for edit in along.document.history.edits] == ["beats", "Move a beat"]


def test_bars_and_beats_can_be_corrected(along):
    with_beats(along)
    along.begin_bar(1.05)
    assert along.beats.strong[2]
    along.change("doubled")
    assert along.beats.bpm == pytest.approx(240)
    along.change("halved")
    along.set_metre(3)
    assert along.beats.metre == 3
    along.move_nearest(1.56)
    assert 1.56 in [pytest.approx(beat, abs=1e-6) for beat in along.beats.beats]
    along.forget()
    assert not along.beats


def test_tempo_and_key_of_the_song_can_be_typed_and_stand_beside_its_bars(along, monkeypatch, qtbot):
    bar, shown = PracticeBar(along.document, along), SongPace(along.document)
    for widget in (bar, shown):
        qtbot.addWidget(widget)
    assert shown.text() == ""
    along.player.position = 1.3 * RATE
    monkeypatch.setattr(QInputDialog, "getDouble", lambda *_: (90.0, True))
    bar.ask_pace()
    assert along.beats.bpm == pytest.approx(90)
    assert along.beats.strong[along.beats.nearest(1.3)]
    assert pytest.approx(along.beats.beats[along.beats.nearest(1.3)]) == 1.3
    along.player.position = 1.6 * RATE  # the bar that there is, not the playhead
    monkeypatch.setattr(QInputDialog, "getDouble", lambda *_: (100.0, True))
    bar.ask_pace()
    assert along.beats.beats[along.beats.nearest(1.3)] == pytest.approx(1.3)
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("F♯ minor", True))
    bar.ask_key()
    assert shown.text() == "100.0 BPM\nF♯ minor"
    along.set(semitones=-2)
    assert bar.semitones.text() == "−2 · E minor"
    along.document.undo()
    along.document.undo()
    assert shown.text() == "100.0 BPM"


def test_a_project_that_is_practised_slowly_opens_so(along, qtbot):
    along.document.do(set_practice(along.document.state, tempo=0.6, loop=(1.0, 3.0)))
    other = AlongPlayer()
    again = Practising(along.document, other)
    along.document.opened.emit()
    assert other.stretch == (0.6, 0.0)
    assert again.practice.tempo == 0.6
    assert other.loop == (RATE, 3 * RATE)
    select(along, 0.5, 2.0)  # as the view of an opened project is brought back
    assert along.document.state.practice.loop == (1.0, 3.0), "a selection of before moves no loop"


def select(practising, start, stop):
    box = Box(start=start, stop=stop, low=0, high=RATE / 2)
    practising.document.set_selection(Selection().combined("replace", box))


def test_a_loop_is_an_edit_that_follows_its_selection(along, qtbot):
    said = []
    along.document.said.connect(said.append)
    along.toggle_loop()
    assert along.player.loop is None
    assert said == ["Nothing is selected to loop; drag with T to select a time."]
    select(along, 1.0, 2.0)
    along.toggle_loop()
    assert along.player.loop == (RATE, 2 * RATE)
    select(along, 0.5, 9.0)
    qtbot.waitUntil(lambda: along.player.loop == (RATE // 2, 4 * RATE), timeout=500)
    assert along.document.history.names == ["Loop 0.5–4.0 s"], "it ends with the song, and is one step"
    along.document.set_selection(Selection())
    assert along.practice.loop == (0.5, 4.0)
    along.toggle_loop()
    assert along.player.loop is None
    along.document.undo()
    qtbot.waitUntil(lambda: along.player.loop == (RATE // 2, 4 * RATE), timeout=500)
    along.document.undo()
    qtbot.waitUntil(lambda: along.player.loop is None, timeout=500)
    along.document.redo()
    assert along.practice.loop == (0.5, 4.0)
    along.player.clear_loop()  # as a song does that is put on: one that was read from its file
    along.document.changed.emit(Change(frozenset({"song"})))
    qtbot.waitUntil(lambda: along.player.loop == (RATE // 2, 4 * RATE), timeout=500)


def test_stems_and_edits_are_heard_at_the_tempo_that_is_chosen(qtbot):
    """The whole way: stems rendered, stretched and played; an edit stretched anew where it is."""
    for unit in compiled((*UNITS, STRETCHING)):  # takes half a minute the first time, and is no part of this
        load(unit)
    document = song()
    document.do(edits.by_hand(document.project, "vocals"))
    player = Player()
    sounding = Sounding(document, player)
    practising = Practising(document, player)

    def heard() -> list[np.ndarray] | None:
        """The first second of every stem, as it is played, once all of them are there."""
        feeder = player._deck._feeder
        copies = None if feeder is None or not feeder.ready() else feeder._wanted[0]
        if copies is None or len(copies.buffers) != len(document.state.leaves()) or not copies.flags.all():
            return None
        return [buffer[:, :RATE].copy() for buffer in copies.buffers]

    def changed() -> bool:
        now = heard()
        return now is not None and any(
            np.abs(new - old).max() > 1e-3 for new, old in zip(now, before, strict=True)
        )

    try:
        document.opened.emit()
        practising.set(tempo=0.8)
        qtbot.waitUntil(lambda: heard() is not None, timeout=PATIENCE)
        before = heard()
        assert any(buffer.any() for buffer in before)
        stroke = BrushStroke(
            points=((0.1, 1000.0), (0.7, 1000.0)), width=0.2, height=2.0, hardness=1.0, strength=1.0
        )
        number = document.project.new_id()
        vocals = document.state.leaves()[0].id
        document.do(edits.paint(document.state, number, PaintStroke(vocals, False, stroke), "Give"))
        qtbot.waitUntil(changed, timeout=PATIENCE)
        practising.as_recorded()
        qtbot.waitUntil(lambda: not player._deck.stretched, timeout=PATIENCE)
    finally:
        player.close()
        sounding.close()
        document.jobs.close()
