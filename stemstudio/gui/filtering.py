"""Filtering: the stems of a network told apart once more, in the background; the answer is one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.progress import Progress
from stemstudio.project.filtering import as_atoms, by_places, filterable, filtered
from stemstudio.project.project import State
from stemstudio.project.stem import Split
from stemstudio.project.takes import Keep

NOT_THESE = (
    "Only stems that a network made can be told apart once more; choose one of them in the mixer. For all others the Masks "
    "panel has the Wiener filter."
)
CHANGED = "The stems were split anew in the meantime, so nothing was done to them."

Work = Callable[[State, int, Progress], Split]


class Filtering(QObject):
    """Works on the stems beside the target.

    Signals
    -------
    failed(error)
        A work ended with an error, to be shown.
    """

    failed = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._job: Job | None = None
        self.keep: Keep | None = None  # storage's, called on the worker

    def by_places(self) -> None:
        """One more round of the filter."""
        self._run("Tell stems apart by their places", by_places)

    def as_atoms(self) -> None:
        """Atoms learned from each stem."""

        def work(state: State, parent: int, progress: Progress) -> Split:
            model = getattr(state.splits[parent].recipe, "model", "")
            return as_atoms(state, parent, NMF(seeds=model), progress)

        self._run("Stems as atoms", work, atoms=True)

    def _run(self, title: str, work: Work, *, atoms: bool = False) -> None:
        document, keep = self._document, self.keep
        project = document.project
        state = None if project is None else project.state
        parent = None if state is None else state.stems[document.target].parent
        if state is None or project is None:
            return
        if parent is None or not filterable(state.splits.get(parent)) or document.provisional is not None:
            document.said.emit(NOT_THESE)
            return
        if self._job is not None or not document.complete:
            document.said.emit("That can be done in a moment: something else has to end first.")
            return
        before = state.splits[parent].estimates

        def worked(progress: Progress) -> Split:
            split = work(state, parent, progress.part(0.0, 0.97))
            if keep is not None:
                split = replace(split, estimates=keep(split.estimates, progress.part(0.97, 1.0)))
            progress(1.0, "Done")
            return split

        def done(split: Split) -> None:
            if document.project is not project:
                return
            now = project.state.splits.get(parent)
            if now is None or now.estimates is not before:
                document.said.emit(CHANGED)
                return
            document.do(filtered(project.state, parent, split, title))
            if atoms:
                document.show_atoms_of(parent)

        def stopped() -> None:
            if document.project is project:
                document.said.emit("Stopped; the stems are as they were.")

        def over() -> None:
            self._job = None

        self._job = document.jobs.run(
            f"{title} · {state.stems[parent].name}",
            worked,
            done,
            failed=self.failed.emit,
            stopped=stopped,
        )
        document.stop_with_song(self._job).ended.connect(over)
