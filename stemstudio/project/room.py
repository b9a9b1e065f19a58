"""The room that stems are spread in: where each is, and which loudspeakers stand there. Rows of a project."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LayoutName = Literal["mono", "stereo", "quad", "5.0", "5.1", "5.1-side", "7.1"]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=1e6)]
SOFTEST_LFE, LOUDEST_LFE, DEFAULT_LFE = -40.0, 10.0, 0.0  # dB


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Move(_Row):
    """Where a stem goes from its place: straight across the floor, between two times.

    Attributes
    ----------
    azimuth, distance
        Where it arrives, as in `Place`.
    start, stop
        Seconds of the song at which it leaves and arrives.
    """

    azimuth: Degrees
    distance: Share = 1.0
    start: Seconds = 0.0
    stop: Seconds

    @model_validator(mode="after")
    def _goes_forward(self) -> Move:
        if not self.start < self.stop:
            raise ValueError("a stem arrives before it leaves")
        return self


class Place(_Row):
    """Where a stem is in the room, seen from above by a listener in the middle.

    As it is by default, a stem sounds as in stereo, and its lows go to the low-frequency channel as well.

    Attributes
    ----------
    azimuth
        Degrees: 0 in front, 90 at the right, −90 at the left, ±180 behind.
    distance
        From the listener: 1 is on the circle of the loudspeakers, a point; 0 in the middle, all around.
    width
        Degrees between its left and its right side, seen from the listener.
    divergence
        How far the centre loudspeaker hands on to those beside it: 0 not at all, 1 all of it.
    lfe_db
        How loud it goes to the low-frequency channel, in dB; None keeps it out.
    ambience
        How much of its ambience goes to where ambience belongs, behind the listener.
    move
        Where it goes, if it moves.
    """

    azimuth: Degrees = 0.0
    distance: Share = 1.0
    width: Annotated[float, Field(ge=0, le=180)] = 60.0
    divergence: Share = 0.0
    lfe_db: Annotated[float, Field(ge=SOFTEST_LFE, le=LOUDEST_LFE)] | None = DEFAULT_LFE
    ambience: Share = 0.0
    move: Move | None = None

    @property
    def in_stereo(self) -> bool:
        """Whether it is where stereo has it, whatever goes to the low-frequency channel, which stereo has not."""
        return self.model_copy(update={"lfe_db": DEFAULT_LFE}) == Place()


class Room(_Row):
    """The loudspeakers, and what holds for all stems.

    Attributes
    ----------
    layout
        Which loudspeakers there are; see `stemstudio.mixing.layouts`.
    fold_safe
        Whether every stem is kept in what folds down to its stereo.
    crossover
        Up to which pitch the low-frequency channel plays, in Hz.
    """

    layout: LayoutName = "5.1"
    fold_safe: bool = False
    crossover: Annotated[float, Field(ge=80, le=120)] = 120.0
