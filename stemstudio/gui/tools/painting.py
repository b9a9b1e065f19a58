"""Painting: strokes and selections become edits here."""

from __future__ import annotations

from typing import Any

from stemstudio.gui.document import Document
from stemstudio.project import edits
from stemstudio.project.project import PaintStroke, State
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import BrushStroke, SelectionFill, patch_of

AT_ONCE = 1_000_000  # bins × frames that are painted without leaving the GUI thread
NO_STEMS = "There are no stems to paint into yet: press Run in Separate, or add an empty stem with Ctrl+T."


def may_paint(document: Document) -> bool:
    """Whether there is a stem to paint into; says what to do where there is none."""
    if document.state is None:
        return False
    if document.target == MIXTURE or document.target in document.state.splits:
        document.said.emit(NO_STEMS)
        return False
    return True


def lay(document: Document, stroke: BrushStroke | SelectionFill, name: str, *, erase: bool = False) -> None:
    """Make a stroke an edit of the target stem; a large one is worked out in the background."""
    state, project = document.state, document.project
    assert state is not None
    assert project is not None
    number = project.new_id()
    painted = PaintStroke(document.target, erase, stroke)
    patch = patch_of(stroke.box, state.grid, state.mixture.sample_rate, state.frames)
    if patch.shape[0] * patch.shape[1] <= AT_ONCE:
        _do(document, edits.paint(state, number, painted, name), erase)
        return

    def work(_progress: object) -> tuple[State, Any]:
        return state, edits.paint(state, number, painted, name)

    def done(result: tuple[State, Any]) -> None:
        seen, edit = result
        if document.state is seen:
            _do(document, edit, erase)
        elif document.project is project and painted.stem in project.state.stems:
            _do(document, edits.paint(project.state, number, painted, name), erase)

    document.jobs.run(name, work, done, heavy=False)


def give_selection(document: Document, strength: float = 1.0) -> bool:
    """Give the light inside the selection to the target stem; False where that is not possible."""
    if document.selection.bounds is None:
        document.said.emit("Nothing is selected; drag with T, F or R to select.")
        return False
    if not may_paint(document):
        return False
    assert document.state is not None
    stem = document.state.stems[document.target].name
    fill = SelectionFill(selection=document.selection, strength=strength)
    lay(document, fill, f"Give selection to {stem}")
    return True


def _do(document: Document, edit: edits.Edit | None, erase: bool) -> None:
    state = document.state
    assert state is not None
    if edit is None or (
        erase and all(mask == state.paint.get(stem) for stem, mask in edit.rows["paint"].items())
    ):
        document.said.emit("There is no paint here to erase." if erase else "The stroke touched nothing.")
        return
    document.do(edit)
