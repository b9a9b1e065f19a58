"""The view as a project keeps it: what is on screen, selected and chosen; not an edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stemstudio.gui.document import Document
from stemstudio.gui.look import Look
from stemstudio.gui.player import Player
from stemstudio.spectral.brushes import Selection


def record(document: Document, player: Player) -> dict[str, Any]:
    """The view as JSON data."""
    state, view = document.state, document.viewport
    assert state is not None
    return {
        "time": [view.start, view.stop],
        "frequency": [view.low, view.high],
        "axis": view.axis,
        "look": document.look.model_dump(),
        "target": document.target,
        "atoms_of": document.atoms_of,
        "hint_strength": document.hints.strength,
        "selection": document.selection.model_dump(),
        "playhead": player.position / state.mixture.sample_rate,
    }


def restore(document: Document, player: Player, view: Mapping[str, Any]) -> None:
    """Bring a view back; a project is a stranger's data, so what does not fit is left as it is."""
    state, viewport = document.state, document.viewport
    assert state is not None
    try:
        document.set_look(**Look.model_validate(view.get("look", {})).model_dump())
        document.set_selection(Selection.model_validate(view.get("selection", {})))
        if view.get("axis") in ("log", "mel", "linear"):
            viewport.set_axis(view["axis"])
        start, stop = (float(value) for value in view.get("time", (viewport.start, viewport.stop)))
        low, high = (float(value) for value in view.get("frequency", (viewport.low, viewport.high)))
        if start < stop and low < high:
            viewport.set_time(start, stop)
            viewport.set_frequency(low, high)
        target, atoms_of = view.get("target"), view.get("atoms_of")
        if target in [leaf.id for leaf in state.leaves()]:
            document.set_target(target)
        if isinstance(atoms_of, int) and atoms_of in state.splits and state.splits[atoms_of].estimates.atoms:
            document.show_atoms_of(atoms_of)
        document.hints.set_strength(float(view.get("hint_strength", document.hints.strength)))
        playhead = float(view.get("playhead", 0.0))
        player.seek(min(max(0, int(playhead * state.mixture.sample_rate)), state.mixture.length))
    except (ValueError, TypeError, OverflowError):
        document.said.emit("The view could not be brought back; the project itself is whole.")
