"""Tab goes through the window in the order in which it is read, and never to where nobody sees it."""

from __future__ import annotations

import pytest
import shiboken6
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QPushButton, QScrollArea, QWidget

from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.tab_order import stops


@pytest.fixture
def window(qtbot):
    QSettings().clear()
    made = MainWindow()
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


def test_from_the_tools_over_the_picture_to_the_panels_and_down(window):
    parts = {
        "tools": window.tool_strip, "picture": window.picture_bar, "sheet": window.sheet, "atoms": window.atoms,
        "separate": window.separate, "options": window.tool_options, "atom": window.atom_detail,
        "masks": window.masks, "history": window.history, "master": window.mixer.master,
        "transport": window.transport,
    }  # fmt: skip
    seen: list[str] = []
    for widget in stops(window):
        name = next((name for name, part in parts.items() if part is widget or part.isAncestorOf(widget)), "")
        if name and (not seen or seen[-1] != name):
            seen.append(name)
    start = seen.index("tools")
    seen = seen[start:] + seen[:start]
    assert seen == [name for name in parts if name in seen], "every part once, in the order of reading"
    assert {"tools", "picture", "sheet", "separate", "history", "master", "transport"} <= set(seen)


def test_tab_stops_at_nothing_that_is_only_a_frame(window):
    frames = [widget for widget in stops(window) if isinstance(widget, QScrollArea)]
    assert not [frame for frame in frames if type(frame) in (QScrollArea, QAbstractScrollArea)]


def test_a_panel_behind_others_comes_to_the_front_with_the_keyboard(window, qtbot):
    window.tabifyDockWidget(window.docks["Atom"], window.docks["History"])
    window.docks["Atom"].raise_()
    QTest.qWait(50)
    assert window.history.visibleRegion().isEmpty()
    window.activateWindow()
    next(iter(stops(window.history))).setFocus(Qt.FocusReason.TabFocusReason)
    assert window.isAncestorOf(QApplication.focusWidget())
    qtbot.waitUntil(lambda: not window.history.visibleRegion().isEmpty(), timeout=2000)


def test_asking_for_stops_leaves_everybody_with_his_parent(qtbot):
    """Else whoever comes next in the chain goes when the one before does, and takes whole panels along."""
    area, panel = QScrollArea(), QWidget()
    qtbot.addWidget(area)
    area.setWidget(panel)
    first, second = QPushButton("first", panel), QPushButton("second", panel)
    assert stops(panel) == [first, second]
    for button in (first, second):
        (line,) = [line for line in shiboken6.dump(button).splitlines() if line.startswith("parent")]
        assert f"0x{id(panel):x}" in line
