"""A menu, and its commands: each declared once, with words, key and the method that carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from stemstudio.gui.menus.needs import Needs

if TYPE_CHECKING:
    from stemstudio.gui.main_window import MainWindow


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes
    ----------
    do
        Method of its menu that carries it out; its name is also the key of a rebinding.
    text, tip
        What the menu says, and one plain sentence.
    keys
        Default keys, the first is shown.
    needs
        Without which it is greyed out.
    end
        Method that ends it, where it acts for as long as its key is held.
    argument
        Passed to the method; -1 for none.
    checkable
        Whether it shows a tick.
    rule_before
        Whether a line stands above it in the menu.
    listed
        Whether it stands in the menu; some have keys only.
    """

    do: Callable[..., None]
    text: str
    tip: str = ""
    keys: tuple[str, ...] = ()
    needs: Needs = ""
    end: Callable[..., None] | None = None
    argument: int = -1
    checkable: bool = False
    rule_before: bool = False
    listed: bool = True

    @property
    def name(self) -> str:
        """Name of its method."""
        return self.do.__name__

    @property
    def id(self) -> str:
        """Its name, and what is passed."""
        return self.name if self.argument < 0 else f"{self.name} {self.argument}"


class Menu(QObject):
    """A menu of the window. Its methods act on the window's document, player and panels.

    Attributes
    ----------
    words
        What the bar says, with & before the letter that opens it.
    commands
        What it offers, in order.
    """

    words: ClassVar[str]
    commands: ClassVar[tuple[Command, ...]]

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.document = window.document
        self.player = window.player


def to_front(window: QWidget) -> None:
    """Show a window before all others, and let it have the keys."""
    window.show()
    window.raise_()
    window.activateWindow()
