"""FloorPlan: what of a room lies where on its floor, seen from above: pixels of places, and places of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

from stemstudio.mixing.layouts import LAYOUTS, Speaker
from stemstudio.project.project import State
from stemstudio.project.stem import Stem

DISC = 11.0  # pixels of radius
SPEAKER = 23.0  # pixels from the circle to the middle of a loudspeaker, clear of the discs on it
APART = 2.0 * DISC + 2.0  # of stems that are in the same place
SNAP = 3.0  # degrees from a loudspeaker within which a stem is drawn to it
EDGE = 0.93  # distance from which a stem is drawn onto the circle


@dataclass(frozen=True)
class Disc:
    """A stem as it is drawn: the stem, whether this is where it arrives, and the middle of its disc."""

    stem: Stem
    number: int
    arrival: bool
    at: QPointF


@dataclass(frozen=True)
class FloorPlan:
    """A room on a floor of so many pixels.

    Attributes
    ----------
    width, height
        In pixels.
    state
        The song whose room it is; None while there is none.
    target
        Id of the stem under work; it lies above all others.
    """

    width: int
    height: int
    state: State | None
    target: int

    @property
    def speakers(self) -> tuple[Speaker, ...]:
        """The loudspeakers of the room."""
        return () if self.state is None else LAYOUTS[self.state.room.layout].speakers

    @property
    def radius(self) -> float:
        """Of the circle on which the loudspeakers stand, in pixels."""
        return min(self.width, self.height) / 2.0 - SPEAKER - 12.0

    @property
    def centre(self) -> QPointF:
        """The pixel of the listener."""
        return QPointF(self.width / 2.0, self.height / 2.0)

    def point_of(self, azimuth: float, distance: float) -> QPointF:
        """The pixel of a place."""
        turn, reach = math.radians(azimuth), distance * self.radius
        return self.centre + QPointF(reach * math.sin(turn), -reach * math.cos(turn))

    def place_at(self, point: QPointF) -> tuple[float, float]:
        """Azimuth and distance of a pixel; near the circle and near a loudspeaker it is drawn to them."""
        x, y = (point - self.centre).x() / self.radius, (self.centre - point).y() / self.radius
        distance = math.hypot(x, y)
        azimuth = math.degrees(math.atan2(x, y)) if distance > 1e-6 else 0.0
        if distance > EDGE:
            distance = 1.0
            for speaker in self.speakers:
                if speaker.azimuth is not None and abs(azimuth - speaker.azimuth) < SNAP:
                    azimuth = speaker.azimuth
        return float(round(azimuth)), round(min(distance, 1.0), 2)

    def discs(self) -> list[Disc]:
        """All discs, the target's last; those in the same place stand side by side."""
        if self.state is None:
            return []
        found: list[tuple[Stem, int, bool, QPointF]] = []
        for number, leaf in enumerate(self.state.leaves(), 1):
            place = leaf.place
            found.append((leaf, number, False, self.point_of(place.azimuth, place.distance)))
            if place.move is not None:
                found.append((leaf, number, True, self.point_of(place.move.azimuth, place.move.distance)))
        discs = []
        for stem, number, arrival, at in found:
            together = [other for other in found if (other[3] - at).manhattanLength() < DISC]
            rank = [(other[0].id, other[2]) for other in together].index((stem.id, arrival))
            turn = math.radians(
                stem.place.move.azimuth if arrival and stem.place.move else stem.place.azimuth
            )
            along = (rank - (len(together) - 1) / 2.0) * APART
            discs.append(
                Disc(stem, number, arrival, at + QPointF(along * math.cos(turn), along * math.sin(turn)))
            )
        return sorted(discs, key=lambda disc: disc.stem.id == self.target)

    def disc_at(self, point: QPointF) -> Disc | None:
        """The disc under a pixel."""
        for disc in reversed(self.discs()):
            offset = disc.at - point
            if math.hypot(offset.x(), offset.y()) <= DISC + 2:
                return disc
        return None

    def own_point(self, disc: Disc) -> QPointF:
        """The pixel of a disc's own place; the disc may stand beside it."""
        place = disc.stem.place
        if disc.arrival and place.move is not None:
            return self.point_of(place.move.azimuth, place.move.distance)
        return self.point_of(place.azimuth, place.distance)

    def label_of(self, speaker: Speaker) -> QRectF:
        """Where a loudspeaker's name stands."""
        if speaker.azimuth is None:
            corner = self.centre + QPointF(self.radius - 12.0, self.radius - 2.0)
            return QRectF(min(corner.x(), self.width - 40.0), min(corner.y(), self.height - 24.0), 34.0, 18.0)
        at = self.point_of(speaker.azimuth, (self.radius + SPEAKER) / self.radius)
        return QRectF(at.x() - 16.0, at.y() - 10.0, 32.0, 18.0)
