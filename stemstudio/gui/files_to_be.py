"""The files that an export will write: their names, which are there already, and whether they may be replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from stemstudio.gui import theme

THERE = Qt.ItemDataRole.UserRole


class FilesToBe(QWidget):
    """Names in grey; those that are there already in amber, with a question below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget(self)
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName("Files that will be written")
        self.list.setToolTip("The files that will be written")
        self.replace = QCheckBox(self)
        self.replace.setToolTip("Without this nothing that is there is touched")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list, 1)
        column.addWidget(self.replace)

    def names(self) -> list[str]:
        return [self.list.item(row).text() for row in range(self.list.count())]

    def existing(self) -> list[str]:
        """Names of files that are there already."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [item.text() for item in items if item.data(THERE)]

    @property
    def may_replace(self) -> bool:
        """Whether there are such files, and the person said that they may be replaced."""
        return self.replace.isChecked() and bool(self.existing())

    def show_names(self, folder: Path, names: Sequence[str]) -> None:
        """List the names, and ask anew about those that are there."""
        look = theme.current()
        self.list.clear()
        for name in names:
            item = QListWidgetItem(name)
            there = (folder / name).exists()
            item.setData(THERE, there)
            item.setForeground(look.colour("warning" if there else "muted"))
            item.setToolTip(f"{name} is there already" if there else name)
            self.list.addItem(item)
        count = len(self.existing())
        words = "1 of these files is there already: replace it"
        self.replace.setText(
            words if count == 1 else f"{count} of these files are there already: replace them"
        )
        self.replace.setChecked(False)
        self.replace.setVisible(count > 0)
