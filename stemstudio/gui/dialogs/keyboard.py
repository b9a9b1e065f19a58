"""Help ▸ Keyboard: every key, and how to change it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui.bindings import Bindings
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.menus.menu import Command

POINTER = (
    ("Scroll in time · in frequency", "wheel · Shift+wheel"),
    ("Zoom in time · in frequency, at the pointer", "Ctrl+wheel · Ctrl+Shift+wheel"),
    ("Pan the view", "middle-drag · Space-drag"),
    ("Brush width in time · height in pitch", "Alt+wheel · Alt+Shift+wheel"),
    ("Straight line from the last point", "Shift-click with the brush"),
    ("Selection: add · subtract · intersect", "Shift · Alt · Shift+Alt while dragging"),
)


class KeyboardDialog(QDialog):
    """Lists commands and keys by menu; a chosen row can be given another key."""

    def __init__(self, bindings: Bindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        self.resize(680, 720)
        self._bindings = bindings
        self._search = QLineEdit(self)
        self._search.setPlaceholderText("Find a command or a key")
        self._search.setAccessibleName("Find a command or a key")
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._filter)
        self._tree = QTreeWidget(self)
        self._tree.setHeaderLabels(["Command", "Key"])
        self._tree.setRootIsDecorated(False)
        self._tree.setAlternatingRowColors(True)
        self._tree.setAccessibleName("Commands and their keys")
        self._tree.currentItemChanged.connect(self._show)
        self._key = QKeySequenceEdit(self)
        self._key.setMaximumSequenceLength(1)
        self._key.setAccessibleName("New key")
        self._key.setToolTip("Click here and press the key that the chosen command is to have")
        self._set = push_button("Set key", "Give the chosen command this key alone", self._bind, self)
        self._none = push_button("No key", "Leave the chosen command to the menu", self._unbind, self)
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        row = QHBoxLayout()
        for widget in (QLabel("New key:", self), self._key, self._set, self._none):
            row.addWidget(widget)
        buttons = close_box(self)
        reset = push_button("All as delivered", "Every command has its first keys again", self._reset, self)
        buttons.addButton(reset, QDialogButtonBox.ButtonRole.ResetRole)
        column = QVBoxLayout(self)
        column.addWidget(self._search)
        column.addWidget(self._tree, 1)
        column.addLayout(row)
        column.addWidget(self._note)
        column.addWidget(buttons)
        self._fill()
        self._show()

    def _fill(self) -> None:
        current = self._command()
        self._tree.clear()
        for command in self._bindings.commands:
            keys = " · ".join(
                QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
                for key in self._bindings.keys(command)
            )
            item = QTreeWidgetItem([command.text.replace("&", "").removesuffix("…"), keys])
            item.setData(0, Qt.ItemDataRole.UserRole, command)
            item.setToolTip(0, command.tip)
            self._tree.addTopLevelItem(item)
            if command is current:
                self._tree.setCurrentItem(item)
        for words, pointer in POINTER:
            item = QTreeWidgetItem([words, pointer])
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self._tree.addTopLevelItem(item)
        self._tree.resizeColumnToContents(0)
        self._filter(self._search.text())

    def _filter(self, words: str) -> None:
        for row in range(self._tree.topLevelItemCount()):
            item = self._tree.topLevelItem(row)
            assert item is not None
            item.setHidden(words.casefold() not in f"{item.text(0)} {item.text(1)}".casefold())

    def _command(self) -> Command | None:
        item = self._tree.currentItem()
        return None if item is None else item.data(0, Qt.ItemDataRole.UserRole)

    def _show(self, *_: object) -> None:
        command = self._command()
        for widget in (self._key, self._set, self._none):
            widget.setEnabled(command is not None)
        keys = () if command is None else self._bindings.keys(command)
        self._key.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())

    def _bind(self) -> None:
        command, key = self._command(), self._key.keySequence().toString()
        if command is None or not key:
            return
        loser = self._bindings.bind(command, key)
        lost = (
            "" if loser is None else f" “{loser.text.replace('&', '')}” had it and has no such key any more."
        )
        self._fill()
        self._note.setText(f"“{command.text.replace('&', '')}” is on {key} now.{lost}")

    def _unbind(self) -> None:
        command = self._command()
        if command is not None:
            self._bindings.bind(command, "")
            self._fill()
            self._note.setText(f"“{command.text.replace('&', '')}” has no key now.")

    def _reset(self) -> None:
        self._bindings.reset()
        self._fill()
        self._note.setText("All keys are as delivered.")
