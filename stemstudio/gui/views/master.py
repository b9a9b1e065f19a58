"""Master: what comes out, whether the stems still add up to the song, and Export."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stemstudio.gui import icons, theme, wording
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.fader import Fader
from stemstudio.gui.matching import Matching
from stemstudio.gui.steady import Steady
from stemstudio.gui.views.letters import Letters
from stemstudio.gui.views.loudness import LoudnessView
from stemstudio.gui.views.meters import LevelMeter

WIDTH = 416
GOOD_NULL_DB, BAD_NULL_DB = -90.0, -60.0


NULL_TIP = "The song minus the sum of its stems, as played: −∞ dB means that nothing was lost or added."
NULL_OFF_TIP = (
    "Not measured in a room, nor at another tempo or in another key: "
    "there, every stem is changed by itself, and their sum is another sound than the song."
)


class Master(QWidget):
    """Mixers to compare, loudness, null meter, peak, master volume and Export.

    Signals
    -------
    volume_changed(gain)
        The master fader, as a linear factor.
    export_wanted
        Export… was pressed.
    effects_wanted
        Reverb and delay are to be set.
    loudness_cleared
        Loudness is to be measured from here on.
    """

    volume_changed = Signal(float)
    export_wanted = Signal()
    effects_wanted = Signal()
    loudness_cleared = Signal()

    def __init__(
        self, document: Document, matching: Matching | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._peak = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        title = QLabel("Master", self)
        title.setProperty("role", "title")
        self.peak = Steady("peak −00.0 dBFS", self)
        self.peak.setProperty("role", "muted")
        self.peak.setToolTip("Highest level since the song was opened; click the meter to forget it")
        self.peak.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.null_words = QLabel("song − stems", self)
        self.null_words.setProperty("role", "muted")
        self.null = Steady("−000 dB", self)
        self.null.setAccessibleName("What is missing between the song and its stems")
        self.volume = Fader(-60.0, 6.0, 0.1, taper=2.2, nudge=0.5, parent=self)
        self.volume.setToolTip(
            "Volume of everything, for listening; export leaves it out · double-click for 0.0"
        )
        self.volume.setAccessibleName("Master volume")
        self.volume.moved.connect(self._volume_moved)
        self.volume_text = QLabel(wording.signed(0.0, 1), self)
        self.volume_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.volume_text.setFixedWidth(self.volume_text.fontMetrics().horizontalAdvance("−60.0") + 2)
        self.meter = LevelMeter(2, self)
        self.meter.setToolTip(
            "What leaves for the loudspeakers; red: louder than full scale, click to forget"
        )
        self.meter.cleared.connect(self.forget_peak)
        self.export = QPushButton("Export…", self)
        self.export.setProperty("primary", True)
        self.export.setProperty("compact", True)
        self.export.setToolTip("Write stems, or the mix as heard, to files (Ctrl+E)")
        self.export.clicked.connect(self.export_wanted)
        self.letters = Letters(document, matching, self)
        self.loudness = LoudnessView(self)
        self.loudness.cleared.connect(self.loudness_cleared)
        self.effects = QPushButton("Effects", self)
        self.effects.setProperty("compact", True)
        self.effects.setToolTip("The reverb and the delay that strips send to")
        self.effects.setAccessibleName("Settings of reverb and delay")
        self.effects.clicked.connect(self.effects_wanted)
        self._lay_out(title)
        self.forget_peak()
        self.show_null(None)

    def _lay_out(self, title: QLabel) -> None:
        top = QHBoxLayout()
        top.addWidget(title)
        top.addStretch(1)
        top.addWidget(self.effects)
        top.addWidget(self.export)
        null = QHBoxLayout()
        null.setSpacing(4)
        null.addWidget(self.null_words)
        null.addWidget(self.null)
        null.addStretch(1)
        null.addWidget(self.peak)
        rows = QHBoxLayout()
        rows.setSpacing(8)
        word = QLabel("volume", self)
        word.setProperty("role", "muted")
        rows.addWidget(word)
        rows.addWidget(self.volume, 1)
        rows.addWidget(self.volume_text)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(top)
        column.addLayout(null)
        column.addLayout(rows)
        column.addWidget(self.meter)
        beside = QVBoxLayout()
        beside.setSpacing(5)
        beside.addWidget(self.letters)
        beside.addWidget(self.loudness)
        beside.addStretch(1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 6, 9, 9)
        whole.setSpacing(10)
        whole.addLayout(beside)
        whole.addLayout(column, 1)
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(max(WIDTH, super().sizeHint().width()), super().sizeHint().height())

    def show_levels(self, levels: Any) -> None:
        """Take in what the player's meters say of what is played."""
        peak, rms = levels.master_peak, levels.master_rms
        self.loudness.show_levels(levels)
        self.meter.show_levels(peak.tolist(), rms.tolist())
        highest = float(np.max(peak, initial=0.0))
        if highest > self._peak:
            self._peak = highest
            self._show_peak()

    def show_null(self, decibels: float | None, *, applies: bool = True) -> None:
        """Show the null in dB re full scale; None while there are no stems to add up, or where it says nothing."""
        self.null.setText("off" if not applies else "–" if decibels is None else wording.level(decibels, 0))
        words = NULL_TIP if applies else NULL_OFF_TIP
        if self.null.toolTip() != words:
            for label in (self.null_words, self.null):
                label.setToolTip(words)
        role = "muted"
        if decibels is not None:
            role = "good" if decibels < GOOD_NULL_DB else "warning" if decibels < BAD_NULL_DB else "error"
        theme.restyle(self.null, role=role)

    def forget_peak(self) -> None:
        """Start looking for the highest level afresh."""
        self._peak = 0.0
        self._show_peak()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(self.rect().adjusted(1, 1, -1, -1), 7, 7)
        painter.fillPath(shape, theme.current().colour("card"))

    def _dress(self) -> None:
        look = theme.current()
        self.export.setIcon(icons.icon("export", look.on_accent))

    def _show_peak(self) -> None:
        db = 20 * math.log10(self._peak) if self._peak > 0 else -math.inf
        self.peak.setText(f"peak {wording.level(db).removesuffix(' dB')} dBFS")
        theme.restyle(self.peak, role="error" if self._peak > 1.0 else "muted")

    def _volume_moved(self, level_db: float) -> None:
        self.volume_text.setText(wording.signed(level_db, 1))
        self.volume_changed.emit(0.0 if level_db <= -60.0 else 10 ** (level_db / 20))
