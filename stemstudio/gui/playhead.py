"""Playhead: the second that sounds now, shared by every view that shows it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from stemstudio.gui.document import Document

PLAYING_MS, RESTING_MS = 16, 80
FINEST = 2400  # steps that the width of a view is crossed in while playing: half pixels of a wide one


class Playhead(QObject):
    """Where the song is.

    Attributes
    ----------
    seconds
        Of the song; the player's place where there is a player.

    Signals
    -------
    moved(before, now)
        In seconds.
    """

    moved = Signal(float, float)

    def __init__(self, document: Document, player: Any = None, parent: QObject | None = None) -> None:
        super().__init__(parent or document)
        self.seconds = 0.0
        self._told = 0.0  # what was last emitted
        self._document = document
        self._player = player
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look)
        document.opened.connect(self._look)
        if player is not None:
            player.state_changed.connect(self._look)
            self._timer.start(RESTING_MS)

    @property
    def playing(self) -> bool:
        return self._player is not None and bool(self._player.playing)

    @property
    def loop(self) -> tuple[float, float] | None:
        """The loop, in seconds."""
        found = None if self._player is None else self._player.loop
        return None if found is None else (found[0] / self._rate, found[1] / self._rate)

    def seek(self, seconds: float) -> None:
        """Go to a second of the song."""
        seconds = min(max(seconds, 0.0), self._document.duration)
        if self._player is not None:
            self._player.seek(round(seconds * self._rate))
        self._move(seconds)

    @property
    def _rate(self) -> int:
        state = self._document.state
        return 1 if state is None else state.mixture.sample_rate

    def _look(self) -> None:
        if self._player is None:
            self._move(min(self.seconds, self._document.duration))
            return
        wanted = PLAYING_MS if self.playing else RESTING_MS
        if self._timer.interval() != wanted:
            self._timer.setInterval(wanted)
        self._move(self._player.position / self._rate if self._document.state is not None else 0.0)

    def _move(self, seconds: float) -> None:
        view = self._document.viewport
        least = (view.stop - view.start) / FINEST if self.playing else 0.0
        self.seconds = seconds
        before = self._told
        if abs(seconds - before) > least:
            self._told = seconds
            self.moved.emit(before, seconds)
            self._follow(before, seconds)

    def _follow(self, before: float, now: float) -> None:
        """Turn the page when play runs out of what is on screen."""
        view = self._document.viewport
        if self.playing and view.start <= before <= view.stop and not view.start <= now <= view.stop:
            view.set_time(now, now + view.stop - view.start)
