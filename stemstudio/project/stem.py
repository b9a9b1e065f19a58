"""Stem, and how a stem is split into further ones: frozen values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates, MaskEstimates
from stemstudio.algorithms.masking import Masking
from stemstudio.project.chances import Chances
from stemstudio.project.effects import Equaliser
from stemstudio.project.room import Place

MIXTURE = 0  # id of the root of the tree
STRIP = (
    "gain_db",
    "pan",
    "mute",
    "solo",
    "width",
    "flip",
    "solo_safe",
    "equaliser",
    "reverb_db",
    "delay_db",
    "mutes",
    "envelope",
)
"""Fields of a stem that are its strip in the mixer."""

FLAT = Equaliser()
RESIDUAL_COLOUR = "#868c9b"
COLOURS = ("#ff7a5c", "#ffc857", "#7b86ff", "#35d09a", "#e070d8", "#4cc3ff", "#c3d64f", "#ff9ab5", "#a98bff")


@dataclass(frozen=True)
class Stem:
    """A stem and its strip in the mixer.

    Attributes
    ----------
    id
        Never used again within a project; 0 is the mixture.
    name, colour
        As shown; colour is "#rrggbb".
    parent
        The stem this one was split from; None for the mixture.
    position
        Order among its siblings.
    gain_db, pan, mute, solo
        Gain in dB, pan from −1 (left) to 1 (right).
    place
        Where it is in the room, when the song is spread over more than two loudspeakers.
    width
        Of the stereo picture: 0 is mono, 1 as it is, 2 as wide as can be.
    flip
        Whether the phase is turned over.
    solo_safe
        Whether the stem goes on being heard when others have solo.
    equaliser
        What its filters do.
    reverb_db, delay_db
        What is sent to the shared reverb and delay, in dB behind fader and pan; minus infinity is nothing.
    mutes
        Stretches (start, stop) in seconds in which it is silent.
    envelope
        Points (second, factor) of a volume curve with straight lines between them; empty for none.
    """

    id: int
    name: str
    colour: str
    parent: int | None
    position: float = 0.0
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    place: Place = field(default_factory=Place)
    width: float = 1.0
    flip: bool = False
    solo_safe: bool = False
    equaliser: Equaliser = FLAT
    reverb_db: float = -math.inf
    delay_db: float = -math.inf
    mutes: tuple[tuple[float, float], ...] = ()
    envelope: tuple[tuple[float, float], ...] = ()


def in_common(stems: Iterable[Stem], otherwise: Stem) -> dict[str, Any]:
    """The strip, and the place in the room, that all of these stems have; what they do not agree on is `otherwise`'s.

    Stems that take over light from these begin with it, so that what is heard does not jump.
    """
    stems = tuple(stems)
    common: dict[str, Any] = {}
    for name in (*STRIP, "place"):
        first, *others = [getattr(stem, name) for stem in stems] or [getattr(otherwise, name)]
        common[name] = first if all(value == first for value in others) else getattr(otherwise, name)
    return common


@dataclass(frozen=True, eq=False)
class Split:
    """How a stem was taken apart.

    Attributes
    ----------
    recipe
        The algorithm with its parameters.
    estimates
        Its parts.
    owners
        For each part, the id of the child stem that has it.
    residual
        Id of the child that holds whatever is left over; parts may be given to it too.
    locked
        Parts that suggestions and keys must not move.
    learned
        Numbers of the hint strokes that its parts have been taught.
    own_masking
        How masks are made of the estimates, where somebody has said so; None as the algorithm left them.
    chances
        Whose each part probably is; None where nothing was suggested for these very estimates.
    """

    recipe: Algorithm
    estimates: Estimates
    owners: tuple[int, ...]
    residual: int
    locked: frozenset[int] = field(default_factory=frozenset)
    learned: frozenset[int] = field(default_factory=frozenset)
    own_masking: Masking | None = None
    chances: Chances | None = None

    def __post_init__(self) -> None:
        if len(self.owners) != len(self.estimates.names):
            raise ValueError(f"{len(self.owners)} owners do not fit {len(self.estimates.names)} parts")
        if self.chances is not None and self.chances.estimates is not self.estimates:
            object.__setattr__(self, "chances", None)  # other parts than those it was said of have come in

    @property
    def masking(self) -> Masking:
        """How masks are made of the estimates."""
        return self.own_masking or self.estimates.masking

    @property
    def masked(self) -> bool:
        """Whether masks are made of any of the estimates."""
        return any(isinstance(source, MaskEstimates) and source.names for source in self.estimates.within())

    def parts_of(self, stem: int) -> tuple[int, ...]:
        return tuple(part for part, owner in enumerate(self.owners) if owner == stem)

    def given(self, parts: dict[int, int]) -> Split:
        """This split with some parts given to other stems; locked parts stay where they are."""
        owners = tuple(
            owner if part in self.locked else parts.get(part, owner) for part, owner in enumerate(self.owners)
        )
        return replace(self, owners=owners)
