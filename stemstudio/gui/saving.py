"""Saving: the project's file, its working copy, and sessions that were left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from stemstudio.algorithms.estimates import Estimates
from stemstudio.audio.channels import ChannelChoice
from stemstudio.errors import StemStudioError
from stemstudio.gui import view_record
from stemstudio.gui.dialogs import left_behind
from stemstudio.gui.dialogs.left_behind import SUFFIX, plain
from stemstudio.gui.document import Document
from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.jobs import Job
from stemstudio.gui.opening import Opening, Song
from stemstudio.gui.player import Player
from stemstudio.progress import Progress
from stemstudio.project.opening import Opened, SongMissing, open_project
from stemstudio.project.opinions import Remembered
from stemstudio.project.project import Project
from stemstudio.project.recovery import recover
from stemstudio.project.session import Session, sessions
from stemstudio.project.storage import Storage
from stemstudio.project.takes import Answer, Take, take_of

LONGEST_WAIT = 20.0  # seconds that a song waits to be closed until it is written
VIEW_AFTER = 1000  # ms of rest after which the view is written down


class Saving(QObject):
    """Keeps the open project in its storage.

    Signals
    -------
    changed()
        Another path, saved or unsaved, embedded or not: for the title of the window.
    failed(error)
        Something could not be opened or written.
    opened(path)
        A project was opened, for the list of recent files.
    takes_read(takes)
        What was compared when the project was saved, as takes of the song as it is.
    opinions_read(opinions)
        Other answers than the stems, as `Remembered`.
    """

    changed = Signal()
    failed = Signal(object)
    opened = Signal(object)
    takes_read = Signal(object)
    opinions_read = Signal(object)
    _problem = Signal(object)

    def __init__(self, window: QWidget, document: Document, opening: Opening, player: Player) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._opening = opening
        self._player = player
        self.storage: Storage | None = None
        self.song: Song | None = None
        self.tags: dict[str, str] = {}
        self._owner: Project | None = None  # whose storage it is
        self._restore_after_reading: dict[str, Any] | None = None
        self._takes: tuple[Answer, ...] = ()  # until the song is read
        self._opinions: tuple[Remembered, ...] = ()  # likewise
        self._writing: list[Job] = []
        self._closing: list[threading.Thread] = []
        self._timer = QTimer(self, singleShot=True, interval=VIEW_AFTER)
        self._timer.timeout.connect(self._write_view)
        for signal in (document.target_changed, document.selection_changed, document.look_changed):
            signal.connect(self._timer.start)
        document.viewport.changed.connect(self._timer.start)
        document.hints.strength_changed.connect(self._timer.start)
        document.history_changed.connect(self.changed)
        document.opened.connect(self._another_project)
        opening.read.connect(self._song_read)
        self._problem.connect(self._say_problem)

    # what is open

    @property
    def path(self) -> Path | None:
        """The project's file; None as long as it was never saved."""
        return None if self.storage is None else self.storage.path

    @property
    def unsaved(self) -> bool:
        """Whether something would be lost by closing."""
        history = self._document.history
        return history is not None and not history.saved

    def forget(self) -> None:
        """Let go of the storage of what was open; its working copy is not needed any more."""
        self._timer.stop()
        self._finish_writing()
        if self.storage is not None:
            self._let_go(self.storage)
        self.storage, self.song, self._owner = None, None, None
        self.tags = {}
        self._restore_after_reading, self._takes, self._opinions = None, (), ()

    def close(self) -> None:
        """Let go of what is open, and wait until the working copies of all that was open are gone."""
        self.forget()
        for thread in self._closing:
            thread.join()
        self._closing = []

    def _let_go(self, storage: Storage, *, keep: bool = False) -> None:
        self._closing = [thread for thread in self._closing if thread.is_alive()]
        self._closing.append(storage.close_behind(keep=keep))

    def _finish_writing(self) -> None:
        """Wait for what is being written from the storage just now, and take up that it is saved."""
        end = time.monotonic() + LONGEST_WAIT
        while any(not job.over for job in self._writing) and time.monotonic() < end:
            time.sleep(0.005)
        for job in tuple(self._writing):
            QCoreApplication.sendPostedEvents(job)
        QCoreApplication.sendPostedEvents(self)

    def allowed_to_close(self) -> bool:
        """Ask what becomes of unsaved work; False to stay."""
        self._finish_writing()
        if not self.unsaved or self._document.project is None:
            return True
        title = self._document.project.song.title
        box = QMessageBox(
            QMessageBox.Icon.Question, "StemStudio", f"Save the work on “{title}”?", parent=self._window
        )
        box.setInformativeText("What is not saved is lost when the song is closed.")
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        if answer == buttons.Save:
            return self.save(wait=True)
        return answer == buttons.Discard

    # opening

    def open(self, path: Path) -> None:
        """Open a project file in the background."""
        self._load(f"Opening {path.name}", lambda progress: open_project(path, progress=progress))

    def recover(self, session: Session) -> None:
        """Open what a dead process left behind."""
        self._load("Recovering", lambda progress: recover(session, progress))

    def _load(self, title: str, work: Any) -> None:
        self._opening.cancel()
        number = self._opening.number

        def take(opened: Opened) -> None:
            if number == self._opening.number:
                self._take(opened)
            else:  # something else was opened in the meantime
                self._let_go(opened.storage, keep=opened.recovered)

        self._document.jobs.run(title, work, take, failed=self.failed.emit, heavy=False)

    def _take(self, opened: Opened) -> None:
        self.forget()
        document = self._document
        self.storage = opened.storage
        self.storage.on_problem = self._problem.emit
        self.tags = dict(opened.tags)
        self._owner = opened.project
        document.set_project(opened.project, opened.history, [step.name for step in opened.steps])
        self._restore_after_reading = dict(opened.view)
        self._takes, self._opinions = opened.takes, opened.opinions
        view_record.restore(document, self._player, opened.view)
        self.storage.count_down()
        if opened.storage.path is not None:
            self.opened.emit(opened.storage.path)
        song = opened.song or self._ask_for_song(opened.song_missing)
        if song is not None:
            self._read_song(song)
        else:
            document.said.emit("The song was not found: the project is shown without sound.")
        self.changed.emit()

    def _read_song(self, song: Path) -> None:
        project = self._document.project
        assert project is not None
        taken = project.song.channels_taken
        choice = None if taken == "all" else ChannelChoice.parse(taken)
        self._opening.open(song, choice, into=project)

    def _ask_for_song(self, missing: SongMissing | None) -> Path | None:
        """Ask where a song is now, until it is the right one or the person gives up."""
        storage = self.storage
        assert storage is not None
        if missing is None:
            return None
        question = f"The song “{missing.title}” is not at {missing.path} any more."
        while True:
            box = QMessageBox(QMessageBox.Icon.Question, "Where is the song?", question, parent=self._window)
            box.setInformativeText(
                "Show where it is now; it is recognised by its content, whatever it is called."
            )
            find = box.addButton("Find the song…", QMessageBox.ButtonRole.AcceptRole)
            box.addButton("Go on without sound", QMessageBox.ButtonRole.RejectRole)
            box.exec()
            if box.clickedButton() is not find:
                return None
            name, _ = QFileDialog.getOpenFileName(
                self._window, "Find the song", str(Path(missing.path).parent)
            )
            if not name:
                continue
            try:
                storage.relink(Path(name))
            except StemStudioError as error:
                question = str(error)
                continue
            return Path(name)

    def _another_project(self) -> None:
        if self._document.project is not self._owner:
            self.forget()

    def _song_read(self, song: Song) -> None:
        """A song is complete: a new one gets its storage, that of a project gets its view back."""
        document = self._document
        project, history = document.project, document.history
        assert project is not None
        assert history is not None
        self.song = song
        if self.storage is None:
            try:
                self.storage = Storage.create(project, history, tags=song.info.tags.texts)
            except StemStudioError as error:
                self.failed.emit(error)
            else:
                self.storage.on_problem = self._problem.emit
                self._owner = project
        elif self._restore_after_reading is not None:
            view_record.restore(document, self._player, self._restore_after_reading)
            self._restore_after_reading = None
            state = project.state
            takes = [take_of(state, answer) for answer in self._takes if answer.stem in state.stems]
            opinions = [each for each in self._opinions if each.answer.stem in state.stems]
            self._takes, self._opinions = (), ()
            self.takes_read.emit(takes)
            self.opinions_read.emit(opinions)
        self.changed.emit()

    def keep(self, estimates: Estimates, progress: Progress) -> Estimates:
        """Large arrays to disk, on a worker's thread; as they are where there is no working copy yet."""
        storage = self.storage
        return estimates if storage is None else storage.keep(estimates, progress)

    def keep_takes(self, takes: Sequence[Take]) -> None:
        """Keep what is compared with the project, from the next save on."""
        history = self._document.history
        if self.storage is None or history is None:
            return
        self.storage.set_takes([take.answer for take in takes])
        history.mark_unsaved()
        self.changed.emit()

    def keep_opinions(self, opinions: Sequence[Remembered], *, asked: bool) -> None:
        """Keep other answers than the stems with the project, from the next save on; `asked` where that is a change of its own.

        How stems were split before changes only by steps, which are to be saved anyway.
        """
        history = self._document.history
        if self.storage is None or history is None:
            return
        self.storage.set_opinions(opinions)
        if asked:
            history.mark_unsaved()
            self.changed.emit()

    # saving

    def save(self, *, wait: bool = False) -> bool:
        """Save where it was saved before, or ask where; with `wait`, True when it is on disk."""
        if self.path is None:
            return self.save_as(wait=wait)
        return self._save(self.path, wait)

    def save_as(self, *, wait: bool = False) -> bool:
        """Ask where, and save there."""
        project = self._document.project
        if project is None or self.storage is None:
            return False
        folder = last_folder("save")
        suggestion = str(self.path or Path(folder) / f"{plain(project.song.title)}{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Save the project", suggestion, f"Projects (*{SUFFIX})"
        )
        if not name:
            return False
        path = Path(name)
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
            if path.exists():
                question = f"“{path.name}” exists already. Replace it? It stays beside the new one as .bak."
                if QMessageBox.question(self._window, "Save", question) != QMessageBox.StandardButton.Yes:
                    return False
        remember_folder("save", path.parent)
        return self._save(path, wait)

    def _save(self, path: Path, wait: bool) -> bool:
        storage, history = self.storage, self._document.history
        if storage is None or history is None:
            return False
        self._write_view()
        snapshot = storage.snapshot()

        def saved(_: object) -> None:
            history.mark_saved(snapshot.place)
            self._document.said.emit(f"Saved {path.name}")
            self.opened.emit(path)
            self.changed.emit()

        if wait:
            try:
                snapshot.save(path, Progress())
            except StemStudioError as error:
                self.failed.emit(error)
                return False
            saved(None)
            return True
        job = self._document.jobs.run(
            f"Saving {path.name}",
            lambda progress: snapshot.save(path, progress),
            saved,
            failed=self.failed.emit,
            heavy=False,
        )
        self._writing.append(job)
        job.ended.connect(lambda: self._writing.remove(job))
        return True

    def set_embedded(self, on: bool) -> None:
        """Keep the song's own file inside the project, or not."""
        storage, project = self.storage, self._document.project
        if storage is None or project is None:
            return
        history = self._document.history
        assert history is not None
        if not on:
            storage.drop_song()
            history.mark_unsaved()
            self.changed.emit()
            return

        def done(_: object) -> None:
            history.mark_unsaved()
            self._document.said.emit("The song is inside the project from the next save on.")
            self.changed.emit()

        path = Path(project.song.path)
        job = self._document.jobs.run(
            "Keeping the song",
            lambda progress: storage.embed_song(path, progress),
            done,
            failed=self.failed.emit,
            heavy=False,
        )
        self._writing.append(job)
        job.ended.connect(lambda: self._writing.remove(job))

    # sessions left behind

    def offer_recovery(self) -> bool:
        """Offer the latest session that was left behind; True when it is being opened."""
        left = sessions()
        if not left:
            return False
        try:
            wanted = left_behind.ask(self._window, left[0])
        except StemStudioError as error:
            self.failed.emit(error)
            return False
        if wanted:
            self.recover(left[0])
        return wanted

    # the view

    def _write_view(self) -> None:
        document, storage = self._document, self.storage
        if storage is not None and document.state is not None and self._restore_after_reading is None:
            storage.set_view(view_record.record(document, self._player))

    def _say_problem(self, error: StemStudioError | None) -> None:
        if error is None:
            self._document.said.emit("The working copy is safe again.")
        else:
            self.failed.emit(error)
