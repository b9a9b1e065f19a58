"""Reworking: atoms that are there are improved, drawn anew, split, merged and deleted, as jobs that end in one step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.errors import StemStudioError
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import MIXTURE, Split
from stemstudio.project.takes import Keep

ROUNDS = 100  # that “Continue” adds
CHANGED = "The atoms were changed in the meantime, so nothing was done to them."
NOT_THESE = "Only the atoms of a whole stem, found by Atoms (NMF), can be worked on."

Work = Callable[[NMF, Factorization, StemSound, Progress], Any]


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
        self.keep: Keep | None = None  # storage's, called on the worker before the edit is made
        document.opened.connect(self._stop)

    @property
    def running(self) -> bool:
        return self._job is not None

    # what can be done

    def go_on(self, rounds: int = ROUNDS) -> None:
        """Improve all atoms from where they are."""

        def work(recipe: NMF, found: Factorization, sound: StemSound, progress: Progress) -> Any:
            from stemstudio.algorithms.nmf import rework

            return rework.go_on(recipe, found, sound, rounds, progress)

        self._run("Continue", f"{rounds} more rounds", work, lambda _: None)

    def draw_anew(self) -> None:
        """Find all others anew: locked atoms stay, or the selected ones where none is locked."""
        split = self._document.atom_split
        if split is None:
            return
        kept = frozenset(split.locked or self._document.atoms)
        others = len(split.owners) - len(kept)
        if not kept or not others:
            self._document.said.emit("Lock or select the atoms that are to stay; all others are drawn anew.")
            return

        def work(recipe: NMF, found: Factorization, sound: StemSound, progress: Progress) -> Any:
            from stemstudio.algorithms.nmf import rework

            return rework.draw_anew(recipe, found, sound, kept, (recipe.seed + 1) % 2**31, progress)

        def told(_: int) -> None:
            self._document.said.emit(
                f"{_atoms(others)} drawn anew, now in the residual; {_atoms(len(kept))} stayed."
            )

        self._run("Draw anew", f"Draw {_atoms(others)} anew", work, told)

    def split(self) -> None:
        """Take the selected atom apart into two."""
        atoms = self._document.atoms
        if len(atoms) != 1:
            self._document.said.emit("Select one atom to split it in two.")
            return
        atom = atoms[0]

        def work(recipe: NMF, found: Factorization, sound: StemSound, progress: Progress) -> Any:
            from stemstudio.algorithms.nmf import rework

            return rework.split(recipe, found, sound, atom, recipe.seed, progress)

        def chosen(count: int) -> None:
            self._document.select_atoms((atom, count - 1))
            self._document.said.emit(f"Atom {atom + 1} became atoms {atom + 1} and {count}.")

        self._run("Split atom", f"Split atom {atom + 1} in two", work, chosen)

    def merge(self) -> None:
        """Make the selected atoms one."""
        atoms = self._document.atoms
        if len(atoms) < 2:
            self._document.said.emit("Select two atoms or more to merge them.")
            return

        def work(recipe: NMF, found: Factorization, _sound: StemSound, progress: Progress) -> Any:
            from stemstudio.algorithms.nmf import merging

            progress.check()
            return merging.merge(recipe, found, atoms)

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

        def work(recipe: NMF, found: Factorization, _sound: StemSound, progress: Progress) -> Any:
            from stemstudio.algorithms.nmf import merging

            progress.check()
            return merging.delete(recipe, found, going)

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
        if state is None or split is None or not reworkable(split):
            document.said.emit(NOT_THESE)
            return
        recipe, found, rate = split.recipe, split.estimates, state.mixture.sample_rate
        assert isinstance(recipe, NMF)
        assert isinstance(found, Factorization)

        def work(progress: Progress) -> Path:
            from stemstudio.algorithms.nmf.atoms_file import write_atoms

            progress.check()
            return write_atoms(path, found, rate, recipe.exponent, overwrite=True)

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
        after: Callable[[int], None],
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
            document.said.emit(NOT_THESE)
            return
        if self.running or not document.complete:
            document.said.emit(
                "These atoms are being worked on; it can be done in a moment."
                if self.running
                else "The song is still being read; it can be done in a moment."
            )
            return
        recipe, found = split.recipe, split.estimates
        assert isinstance(recipe, NMF)
        assert isinstance(found, Factorization)
        sound = StemSound(state, parent)

        def worked(progress: Progress) -> Any:
            done = work(recipe, found, sound, progress.part(0.0, 0.97))
            kept = done.estimates if keep is None else keep(done.estimates, progress.part(0.97, 1.0))
            progress(1.0, "Done")
            return done, kept

        def put_in(answer: Any) -> None:
            self._set_job(None)
            done, kept = answer
            if document.project is not project:
                return
            now = project.state.splits.get(parent)
            if now is None or now.estimates is not found:
                document.said.emit(CHANGED)
                return
            document.do(
                edits.refactorise(
                    project.state, parent, kept, done.origins, _named(name, state, parent), done.recipe
                )
            )
            if document.atoms_of == parent:
                after(len(done.origins))

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

        self._set_job(
            document.jobs.run(
                f"{title} · {state.stems[parent].name}",
                worked,
                put_in,
                failed=failed,
                stopped=stopped,
                heavy=heavy,
            )
        )

    def _set_job(self, job: Job | None) -> None:
        self._job = job
        self.running_changed.emit(job is not None)

    def _stop(self) -> None:
        """Nobody waits any more for a song that was closed."""
        if self._job is not None:
            self._job.stop()


def reworking_of(document: Document) -> Reworking:
    """The one that belongs to a document."""
    found = document.findChild(Reworking)
    return found if isinstance(found, Reworking) else Reworking(document)


def reworkable(split: Split | None) -> bool:
    """Whether the atoms of a split can be worked on."""
    return split is not None and isinstance(split.estimates, Factorization) and isinstance(split.recipe, NMF)


def _named(name: str, state: State, parent: int) -> str:
    return name if parent == MIXTURE else f"{name} of {state.stems[parent].name}"


def _atoms(count: int) -> str:
    return "1 atom" if count == 1 else f"{count} atoms"
