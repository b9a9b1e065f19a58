"""Overview: the waveform of the whole song in the colours of the stems, and which part of it is on screen."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from stemstudio.gui import theme
from stemstudio.gui.colouring import NOBODY
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.light import MARK, Light
from stemstudio.gui.peaks import SAMPLES, Peaks
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.pyramid import SLOTS
from stemstudio.gui.views import navigation
from stemstudio.gui.views.sheet_marks import paint_playhead
from stemstudio.gui.views.volume_curve import HEIGHT, KEYS, VolumeCurve

GRAB = 6.0  # pixels around an edge of the frame within which it is taken hold of
Hold = Literal["", "left", "right", "frame", "new"]


class Overview(QWidget):
    """Drag the frame to move the view, its edges to resize it; click beside it to look there."""

    def __init__(
        self,
        document: Document,
        light: Light,
        peaks: Peaks,
        playhead: Playhead,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._light, self._peaks, self._playhead = document, light, peaks, playhead
        self._image: QImage | None = None
        self._pixels: NDArray[np.uint32] | None = None
        self._hold: Hold = ""
        self._grip = 0.0
        self.curve = VolumeCurve(document, self._seconds, self._x)
        self.curve.changed.connect(self._curve_changed)
        self.setMouseTracking(True)
        self.setMinimumHeight(34)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Overview of the song")
        self.setToolTip(
            "The whole song. Drag the frame to move the view, its edges to zoom; double-click for all of it."
        )
        document.viewport.time_changed.connect(self.update)
        document.selection_changed.connect(self.update)
        for signal in (document.opened, peaks.filled, light.filled, light.hues_changed, light.renewed):
            signal.connect(self._renew)
        playhead.moved.connect(self._playhead_moved)

    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT if self.curve.editing else 44)

    @drawn
    def paintEvent(self, painter: QPainter, _event: QPaintEvent) -> None:
        look = theme.current()
        painter.fillRect(self.rect(), look.colour("sheet"))
        if self._document.state is None:
            return
        if self._image is None or self._image.size() != self.size():
            self._image = self._drawn(self.width(), self.height())
        painter.drawImage(0, 0, self._image)
        bounds = self._document.selection.bounds
        if bounds is not None and (bounds.start > 0 or bounds.stop < self._document.duration):
            left, right = self._x(bounds.start), self._x(bounds.stop)
            painter.fillRect(
                QRectF(left, 0, max(1.0, right - left), self.height()), QColor(255, 255, 255, 46)
            )
        if not self.curve.editing:
            self._paint_frame(painter)
        self.curve.paint(painter, self.width(), self.height())
        paint_playhead(painter, self._x(self._playhead.seconds), self.height())
        if self.hasFocus():
            painter.setPen(QPen(look.colour("accent_hover"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._renew()

    def _paint_frame(self, painter: QPainter) -> None:
        left, right = self._frame()
        shade = QColor(0, 0, 0, 120)
        painter.fillRect(QRectF(0, 0, left, self.height()), shade)
        painter.fillRect(QRectF(right, 0, self.width() - right, self.height()), shade)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(255, 255, 255, 16))
        painter.setPen(QPen(QColor(200, 206, 220, 190), 1.4))
        painter.drawRoundedRect(
            QRectF(left + 0.7, 0.7, max(3.0, right - left - 1.4), self.height() - 1.4), 4, 4
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _drawn(self, width: int, height: int) -> QImage:
        """The waveform, column by column in the colour of the stem that is loudest there."""
        back = np.uint32(theme.current().colour("sheet").rgb())
        pixels = np.full((height, width), back)
        peaks = self._peaks
        if len(peaks.low) and width:
            edges = np.linspace(0, self._document.duration * self._rate / SAMPLES, width + 1)
            starts = np.minimum(edges[:-1].astype(np.intp), len(peaks.low) - 1)
            low, high = np.minimum.reduceat(peaks.low, starts), np.maximum.reduceat(peaks.high, starts)
            middle, room = (height - 1) / 2, (height - 8) / 2
            scale = max(1e-3, float(max(-peaks.low.min(), peaks.high.max())))
            top = np.floor(middle - high / scale * room)
            bottom = np.ceil(middle - low / scale * room)
            rows = np.arange(height)[:, None]
            inside = (rows >= top) & (rows <= bottom)
            pixels = np.where(inside, self._colours(width), back)
        self._pixels = pixels
        return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)

    def _colours(self, width: int) -> NDArray[np.uint32]:
        """Colour of every column: the slot that most of its marks name."""
        state, marks = self._document.state, self._light.dominant
        assert state is not None
        edges = np.linspace(0, state.frames / MARK, width + 1)[:-1]
        starts = np.minimum(edges.astype(np.intp), max(0, len(marks) - 1))
        table = np.full(SLOTS, int(QColor(NOBODY).rgb()), dtype=np.uint32)
        for slot, colour in self._light.colours().items():
            table[slot] = int(QColor(colour).rgb())
        slots = [slot for slot in np.unique(marks) if slot]
        if not slots:
            return np.full(width, table[0], dtype=np.uint32)
        counts = np.stack([np.add.reduceat((marks == slot).astype(np.intp), starts) for slot in slots])
        chosen = np.where(counts.max(axis=0) > 0, np.array(slots)[counts.argmax(axis=0)], 0)
        return table[chosen]

    # the pointer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._document.state is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self.curve.editing:
            self.curve.press(event.position(), self.height())
            return
        view, seconds = self._document.viewport, self._seconds(event.position().x())
        self._hold = self._held(event.position())
        if self._hold == "":
            span = view.stop - view.start
            view.set_time(seconds - span / 2, seconds + span / 2)
            self._hold = "frame"
        self._grip = seconds - view.start if self._hold == "frame" else seconds

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._document.state is None:
            return
        if self.curve.editing:
            self._draw_curve(event)
            return
        view, seconds = self._document.viewport, self._seconds(event.position().x())
        if not event.buttons() & Qt.MouseButton.LeftButton:
            self._show_cursor(self._held(event.position()))
        elif self._hold == "left":
            view.set_time(min(seconds, view.stop - 0.02), view.stop)
        elif self._hold == "right":
            view.set_time(view.start, max(seconds, view.start + 0.02))
        elif self._hold == "frame":
            view.set_time(seconds - self._grip, seconds - self._grip + view.stop - view.start)
        elif self._hold == "new" and abs(self._x(seconds) - self._x(self._grip)) > 4:
            view.set_time(*sorted((self._grip, seconds)))

    def _draw_curve(self, event: QMouseEvent) -> None:
        if self.curve.holding:
            words = self.curve.drag(event.position(), self.height())
            QToolTip.showText(event.globalPosition().toPoint(), words, self)
        else:
            near = self.curve.near(event.position(), self.height()) is not None
            self.setCursor(Qt.CursorShape.SizeAllCursor if near else Qt.CursorShape.CrossCursor)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._hold = ""
        self.curve.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.curve.editing:
            self.curve.remove(event.position(), self.height())
            return
        self._document.viewport.set_time(0.0, self._document.duration)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        words = None
        if self.curve.editing and self._document.state is not None:
            words = self.curve.key(Qt.Key(event.key()), self._playhead.seconds)
        if words is None:
            super().keyPressEvent(event)
            return
        self.setAccessibleDescription(words)
        self._document.said.emit(words)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if self.curve.editing and not event.isAutoRepeat():
            self._document.settle()
        super().keyReleaseEvent(event)

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._takes(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        """Whether a key is the curve's here, and not a command's."""
        return self.curve.editing and Qt.Key(event.key()) in KEYS

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        view = self._document.viewport
        across, up = navigation.steps_of(event)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            view.zoom_time(navigation.ZOOM ** (up or across), self._seconds(event.position().x()))
        else:
            view.scroll_time(-navigation.SCROLL * (up or across) * (view.stop - view.start))

    def _held(self, point: QPointF) -> Hold:
        left, right = self._frame()
        whole = left <= 0.5 and right >= self.width() - 0.5
        if not whole and abs(point.x() - left) <= GRAB and abs(point.x() - left) <= abs(point.x() - right):
            return "left"
        if not whole and abs(point.x() - right) <= GRAB:
            return "right"
        if whole:
            return "new"
        return "frame" if left < point.x() < right else ""

    def _show_cursor(self, hold: Hold) -> None:
        shapes = {
            "left": Qt.CursorShape.SizeHorCursor,
            "right": Qt.CursorShape.SizeHorCursor,
            "frame": Qt.CursorShape.OpenHandCursor,
        }
        self.setCursor(shapes.get(hold, Qt.CursorShape.ArrowCursor))

    # places

    @property
    def _rate(self) -> int:
        state = self._document.state
        return 1 if state is None else state.mixture.sample_rate

    def _frame(self) -> tuple[float, float]:
        view = self._document.viewport
        return self._x(view.start), self._x(view.stop)

    def _x(self, seconds: float) -> float:
        return seconds / max(self._document.duration, 1e-9) * self.width()

    def _seconds(self, x: float) -> float:
        return min(max(x / max(1, self.width()), 0.0), 1.0) * self._document.duration

    def _curve_changed(self) -> None:
        if self.height() != self.sizeHint().height():
            self.updateGeometry()
        editing = self.curve.editing
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if editing else Qt.FocusPolicy.NoFocus)
        self.update()

    def _renew(self, *_: object) -> None:
        self._image = None
        self.update()

    def _playhead_moved(self, before: float, now: float) -> None:
        if self._document.state is None:
            return
        for seconds in (before, now):
            self.update(round(self._x(seconds)) - 2, 0, 5, self.height())
