"""Document: the open project as Qt sees it; every view listens here, and asks here for edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from stemstudio.audio.audio import Sound
from stemstudio.gui.jobs import Job, Jobs
from stemstudio.gui.look import Look
from stemstudio.gui.shown_hints import ShownHints
from stemstudio.gui.viewport import Viewport
from stemstudio.project.edit import Edit
from stemstudio.project.history import History
from stemstudio.project.project import Change, Project, State
from stemstudio.project.provisional import Provisional
from stemstudio.project.stem import MIXTURE, Split
from stemstudio.spectral.brushes import Box, Selection

UNFINISHED = (
    "This stem is still being taken apart: its faders and names can be changed, all else when that has ended."
)


class Document(QObject):
    """The open project, what is selected in it, and how it is looked at.

    Attributes
    ----------
    provisional
        A split that is still being made, laid over the project: `state` has it, the project does not.

    Signals
    -------
    opened()
        Another project, or none, is in `project`; views start afresh.
    changed(Change)
        The project's state is different.
    samples_ready(start, stop)
        These samples of the mixture have been decoded just now.
    reading_changed()
        Decoding began, went on or ended; see `ready_samples` and `complete`.
    history_changed()
        Undo list, place in it, or saved mark.
    target_changed(stem)
        The stem that tools and keys work on.
    atoms_changed()
        The split whose atoms are shown, or the atoms selected in it.
    selection_changed()
        The time-frequency selection.
    look_changed(Look)
        How the spectrogram is drawn.
    said(text)
        Something worth a line in the status bar.
    """

    opened = Signal()
    changed = Signal(object)
    samples_ready = Signal(int, int)
    reading_changed = Signal()
    history_changed = Signal()
    target_changed = Signal(int)
    atoms_changed = Signal()
    selection_changed = Signal()
    look_changed = Signal(object)
    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs = Jobs(self)
        self.viewport = Viewport(self)
        self.project: Project | None = None
        self.provisional: Provisional | None = None
        self._laid: State | None = None  # the project with the provisional split over it
        self._narrowed: Box | None = None
        self.history: History | None = None
        self.earlier: tuple[str, ...] = ()
        self.before: State | None = None  # what `\` lets one hear
        self.ready_samples = 0
        self.complete = False
        self.target = MIXTURE
        self.atoms_of: int | None = None
        self.atoms: tuple[int, ...] = ()
        self.selection = Selection()
        self.look = Look()
        self._stop_listening: Any = None
        self._of_song: list[Job] = []
        self.hints = ShownHints(self)

    @property
    def state(self) -> State | None:
        """What is seen and heard: the project, with the split over it that is still being made."""
        return self._laid or (None if self.project is None else self.project.state)

    @property
    def duration(self) -> float:
        """Of the song, in seconds; 0 without one."""
        state = self.state
        return 0.0 if state is None else state.mixture.length / state.mixture.sample_rate

    def set_project(
        self, project: Project | None, history: History | None = None, earlier: Sequence[str] = ()
    ) -> None:
        """Show another project, or none; `earlier` are the names of steps from earlier sessions."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        waited_for, self._of_song = self._of_song, []
        self.project, self.provisional, self._laid = project, None, None
        self.history = None if project is None else history or History(project)
        self.before = None
        self.earlier = tuple(earlier)
        self.target, self.atoms_of, self.atoms = MIXTURE, None, ()
        self.selection = Selection()
        self.ready_samples, self.complete = 0, False
        if project is not None:
            self._stop_listening = project.listen(self._project_changed)
            mixture = project.state.mixture
            self.viewport.set_song(mixture.length / mixture.sample_rate, mixture.sample_rate)
            self._repair_pointers()
        self.opened.emit()
        self.history_changed.emit()
        self.target_changed.emit(self.target)
        self.atoms_changed.emit()
        self.selection_changed.emit()
        for job in waited_for:
            if not job.over:
                self.jobs.stop(job)

    def stop_with_song(self, job: Job) -> Job:
        """Have a job stopped when the song is closed: nobody waits for it any more."""
        self._of_song = [*(each for each in self._of_song if not each.over), job]
        return job

    def set_reading(self, ready: int, complete: bool) -> None:
        """Samples [0, ready) of the mixture are there now."""
        start, self.ready_samples = self.ready_samples, ready
        self.complete = complete
        if ready > start:
            self.samples_ready.emit(start, ready)
        self.reading_changed.emit()

    def set_mixture(self, mixture: Sound) -> None:
        """The same song in another (longer, shorter, finished) array."""
        assert self.project is not None
        self.project.set_mixture(mixture)
        self.viewport.set_duration(mixture.length / mixture.sample_rate)

    # edits

    def do(self, edit: Edit | None) -> bool:
        """Do an edit; False where there was nothing to do."""
        if edit is None or self.history is None or self.project is None:
            return False
        laid = self.provisional
        if laid is not None and laid.touches(edit):
            taken = laid.taking(edit)
            if taken is None:
                self.said.emit(UNFINISHED)
                return False
            self.lay_over(taken, edit.change)
            return True
        before = self.project.state
        self.history.do(edit)
        if edit.change.sounds:
            self.before = before
        self.history_changed.emit()
        return True

    def lay_over(self, provisional: Provisional | None, change: Change | None = None) -> None:
        """Show a split that is still being made, or none any more; `change` says what is different, if not all of it."""
        assert self.project is not None
        old, self.provisional = self.provisional, provisional
        self._laid = None if provisional is None else provisional.over(self.project.state)
        whole = provisional or old
        if whole is not None:
            self._tell(change or whole.edit.change)

    def finish(self, edit: Edit) -> None:
        """The split that was shown so far becomes a step; what was finished before is not drawn and rendered again."""
        laid, state = self.provisional, self.state
        whole = state is not None and laid is not None and laid.done == ((0, state.mixture.length),)
        if whole and laid is not None and laid.settled:
            self._narrowed = Box(start=0.0, stop=0.0, low=0.0, high=1.0)
        self.provisional = self._laid = None
        self.do(edit)
        self._narrowed = None

    def undo(self) -> None:
        self._step("undo")

    def redo(self) -> None:
        self._step("redo")

    def jump(self, place: int) -> None:
        """Go to a place in the history."""
        if self.history is not None and self.project is not None:
            self.before = self.project.state
            self.history.jump(place)
            self.history_changed.emit()

    def settle(self) -> None:
        """A fader was let go: what follows is a step of its own."""
        if self.history is not None:
            self.history.settle()

    # pointers into the project

    def set_target(self, stem: int) -> None:
        """Make a leaf the stem that tools work on."""
        if stem != self.target and self.state is not None and stem in self.state.stems:
            self.target = stem
            self.target_changed.emit(stem)

    def target_number(self, number: int) -> int | None:
        """Id of leaf `number` (1 is the first strip of the mixer), or None."""
        state = self.state
        leaves = () if state is None else state.leaves()
        return leaves[number - 1].id if 0 < number <= len(leaves) else None

    @property
    def atom_split(self) -> Split | None:
        """The split whose atoms the atom pane shows."""
        state = self.state
        return None if state is None or self.atoms_of is None else state.splits.get(self.atoms_of)

    def show_atoms_of(self, stem: int | None) -> None:
        if stem != self.atoms_of:
            self.atoms_of, self.atoms = stem, ()
            self.atoms_changed.emit()

    def select_atoms(self, atoms: Sequence[int]) -> None:
        """Select atoms of the split on display; rows of a run that has not ended yet are none."""
        count = 0 if self.atom_split is None else len(self.atom_split.owners)
        chosen = tuple(atom for atom in atoms if atom < count)
        if chosen != self.atoms:
            self.atoms = chosen
            self.atoms_changed.emit()

    def set_selection(self, selection: Selection) -> None:
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit()

    def select_all(self) -> None:
        box = Box(start=0.0, stop=self.duration, low=0.0, high=self.viewport.nyquist)
        self.set_selection(Selection().combined("replace", box))

    def set_look(self, **fields: Any) -> None:
        look = self.look.model_copy(update=fields)
        if look != self.look:
            self.look = look
            self.look_changed.emit(look)

    # inside

    def _step(self, way: str) -> None:
        if self.history is None or self.project is None:
            return
        before = self.project.state
        edit = getattr(self.history, way)()
        if edit is not None:
            self.before = before
            self.history_changed.emit()
            self.said.emit(f"{'Undid' if way == 'undo' else 'Redid'} {edit.name}")

    def _project_changed(self, change: Change) -> None:
        laid, project = self.provisional, self.project
        assert project is not None
        if laid is not None and laid.fits(project.state):
            self._laid = laid.over(project.state)
        elif laid is not None:
            self.provisional = self._laid = None
            change = change.union(laid.edit.change)
        self._tell(change if self._narrowed is None else replace(change, box=self._narrowed))

    def _tell(self, change: Change) -> None:
        target, atoms = self.target, (self.atoms_of, self.atoms)
        if change.kinds & {"stems", "splits"}:
            self._repair_pointers()
        # Views take on the new stems first, and only then hear that one of them is the target.
        self.changed.emit(change)
        if self.target != target:
            self.target_changed.emit(self.target)
        if (self.atoms_of, self.atoms) != atoms:
            self.atoms_changed.emit()

    def _repair_pointers(self) -> None:
        """Target and atoms must be things that are still there; who calls says so to the others."""
        state = self.state
        assert state is not None
        leaves = [leaf.id for leaf in state.leaves()]
        if self.target not in leaves:
            self.target = leaves[0]
        with_atoms = [stem for stem, split in state.splits.items() if split.estimates.atoms]
        if self.atoms_of not in with_atoms:
            self.atoms_of, self.atoms = (with_atoms[-1] if with_atoms else None), ()
        elif self.atoms_of is not None:
            count = len(state.splits[self.atoms_of].owners)
            if any(atom >= count for atom in self.atoms):
                self.atoms = ()
