"""TimeRuler: seconds below the sheet; a click or a drag puts the playhead there."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.views import navigation
from stemstudio.gui.views.axes import time_marks
from stemstudio.gui.views.frequency_ruler import small


class TimeRuler(QWidget):
    """Minutes and seconds, as finely as there is room."""

    def __init__(self, document: Document, playhead: Playhead, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._playhead = document, playhead
        self.setFont(small(self.font()))
        self.setFixedHeight(self.fontMetrics().height() + 9)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time ruler")
        self.setToolTip("Click or drag to move the playhead")
        document.viewport.changed.connect(self.update)
        document.opened.connect(self.update)
        playhead.moved.connect(self._playhead_moved)

    def sizeHint(self) -> QSize:
        return QSize(400, self.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), look.colour("background"))
        if self._document.state is None:
            return
        metrics = self.fontMetrics()
        view, width = self._document.viewport, self.width()
        for mark in time_marks(view, width, metrics.horizontalAdvance("0:00.000") + 22):
            painter.setPen(QPen(look.colour("faint", 1.0 if mark.main else 0.5), 1))
            x = round(mark.place)
            painter.drawLine(x, 0, x, 4 if mark.main else 2)
            if mark.strong:
                wide = metrics.horizontalAdvance(mark.strong)
                at = min(max(mark.place - wide / 2, 1.0), width - wide - 1.0)
                if abs(at + wide / 2 - mark.place) < wide / 2 + 2:
                    painter.setPen(look.colour("muted"))
                    painter.drawText(QPointF(at, 6 + metrics.ascent()), mark.strong)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("text"))
        x = view.x_of(self._playhead.seconds, width)
        painter.drawPolygon(QPolygonF([QPointF(x + 0.5, 0), QPointF(x + 5, 7), QPointF(x - 4, 7)]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event)

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
