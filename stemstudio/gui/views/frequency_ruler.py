"""FrequencyRuler: notes and Hz beside the sheet; drag to scroll, Ctrl and the wheel to zoom."""

from __future__ import annotations

from PySide6.QtCore import QLine, QPointF, QSize, Qt
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.views import navigation
from stemstudio.gui.views.axes import frequency_marks


def small(font: QFont) -> QFont:
    """The font of rulers: a little smaller than the window's."""
    made = QFont(font)
    made.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
    return made


class FrequencyRuler(QWidget):
    """Note names, with the frequency in Hz beside them."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._grip: QPointF | None = None
        self.setFont(small(self.font()))
        self._words = self.fontMetrics().horizontalAdvance("A♯8")
        self.setFixedWidth(self._words + self.fontMetrics().horizontalAdvance("22.05k") + 16)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Frequency ruler")
        self.setToolTip(
            "Notes and Hz. Drag or wheel to scroll in pitch, Ctrl+wheel to zoom; double-click for all of it."
        )
        self.setCursor(Qt.CursorShape.SizeVerCursor)
        document.viewport.frequency_changed.connect(self.update)
        document.opened.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(self.width(), 200)

    @drawn
    def paintEvent(self, painter: QPainter, _event: QPaintEvent) -> None:
        look = theme.current()
        painter.fillRect(self.rect(), look.colour("background"))
        if self._document.state is None:
            return
        metrics = self.fontMetrics()
        height = self.height()
        marks = frequency_marks(self._document.viewport, height, metrics.height() * 1.35)
        # All of a kind at once: each call costs more than what it draws.
        for main, wide in ((True, 5), (False, 3)):
            painter.setPen(QPen(look.colour("faint", 1.0 if main else 0.5), 1))
            rows = (round(mark.place) for mark in marks if mark.main == main)
            painter.drawLines([QLine(self.width() - wide, y, self.width(), y) for y in rows])
        down = (metrics.ascent() - metrics.descent()) / 2
        for mark in marks:
            base = mark.place + down
            if not mark.weak or base - metrics.ascent() < 0 or base + metrics.descent() > height:
                continue
            painter.setPen(look.colour("text" if mark.main else "muted"))
            painter.drawText(QPointF(3, base), mark.strong)
            painter.setPen(look.colour("muted" if mark.main else "faint"))
            painter.drawText(QPointF(3 + self._words + 5, base), mark.weak)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grip = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None and event.buttons():
            moved = event.position().y() - self._grip.y()
            self._grip = event.position()
            self._document.viewport.scroll_frequency(moved / max(1, self.height()))

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self._document.viewport.set_frequency(0.0, self._document.viewport.nyquist)

    def wheelEvent(self, event: QWheelEvent) -> None:
        view = self._document.viewport
        across, up = navigation.steps_of(event)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            view.zoom_frequency(
                navigation.ZOOM ** (up or across), view.hertz_at(event.position().y(), self.height())
            )
        else:
            view.scroll_frequency(navigation.SCROLL * (up or across))
