"""Buttons of dialogs: Return presses none of them, unless the dialog makes one its default."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget


def push_button(words: str, tip: str, act: Callable[[], object], parent: QWidget) -> QPushButton:
    """A button that calls `act`, with whether it is checked where that takes an argument."""
    button = QPushButton(words, parent)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(act)
    return button


def link_button(words: str, tip: str, act: Callable[[], object], parent: QWidget) -> QPushButton:
    """A button that looks like a link, for what is done now and then."""
    button = push_button(words, tip, act, parent)
    button.setProperty("link", True)
    return button


def close_box(dialog: QDialog, tip: str = "") -> QDialogButtonBox:
    """Close, on the right of the last row."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    close = box.button(QDialogButtonBox.StandardButton.Close)
    close.setAutoDefault(False)
    close.setToolTip(tip)
    box.rejected.connect(dialog.reject)
    return box
