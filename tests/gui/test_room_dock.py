"""The room stands beside the other panels where the window is wide, in their place where it is not, and apart it is large."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow

from stemstudio.gui.room_dock import BESIDE, PANEL_WIDTH, RoomDock

AREA = Qt.DockWidgetArea.RightDockWidgetArea


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    middle = QLabel(made)
    middle.setMinimumWidth(700)
    made.setCentralWidget(middle)
    qtbot.addWidget(made)
    return made


def docked(window: QMainWindow, width: int) -> tuple[RoomDock, QDockWidget, list[QDockWidget]]:
    docks = []
    for name in ("Room", "Separate", "History"):
        dock = QDockWidget(name, window)
        inside = QLabel(name, dock)
        inside.setMinimumWidth(250)
        dock.setWidget(inside)
        window.addDockWidget(AREA, dock)
        docks.append(dock)
    window.splitDockWidget(docks[0], docks[1], Qt.Orientation.Horizontal)
    window.splitDockWidget(docks[1], docks[2], Qt.Orientation.Vertical)
    docks[2].hide()
    place = RoomDock(window, docks[0], docks[1:])
    window.resize(width, 700)
    window.show()
    return place, docks[0], docks[1:]


def test_beside_the_panels_of_a_wide_window(window):
    place, room, (separate, _) = docked(window, BESIDE + 100)
    assert not room.isVisible()
    assert place.toggle()
    assert room.isVisible()
    assert separate.isVisible()
    assert window.width() == BESIDE + 100
    assert not place.toggle()
    assert not room.isVisible()


def test_the_song_gets_the_room_s_column_back(qtbot, window):
    place, _, (separate, _) = docked(window, BESIDE + 100)
    qtbot.waitUntil(lambda: separate.width() > 0, timeout=2000)
    window.resizeDocks([separate], [PANEL_WIDTH], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: abs(separate.width() - PANEL_WIDTH) < 5, timeout=2000)
    middle = window.centralWidget().width()
    place.toggle()
    qtbot.waitUntil(lambda: window.centralWidget().width() < middle - 200, timeout=2000)
    place.toggle()
    qtbot.waitUntil(lambda: abs(window.centralWidget().width() - middle) < 5, timeout=2000)
    assert abs(separate.width() - PANEL_WIDTH) < 5


def test_in_the_place_of_the_panels_of_a_narrow_one(qtbot, window):
    place, room, (separate, history) = docked(window, 1000)
    place.toggle()
    qtbot.wait(20)
    assert room.isVisible()
    assert not separate.isVisible()
    assert window.width() == 1000, "the window does not grow beyond the screen"
    place.toggle()
    assert separate.isVisible()
    assert not history.isVisible(), "what was hidden before stays so"
    room.toggleViewAction().trigger()  # as from the menu of panels
    assert not separate.isVisible()
    place.bring_back()  # as when the program ends: it begins with all panels
    assert separate.isVisible()


def test_apart_it_is_large_and_takes_nobody_s_place(window):
    place, room, (separate, _) = docked(window, 1000)
    place.toggle()
    room.setFloating(True)
    assert room.width() > 900
    assert separate.isVisible()
    room.setFloating(False)
    assert not separate.isVisible()
