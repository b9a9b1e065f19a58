"""The files that an export will write: names, sizes, which are there already, and whether they may be replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import theme

THERE = Qt.ItemDataRole.UserRole


class FilesToBe(QWidget):
    """Names in grey; those that are there already in amber, with a question below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.total = QLabel(self)
        self.total.setProperty("role", "muted")
        self.list = QTreeWidget(self)
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setIndentation(18)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName("Files that will be written")
        self.list.setToolTip("The files that will be written, and about how large they will be")
        self.replace = QCheckBox(self)
        self.replace.setToolTip("Without this nothing that is there is touched")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.total)
        column.addWidget(self.list, 1)
        column.addWidget(self.replace)

    def names(self) -> list[str]:
        return [item.text(0) for item in self._items()]

    def sizes(self) -> list[str]:
        return [item.text(1) for item in self._items()]

    def inside(self) -> list[str]:
        """What is in the first file, where that is a package."""
        items = self._items()
        return [items[0].child(row).text(0) for row in range(items[0].childCount())] if items else []

    def existing(self) -> list[str]:
        """Names of files that are there already."""
        return [item.text(0) for item in self._items() if item.data(0, THERE)]

    @property
    def may_replace(self) -> bool:
        """Whether there are such files, and the person said that they may be replaced."""
        return self.replace.isChecked() and bool(self.existing())

    def show_files(self, folder: Path, files: Mapping[str, int | None], inside: Sequence[str] = ()) -> None:
        """List the names with their sizes in bytes, and ask anew about those that are there.

        Parameters
        ----------
        inside
            What the first of them holds, where it is a package.
        """
        look = theme.current()
        before = self.names()
        self.list.clear()
        for name, size in files.items():
            item = QTreeWidgetItem(self.list, [name, "" if size is None else size_words(size)])
            there = (folder / name).exists()
            item.setData(0, THERE, there)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for place in (0, 1):
                item.setForeground(place, look.colour("warning" if there else "muted"))
            item.setToolTip(0, f"{name} is there already" if there else name)
        first = self.list.topLevelItem(0)
        if inside and first is not None:
            for words in inside:
                row = QTreeWidgetItem(first, [words])
                row.setForeground(0, look.colour("faint"))
            first.setExpanded(True)
        count = len(self.existing())
        words = "1 of these files is there already: replace it"
        self.replace.setText(
            words if count == 1 else f"{count} of these files are there already: replace them"
        )
        if self.names() != before:
            self.replace.setChecked(False)
        self.replace.setVisible(count > 0)
        known = sum(size or 0 for size in files.values())
        number = f"{len(files)} file{'' if len(files) == 1 else 's'}"
        self.total.setText(f"{number}, about {size_words(known)}" if files else "No files")

    def _items(self) -> list[QTreeWidgetItem]:
        return [item for row in range(self.list.topLevelItemCount()) if (item := self.list.topLevelItem(row))]


def size_words(size: int) -> str:
    """A number of bytes for people: 34 MB, 1.2 GB."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000))} kB" if size else "0 kB"
    if size < 1_000_000_000:
        return f"{size / 1e6:.1f} MB" if size < 10_000_000 else f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB"
