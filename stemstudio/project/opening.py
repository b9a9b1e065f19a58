"""Opening a project file: a stranger's data, checked to the last value before anything is made of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import numpy as np
from pydantic import JsonValue, TypeAdapter, ValidationError

from stemstudio.audio.audio import Samples
from stemstudio.errors import BadProject, BadRecipe, UnwritableFile
from stemstudio.progress import Progress
from stemstudio.project import database
from stemstudio.project.arrays import Reader, StoredArray, stored
from stemstudio.project.history import History
from stemstudio.project.project import Change, PaintStroke, Project, State
from stemstudio.project.records import (
    Record,
    SongRecord,
    SoundRecord,
    SplitRecord,
    StemRecord,
    StrokeRecord,
    check_paint,
    check_tree,
    masks_of,
    unpacked,
)
from stemstudio.project.rows import write_meta
from stemstudio.project.session import SessionFolder, SessionNote
from stemstudio.project.song_file import extract_song, find_song
from stemstudio.project.stem import Split, Stem
from stemstudio.project.storage import Storage
from stemstudio.spectral.stft import StftSettings

MOST_STEMS = 2000
MOST_ROWS = 1_000_000
JSON = TypeAdapter(dict[str, JsonValue])
T = TypeVar("T", bound=Record)


@dataclass(frozen=True)
class Silence:
    """Stands for the song until it is decoded: its form, without its sound."""

    sample_rate: int
    channels: int
    length: int

    def read(self, start: int, stop: int) -> Samples:
        """Zeros."""
        return np.zeros((self.channels, max(0, stop - start)), dtype=np.float32)


@dataclass(frozen=True)
class SongMissing:
    """The song is not where it was: ask for it, then `Storage.relink(path)`."""

    path: str
    sha256: str
    title: str


@dataclass(frozen=True)
class EarlierStep:
    """A step from an earlier session: shown, but it cannot be undone any more."""

    name: str
    time: str


@dataclass
class Opened:
    """A project that was opened or recovered.

    Attributes
    ----------
    project
        With `Silence` for its mixture until `Project.set_mixture` gets the decoded song.
    history
        Empty, and already watched by the storage.
    storage
        Its working copy.
    song
        The song's file; None when it is missing.
    song_missing
        What to ask for then.
    view
        How the window looked at it.
    steps
        Steps from earlier sessions.
    recovered
        Whether it is what a dead process left behind.
    tags
        Of the song.
    """

    project: Project
    history: History
    storage: Storage
    song: Path | None
    song_missing: SongMissing | None
    view: dict[str, Any]
    steps: tuple[EarlierStep, ...] = ()
    recovered: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Contents:
    """What a project file holds, large arrays aside."""

    song: SongRecord
    sound: SoundRecord
    grid: StftSettings
    stems: dict[int, Stem]
    splits: dict[int, SplitRecord]
    strokes: dict[int, PaintStroke]
    steps: tuple[EarlierStep, ...]
    view: dict[str, Any]
    tags: dict[str, str]
    next_id: int


def open_project(path: Path, *, home: Path | None = None, progress: Progress | None = None) -> Opened:
    """Open a project file; nothing is separated anew. Takes a moment, for a worker's thread.

    Raises
    ------
    BadProject
        When the file is damaged, foreign or from a newer version.
    """
    report = progress or Progress()
    path = path.expanduser().absolute()
    database.check_header(path)
    folder = SessionFolder.create(home, SessionNote(project=str(path), title=path.stem))
    try:
        report(0.1, "Opening")
        try:
            shutil.copyfile(path, folder.database)
        except OSError as error:
            raise UnwritableFile(folder.database, error.strerror or str(error), "Free some space on this disk.") from None
        return open_session(folder, path, path, report)
    except BaseException:
        folder.release(remove=True)
        raise


def open_session(folder: SessionFolder, origin: Path, path: Path | None, progress: Progress) -> Opened:
    """Open the working copy in a session's folder; `origin` is what messages call it."""
    with _complaints(origin):
        connection = database.connect(folder.database)
    reader = Reader(folder.database)
    try:
        with _complaints(origin):
            database.check_database(connection, origin)
            database.journal(connection)
            contents = read_contents(connection)
            progress(0.3, "Opening")
            arrays: dict[int, dict[str, int]] = {}

            def array(number: int, bounds: tuple[float, float]) -> StoredArray:
                return stored(reader, connection, number, bounds)

            splits: dict[int, Split] = {}
            for number, record in contents.splits.items():
                splits[number] = record.split(array, contents.sound)
                arrays[number] = record.arrays
                progress.check()
            paint = read_paint(connection, contents)
            progress(0.8, "Opening")
            song = find_song(contents.song, path)
            embedded = connection.execute("SELECT count(*) FROM song_bytes").fetchone()[0] > 0
            if song is not None:
                contents.song = contents.song.model_copy(update={"path": str(song)})
                write_meta(connection, "song", contents.song.model_dump_json())
            elif embedded:
                song = extract_song(connection, contents.song, folder.folder)
            connection.execute("DELETE FROM edits WHERE done = 0")
        folder.update(title=contents.song.title, song=contents.song.path)
    except BaseException:
        reader.close()
        connection.close()
        raise
    sound = contents.sound
    project = Project(
        Silence(sound.sample_rate, sound.channels, sound.length), contents.song.reference, contents.grid
    )
    rows: dict[str, dict[int, Any]] = {"stems": contents.stems, "splits": splits, "strokes": contents.strokes, "paint": masks_of(paint)}
    project.put(rows, Change(frozenset({"stems", "splits", "mixer", "paint"})))
    project.skip_ids(contents.next_id)
    project.view = contents.view
    storage = Storage(folder, connection, path, contents.song, reader)
    for number, split in splits.items():
        storage.known(split.estimates, arrays[number])
    history = History(project)
    storage.attach(project, history)
    missing = SongMissing(contents.song.path, contents.song.sha256, contents.song.title) if song is None else None
    return Opened(project, history, storage, song, missing, contents.view, contents.steps, tags=contents.tags)


