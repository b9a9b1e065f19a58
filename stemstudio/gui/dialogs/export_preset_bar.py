"""Presets of exports: chosen, kept under a name, forgotten."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QWidget

from stemstudio.gui.dialogs import export_presets
from stemstudio.gui.dialogs.buttons import link_button
from stemstudio.gui.dialogs.export_presets import ExportPreset


class PresetBar(QWidget):
    """A list of what was kept, *Keep* and *Forget*.

    Signals
    -------
    used(ExportPreset)
        One was chosen.
    """

    used = Signal(object)

    def __init__(self, present: Callable[[str], ExportPreset], parent: QWidget | None = None) -> None:
        """`present(name)` gives what is to be kept."""
        super().__init__(parent)
        self._present = present
        self.list = QComboBox(self)
        self.list.setAccessibleName("Presets")
        self.list.setToolTip("Exports that you have kept: what is ticked, and how it is written")
        self.list.setMinimumContentsLength(14)
        self.keep = link_button(
            "Keep…", "Keep this export under a name, for the next song too", self._keep, self
        )
        self.forget = link_button("Forget", "Take the chosen preset away", self._forget, self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.list, self.keep, self.forget):
            row.addWidget(widget)
        self._fill()
        self.list.activated.connect(self._use)

    def _fill(self, chosen: str = "") -> None:
        found = export_presets.presets()
        self.list.clear()
        self.list.addItem("Presets" if found else "No presets yet", None)
        for preset in found:
            self.list.addItem(preset.name, preset)
        self.list.setCurrentIndex(max(0, self.list.findText(chosen)) if chosen else 0)
        self.list.setEnabled(bool(found))
        self.forget.setEnabled(self.list.currentIndex() > 0)

    def _use(self) -> None:
        preset = self.list.currentData()
        self.forget.setEnabled(preset is not None)
        if preset is not None:
            self.used.emit(preset)

    def _keep(self) -> None:
        present = self.list.currentText() if self.list.currentIndex() > 0 else ""
        name, good = QInputDialog.getText(self, "Keep this export", "Name:", text=present)
        name = name.strip()[:100]
        if good and name:
            export_presets.keep(self._present(name))
            self._fill(name)

    def _forget(self) -> None:
        export_presets.forget(self.list.currentText())
        self._fill()
