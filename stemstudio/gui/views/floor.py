"""Floor: the room from above, with its loudspeakers and the stems in their places, to be dragged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from stemstudio.gui import theme, wording
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.mixing.layouts import LAYOUTS, Speaker
from stemstudio.mixing.mixer import heard
from stemstudio.mixing.panning import heard_from, way
from stemstudio.mixing.upmix import stem_matrix
from stemstudio.project.placing import set_place
from stemstudio.project.room import Place
from stemstudio.project.stem import Stem

DISC = 11.0  # pixels of radius
APART = 2.0 * DISC + 2.0  # of stems that are in the same place
SNAP = 3.0  # degrees from a loudspeaker within which a stem is drawn to it
EDGE = 0.93  # distance from which a stem is drawn onto the circle
TURN, NEARER, WIDER = 5.0, 0.05, 10.0  # what a key or a notch of the wheel does
SETTLE_MS = 700
TIP = "Drag a stem to where it is to be; the wheel makes it wider, double-click puts it back to stereo."


@dataclass(frozen=True)
class Shown:
    """A stem as it is drawn: the stem, whether this is where it arrives, and the middle of its disc."""

    stem: Stem
    number: int
    arrival: bool
    at: QPointF


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

    # geometry

    @property
    def _radius(self) -> float:
        return min(self.width(), self.height()) / 2.0 - 30.0

    @property
    def _centre(self) -> QPointF:
        return QPointF(self.width() / 2.0, self.height() / 2.0)

    def point_of(self, azimuth: float, distance: float) -> QPointF:
        """The pixel of a place."""
        turn, reach = math.radians(azimuth), distance * self._radius
        return self._centre + QPointF(reach * math.sin(turn), -reach * math.cos(turn))

    def place_at(self, point: QPointF) -> tuple[float, float]:
        """Azimuth and distance of a pixel; near the circle and near a loudspeaker it is drawn to them."""
        x, y = (point - self._centre).x() / self._radius, (self._centre - point).y() / self._radius
        distance = math.hypot(x, y)
        azimuth = math.degrees(math.atan2(x, y)) if distance > 1e-6 else 0.0
        state = self._document.state
        speakers = LAYOUTS[state.room.layout].speakers if state is not None else ()
        if distance > EDGE:
            distance = 1.0
            for speaker in speakers:
                if speaker.azimuth is not None and abs(azimuth - speaker.azimuth) < SNAP:
                    azimuth = speaker.azimuth
        return float(round(azimuth)), round(min(distance, 1.0), 2)

    def shown(self) -> list[Shown]:
        """All discs, the target's last; those in the same place stand side by side."""
        state = self._document.state
        if state is None:
            return []
        found: list[tuple[Stem, int, bool, QPointF]] = []
        for number, leaf in enumerate(state.leaves(), 1):
            place = leaf.place
            found.append((leaf, number, False, self.point_of(place.azimuth, place.distance)))
            if place.move is not None:
                arrival = self.point_of(place.move.azimuth, place.move.distance)
                found.append((leaf, number, True, arrival))
        discs = []
        for stem, number, arrival, at in found:
            together = [other for other in found if (other[3] - at).manhattanLength() < DISC]
            rank = [(other[0].id, other[2]) for other in together].index((stem.id, arrival))
            turn = math.radians(
                stem.place.move.azimuth if arrival and stem.place.move else stem.place.azimuth
            )
            along = (rank - (len(together) - 1) / 2.0) * APART
            discs.append(
                Shown(stem, number, arrival, at + QPointF(along * math.cos(turn), along * math.sin(turn)))
            )
        return sorted(discs, key=lambda disc: disc.stem.id == self._document.target)

    def disc_at(self, point: QPointF) -> Shown | None:
        """The disc under a pixel."""
        for disc in reversed(self.shown()):
            offset = disc.at - point
            if math.hypot(offset.x(), offset.y()) <= DISC + 2:
                return disc
        return None

    # the hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        disc = self.disc_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or disc is None:
            event.ignore()
            return
        self._document.set_target(disc.stem.id)
        # From its own place and not from its disc, which may stand beside it.
        self._grab = (disc.stem.id, disc.arrival, self._own_point(disc) - event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grab is None:
            disc = self.disc_at(event.position())
            self.setCursor(Qt.CursorShape.ArrowCursor if disc is None else Qt.CursorShape.OpenHandCursor)
            self.setToolTip(TIP if disc is None else _words(disc.stem))
            return
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        stem, arrival, offset = self._grab
        azimuth, distance = self.place_at(event.position() + offset)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            distance = 1.0
        self._move(stem, arrival, azimuth, distance)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grab is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grab = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            self._document.settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        disc = self.disc_at(event.position())
        if disc is not None:
            self._put_back(disc.stem.id)

    def wheelEvent(self, event: QWheelEvent) -> None:
        disc = self.disc_at(event.position())
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

    def _own_point(self, disc: Shown) -> QPointF:
        place = disc.stem.place
        if disc.arrival and place.move is not None:
            return self.point_of(place.move.azimuth, place.move.distance)
        return self.point_of(place.azimuth, place.distance)

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

    # the picture

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look, state = theme.current(), self._document.state
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre, radius = self._centre, self._radius
        painter.setPen(QPen(look.colour("border"), 1.5))
        painter.setBrush(look.colour("card"))
        painter.drawEllipse(centre, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.colour("border"), 1, Qt.PenStyle.DotLine))
        for share in (1 / 3, 2 / 3):
            painter.drawEllipse(centre, share * radius, share * radius)
        painter.drawLine(centre - QPointF(0, radius), centre + QPointF(0, radius))
        painter.drawLine(centre - QPointF(radius, 0), centre + QPointF(radius, 0))
        self._draw_listener(painter, look)
        if state is None:
            return
        for speaker in LAYOUTS[state.room.layout].speakers:
            self._draw_speaker(painter, look, speaker)
        loud = dict(zip((leaf.id for leaf in state.leaves()), heard(state.leaves()), strict=True))
        discs = self.shown()
        for disc in discs:
            self._draw_extent(painter, look, disc, loud[disc.stem.id])
        taken = [self._label_of(each) for each in LAYOUTS[state.room.layout].speakers]
        taken += [QRectF(d.at.x() - DISC, d.at.y() - DISC, 2 * DISC, 2 * DISC) for d in discs]
        for disc in discs:
            self._draw_disc(painter, look, disc, loud[disc.stem.id])
        for disc in reversed(discs):
            self._draw_name(painter, look, disc, taken)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.colour("accent_hover"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _label_of(self, speaker: Speaker) -> QRectF:
        """Where a loudspeaker's name stands."""
        if speaker.azimuth is None:
            corner = self._centre + QPointF(self._radius - 12.0, self._radius - 2.0)
            return QRectF(
                min(corner.x(), self.width() - 40.0), min(corner.y(), self.height() - 24.0), 34.0, 18.0
            )
        at = self.point_of(speaker.azimuth, (self._radius + 16.0) / self._radius)
        return QRectF(at.x() - 16.0, at.y() - 10.0, 32.0, 18.0)

    def _draw_listener(self, painter: QPainter, look: theme.Theme) -> None:
        centre = self._centre
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("faint"))
        painter.drawPolygon(
            QPolygonF([centre + QPointF(-4, -7), centre + QPointF(0, -13), centre + QPointF(4, -7)])
        )
        painter.drawEllipse(centre, 8, 8)
        for side in (-1, 1):
            painter.drawEllipse(centre + QPointF(side * 8.5, 1), 2, 3.5)

    def _draw_speaker(self, painter: QPainter, look: theme.Theme, speaker: Speaker) -> None:
        state = self._document.state
        assert state is not None
        small = QFont(self.font())
        small.setPointSizeF(0.82 * small.pointSizeF())
        small.setBold(True)
        painter.setFont(small)
        box = self._label_of(speaker)
        if speaker.azimuth is None:
            sent = any(leaf.place.lfe_db is not None for leaf in state.leaves())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("accent" if sent else "raised"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(look.colour("on_accent" if sent else "muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, speaker.name)
            return
        at = self.point_of(speaker.azimuth, (self._radius + 16.0) / self._radius)
        painter.save()
        painter.translate(at)
        painter.rotate(speaker.azimuth)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("raised"))
        painter.drawRoundedRect(QRectF(-13, -9, 26, 18), 4, 4)
        painter.setBrush(look.colour("faint"))
        painter.drawRoundedRect(QRectF(-13, 7, 26, 3), 1.5, 1.5)  # its front, towards the listener
        painter.restore()
        painter.setPen(look.colour("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, speaker.name)

    def _draw_extent(self, painter: QPainter, look: theme.Theme, disc: Shown, loud: bool) -> None:
        """How far a stem reaches, its way, and where a fold-safe room lets it be heard from."""
        state, place = self._document.state, disc.stem.place
        assert state is not None
        colour = look.ink(disc.stem.colour)
        target = disc.stem.id == self._document.target
        own = self._own_point(disc)
        move = place.move
        azimuth = move.azimuth if disc.arrival and move else place.azimuth
        distance = move.distance if disc.arrival and move else place.distance
        colour.setAlphaF((0.5 if target else 0.28) if loud else 0.12)
        if distance < 1.0 and not disc.arrival:
            soft = look.ink(disc.stem.colour)
            soft.setAlphaF(0.10 if loud else 0.04)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(soft)
            reach = DISC + (1.0 - distance) * (self._radius - DISC)
            painter.drawEllipse(own, reach, reach)
        half = 0.5 * place.width * abs(math.cos(math.radians(azimuth)))
        reach = max(distance, 0.12) * self._radius
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(colour, 5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        box = QRectF(self._centre.x() - reach, self._centre.y() - reach, 2 * reach, 2 * reach)
        painter.drawArc(box, round(16 * (90.0 - azimuth - half)), round(16 * 2 * half))
        painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
        if disc.arrival:
            painter.drawLine(self.point_of(place.azimuth, place.distance), own)
        elif move is not None and self._playhead is not None:
            now, near = way(place, np.array([self._playhead.seconds]))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.ink(disc.stem.colour))
            painter.drawEllipse(self.point_of(float(now[0]), float(near[0])), 5, 5)
        if state.room.fold_safe and target and not disc.arrival:
            gains = stem_matrix(LAYOUTS[state.room.layout], place, fold_safe=True)
            place_heard = heard_from(LAYOUTS[state.room.layout], gains)
            ring = self.point_of(
                math.degrees(math.atan2(place_heard.imag, place_heard.real)), abs(place_heard)
            )
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.ink(disc.stem.colour), 1.2, Qt.PenStyle.DotLine))
            painter.drawLine(own, ring)
            painter.setPen(QPen(look.ink(disc.stem.colour), 2))
            painter.drawEllipse(ring, 6, 6)

    def _draw_disc(self, painter: QPainter, look: theme.Theme, disc: Shown, loud: bool) -> None:
        colour = look.ink(disc.stem.colour)
        own = self._own_point(disc)
        if (own - disc.at).manhattanLength() > 1:
            painter.setPen(QPen(look.colour("faint"), 1))
            painter.drawLine(own, disc.at)
        target = disc.stem.id == self._document.target
        if target:
            painter.setPen(QPen(look.colour("text"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(disc.at, DISC + 2.5, DISC + 2.5)
        painter.setPen(QPen(colour, 2))
        fill = colour if loud and not disc.arrival else look.colour("card")
        painter.setBrush(fill)
        painter.drawEllipse(disc.at, DISC - 1, DISC - 1)
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        words = look.colour("panel" if loud and not disc.arrival else "muted")
        painter.setPen(words)
        text = "→" if disc.arrival else str(disc.number)
        painter.drawText(
            QRectF(disc.at.x() - DISC, disc.at.y() - DISC, 2 * DISC, 2 * DISC),
            Qt.AlignmentFlag.AlignCenter,
            text,
        )

    def _draw_name(self, painter: QPainter, look: theme.Theme, disc: Shown, taken: list[QRectF]) -> None:
        """The stem's name under its disc, or above, or a line farther away, where there is room for it."""
        if disc.arrival:
            return
        small = QFont(self.font())
        small.setPointSizeF(0.9 * small.pointSizeF())
        painter.setFont(small)
        metrics = painter.fontMetrics()
        name = metrics.elidedText(disc.stem.name, Qt.TextElideMode.ElideRight, 90)
        width, height = metrics.horizontalAdvance(name) + 4.0, metrics.height()
        left = min(max(2.0, disc.at.x() - width / 2.0), self.width() - width - 2.0)
        under, above = disc.at.y() + DISC + 3.0, disc.at.y() - DISC - 3.0 - height
        for top in (under, above, under + height, above - height):
            box = QRectF(left, top, width, height)
            if not any(box.intersects(other) for other in taken):
                taken.append(box)
                painter.setPen(look.ink(disc.stem.colour))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
                return


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
