"""Sessions: the working copies of open projects in the user's data folder, and those that dead processes left behind."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from stemstudio.errors import StemStudioError, UnwritableFile

TRIES = 2  # recoveries that may fail before a session is no longer opened by itself


class SessionNote(BaseModel):
    """What is known of a session without opening its database.

    Attributes
    ----------
    project
        Path of the project file, empty when it was never saved.
    title
        Of the song.
    song
        Path of the song.
    started, touched
        When the session began, and when its first unsaved change was made; ISO 8601.
    changed
        Whether it holds anything that the project file does not.
    attempts
        Recoveries that were begun and not seen to go well.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    project: str = ""
    title: str = ""
    song: str = ""
    started: str = ""
    touched: str = ""
    changed: bool = False
    attempts: int = 0


@dataclass(frozen=True)
class Session:
    """A working copy that a dead process left behind.

    Attributes
    ----------
    folder
        Where it lies.
    note
        What is known of it.
    """

    folder: Path
    note: SessionNote

    @property
    def openable(self) -> bool:
        """Whether to offer opening it; after `TRIES` failed recoveries only keeping the file or discarding it."""
        return self.note.attempts < TRIES


class SessionFolder:
    """The folder of one working copy, locked against every other process for as long as it is open.

    The lock is the operating system's: it ends with the process, however that ends.
    """

    def __init__(self, folder: Path, lock: IO[bytes], note: SessionNote) -> None:
        self.folder = folder
        self.note = note
        self._lock: IO[bytes] | None = lock
        self._changing = threading.Lock()

    @property
    def database(self) -> Path:
        return self.folder / "project.db"

    @classmethod
    def create(cls, home: Path | None, note: SessionNote) -> SessionFolder:
        """A new session below `home` (the user's data folder by default)."""
        folder = (home or sessions_home()) / uuid.uuid4().hex
        try:
            folder.mkdir(parents=True)
            lock = _locked(folder)
            if lock is None:
                raise OSError("somebody else holds its lock")
            session = cls(folder, lock, note.model_copy(update={"started": _now()}))
            session._write_note(session.note)
        except OSError as error:
            raise UnwritableFile(
                folder, error.strerror or str(error), "Free some space, or check its rights."
            ) from None
        return session

    @classmethod
    def take(cls, session: Session) -> SessionFolder:
        """A session that was left behind, now this process's own; refused when somebody else has it."""
        lock = _locked(session.folder)
        if lock is None:
            raise StemStudioError(
                "Another StemStudio has this session open.", "Go on there, or close it first."
            )
        return cls(session.folder, lock, _read_note(session.folder))

    def update(self, **fields: object) -> None:
        """Change what the note says."""
        with self._changing:
            changed = self.note.model_copy(update=fields)
            if changed != self.note and self._lock is not None:
                self._write_note(changed)
                self.note = changed

    def touch(self) -> None:
        """There is something now that the project file does not hold."""
        if not self.note.changed:
            self.update(changed=True, touched=_now())

    def _write_note(self, note: SessionNote) -> None:
        part = self.folder / "note.part"
        part.write_text(note.model_dump_json(), encoding="utf-8")
        os.replace(part, self.folder / "note.json")

    def release(self, *, remove: bool) -> None:
        """Let go of the lock; `remove` takes the working copy away with it."""
        with self._changing:
            if self._lock is None:
                return
            if remove:
                # The note goes first: without it the rest is no session any more, whatever happens next.
                (self.folder / "note.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)


def sessions_home() -> Path:
    """The folder of all sessions."""
    import platformdirs

    return Path(platformdirs.user_data_dir("StemStudio", appauthor=False)) / "sessions"


def sessions(home: Path | None = None) -> list[Session]:
    """Sessions that dead processes left behind with something to lose, the latest first; others are cleared away."""
    folder = home or sessions_home()
    found: list[Session] = []
    for candidate in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not candidate.is_dir():
            continue
        lock = _locked(candidate, patience=0.0)
        if lock is None:
            continue  # a running program's
        try:
            note = _read_note(candidate)
            if note.changed and (candidate / "project.db").is_file():
                found.append(Session(candidate, note))
                continue
            fresh = time.time() - candidate.stat().st_mtime < 60
        except OSError:
            continue
        finally:
            lock.close()
        if not fresh:  # a program that has only just made its folder has no lock yet
            shutil.rmtree(candidate, ignore_errors=True)
    return sorted(found, key=lambda session: session.note.touched, reverse=True)


def discard(session: Session) -> None:
    """Take a session away for good; refused while a running program has it."""
    SessionFolder.take(session).release(remove=True)


def keep_file(session: Session, path: Path) -> Path:
    """Put a session's database at `path` as it is, unread, for somebody to look at; the session stays.

    The changes of its last seconds may lie in the file beside it whose name ends in "-wal".
    """
    held = SessionFolder.take(session)
    try:
        for ending in ("", "-wal"):
            source = Path(f"{held.database}{ending}")
            if source.exists():
                shutil.copyfile(source, Path(f"{path}{ending}"))
    except OSError as error:
        raise UnwritableFile(path, error.strerror or str(error), "Choose another folder.") from None
    finally:
        held.release(remove=False)
    return path


def _read_note(folder: Path) -> SessionNote:
    try:
        return SessionNote.model_validate_json((folder / "note.json").read_bytes()[:1_000_000])
    except (OSError, ValidationError):
        # An unreadable note hides nothing: what may be work is offered.
        return SessionNote(changed=(folder / "note.json").exists())


def _locked(folder: Path, patience: float = 1.0) -> IO[bytes] | None:
    """The lock of a session folder, or None while another process has it."""
    deadline = time.monotonic() + patience
    file = open(folder / "lock", "a+b")  # noqa: SIM115 - held until the session ends
    while True:
        try:
            _lock(file)
        except OSError:
            if time.monotonic() >= deadline:
                file.close()
                return None
            time.sleep(0.02)
        else:
            return file


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
