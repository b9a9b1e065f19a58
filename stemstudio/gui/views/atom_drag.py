"""Atoms on the move: what a drag of atoms carries, and how they are given to a stem."""

from __future__ import annotations

import json
from collections.abc import Sequence

from PySide6.QtCore import QMimeData

from stemstudio.gui.document import Document
from stemstudio.project import edits
from stemstudio.project.project import State

MIME = "application/x-stemstudio-atoms"


def packed(parent: int, atoms: Sequence[int]) -> QMimeData:
    """What a drag of atoms of the split of stem `parent` carries."""
    mime = QMimeData()
    mime.setData(MIME, json.dumps({"split": parent, "atoms": list(atoms)}).encode())
    return mime


def unpacked(mime: QMimeData, state: State | None) -> tuple[int, tuple[int, ...]] | None:
    """The split and the atoms of a drag; None where it carries none of this project's."""
    if state is None or not mime.hasFormat(MIME):
        return None
    record = json.loads(bytes(mime.data(MIME).data()))
    parent, atoms = record["split"], tuple(record["atoms"])
    if parent not in state.splits or any(atom >= len(state.splits[parent].owners) for atom in atoms):
        return None
    return parent, atoms


def receiver(state: State, parent: int, stem: int) -> int | None:
    """The child of split `parent` that a stem is, or lies below; None where it lies elsewhere."""
    return next((number for number in state.path(stem) if state.stems[number].parent == parent), None)


def give(document: Document, parent: int, atoms: Sequence[int], stem: int) -> bool:
    """Give atoms to a child of their split, as one named step; locked ones stay. False where nothing moved."""
    state = document.state
    if state is None or parent not in state.splits:
        return False
    split = state.splits[parent]
    moving = [atom for atom in atoms if atom not in split.locked and split.owners[atom] != stem]
    stay = len([atom for atom in atoms if atom in split.locked])
    if stay:
        document.said.emit(
            "1 locked atom stays where it is." if stay == 1 else f"{stay} locked atoms stay where they are."
        )
    if not moving:
        return False
    return document.do(
        edits.assign(state, parent, dict.fromkeys(moving, stem), _step_name(state, moving, stem))
    )


def give_to_new(document: Document, parent: int, atoms: Sequence[int]) -> bool:
    """Give atoms to a stem that is made for them, as one named step."""
    state, project = document.state, document.project
    if state is None or project is None or parent not in state.splits:
        return False
    moving = [atom for atom in atoms if atom not in state.splits[parent].locked]
    if not moving:
        return False
    added, stem = edits.add_stem(project, parent, "stem")
    given = edits.assign(state, parent, dict.fromkeys(moving, stem), "")
    if given is None:
        return False
    word = f"Give {_atoms(moving)} to a new stem"
    return document.do(edits.together(word, [added, given]))


def _step_name(state: State, atoms: Sequence[int], stem: int) -> str:
    return f"Give {_atoms(atoms)} to {state.stems[stem].name}"


def _atoms(atoms: Sequence[int]) -> str:
    return f"atom {atoms[0] + 1}" if len(atoms) == 1 else f"{len(atoms)} atoms"
