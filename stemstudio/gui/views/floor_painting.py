"""How the floor of a room is painted: circle, listener, loudspeakers, and the stems with how far they reach."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen, QPolygonF

from stemstudio.gui import theme
from stemstudio.gui.views.floor_plan import DISC, SPEAKER, Disc, FloorPlan
from stemstudio.mixing.layouts import LAYOUTS, Speaker
from stemstudio.mixing.mixer import heard
from stemstudio.mixing.panning import heard_from, way
from stemstudio.mixing.upmix import stem_matrix


class FloorPainting:
    """Paints a plan; `seconds` is where the playhead is, for stems on their way."""

    def __init__(self, painter: QPainter, plan: FloorPlan, seconds: float | None) -> None:
        self.painter = painter
        self.plan = plan
        self.seconds = seconds
        self.look = theme.current()
        self.font = painter.font()

    def paint(self) -> None:
        """Everything, the target's disc above all others."""
        painter, look, state, centre, radius = (
            self.painter, self.look, self.plan.state, self.plan.centre, self.plan.radius
        )  # fmt: skip
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.colour("border"), 1.5))
        painter.setBrush(look.colour("card"))
        painter.drawEllipse(centre, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.colour("border"), 1, Qt.PenStyle.DotLine))
        for share in (1 / 3, 2 / 3):
            painter.drawEllipse(centre, share * radius, share * radius)
        painter.drawLine(centre - QPointF(0, radius), centre + QPointF(0, radius))
        painter.drawLine(centre - QPointF(radius, 0), centre + QPointF(radius, 0))
        self._draw_listener()
        if state is None:
            return
        for speaker in self.plan.speakers:
            self._draw_speaker(speaker)
        loud = dict(zip((leaf.id for leaf in state.leaves()), heard(state.leaves()), strict=True))
        discs = self.plan.discs()
        for disc in discs:
            self._draw_extent(disc, loud[disc.stem.id])
        taken = [self.plan.label_of(each) for each in self.plan.speakers]
        taken += [QRectF(d.at.x() - DISC, d.at.y() - DISC, 2 * DISC, 2 * DISC) for d in discs]
        centre = self.plan.centre
        taken.append(QRectF(centre.x() - 11.0, centre.y() - 13.0, 22.0, 22.0))  # the listener
        for disc in discs:
            self._draw_disc(disc, loud[disc.stem.id])
        for disc in reversed(discs):
            self._draw_name(disc, taken)

    def _draw_listener(self) -> None:
        centre = self.plan.centre
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(self.look.colour("faint"))
        self.painter.drawPolygon(
            QPolygonF([centre + QPointF(-4, -7), centre + QPointF(0, -13), centre + QPointF(4, -7)])
        )
        self.painter.drawEllipse(centre, 8, 8)
        for side in (-1, 1):
            self.painter.drawEllipse(centre + QPointF(side * 8.5, 1), 2, 3.5)

    def _draw_speaker(self, speaker: Speaker) -> None:
        state = self.plan.state
        assert state is not None
        small = QFont(self.font)
        small.setPointSizeF(0.82 * small.pointSizeF())
        small.setBold(True)
        self.painter.setFont(small)
        box = self.plan.label_of(speaker)
        if speaker.azimuth is None:
            sent = any(leaf.place.lfe_db is not None for leaf in state.leaves())
            self.painter.setPen(Qt.PenStyle.NoPen)
            self.painter.setBrush(self.look.colour("accent" if sent else "raised"))
            self.painter.drawRoundedRect(box, 4, 4)
            self.painter.setPen(self.look.colour("on_accent" if sent else "muted"))
            self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, speaker.name)
            return
        at = self.plan.point_of(speaker.azimuth, (self.plan.radius + SPEAKER) / self.plan.radius)
        self.painter.save()
        self.painter.translate(at)
        self.painter.rotate(speaker.azimuth)
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(self.look.colour("raised"))
        self.painter.drawRoundedRect(QRectF(-13, -9, 26, 18), 4, 4)
        self.painter.setBrush(self.look.colour("faint"))
        self.painter.drawRoundedRect(QRectF(-13, 7, 26, 3), 1.5, 1.5)  # its front, towards the listener
        self.painter.restore()
        self.painter.setPen(self.look.colour("text"))
        self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, speaker.name)

    def _draw_extent(self, disc: Disc, loud: bool) -> None:
        """How far a stem reaches, its way, and where a fold-safe room lets it be heard from."""
        state, place = self.plan.state, disc.stem.place
        assert state is not None
        colour = self.look.ink(disc.stem.colour)
        target = disc.stem.id == self.plan.target
        own = self.plan.own_point(disc)
        move = place.move
        azimuth = move.azimuth if disc.arrival and move else place.azimuth
        distance = move.distance if disc.arrival and move else place.distance
        colour.setAlphaF((0.5 if target else 0.28) if loud else 0.12)
        if distance < 1.0 and not disc.arrival:
            soft = self.look.ink(disc.stem.colour)
            soft.setAlphaF(0.10 if loud else 0.04)
            self.painter.setPen(Qt.PenStyle.NoPen)
            self.painter.setBrush(soft)
            reach = DISC + (1.0 - distance) * (self.plan.radius - DISC)
            self.painter.drawEllipse(own, reach, reach)
        half = 0.5 * place.width * abs(math.cos(math.radians(azimuth)))
        reach = max(distance, 0.12) * self.plan.radius
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(colour, 5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        self.painter.setPen(pen)
        box = QRectF(self.plan.centre.x() - reach, self.plan.centre.y() - reach, 2 * reach, 2 * reach)
        self.painter.drawArc(box, round(16 * (90.0 - azimuth - half)), round(16 * 2 * half))
        self.painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
        if disc.arrival:
            self.painter.drawLine(self.plan.point_of(place.azimuth, place.distance), own)
        elif move is not None and self.seconds is not None:
            now, near = way(place, np.array([self.seconds]))
            self.painter.setPen(Qt.PenStyle.NoPen)
            self.painter.setBrush(self.look.ink(disc.stem.colour))
            self.painter.drawEllipse(self.plan.point_of(float(now[0]), float(near[0])), 5, 5)
        if state.room.fold_safe and target and not disc.arrival:
            gains = stem_matrix(LAYOUTS[state.room.layout], place, fold_safe=True)
            place_heard = heard_from(LAYOUTS[state.room.layout], gains)
            ring = self.plan.point_of(
                math.degrees(math.atan2(place_heard.imag, place_heard.real)), abs(place_heard)
            )
            self.painter.setBrush(Qt.BrushStyle.NoBrush)
            self.painter.setPen(QPen(self.look.ink(disc.stem.colour), 1.2, Qt.PenStyle.DotLine))
            self.painter.drawLine(own, ring)
            self.painter.setPen(QPen(self.look.ink(disc.stem.colour), 2))
            self.painter.drawEllipse(ring, 6, 6)

    def _draw_disc(self, disc: Disc, loud: bool) -> None:
        colour = self.look.ink(disc.stem.colour)
        own = self.plan.own_point(disc)
        if (own - disc.at).manhattanLength() > 1:
            self.painter.setPen(QPen(self.look.colour("faint"), 1))
            self.painter.drawLine(own, disc.at)
        target = disc.stem.id == self.plan.target
        if target:
            self.painter.setPen(QPen(self.look.colour("text"), 2))
            self.painter.setBrush(Qt.BrushStyle.NoBrush)
            self.painter.drawEllipse(disc.at, DISC + 2.5, DISC + 2.5)
        self.painter.setPen(QPen(colour, 2))
        fill = colour if loud and not disc.arrival else self.look.colour("card")
        self.painter.setBrush(fill)
        self.painter.drawEllipse(disc.at, DISC - 1, DISC - 1)
        bold = QFont(self.font)
        bold.setBold(True)
        self.painter.setFont(bold)
        words = self.look.colour("panel" if loud and not disc.arrival else "muted")
        self.painter.setPen(words)
        text = "→" if disc.arrival else str(disc.number)
        self.painter.drawText(
            QRectF(disc.at.x() - DISC, disc.at.y() - DISC, 2 * DISC, 2 * DISC),
            Qt.AlignmentFlag.AlignCenter,
            text,
        )

    def _draw_name(self, disc: Disc, taken: list[QRectF]) -> None:
        """The stem's name under its disc, or above, or a line farther away, where there is room for it."""
        if disc.arrival:
            return
        small = QFont(self.font)
        small.setPointSizeF(0.9 * small.pointSizeF())
        self.painter.setFont(small)
        metrics = self.painter.fontMetrics()
        name = metrics.elidedText(disc.stem.name, Qt.TextElideMode.ElideRight, 90)
        width, height = metrics.horizontalAdvance(name) + 4.0, metrics.height()
        left = min(max(2.0, disc.at.x() - width / 2.0), self.plan.width - width - 2.0)
        under, above = disc.at.y() + DISC + 3.0, disc.at.y() - DISC - 3.0 - height
        for top in (under, above, under + height, above - height):
            box = QRectF(left, top, width, height)
            if not any(box.intersects(other) for other in taken):
                taken.append(box)
                self.painter.setPen(self.look.ink(disc.stem.colour))
                self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
                return
