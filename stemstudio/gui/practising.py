"""Practising: plays the song as the project says how to practise it, and finds, taps and moves its beats."""

from __future__ import annotations

import math
import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from stemstudio.algorithms.beats import KEYS, Timing, find_timing
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.gui.notation import time_text
from stemstudio.mixing.metronome import Beats, count_in
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.edit import Edit
from stemstudio.project.practice import FASTEST, SLOWEST, Practice
from stemstudio.project.practising import set_beats, set_practice
from stemstudio.project.project import Change

SETTLE_MS = 40  # while a number is being turned, the sound follows in steps of this
TAPS_END = 3.0  # seconds without a tap after which tapping begins anew
ROUNDED = 1e-3  # beats by which a count-in may be longer than it should be
AT_START = 0.05  # seconds from the start of a loop within which play begins there


class Practising(QObject):
    """Tempo, key, loop, metronome, count-in and pre-roll of the player; edits of the beats.

    Signals
    -------
    failed(error)
        To be shown.
    """

    failed = Signal(object)

    def __init__(self, document: Document, player: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._player = document, player
        self._taps: list[tuple[float, float]] = []  # when, and at which second of the song
        self._finding: Job | None = None
        self._clicking: tuple[BeatGrid, int] | None = None  # the beats of `_clicks`
        self._clicks: Beats | None = None
        self._looping: tuple[float, float] | None = None  # what the player was told to repeat
        self._selected: tuple[float, float] | None = None  # the time that was last selected
        self._count = (1.0, 0.0)  # samples of a beat that is counted, and by which the last one is cut short
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._play_so)
        player.lead = self.lead
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.selection_changed.connect(self._selection_changed)

    @property
    def practice(self) -> Practice:
        """How the song is played now."""
        state = self._document.state
        return Practice() if state is None else state.practice

    @property
    def beats(self) -> BeatGrid:
        """The song's beats."""
        state = self._document.state
        return BeatGrid() if state is None else state.beats

    @property
    def key(self) -> str:
        """The key that is heard; "" where it is not known."""
        return moved_key(self.beats.key, self.practice.semitones)

    # How it is played

    def set(self, **fields: Any) -> None:
        """Practise in another way: fields of `Practice`; what needs beats has them looked for."""
        state = self._document.state
        if state is None:
            return
        self._document.do(set_practice(state, **fields))
        wants_beats = {"click", "count_in", "pre_roll", "snap"} & {name for name, on in fields.items() if on}
        if wants_beats and not self.beats:
            self.find()

    def set_bpm(self, bpm: float) -> None:
        """The tempo at which the song has so many beats a minute."""
        own = self.beats.bpm
        if own is not None:
            self.set(tempo=min(max(bpm / own, SLOWEST), FASTEST))

    def step_tempo(self, by: float) -> None:
        """A little slower or faster, on round numbers."""
        tempo = round((self.practice.tempo + by) / abs(by)) * abs(by)
        self.set(tempo=min(max(round(tempo, 2), SLOWEST), FASTEST))

    def step_key(self, by: int) -> None:
        """Semitones down or up."""
        self.set(semitones=min(max(self.practice.semitones + by, -12), 12))

    def toggle_loop(self) -> None:
        """Repeat the selected time, or go straight on."""
        state = self._document.state
        if state is None:
            return
        wanted = None if self._player.loop is not None else self._time_selected()
        if wanted is None and self._player.loop is None:
            self._document.said.emit("Nothing is selected to loop; drag with T to select a time.")
            return
        self._document.do(set_practice(state, loop=wanted))
        self._loop(wanted)  # also where it was so already, and something is heard for itself

    def as_recorded(self) -> None:
        """The tempo and the key of the recording."""
        state = self._document.state
        if state is not None:
            edit = set_practice(state, tempo=1.0, semitones=0)
            if edit is not None:
                edit.name, edit.merge = "Tempo and key as recorded", ""
                self._document.do(edit)

    def lead(self) -> tuple[int, NDArray[np.float32] | None]:
        """At which sample play begins, and after which clicks of a count-in."""
        state, position = self._document.state, self._player.position
        if state is None:
            return position, None
        rate, practice, beats = state.mixture.sample_rate, state.practice, state.beats
        loop = self._player.loop
        if loop is not None and practice.pre_roll:
            at_start = abs(position - loop[0]) < AT_START * rate or position >= loop[1]
            if at_start:
                position = round(beats.before(loop[0] / rate, practice.pre_roll * beats.metre) * rate)
        if not practice.count_in:
            return position, None
        seconds = position / rate
        pace = beats.bar_pace(seconds)  # a single beat may be some hundredths of a second beside the others
        clicks = count_in(
            pace / practice.tempo,
            practice.count_in * beats.metre,
            rate,
            10 ** (practice.click_db / 20),
        )
        # The count leads to the next beat: play begins as much earlier as that is still to come.
        times = beats.times
        ahead = times[times >= seconds - 1e-3]
        early = min(max(0.0, float(ahead[0]) - seconds), pace) if ahead.size else 0.0
        self._count = (pace / practice.tempo * rate, early / practice.tempo * rate)
        return position, np.ascontiguousarray(clicks[: clicks.size - round(self._count[1])])

    @property
    def beats_to_count(self) -> int:
        """How many beats of the count-in are still to come, with the one that sounds; 0 while nothing is counted."""
        left = self._player.counting
        every, early = self._count
        return max(1, math.ceil((left + early) / every - ROUNDED)) if left else 0

    def _opened(self) -> None:
        self._taps.clear()
        self._looping = self._selected = self._finding = None
        self._play_so()

    def _time_selected(self) -> tuple[float, float] | None:
        bounds, end = self._document.selection.bounds, self._document.duration
        if bounds is None or not max(0.0, bounds.start) < min(bounds.stop, end):
            return None
        return max(0.0, bounds.start), min(bounds.stop, end)

    def _selection_changed(self) -> None:
        """A loop of what was selected follows the selection; one from elsewhere stays."""
        state, selected = self._document.state, self._time_selected()
        if state is None or selected is None:
            return
        follows = state.practice.loop is not None and state.practice.loop == self._selected
        self._selected = selected
        if follows:
            self._document.do(set_practice(state, loop=selected))

    def _changed(self, change: Change) -> None:
        if "song" in change.kinds:
            self._looping = None  # a song is put on without a loop
        if "song" in change.kinds or "beats" in change.kinds or "practice" in change.kinds:
            if self._settle.isActive():
                return
            self._play_so()
            self._settle.start()

    def _play_so(self) -> None:
        """Have the player play so; what is the same already costs nothing."""
        state = self._document.state
        if state is None:
            self._player.set_stretch(1.0, 0.0)
            self._player.set_metronome(None, 0.0)
            return
        practice, rate = state.practice, state.mixture.sample_rate
        try:
            self._player.set_stretch(practice.tempo, float(practice.semitones))
        except (OSError, MemoryError):
            self._player.set_stretch(1.0, 0.0)
            self._document.said.emit("There is too little memory to play this song so slowly.")
        wanted = (state.beats, rate) if practice.click and state.beats else None
        if wanted != self._clicking:
            self._clicking = wanted
            self._clicks = None if wanted is None else Beats(state.beats.times * rate, state.beats.strong)
        self._player.set_metronome(self._clicks, 10 ** (practice.click_db / 20))
        if practice.loop != self._looping:
            self._loop(practice.loop)

    def _loop(self, loop: tuple[float, float] | None) -> None:
        state = self._document.state
        assert state is not None
        self._looping = loop
        if loop is None:
            self._player.clear_loop()
        else:
            start, stop = (round(second * state.mixture.sample_rate) for second in loop)
            self._player.set_loop(start, min(stop, state.mixture.length))

    # The beats

    @property
    def finding(self) -> bool:
        """Whether beats are being looked for."""
        return self._finding is not None and not self._finding.over

    def find(self) -> Job | None:
        """Listen for beats and key in the background; what is found replaces the beats there were."""
        document = self._document
        state, project = document.state, document.project
        if state is None or project is None or self.finding:
            return None
        if not document.complete:
            document.said.emit("The song is still being read; its beats can be found in a moment.")
            return None
        mixture = state.mixture

        def done(found: Timing) -> None:
            if document.project is not project:
                return
            if not found.beats.size:
                document.said.emit("No beats were found. Tap them with P while the song plays.")
                return
            grid = BeatGrid(
                beats=tuple(found.beats.tolist()), metre=found.metre, one=found.one, key=found.key
            )
            self._do(grid, "Find beats and key")
            words = f"{grid.bpm:.1f} beats a minute"
            document.said.emit(f"{words}, {grid.key}." if grid.key else f"{words}.")

        def failed(error: Exception) -> None:
            if document.project is project:
                self.failed.emit(error)

        def stopped() -> None:
            if document.project is project:
                document.said.emit("Stopped looking for beats; nothing was changed.")

        self._finding = document.jobs.run(
            "Beats and key",
            lambda progress: find_timing(mixture, progress),
            done,
            failed=failed,
            stopped=stopped,
        )
        return document.stop_with_song(self._finding)

    def tap(self) -> None:
        """A beat is now: after three taps there are beats at that pace all through the song."""
        state = self._document.state
        if state is None:
            return
        now, rate = time.monotonic(), state.mixture.sample_rate
        if self._taps and now - self._taps[-1][0] > TAPS_END:
            self._taps.clear()
        playing = self._player.playing
        begun = self._taps[0] if self._taps else (now, self._player.position / rate)
        seconds = self._player.position / rate if playing else begun[1] + now - begun[0]
        if self._taps and seconds <= self._taps[-1][1]:  # a loop has begun anew
            self._taps.clear()
        self._taps.append((now, seconds))
        grid = self.beats.tapped([seconds for _, seconds in self._taps], self._document.duration)
        count = len(self._taps)
        if count < 3:
            self._document.said.emit(f"Tap {count}: {3 - count} more to set the tempo.")
        elif self._do(grid, "Tap the tempo", "beats.tap"):
            self._document.said.emit(f"{grid.bpm:.1f} beats a minute, from {count} taps.")

    def change(self, how: Literal["doubled", "halved"]) -> None:
        """Twice as many beats, or half as many: "doubled", "halved"."""
        if how == "doubled":
            self._do(self.beats.doubled(), "Twice as many beats")
        else:
            self._do(self.beats.halved(), "Half as many beats")

    def set_metre(self, metre: int) -> None:
        """Beats a bar."""
        self._do(self.beats.with_metre(metre), f"{metre} beats a bar")

    def set_pace(self, bpm: float) -> None:
        """Beats of one tempo all through the song; a bar begins where one does nearest to the playhead, or there."""
        state = self._document.state
        if state is None:
            return
        here, beats = self._player.position / state.mixture.sample_rate, self.beats
        bars = beats.times[beats.strong]
        first = float(bars[np.abs(bars - here).argmin()]) if bars.size else here
        self._do(beats.evened(bpm, first, self._document.duration), f"{bpm:g} beats a minute")

    def set_key(self, key: str) -> None:
        """The key of the song as recorded; "" where nobody knows."""
        self._do(self.beats.with_key(key), f"Key: {key or 'not known'}")

    def begin_bar(self, seconds: float) -> None:
        """A bar begins at the beat nearest to a time."""
        if self.beats:
            number = self.beats.nearest(seconds)
            words = f"A bar begins at {time_text(self.beats.beats[number], 2)}"
            self._do(self.beats.with_one(number), words)

    def move(self, beat: int, seconds: float) -> None:
        """Move one beat, between its neighbours; further moves of the same beat are one step."""
        self._do(self.beats.moved(beat, seconds), "Move a beat", f"beats.{beat}")

    def move_nearest(self, seconds: float) -> None:
        """Move the beat nearest to a time there."""
        if self.beats:
            self.move(self.beats.nearest(seconds), seconds)

    def forget(self) -> None:
        """No beats, and no key."""
        self._do(BeatGrid(), "Forget the beats")

    def _do(self, grid: BeatGrid, name: str, merge: str = "") -> bool:
        state = self._document.state
        edit: Edit | None = None if state is None else set_beats(state, grid, name, merge)
        return self._document.do(edit)


def moved_key(key: str, semitones: int) -> str:
    """The name of a key so many semitones higher."""
    note, _, mode = key.partition(" ")
    names = KEYS.get(mode, ())
    return f"{names[(names.index(note) + semitones) % 12]} {mode}" if note in names else key
