"""Fader: a slider in a stem's colour, with its own unit; double-click puts it back."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget

from stemstudio.gui import theme
from stemstudio.gui.drawing import drawn

KNOB = QSize(10, 14)
SETTLE_MS = 700  # after the last turn of the wheel or key


class Fader(QSlider):
    """A horizontal slider from `low` to `high` in steps of `step`.

    Signals
    -------
    moved(value)
        The person moved it; not sent by `set_amount`.
    settled
        It was let go.
    """

    moved = Signal(float)
    settled = Signal()

    def __init__(
        self,
        low: float,
        high: float,
        step: float,
        rest: float = 0.0,
        *,
        taper: float = 1.0,
        fill_from: float | None = None,
        nudge: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`taper` above 1 gives the upper part more room; `nudge` is what a key or a notch of the wheel moves."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._step, self._rest, self._taper = step, rest, taper
        self._fill_from = low if fill_from is None else fill_from
        self._colour: str | None = None
        self._grab: float | None = None
        self.setRange(round(low / step), round(high / step))
        self.setSingleStep(max(1, round((nudge or step) / step)))
        self.setPageStep(6 * self.singleStep())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(60, 20)
        self._settling = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settling.timeout.connect(self.settled)
        self.valueChanged.connect(lambda _: self.moved.emit(self.amount))
        self.set_amount(rest)

    @property
    def amount(self) -> float:
        """Where it stands, in its own unit."""
        return self.value() * self._step

    def set_amount(self, amount: float) -> None:
        """Move it without a word."""
        value = round(amount / self._step)
        if value != self.value():
            with QSignalBlocker(self):
                self.setValue(value)
            self.update()

    def set_colour(self, colour: str | None) -> None:
        """Fill in a stem's colour; None for the theme's accent."""
        if colour != self._colour:
            self._colour = colour
            self.update()

    def x_of(self, amount: float) -> float:
        """Pixel column of a value."""
        low, high = self.minimum() * self._step, self.maximum() * self._step
        share = min(max((amount - low) / (high - low), 0.0), 1.0) ** self._taper
        return float(KNOB.width() / 2 + 1 + share * (self.width() - KNOB.width() - 2))

    def amount_at(self, x: float) -> float:
        low, high = self.minimum() * self._step, self.maximum() * self._step
        share = (x - KNOB.width() / 2 - 1) / max(1, self.width() - KNOB.width() - 2)
        return float(low + min(max(share, 0.0), 1.0) ** (1 / self._taper) * (high - low))

    def sizeHint(self) -> QSize:
        return QSize(120, 20)

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        groove = QRectF(1, middle - 2, self.width() - 2, 4)
        painter.setBrush(look.colour("groove"))
        painter.drawRoundedRect(groove, 2, 2)
        x, origin = self.x_of(self.amount), self.x_of(self._fill_from)
        if self.amount != self._fill_from:
            left = 1 if self._fill_from <= self.minimum() * self._step else min(x, origin)
            painter.setBrush(self._fill(look))
            painter.drawRoundedRect(QRectF(left, middle - 2, max(x, origin) - left, 4), 2, 2)
        knob = QRectF(x - KNOB.width() / 2, middle - KNOB.height() / 2, KNOB.width(), KNOB.height())
        if self.hasFocus():
            painter.setPen(QPen(look.colour("accent_hover"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(knob.adjusted(-1.5, -1.5, 1.5, 1.5), 6, 6)
            painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("text" if self.isEnabled() else "faint"))
        painter.drawRoundedRect(knob, 5, 5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setSliderDown(True)
        x = event.position().x()
        knob = self.x_of(self.amount)
        self._grab = x - knob if abs(x - knob) <= KNOB.width() else 0.0
        self._move(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grab is not None:
            self._move(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grab is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grab = None
            self.setSliderDown(False)
            self.settled.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grab = None
            self.setSliderDown(False)
            self.settled.emit()
            self.setValue(round(self._rest / self._step))
            self.settled.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turns = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if turns:
            fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.setValue(self.value() + round(turns * (1 if fine else self.singleStep())))
            self._settling.start()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        before = self.value()
        super().keyPressEvent(event)
        if self.value() != before:
            self._settling.start()

    def _move(self, place: QPointF) -> None:
        assert self._grab is not None
        amount = self.amount_at(place.x() - self._grab)
        if abs(self.x_of(amount) - self.x_of(self._rest)) < 2.5:
            amount = self._rest  # a little notch, so that a hand finds it
        self.setValue(round(amount / self._step))

    def _fill(self, look: theme.Theme) -> QColor:
        colour = QColor(self._colour or look.accent_hover)
        return colour if self.isEnabled() else look.colour("faint")
