"""What a person can do in the window: one menu a file, with the commands it offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemstudio.gui.menus.atoms import AtomsMenu
from stemstudio.gui.menus.edit import EditMenu
from stemstudio.gui.menus.file import FileMenu
from stemstudio.gui.menus.help import HelpMenu
from stemstudio.gui.menus.menu import Menu
from stemstudio.gui.menus.play import PlayMenu
from stemstudio.gui.menus.practice import PracticeMenu
from stemstudio.gui.menus.separate import SeparateMenu
from stemstudio.gui.menus.tools import ToolsMenu
from stemstudio.gui.menus.view import ViewMenu

if TYPE_CHECKING:
    from stemstudio.gui.main_window import MainWindow


class Menus:
    """The menus of the window, each by its name, and `all` of them from left to right."""

    def __init__(self, window: MainWindow) -> None:
        self.file = FileMenu(window)
        self.edit = EditMenu(window)
        self.view = ViewMenu(window)
        self.tools = ToolsMenu(window)
        self.separate = SeparateMenu(window)
        self.atoms = AtomsMenu(window)
        self.play = PlayMenu(window)
        self.practice = PracticeMenu(window)
        self.help = HelpMenu(window)
        self.all: tuple[Menu, ...] = (
            self.file, self.edit, self.view, self.tools, self.separate,
            self.atoms, self.play, self.practice, self.help,
        )  # fmt: skip
