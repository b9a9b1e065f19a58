"""RoomDock: where the room stands in the window: beside the other panels, in their place, or apart and large."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow

PANEL_WIDTH, ROOM_WIDTH = 290, 316
BESIDE = 1450  # width of the window from which the room stands beside the other panels
APART = QSize(960, 680)


class RoomDock(QObject):
    """Shows and hides the room; in a narrow window the panels beside it make way, and come back after it."""

    def __init__(self, window: QMainWindow, dock: QDockWidget, beside: Sequence[QDockWidget]) -> None:
        super().__init__(window)
        self._window, self._dock, self._beside = window, dock, tuple(beside)
        self._aside: list[QDockWidget] = []
        self._stood = False  # in a column of its own
        dock.hide()
        dock.visibilityChanged.connect(self.fit)
        dock.topLevelChanged.connect(self._floats)

    def toggle(self) -> bool:
        """Show the room, or hide it; whether it is shown now."""
        show = self._dock.isHidden()
        if show:
            self._make_way()  # first, or the window would grow
        self._dock.setVisible(show)
        return show

    def fit(self, _: object = None) -> None:
        """Give the room the width that its numbers need, and to the song what it leaves."""
        if self._dock.isHidden() or self._dock.isFloating():
            self.bring_back()
            if self._stood:
                self._stood = False
                QTimer.singleShot(0, self, self._narrow)  # when the others have taken its column
            return
        self._stood = True
        self._make_way()
        docks = [self._dock, self._beside[0]]
        self._window.resizeDocks(docks, [ROOM_WIDTH, PANEL_WIDTH], Qt.Orientation.Horizontal)

    def _narrow(self) -> None:
        """Let the panels be as wide as they were without the room."""
        there = [dock for dock in self._beside if not (dock.isHidden() or dock.isFloating())]
        if there and not self._stood:
            self._window.resizeDocks(there[:1], [PANEL_WIDTH], Qt.Orientation.Horizontal)

    def bring_back(self) -> None:
        """Show the panels that made way for the room."""
        for dock in self._aside:
            dock.show()
        self._aside = []

    def _make_way(self) -> None:
        if self._aside or self._window.width() >= BESIDE or self._dock.isFloating():
            return
        self._aside = [dock for dock in self._beside if not (dock.isHidden() or dock.isFloating())]
        for dock in self._aside:
            dock.hide()

    def _floats(self, floating: bool) -> None:
        """Apart from the window, the room is seen large."""
        if floating:
            self._dock.resize(APART)
        self.fit()
