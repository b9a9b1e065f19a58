"""Places of single stems in the words of options, as in --place vocals=-30."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stemstudio.cli.values import as_number, checked, halves, leaf_named
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.project.project import Project

PLACE, MOVE = "vocals=-30,0.8,40", "vocals=90,1,10-14"
SHARES = {"divergence": "vocals=0.5", "ambience": "vocals=1"}


@dataclass(frozen=True)
class Wish:
    """Fields of a stem's place, checked before it is known whether there is such a stem."""

    stem: str
    fields: dict[str, Any]


def places_wished(given: Iterable[str]) -> list[Wish]:
    """STEM=ANGLE[,DISTANCE[,WIDTH]]."""
    wishes = []
    for words in given:
        stem, value = halves(words, "=", PLACE)
        numbers = [as_number(part) for part in value.split(",")]
        if len(numbers) > 3:
            raise StemStudioError(f"“{words}” has more than three numbers.", f"Say it as in {PLACE}.")
        wishes.append(_wish(stem, dict(zip(("azimuth", "distance", "width"), numbers, strict=False))))
    return wishes


def moves_wished(given: Iterable[str]) -> list[Wish]:
    """STEM=ANGLE[,DISTANCE],FROM-TO."""
    from stemstudio.project.room import Move

    wishes = []
    for words in given:
        stem, value = halves(words, "=", MOVE)
        place, times = halves(value, ",", MOVE, last=True)
        start, stop = (as_number(part) for part in halves(times, "-", MOVE))
        numbers = [as_number(part) for part in place.split(",")]
        if len(numbers) > 2:
            raise StemStudioError(
                f"“{words}” has more than two numbers and the times.", f"Say it as in {MOVE}."
            )
        if not 0 <= start < stop:
            raise StemStudioError(f"Nothing lies between {start:g} s and {stop:g} s.")
        to = dict(zip(("azimuth", "distance"), numbers, strict=False))
        wishes.append(_wish(stem, {"move": checked(Move, {**to, "start": start, "stop": stop})}))
    return wishes


def shares_wished(field: str, given: Iterable[str]) -> list[Wish]:
    """STEM=SHARE."""
    said = [halves(words, "=", SHARES[field]) for words in given]
    return [_wish(stem, {field: as_number(value)}) for stem, value in said]


def lows_wished(given: Iterable[str]) -> list[Wish]:
    """STEM=DB or STEM=off."""
    said = [halves(words, "=", "vocals=off") for words in given]
    return [
        _wish(stem, {"lfe_db": None if value.lower() == "off" else as_number(value.removesuffix("dB"))})
        for stem, value in said
    ]


def put_as_wished(project: Project, wishes: Iterable[Wish]) -> None:
    """Do them; StemStudioError where there is no such stem."""
    from stemstudio.project.placing import set_place

    for wish in wishes:
        stem = leaf_named(project.state, wish.stem)
        edit = set_place(project.state, stem.id, f"Place of {stem.name}", **wish.fields)
        if edit is not None:
            edit.do(project)


def _wish(stem: str, fields: dict[str, Any]) -> Wish:
    from stemstudio.project.room import Place

    checked(Place, fields)
    return Wish(stem, fields)
