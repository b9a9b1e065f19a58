"""Floor: the room from above, with its loudspeakers and the stems in their places, to be dragged."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from stemstudio.gui import theme, wording
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.views.floor_painting import FloorPainting
from stemstudio.gui.views.floor_plan import FloorPlan
from stemstudio.project.placing import set_place
from stemstudio.project.room import Place
from stemstudio.project.stem import Stem

TURN, NEARER, WIDER = 5.0, 0.05, 10.0  # what a key or a notch of the wheel does
SETTLE_MS = 700
TIP = "Drag a stem to where it is to be; the wheel makes it wider, double-click puts it back to stereo."


class Floor(QWidget):
    """Draws the room and lets stems be dragged, turned and widened; each drag is one step of the history.

    Signals
    -------
    dragged
        Something was moved; it is in the project already.
    """

    dragged = Signal()

    def __init__(self, document: Document, playhead: Any = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._playhead = playhead
        self._grab: tuple[int, bool, QPointF] | None = None
        self.setMinimumSize(230, 230)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setToolTip(TIP)
        self.setAccessibleName("The room from above")
        self.setAccessibleDescription(
            "Left and right turn the target stem, up and down move it away and nearer, plus and minus make it wider and "
            "narrower, Backspace puts it back to where it is in stereo."
        )
        self._settling = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settling.timeout.connect(document.settle)
        for signal in (document.opened, document.changed, document.target_changed):
            signal.connect(lambda *_: self.update())
        if playhead is not None:
            playhead.moved.connect(self._time_goes)

    def sizeHint(self) -> QSize:
        return QSize(280, 290)

    @property
    def plan(self) -> FloorPlan:
        """Where everything is just now."""
        return FloorPlan(self.width(), self.height(), self._document.state, self._document.target)

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        seconds = None if self._playhead is None else self._playhead.seconds
        FloorPainting(painter, self.plan, seconds).paint()
        if self.hasFocus() and self._document.state is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.current().colour("accent_hover"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    # the hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        disc = self.plan.disc_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or disc is None:
            event.ignore()
            return
        self._document.set_target(disc.stem.id)
        # From its own place and not from its disc, which may stand beside it.
        self._grab = (disc.stem.id, disc.arrival, self.plan.own_point(disc) - event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grab is None:
            disc = self.plan.disc_at(event.position())
            self.setCursor(Qt.CursorShape.ArrowCursor if disc is None else Qt.CursorShape.OpenHandCursor)
            self.setToolTip(TIP if disc is None else _words(disc.stem))
            return
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        stem, arrival, offset = self._grab
        azimuth, distance = self.plan.place_at(event.position() + offset)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            distance = 1.0
        self._move(stem, arrival, azimuth, distance)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grab is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grab = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            self._document.settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        disc = self.plan.disc_at(event.position())
        if disc is not None:
            self._put_back(disc.stem.id)

    def wheelEvent(self, event: QWheelEvent) -> None:
        disc = self.plan.disc_at(event.position())
        if disc is None:
            event.ignore()
            return
        self._widen(disc.stem.id, event.angleDelta().y() / 120.0 * WIDER)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        state, target = self._document.state, self._document.target
        key = event.key()
        steps = {
            Qt.Key.Key_Left: (-TURN, 0.0),
            Qt.Key.Key_Right: (TURN, 0.0),
            Qt.Key.Key_Up: (0.0, NEARER),
            Qt.Key.Key_Down: (0.0, -NEARER),
        }
        if state is None or target not in state.stems:
            event.ignore()
        elif key in steps:
            place = state.stems[target].place
            turned = (place.azimuth + steps[Qt.Key(key)][0] + 180.0) % 360.0 - 180.0
            self._move(target, False, turned, min(1.0, max(0.0, place.distance + steps[Qt.Key(key)][1])))
            self._settling.start()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._widen(target, -WIDER if key == Qt.Key.Key_Minus else WIDER)
        elif key == Qt.Key.Key_Backspace:
            self._put_back(target)
        else:
            super().keyPressEvent(event)

    def _move(self, stem: int, arrival: bool, azimuth: float, distance: float) -> None:
        state = self._document.state
        if state is None or stem not in state.stems:
            return
        name, place = f"Place {state.stems[stem].name}", state.stems[stem].place
        distance = round(distance, 3)
        if arrival and place.move is not None:
            move = place.move.model_copy(update={"azimuth": azimuth, "distance": distance})
            edit = set_place(state, stem, name, move=move)
        else:
            edit = set_place(state, stem, name, azimuth=azimuth, distance=distance)
        self._document.do(edit)
        self.dragged.emit()

    def _widen(self, stem: int, degrees: float) -> None:
        state = self._document.state
        if state is None or stem not in state.stems:
            return
        width = min(180.0, max(0.0, state.stems[stem].place.width + degrees))
        self._document.do(set_place(state, stem, f"Width of {state.stems[stem].name}", width=width))
        self._settling.start()

    def _put_back(self, stem: int) -> None:
        self._grab = None
        state = self._document.state
        if state is not None and stem in state.stems:
            fields = {**dict(Place()), "lfe_db": state.stems[stem].place.lfe_db}
            self._document.settle()
            self._document.do(set_place(state, stem, f"{state.stems[stem].name} back to stereo", **fields))
            self._document.settle()

    def _time_goes(self, _before: float, _now: float) -> None:
        state = self._document.state
        if self.isVisible() and state is not None and any(leaf.place.move for leaf in state.leaves()):
            self.update()


def _words(stem: Stem) -> str:
    """A stem's place in a sentence."""
    place = stem.place
    where = f"{wording.signed(place.azimuth)}°" if place.azimuth else "in front"
    away = (
        "on the circle"
        if place.distance >= 1.0
        else f"at {100 * place.distance:.0f} % of the way to the circle"
    )
    wide = f"{place.width:.0f}° wide"
    return f"{stem.name}: {where}, {away}, {wide}" + ("; it moves" if place.move else "")