def info(path: Path) -> dict[str, Any]:
    """What a project file holds, without opening the song; plain data for people and scripts."""
    path = path.expanduser().absolute()
    database.check_header(path)
    with _complaints(path):
        connection = database.connect(path, "immutable")
    try:
        with _complaints(path):
            database.check_database(connection, path)
            contents = read_contents(connection)
            embedded = connection.execute("SELECT count(*) FROM song_bytes").fetchone()[0] > 0
    finally:
        connection.close()
    song, sound = contents.song, contents.sound
    return {
        "kind": "project",
        "song": {
            "title": song.title,
            "path": song.path,
            "sha256": song.sha256,
            "embedded": embedded,
            "sample_rate": sound.sample_rate,
            "channels": sound.channels,
            "seconds": sound.length / sound.sample_rate,
        },
        "stems": [
            {"id": stem.id, "name": stem.name, "parent": stem.parent, "colour": stem.colour, "split": stem.id in contents.splits}
            for stem in contents.stems.values()
        ],
        "splits": [
            {"stem": number, "recipe": split.recipe, "parts": len(split.owners)}
            for number, split in contents.splits.items()
        ],
        "strokes": len(contents.strokes),
        "steps": [step.name for step in contents.steps],
        "grid": contents.grid.model_dump(),
    }


def read_contents(connection: sqlite3.Connection) -> Contents:
    """Everything but arrays and paint; ValueError and the like where it is not as we write it."""
    meta = dict(connection.execute("SELECT key, value FROM meta LIMIT 100"))
    song = _record(SongRecord, meta.get("song"), "song")
    sound = _record(SoundRecord, meta.get("sound"), "sound")
    grid = StftSettings.model_validate_json(_text(meta.get("grid"), "grid"), strict=True)
    stems = {number: _record(StemRecord, text, "stem").stem(number) for number, text in _rows(connection, "stems", MOST_STEMS)}
    splits = {number: _record(SplitRecord, text, "split") for number, text in _rows(connection, "splits", MOST_STEMS)}
    strokes = {
        number: _record(StrokeRecord, text, "stroke").paint_stroke() for number, text in _rows(connection, "strokes", MOST_ROWS)
    }
    silence = Silence(sound.sample_rate, sound.channels, sound.length)
    owners = cast("dict[int, Split]", splits)  # the tree needs their owners and residuals alone
    check_tree(State(silence, grid, MappingProxyType(stems), owners, strokes))
    steps = tuple(
        EarlierStep(_text(name, "step")[:500], _text(time, "step")[:50])
        for name, time in connection.execute(
            "SELECT name, time FROM edits WHERE done != 0 ORDER BY number LIMIT ?", (MOST_ROWS,)
        )
    )
    view = JSON.validate_json(_text(meta.get("view", "{}"), "view"))
    tags = {key: value for key, value in JSON.validate_json(_text(meta.get("tags", "{}"), "tags")).items() if isinstance(value, str)}
    next_id = int(_text(meta.get("next_id", "1"), "number"))
    if not 0 <= next_id < 2**53:
        raise ValueError("a number is out of its range")
    return Contents(song, sound, grid, stems, splits, strokes, steps, view, tags, next_id)


def read_paint(connection: sqlite3.Connection, contents: Contents) -> dict[int, dict[tuple[int, int], Any]]:
    """The tiles of every stem."""
    frames = contents.grid.frames(contents.sound.length)
    tiles: dict[int, dict[tuple[int, int], Any]] = {}
    for stem, row, column, data in connection.execute('SELECT stem, "row", "column", data FROM tiles'):
        if not all(type(value) is int for value in (stem, row, column)):
            raise ValueError("a piece of paint is damaged")
        check_paint(stem, row, column, contents.grid, contents.stems, frames)
        tiles.setdefault(stem, {})[row, column] = unpacked(data)
    return tiles


def _rows(connection: sqlite3.Connection, table: str, most: int) -> Iterator[tuple[int, object]]:
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT {most + 1}")
    for count, (number, text) in enumerate(cursor):
        if count == most:
            raise ValueError(f"it holds more than {most} {table}")
        if type(number) is not int or not 0 <= number < 2**53:
            raise ValueError(f"a number among its {table} is out of its range")
        yield number, text


def _record(kind: type[T], text: object, what: str) -> T:
    return kind.model_validate_json(_text(text, what))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"its {what} is missing or damaged")
    return value


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Whatever is wrong with a stranger's data, as one sentence."""
    try:
        yield
    except BadProject:
        raise
    except BadRecipe as error:
        raise BadProject(f"“{path.name}” cannot be opened: {error.sentence}", "Update StemStudio and try again.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        words = [part for part in first["loc"] if isinstance(part, str)]
        what = f"“{words[-1][:40]}”" if words else "something in it"
        raise database.damaged(path, f"{what} is missing or has a value that is not possible") from None
    except (sqlite3.Error, KeyError, TypeError, ArithmeticError, RecursionError, MemoryError, AttributeError) as error:
        raise database.damaged(path, "something in it is missing or not what it should be") from error
    except ValueError as error:
        raise database.damaged(path, str(error)[:200].rstrip(".") or "a value is out of its range") from None
