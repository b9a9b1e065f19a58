"""Own stems: a song that was opened and brings its stems along is split into them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.own_stems import OwnStems
from stemstudio.audio.stem_streams import StemEntry, read_entries
from stemstudio.errors import StemStudioError
from stemstudio.gui.document import Document
from stemstudio.gui.opening import Song
from stemstudio.progress import Progress
from stemstudio.project.own_stems import with_own_stems

MOVIES = ("mov", "mp4", "m4a")
Found = tuple[Estimates, tuple[StemEntry, ...], tuple[str, ...]]


class OwnStemsReading(QObject):
    """Looks into every song that was opened anew.

    Signals
    -------
    failed(error)
        There are stems, and they could not be read; the song is there without them.
    """

    failed = Signal(object)

    def __init__(
        self,
        document: Document,
        keep: Callable[[Estimates, Progress], Estimates],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._keep = keep

    def look(self, song: Song) -> None:
        """Split the song that has just been read into the stems of its file, if there are any."""
        document = self._document
        project, state, history = document.project, document.state, document.history
        if project is None or state is None or history is None or song.info.format not in MOVIES:
            return
        if state.splits or history.edits:
            return
        recipe = OwnStems(file=str(song.info.path.absolute()))

        def read(progress: Progress) -> Found:
            read_in, entries, notes = recipe.read(state.mixture, progress.part(0.0, 0.9))
            estimates: Estimates = read_in
            try:
                estimates = self._keep(estimates, progress.part(0.9, 1.0))
            except StemStudioError:
                notes += ("The disk has no room for the stems: they stay in memory.",)
            return estimates, entries, notes

        def done(found: Found) -> None:
            if document.project is not project or project.state.splits:
                return
            estimates, entries, notes = found
            document.do(with_own_stems(project, recipe, estimates, entries))
            document.said.emit(" ".join(("The song has brought its own stems.", *notes)))

        def looked(entries: tuple[StemEntry, ...]) -> None:
            if entries and document.project is project:
                document.jobs.run("Reading the file's stems", read, done, failed=self.failed.emit)

        document.jobs.run(
            "Looking for stems",
            lambda progress: read_entries(song.info.path),
            looked,
            failed=self.failed.emit,
            heavy=False,
        )
