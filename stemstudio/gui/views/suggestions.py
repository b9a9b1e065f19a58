"""Suggestions: which atoms are alike, asked on a thread and done as one named step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.labelling import by_stems, labelled
from stemstudio.gui.document import Document
from stemstudio.progress import Progress
from stemstudio.project.chances import Chances
from stemstudio.project.edit import Edit, Rows
from stemstudio.project.opinions import Opinion
from stemstudio.project.project import Change, Project, State
from stemstudio.project.rendering import StemSound
from stemstudio.project.splicing import new_stems
from stemstudio.project.stem import Split, Stem

How = Literal["timbre", "rhythm", "example", "stems"]
NO_ATOMS = "There are no atoms here to be given to stems: these parts are stems already."
NO_EXAMPLE = "Give an atom or two to each stem first; the others then follow them."


class Suggestions(QObject):
    """Asks whose the atoms of a document are; what comes of it is in the project, with how probable it is.

    Signals
    -------
    running_changed(running)
        The question was asked, or answered.
    """

    running_changed = Signal(bool)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self.running = False

    def suggest(self, count: int | None, how: Literal["timbre", "rhythm", "example"] = "timbre") -> None:
        """Gather the atoms into `count` stems, or as many as there seem to be; locked atoms stay and draw their like.

        With "example" there are no new stems: every atom that is in none goes where the atoms are that it is like.
        """
        asked = self._asked()
        if asked is None:
            return
        state, project, parent, split = asked
        factorization: Any = split.estimates
        rate = state.mixture.sample_rate
        children = [child.id for child in state.children(parent) if child.id != split.residual]
        children = children if how == "example" else children[:count]
        leading = range(len(split.owners)) if how == "example" else split.locked
        fixed = {
            atom: children.index(split.owners[atom]) for atom in leading if split.owners[atom] in children
        }
        if how == "example" and not fixed:
            self._document.said.emit(NO_EXAMPLE)
            return

        def work(progress: Progress) -> Any:
            from stemstudio.algorithms.alike import by_example, by_likeness

            progress.check()
            if how == "example":
                return by_example(factorization, rate, fixed, len(children))
            return by_likeness(factorization, count, rate, likeness=how, fixed=fixed)

        def step(labels: Any) -> Edit | None:
            return suggestion_edit(project, parent, labels, how)

        self._compare(parent, factorization, work, step, "The atoms are gathered like that already.")

    def by_opinion(self, opinion: Opinion) -> None:
        """Give the atoms to the stems of another opinion of the same sound, by the light that they share."""
        asked = self._asked()
        if asked is None:
            return
        state, project, parent, split = asked
        factorization = split.estimates
        if not labelled(factorization):
            self._document.said.emit(NO_ATOMS)
            return
        sound, sounds = StemSound(state, parent), opinion.sounds()

        def work(progress: Progress) -> Any:
            return by_stems(factorization, sound, sounds, progress)

        def step(labels: Any) -> Edit | None:
            return opinion_edit(project, parent, labels, opinion.title)

        self._compare(parent, factorization, work, step, "The atoms are in those stems already.")

    def _asked(self) -> tuple[State, Project, int, Split] | None:
        """The song and the split whose atoms are on display; None where there are none, or some are being compared."""
        document = self._document
        state, project, parent, split = (
            document.state,
            document.project,
            document.atoms_of,
            document.atom_split,
        )
        if state is None or project is None or parent is None or split is None or self.running:
            return None
        return state, project, parent, split

    def _compare(
        self,
        parent: int,
        estimates: Estimates,
        work: Callable[[Progress], Any],
        step: Callable[[Any], Edit | None],
        unchanged: str,
    ) -> None:
        """Compare the atoms of a stem on a thread, and do what comes of it as one step if they are still there then."""
        document = self._document
        self._set_running(True)

        def done(labels: Any) -> None:
            self._set_running(False)
            now = document.state
            if now is None or parent not in now.splits or now.splits[parent].estimates is not estimates:
                return
            document.said.emit(_told(labels) if document.do(step(labels)) else unchanged)

        document.jobs.run(
            "Comparing atoms",
            work,
            done,
            failed=self._failed,
            stopped=lambda: self._set_running(False),
            heavy=False,
        )

    def of(self, estimates: Estimates, atom: int) -> dict[int, float]:
        """Probability by stem of an atom of these; empty where nothing was suggested for it."""
        split = self._document.atom_split
        if split is None or split.chances is None or split.estimates is not estimates:
            return {}
        return split.chances.of(atom)

    def _failed(self, error: Exception) -> None:
        self._set_running(False)
        self._document.said.emit(f"No suggestion could be made: {error}")

    def _set_running(self, running: bool) -> None:
        self.running = running
        self.running_changed.emit(running)


def _told(labels: Any) -> str:
    """How sure a suggestion is, and what to do about it."""
    atoms = len(labels.owners)
    if not labels.doubtful:
        return f"All {atoms} atoms are suggested with 60 % or more."
    return f"{labels.doubtful} of {atoms} atoms could go either way: sort by “doubtful first” and listen to them."


def suggestions_of(document: Document) -> Suggestions:
    """The one that belongs to a document."""
    found = document.findChild(Suggestions)
    return found if isinstance(found, Suggestions) else Suggestions(document)


def suggestion_edit(project: Project, parent: int, labels: Any, how: How) -> Edit | None:
    """The step that does what `labels` suggest, with the stems it needs; None where all is like that already."""
    state = project.state
    split, count = state.splits[parent], len(labels.names)
    stems = [child.id for child in state.children(parent) if child.id != split.residual][:count]
    made = new_stems(project, parent, labels.names[len(stems) : count])
    stems += [stem.id for stem in made]
    # By example the atoms that are in a stem lead, also those that somebody put there while it was found out.
    free = [atom for atom, owner in enumerate(split.owners) if how != "example" or owner == split.residual]
    given = split.given({atom: stems[labels.owners[atom]] for atom in free})
    word = f"Suggest {count} {'stem' if count == 1 else 'stems'} by {how}"
    if how == "example":
        word = "Give the other atoms to what they are like"
    return _given(
        word, parent, split, given, made, Chances(split.estimates, tuple(stems), labels.probabilities)
    )


def opinion_edit(project: Project, parent: int, labels: Any, title: str) -> Edit | None:
    """The step that gives atoms to stems of the names of another opinion; None where all is like that already.

    Stems that there are under these names get the atoms, and the others are made.
    """
    state = project.state
    split = state.splits[parent]
    there = {
        child.name.strip().casefold(): child.id
        for child in state.children(parent)
        if child.id != split.residual
    }
    missing = [name for name in labels.names if name.strip().casefold() not in there]
    made = new_stems(project, parent, missing)
    there |= {word.strip().casefold(): stem.id for word, stem in zip(missing, made, strict=True)}
    stems = [there[name.strip().casefold()] for name in labels.names]
    owners = [split.residual if owner is None else stems[owner] for owner in labels.owners]
    given = split.given(dict(enumerate(owners)))
    chances = Chances(split.estimates, (*stems, split.residual), labels.probabilities)
    return _given(f"Label atoms by {title}", parent, split, given, made, chances)


def _given(
    word: str, parent: int, split: Split, given: Split, made: Sequence[Stem], chances: Chances
) -> Edit | None:
    """Atoms given to stems, those of them that are new, and what is kept of how probable that is."""
    moved = {
        stem for pair in zip(split.owners, given.owners, strict=True) if pair[0] != pair[1] for stem in pair
    }
    if not moved and not made and chances.same(split.chances):
        return None
    rows: Rows = {
        "stems": {stem.id: stem for stem in made},
        "splits": {parent: replace(given, chances=chances)},
    }
    kinds = frozenset({"stems", "mixer", "splits"}) if made else frozenset({"splits"})
    return Edit(word, rows, Change(kinds, frozenset(moved | {stem.id for stem in made})))
