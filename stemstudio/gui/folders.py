"""Folders: where a person last opened or saved each kind of thing; the next dialog begins there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtCore import QSettings

Kind = Literal["open", "save", "atoms", "models", "references", "teach", "templates", "batch"]


def last_folder(kind: Kind, otherwise: str = "") -> str:
    """The folder that was last used; before the first time, another one or the home folder."""
    return str(QSettings().value(f"folders/{kind}", otherwise or str(Path.home())))


def remember_folder(kind: Kind, folder: Path) -> None:
    """Begin there next time."""
    QSettings().setValue(f"folders/{kind}", str(folder))
