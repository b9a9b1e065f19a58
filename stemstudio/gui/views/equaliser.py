"""EqualiserCurve: what an equaliser does to every pitch, with a point for each of its bands to be dragged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from stemstudio.gui import theme, wording
from stemstudio.gui.drawing import drawn
from stemstudio.gui.fader import SETTLE_MS
from stemstudio.mixing.filters import equaliser_sections, response_db
from stemstudio.project.effects import Equaliser

LOW, HIGH = 20.0, 20_000.0  # Hz
MOST_DB = 18.0  # up and down, on the drawing
BANDS = {
    "low_cut": "Low cut",
    "low": "Low",
    "mid": "Middle",
    "high": "High",
    "high_cut": "High cut",
}
LIMITS = {
    "low_cut": (20.0, 2000.0),
    "low": (20.0, 2000.0),
    "mid": (50.0, 16_000.0),
    "high": (500.0, 20_000.0),
    "high_cut": (200.0, 20_000.0),
}
PLAIN = Equaliser()
GRAB = 12.0  # pixels
EDGE = 10.0  # pixels within which a cut at the side is off
MARGIN = 8
LINES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
WRITTEN = {100: "100", 1000: "1 k", 10_000: "10 k"}


class EqualiserCurve(QWidget):
    """Drag a point: across for its pitch, up and down for its level; the wheel sets how wide the middle one is.

    Signals
    -------
    moved(band, equaliser)
        The person changed it.
    settled
        It was let go.
    """

    moved = Signal(str, object)
    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.equaliser = PLAIN
        self.band = "mid"
        self._rate = 44100.0
        self._colour = "#ffffff"
        self._held = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 120)
        self.setAccessibleName("Equaliser")
        self.setToolTip(
            "Drag a point: across for pitch, up and down for level · double-click puts it back · wheel: width of the "
            "middle · drag a cut in from the side · keys: arrows, and Page up and down for the next point"
        )
        self._settling = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settling.timeout.connect(self.settled)

    def sizeHint(self) -> QSize:
        return QSize(420, 170)

    def show_equaliser(self, equaliser: Equaliser, rate: float, colour: str) -> None:
        """Draw this one, in a stem's colour."""
        if (equaliser, rate, colour) != (self.equaliser, self._rate, self._colour):
            self.equaliser, self._rate, self._colour = equaliser, rate, colour
            self.update()
        self._describe()

    # places

    def point(self, band: str) -> QPointF:
        """Where the point of a band is."""
        values = self.equaliser
        if band == "low_cut":
            hertz, level = values.low_cut or LOW, 0.0 if values.low_cut is None else -3.0
        elif band == "high_cut":
            hertz, level = values.high_cut or HIGH, 0.0 if values.high_cut is None else -3.0
        else:
            hertz, level = getattr(values, f"{band}_at"), getattr(values, band)
        return QPointF(self._x(hertz), self._y(level))

    def _x(self, hertz: float) -> float:
        share = math.log(hertz / LOW) / math.log(HIGH / LOW)
        return MARGIN + share * (self.width() - 2 * MARGIN)

    def _hertz(self, x: float) -> float:
        share = (x - MARGIN) / max(1, self.width() - 2 * MARGIN)
        return float(LOW * (HIGH / LOW) ** min(max(share, 0.0), 1.0))

    def _y(self, level: float) -> float:
        level = min(max(level, -MOST_DB), MOST_DB)
        return self.height() / 2 - level / MOST_DB * (self.height() / 2 - MARGIN)

    def _level(self, y: float) -> float:
        return (self.height() / 2 - y) / (self.height() / 2 - MARGIN) * MOST_DB

    def _near(self, place: QPointF) -> str:
        """The band whose point is here."""
        distances = {band: (self.point(band) - place).manhattanLength() for band in BANDS}
        band = min(distances, key=lambda each: (distances[each], each != self.band))
        return band if distances[band] <= GRAB * 1.5 else ""

    # what the person does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._held = self._near(event.position())
        if self._held:
            self._choose(self._held)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self._drag(self._held, event.position())
        else:
            near = self._near(event.position())
            self.setCursor(Qt.CursorShape.SizeAllCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held and event.button() == Qt.MouseButton.LeftButton:
            self._held = ""
            self.settled.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        band = self._near(event.position())
        if band:
            self._held = ""
            fields = [band] if band.endswith("_cut") else [band, f"{band}_at"]
            if band == "mid":
                fields.append("mid_width")
            self._change(band, **{field: getattr(PLAIN, field) for field in fields})
            self.settled.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turns = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if turns:
            self._choose("mid")
            width = self.equaliser.mid_width * 2 ** (turns / 4)
            self._change("mid", mid_width=round(min(max(width, 0.2), 12.0), 2))
            self._settling.start()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        names = list(BANDS)
        place = names.index(self.band)
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        across = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        up = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            step = 1 if event.key() == Qt.Key.Key_PageUp else -1
            self._choose(names[(place + step) % len(names)])
        elif across or (up and not self.band.endswith("_cut")):
            point = self.point(self.band)
            hertz = self._hertz(point.x()) * 2 ** (across / (24 if fine else 6))
            level = getattr(self.equaliser, self.band) if not self.band.endswith("_cut") else 0.0
            self._put(self.band, hertz, level + up * (0.1 if fine else 0.5))
            self._settling.start()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
            if event.key() in (*keys, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
                event.accept()
                return True
        return super().event(event)

    def _choose(self, band: str) -> None:
        if band != self.band:
            self.band = band
            self._describe()
            self.update()

    def _drag(self, band: str, place: QPointF) -> None:
        level = self._level(place.y())
        if abs(self._y(level) - self._y(0.0)) < 3:
            level = 0.0  # a little notch, so that a hand finds it
        hertz = self._hertz(place.x())
        off = place.x() <= MARGIN + EDGE if band == "low_cut" else place.x() >= self.width() - MARGIN - EDGE
        self._put(band, 0.0 if off and band.endswith("_cut") else hertz, level)

    def _put(self, band: str, hertz: float, level: float) -> None:
        low, high = LIMITS[band]
        if band.endswith("_cut"):
            off = hertz < low if band == "low_cut" else hertz == 0.0 or hertz > high
            self._change(band, **{band: None if off else _round(min(max(hertz, low), high))})
            return
        level = round(min(max(level, -MOST_DB), MOST_DB), 1)
        self._change(band, **{band: level, f"{band}_at": _round(min(max(hertz, low), high))})

    def _change(self, band: str, **fields: Any) -> None:
        changed = Equaliser.model_validate({**dict(self.equaliser), **fields})
        if changed != self.equaliser:
            self.equaliser = changed
            self.update()
            self.moved.emit(band, changed)
            self._describe()
            if self._held:
                QToolTip.showText(self.mapToGlobal(self.point(band).toPoint()), self.words(band), self)

    def words(self, band: str) -> str:
        """What a band does, such as "Middle +3.0 dB at 1200 Hz"."""
        values = self.equaliser
        if band.endswith("_cut"):
            hertz = getattr(values, band)
            return f"{BANDS[band]} {'off' if hertz is None else f'{hertz:.0f} Hz'}"
        return f"{BANDS[band]} {wording.signed(getattr(values, band), 1)} dB at {getattr(values, f'{band}_at'):.0f} Hz"

    def _describe(self) -> None:
        self.setAccessibleDescription(self.words(self.band))

    # the picture

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.fillPath(frame, look.colour("sheet"))
        painter.setClipPath(frame)
        self._paint_grid(painter)
        ink = QColor(self._colour)
        curve = self._curve()
        filled = QPainterPath(curve)
        filled.lineTo(self.width(), self._y(0.0))
        filled.lineTo(0, self._y(0.0))
        filled.closeSubpath()
        shade = QColor(ink)
        shade.setAlphaF(0.22)
        painter.fillPath(filled, shade)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink, 2.0))
        painter.drawPath(curve)
        for band in BANDS:
            self._paint_point(painter, band, ink)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.colour("accent_hover"), 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)

    def _paint_grid(self, painter: QPainter) -> None:
        faint, words = QColor(255, 255, 255, 26), QColor(200, 206, 220, 150)
        font = painter.font()
        font.setPixelSize(max(9, round(0.8 * painter.fontInfo().pixelSize())))
        painter.setFont(font)
        for hertz in LINES:
            x = round(self._x(hertz)) + 0.5
            painter.setPen(faint)
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
            if hertz in WRITTEN:
                painter.setPen(words)
                painter.drawText(QPointF(x + 3, self.height() - 5), WRITTEN[hertz])
        for level in (-12, -6, 0, 6, 12):
            y = round(self._y(level)) + 0.5
            painter.setPen(QColor(255, 255, 255, 60) if level == 0 else faint)
            painter.drawLine(QPointF(0, y), QPointF(self.width(), y))
            if level in (-12, 12):
                painter.setPen(words)
                painter.drawText(QPointF(4, y - 2), wording.signed(level))

    def _curve(self) -> QPainterPath:
        xs = np.arange(0, self.width() + 2, 2, dtype=float)
        hertz = LOW * (HIGH / LOW) ** ((xs - MARGIN) / max(1, self.width() - 2 * MARGIN))
        levels = response_db(equaliser_sections(self.equaliser, self._rate), self._rate, hertz)
        bottom = self.height() / 2 / (self.height() / 2 - MARGIN) * MOST_DB + 2
        path = QPainterPath()
        for place, (x, level) in enumerate(zip(xs.tolist(), levels.tolist(), strict=True)):
            y = self.height() / 2 - max(level, -bottom) / MOST_DB * (self.height() / 2 - MARGIN)
            (path.moveTo if place == 0 else path.lineTo)(x, y)
        return path

    def _paint_point(self, painter: QPainter, band: str, ink: QColor) -> None:
        at = self.point(band)
        active = getattr(self.equaliser, band) not in (None, 0.0)
        painter.setPen(QPen(QColor("#ffffff") if band == self.band else ink, 2.0))
        painter.setBrush(ink if active else QColor(7, 8, 11))
        painter.drawEllipse(at, 6.0, 6.0)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()


def _round(hertz: float) -> float:
    """To three digits: nobody hears more."""
    digits = max(0, 2 - math.floor(math.log10(hertz)))
    return round(hertz, digits) if hertz < 1000 else float(round(hertz / 10) * 10)
