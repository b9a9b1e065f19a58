"""History: do, undo, redo, jump; the saved mark; a budget of bytes."""

from __future__ import annotations

from stemstudio.project.edits import Edit
from stemstudio.project.project import Project

BUDGET = 512 * 2**20


class History:
    """The edits of a project in order, and where in them it stands.

    Attributes
    ----------
    edits
        Done ones first, then those undone.
    place
        Number of edits that are done.
    """

    def __init__(self, project: Project, budget: int = BUDGET) -> None:
        self.project = project
        self.edits: list[Edit] = []
        self.place = 0
        self._budget = budget
        self._saved: int | None = 0
        self._joinable = False

    @property
    def names(self) -> list[str]:
        return [edit.name for edit in self.edits]

    @property
    def saved(self) -> bool:
        """Whether the project stands where it was last saved."""
        return self._saved == self.place

    def mark_saved(self) -> None:
        self._saved = self.place
        self._joinable = False

    def mark_unsaved(self) -> None:
        """Forget where it was saved: a recovered session differs from its file."""
        self._saved = None

    def do(self, edit: Edit) -> None:
        """Do an edit; what was undone before is forgotten."""
        edit.do(self.project)
        if self._saved is not None and self._saved > self.place:
            self._saved = None
        joins = self._joinable and edit.merge and self.place and self.edits[self.place - 1].merge == edit.merge
        del self.edits[self.place :]
        if joins and self._saved != self.place:
            self.edits[-1] = self.edits[-1].followed_by(edit)
        else:
            self.edits.append(edit)
            self.place += 1
        self._joinable = True
        self._forget_oldest()

    def settle(self) -> None:
        """End a series of merging edits: the fader was let go."""
        self._joinable = False

    def undo(self) -> Edit | None:
        """Undo one step; the edit undone, or None."""
        if self.place == 0:
            return None
        self.place -= 1
        self._joinable = False
        self.edits[self.place].undo(self.project)
        return self.edits[self.place]

    def redo(self) -> Edit | None:
        """Redo one step; the edit redone, or None."""
        if self.place == len(self.edits):
            return None
        self.edits[self.place].do(self.project)
        self.place += 1
        self._joinable = False
        return self.edits[self.place - 1]

    def jump(self, place: int) -> None:
        """Undo or redo until `place` edits are done."""
        while self.place > max(0, place):
            self.undo()
        while self.place < min(place, len(self.edits)):
            self.redo()

    def _forget_oldest(self) -> None:
        total = 0
        for index in range(len(self.edits) - 1, -1, -1):
            total += self.edits[index].nbytes
            if total > self._budget and index < self.place - 1:
                del self.edits[: index + 1]
                self.place -= index + 1
                self._saved = None if self._saved is None else self._saved - index - 1
                if self._saved is not None and self._saved < 0:
                    self._saved = None
                return
