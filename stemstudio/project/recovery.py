"""Recovery: what a dead process left behind, opened again."""

from __future__ import annotations

from pathlib import Path

from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project.opening import Opened, open_session
from stemstudio.project.session import Session, SessionFolder, discard, keep_file, sessions

__all__ = ["Session", "discard", "keep_file", "recover", "sessions"]


def recover(session: Session, progress: Progress | None = None) -> Opened:
    """Open a session that was left behind, as it was after the last stroke that was written; it counts as unsaved.

    A recovery that crashes the program must not do so at every start: the attempt is counted before it is made, and
    forgiven when the project has lived for a while or was saved (`Storage.survived`).

    Raises
    ------
    BadProject
        When its database is damaged; the session stays, to be kept as a file or discarded.
    StemStudioError
        When it was tried too often, or another program has it.
    """
    folder = SessionFolder.take(session)
    try:
        if not Session(session.folder, folder.note).openable:
            raise StemStudioError(
                f"“{folder.note.title}” could not be recovered {folder.note.attempts} times.",
                "Keep its file, or discard it.",
            )
        folder.update(attempts=folder.note.attempts + 1)
        path = Path(folder.note.project) if folder.note.project else None
        opened = open_session(
            folder, path or Path(folder.note.title or "session"), path, progress or Progress()
        )
    except BaseException:
        folder.release(remove=False)
        raise
    opened.recovered = True
    opened.history.mark_unsaved()
    opened.storage.count_down()
    return opened
