"""Teaching: from an example in the song, a stem or a file to a template in the library, and from there into a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from stemstudio.algorithms.nmf.learning import Example
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.template_library import TemplateLibrary
from stemstudio.audio.audio import Sound
from stemstudio.gui.dialogs.learn_template import LearnTemplateDialog, Lesson
from stemstudio.gui.dialogs.template_library import TemplateLibraryDialog
from stemstudio.gui.document import Document
from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.notation import time_text
from stemstudio.gui.player import Player
from stemstudio.gui.views.separate import SeparatePanel
from stemstudio.progress import Progress
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import Selection, grid_of
from stemstudio.spectral.tiles import Patch

FREE_ATOMS = (
    16  # beside taught ones, for the rest of a song; from the table of tests/benchmarks/study_free_atoms.py
)

Samples = NDArray[np.float32]


class Teaching(QObject):
    """What the commands about templates do; dialogs ask, jobs learn.

    Attributes
    ----------
    library_dialog
        The library, while it is open.
    """

    def __init__(self, document: Document, player: Player, separate: SeparatePanel, window: QWidget) -> None:
        super().__init__(window)
        self._document = document
        self._player = player
        self._separate = separate
        self._window = window
        self._auditions = 0
        self.library_dialog: TemplateLibraryDialog | None = None

    def from_selection(self) -> None:
        """Ask about a template of what is selected of the target stem."""
        document = self._document
        state, bounds = document.state, document.selection.bounds
        if state is None or bounds is None:
            document.said.emit("Nothing is selected; drag with T, F or R over one clean sound.")
            return
        name = state.stems[document.target].name
        of = "the song" if document.target == MIXTURE else name
        rate = state.mixture.sample_rate
        pitch = (
            "" if bounds.low <= 0 and bounds.high >= rate / 2 else f", {bounds.low:.0f}–{bounds.high:.0f} Hz"
        )
        words = f"{time_text(bounds.start, 2)} – {time_text(bounds.stop, 2)}{pitch} of {of}"
        example = Example(
            max(0.0, bounds.start), bounds.stop, weights=partial(_weights, document.selection, rate)
        )
        self._ask(StemSound(state, document.target), example, words, "" if of == "the song" else name)

    def from_stem(self) -> None:
        """Ask about templates of all that the target stem plays."""
        document = self._document
        state = document.state
        if state is None:
            return
        name = state.stems[document.target].name
        whole = document.target == MIXTURE
        words = "all of the song" if whole else f"all of {name}"
        self._ask(StemSound(state, document.target), Example(), words, "" if whole else name)

    def from_file(self, path: Path | None = None) -> None:
        """Ask for a recording, unless it is said, and about the templates of what sounds in it."""
        if path is None:
            folder = last_folder("teach")
            chosen, _ = QFileDialog.getOpenFileName(self._window, "Learn templates from a file", folder)
            if not chosen:
                return
            path = Path(chosen)
            remember_folder("teach", path.parent)
        self._ask(path, Example(), path.name, path.stem)

    def show_library(self, chosen: Sequence[str] = ()) -> None:
        """Open the library, or bring it to the front, with these entries chosen."""
        if self.library_dialog is None:
            dialog = TemplateLibraryDialog(TemplateLibrary(), self._document, self._window)
            dialog.hear_wanted.connect(self.hear)
            dialog.use_wanted.connect(self.use)
            dialog.finished.connect(self._library_closed)
            self.library_dialog = dialog
            dialog.show()
        self.library_dialog.look_again(chosen)
        self.library_dialog.raise_()

    def use(self, names: Sequence[str], held: bool, free: bool) -> None:
        """Fill the Separate form in with templates."""
        form = self._separate.form
        recipe = form.recipe() if form.algorithm is NMF else None
        changes = {
            "templates": ", ".join(names),
            "hold_templates": held,
            "free": FREE_ATOMS if free else 0,
        }
        self._separate.fill_in((recipe or NMF()).model_copy(update=changes))
        stems = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        self._document.said.emit(f"Separate is filled in: Run makes a stem of {stems}.")

    def hear(self, samples: Samples, sample_rate: int) -> None:
        """Play a short mono sound for itself."""
        state = self._document.state
        if state is None or not samples.size:
            return
        rate, length = state.mixture.sample_rate, state.mixture.length
        place = int(self._player.position)
        self._auditions += 1
        number = self._auditions

        def work(progress: Progress) -> Samples:
            progress.check()
            if sample_rate == rate:
                return samples
            import soxr

            return np.asarray(soxr.resample(samples, sample_rate, rate), dtype=np.float32)

        def done(found: Samples) -> None:
            if number == self._auditions and self._document.state is not None:
                buffer = np.ascontiguousarray(np.broadcast_to(found[:length], (2, min(length, found.size))))
                self._player.audition(buffer, max(0, min(place, length - buffer.shape[1])))

        self._document.jobs.run("Listening", work, done, heavy=False)

    def _ask(self, sound: Sound | Path, example: Example, words: str, name: str) -> None:
        if isinstance(sound, StemSound) and not self._document.complete:
            self._document.said.emit("The song is still being read; it can teach in a moment.")
            return
        project = self._document.project
        title = project.song.title if project is not None and not isinstance(sound, Path) else ""
        source = f"{title}: {words}" if title else words
        dialog = LearnTemplateDialog(
            Lesson(sound, example, words, source, name), TemplateLibrary(), self._document, self._window
        )
        dialog.hear_wanted.connect(self.hear)
        dialog.learned.connect(lambda learned: self.show_library([learned]))
        dialog.show()

    def _library_closed(self) -> None:
        dialog, self.library_dialog = self.library_dialog, None
        if dialog is not None:
            dialog.deleteLater()


def _weights(selection: Selection, sample_rate: int, first: int, last: int) -> Samples:
    """The selection on frames of the grid that templates are learned on."""
    grid = NMF().grid
    return selection.weights(*grid_of(Patch(0, grid.bins, first, last), grid, sample_rate))
