"""Snapshots of the mixer: settings of all strips under letters, to go to and fro between."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from stemstudio.project.effects import Effects, Equaliser, Settings
from stemstudio.project.stem import FLAT, STRIP, Stem

LETTERS = "ABCDEFGH"
OFFERED = "ABCD"  # for mixers that begin now
FURTHEST = 1e7  # seconds

Gain = Annotated[float, Field(ge=-1000, le=100)] | None
Second = Annotated[float, Field(ge=0, le=FURTHEST)]
_LEVELS = ("gain_db", "reverb_db", "delay_db")


class StripRecord(Settings):
    """A strip as it lies in the project; a level of None is silence (−∞ dB)."""

    gain_db: Gain
    pan: Annotated[float, Field(ge=-1, le=1)]
    mute: bool
    solo: bool
    width: Annotated[float, Field(ge=0, le=2)] = 1.0
    flip: bool = False
    solo_safe: bool = False
    equaliser: Equaliser = FLAT
    reverb_db: Gain = None
    delay_db: Gain = None
    mutes: Annotated[tuple[tuple[Second, Second], ...], Field(max_length=10_000)] = ()
    envelope: Annotated[
        tuple[tuple[Second, Annotated[float, Field(ge=0, le=100)]], ...], Field(max_length=10_000)
    ] = ()

    @classmethod
    def of_strip(cls, stem: Stem) -> StripRecord:
        """The strip of a stem."""
        return cls(**strip_values(stem))

    def fields(self) -> dict[str, Any]:
        """Fields of a stem."""
        values = {name: getattr(self, name) for name in STRIP}
        return {
            name: -math.inf if name in _LEVELS and value is None else value for name, value in values.items()
        }


def strip_values(stem: Stem) -> dict[str, Any]:
    """The fields of a strip as records have them."""
    values: dict[str, Any] = {name: getattr(stem, name) for name in STRIP}
    for name in _LEVELS:
        values[name] = None if values[name] < -1000 else float(values[name])
    for name in ("pan", "width"):
        values[name] = float(values[name])
    for name in ("mute", "solo", "flip", "solo_safe"):
        values[name] = bool(values[name])
    return values


class Snapshot(Settings):
    """The mixer under a letter: strips by the id of their stem, and the effects."""

    letter: Annotated[str, Field(pattern=f"^[{LETTERS}]$")]
    strips: Annotated[tuple[tuple[int, StripRecord], ...], Field(max_length=2000)]
    effects: Effects


class Snapshots(Settings):
    """Snapshots that are kept, and the letter that the present mixer goes by."""

    current: Annotated[str, Field(pattern=f"^[{LETTERS}]$")] = "A"
    kept: Annotated[tuple[Snapshot, ...], Field(max_length=len(LETTERS))] = ()

    def of(self, letter: str) -> Snapshot | None:
        """The snapshot under a letter."""
        return next((each for each in self.kept if each.letter == letter), None)

    def having(self, snapshot: Snapshot) -> Snapshots:
        """With one more snapshot, or another one under its letter."""
        others = [each for each in self.kept if each.letter != snapshot.letter]
        return Snapshots(
            current=self.current, kept=tuple(sorted([*others, snapshot], key=lambda each: each.letter))
        )
