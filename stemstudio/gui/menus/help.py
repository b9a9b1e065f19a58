"""The Help menu: the pages of help, the keys, and what this program is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMessageBox

from stemstudio import __version__
from stemstudio.gui.menus.menu import Command, Menu, to_front

if TYPE_CHECKING:
    from stemstudio.gui.dialogs.help_window import HelpWindow
    from stemstudio.gui.main_window import MainWindow


class HelpMenu(Menu):
    """What is to be read about the program."""

    words = "&Help"

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._help: HelpWindow | None = None

    def show_help(self, name: str = "") -> None:
        """The pages of help, in a window of its own that stays open; at a page where one is named."""
        if self._help is None:
            from stemstudio.gui.dialogs.help_window import HelpWindow

            self._help = HelpWindow(self.window)
        if name:
            self._help.open_page(name)
        to_front(self._help)

    def show_keys(self) -> None:
        from stemstudio.gui.dialogs.keyboard import KeyboardDialog

        dialog = KeyboardDialog(self.window.bindings, self.window)
        dialog.exec()
        dialog.deleteLater()

    def show_about(self) -> None:
        text = (
            f"<h3>StemStudio {__version__}</h3>"
            "<p>Takes songs apart, by hand and machine together.</p>"
            "<p>Free software under the GNU General Public License, version 3 or later.</p>"
        )
        QMessageBox.about(self.window, "About StemStudio", text)

    commands = (
        Command(show_help, "&Contents…", "What each way of separating is good for, what its parameters do to the sound, and how to work on stems.", ("Shift+F1",)),
        Command(show_keys, "&Keyboard…", "All keys; each can be changed.", ("F1",)),
        Command(show_about, "&About StemStudio", ""),
    )  # fmt: skip
