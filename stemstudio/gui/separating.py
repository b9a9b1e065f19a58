"""Separating: runs a recipe on a stem in the background and adds what it answers to the project."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import Project
from stemstudio.project.rendering import StemSound


class Separating(QObject):
    """Runs recipes, one after another.

    Signals
    -------
    atoms_so_far(stem, estimates)
        Atoms of a factorisation that is still running.
    ended(stem)
        A run is over, whichever way; what `atoms_so_far` said is no more.
    failed(error)
        The run ended with an error, to be shown.
    measured(name, speed)
        Seconds of song that a second of work does with the recipe as delivered.
    """

    atoms_so_far = Signal(int, object)
    ended = Signal(int)
    failed = Signal(object)
    measured = Signal(str, float)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._of: dict[Job, Project] = {}
        document.opened.connect(self._stop_what_is_closed)
        self.keep: Any = None  # storage's `keep(estimates)`, called on the worker before the edit is made

    def run(self, stem: int, recipe: Algorithm, together: Mapping[str, str] | None = None) -> Job | None:
        """Take a stem apart; the answer becomes an edit when it is there.

        `together` names the stem of parts that are to be one stem, such as {"drums": "band", "bass": "band"}.
        """
        document = self._document
        state, project = document.state, document.project
        if state is None or project is None or stem not in state.stems:
            return None
        if not document.complete:
            document.said.emit("The song is still being read; it can be separated in a moment.")
            return None
        sound = StemSound(state, stem)
        seconds = sound.length / sound.sample_rate
        keep = self.keep

        def work(progress: Progress) -> Estimates:
            began = time.monotonic()
            estimates = recipe.run(sound, progress.part(0.0, 0.97))
            self.measured.emit(recipe.name, seconds * recipe.effort / max(1e-3, time.monotonic() - began))
            if keep is not None:
                estimates = keep(estimates)
            progress(1.0, "Done")
            return estimates

        def done(estimates: Estimates) -> None:
            if document.project is project and stem in project.state.stems:
                before, name = project.state, state.stems[stem].name
                title = recipe.title if stem == 0 else f"{recipe.title} of {name}"
                if estimates.atoms:
                    title += f", {len(estimates.names)} atoms"
                words = [(together or {}).get(part, part) for part in estimates.names]
                stems = None if estimates.atoms else list(dict.fromkeys(words))
                owners = None if stems is None else [stems.index(word) for word in words]
                document.do(
                    edits.split(project, stem, recipe, estimates, stems=stems, owners=owners, name=title)
                )
                if stem in before.splits and stem not in state.splits:
                    document.said.emit(
                        f"{name} was split in the meantime; that was replaced, and Undo brings it back."
                    )
                if estimates.atoms:
                    document.show_atoms_of(stem)

        def so_far(estimates: Estimates) -> None:
            if document.project is project:
                self.atoms_so_far.emit(stem, estimates)

        def failed(error: Exception) -> None:
            if document.project is project:
                self.failed.emit(error)

        def over() -> None:
            self._of.pop(job, None)
            self.ended.emit(stem)

        title = f"{recipe.title} · {state.stems[stem].name}"
        job = document.jobs.run(
            title,
            work,
            done,
            failed=failed,
            stopped=lambda: document.said.emit(f"Stopped {title}; nothing was changed."),
            handed_on=so_far,
        )
        self._of[job] = project
        job.ended.connect(over)
        return job

    def _stop_what_is_closed(self) -> None:
        """Nobody waits any more for a song that was closed."""
        for job, project in self._of.items():
            if project is not self._document.project:
                job.stop()
