"""Opinions: other answers to whose the sound of a stem is, gathered, asked for, and held against the stems as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.neural.by_name import models_here
from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.algorithms.streaming import Said
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.gui.notation import time_text
from stemstudio.progress import Progress
from stemstudio.project.doubt import Region, doubt_map, doubtful_regions
from stemstudio.project.opinions import Comparison, Earlier, Opinion, Remembered, compared
from stemstudio.project.project import Change, State
from stemstudio.project.stem import MIXTURE
from stemstudio.project.takes import Keep, Take, answer_of, take_of
from stemstudio.spectral.brushes import Selection

NOT_SPLIT = "Nothing is split yet: doubt is where two ways of splitting a song differ."
NONE_YET = (
    "There is nothing to compare the stems with yet. Ask a model for a second opinion, or separate again in another way: "
    "how it was before counts as one, and so do takes."
)
AGREED = "No place is in doubt: the opinions agree."
AROUND = 1.0  # seconds shown on either side of a doubtful region, at least

Takes = Callable[[], Sequence[Take]]


class Opinions(QObject):
    """What else there is to say about the stems of the open song.

    Attributes
    ----------
    comparisons
        The stems as they are beside every opinion that is looked at.
    regions
        Where they differ most, the largest first; None until somebody asks.
    place
        Which region was gone to last.
    outdated
        Whether light has been moved since the regions were found.
    takes
        Says which takes there are.

    Signals
    -------
    changed
        Opinions came or went, others are looked at, or regions were found.
    went_to(region)
        Somebody wants to see and hear this one.
    models_changed
        Other models are on this machine than was thought.
    failed(error)
        A model that was asked ended with an error.
    kept(opinions, asked)
        These are to be kept with the song, as `Remembered`; whether that is because somebody was asked.
    """

    changed = Signal()
    went_to = Signal(object)
    models_changed = Signal()
    failed = Signal(object)
    kept = Signal(object, bool)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._earlier = Earlier()
        self._asked: list[Opinion] = []
        self._of_takes: dict[Take, Opinion] = {}
        self._chosen: Opinion | None = None
        self._seen: State | None = None
        self._comparing: Job | None = None
        self._searching: Job | None = None
        self._names: tuple[Any, ...] = ()
        self._regions_of: State | None = None
        self.asking: Job | None = None
        self.comparisons: tuple[Comparison, ...] = ()
        self.regions: tuple[Region, ...] | None = None
        self.place = -1
        self.outdated = False
        self.takes: Takes = tuple
        self.models: tuple[Model, ...] = ()  # on this machine, as far as somebody looked
        self.keep: Keep | None = None  # storage's, called on the worker
        document.opened.connect(self._forget)
        document.changed.connect(self._changed)
        document.target_changed.connect(lambda _: self._compare())

    # which there are

    @property
    def stem(self) -> int | None:
        """The split stem that opinions are about: what the target came out of where there are some of it, or the song."""
        state = self._document.state
        if state is None or not state.splits:
            return None
        parent = state.stems[self._document.target].parent
        if parent is not None and parent != MIXTURE and self.of(parent):
            return parent
        return MIXTURE if MIXTURE in state.splits else None

    def of(self, stem: int) -> tuple[Opinion, ...]:
        """All there are of a stem: those that were asked for, takes, and how it was before."""
        state = self._document.state
        if state is None or stem not in state.stems:
            return ()
        takes = [take for take in self.takes() if take.answer.stem == stem and take.answer.found is None]
        self._of_takes = {
            take: self._of_takes.get(take) or Opinion(f"{take.title} (take)", take.answer.stem, take.state)
            for take in self.takes()
        }
        now = state.splits.get(stem)
        found = [each for each in reversed(self._asked) if each.stem == stem]
        found += [self._of_takes[take] for take in takes]
        found = [each for each in found if now is None or each.split.estimates is not now.estimates]
        return (*found, *self._earlier.of(state, stem))

    @property
    def chosen(self) -> Opinion | None:
        """The one that is looked at; None for all."""
        return self._chosen

    def choose(self, opinion: Opinion | None) -> None:
        """Look at this opinion alone, or at all of them."""
        if opinion is not self._chosen:
            self._chosen = opinion
            self._compare()

    def takes_changed(self) -> None:
        """Takes came or went."""
        self._compare()

    def ask(
        self, stem: int, recipe: Algorithm, title: str, then: Callable[[Opinion], None] | None = None
    ) -> Job | None:
        """Let a recipe answer, beside the song as it is."""
        document, keep = self._document, self.keep
        project = document.project
        state = None if project is None else project.state
        if state is None or project is None or self.asking is not None or stem not in state.stems:
            return None
        if not document.complete:
            document.said.emit("The song is still being read; a model can be asked in a moment.")
            return None

        def work(progress: Progress) -> Opinion:
            answer = answer_of(state, stem, recipe, progress.part(0.0, 0.97))
            if keep is not None:
                answer = answer.kept(keep, progress.part(0.97, 1.0))
            progress(1.0)
            return Opinion(title, stem, take_of(state, answer).state)

        def done(opinion: Opinion) -> None:
            if document.project is not project:
                return
            self._asked.append(opinion)
            self._keep(asked=True)
            self._compare()
            if then is not None:
                then(opinion)

        def over() -> None:
            self.asking = None
            self.changed.emit()

        def so_far(found: object) -> None:
            if isinstance(found, Said):
                document.said.emit(found.words)

        job = document.jobs.run(
            f"Second opinion · {title}", work, done, failed=self.failed.emit, handed_on=so_far
        )
        self.asking = document.stop_with_song(job)
        job.ended.connect(over)
        self.changed.emit()
        return job

    def look_for_models(self) -> None:
        """See, on a thread, which models are on this machine: it takes as long as a disk does."""

        def done(models: tuple[Model, ...]) -> None:
            if models != self.models:
                self.models = models
                self.models_changed.emit()

        self._document.jobs.run("Looking for models", lambda _: models_here(), done, heavy=False)

    # where they differ

    def now(self, state: State) -> tuple[Comparison, ...]:
        """The comparisons with the stems as they are in `state`; none where those are other stems."""
        return tuple(
            replace(each, state=state)
            for each in self.comparisons
            if each.opinion.stem in state.splits
            and state.children(each.opinion.stem) == each.state.children(each.opinion.stem)
        )

    def go(self, step: int) -> None:
        """To the next doubtful region, or to the one before; the largest comes first."""
        document, state = self._document, self._document.state
        if state is None or self.stem is None:
            document.said.emit(NOT_SPLIT)
        elif not self.of(self.stem):
            document.said.emit(NONE_YET)
        elif self.regions is not None and self._regions_of is state:
            self._show(step)
        elif self._searching is None:
            self._search(state, step)

    def _show(self, step: int) -> None:
        document, regions, state = self._document, self.regions, self._document.state
        if not regions or state is None:
            document.said.emit(AGREED)
            return
        self.place = (
            (self.place + step) % len(regions) if self.place >= 0 else (0 if step > 0 else len(regions) - 1)
        )
        region = regions[self.place]
        box, view = region.box, document.viewport
        margin = max(AROUND, 0.5 * (box.stop - box.start))
        if not (view.start <= box.start and box.stop <= view.stop) or view.stop - view.start > 12 * margin:
            view.set_time(box.start - margin, box.stop + margin)
        if box.low < view.low or box.high > view.high:
            view.set_frequency(min(box.low, view.low), max(box.high, view.high))
        document.set_selection(Selection().combined("replace", box))
        self.went_to.emit(region)
        document.said.emit(
            f"Doubtful place {self.place + 1} of {len(regions)}, at {time_text(box.start)}: {region.words}"
        )
        self.changed.emit()

    def _search(self, state: State, step: int) -> None:
        comparisons, duration = self.now(state), self._document.duration
        opinions = self._looked_at()

        def work(progress: Progress) -> tuple[tuple[Comparison, ...], tuple[Region, ...]]:
            found = comparisons or tuple(compared(state, opinion) for opinion in opinions)
            sheet = doubt_map(found, progress.part(0.0, 0.98))
            return found, doubtful_regions(sheet, found[0].names, duration)

        def done(result: tuple[tuple[Comparison, ...], tuple[Region, ...]]) -> None:
            self._searching = None
            if self._document.state is None:
                return
            if self._document.state is not state or opinions != self._looked_at():
                self.go(step)  # a stroke came in between, or another opinion is looked at
                return
            # What was mended since is gone from the list; who goes on, goes on from where he was.
            self.place = _gone_on_from(self.regions or (), self.place, result[1], step)
            self.regions, self._regions_of, self.outdated = result[1], state, False
            self._show(step)

        def over() -> None:
            if self._searching is job:
                self._searching = None
            self.changed.emit()

        job = self._document.jobs.run("Looking for doubtful places", work, done, heavy=False)
        self._searching = job
        job.ended.connect(over)
        self.changed.emit()

    @property
    def searching(self) -> bool:
        return self._searching is not None

    def _looked_at(self) -> tuple[Opinion, ...]:
        stem = self.stem
        found = () if stem is None else self.of(stem)
        return (self._chosen,) if self._chosen in found and self._chosen is not None else found

    def _compare(self) -> None:
        """Take on the opinions that are looked at; which stems are the same is found out on a thread."""
        state, wanted = self._document.state, self._looked_at()
        if self._chosen is not None and self._chosen not in wanted:
            self._chosen = None
        stem = self.stem
        children = () if state is None or stem is None else state.children(stem)
        names = (stem, tuple((child.id, child.name) for child in children), wanted)
        if names == self._names:
            self.changed.emit()
            return
        self._names = names
        self.comparisons, self.regions, self.place = (), None, -1
        if self._comparing is not None:
            self._comparing.stop()
            self._comparing = None
        self.changed.emit()
        if state is None or not wanted:
            return

        def work(progress: Progress) -> tuple[Comparison, ...]:
            return tuple(compared(state, opinion, progress.part(0.0, 1.0)) for opinion in wanted)

        def done(found: tuple[Comparison, ...]) -> None:
            if self._names is names:
                self._comparing = None
                self.comparisons = found
                self.changed.emit()

        self._comparing = self._document.jobs.run("Comparing opinions", work, done, heavy=False)

    # with the song

    def restore(self, opinions: Sequence[Remembered]) -> None:
        """Those that were kept with the song."""
        state = self._document.state
        if state is None:
            return
        self._earlier.put_back([each.opinion(state) for each in opinions if each.before])
        self._asked = [each.opinion(state) for each in opinions if not each.before]
        self._compare()

    def _keep(self, *, asked: bool) -> None:
        held = [Remembered.of(each, before=True) for each in self._earlier.every()]
        self.kept.emit([*held, *map(Remembered.of, self._asked)], asked)

    # inside

    def _changed(self, change: Change) -> None:
        document, before = self._document, self._seen
        laid = document.provisional is not None
        if document.project is None or laid:
            return  # what is still being made is nobody's answer yet
        self._seen = document.project.state
        if change.sounds and self.regions is not None and not self.outdated:
            self.outdated = True
            self.changed.emit()
        if before is not None and change.kinds & {"splits", "masks", "stems"}:
            if self._earlier.saw(before, self._seen):
                self._keep(asked=False)
            self._compare()

    def _forget(self) -> None:
        for job in (self.asking, self._searching, self._comparing):
            if job is not None:
                self._document.jobs.stop(job)  # nobody waits any more for a song that was closed
        self._earlier.forget()
        self._asked, self._of_takes, self._chosen = [], {}, None
        self._names, self.comparisons, self.regions, self.place = (), (), None, -1
        self._seen = None if self._document.project is None else self._document.project.state
        self.changed.emit()


def _gone_on_from(before: Sequence[Region], place: int, now: Sequence[Region], step: int) -> int:
    """From which place a step leads to the region that came next before, of those that are still in doubt; −1 for none.

    Regions are known by their boxes: the weights of all change when one is mended, as they are shares of all doubt.
    """
    if place < 0:
        return -1
    still = {region.box: number for number, region in enumerate(now)}
    coming = before[place + 1 :] if step > 0 else before[:place][::-1]
    return next((still[region.box] - step for region in coming if region.box in still), -1)


def opinions_of(document: Document) -> Opinions:
    """The ones that belong to a document."""
    found = document.findChild(Opinions)
    return found if isinstance(found, Opinions) else Opinions(document)
