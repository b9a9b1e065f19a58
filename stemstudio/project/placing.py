"""Edits of the room: stems put in places, other loudspeakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stemstudio.project.edit import Edit
from stemstudio.project.project import Change, State
from stemstudio.project.room import Place, Room


def put_in_places(state: State, places: Mapping[int, Place], name: str, *, merge: str = "") -> Edit | None:
    """Put stems in other places; None when all of them are there already.

    With the same `merge` key, such as while the mouse drags, steps become one.
    """
    moved = {
        stem: replace(state.stems[stem], place=place)
        for stem, place in places.items()
        if state.stems[stem].place != place
    }
    if not moved:
        return None
    return Edit(name, {"stems": moved}, Change(frozenset({"room"}), frozenset(moved)), merge)


def set_place(state: State, stem: int, name: str, /, **fields: Any) -> Edit | None:
    """Change fields of a stem's place, checked; the same fields of the same stem merge with the step before."""
    place = Place.model_validate({**dict(state.stems[stem].place), **fields})
    merge = f"{stem}.place.{'.'.join(sorted(fields))}"
    return put_in_places(state, {stem: place}, name, merge=merge)


def set_room(state: State, name: str, /, **fields: Any) -> Edit | None:
    """Change the loudspeakers, or what holds for all stems; None when nothing would change."""
    room = Room.model_validate({**dict(state.room), **fields})
    if room == state.room:
        return None
    return Edit(name, {"room": {0: room}}, Change(frozenset({"room"})))
