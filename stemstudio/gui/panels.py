"""Panels: the docks and bars around the picture, and where each of them stands as delivered."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QMainWindow, QScrollArea, QToolBar, QWidget

from stemstudio.gui.room_dock import PANEL_WIDTH

DOCK_BUTTONS = {
    "qt_dockwidget_closebutton": "Hide this panel; View ▸ Panels brings it back.",
    "qt_dockwidget_floatbutton": "Make this panel a window of its own, or put it back.",
}
STACK = ("Separate", "Tool options", "Atom", "History", "Masks")  # on the right
TALL = 950  # pixels of a screen from which History has a place of its own, and does not lie behind "Atom" as Masks does


class Panels:
    """Adds panels to a window, and puts those on its right side in order.

    Attributes
    ----------
    docks, bars
        By their titles.
    """

    def __init__(self, window: QMainWindow) -> None:
        self.docks: dict[str, QDockWidget] = {}
        self.bars: dict[str, QToolBar] = {}
        self._window = window
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            window.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)

    def add_bar(self, title: str, widget: QWidget, area: Qt.ToolBarArea) -> None:
        """Add a bar at an edge of the window."""
        bar = QToolBar(title, self._window)
        bar.setObjectName(title)
        bar.addWidget(widget)
        self._window.addToolBar(area, bar)
        self.bars[title] = bar

    def add(self, title: str, widget: QWidget, area: Qt.DockWidgetArea, *, scroll: bool = True) -> None:
        """Add a panel, with a bar to scroll it where it is taller than its place."""
        dock = QDockWidget(title, self._window)
        dock.setObjectName(title)
        if scroll:
            frame = QScrollArea(dock)
            frame.setWidgetResizable(True)
            frame.setFrameShape(QScrollArea.Shape.NoFrame)
            frame.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            frame.setWidget(widget)
            frame.setMinimumWidth(250)
            frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            dock.setWidget(frame)
        else:
            dock.setWidget(widget)
        self._window.addDockWidget(area, dock)
        for name, tip in DOCK_BUTTONS.items():
            for button in dock.findChildren(QAbstractButton, name):
                button.setToolTip(tip)
        self.docks[title] = dock

    def stack(self) -> None:
        """Put panels above each other, and the room beside them, as it needs all the height there is."""
        docks, down = self.docks, Qt.Orientation.Vertical
        self._window.splitDockWidget(docks["Room"], docks["Separate"], Qt.Orientation.Horizontal)
        tall = self._window.screen().availableGeometry().height() >= TALL
        for upper, lower in pairwise(STACK[:-1] if tall else STACK[:-2]):
            self._window.splitDockWidget(docks[upper], docks[lower], down)
        for title in ("Masks",) if tall else ("Masks", "History"):
            self._window.tabifyDockWidget(docks["Atom"], docks[title])
        docks["Atom"].raise_()

    def share_height(self) -> None:
        """Share out the height on the right: each dock shows what it has without scrolling where that is possible."""
        heights = {"Separate": 410, "Tool options": 195, "Atom": 190, "History": 80}
        if self._window.tabifiedDockWidgets(self.docks["History"]):
            heights = {"Separate": 385, "Tool options": 205, "Atom": 215}
        docks = [self.docks[title] for title in heights]
        self._window.resizeDocks(docks, list(heights.values()), Qt.Orientation.Vertical)
        self._window.resizeDocks([docks[0]], [PANEL_WIDTH], Qt.Orientation.Horizontal)
