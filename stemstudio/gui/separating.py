"""Separating: runs a recipe on a stem in the background; its answer goes into the project, or is kept as a take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.algorithms.streaming import Playhead, Said, SoFar, at_the_start
from stemstudio.errors import CardFailed, StemStudioError
from stemstudio.gui.document import UNFINISHED, Document
from stemstudio.gui.jobs import Job
from stemstudio.gui.notation import time_text
from stemstudio.progress import Progress
from stemstudio.project.corrections import Lesson
from stemstudio.project.project import Project, State
from stemstudio.project.provisional import Provisional
from stemstudio.project.provisional_piece import ProvisionalPiece
from stemstudio.project.refining import Refined, refine, refined
from stemstudio.project.splicing import place_of
from stemstudio.project.takes import Answer, Keep, answer_of, described, take_of
from stemstudio.spectral.brushes import Box

TIMED = 20.0  # seconds of sound from which on the time that they took says something about longer ones


class Separating(QObject):
    """Runs recipes, one after another.

    Signals
    -------
    atoms_so_far(stem, estimates)
        Atoms of a factorisation that is still running.
    unfinished(words)
        A run was stopped, or failed, with parts that can be kept: what they are; "" when that was decided.
    ended(stem)
        A run is over, whichever way; what `atoms_so_far` said is no more.
    taken(take)
        A run for comparison answered: a `Take`, not in the project.
    failed(error)
        The run ended with an error, to be shown.
    card_failed(error, again)
        A graphics card has not enough memory, or breaks off; `again()` runs the same on the processor.
    measured(name, speed)
        Seconds of song that a second of work does with the recipe as delivered; by `Algorithm.timed_as`.
    """

    atoms_so_far = Signal(int, object)
    unfinished = Signal(str)
    ended = Signal(int)
    taken = Signal(object)
    failed = Signal(object)
    card_failed = Signal(object, object)
    measured = Signal(str, float)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._shown: Job | None = None  # whose finished stretches are laid over the project
        document.opened.connect(lambda: self.unfinished.emit(""))
        self.playhead: Playhead = at_the_start  # asked on the worker
        self.keep: Keep | None = None  # storage's, called on the worker before the answer is handed over

    def run(
        self,
        stem: int,
        recipe: Algorithm,
        together: Mapping[str, str] | None = None,
        box: Box | None = None,
    ) -> Job | None:
        """Take a stem apart, or the selection `box` of it; the answer becomes an edit when it is there.

        `together` names the stem of parts that are to be one stem, such as {"drums": "band", "bass": "band"}.
        """
        document = self._document
        project = document.project
        state = None if project is None else project.state

        def put_in(answer: Answer) -> None:
            if state is not None and project is not None:
                self._put_in(answer, state, project, job)

        job = self._start(stem, recipe, together, box, put_in)
        return job

    def try_out(
        self,
        stem: int,
        recipe: Algorithm,
        together: Mapping[str, str] | None = None,
        box: Box | None = None,
    ) -> Job | None:
        """Take a stem apart to compare what comes of it with other takes; the song stays as it is."""
        project = self._document.project

        def hand_over(answer: Answer) -> None:
            if project is not None and stem in project.state.stems:
                self.taken.emit(take_of(project.state, answer))

        return self._start(stem, recipe, together, box, hand_over, take=True)

    def _start(
        self,
        stem: int,
        recipe: Algorithm,
        together: Mapping[str, str] | None,
        box: Box | None,
        done: Callable[[Answer], None],
        *,
        take: bool = False,
    ) -> Job | None:
        document = self._document
        project = document.project
        state = None if project is None else project.state
        if state is None or project is None:
            return None
        recipe = recipe.resolved()
        if stem not in state.stems:
            document.said.emit(UNFINISHED)
            return None
        if not document.complete:
            document.said.emit("The song is still being read; it can be separated in a moment.")
            return None
        if not take:
            self.forget_finished()
        seconds = document.duration if box is None else box.stop - box.start + 2 * recipe.context
        keep, playhead = self.keep, self.playhead

        def work(progress: Progress) -> Answer:
            part = progress.part(0.0, 0.97)
            answer = answer_of(
                state, stem, recipe, part, together=together, box=box, gather=take, playhead=playhead
            )
            if seconds >= TIMED:
                self.measured.emit(recipe.timed_as, seconds * recipe.effort / max(1e-3, answer.seconds))
            if keep is not None:
                answer = _kept(answer, keep, progress.part(0.97, 1.0))
            progress(1.0, "Done")
            return answer

        told: list[str] = []  # of what a person who was away has missed

        def answered(answer: Answer) -> None:
            if document.project is project:
                done(answer)
                if told:
                    document.said.emit(" ".join((f"{recipe.called} is done.", *told)))

        def so_far(found: Estimates | SoFar | Said) -> None:
            if document.project is not project:
                return
            if isinstance(found, Said):
                told.append(found.words)
                document.said.emit(found.words)
                return
            if take:
                return
            if isinstance(found, SoFar):
                self._show(job, stem, recipe, found, together or {}, box)
            elif box is None:
                self.atoms_so_far.emit(stem, found)

        def stopped() -> None:
            if document.project is not project:
                return
            left = self._shown is job and document.provisional is not None
            words = "what is finished can be kept" if left else "nothing was changed"
            document.said.emit(f"Stopped {title}; {words}.")

        def failed(error: Exception) -> None:
            if document.project is not project:
                return
            if isinstance(error, CardFailed):
                slower = recipe.model_copy(update={"device": "cpu"})
                again = partial(self.try_out if take else self.run, stem, slower, together, box)
                self.card_failed.emit(error, again)
            else:
                self.failed.emit(error)

        def over() -> None:
            self._left_behind(job)
            self.ended.emit(stem)

        words = [described(recipe) if take else recipe.called, state.stems[stem].name]
        words += ["selection"] if box is not None else []
        words += ["to compare"] if take else []
        title = " · ".join(words)
        job = document.jobs.run(
            title,
            work,
            answered,
            failed=failed,
            stopped=stopped,
            handed_on=so_far,
        )
        job.ended.connect(over)
        return document.stop_with_song(job)

    # what is finished of a run, while it goes on

    def _show(
        self,
        job: Job,
        stem: int,
        recipe: Algorithm,
        found: SoFar,
        together: Mapping[str, str],
        box: Box | None,
    ) -> None:
        """Lay the finished stretches over the project; those of another run stay until somebody decides on them."""
        document, project = self._document, self._document.project
        laid = document.provisional
        if project is None or not found.done or stem not in project.state.stems:
            return
        if laid is None and (self._shown is not job or box is not None):
            if box is None:
                first: Provisional | None = Provisional.of(project, stem, recipe, found, together)
            else:  # once more where the stems that it lies over were changed meanwhile
                song = project.state.mixture
                place = place_of(recipe, box, song.sample_rate, song.length)
                first = ProvisionalPiece.within(project, stem, recipe, found, together, place)
            if first is not None:
                self._shown = job
                document.lay_over(first)
        elif laid is not None and self._shown is job:
            document.lay_over(*laid.grown(project.state, found))

    def _left_behind(self, job: Job) -> None:
        """A run is over: what it laid over the project may be kept."""
        document, laid = self._document, self._document.provisional
        if self._shown is not job:
            return
        self._shown = None
        if laid is not None and document.state is not None:
            rate = document.state.mixture.sample_rate
            done = sum(stop - start for start, stop in laid.done) / rate
            whole = laid.wanted(document.state) / rate
            self.unfinished.emit(f"{time_text(done)} of {time_text(whole)} is done.")

    def keep_finished(self) -> None:
        """Make a step of what is finished of the run that was stopped; everywhere else the residual has the light."""
        document, project = self._document, self._document.project
        laid, keep = document.provisional, self.keep or (lambda estimates, progress: estimates)
        if laid is None or self._shown is not None:
            self.forget_finished()
            return
        title = f"{laid.called}, unfinished"

        def done(estimates: Estimates) -> None:
            now = document.provisional
            if document.project is project and now is not None and now.parent == laid.parent:
                document.finish(now.whole(estimates, title))
                self.unfinished.emit("")

        document.jobs.run("Keeping", lambda progress: laid.kept(keep, progress), done, heavy=False)

    def forget_finished(self) -> None:
        """Nothing of the run that was stopped is wanted."""
        if self._document.provisional is not None and self._shown is None:
            self._document.lay_over(None)
        self.unfinished.emit("")

    def _put_in(self, answer: Answer, state: State, project: Project, job: Job | None) -> None:
        """Make the answer an edit; `state` is what the run began with."""
        document, stem, recipe = self._document, answer.stem, answer.recipe
        before = project.state
        if stem not in before.stems:
            return
        name = state.stems[stem].name
        title = recipe.called if stem == 0 else f"{recipe.called} of {name}"
        if answer.estimates.atoms:
            title += f", {len(answer.estimates.names)} atoms"
        if answer.found is not None:
            title += f", selection at {answer.found.piece.start / state.mixture.sample_rate:.1f} s"
        laid = document.provisional
        if laid is not None and self._shown is job:
            whole = answer.found is None
            document.finish(laid.whole(answer.estimates, title) if whole else answer.edit(project, title))
        else:
            edit = answer.edit(project, title)
            if laid is not None and laid.touches(edit):
                self.forget_finished()
            document.do(edit)
        if answer.found is None and stem in before.splits and stem not in state.splits:
            document.said.emit(
                f"{name} was split in the meantime; that was replaced, and Undo brings it back."
            )
        if answer.estimates.atoms:
            document.show_atoms_of(stem)

    def refine(self, *, again: bool = False) -> Job | None:
        """Let the splits learn from the hints; `again` also where they know them all."""
        document = self._document
        project, keep = document.project, self.keep
        if project is None:
            return None
        state, lesson = project.state, Lesson(strength=document.hints.strength)
        if not document.complete:
            document.said.emit("The song is still being read; it can be refined in a moment.")
            return None

        def work(progress: Progress) -> tuple[Refined, ...]:
            results = refine(state, progress.part(0.0, 0.97), lesson, again=again)
            if keep is not None:
                storing = progress.part(0.97, 1.0)
                results = tuple(_stored(result, keep, storing) for result in results)
            progress(1.0, "Done")
            return results

        def done(results: tuple[Refined, ...]) -> None:
            if document.project is not project:
                return
            edit = refined(project.state, results)
            if edit is None:
                document.said.emit(
                    "The stems were split anew in the meantime; refine once more."
                    if results
                    else "There is nothing to learn from these hints: they lie where the song is silent, or on no stem."
                )
                return
            document.hints.tell()
            document.do(edit)
            if results[-1].estimates.atoms:
                document.show_atoms_of(results[-1].parent)

        def failed(error: Exception) -> None:
            if document.project is project:
                self.failed.emit(error)

        def stopped() -> None:
            if document.project is project:
                document.said.emit("Stopped refining; nothing was changed.")

        return document.stop_with_song(
            document.jobs.run("Refine from hints", work, done, failed=failed, stopped=stopped)
        )


def _kept(answer: Answer, keep: Keep, progress: Progress) -> Answer:
    """The answer with large arrays on disk; where the disk has no room for them, they stay in memory."""
    try:
        return answer.kept(keep, progress)
    except StemStudioError:
        return answer


def _stored(result: Refined, keep: Keep, progress: Progress) -> Refined:
    """The same for what was refined."""
    try:
        estimates = keep(result.estimates, progress)
    except StemStudioError:
        return result
    assert isinstance(estimates, Factorization | Overlaid)
    return replace(result, estimates=estimates)
