"""Practice: how a song is played to play along: tempo, key, loop, metronome, count-in. Kept in the project, never exported."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

SLOWEST, FASTEST = 0.25, 2.0

Second = Annotated[float, Field(ge=0, le=1e7)]


class Practice(BaseModel):
    """How a song is played while one practises.

    Attributes
    ----------
    tempo
        1 is as recorded, 0.5 half as fast; the pitch stays.
    semitones
        How much higher.
    click
        Whether the metronome is heard.
    click_db
        Its level in dB.
    count_in
        Bars that are counted before play.
    pre_roll
        Bars before a loop at which play begins.
    snap
        Whether selections snap to beats.
    loop
        The seconds from and to which play repeats; None to play straight on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tempo: Annotated[float, Field(ge=SLOWEST, le=FASTEST)] = 1.0
    semitones: Annotated[int, Field(ge=-12, le=12)] = 0
    click: bool = False
    click_db: Annotated[float, Field(ge=-40, le=12)] = -6.0
    count_in: Annotated[int, Field(ge=0, le=4)] = 0
    pre_roll: Annotated[int, Field(ge=0, le=4)] = 0
    snap: bool = False
    loop: tuple[Second, Second] | None = None

    @model_validator(mode="after")
    def _loops_forward(self) -> Practice:
        if self.loop is not None and not self.loop[0] < self.loop[1]:
            raise ValueError("a loop ends after it begins")
        return self
