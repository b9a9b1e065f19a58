"""The template library: every taught sound with its picture; hear it, use it, rename, share or remove it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QMessageBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.nmf.template_files import SUFFIX, read_template, write_template
from stemstudio.algorithms.nmf.template_library import Entry, TemplateLibrary
from stemstudio.algorithms.nmf.templates import TemplateSet
from stemstudio.errors import StemStudioError
from stemstudio.gui import icons, theme
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.dialogs.learn_template import INSTRUMENTS
from stemstudio.gui.document import Document
from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.views.atom_pictures import spectra
from stemstudio.progress import Progress

COLUMNS = ("Spectrum", "Name", "Instrument", "Atoms", "Learned from", "On")
PICTURE = QSize(132, 34)
FILES = f"Templates (*{SUFFIX});;All files (*)"


class TemplateLibraryDialog(QDialog):
    """The library as a table, and what can be done with the rows that are chosen.

    Signals
    -------
    hear_wanted(samples, sample_rate)
        Play a preview.
    use_wanted(names, held, free)
        Take this song apart with these; whether their spectra are held, and whether free atoms stand beside.
    """

    hear_wanted = Signal(object, int)
    use_wanted = Signal(object, bool, bool)

    def __init__(self, library: TemplateLibrary, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Template library")
        self.resize(860, 460)
        self._library = library
        self._document = document
        self._entries: list[Entry] = []
        self._wanted: set[str] = set()  # to be chosen when the library has been read
        self._said: list[StemStudioError] = []  # what went wrong, to be shown then
        self._look = 0
        self._build()
        document.opened.connect(self._enable)
        self.look_again()

    def _build(self) -> None:
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("role", "muted")
        self.table = QTableWidget(0, len(COLUMNS), self)
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setIconSize(PICTURE)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setTabKeyNavigation(False)
        self.table.setAccessibleName("Templates")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(PICTURE.height() + 8)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.itemSelectionChanged.connect(self._enable)
        self.table.itemDoubleClicked.connect(lambda _: self._hear())
        self.hear = push_button("Hear", "Play the moment it was learned from", self._hear, self)
        self.rename = push_button("Rename…", "Give it another name", self._rename, self)
        self.call = push_button("Instrument…", "Say what it is, to find it by", self._call, self)
        self.remove = push_button("Remove", "Delete it from the library", self._remove, self)
        self.bring = push_button("Import…", "Take in a template file from somebody", self._import, self)
        self.share = push_button("Export…", "Write it to a file that can be shared", self._export, self)
        self.use = push_button("Use in this song", "", self._use, self)
        self.use.setProperty("primary", True)
        self.held = QCheckBox("Exactly as taught", self)
        self.held.setChecked(True)
        self.held.setToolTip(
            "Their spectra stay as they are: right for sounds of this recording or this kit; off, they bend towards the song"
        )
        self.free = QCheckBox("Free atoms for the rest", self)
        self.free.setChecked(True)
        self.free.setToolTip(
            "Other atoms stand beside them for all that was not taught; off, the whole song is shared among the taught sounds"
        )
        row = QHBoxLayout()
        for button in (self.hear, self.rename, self.call, self.remove):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.bring)
        row.addWidget(self.share)
        bottom = QHBoxLayout()
        bottom.addWidget(self.use)
        bottom.addWidget(self.held)
        bottom.addWidget(self.free)
        bottom.addWidget(close_box(self), 1)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        column.addLayout(row)
        column.addLayout(bottom)

    @property
    def chosen(self) -> list[Entry]:
        """The entries of the rows that are chosen."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        return [self._entries[row] for row in rows]

    def look_again(self, chosen: Sequence[str] = ()) -> None:
        """Read the library, and choose these entries, or those that were chosen before."""
        self._wanted = set(chosen) or self._wanted
        self._look += 1
        number = self._look

        def work(progress: Progress) -> tuple[list[Entry], list[StemStudioError]]:
            progress.check()
            return self._library.entries()

        def done(found: tuple[list[Entry], list[StemStudioError]]) -> None:
            if number == self._look:
                self._show_all(*found)

        self._document.jobs.run("Looking into the library", work, done, heavy=False)

    def _show_all(self, entries: list[Entry], problems: list[StemStudioError]) -> None:
        names = self._wanted or {entry.name for entry in self.chosen}
        self._wanted = set()
        self._entries = entries
        self.table.setRowCount(len(self._entries))
        self.table.clearSelection()
        model = self.table.selectionModel()
        for row, entry in enumerate(self._entries):
            self._show_entry(row, entry)
            if entry.name in names:
                flag = model.SelectionFlag
                model.select(self.table.model().index(row, 0), flag.Select | flag.Rows)
                self.table.scrollTo(self.table.model().index(row, 0))
        problems = [*self._said, *problems]
        self._said = []
        if problems:
            self.words.setText(" ".join(str(problem) for problem in problems[:3]))
        elif not self._entries:
            self.words.setText(
                "There are no templates yet. Select one clean hit in the song and choose Separate ▸ Learn a template from the "
                "selection; or learn from a stem or a file, or import a template that somebody shared."
            )
        else:
            self.words.setText(
                "Choose one or several, and use them: each becomes a stem with everything in the song that sounds like it."
            )
        self._enable()

    def _show_entry(self, row: int, entry: Entry) -> None:
        each = entry.templates
        picture = QTableWidgetItem()
        drawn = spectrum_picture(each, self.devicePixelRatioF())
        icon = QIcon(drawn)
        icon.addPixmap(drawn, QIcon.Mode.Selected)  # Qt would dye it
        picture.setIcon(icon)
        picture.setData(Qt.ItemDataRole.AccessibleTextRole, f"Spectrum of {each.name}")
        self.table.setItem(row, 0, picture)
        cells = (each.name, each.instrument, str(each.atoms), each.source, each.learned)
        for column, text in enumerate(cells, 1):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if column == 3:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _enable(self) -> None:
        count, song = len(self.chosen), self._document.state is not None
        for button in (self.rename, self.call, self.share):
            button.setEnabled(count == 1)
        self.remove.setEnabled(count > 0)
        self.hear.setEnabled(count == 1 and song)
        self.hear.setIcon(icons.icon("hear", theme.current().link))
        self.use.setEnabled(count > 0 and song)
        if not song:
            self.use.setToolTip("Open a song first")
        elif count:
            self.use.setToolTip("Fill the Separate panel in with these; Run then finds them in the song")
        else:
            self.use.setToolTip("Choose one or several templates first")

    # what the buttons do

    def _hear(self) -> None:
        if len(self.chosen) == 1 and self.hear.isEnabled():
            each = self.chosen[0].templates
            self.hear_wanted.emit(each.preview, each.sample_rate)

    def _use(self) -> None:
        names = [entry.name for entry in self.chosen]
        if names:
            self.use_wanted.emit(names, self.held.isChecked(), self.free.isChecked())

    def _rename(self) -> None:
        old = self.chosen[0].name
        new, good = QInputDialog.getText(self, "Rename", f"New name for {old}:", text=old)
        if good and new.strip() and new != old:
            self._try(lambda: [self._library.rename(old, new).name])

    def _call(self) -> None:
        name, old = self.chosen[0].name, self.chosen[0].templates.instrument
        words = list(dict.fromkeys((old, *INSTRUMENTS)))
        new, good = QInputDialog.getItem(self, "Instrument", f"What {name} is:", words, 0, True)
        if good and new.strip() != old:
            self._try(lambda: [self._library.rename(name, name, new).name])

    def _remove(self) -> None:
        names = [entry.name for entry in self.chosen]
        what = f"the template {names[0]}" if len(names) == 1 else f"these {len(names)} templates"
        question = f"Remove {what} from the library? Songs that were taken apart with it keep their stems."
        if QMessageBox.question(self, "Remove", question) != QMessageBox.StandardButton.Yes:
            return

        def remove() -> list[str]:
            for name in names:
                self._library.remove(name)
            return []

        self._try(remove)

    def _import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Import templates", last_folder("templates"), FILES)
        if chosen:
            remember_folder("templates", Path(chosen[0]).parent)
            self.take_in([Path(each) for each in chosen])

    def take_in(self, paths: Sequence[Path]) -> None:
        """Add files to the library; what has the name of one that is there is asked about."""

        def work(progress: Progress) -> tuple[list[TemplateSet], list[StemStudioError]]:
            found, problems = [], []
            for path in paths:
                progress.check()
                try:
                    found.append(read_template(path))
                except StemStudioError as error:  # the others are taken in all the same
                    problems.append(error)
            return found, problems

        def done(read: tuple[list[TemplateSet], list[StemStudioError]]) -> None:
            found, problems = read
            self._said += problems
            there = {entry.name.casefold() for entry in self._entries}
            wanted = []
            for each in found:
                question = f"There is a template {each.name} in the library already. Replace it?"
                yes = QMessageBox.StandardButton.Yes
                if each.name.casefold() not in there or QMessageBox.question(self, "Import", question) == yes:
                    wanted.append(each)
                there.add(each.name.casefold())
            self._try(lambda: [self._library.add(each, replacing=True).name for each in wanted])

        self._document.jobs.run(
            "Reading templates",
            work,
            done,
            failed=self._failed,
            heavy=False,
        )

    def _export(self) -> None:
        entry = self.chosen[0]
        suggested = str(Path(last_folder("templates")) / entry.path.name)
        chosen, _ = QFileDialog.getSaveFileName(self, "Export the template", suggested, FILES)
        if not chosen:
            return
        remember_folder("templates", Path(chosen).parent)

        def write() -> list[str]:
            path = write_template(Path(chosen), entry.templates, overwrite=True)
            self._document.said.emit(f"{entry.name} is in {path.name}.")
            return [entry.name]

        self._try(write)

    def _try(self, action: Callable[[], list[str]]) -> None:
        """Do something to the library on a thread, and show what there is then, or what was wrong."""
        self._document.jobs.run(
            "Keeping templates",
            lambda progress: action(),
            self.look_again,
            failed=self._failed,
            heavy=False,
        )

    def _failed(self, error: Exception) -> None:
        if isinstance(error, StemStudioError):
            self._said.append(error)
        else:
            self._document.jobs.unheard.emit(error)
        self.look_again()


def spectrum_picture(templates: TemplateSet, ratio: float = 1.0) -> QPixmap:
    """All atoms of a set over the logarithm of frequency, the first on top, as one small picture."""
    look = theme.current()
    pixmap = QPixmap(PICTURE * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(look.colour("sheet"))
    wide, high = PICTURE.width(), PICTURE.height() - 4
    heights = spectra(templates.templates, templates.grid.fft, templates.sample_rate, wide // 2)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for atom in range(len(heights) - 1, -1, -1):
            painter.setBrush(look.colour("accent", 0.9 if atom == 0 else max(0.12, 0.5 / len(heights))))
            xs = np.linspace(0, wide, heights.shape[1])
            points = [
                QPointF(float(x), high + 3 - high * float(y)) for x, y in zip(xs, heights[atom], strict=True)
            ]
            painter.drawPolygon(QPolygonF([QPointF(0, high + 4), *points, QPointF(wide, high + 4)]))
    return pixmap
