"""The bar of menus: what stands in it beside commands, and how it follows the song."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from stemstudio.gui import theme
from stemstudio.gui.menus.needs import needs_met
from stemstudio.gui.views.job_status import JobStatus

if TYPE_CHECKING:
    from stemstudio.gui.main_window import MainWindow


class MenuBar(QObject):
    """Fills the window's bar: all menus, what was opened lately, panels and themes; the running job on the right."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._actions = window.bindings.actions
        bar = window.menuBar()
        for menu in window.menus.all:
            shown = bar.addMenu(menu.words)
            for command in menu.commands:
                if command.rule_before:
                    shown.addSeparator()
                if command.listed:
                    shown.addAction(self._actions[command.id])
                if command.name == "open":
                    shown.addMenu(window.recent.menu)
            if menu is window.menus.view:
                shown.addSeparator()
                self._add_panels(shown.addMenu("&Panels"))
                self._add_themes(shown.addMenu("&Theme"))
        self.job_status = JobStatus(window.document, window)
        bar.setCornerWidget(self.job_status, Qt.Corner.TopRightCorner)
        window.document.look_changed.connect(
            lambda look: self._actions["toggle_overlay"].setChecked(look.overlay)
        )

    def refresh(self) -> None:
        """Offer what makes sense now, and say what Undo and Redo would do."""
        window, actions = self._window, self._actions
        document, saving = window.document, window.saving
        window.bindings.set_enabled(needs_met(document, window.tools))
        history = document.history
        can_undo = history is not None and history.place > 0
        can_redo = history is not None and history.place < len(history.edits)
        actions["undo"].setEnabled(can_undo)
        actions["redo"].setEnabled(can_redo)
        undone = history.edits[history.place - 1].name if history and can_undo else ""
        done = history.edits[history.place].name if history and can_redo else ""
        actions["undo"].setText(f"&Undo {undone}".strip())
        actions["redo"].setText(f"&Redo {done}".strip())
        actions["embed_song"].setEnabled(saving.storage is not None)
        actions["embed_song"].setChecked(saving.storage is not None and saving.storage.embedded)
        actions["toggle_overlay"].setChecked(document.look.overlay)
        practice = window.practising.practice
        actions["toggle_click"].setChecked(practice.click)
        actions["toggle_snap"].setChecked(practice.snap)

    def _add_panels(self, panels: QMenu) -> None:
        window = self._window
        for bar in window.bars.values():
            panels.addAction(bar.toggleViewAction())
        for dock in window.docks.values():
            panels.addAction(dock.toggleViewAction())
        self._atoms = QAction("Atoms", window, checkable=True, checked=True)
        self._atoms.toggled.connect(window.atoms.setVisible)
        panels.addAction(self._atoms)
        panels.addSeparator()
        panels.addAction("As delivered", self._as_delivered)

    def _add_themes(self, themes: QMenu) -> None:
        group = QActionGroup(self._window)
        for name in ("dark", "light"):
            action = QAction(name.capitalize(), group, checkable=True)
            action.setChecked(theme.current().name == name)
            action.triggered.connect(lambda _=False, name=name: self._window.menus.view.set_theme(name))
            themes.addAction(action)

    def _as_delivered(self) -> None:
        self._window.remembered.as_delivered()
        self._atoms.setChecked(True)
