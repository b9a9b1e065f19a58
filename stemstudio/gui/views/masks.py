"""MasksPanel: how the stems of a split share its light, changed while one listens."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from stemstudio.algorithms.masking import Masking
from stemstudio.gui.document import Document
from stemstudio.gui.fader import Fader
from stemstudio.gui.forms import spaced
from stemstudio.gui.views.strip_menu import swatch
from stemstudio.project import edits
from stemstudio.project.project import Change
from stemstudio.project.stem import MIXTURE

CHOICES = {
    "kind": {
        "soft": ("Soft", "Each stem gets its share"),
        "binary": ("Binary", "The strongest gets all"),
        "wiener": ("Wiener", "Shared by the stems' places in the stereo as well"),
    },
    "phase": {
        "mixture": ("The song's", "As it is in the song"),
        "griffin-lim": ("Griffin–Lim", "Each stem gets one that fits its own loudness"),
        "misi": ("MISI", "All stems agree on theirs, so that they still make the song"),
    },
}
LABELS = {
    "kind": "Masks",
    "firmness": "Firmness",
    "margin": "Margin",
    "phase": "Phase",
}
ROUNDS = {
    "kind": "iterations",
    "phase": "phase_iterations",
}  # numbers beside a choice, where they mean something
STEP = 0.05  # octaves of a number: sliders are logarithmic
REACH = {"firmness": (-2.0, 3.0), "margin": (0.0, 3.0)}  # octaves
NO_STEMS = "Nothing is taken apart yet. Under Separate choose a goal and run it; how its stems share the light is set here."
NO_MASKS = "These stems are sound of their own, not masks of the song: there is nothing to share out."
SLOW = "Worked out some seconds at a time: a change is heard after a moment."


class MasksPanel(QWidget):
    """Kind, firmness, margin and phase of the masks of one split; every change is heard at once and can be undone."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._labels: dict[str, QLabel] = {}
        self._values: dict[str, QLabel] = {}
        self._help = {each.name: each.help for each in Masking.parameters()}
        self._build()
        document.opened.connect(self._list_splits)
        document.changed.connect(self._changed)
        document.target_changed.connect(self._follow_target)
        self._list_splits()

    def _build(self) -> None:
        self.splits = _narrow(QComboBox(self))
        self.splits.setToolTip("Whose stems: the whole song's, or those of a stem that was split again")
        self.splits.setAccessibleName("Whose stems share the light")
        self.splits.currentIndexChanged.connect(self._show)
        self.kind = self._choice("kind")
        self.firmness = self._fader("firmness", "softer, more bleed", "cleaner, rougher")
        self.margin = self._fader(
            "margin", "all of it is somebody's", "only what is clear; the rest to the residual"
        )
        self.iterations = self._rounds("iterations")
        self.phase = self._choice("phase")
        self.phase_iterations = self._rounds("phase_iterations")
        self.note = QLabel(self)
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.reset = QPushButton("As the run left them", self)
        self.reset.setProperty("link", True)
        self.reset.setToolTip("Put the masks back to what the run started with")
        self.reset.clicked.connect(lambda: self._put(None))
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        self._row(grid, "splits", "Stems of", self.splits)
        for name, label in LABELS.items():
            self._row(grid, name, label, getattr(self, name))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 8)
        column.setSpacing(8)
        column.addLayout(grid)
        column.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.note)
        column.addStretch(1)

    def _row(self, grid: QGridLayout, name: str, words: str, field: QWidget) -> None:
        label = QLabel(words, self)
        label.setProperty("role", "muted")
        label.setBuddy(field)
        label.setToolTip(field.toolTip())
        self._labels[name] = label
        row = grid.rowCount()
        grid.addWidget(label, row, 0)
        if name in ROUNDS:
            grid.addWidget(field, row, 1)
            grid.addWidget(getattr(self, ROUNDS[name]), row, 2)
            return
        if name not in self._values:
            grid.addWidget(field, row, 1, 1, 2)
            return
        value = self._values[name]
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("0.00"))
        grid.addWidget(field, row, 1)
        grid.addWidget(value, row, 2)

    def _choice(self, name: str) -> QComboBox:
        field = _narrow(QComboBox(self))
        for value, (word, tip) in CHOICES[name].items():
            field.addItem(word, value)
            field.setItemData(field.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._describe(field, name)
        field.activated.connect(lambda _: self._chosen(name, field.currentData()))
        return field

    def _rounds(self, name: str) -> QSpinBox:
        field = QSpinBox(self)
        field.setSuffix(" ×")
        limits = next(each for each in Masking.parameters() if each.name == name)
        field.setRange(int(limits.low or 1), int(limits.high or 1))
        spaced(field)
        field.setFixedWidth(field.fontMetrics().horizontalAdvance("20 ×") + 34)
        self._describe(field, name)
        field.setAccessibleName(f"Rounds of the {'masks' if name == 'iterations' else 'phase'}")
        field.valueChanged.connect(lambda value: self._chosen(name, value))
        return field

    def _fader(self, name: str, low: str, high: str) -> Fader:
        field = Fader(*REACH[name], STEP, 0.0, nudge=2 * STEP, parent=self)
        self._describe(field, name)
        field.setToolTip(f"{self._help[name]}. Left: {low}; right: {high}. Double-click for 1.")
        self._values[name] = QLabel(self)
        field.moved.connect(lambda octaves: self._chosen(name, round(2.0**octaves, 2)))
        field.settled.connect(self._document.settle)
        return field

    def _describe(self, field: QWidget, name: str) -> None:
        field.setToolTip(f"{self._help[name]}.")
        field.setAccessibleName(f"{LABELS.get(name, name)} of the masks")
        field.setAccessibleDescription(self._help[name])

    # what the person does

    @property
    def parent_stem(self) -> int | None:
        """Id of the stem whose split is shown; None without one."""
        chosen = self.splits.currentData()
        return None if chosen is None else int(chosen)

    def _chosen(self, name: str, value: Any) -> None:
        masking = self._masking()
        if masking is not None:
            self._put(masking.model_copy(update={name: value}))
            if name in ("kind", "phase"):
                self._document.settle()

    def _put(self, masking: Masking | None) -> None:
        state, parent = self._document.state, self.parent_stem
        if state is not None and parent is not None and parent in state.splits:
            self._document.do(edits.mask(state, parent, masking))

    def _masking(self) -> Masking | None:
        """Of the split that is shown; None where it makes no masks."""
        state, parent = self._document.state, self.parent_stem
        split = None if state is None or parent is None else state.splits.get(parent)
        return split.masking if split is not None and split.masked else None

    # what is shown

    def _changed(self, change: Change) -> None:
        if change.kinds & {"stems", "song"}:
            self._list_splits()
        elif change.kinds & {"splits", "masks"}:
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()

    def _list_splits(self) -> None:
        state, chosen = self._document.state, self.parent_stem
        with QSignalBlocker(self.splits):
            self.splits.clear()
            for stem in sorted(state.splits) if state is not None else ():
                if stem == MIXTURE:
                    self.splits.addItem("the whole song", stem)
                else:
                    self.splits.addItem(swatch(state.stems[stem].colour), state.stems[stem].name, stem)
            self.splits.setCurrentIndex(max(0, self.splits.findData(chosen)) if self.splits.count() else -1)
        self._show()

    def _follow_target(self, target: int) -> None:
        """The stems beside the target are those one works on."""
        state = self._document.state
        parent = None if state is None or target not in state.stems else state.stems[target].parent
        place = -1 if parent is None else self.splits.findData(parent)
        if place >= 0:
            self.splits.setCurrentIndex(place)

    def _show(self, *_: object) -> None:
        if not self.isVisible():
            return  # each step of the song would pay for what nobody sees
        masking = self._masking()
        there = masking is not None
        shown = masking or Masking()
        for field in (self.kind, self.phase):
            with QSignalBlocker(field):
                field.setCurrentIndex(
                    field.findData(getattr(shown, "kind" if field is self.kind else "phase"))
                )
        for name in REACH:
            value = getattr(shown, name)
            getattr(self, name).set_amount(float(np.log2(max(value, 0.01))))
            self._values[name].setText(f"{value:.2f}" if there else "")
        for name in ROUNDS.values():
            field = getattr(self, name)
            with QSignalBlocker(field):
                field.setValue(getattr(shown, name))
        self.iterations.setVisible(shown.kind == "wiener")
        self.phase_iterations.setVisible(shown.phase != "mixture")
        for name in LABELS:
            usable = there and not (name == "firmness" and shown.kind == "binary")
            for part in (self._labels[name], getattr(self, name), self._values.get(name)):
                if part is not None:
                    part.setEnabled(usable)
        for part in (self._labels["splits"], self.splits):
            part.setVisible(self.splits.count() > 1)
        state, parent = self._document.state, self.parent_stem
        split = None if state is None or parent is None else state.splits.get(parent)
        self.reset.setVisible(there)
        self.reset.setEnabled(split is not None and split.masking != split.estimates.masking)
        words = NO_STEMS if split is None else NO_MASKS if not there else "" if shown.local else SLOW
        self.note.setText(words)
        self.note.setVisible(bool(words))


def _narrow(field: QComboBox) -> QComboBox:
    """As wide as the panel, not as its longest words."""
    field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    field.setMinimumContentsLength(6)
    return field
