"""The table of trained models: how well each separates, how large it is, and whether it lies on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from stemstudio.algorithms.neural.catalogue import MODELS, Model
from stemstudio.algorithms.neural.hub_files import begun
from stemstudio.algorithms.neural.weights import look_for, removable
from stemstudio.gui import theme
from stemstudio.gui.fetching import Fetching, megabytes

SCORED = ("vocals", "drums", "bass", "other")
COLUMNS = ("Model", "Here", "Size", *(word.capitalize() for word in SCORED), "Licence", "What it is")
NUMBERS = range(2, 7)
ASKED = "asked online"
ROUNDED = "≈"
LONGEST_NAME = 30  # letters of a name that are shown; those of files that people share are longer


@dataclass(frozen=True)
class Row:
    """What of a model lies on this machine.

    Attributes
    ----------
    paths
        Its files.
    size
        In bytes.
    whole
        Whether all of its networks are here.
    removable
        Whether any of its files is ours to delete.
    begun
        Bytes that have come of other files, whose download goes on from there.
    """

    paths: tuple[Path, ...]
    size: int
    whole: bool
    removable: bool
    begun: int

    @classmethod
    def of(cls, model: Model) -> Row:
        found = look_for(model)
        paths = tuple(each.path for each in found if each.path is not None)
        came = begun(model)
        return cls(
            paths,
            sum(path.stat().st_size for path in paths),
            len(paths) == len(found),
            any(removable(path, model) for path in paths) or came > 0,
            came,
        )


class ModelsTable(QTableWidget):
    """A row a model; one of them is chosen.

    Attributes
    ----------
    models
        All that are listed, by name.
    rows
        What of each lies here; empty until that has been looked for.
    """

    def __init__(self, fetching: Fetching, parent: QWidget | None = None) -> None:
        super().__init__(len(MODELS), len(COLUMNS), parent)
        self.models: Mapping[str, Model] = MODELS
        self.rows: Mapping[str, Row] = {}
        self._fetching = fetching
        self.setHorizontalHeaderLabels(COLUMNS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Trained models")
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        self._fit_to(QHeaderView.ResizeMode.ResizeToContents)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in NUMBERS:
            self.horizontalHeaderItem(column).setTextAlignment(
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )

    def sizeHintForColumn(self, column: int) -> int:
        wide = super().sizeHintForColumn(column)
        return wide if column else min(wide, LONGEST_NAME * self.fontMetrics().averageCharWidth())

    @property
    def chosen(self) -> Model:
        """The model that is chosen."""
        every = tuple(self.models.values())
        return every[min(max(0, self.currentRow()), len(every) - 1)]

    def choose(self, name: str) -> None:
        """Choose a model by its name."""
        if name in self.models:
            self.selectRow(list(self.models).index(name))

    def show_models(self, models: Mapping[str, Model], rows: Mapping[str, Row]) -> None:
        """Show these models, and what of them lies here."""
        self.models, self.rows = models, rows
        self.setRowCount(len(models))
        self.fill()

    def fill(self) -> None:
        """Write down what is known of each just now."""
        self._fit_to(QHeaderView.ResizeMode.Fixed)  # or all columns are measured anew for each cell
        self._write()
        self._fit_to(QHeaderView.ResizeMode.ResizeToContents)

    def _fit_to(self, mode: QHeaderView.ResizeMode) -> None:
        header = self.horizontalHeader()
        for column in range(len(COLUMNS) - 1):
            header.setSectionResizeMode(column, mode)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)

    def _write(self) -> None:
        look = theme.current()
        for place, model in enumerate(self.models.values()):
            row = self.rows.get(model.name)
            scores = [f"{model.sdr[stem]:.1f}" if stem in model.sdr else "–" for stem in SCORED]
            cells = [model.name, self._state(model), self._size(model), *scores, model.licence, model.words]
            for column, text in enumerate(cells):
                item = self.item(place, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.setItem(place, column, item)
                item.setText(text)
                item.setToolTip(model.source if column in NUMBERS[1:] else model.words)
                if column == 2:
                    unsure = text == ASKED or text.startswith(ROUNDED)
                    item.setForeground(QBrush(look.colour("muted" if unsure else "text")))
                    if unsure:
                        item.setToolTip("The model hub says it to the byte, once it can be reached")
                if column in NUMBERS:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if column == 0:
                    bold = QFont(self.font())
                    bold.setBold(row is not None and row.whole)
                    item.setFont(bold)
                if column == 1:
                    good = row is not None and row.whole
                    item.setForeground(QBrush(look.colour("good" if good else "muted")))

    def _size(self, model: Model) -> str:
        row = self.rows.get(model.name)
        if row is not None and row.whole:
            return megabytes(row.size)
        size = self._fetching.sizes.get(model.name)
        if size is None and model.about is not None:
            return f"{ROUNDED} {model.about} MB"
        if size is None:
            return ASKED if self._fetching.offline and not model.shipped else ""
        return megabytes(size + (0 if row is None else row.size))

    def _state(self, model: Model) -> str:
        row, now = self.rows.get(model.name), self._fetching.now
        if now is model:
            return "being fetched"
        if model.name in self._fetching.waiting:
            return "waiting to be fetched"
        if row is None or not row.paths:
            return "partly fetched" if row is not None and row.begun else "not here"
        if row.whole and model.shipped:
            return "comes along"
        return "here" if row.whole else f"{len(row.paths)} of {len(model.networks)} files"
