"""VolumeCurve: the volume curve and the muted stretches of the target stem, drawn and edited on the overview."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from stemstudio.gui import wording
from stemstudio.gui.document import Document
from stemstudio.gui.notation import time_text
from stemstudio.mixing.mixer import decibels, gain_of
from stemstudio.project import edits
from stemstudio.project.stem import MIXTURE, Stem

TOP = 2.0  # the factor at the upper edge, +6 dB; the middle is 0 dB
MARGIN = 6.0  # pixels above and below
GRAB = 9.0
APART = 0.01  # seconds between points, at least
SILENT = 10 ** (-50 / 20)  # below this a point is silence
HEIGHT = 110  # of the overview while the curve is drawn

KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Insert,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Delete,
    Qt.Key.Key_Backspace,
)

Points = tuple[tuple[float, float], ...]


class VolumeCurve(QObject):
    """Straight lines between points; a click makes one, which can be dragged, a double-click takes one away.

    By keyboard: Return makes one at the playhead, arrows choose one and move it up and down, Delete takes it away.

    Signals
    -------
    changed
        Something about it looks different now.
    """

    changed = Signal()

    def __init__(
        self, document: Document, seconds_of: Callable[[float], float], x_of: Callable[[float], float]
    ):
        super().__init__(document)
        self._document, self._seconds, self._x = document, seconds_of, x_of
        self._held: int | None = None
        self._fresh = False
        self.chosen = 0  # number of the point that keys work on
        self.editing = False
        document.changed.connect(self._changed)
        document.target_changed.connect(self._changed)
        document.opened.connect(self._opened)

    @property
    def stem(self) -> Stem | None:
        """The leaf whose curve it is."""
        state = self._document.state
        return None if state is None else state.stems.get(self._document.target)

    @property
    def points(self) -> Points:
        return () if self.stem is None else self.stem.envelope

    @property
    def holding(self) -> bool:
        """Whether a point is being dragged."""
        return self._held is not None

    def set_editing(self, on: bool) -> None:
        """Let the pointer draw the curve, or leave the overview to what it is otherwise."""
        if on != self.editing:
            self.editing = on
            self._held = None
            self.changed.emit()

    # the pointer

    def near(self, place: QPointF, height: float) -> int | None:
        """Number of the point that is here."""
        distances = [(self._at(point, height) - place).manhattanLength() for point in self.points]
        if not distances or min(distances) > GRAB:
            return None
        return distances.index(min(distances))

    def press(self, place: QPointF, height: float) -> None:
        """Take hold of the point that is here, or of a new one."""
        if self.stem is None:
            return
        self._held = self.near(place, height)
        self._fresh = self._held is None
        if self._fresh:
            self._document.settle()
            second, gain = self._seconds(place.x()), _gain(place.y(), height)
            before = [point for point in self.points if point[0] < second - APART]
            after = [point for point in self.points if point[0] > second + APART]
            self._held = len(before)
            self._put((*before, (second, gain), *after))
        self.chosen = self._held if self._held is not None else 0

    def drag(self, place: QPointF, height: float) -> str:
        """Move the point that is held; what it is now, in words."""
        held = self._held
        if held is None or held >= len(self.points):
            return ""
        points = self.points
        low = points[held - 1][0] + APART if held else 0.0
        high = points[held + 1][0] - APART if held + 1 < len(points) else self._document.duration
        second = min(max(self._seconds(place.x()), low), max(low, high))
        gain = _gain(place.y(), height)
        self._put((*points[:held], (second, gain), *points[held + 1 :]))
        return self.words(held)

    def release(self) -> None:
        if self._held is not None:
            self._held = None
            self._document.settle()

    def remove(self, place: QPointF, height: float) -> None:
        """Take the point away that is here, unless it was made by this very click."""
        found = self.near(place, height)
        if found is not None and not self._fresh:
            self._held = None
            self._document.settle()
            self._put((*self.points[:found], *self.points[found + 1 :]))
            self._document.settle()

    # keys

    def key(self, key: Qt.Key, here: float) -> str | None:
        """Choose, move, make (at `here`, in seconds) or take away a point; its words, or None where a key does nothing."""
        points = self.points
        chosen = min(self.chosen, len(points) - 1)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Insert):
            gain = float(np.interp(here, *np.transpose(points))) if points else 1.0
            before = [point for point in points if point[0] < here - APART]
            after = [point for point in points if point[0] > here + APART]
            self._document.settle()
            self._put((*before, (here, gain), *after))
            self._document.settle()
            chosen = len(before)
        elif not points:
            return None
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            chosen = (chosen + (1 if key == Qt.Key.Key_Right else -1)) % len(points)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            time, gain = points[chosen]
            level = decibels(gain) if gain > SILENT else decibels(SILENT)
            new = gain_of(level + (0.5 if key == Qt.Key.Key_Up else -0.5))
            new = 0.0 if new < SILENT else round(min(new, TOP), 4)
            self._put((*points[:chosen], (time, new), *points[chosen + 1 :]))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._document.settle()
            self._put((*points[:chosen], *points[chosen + 1 :]))
            self._document.settle()
        else:
            return None
        self.chosen = max(0, min(chosen, len(self.points) - 1))
        self.changed.emit()
        return self.words(self.chosen) if self.points else "No volume curve"

    def words(self, number: int) -> str:
        """A point, such as "−6.0 dB at 0:12.3"."""
        second, gain = self.points[number]
        return f"{wording.level(decibels(gain))} at {time_text(second, 1)}"

    def _put(self, points: Points) -> None:
        stem, state = self.stem, self._document.state
        if stem is None or state is None or points == stem.envelope:
            return
        self._document.do(edits.set_stem(state, stem.id, f"Volume curve of {stem.name}", envelope=points))

    # the picture

    def paint(self, painter: QPainter, width: int, height: int) -> None:
        """Draw it over the overview."""
        stem = self.stem
        if stem is None or not (self.editing or stem.envelope or stem.mutes):
            return
        colour = QColor(stem.colour)
        for start, stop in stem.mutes:
            left, right = self._x(start), self._x(min(stop, self._document.duration))
            place = QRectF(left, 0, max(2.0, right - left), height)
            painter.fillRect(place, QColor(7, 8, 11, 150))
            painter.fillRect(place, QBrush(colour, Qt.BrushStyle.BDiagPattern))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.editing:
            painter.setPen(QPen(QColor(255, 255, 255, 70), 1, Qt.PenStyle.DashLine))
            middle = _y(1.0, height)
            painter.drawLine(QPointF(0, middle), QPointF(width, middle))
        if stem.envelope or self.editing:
            self._paint_line(painter, colour, width, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if self.editing:
            self._paint_words(painter, stem, width, height)

    def _paint_line(self, painter: QPainter, colour: QColor, width: int, height: int) -> None:
        places = [self._at(point, height) for point in self.points] or [QPointF(0, _y(1.0, height))]
        line = QPolygonF([QPointF(0, places[0].y()), *places, QPointF(width, places[-1].y())])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(QColor(7, 8, 11, 200), 4.0), QPen(colour, 2.0)):
            painter.setPen(pen)
            painter.drawPolyline(line)
        if self.editing and self.points:
            painter.setPen(QPen(QColor(7, 8, 11), 1.5))
            for number, place in enumerate(places):
                chosen = number == min(self.chosen, len(places) - 1)
                painter.setBrush(QColor("#ffffff") if chosen else colour)
                painter.drawEllipse(place, 5.0, 5.0)

    def _paint_words(self, painter: QPainter, stem: Stem, width: int, height: int) -> None:
        words = "the song" if stem.id == MIXTURE else stem.name
        text = f"Volume of {words}: click for a point, double-click takes it away"
        metrics = painter.fontMetrics()
        box = QRectF(
            6, height - metrics.height() - 6, metrics.horizontalAdvance(text) + 10, metrics.height() + 3
        )
        painter.fillRect(box, QColor(7, 8, 11, 190))
        painter.setPen(QColor("#e8eaf0"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        for gain, label in ((TOP, "+6"), (1.0, "0"), (0.5, "−6")):
            wide = metrics.horizontalAdvance("+6") + 8
            place = QRectF(width - wide - 4, _y(gain, height) - (0 if gain == TOP else 16), wide, 15)
            painter.fillRect(place, QColor(7, 8, 11, 190))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, label)

    def _at(self, point: tuple[float, float], height: float) -> QPointF:
        return QPointF(self._x(point[0]), _y(point[1], height))

    def _changed(self, *_: object) -> None:
        self.changed.emit()

    def _opened(self) -> None:
        self._held = None
        self.changed.emit()


def _y(gain: float, height: float) -> float:
    return height - MARGIN - min(gain, TOP) / TOP * (height - 2 * MARGIN)


def _gain(y: float, height: float) -> float:
    """The factor at a height; the middle has a little notch, and below −50 dB is silence."""
    gain = (height - MARGIN - y) / max(1.0, height - 2 * MARGIN) * TOP
    gain = min(max(gain, 0.0), TOP)
    if abs(_y(gain, height) - _y(1.0, height)) < 3:
        return 1.0
    return 0.0 if gain < SILENT else round(gain, 4)
