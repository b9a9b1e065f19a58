"""Storage: the project's file and the working copy that takes a transaction an edit.

The working copy lies in the user's data folder, because folders that are synchronised with a cloud lose the files
that SQLite keeps beside a database. Saving puts a consistent copy of it at the project's own path.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from stemstudio.algorithms.estimates import Estimates
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.progress import Progress
from stemstudio.project import database
from stemstudio.project.arrays import Reader
from stemstudio.project.history import History, Step
from stemstudio.project.kept_arrays import Fresh, KeptArrays
from stemstudio.project.opinions import Remembered
from stemstudio.project.project import Change, Project, SongReference
from stemstudio.project.records import SongRecord, SoundRecord
from stemstudio.project.rows import changed_tiles, rows_of, write_meta, write_rows
from stemstudio.project.saving import Snapshot
from stemstudio.project.session import SessionFolder, SessionNote
from stemstudio.project.song_file import bytes_of, sha256_of, song_record
from stemstudio.project.step_list import StepList
from stemstudio.project.take_records import opinions_text, takes_text
from stemstudio.project.takes import Answer
from stemstudio.project.writer import Writer
from stemstudio.spectral.tiles import TileMask

SURVIVED = 20.0  # seconds after which a recovered session has not crashed


class Storage:
    """Keeps an open project safe. Its methods return at once unless they say otherwise.

    Attributes
    ----------
    path
        The project's own file; None as long as it was never saved.
    song
        Where the song is, and what it is recognised by.
    embedded
        Whether the song's own bytes are in the project.
    """

    def __init__(
        self,
        folder: SessionFolder,
        connection: sqlite3.Connection,
        path: Path | None,
        song: SongRecord,
        reader: Reader | None = None,
    ) -> None:
        self.path = path
        self.song = song
        self.embedded = connection.execute("SELECT count(*) FROM song_bytes").fetchone()[0] > 0
        self.reader = reader or Reader(folder.database)
        self._folder = folder
        self._lock = threading.Lock()
        self.kept = KeptArrays(folder.database, self.reader, self._lock)
        self._changes = 0
        self._steps = StepList()
        self._pending: dict[str, dict[int, Any]] = {}
        self._paint: dict[int, TileMask] = {}
        self._ends: list[Callable[[], None]] = []
        self._project: Project | None = None
        self._history: History | None = None
        self._writer = Writer(connection, folder.database, self._lock)
        self._timer: threading.Timer | None = None

    @classmethod
    def create(
        cls,
        project: Project,
        history: History,
        *,
        home: Path | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Storage:
        """Storage for a project that has no file yet.

        Parameters
        ----------
        home
            Folder of the sessions; the user's data folder by default.
        tags
            Of the song, for exports after it was moved.
        """
        song = song_record(project.song)
        folder = SessionFolder.create(home, SessionNote(title=song.title, song=song.path))
        try:
            connection = database.create(folder.database)
            database.journal(connection)
        except sqlite3.Error as error:
            folder.release(remove=True)
            raise UnwritableFile(folder.database, str(error), "Free some space on this disk.") from None
        storage = cls(folder, connection, None, song)
        rows, tiles = rows_of(project.state)

        def begin(connection: sqlite3.Connection) -> None:
            write_meta(connection, "song", song.model_dump_json())
            write_meta(connection, "tags", json.dumps(dict(tags or {})))
            write_meta(connection, "view", json.dumps(project.view))
            write_rows(connection, rows, tiles, fresh.keep)

        fresh = Fresh(storage.kept)
        storage._writer.write(begin, fresh.settle)
        storage._write_sound(project)
        storage.attach(project, history)
        return storage

    def attach(self, project: Project, history: History) -> None:
        """Write down whatever changes in the project from now on."""
        self._project, self._history = project, history
        self._paint = dict(project.state.paint)
        self._ends = [
            project.listen_rows(self._rows_put),
            project.listen(self._changed),
            history.listen(self._stepped),
        ]

    @property
    def on_problem(self) -> Callable[[StemStudioError | None], None] | None:
        """Called in the writer's thread when the working copy cannot be written, and with None when it can again."""
        return self._writer.on_problem

    @on_problem.setter
    def on_problem(self, report: Callable[[StemStudioError | None], None] | None) -> None:
        self._writer.on_problem = report

    def set_view(self, view: Mapping[str, Any]) -> None:
        """Remember how the window looks at the project; JSON data."""
        text = json.dumps(dict(view), allow_nan=False)
        if self._project is not None:
            self._project.view = dict(view)
        self._writer.write(lambda connection: write_meta(connection, "view", text))

    def set_takes(self, answers: Sequence[Answer]) -> None:
        """Keep what is compared: the newest takes, as many as may lie in a project's file."""
        fresh = Fresh(self.kept)

        def write(connection: sqlite3.Connection) -> None:
            fresh.clear()
            write_meta(
                connection, "takes", takes_text(answers, lambda estimates: fresh.keep(connection, estimates))
            )

        self._write(write, fresh.settle)

    def set_opinions(self, opinions: Sequence[Remembered]) -> None:
        """Keep other answers than the stems: the newest, as many as may lie in a project's file."""
        fresh = Fresh(self.kept)

        def write(connection: sqlite3.Connection) -> None:
            fresh.clear()
            text = opinions_text(opinions, lambda estimates: fresh.keep(connection, estimates))
            write_meta(connection, "opinions", text)

        self._write(write, fresh.settle)

    def keep(self, estimates: Estimates, progress: Progress | None = None) -> Estimates:
        """Write the arrays of estimates before the edit that adds them; takes its time, for a worker's thread.

        Returns
        -------
        Estimates
            Equal ones to put into the edit; large arrays are then read from disk and need no memory.
        """
        return self.kept.keep(estimates, progress or Progress())

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every change made so far is in the working copy; raises why it cannot be."""
        self._writer.flush(timeout)

    def snapshot(self) -> Snapshot:
        """The project as it is now, to be saved in a worker's thread while work goes on."""
        assert self._project is not None
        place = self._history.here() if self._history is not None else None
        source: Future[sqlite3.Connection] = Future()
        self._writer.write(lambda _: _pin(self._folder.database, source))
        return Snapshot(self, self._project, source, place, self._changes)

    def save(self, path: Path | None = None, progress: Progress | None = None) -> Path:
        """Save now, here: at `path`, or where it was saved before; waits until it is done."""
        return self.snapshot().save(path, progress)

    def saved(self, path: Path, changes: int) -> None:
        """A snapshot was saved that held the first `changes` changes."""
        self.path = path

        def settle(connection: sqlite3.Connection) -> None:
            self._folder.update(project=str(path), attempts=0)
            if self._changes == changes:
                self._folder.update(changed=False)
            self.kept.sweep(connection)

        self._writer.write(settle)

    @property
    def problem(self) -> StemStudioError | None:
        """Why the working copy cannot be written just now."""
        return self._writer.problem

    def embed_song(self, path: Path, progress: Progress | None = None) -> None:
        """Put the song's own file into the project; takes its time. Refused when the file holds something else."""
        self._check_song(path, progress)
        connection = database.connect(self._folder.database)
        try:
            with self._lock:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DELETE FROM song_bytes")
                for number, data in enumerate(bytes_of(path)):
                    connection.execute("INSERT INTO song_bytes VALUES (?, ?)", (number, data))
                self._folder.touch()
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise UnwritableFile(self._folder.database, str(error), "Free some space on this disk.") from None
        finally:
            connection.close()
        self.embedded = True

    def drop_song(self) -> None:
        """Take the song's bytes out of the project again; its path stays."""
        self.embedded = False
        self._write(lambda connection: connection.execute("DELETE FROM song_bytes"))

    def set_song(self, song: SongReference) -> None:
        """The song's reference became known in full: its hash is there when all of it has been decoded."""
        self.song = song_record(song)
        text = self.song.model_dump_json()

        def write(connection: sqlite3.Connection) -> None:
            self._folder.update(title=self.song.title, song=self.song.path)
            write_meta(connection, "song", text)

        self._writer.write(write)

    def relink(self, path: Path, progress: Progress | None = None) -> None:
        """Say where the song is now; takes its time. Refused when the file holds something else."""
        self._check_song(path, progress)
        self.song = self.song.model_copy(update={"path": str(path.absolute()), "size": path.stat().st_size})
        if self._project is not None:
            self._project.song = self.song.reference
        text = self.song.model_dump_json()
        self._write(lambda connection: write_meta(connection, "song", text))

    def survived(self) -> None:
        """The recovered project works: should the program end badly now, it was not the recovery."""
        self._writer.write_if_open(lambda _: self._folder.update(attempts=0))

    def count_down(self) -> None:
        """Call `survived` in a while, unless the program is gone by then."""
        self._timer = threading.Timer(SURVIVED, self.survived)
        self._timer.daemon = True
        self._timer.start()

    def close(self, *, keep: bool = False) -> None:
        """End it: the working copy is removed, unless it is to be offered at the next start. Takes its time."""
        self._detach()
        self._end(keep)

    def close_behind(self, *, keep: bool = False) -> threading.Thread:
        """End it, in a thread of its own: a long recording's working copy takes seconds to be put together and removed."""
        self._detach()
        thread = threading.Thread(target=self._end, args=(keep,), name="closing a project")
        thread.start()
        return thread

    def _detach(self) -> None:
        """Write nothing down any more."""
        for end in self._ends:
            end()
        self._ends = []
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, keep: bool) -> None:
        self._writer.stop()
        self.reader.close()
        self._folder.release(remove=not keep)

    # what happens to the project

    def _rows_put(self, rows: Mapping[str, Mapping[int, Any]]) -> None:
        for table, values in rows.items():
            self._pending.setdefault(table, {}).update(values)
        if self._history is None or not self._history.busy:
            self._commit(None)

    def _stepped(self, step: Step) -> None:
        self._commit(step)

    def _changed(self, change: Change) -> None:
        if "song" in change.kinds and self._project is not None:
            self._write_sound(self._project)

    def _commit(self, step: Step | None) -> None:
        """Hand what is pending, and the step it belongs to, to the writer as one transaction."""
        assert self._project is not None
        rows, self._pending = self._pending, {}
        paint = rows.pop("paint", {})
        tiles = changed_tiles(self._paint, paint)
        for stem, mask in paint.items():
            if mask is None:
                self._paint.pop(stem, None)
            else:
                self._paint[stem] = mask
        next_id = self._project.next_id
        fresh = Fresh(self.kept)
        log = self._steps.taken(step, fresh)

        def write(connection: sqlite3.Connection) -> None:
            fresh.clear()
            write_rows(connection, rows, tiles, fresh.keep)
            write_meta(connection, "next_id", str(next_id))
            log(connection)

        self._write(write, fresh.settle)

    # inside

    def _write(
        self, job: Callable[[sqlite3.Connection], object], after: Callable[[], None] | None = None
    ) -> None:
        self._changes += 1

        def touching(connection: sqlite3.Connection) -> None:
            self._folder.touch()
            job(connection)

        self._writer.write(touching, after)

    def _write_sound(self, project: Project) -> None:
        mixture = project.state.mixture
        sound = SoundRecord(sample_rate=mixture.sample_rate, channels=mixture.channels, length=mixture.length)
        self._writer.write(lambda connection: write_meta(connection, "sound", sound.model_dump_json()))

    def _check_song(self, path: Path, progress: Progress | None) -> None:
        try:
            found = sha256_of(path, progress)
        except OSError as error:
            raise StemStudioError(
                f"“{path.name}” cannot be read: {error.strerror}.", "Choose another file."
            ) from None
        if not self.song.sha256:  # never heard to its end, so that nothing was known of it but its name
            self.song = self.song.model_copy(update={"sha256": found})
        if found != self.song.sha256:
            raise StemStudioError(
                f"“{path.name}” is not the song this project was made from.",
                f"Choose “{Path(self.song.path).name}”, or open this file as a project of its own.",
            )


def _pin(path: Path, source: Future[sqlite3.Connection]) -> None:
    """A connection that goes on seeing the database as it is now."""
    if source.done():
        return
    connection = database.connect(path, "ro")
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM meta").fetchone()
    source.set_result(connection)
