"""History: do, undo, redo, jump; the saved mark; a budget of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stemstudio.project.edit import Edit
from stemstudio.project.project import Project

BUDGET = 512 * 2**20


@dataclass(frozen=True)
class Step:
    """What just happened to the history.

    Attributes
    ----------
    kind
        "done": a new edit was done, and those undone before are forgotten; "merged": it became one with the last
        one; "undone" and "redone".
    edit
        The edit as it stands now.
    merged_from
        The edit that it took the place of, when it was merged.
    """

    kind: Literal["done", "merged", "undone", "redone"]
    edit: Edit
    merged_from: Edit | None = None


@dataclass(frozen=True)
class Place:
    """A point of the history that can be found again."""

    after: Edit | None
    forgotten: int


class History:
    """The edits of a project in order, and where in them it stands.

    Attributes
    ----------
    edits
        Done ones first, then those undone.
    place
        Number of edits that are done.
    busy
        Whether a step is being taken just now.
    """

    def __init__(self, project: Project, budget: int = BUDGET) -> None:
        self.project = project
        self.edits: list[Edit] = []
        self.place = 0
        self._budget = budget
        self.busy = False
        self._saved: int | None = 0
        self._joinable = False
        self._forgotten = 0
        self._listeners: list[Callable[[Step], None]] = []

    def listen(self, listener: Callable[[Step], None]) -> Callable[[], None]:
        """Call `listener(step)` after every step; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def names(self) -> list[str]:
        return [edit.name for edit in self.edits]

    @property
    def saved(self) -> bool:
        """Whether the project stands where it was last saved."""
        return self._saved == self.place

    @property
    def saved_place(self) -> int | None:
        """Number of edits that were done when it was last saved; None when that place is gone."""
        return self._saved

    def here(self) -> Place:
        """Where it stands (what follows will be a step of its own), for `mark_saved` when a save that began here has ended."""
        self._joinable = False
        return Place(self.edits[self.place - 1] if self.place else None, self._forgotten)

    def mark_saved(self, place: Place | None = None) -> None:
        """What is on disk is how things are now, or how they were at `place`."""
        self._joinable = False
        if place is None:
            self._saved = self.place
        elif place.after is None:
            self._saved = 0 if place.forgotten == self._forgotten else None
        else:
            self._saved = next((n for n, edit in enumerate(self.edits, 1) if edit is place.after), None)

    def mark_unsaved(self) -> None:
        """Forget where it was saved: a recovered session differs from its file."""
        self._saved = None

    def do(self, edit: Edit) -> None:
        """Do an edit; what was undone before is forgotten."""
        self._run(edit.do)
        if self._saved is not None and self._saved > self.place:
            self._saved = None
        joins = (
            self._joinable and edit.merge and self.place and self.edits[self.place - 1].merge == edit.merge
        )
        del self.edits[self.place :]
        if joins and self._saved != self.place:
            step = Step("merged", self.edits[-1].followed_by(edit), self.edits[-1])
            self.edits[-1] = step.edit
        else:
            step = Step("done", edit)
            self.edits.append(edit)
            self.place += 1
        self._joinable = True
        self._forget_oldest()
        self._tell(step)

    def settle(self) -> None:
        """End a series of merging edits: the fader was let go."""
        self._joinable = False

    def undo(self) -> Edit | None:
        """Undo one step; the edit undone, or None."""
        if self.place == 0:
            return None
        edit = self.edits[self.place - 1]
        self._run(edit.undo)
        self.place -= 1
        self._joinable = False
        self._tell(Step("undone", edit))
        return edit

    def redo(self) -> Edit | None:
        """Redo one step; the edit redone, or None."""
        if self.place == len(self.edits):
            return None
        edit = self.edits[self.place]
        self._run(edit.do)
        self.place += 1
        self._joinable = False
        self._tell(Step("redone", edit))
        return edit

    def jump(self, place: int) -> None:
        """Undo or redo until `place` edits are done; those who look at the project hear of it once."""
        with self.project.at_once():
            while self.place > max(0, place):
                self.undo()
            while self.place < min(place, len(self.edits)):
                self.redo()

    def _run(self, action: Callable[[Project], None]) -> None:
        self.busy = True
        try:
            action(self.project)
        finally:
            self.busy = False

    def _tell(self, step: Step) -> None:
        for listener in tuple(self._listeners):
            listener(step)

    def _forget_oldest(self) -> None:
        total = 0
        for index in range(len(self.edits) - 1, -1, -1):
            total += self.edits[index].nbytes
            if total > self._budget and index < self.place - 1:
                del self.edits[: index + 1]
                self.place -= index + 1
                self._forgotten += index + 1
                self._saved = None if self._saved is None else self._saved - index - 1
                if self._saved is not None and self._saved < 0:
                    self._saved = None
                return
