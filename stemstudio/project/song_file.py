"""The song's own file: recognised by its hash, found again, carried inside the project."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from stemstudio.progress import Progress
from stemstudio.project.project import SongReference
from stemstudio.project.records import SongRecord

PIECE = 2**20


def song_record(song: SongReference) -> SongRecord:
    """What the project file says about the song."""
    path = Path(song.path)
    size = path.stat().st_size if song.path and path.is_file() else 0
    return SongRecord(
        path=song.path,
        sha256=song.sha256,
        title=song.title[:500],
        channels_taken=song.channels_taken,
        size=size,
    )


def bytes_of(path: Path, piece: int = PIECE) -> Iterator[bytes]:
    """A file's bytes, piece by piece."""
    with open(path, "rb") as file:
        while data := file.read(piece):
            yield data


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    """SHA-256 of a file, as hex digits."""
    total, done, digest = max(1, path.stat().st_size), 0, hashlib.sha256()
    for data in bytes_of(path):
        digest.update(data)
        done += len(data)
        if progress is not None:
            progress(done / total, "Looking at the song")
    return digest.hexdigest()


def find_song(song: SongRecord, project: Path | None) -> Path | None:
    """The song where it was, or where it lies beside the project; only a file with its very bytes will do."""
    candidates: list[Path] = []
    if project is not None:
        words = song.relative or re.split(r"[/\\]", song.path)[-1]
        if words and not _foreign(words) and not Path(words).is_absolute():
            candidates.append(Path(os.path.normpath(project.parent / words)))
    if song.path and not _foreign(song.path):
        candidates.append(Path(song.path))
    for candidate in candidates:
        try:
            likely = candidate.is_file() and (not song.size or candidate.stat().st_size == song.size)
            if likely and sha256_of(candidate) == song.sha256:
                return candidate
        except (OSError, ValueError):
            continue  # not readable, or no path at all on this system: then it is not there
    return None


def extract_song(connection: sqlite3.Connection, song: SongRecord, folder: Path) -> Path:
    """Write the song that a project carries into a folder; ValueError unless it is the very song."""
    suffix = Path(re.split(r"[/\\]", song.path)[-1]).suffix
    path = folder / ("song" + (suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else ""))
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for expected, (number, data) in enumerate(
            connection.execute("SELECT number, data FROM song_bytes ORDER BY number")
        ):
            if number != expected or not isinstance(data, bytes):
                raise ValueError("the song inside is damaged")
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != song.sha256:
        raise ValueError("the song inside is damaged")
    return path


def _foreign(path: str) -> bool:
    """Whether looking at a path would ask another machine: a stranger's file must not be able to make us do that."""
    return path.startswith(("//", "\\\\")) or "\0" in path
