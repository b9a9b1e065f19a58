"""A list of stems to tick, and the mix."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from stemstudio.gui.views.strip_menu import swatch
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE

MIX = -1  # in the place of a stem's id
KEY = Qt.ItemDataRole.UserRole


class StemChecklist(QListWidget):
    """The mix, then every stem below the mixture; those that were split again are not ticked at first.

    Signals
    -------
    changed
        Something was ticked, or no longer.
    """

    changed = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setAccessibleName("What is written")
        self.setToolTip(
            "Every stem that is ticked becomes a file, as it is: without its fader, pan, mute and solo"
        )
        self.setUniformItemSizes(True)
        self._add("Mix as heard", "#c9cede", MIX, MIXTURE not in state.splits)
        self.item(0).setToolTip(
            "Everything together with its faders, pans, mutes and solos, as it is heard now"
        )
        self._add_children(MIXTURE, 0)
        self.itemChanged.connect(lambda _: self.changed.emit())

    def ticked(self) -> list[int]:
        """Ids of what is ticked, and `MIX`."""
        items = [self.item(row) for row in range(self.count())]
        return [int(item.data(KEY)) for item in items if item.checkState() == Qt.CheckState.Checked]

    def tick(self, on: bool) -> None:
        """Tick the mix and all leaves, or nothing; a stem that was split again is in its own stems already."""
        self.blockSignals(True)
        for row in range(self.count()):
            item = self.item(row)
            item.setCheckState(_check(on and item.data(KEY) not in self._state.splits))
        self.blockSignals(False)
        self.viewport().update()
        self.changed.emit()

    def _add_children(self, parent: int, depth: int) -> None:
        for child in self._state.children(parent):
            self._add("    " * depth + child.name, child.colour, child.id, child.id not in self._state.splits)
            self._add_children(child.id, depth + 1)

    def _add(self, words: str, colour: str, key: int, on: bool) -> None:
        item = QListWidgetItem(swatch(colour), words)
        item.setData(KEY, key)
        item.setFlags(
            Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
        )
        item.setCheckState(_check(on))
        self.addItem(item)


def _check(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
