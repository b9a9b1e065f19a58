"""FoldTable: how the stereo fold-down of the room compares with the stereo mix, stem by stem."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from stemstudio.gui import theme, wording
from stemstudio.mixing.folddown import OCTAVES, FoldRow

HEADINGS = (
    ("Level", "By how much the fold-down is louder than the stereo mix, in dB"),
    ("Octave", "The octave that differs most, in dB; point at a number to see all of them"),
    ("Null", "The difference of the two waves, in dB of the stem; below −60 nobody hears one"),
)
GOOD_DB = -60.0
FRAME, ROW_MARGIN = 4, 8  # pixels around the rows, and above and below each
LEAST_HEIGHT = 110  # below which the table is no use: it scrolls by itself from there on


class FoldTable(QTableWidget):
    """One row a stem, and one for all together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 1 + len(HEADINGS), parent)
        self.setAccessibleName("How the fold-down compares with the stereo mix")
        self.setHorizontalHeaderLabels(["Stem", *(word for word, _ in HEADINGS)])
        for column, (_, tip) in enumerate(HEADINGS, 1):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + ROW_MARGIN)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(30)
        self._rows: Sequence[FoldRow] = ()

    def show_rows(self, rows: Sequence[FoldRow]) -> None:
        """Show what was measured."""
        self._rows = rows
        look = theme.current()
        self.setRowCount(len(rows))
        for place, row in enumerate(rows):
            silent = row.stereo_db == -math.inf and row.fold_db == -math.inf
            cells = (
                row.name,
                "–" if silent else wording.signed(row.level_db, 1),
                "–" if silent else _worst(row),
                "–" if silent else wording.level(row.null_db, 0).removesuffix(" dB"),
            )
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(_octaves(row) if column == 2 else _levels(row) if column == 1 else words)
                if column == 3 and not silent:
                    item.setForeground(look.colour("good" if row.null_db <= GOOD_DB else "warning"))
                self.setItem(place, column, item)
        height = (
            self.horizontalHeader().sizeHint().height()
            + len(rows) * self.verticalHeader().defaultSectionSize()
        )
        self.setMaximumHeight(height + FRAME)
        self.setMinimumHeight(min(height + FRAME, LEAST_HEIGHT))

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.maximumHeight())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and self._rows:
            self.show_rows(self._rows)
        super().changeEvent(event)


def _worst(row: FoldRow) -> str:
    """The octave that differs most, such as "+1.2 · 4k"."""
    amount = wording.signed(row.spectrum_db, 1)
    if not round(row.spectrum_db, 1):
        return amount
    centre = OCTAVES[row.octaves_db.index(row.spectrum_db)]
    return f"{amount} · {_pitch(centre).removesuffix('Hz').replace(' ', '')}"


def _levels(row: FoldRow) -> str:
    return f"Stereo mix {wording.level(row.stereo_db)}, fold-down {wording.level(row.fold_db)}"


def _octaves(row: FoldRow) -> str:
    """All octaves in one line each."""
    lines = [
        f"{_pitch(centre)}: {wording.signed(level, 1)} dB"
        for centre, level in zip(OCTAVES, row.octaves_db, strict=True)
        if level is not None
    ]
    return "\n".join(lines) or "Nothing sounds."


def _pitch(hertz: float) -> str:
    return f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz:g} Hz"
