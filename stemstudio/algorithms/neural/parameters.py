"""Parameters: what several neural recipes let one choose, declared once."""

from __future__ import annotations

from typing import Any, Literal

from stemstudio.algorithms.algorithm import parameter

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

LOADING = "loading the network"
"""What is said meanwhile: torch, a card's driver and the weights take seconds, and none of them can be stopped midway."""
RESAMPLING = "resampling the song"
GETTING_READY = (LOADING, RESAMPLING)
"""What is said before a network computes: how long that takes says nothing of how long the rest will."""


def device_parameter() -> Any:
    """The field of a recipe for what computes."""
    return parameter("auto", "What computes: a graphics card if there is one (auto), or as named")


def precision_parameter() -> Any:
    """The field of a recipe for how exactly it computes."""
    return parameter(
        "full",
        "Full is exact; half is faster where the processor or the card is made for it, and differs from full by less than "
        "the ear can tell (−40 dB or better)",
        advanced=True,
    )


def seed_parameter() -> Any:
    """The field of a recipe for the chances of its shifts."""
    return parameter(
        0, "Which shifts: the same number gives the same stems again", ge=0, le=2**31 - 1, advanced=True
    )


def places_parameter() -> Any:
    """The field of a recipe for the rounds of the filter that goes by places, as `placed` takes them."""
    return parameter(
        0,
        "How often a filter looks for the stems' places between the loudspeakers, to tell them apart by those as well: "
        "0 leaves them as the network gives them",
        unit="rounds",
        ge=0,
        le=10,
        advanced=True,
    )
