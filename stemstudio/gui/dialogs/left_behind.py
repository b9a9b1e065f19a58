"""Left behind: asks what becomes of a session whose program ended without saving."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from stemstudio.project.session import Session, discard, keep_file

SUFFIX = ".stems"


def ask(window: QWidget, session: Session) -> bool:
    """Ask; True when it is to be opened. What is to be kept as a file or discarded is, at once.

    Raises
    ------
    StemStudioError
        When the file cannot be kept or discarded.
    """
    note = session.note
    title = note.title or "a song"
    box = QMessageBox(
        QMessageBox.Icon.Question,
        "Go on where you were?",
        f"StemStudio ended without saving “{title}”.",
        parent=window,
    )
    box.setInformativeText(f"The work since {_when(note.touched)} is still here.")
    again = box.addButton("Go on", QMessageBox.ButtonRole.AcceptRole) if session.openable else None
    keep = None
    if again is None:
        box.setInformativeText("It could not be opened twice. Its file can be kept for somebody to look at.")
        keep = box.addButton("Keep the file…", QMessageBox.ButtonRole.AcceptRole)
    later = box.addButton("Later", QMessageBox.ButtonRole.RejectRole)
    throw = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
    box.setEscapeButton(later)
    box.exec()
    clicked = box.clickedButton()
    if again is not None and clicked is again:
        return True
    if keep is not None and clicked is keep:
        name, _ = QFileDialog.getSaveFileName(window, "Keep the file", f"{plain(title)}-recovered{SUFFIX}")
        if name:
            keep_file(session, Path(name))
    elif clicked is throw:
        discard(session)
    return False


def _when(touched: str) -> str:
    """A time as the person's own clock had it."""
    try:
        return datetime.fromisoformat(touched).astimezone().strftime("%H:%M on %d %B")
    except ValueError:
        return "then"


def plain(title: str) -> str:
    """A title as a file name."""
    kept = "".join(" " if letter in '<>:"/\\|?*' or ord(letter) < 32 else letter for letter in title)
    return kept.strip(" .") or "song"
