"""ToolOptions: the numbers of the tool in the hand, as sliders; and what can be done with a selection."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.tools.painting import give_selection
from stemstudio.gui.tools.tool import Option
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.gui.views.hint_options import HintOptions, ModeSwitch
from stemstudio.gui.views.melody_panel import MelodyPanel
from stemstudio.project.stem import MIXTURE

STEPS = 200  # of a slider


class ToolOptions(QWidget):
    """The options panel."""

    def __init__(self, document: Document, toolbox: ToolBox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._toolbox = document, toolbox
        self._sliders: dict[str, tuple[Option, QSlider, QLabel]] = {}
        self._colour = ""
        self.title = QLabel()
        self.title.setProperty("role", "title")
        self.tip = QLabel()
        self.tip.setProperty("role", "muted")
        self.tip.setWordWrap(True)
        self.give = QPushButton()
        self.give.clicked.connect(self._give)
        self.mode = ModeSwitch(toolbox)
        self.hints = HintOptions(document)
        self.melody = MelodyPanel(document)
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 8)
        layout.setSpacing(8)
        heading = QHBoxLayout()
        heading.addWidget(self.title, 1)
        heading.addWidget(self.mode)
        layout.addLayout(heading)
        for part in (
            self.hints,
            self._rows,
            self.give,
            self.melody,
            self.tip,
        ):  # news of the hints must not lie below the fold
            layout.addWidget(part)
        layout.addStretch()
        toolbox.tool_changed.connect(self._rebuild)
        toolbox.options_changed.connect(self._show_values)
        toolbox.options_changed.connect(self._show_target)
        for signal in (
            document.opened,
            document.target_changed,
            document.changed,
            document.selection_changed,
        ):
            signal.connect(self._show_target)
        self._rebuild()

    def _rebuild(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        self._sliders.clear()
        tool = self._toolbox.tool
        self.title.setText(tool.title)
        self.tip.setText(tool.tip)
        for row, option in enumerate(tool.options):
            label, slider, value = QLabel(option.label), QSlider(Qt.Orientation.Horizontal), QLabel()
            label.setProperty("role", "muted")
            slider.setRange(0, STEPS)
            slider.setMinimumWidth(60)
            slider.setSingleStep(2)
            slider.setPageStep(20)
            slider.setToolTip(option.tip)
            slider.setAccessibleName(f"{tool.title}: {option.label}")
            label.setBuddy(slider)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("0.00 oct"))
            slider.valueChanged.connect(
                lambda place, option=option: self._toolbox.set_value(option.name, _value_at(option, place))
            )
            for column, part in enumerate((label, slider, value)):
                self._grid.addWidget(part, row, column)
            self._sliders[option.name] = (option, slider, value)
        self._rows.setVisible(bool(tool.options))
        self.melody.setVisible(tool.draws_melody)
        # Who sets four numbers knows the tool; the strip says it too.
        self.tip.setVisible(len(tool.options) < 2 or tool.draws_melody)
        self._show_values()
        self._show_target()

    def _show_values(self) -> None:
        for name, (option, slider, label) in self._sliders.items():
            value = self._toolbox.value(name)
            label.setText(option.write(value))
            place = _place_of(option, value)
            if abs(place - slider.value()) > 0:
                slider.blockSignals(True)  # the value is exact, the slider's place is rounded
                slider.setValue(place)
                slider.blockSignals(False)

    def _give(self) -> None:
        box = self._toolbox
        give_selection(self._document, box.value("strength"), hint=box.mode == "hint")

    def _show_target(self, *_: object) -> None:
        document, tool = self._document, self._toolbox.tool
        state = document.state
        ready = state is not None and document.target != MIXTURE and document.target in state.stems
        name = state.stems[document.target].name if state is not None and ready else ""
        self.give.setVisible(tool.gives_selection)
        if self._toolbox.mode == "hint":
            self.give.setText(f"Hint: it is {name}" if name else "Hint whose it is")
            self.give.setToolTip("Teach that the light inside the selection belongs to this stem (Return)")
        else:
            self.give.setText(f"Give to {name}" if name else "Give to a stem")
            self.give.setToolTip("All the light inside the selection goes to this stem (Return)")
        self.give.setAccessibleName(self.give.text())
        self.give.setEnabled(bool(name) and document.selection.bounds is not None)
        colour = state.stems[document.target].colour if state is not None and name else theme.current().accent
        if (
            colour != self._colour
        ):  # a style sheet takes long, and this is asked with every change of the song
            self._colour = colour
            self._rows.setStyleSheet(f"QSlider::sub-page:horizontal {{ background: {colour}; }}")


def _place_of(option: Option, value: float) -> int:
    if option.log:
        share = math.log(value / option.low) / math.log(option.high / option.low)
    else:
        share = (value - option.low) / (option.high - option.low)
    return round(min(max(share, 0.0), 1.0) * STEPS)


def _value_at(option: Option, place: int) -> float:
    share = place / STEPS
    if option.log:
        return option.low * (option.high / option.low) ** share
    return option.low + share * (option.high - option.low)
