"""Fetching: trained models downloaded in the background, one after another, each because a person said so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.algorithms.neural.hub_files import begun
from stemstudio.errors import DownloadFailed, HubUnreachable
from stemstudio.gui.jobs import Job, Jobs
from stemstudio.gui.notation import time_text
from stemstudio.progress import Progress

Instead = Callable[[], None] | None
MEGABYTE = 1_000_000
SKETCH_WORDS = "Sketch, the small network that comes with the program, separates at once: rougher, and nothing to download."


def megabytes(size: int) -> str:
    """A size as people say it: "84 MB"."""
    return f"{size / MEGABYTE:.0f} MB" if size >= 10 * MEGABYTE else f"{size / MEGABYTE:.1f} MB"


class Fetching(QObject):
    """What is being fetched, what waits, and what is known of sizes.

    Attributes
    ----------
    sizes
        Bytes of a model's files that are not here, by its name, as far as the hub was asked.
    offline
        Whether the hub could not be reached when it was asked last.
    now
        The model that is being fetched.
    words
        How far it is.

    Signals
    -------
    changed
        Another model is being fetched, or none; files came.
    progressed(fraction, words)
        Of the one that is being fetched.
    sized
        More sizes are known.
    failed(error)
        To be shown: one sentence, and a way on.
    unreachable(error, instead)
        The same, where somebody waits to separate; `instead()` runs what needs no download.
    """

    changed = Signal()
    progressed = Signal(float, str)
    sized = Signal()
    failed = Signal(object)
    unreachable = Signal(object, object)

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self._waiting: list[tuple[Model, Callable[[], None], Instead]] = []
        self._timer = QTimer(self, interval=200)
        self._timer.timeout.connect(self._look)
        self.sizes: dict[str, int] = {}
        self.offline = False
        self.now: Model | None = None
        self.words = ""

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of the models whose turn comes."""
        return tuple(model.name for model, *_ in self._waiting)

    def fetch(
        self, models: Sequence[Model], then: Callable[[], None] | None = None, instead: Instead = None
    ) -> None:
        """Download these, and call `then` when all of them are here; asked for by a person.

        Where that fails, `instead` is what is offered.
        """
        known = {*self.waiting, self.now.name if self.now is not None else ""}
        fresh = [model for model in models if model.name not in known]
        for model in fresh:
            last = model is fresh[-1]
            self._waiting.append((model, then if last and then is not None else _nothing, instead))
        self._next()

    def cancel(self) -> None:
        """Stop, and forget what waits; a file that is under way is gone on with when it is wanted again."""
        self._waiting.clear()
        if self._job is not None:
            self._job.stop()
        self._end()

    def look_up_sizes(self, models: Sequence[Model]) -> None:
        """Ask the hub how large these are; where it does not answer, they stay unknown."""

        def work(progress: Progress) -> bool:
            """Whether the hub did not answer."""
            from stemstudio.algorithms.neural.download import size_of

            refused = 0
            for number, model in enumerate(models):
                progress(number / len(models))
                try:
                    progress.hand_on((model.name, size_of(model, progress)))
                except HubUnreachable:
                    return True
                except DownloadFailed:
                    refused += 1
                    if refused > 1:
                        break
            return False

        def done(offline: object) -> None:
            self.offline = bool(offline)
            self.sized.emit()

        self._ask(models, work, done, self.failed.emit)

    def when_here(self, recipe: Algorithm, go: Callable[[Algorithm], None], window: QWidget) -> None:
        """Call `go` with a recipe when all that it needs is here; what is not is asked about first, with its size.

        Whoever does not want to wait for a download, or has no network, may take Sketch: `go` gets its recipe then.
        """
        from stemstudio.algorithms.neural.by_name import sketched
        from stemstudio.algorithms.neural.weights import missing

        models, quick = missing(recipe), sketched(recipe)
        if not models:
            go(recipe)
            return
        instead = None if quick is None else partial(go, quick)

        def work(progress: Progress) -> None:
            from stemstudio.algorithms.neural.download import size_of

            for model in models:
                progress.hand_on((model.name, size_of(model, progress)))

        self._ask(
            models,
            work,
            lambda _: self._question(models, partial(go, recipe), instead, window),
            lambda error: self._say(error, instead),
        )

    def _say(self, error: Exception, instead: Instead) -> None:
        if instead is not None and isinstance(error, DownloadFailed):
            self.unreachable.emit(error, instead)
        else:
            self.failed.emit(error)

    def _ask(
        self,
        models: Sequence[Model],
        work: Callable[[Progress], object],
        done: Callable[[object], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Ask the hub for sizes, unless all are known."""
        if all(model.name in self.sizes for model in models):
            done(None)
        else:
            self._jobs.run("Asking the hub", work, done, failed=failed, handed_on=self._sized, heavy=False)

    def _sized(self, found: tuple[str, int]) -> None:
        self.sizes[found[0]] = found[1]
        self.sized.emit()

    def _question(
        self,
        models: Sequence[Model],
        go: Callable[[], None],
        instead: Instead,
        window: QWidget,
    ) -> None:
        names = " and ".join(model.name for model in models)
        size = sum(max(0, self.sizes.get(model.name, 0) - begun(model)) for model in models)
        licences = " and ".join(dict.fromkeys(model.licence for model in models))
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Download",
            f"{names} {'is' if len(models) == 1 else 'are'} not on this machine yet: {megabytes(size)} to download. "
            f"Licence: {licences}.",
            parent=window,
        )
        words = "It is kept for all songs from then on. Nothing of your song leaves this machine."
        box.addButton(QMessageBox.StandardButton.Cancel)
        if instead is not None:
            words += f"\n\n{SKETCH_WORDS}"
            offer_sketch(box, instead)
        box.setInformativeText(words)
        yes = box.addButton("Download and run", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(yes)
        box.setModal(False)
        yes.clicked.connect(lambda: self.fetch(models, go, instead))
        box.finished.connect(box.deleteLater)
        box.open()

    def _next(self) -> None:
        if self.now is not None or not self._waiting:
            return
        model, then, instead = self._waiting.pop(0)

        def work(progress: Progress) -> None:
            from stemstudio.algorithms.neural.download import download

            download(model, progress)

        def done(_: object) -> None:
            if job is self._job:
                self.sizes.pop(model.name, None)
                self._end()
                then()

        def failed(error: Exception) -> None:
            if job is self._job:
                self._waiting.clear()
                self._end()
                self._say(error, instead)

        self.now, self.words = model, f"asking for {model.name}"
        job = self._jobs.run(f"Fetching {model.name}", work, done, failed=failed, heavy=False)
        self._job = job
        self._timer.start()
        self.changed.emit()

    def _look(self) -> None:
        """Say how far the download is; a connection that stands still sends nothing that would say it."""
        job = self._job
        if job is not None and job.message:
            left = job.seconds_left
            self.words = job.message if left is None else f"{job.message}, {time_text(left)} left"
            self.progressed.emit(job.fraction, self.words)

    def _end(self) -> None:
        self._timer.stop()
        self._job = self.now = None
        self.words = ""
        self.changed.emit()
        self._next()


def offer_sketch(box: QMessageBox, instead: Callable[[], None]) -> None:
    """Put the button into a question that runs the small network at once."""
    quick = box.addButton("Sketch now", QMessageBox.ButtonRole.ActionRole)
    quick.setToolTip("Separate at once with the small network that comes with the program")
    quick.clicked.connect(lambda: instead())


def _nothing() -> None:
    """Nobody waits for this one."""
