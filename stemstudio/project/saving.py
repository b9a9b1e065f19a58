"""Saving: a consistent copy of the project at its own path, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stemstudio.errors import UnwritableFile
from stemstudio.progress import Progress
from stemstudio.project import database
from stemstudio.project.history import Place
from stemstudio.project.kept_arrays import arrays_wanted
from stemstudio.project.project import Project
from stemstudio.project.records import SongRecord, SoundRecord
from stemstudio.project.rows import rows_of, write_array, write_meta, write_rows

if TYPE_CHECKING:
    from stemstudio.project.storage import Storage

SMALL = ("stems", "splits", "strokes", "tiles", "edits", "song_bytes")


class Snapshot:
    """The project as it was at one moment.

    Attributes
    ----------
    place
        Where the history stood: give it to `History.mark_saved` when the save has ended.
    """

    def __init__(
        self,
        storage: Storage,
        project: Project,
        source: Future[sqlite3.Connection],
        place: Place | None,
        changes: int,
    ) -> None:
        self.place = place
        self._storage = storage
        self._state = project.state
        self._view = dict(project.view)
        self._next_id = project.next_id
        self._source = source
        self._changes = changes

    def save(self, path: Path | None = None, progress: Progress | None = None) -> Path:
        """Put this snapshot at `path` (where the project was saved before, by default); takes its time.

        The file is written beside the target under another name and moved when it is whole; the one that was there
        stays as "….bak". `UnwritableFile` when it could not be done, and then nothing has changed.
        """
        target = path or self._storage.path
        if target is None:
            raise UnwritableFile("project", "it has no name yet", "Choose where to save it.")
        report = progress or Progress()
        target = target.expanduser().resolve()
        part = target.with_name(target.name + ".part")
        source = self._pinned()
        try:
            part.unlink(missing_ok=True)
            self._write(part, target, source, report)
            put_in_place(part, target)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UnwritableFile(target, reason, "Free some space, or save it in another folder.") from None
        finally:
            if source is not None:
                source.close()
            _remove(part)
        self._storage.saved(target, self._changes)
        report(1.0, "Saved")
        return target

    def _pinned(self) -> sqlite3.Connection | None:
        """A connection that sees the working copy as it was; None when the working copy cannot keep up."""
        while True:
            try:
                return self._source.result(0.1)
            except NotYet:
                if self._storage.problem is not None and self._source.cancel():
                    return None
            except CancelledError:
                return None

    def _write(self, part: Path, target: Path, source: sqlite3.Connection | None, progress: Progress) -> None:
        connection = database.create(part)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            if source is not None:
                _copy(source, connection, progress)
            else:
                self._write_state(connection, progress)
            song = _beside(self._storage.song, target)
            write_meta(connection, "song", song.model_dump_json())
            connection.execute("COMMIT")
        finally:
            connection.close()
        with open(part, "rb+") as file:
            os.fsync(file.fileno())

    def _write_state(self, connection: sqlite3.Connection, progress: Progress) -> None:
        """The project from memory, for when the working copy's disk is full: all but the list of steps, takes and opinions."""
        rows, tiles = rows_of(self._state)

        def keep(connection: sqlite3.Connection, estimates: Any) -> dict[str, int]:
            def written(_: int) -> None:
                progress.check()

            return {
                name: write_array(connection, array, written) for name, array in estimates.arrays().items()
            }

        write_rows(connection, rows, tiles, keep)
        mixture = self._state.mixture
        sound = SoundRecord(sample_rate=mixture.sample_rate, channels=mixture.channels, length=mixture.length)
        write_meta(connection, "sound", sound.model_dump_json())
        write_meta(connection, "view", json.dumps(self._view))
        write_meta(connection, "next_id", str(self._next_id))
        with self._storage.reader.connection() as source:
            for row in source.execute("SELECT * FROM song_bytes"):
                connection.execute("INSERT INTO song_bytes VALUES (?, ?)", row)


def put_in_place(part: Path, target: Path) -> None:
    """Move a whole file to its name at once, keeping what was there as "….bak"."""
    if target.exists():
        backup = target.with_name(target.name + ".bak")
        spare = target.with_name(target.name + ".bak.part")
        spare.unlink(missing_ok=True)
        try:
            os.link(target, spare)
        except OSError:
            shutil.copyfile(target, spare)
        os.replace(spare, backup)
    os.replace(part, target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _copy(source: sqlite3.Connection, connection: sqlite3.Connection, progress: Progress) -> None:
    """Everything from one database into an empty one, except arrays that no split, no take and no opinion refers to."""
    for key, value in source.execute("SELECT key, value FROM meta"):
        write_meta(connection, key, value)
    for table in SMALL:
        for row in source.execute(f"SELECT * FROM {table}"):
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        progress.check()
    wanted = arrays_wanted(source)
    for done, number in enumerate(sorted(wanted)):
        row = source.execute("SELECT id, dtype, shape FROM arrays WHERE id = ?", (number,)).fetchone()
        connection.execute("INSERT INTO arrays VALUES (?, ?, ?)", row)
        for chunk in source.execute("SELECT array, number, data FROM chunks WHERE array = ?", (number,)):
            connection.execute("INSERT INTO chunks VALUES (?, ?, ?)", chunk)
            progress.check()
        progress(0.95 * (done + 1) / len(wanted), "Saving")


def _beside(song: SongRecord, target: Path) -> SongRecord:
    """The song's record with its place as seen from the project's folder, so that both can be moved together."""
    try:
        relative = os.path.relpath(Path(song.path).resolve(), target.parent) if song.path else ""
    except (OSError, ValueError):  # another drive
        relative = ""
    return song.model_copy(update={"relative": relative})


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # held by somebody else; the next save replaces it
