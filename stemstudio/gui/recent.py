"""Recent: songs and projects opened lately, as a menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QMenu, QWidget

KEPT = 12
SETTING = "recent"


class Recent(QObject):
    """The list of recent files.

    Signals
    -------
    chosen(path)
        One of them was picked.
    """

    chosen = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.menu = QMenu("Open &recent", window)
        self.menu.aboutToShow.connect(self._fill)
        self._fill()

    @property
    def paths(self) -> list[Path]:
        """Latest first."""
        stored: Any = QSettings().value(SETTING, [])
        texts = [stored] if isinstance(stored, str) else list(stored or [])
        return [Path(str(text)) for text in texts]

    def add(self, path: Path) -> None:
        """A file was opened or saved."""
        path = Path(path).absolute()
        kept = [path, *(other for other in self.paths if other != path)][:KEPT]
        QSettings().setValue(SETTING, [str(one) for one in kept])
        self._fill()

    def _fill(self) -> None:
        self.menu.clear()
        paths = self.paths
        for path in paths:
            action = self.menu.addAction(path.name)
            action.setToolTip(str(path))
            action.setStatusTip(str(path))
            action.setEnabled(path.exists())
            action.triggered.connect(lambda _=False, path=path: self.chosen.emit(path))
        self.menu.setToolTipsVisible(True)
        self.menu.setEnabled(bool(paths))
        if paths:
            self.menu.addSeparator()
            self.menu.addAction("Forget these", self._forget)

    def _forget(self) -> None:
        QSettings().remove(SETTING)
        self._fill()
