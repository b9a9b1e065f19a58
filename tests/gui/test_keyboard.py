"""Keys are found, changed, taken away and given back in the dialog of all keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QKeySequenceEdit, QLineEdit, QPushButton, QTreeWidget, QWidget

from stemstudio.gui.bindings import Bindings
from stemstudio.gui.dialogs.keyboard import KeyboardDialog
from stemstudio.gui.menus.menu import Command


class Sample:
    """A menu of three commands, one of them with two keys."""

    def undo(self) -> None: ...

    def redo(self) -> None: ...

    def open(self) -> None: ...

    commands = (
        Command(undo, "&Undo", "Undo the last step.", ("Ctrl+Z",)),
        Command(redo, "&Redo", "Do it again.", ("Ctrl+Shift+Z", "Ctrl+Y")),
        Command(open, "&Open…", "Open a song."),
    )


@pytest.fixture
def dialog(qtbot):
    QSettings().clear()
    window = QWidget()
    qtbot.addWidget(window)
    found = KeyboardDialog(Bindings(window, [Sample()]), window)
    found.show()
    yield found
    QSettings().clear()


def keys(dialog) -> dict[str, tuple[str, ...]]:
    return {command.name: dialog._bindings.keys(command) for command in dialog._bindings.commands}


def choose(dialog, words: str) -> None:
    tree = dialog.findChild(QTreeWidget)
    tree.setCurrentItem(tree.findItems(words, Qt.MatchFlag.MatchExactly)[0])


def press(dialog, words: str) -> None:
    (button,) = (each for each in dialog.findChildren(QPushButton) if each.text() == words)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_key_goes_to_another_command_and_all_come_back(dialog):
    choose(dialog, "Open")
    dialog.findChild(QKeySequenceEdit).setKeySequence("Ctrl+Z")
    press(dialog, "Set key")
    assert (keys(dialog)["open"], keys(dialog)["undo"]) == (("Ctrl+Z",), ())
    assert "“Undo” had it" in dialog._note.text()
    press(dialog, "No key")
    assert keys(dialog)["open"] == ()
    assert dialog._note.text() == "“Open…” has no key now."
    press(dialog, "All as delivered")
    assert keys(dialog) == {"undo": ("Ctrl+Z",), "redo": ("Ctrl+Shift+Z", "Ctrl+Y"), "open": ()}


def test_return_in_the_search_changes_no_key(dialog):
    choose(dialog, "Redo")
    search = dialog.findChild(QLineEdit)
    search.setFocus()
    QTest.keyClicks(search, "redo")
    tree = dialog.findChild(QTreeWidget)
    shown = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    assert [item.text(0) for item in shown if not item.isHidden()] == ["Redo"]
    QTest.keyClick(search, Qt.Key.Key_Return)
    assert keys(dialog)["redo"] == ("Ctrl+Shift+Z", "Ctrl+Y")
    assert dialog.isVisible()


def test_every_part_says_what_it_is(dialog):
    for kind in (QLineEdit, QTreeWidget, QKeySequenceEdit):
        assert dialog.findChild(kind).accessibleName()
    for words in ("Set key", "No key", "All as delivered"):
        assert next(each for each in dialog.findChildren(QPushButton) if each.text() == words).toolTip()
