"""Equaliser of a strip, and the reverb and delay that all strips share: settings within their bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Decibels = Annotated[float, Field(ge=-24.0, le=24.0)]
Level = Annotated[float, Field(ge=-60.0, le=12.0)]


class Settings(BaseModel):
    """Values that lie in the project as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Equaliser(Settings):
    """A low and a high cut of 12 dB an octave, two shelves and a bell; at first it changes nothing.

    Attributes
    ----------
    low_cut, high_cut
        Frequency in Hz below or above which everything is taken away; None for no cut.
    low, mid, high
        Gain of a band in dB.
    low_at, mid_at, high_at
        Its frequency in Hz.
    mid_width
        Quality factor of the bell: 0.3 is wide, 8 is narrow.
    """

    low_cut: Annotated[float, Field(ge=10.0, le=20_000.0)] | None = None
    low: Decibels = 0.0
    low_at: Annotated[float, Field(ge=20.0, le=2_000.0)] = 120.0
    mid: Decibels = 0.0
    mid_at: Annotated[float, Field(ge=50.0, le=16_000.0)] = 1000.0
    mid_width: Annotated[float, Field(ge=0.2, le=12.0)] = 0.9
    high: Decibels = 0.0
    high_at: Annotated[float, Field(ge=500.0, le=20_000.0)] = 6000.0
    high_cut: Annotated[float, Field(ge=20.0, le=22_000.0)] | None = None

    @property
    def flat(self) -> bool:
        """Whether nothing is changed."""
        return not (self.low or self.mid or self.high or self.low_cut or self.high_cut)


class Effects(Settings):
    """The one reverb and the one delay that strips send to.

    Attributes
    ----------
    reverb_seconds
        Time in which the reverb falls by 60 dB.
    reverb_damping
        How much darker it becomes as it falls, 0 to 1.
    reverb_before
        Milliseconds until it begins.
    delay_ms
        Time between repeats.
    delay_feedback
        How loud each repeat is beside the one before, as a factor.
    delay_damping
        How much darker each is, 0 to 1.
    reverb_level, delay_level
        What comes back, in dB.
    """

    reverb_seconds: Annotated[float, Field(ge=0.2, le=20.0)] = 1.8
    reverb_damping: Annotated[float, Field(ge=0.0, le=0.95)] = 0.3
    reverb_before: Annotated[float, Field(ge=0.0, le=250.0)] = 15.0
    reverb_level: Level = 0.0
    delay_ms: Annotated[float, Field(ge=5.0, le=2000.0)] = 350.0
    delay_feedback: Annotated[float, Field(ge=0.0, le=0.95)] = 0.35
    delay_damping: Annotated[float, Field(ge=0.0, le=0.95)] = 0.3
    delay_level: Level = 0.0
