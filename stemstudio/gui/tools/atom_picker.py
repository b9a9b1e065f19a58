"""Atom picker: which atoms make the sound at this place?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import Qt

from stemstudio.gui.document import Document
from stemstudio.gui.tools.tool import Gesture, Tool
from stemstudio.project.showing import part_masks

NO_ATOMS = "There are no atoms yet: run “By hand, from atoms” in Separate."
SHOWN = 8


class AtomPicker(Tool):
    """Click a place; its atoms are ranked by their share there."""

    name, word, key = "atom", "atom", "A"
    title = "Atom picker"
    tip = "Click a sound to select the atom that makes most of it; right-click lists the others. Shift adds to what is selected."
    cursor = Qt.CursorShape.PointingHandCursor

    def press(self, gesture: Gesture) -> Iterator[None]:
        document = gesture.document
        ranked = atoms_at(document, gesture.seconds, gesture.hertz)
        if not ranked:
            document.said.emit(NO_ATOMS if document.atom_split is None else "No atom sounds here.")
            return
        if gesture.secondary:
            gesture.canvas.offer("Atoms here", [_choice(document, *pair) for pair in ranked[:SHOWN]])
            return
        atom, share = ranked[0]
        kept = tuple(other for other in document.atoms if other != atom) if gesture.shift else ()
        document.select_atoms((*kept, atom))
        document.said.emit(_words(document, atom, share))
        yield


def atoms_at(document: Document, seconds: float, hertz: float) -> list[tuple[int, float]]:
    """Atoms with their share of the light at a place, the largest first; those below 1 % are left out."""
    state, split = document.state, document.atom_split
    if state is None or split is None or split.estimates.grid is None:
        return []
    grid, rate = split.estimates.grid, state.mixture.sample_rate
    frame, number = round(seconds * rate / grid.hop), round(hertz * grid.fft / rate)
    if not (0 <= frame < grid.frames(state.mixture.length) and 0 <= number < grid.bins):
        return []
    groups = [[atom] for atom in range(len(split.owners))]
    masks = part_masks(state, split, groups, frame, frame + 1, grid)
    if masks is None:
        return []
    shares = masks[:, number, 0]
    order = np.argsort(-shares, kind="stable")
    return [(int(atom), float(shares[atom])) for atom in order if shares[atom] >= 0.01]


def _words(document: Document, atom: int, share: float) -> str:
    split, state = document.atom_split, document.state
    assert split is not None
    assert state is not None
    owner = state.stems[split.owners[atom]].name
    return f"{split.estimates.names[atom]} · {share * 100:.0f} % here · {owner}"


def _choice(document: Document, atom: int, share: float) -> tuple[str, str, Callable[[], None]]:
    split, state = document.atom_split, document.state
    assert split is not None
    assert state is not None
    colour = state.stems[split.owners[atom]].colour
    return _words(document, atom, share), colour, lambda: document.select_atoms((atom,))
