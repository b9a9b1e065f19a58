"""The row above the spectrogram: what it shows, how finely, on which axis, in which colours."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget
from superqt import QRangeSlider

from stemstudio.gui.colouring import MAPS
from stemstudio.gui.dialogs.frames_by_numbers import FramesDialog
from stemstudio.gui.document import Document
from stemstudio.gui.look import Look
from stemstudio.project import edits
from stemstudio.project.edit import Edit
from stemstudio.spectral.stft import StftSettings

VIEWS = {
    "dominant": ("By stem", "Hue: the stem that owns the light. Brightness: how loud it is."),
    "mixture": ("Mixture", "The whole song, loudness by colour."),
    "stem": ("One stem", "Only the light of the target stem."),
    "mask": ("Mask", "How much of each bit of light the target stem has."),
    "doubt": ("Doubt", "What two ways of separating give to different stems glows."),
}
AXES = {"log": "Octaves", "mel": "Mel", "linear": "Linear"}
CHANNELS = {"mix": "Stereo", "left": "Left", "right": "Right", "mid": "Mid", "side": "Side"}
FINENESS = {"Fine time": 1024, "Balanced": 4096, "Fine pitch": 16384}  # samples at 44.1 or 48 kHz


def grid_for(fft: int, sample_rate: int) -> StftSettings:
    """Frames that last as long at this sample rate as `fft` samples do at 44.1 kHz."""
    power = max(7, min(16, round(math.log2(fft * sample_rate / 44100))))
    return StftSettings(fft=2**power, hop=2**power // 4)


class PictureBar(QWidget):
    """Controls of the `Look`, the frequency axis and the STFT settings."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.view = self._choice(
            "Show", {key: words for key, (words, _) in VIEWS.items()}, "What the spectrogram shows."
        )
        for place, (_, tip) in enumerate(VIEWS.values()):
            self.view.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.fineness = self._choice(
            "Fineness",
            {name: name for name in FINENESS},
            "Fine time shows hits sharply, fine pitch shows notes sharply.",
        )
        self.fineness.addItem("By numbers…", "numbers")
        self.fineness.setCurrentIndex(self.fineness.findData("Balanced"))
        self.axis = self._choice("Frequency axis", AXES, "How frequencies are spread over the height.")
        self.channel = self._choice("Side", CHANNELS, "Which part of the stereo picture is shown.")
        self.colours = self._choice(
            "Colours", {name: name.capitalize() for name in MAPS}, "Colours of loudness."
        )
        self.range = QRangeSlider(Qt.Orientation.Horizontal, self)
        self.range.setRange(-120, 6)
        self.range.setMinimumWidth(80)
        self.range.setMaximumWidth(160)
        self.range.setAccessibleName("Darkest and brightest level in dB")
        self.range.setToolTip("Levels shown darkest and brightest, in dB of full scale.")
        self._range_text = QLabel(self)
        self._range_text.setMinimumWidth(self._range_text.fontMetrics().horizontalAdvance("−120 … −10 dB"))
        self.whole = QToolButton(self)
        self.whole.setText("Whole song")
        self.whole.setToolTip("Show all seconds and all frequencies (Ctrl+0).")
        self.whole.clicked.connect(document.viewport.fit)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(8)
        for widget in (self.view, self.fineness, self.axis, self.channel, self.colours):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.range)
        row.addWidget(self._range_text)
        row.addStretch(1)
        row.addWidget(self.whole)

        self.view.activated.connect(lambda: document.set_look(view=self.view.currentData()))
        self.axis.activated.connect(lambda: document.viewport.set_axis(self.axis.currentData()))
        self.channel.activated.connect(lambda: document.set_look(channel=self.channel.currentData()))
        self.colours.activated.connect(lambda: document.set_look(colours=self.colours.currentData()))
        self.fineness.activated.connect(self._choose_fineness)
        self.range.valueChanged.connect(self._choose_range)
        document.look_changed.connect(self._show_look)
        document.viewport.changed.connect(self._show_axis)
        document.opened.connect(self._show_song)
        document.changed.connect(self._show_song)
        self._show_look(document.look)
        self._show_axis()
        self._show_song()

    def _choice(self, name: str, words: dict[str, str], tip: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for key, word in words.items():
            box.addItem(word, key)
        return box

    def _show_look(self, look: Look) -> None:
        for box, value in (
            (self.view, look.view),
            (self.channel, look.channel),
            (self.colours, look.colours),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.colours.setVisible(look.view not in ("dominant", "doubt"))
        blocker = QSignalBlocker(self.range)
        self.range.setValue((round(look.floor_db), round(look.ceiling_db)))
        blocker.unblock()
        self._range_text.setText(f"{look.floor_db:.0f} … {look.ceiling_db:.0f} dB".replace("-", "−"))

    def _show_axis(self) -> None:
        self.axis.setCurrentIndex(self.axis.findData(self._document.viewport.axis))

    def _show_song(self, _change: object = None) -> None:
        state = self._document.state
        self.setEnabled(state is not None)
        if state is None:
            return
        self.channel.setEnabled(state.mixture.channels == 2)
        rate = state.mixture.sample_rate
        names = [name for name, fft in FINENESS.items() if grid_for(fft, rate) == state.grid]
        index = self.fineness.findData(names[0] if names else "numbers")
        self.fineness.setCurrentIndex(index)
        grid = state.grid
        self.fineness.setItemText(
            self.fineness.count() - 1, "By numbers…" if names else f"{grid.fft} / {grid.hop} {grid.window}"
        )

    def _choose_range(self, values: Any) -> None:
        low, high = values
        self._document.set_look(floor_db=float(min(low, high - 6)), ceiling_db=float(max(high, low + 6)))

    def _choose_fineness(self) -> None:
        state = self._document.state
        if state is None:
            return
        chosen = self.fineness.currentData()
        if chosen == "numbers":
            dialog = FramesDialog(state.grid, state.mixture.sample_rate, self)
            grid = dialog.grid if dialog.exec() else state.grid
            dialog.deleteLater()
        else:
            grid = grid_for(FINENESS[chosen], state.mixture.sample_rate)
        self._show_song()
        if grid != state.grid:
            self._regrid(grid)

    def _regrid(self, grid: StftSettings) -> None:
        """Lay paint on another grid in the background, then switch over."""
        document, project = self._document, self._document.project
        assert project is not None
        state, revision = project.state, project.revision

        def done(edit: Edit) -> None:
            if document.project is not project:
                return
            if project.revision != revision:
                self._regrid(grid)  # painted in the meantime
            else:
                document.do(edit)

        document.jobs.run("Other frames", lambda progress: edits.regrid(state, grid), done, heavy=False)
