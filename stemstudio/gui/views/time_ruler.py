"""TimeRuler: seconds below the sheet, bars and beats below them; a click or a drag puts the playhead there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLine, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.views import navigation
from stemstudio.gui.views.axes import time_marks
from stemstudio.gui.views.frequency_ruler import small
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.project import Change

GRAB = 4.0  # pixels around a beat within which it is taken hold of
APART = 9.0  # pixels from beat to beat below which only bars are drawn


class TimeRuler(QWidget):
    """Minutes and seconds, and bars and beats where they are known, as finely as there is room.

    Signals
    -------
    beat_moved(beat, seconds)
        A beat was dragged.
    """

    beat_moved = Signal(int, float)

    def __init__(self, document: Document, playhead: Playhead, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._playhead = document, playhead
        self.setFont(small(self.font()))
        self._seconds_height = self.fontMetrics().height() + 9
        self._held: int | None = None  # the beat that is dragged
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time ruler")
        document.viewport.time_changed.connect(self.update)
        document.opened.connect(self._fit)
        document.changed.connect(self._changed)
        playhead.moved.connect(self._playhead_moved)
        self._fit()

    def _changed(self, change: Change) -> None:
        if "beats" in change.kinds:
            self._fit()

    def _fit(self) -> None:
        """As high as what there is to show."""
        beats = bool(self._beats)
        self.setFixedHeight(self._seconds_height + (self.fontMetrics().height() + 2 if beats else 0))
        self.setToolTip(
            "Click or drag to move the playhead; drag a beat in the lower row to move it"
            if beats
            else "Click or drag to move the playhead"
        )
        self.update()

    @property
    def _beats(self) -> BeatGrid:
        state = self._document.state
        return BeatGrid() if state is None else state.beats

    def sizeHint(self) -> QSize:
        return QSize(400, self.height())

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.fillRect(self.rect(), look.colour("background"))
        if self._document.state is None:
            return
        metrics = self.fontMetrics()
        view, width = self._document.viewport, self.width()
        room = metrics.horizontalAdvance("0:00.000") + 22
        marks = time_marks(view, width, room)
        # All of a kind at once: each call costs more than what it draws.
        for main, high in ((True, 4), (False, 2)):
            painter.setPen(QPen(look.colour("faint", 1.0 if main else 0.5), 1))
            places = (round(mark.place) for mark in marks if mark.main == main)
            painter.drawLines([QLine(x, 0, x, high) for x in places])
        painter.setPen(look.colour("muted"))
        area = event.rect()
        for mark in marks:
            # Where only the playhead moved, no other words: to write them takes longer than all else here.
            if mark.strong and area.left() - room <= mark.place <= area.right() + room:
                wide = metrics.horizontalAdvance(mark.strong)
                at = min(max(mark.place - wide / 2, 1.0), width - wide - 1.0)
                if abs(at + wide / 2 - mark.place) < wide / 2 + 2:
                    painter.drawText(QPointF(at, 6 + metrics.ascent()), mark.strong)
        if self._beats:
            self._paint_beats(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("text"))
        x = view.x_of(self._playhead.seconds, width)
        painter.drawPolygon(QPolygonF([QPointF(x + 0.5, 0), QPointF(x + 5, 7), QPointF(x - 4, 7)]))

    def _paint_beats(self, painter: QPainter) -> None:
        """Beats as short lines, bars as long ones with their numbers."""
        look, metrics, beats = theme.current(), self.fontMetrics(), self._beats
        numbers, places = self._beats_shown()
        if not numbers.size:
            return
        top = self._seconds_height
        all_beats = self._beat_width() >= APART
        bar = self._beat_width() * beats.metre
        room = metrics.horizontalAdvance("000") + 12
        every = 1
        while bar * every < room:
            every *= 2
        for number, place in zip(numbers.tolist(), places.tolist(), strict=True):
            which, count = beats.bar_of(number)
            first = count == 1
            if not first and not all_beats:
                continue
            if first and (which - 1) % every and not all_beats:
                continue
            x = round(place)
            painter.setPen(QPen(look.colour("muted" if first else "faint"), 1))
            painter.drawLine(x, top, x, self.height() - 2 if first else top + 4)
            if first and (which - 1) % every == 0:
                painter.setPen(look.colour("muted"))
                painter.drawText(QPointF(x + 4, top + metrics.ascent()), str(which))

    def _beat_width(self) -> float:
        """Pixels from beat to beat."""
        view = self._document.viewport
        bpm = self._beats.bpm or 120.0
        return 60.0 / bpm * self.width() / max(1e-9, view.stop - view.start)

    def _beats_shown(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the beats on screen, and where they are."""
        view, times = self._document.viewport, self._beats.times
        first, last = np.searchsorted(times, (view.start, view.stop))
        numbers = np.arange(max(0, first - 1), min(times.size, last + 1))
        places = (times[numbers] - view.start) / max(1e-9, view.stop - view.start) * self.width()
        return numbers, places

    def _beat_at(self, point: QPointF) -> int | None:
        """The beat under the pointer."""
        if not self._beats or point.y() < self._seconds_height or self._beat_width() < APART:
            return None
        numbers, places = self._beats_shown()
        if not numbers.size:
            return None
        nearest = int(np.abs(places - point.x()).argmin())
        return int(numbers[nearest]) if abs(places[nearest] - point.x()) <= GRAB else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self._beat_at(event.position())
            if self._held is None:
                self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() & Qt.MouseButton.LeftButton:
            over = self._beat_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if over else Qt.CursorShape.ArrowCursor)
        elif self._held is None:
            self._seek(event)
        else:
            seconds = self._document.viewport.second_at(event.position().x(), self.width())
            self.beat_moved.emit(self._held, seconds)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._held = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        navigation.wheel(event, self._document.viewport, self.width(), max(self.height(), 1))

    def _seek(self, event: QMouseEvent) -> None:
        if self._document.state is not None:
            self._playhead.seek(self._document.viewport.second_at(event.position().x(), self.width()))

    def _playhead_moved(self, before: float, now: float) -> None:
        if self._document.state is None:
            return
        for seconds in (before, now):
            x = self._document.viewport.x_of(seconds, self.width())
            if -10 <= x <= self.width() + 10:
                self.update(QRectF(x - 7, 0, 14, self.height()).toAlignedRect())
