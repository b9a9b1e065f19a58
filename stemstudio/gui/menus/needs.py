"""What commands need, and how much of it is there: the others are greyed out."""

from __future__ import annotations

from typing import Literal

from stemstudio.gui.document import Document
from stemstudio.gui.reworking import reworkable
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.project.filtering import filterable
from stemstudio.project.stem import MIXTURE

Needs = Literal[
    "",
    "song",
    "stems",
    "atoms",
    "an atom",
    "nmf",
    "chosen",
    "selection",
    "hints",
    "melody",
    "giving",
    "network",
    "beats",
    "job",
]
"""A song, its stems, atoms, some of them selected, atoms that can be worked on, some of these selected; a selection, hints, a
drawn melody, what the tool in the hand gives away, a target that a network made, beats; a job that runs."""


def needs_met(document: Document, tools: ToolBox) -> dict[Needs, bool]:
    """Which needs are met just now."""
    state, workable = document.state, reworkable(document.atom_split)
    there: dict[Needs, bool] = {
        "song": state is not None,
        "stems": state is not None and MIXTURE in state.splits,
        "atoms": document.atom_split is not None,
        "an atom": bool(document.atoms),
        "nmf": workable,
        "chosen": workable and bool(document.atoms),
        "selection": bool(document.selection) and state is not None,
        "network": _of_a_network(document),
        "hints": bool(document.hints.laid),
        "melody": state is not None and bool(state.melody),
        "beats": state is not None and bool(state.beats),
        "job": bool(document.jobs.queue),
    }
    there["giving"] = there["melody" if tools.tool.draws_melody else "selection"]
    return there


def _of_a_network(document: Document) -> bool:
    """Whether the target is a stem that a network made."""
    state = document.state
    parent = None if state is None else state.stems[document.target].parent
    return state is not None and parent is not None and filterable(state.splits.get(parent))
