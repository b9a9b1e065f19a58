"""Opening a project file: a working copy of it, with nothing separated anew."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stemstudio.errors import UnwritableFile
from stemstudio.progress import Progress
from stemstudio.project import database
from stemstudio.project.arrays import Reader, StoredArray, stored
from stemstudio.project.contents import EarlierStep, Silence, complaints, read_contents, read_paint
from stemstudio.project.history import History
from stemstudio.project.opinions import Remembered
from stemstudio.project.project import Change, Project
from stemstudio.project.rows import write_meta
from stemstudio.project.session import SessionFolder, SessionNote
from stemstudio.project.song_file import extract_song, find_song
from stemstudio.project.stem import Split
from stemstudio.project.storage import Storage
from stemstudio.project.takes import Answer


@dataclass(frozen=True)
class SongMissing:
    """The song is not where it was: ask for it, then `Storage.relink(path)`."""

    path: str
    sha256: str
    title: str


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
    takes
        What recipes made of its stems, to be compared; not in the project.
    opinions
        Other answers than its stems.
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
    takes: tuple[Answer, ...] = ()
    opinions: tuple[Remembered, ...] = ()


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
            raise UnwritableFile(
                folder.database, error.strerror or str(error), "Free some space on this disk."
            ) from None
        return open_session(folder, path, path, report)
    except BaseException:
        folder.release(remove=True)
        raise


def open_session(folder: SessionFolder, origin: Path, path: Path | None, progress: Progress) -> Opened:
    """Open the working copy in a session's folder; `origin` is what messages call it."""
    with complaints(origin):
        connection = database.connect(folder.database)
    reader = Reader(folder.database)
    try:
        with complaints(origin):
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
            takes = tuple(take.answer(array, contents.sound) for take in contents.takes)
            opinions = tuple(each.remembered(array, contents.sound) for each in contents.opinions)
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
    rows: dict[str, dict[int, Any]] = {
        "stems": contents.stems,
        "splits": splits,
        "strokes": contents.strokes,
        "paint": paint,
        "melody": {0: contents.melody},
        "room": {0: contents.room},
        "effects": {0: contents.effects},
        "snapshots": {0: contents.snapshots},
        "beats": {0: contents.beats},
        "practice": {0: contents.practice},
    }
    project.put(rows, Change(frozenset({"stems", "splits", "mixer", "paint"})))
    project.skip_ids(contents.next_id)
    project.view = contents.view
    storage = Storage(folder, connection, path, contents.song, reader)
    for number, split in splits.items():
        storage.kept.known(split.estimates, arrays[number])
    for take, answer in zip(contents.takes, takes, strict=True):
        storage.kept.known(answer.estimates, take.arrays)
    for held, opinion in zip(contents.opinions, opinions, strict=True):
        storage.kept.known(opinion.answer.estimates, held.answer.arrays)
    history = History(project)
    storage.attach(project, history)
    missing = (
        SongMissing(contents.song.path, contents.song.sha256, contents.song.title) if song is None else None
    )
    return Opened(
        project,
        history,
        storage,
        song,
        missing,
        contents.view,
        contents.steps,
        tags=contents.tags,
        takes=takes,
        opinions=opinions,
    )


def info(path: Path) -> dict[str, Any]:
    """What a project file holds, without opening the song; plain data for people and scripts."""
    path = path.expanduser().absolute()
    database.check_header(path)
    with complaints(path):
        connection = database.connect(path, "immutable")
    try:
        with complaints(path):
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
            {
                "id": stem.id,
                "name": stem.name,
                "parent": stem.parent,
                "colour": stem.colour,
                "split": stem.id in contents.splits,
            }
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
