"""Reworking: atoms that are there are improved, drawn anew, split, merged and deleted, as jobs that end in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.given import Part
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.parameters import counted
from stemstudio.errors import StemStudioError
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.progress import Progress
from stemstudio.project import reworking
from stemstudio.project.project import State
from stemstudio.project.reworking import NO_ATOMS, ReworkedSplit
from stemstudio.project.stem import Split
from stemstudio.project.takes import Keep

ROUNDS = 100  # that “Continue” adds, until it is told otherwise
CHANGED = "The atoms were changed in the meantime, so nothing was done to them."
DRAWN: dict[Part, str] = {
    "both": "{0}",
    "templates": "what {0} sound{1} like",
    "activations": "when {0} sound{1}",
}
NOT_SAVED = "Only atoms of a whole stem, found by Atoms (NMF), can be saved."

Work = Callable[[State, int, Progress], ReworkedSplit]


class Reworking(QObject):
    """Works on the atoms on display; the old ones stay until the new ones are there.

    Signals
    -------
    running_changed(running)
        A work was begun, or is over.
    failed(error)
        It ended with an error, to be shown.
    """

    running_changed = Signal(bool)
    failed = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._job: Job | None = None
        self.rounds = ROUNDS  # that “Continue” adds
        self.keep: Keep | None = None  # storage's, called on the worker before the edit is made

    @property
    def running(self) -> bool:
        return self._job is not None

    # what can be done

    def go_on(self, rounds: int | None = None) -> None:
        """Improve all atoms from where they are; by as many rounds as before, or another number from now on."""
        rounds = self.rounds = rounds or self.rounds

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.go_on(state, parent, rounds, progress)

        self._run("Continue", counted(rounds, "more rounds"), work, lambda _: None)

    def draw_others_anew(self) -> None:
        """Find all others anew: locked atoms stay, or the selected ones where none is locked."""
        split = self._document.atom_split
        if split is None:
            return
        kept = reworking.kept_atoms(split, self._document.atoms)
        others = reworking.drawn_anew(split, kept)
        if not others:
            self._document.said.emit("Lock or select the atoms that are to stay; all others are drawn anew.")
            return

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.draw_anew(state, parent, kept, progress)

        def told(_: ReworkedSplit) -> None:
            self._document.said.emit(
                f"{_atoms(others)} drawn anew, now in the residual; {_atoms(len(kept))} stayed."
            )

        self._run("Draw anew", f"Draw {_atoms(others)} anew", work, told)

    def draw_anew(self, part: Part = "both") -> None:
        """Find the selected atoms anew beside all others, or only what they sound like, or only when; locked ones stay."""
        split, atoms = self._document.atom_split, self._document.atoms
        if split is None or not atoms:
            return
        chosen = [atom for atom in atoms if atom not in split.locked]
        kept = [atom for atom in range(len(split.owners)) if atom not in chosen]
        if not chosen or not reworking.drawn_anew(split, kept):
            self._document.said.emit(
                "Locked atoms stay as they are."
                if not chosen
                else "Select some atoms, not all: those that are drawn anew find their place beside the others."
            )
            return

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.draw_anew(state, parent, kept, progress, part=part)

        what = DRAWN[part].format(_which(chosen), "s" if len(chosen) == 1 else "")
        self._run("Draw anew", f"Draw {what} anew", work, lambda _: self._document.select_atoms(atoms))

    def hold(self, part: Part, on: bool) -> None:
        """Keep what the selected atoms sound like, or when they sound, in whatever rounds come; or let it change."""
        atoms = self._document.atoms
        if not atoms:
            return

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.hold(state, parent, atoms, part, on, progress)

        what = DRAWN[part].format(_which(atoms), "s" if len(atoms) == 1 else "")
        name = f"Keep {what}" if on else f"Let {what} change"
        self._run("Keep atoms", name, work, lambda _: self._document.select_atoms(atoms), heavy=False)

    def split(self) -> None:
        """Take the selected atom apart into two."""
        atoms = self._document.atoms
        if len(atoms) != 1:
            self._document.said.emit("Select one atom to split it in two.")
            return
        atom = atoms[0]

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.split_atom(state, parent, atom, progress)

        def chosen(done: ReworkedSplit) -> None:
            halves = [part for part, origin in enumerate(done.origins) if origin == atom]
            self._document.select_atoms(halves)
            both = " and ".join(str(half + 1) for half in halves)
            self._document.said.emit(f"Atom {atom + 1} became atoms {both}.")

        self._run("Split atom", f"Split atom {atom + 1} in two", work, chosen)

    def merge(self) -> None:
        """Make the selected atoms one."""
        atoms = self._document.atoms
        if len(atoms) < 2:
            self._document.said.emit("Select two atoms or more to merge them.")
            return

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.merge(state, parent, atoms, progress)

        self._run(
            "Merge atoms",
            f"Merge {_atoms(len(atoms))}",
            work,
            lambda _: self._document.select_atoms((min(atoms),)),
            heavy=False,
        )

    def delete(self) -> None:
        """Take the selected atoms away; locked ones stay."""
        split, atoms = self._document.atom_split, self._document.atoms
        if split is None or not atoms:
            return
        going = [atom for atom in atoms if atom not in split.locked]
        if len(going) < len(atoms):
            stay = len(atoms) - len(going)
            self._document.said.emit("1 locked atom stays." if stay == 1 else f"{stay} locked atoms stay.")
        if not going:
            return

        def work(state: State, parent: int, progress: Progress) -> ReworkedSplit:
            return reworking.delete(state, parent, going, progress)

        what = f"atom {going[0] + 1}" if len(going) == 1 else _atoms(len(going))
        self._run(
            "Delete atoms",
            f"Delete {what}",
            work,
            lambda _: self._document.select_atoms(()),
            heavy=False,
        )

    def save(self, path: Path) -> None:
        """Write the atoms to a file; the dialog has asked whether it may be replaced."""
        document, state, split = self._document, self._document.state, self._document.atom_split
        found, recipe = (None, None) if split is None else (split.estimates, split.recipe)
        if state is None or not isinstance(found, Factorization) or not isinstance(recipe, NMF):
            document.said.emit(NOT_SAVED)
            return
        atoms, exponent, rate = found, recipe.exponent, state.mixture.sample_rate

        def work(progress: Progress) -> Path:
            from stemstudio.algorithms.nmf.atoms_file import write_atoms

            progress.check()
            return write_atoms(path, atoms, rate, exponent, overwrite=True)

        document.jobs.run(
            "Saving atoms",
            work,
            lambda written: document.said.emit(f"The atoms are in {written}."),
            failed=self.failed.emit,
            heavy=False,
        )

    # inside

    def _run(
        self,
        title: str,
        name: str,
        work: Work,
        after: Callable[[ReworkedSplit], None],
        *,
        heavy: bool = True,
    ) -> None:
        """Do the work on a worker; its answer is put in if the atoms are still those that it began with."""
        document, keep = self._document, self.keep
        state, project, parent, split = (
            document.state,
            document.project,
            document.atoms_of,
            document.atom_split,
        )
        if state is None or project is None or parent is None or split is None:
            return
        if not reworkable(split):
            document.said.emit(NO_ATOMS)
            return
        if self.running or not document.complete:
            document.said.emit(
                "These atoms are being worked on; it can be done in a moment."
                if self.running
                else "The song is still being read; it can be done in a moment."
            )
            return
        found = split.estimates

        def worked(progress: Progress) -> ReworkedSplit:
            done = work(state, parent, progress.part(0.0, 0.97))
            kept = done if keep is None else done.kept(keep, progress.part(0.97, 1.0))
            progress(1.0, "Done")
            return kept

        def put_in(done: ReworkedSplit) -> None:
            self._set_job(None)
            if document.project is not project:
                return
            now = project.state.splits.get(parent)
            if now is None or now.estimates is not found:
                document.said.emit(CHANGED)
                return
            document.do(done.edit(project.state, parent, name))
            if document.atoms_of == parent:
                after(done)

        def failed(error: Exception) -> None:
            self._set_job(None)
            if document.project is not project:
                return
            if isinstance(error, StemStudioError):
                document.said.emit(f"{error.sentence} {error.way_on}".strip())
            else:
                self.failed.emit(error)

        def stopped() -> None:
            self._set_job(None)
            if document.project is project:
                document.said.emit("Stopped; the atoms are as they were.")

        job = document.jobs.run(
            f"{title} · {state.stems[parent].name}",
            worked,
            put_in,
            failed=failed,
            stopped=stopped,
            heavy=heavy,
        )
        self._set_job(document.stop_with_song(job))

    def _set_job(self, job: Job | None) -> None:
        self._job = job
        self.running_changed.emit(job is not None)


def reworking_of(document: Document) -> Reworking:
    """The one that belongs to a document."""
    found = document.findChild(Reworking)
    return found if isinstance(found, Reworking) else Reworking(document)


def reworkable(split: Split | None) -> bool:
    """Whether a split has atoms that can be worked on."""
    return split is not None and bool(reworking.places(split))


def _which(atoms: Sequence[int]) -> str:
    return f"atom {atoms[0] + 1}" if len(atoms) == 1 else _atoms(len(atoms))


def _atoms(count: int) -> str:
    return "1 atom" if count == 1 else f"{count} atoms"
