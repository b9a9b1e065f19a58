"""Painting: strokes and selections become edits here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stemstudio.gui.document import UNFINISHED, Document
from stemstudio.project import edits
from stemstudio.project.edit import Edit
from stemstudio.project.hints import harden
from stemstudio.project.project import PaintStroke, State
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import SelectionFill, patch_of
from stemstudio.spectral.combs import LOBE, CombStroke
from stemstudio.spectral.strokes import AnyStroke

AT_ONCE = 1_000_000  # bins × frames that are painted without leaving the GUI thread
NO_MELODY = "There is no melody yet: draw one with the harmonics tool (K), or let it be found."
NO_STEMS = "There are no stems to paint into yet: press Run in Separate, or add an empty stem with Ctrl+T."


def may_paint(document: Document) -> bool:
    """Whether there is a stem to paint into; says what to do where there is none."""
    if document.state is None:
        return False
    if document.target == MIXTURE or document.target in document.state.splits:
        document.said.emit(NO_STEMS)
        return False
    if document.provisional is not None and document.target in document.provisional.stems:
        document.said.emit(UNFINISHED)
        return False
    return True


def lay(
    document: Document,
    stroke: AnyStroke,
    name: str,
    *,
    erase: bool = False,
    hint: bool = False,
) -> None:
    """Make a stroke an edit of the target stem; a large one is worked out in the background."""
    state, project = document.state, document.project
    assert state is not None
    assert project is not None
    number = project.new_id()
    painted = PaintStroke(document.target, erase, stroke, "hint" if hint else "hard")
    patch = patch_of(stroke.box, state.grid, state.mixture.sample_rate, state.frames)
    if patch.shape[0] * patch.shape[1] <= AT_ONCE:
        _do(document, edits.paint(state, number, painted, name), painted)
        return

    def work(_progress: object) -> tuple[State, Any]:
        return state, edits.paint(state, number, painted, name)

    def done(result: tuple[State, Any]) -> None:
        seen, edit = result
        if document.state is seen:
            _do(document, edit, painted)
        elif document.project is project and painted.stem in project.state.stems:
            _do(document, edits.paint(project.state, number, painted, name), painted)

    document.jobs.run(name, work, done, heavy=False)


def give_selection(document: Document, strength: float = 1.0, *, hint: bool = False) -> bool:
    """Give the light inside the selection to the target stem, or hint that it is its; False where that is not possible."""
    if document.selection.bounds is None:
        document.said.emit("Nothing is selected; drag with T, F or R to select.")
        return False
    if not may_paint(document):
        return False
    assert document.state is not None
    stem = document.state.stems[document.target].name
    fill = SelectionFill(selection=document.selection, strength=strength)
    lay(document, fill, f"Hint {stem} in selection" if hint else f"Give selection to {stem}", hint=hint)
    return True


def paint_hard(document: Document, numbers: Sequence[int]) -> None:
    """Turn hints into hard paint; worked out in the background, as they may be many and large."""
    state, project = document.state, document.project
    if state is None or project is None or not numbers:
        return
    renumbered = {number: project.new_id() for number in numbers}

    def work(_progress: object) -> tuple[State, Any]:
        return state, harden(state, renumbered)

    def done(result: tuple[State, Any]) -> None:
        seen, edit = result
        if document.project is project:
            document.do(edit if document.state is seen else harden(project.state, renumbered))

    document.jobs.run("Painting hints hard", work, done, heavy=False)


def paint_melody(
    document: Document, width: float, partials: int, strength: float, *, hint: bool = False
) -> bool:
    """Give the melody's overtones to the target stem, as one stroke; False where that is not possible.

    A selection limits it, as it limits the brush.
    """
    state = document.state
    if state is None or not state.melody:
        document.said.emit(NO_MELODY)
        return False
    if not may_paint(document):
        return False
    stroke = CombStroke(
        points=state.melody.points,
        width=width,
        partials=partials,
        lobe=LOBE * state.mixture.sample_rate / state.grid.fft,
        strength=strength,
        within=document.selection,
    )
    word = "Hint the melody to" if hint else "Paint the melody to"
    lay(document, stroke, f"{word} {state.stems[document.target].name}", hint=hint)
    return True


def _do(document: Document, edit: Edit | None, stroke: PaintStroke) -> None:
    state = document.state
    assert state is not None
    if edit is None or (stroke.erase and _erases_nothing(document, edit, stroke)):
        document.said.emit(
            "There is no paint here to erase." if stroke.erase else "The stroke touched nothing."
        )
        return
    document.do(edit)


def _erases_nothing(document: Document, edit: Edit, stroke: PaintStroke) -> bool:
    state = document.state
    assert state is not None
    patch = patch_of(stroke.stroke.box, state.grid, state.mixture.sample_rate, state.frames)
    same = all(mask == state.paint.get(stem) for stem, mask in edit.rows["paint"].items())
    return same and not document.hints.touch(patch)
