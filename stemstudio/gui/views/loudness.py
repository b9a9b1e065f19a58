"""LoudnessView: how loud the mix is after ITU-R BS.1770, its true peak, its RMS, and how its sides hang together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from stemstudio.gui import theme, wording
from stemstudio.gui.drawing import drawn
from stemstudio.gui.steady import Steady

VALUES = {
    "momentary": ("M", "Momentary loudness: the last 0.4 seconds, in LUFS"),
    "short": ("S", "Short-term loudness: the last 3 seconds, in LUFS"),
    "integrated": ("I", "Integrated loudness since it was last forgotten, in LUFS; click to begin again"),
    "peak": (
        "TP",
        "Highest true peak, between the samples too, in dB of full scale; red when it was above 0; click to forget",
    ),
    "rms": ("RMS", "RMS of both sides now, in dB of full scale, as it leaves for the loudspeakers"),
}
FALL = 0.15  # of the correlation, towards what it is now, each time


class LoudnessView(QWidget):
    """Five numbers and a needle; before the master volume, as an export would be, but for RMS.

    Signals
    -------
    cleared
        It was clicked: begin to measure again.
    """

    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peak = 0.0
        self.values: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(5)
        grid.setVerticalSpacing(1)
        for place, (name, (letters, tip)) in enumerate(VALUES.items()):
            word, value = QLabel(letters, self), Steady("−00.0", self)
            word.setProperty("role", "muted")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setAccessibleName(tip.partition(":")[0].partition(",")[0])
            for label in (word, value):
                label.setToolTip(tip)
            row, column = divmod(place, 2)
            self.values[name] = value
            if name == "rms":
                wide = QHBoxLayout()
                wide.setSpacing(5)
                wide.addWidget(word)
                wide.addWidget(value, 1)
                grid.addLayout(wide, row, 0, 1, 3)
                continue
            grid.addWidget(word, row, 3 * column)
            grid.addWidget(value, row, 3 * column + 1)
        self.correlation = CorrelationMeter(self)
        grid.setColumnMinimumWidth(2, 8)
        grid.addWidget(self.correlation, 2, 3, 1, 2)
        self.setToolTip("Loudness of the mix as it would be exported; click to measure afresh")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clear()

    def show_levels(self, levels: Any) -> None:
        """Take in what the player's meters say."""
        for name in ("momentary", "short", "integrated"):
            self._write(name, getattr(levels, name))
        rms = math.sqrt(float(np.mean(np.square(levels.master_rms))))
        self._write("rms", 20 * math.log10(rms) if rms > 0 else -math.inf)
        if levels.true_peak > self._peak:
            self._peak = levels.true_peak
            self._show_peak()
        self.correlation.show_value(levels.correlation)

    def clear(self) -> None:
        """Forget what was measured."""
        self._peak = 0.0
        self._show_peak()
        for name in ("momentary", "short", "integrated", "rms"):
            self._write(name, -math.inf)
        self.correlation.show_value(0.0, at_once=True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clear()
            self.cleared.emit()

    def _write(self, name: str, level: float) -> None:
        text = wording.level(level, 1).removesuffix(" dB")
        if self.values[name].text() != text:
            self.values[name].setText(text)

    def _show_peak(self) -> None:
        self._write("peak", 20 * math.log10(self._peak) if self._peak > 0 else -math.inf)
        theme.restyle(self.values["peak"], role="error" if self._peak > 1.0 else "")


class CorrelationMeter(QWidget):
    """A needle between −1 (the sides cancel each other), 0 (nothing in common) and 1 (mono)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.value = 0.0
        self.setFixedHeight(10)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Correlation of left and right")
        self.setToolTip(
            "Correlation of left and right: at the right end mono, in the middle wide; left of it the sides cancel each "
            "other in mono"
        )

    def sizeHint(self) -> QSize:
        return QSize(50, 10)

    def show_value(self, value: float, *, at_once: bool = False) -> None:
        """Move the needle towards a value."""
        new = value if at_once else self.value + FALL * (value - self.value)
        if abs(new - self.value) > 1e-3 or at_once:
            self.value = new
            self.setAccessibleDescription(wording.signed(new, 1))
            self.update()

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        middle, width = self.height() / 2, self.width()
        painter.fillRect(QRectF(0, middle - 2, width, 4), look.colour("groove"))
        zero = width / 2
        x = zero + self.value * (zero - 2)
        role = "danger" if self.value < -0.05 else "good"
        painter.fillRect(QRectF(min(zero, x), middle - 2, abs(x - zero), 4), look.colour(role, 0.6))
        painter.fillRect(QRectF(zero - 0.5, middle - 4, 1, 8), look.colour("faint"))
        painter.fillRect(QRectF(x - 1.5, middle - 4, 3, 8), look.colour("text"))
