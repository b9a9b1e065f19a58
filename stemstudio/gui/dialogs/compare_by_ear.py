"""Separate ▸ Compare by ear: the takes of a stem in a table; one key goes from the one to the other."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui.comparing import Comparing
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.document import Document
from stemstudio.gui.elided import Elided
from stemstudio.gui.notation import span_text, time_text
from stemstudio.gui.player import Player
from stemstudio.gui.steady import SteadyBar
from stemstudio.gui.wording import level, signed
from stemstudio.project.side_by_side import Entry, Part
from stemstudio.project.stem import MIXTURE

COLUMNS = {
    "": "Press this number to hear it",
    "Take": "What was done, with what is not as delivered",
    "Took": "How long it took to make",
    "Heard": "Which of its stems is heard: the one of that name, or the one that sounds most like it",
    "Level": "By how much it was turned down, so that all are equally loud",
    "SDR here": "Signal to distortion over this loop, where the true stems are loaded (Compare with true stems)",
}
NUMBERS = (2, 4, 5)  # columns
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
EMPTY = (
    "Nothing to compare yet.\n\nIn the Separate panel choose a goal or an algorithm and press “Add to comparison”; "
    "then choose another one. Each runs after the other, and appears here as soon as it is ready. "
    "The song stays as it is until you keep one."
)


class CompareByEarDialog(QDialog):
    """The table of takes, what is heard of them, and the buttons to keep or drop one."""

    def __init__(
        self, document: Document, comparing: Comparing, player: Player, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare by ear")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.resize(820, 400)
        self._document, self._comparing, self._player = document, comparing, player
        self._build()
        comparing.changed.connect(self._show)
        comparing.chosen_changed.connect(self._show_chosen)
        comparing.progressed.connect(self._progressed)
        player.state_changed.connect(self._show_chosen)
        document.changed.connect(lambda change: self._show() if "stems" in change.kinds else None)
        self._show()

    def _build(self) -> None:
        self.of = QComboBox(self)
        self.of.setToolTip("Takes of which stem are compared")
        self.of.setAccessibleName("Takes of")
        self.of.activated.connect(lambda _: self._comparing.set_stem(int(self.of.currentData())))
        self.role = QComboBox(self)
        self.role.setMinimumContentsLength(12)
        self.role.setToolTip(
            "The stem that is heard of every take; where none has that name, the one most like it"
        )
        self.role.setAccessibleName("Stem that is heard")
        self.role.activated.connect(lambda _: self._comparing.set_role(self.role.currentText()))
        self.rest = QCheckBox("All but this stem", self)
        self.rest.setToolTip("Hear what each take leaves over: what of the stem stayed behind shows here")
        self.rest.toggled.connect(self._comparing.set_rest)
        self.stretch = QLabel(self)
        self.stretch.setProperty("role", "muted")
        self.here = push_button(
            "Listen to the selection",
            "Take what is selected as the loop; else the loop that is set, else ten seconds from the playhead. "
            "Half a minute at most",
            lambda: self._comparing.set_stretch(),
            self,
        )
        self.table = QTableWidget(0, len(COLUMNS), self)
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            title = self.table.horizontalHeaderItem(column)
            title.setToolTip(tip)
            title.setTextAlignment(RIGHT if column in NUMBERS else LEFT)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setAccessibleName("Takes")
        self.table.setToolTip("Click a take, or press its number or ↑ ↓, to hear it from where the other is")
        self.table.currentCellChanged.connect(lambda row, *_: self._row_chosen(row))
        self.table.cellClicked.connect(lambda row, _: self._row_chosen(row))
        empty = QLabel(EMPTY, self)
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("role", "muted")
        empty.setContentsMargins(60, 20, 60, 20)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.table)
        self.pages.addWidget(empty)
        self.bar = SteadyBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setFixedHeight(4)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("How far the takes are made ready to be heard")
        self.words = Elided(parent=self)
        self.words.setProperty("role", "muted")
        self.play = push_button(
            "▶ Play", "Play the loop of the chosen take, or pause (Space)", self._comparing.toggle, self
        )
        self.keep = push_button("Keep this one", "", self._keep, self)
        self.keep.setProperty("primary", True)
        self.drop = push_button("Drop", "Forget this take (Delete)", self._drop, self)
        self._lay_out()
        for number in range(1, 10):
            key = QShortcut(QKeySequence(str(number)), self)
            key.activated.connect(lambda number=number: self._number(number))
        for keys, slot in (("Space", self._comparing.toggle), ("Delete", self._drop)):
            QShortcut(QKeySequence(keys), self.table, slot, context=Qt.ShortcutContext.WidgetShortcut)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        listen = QLabel("Listen to", self)
        listen.setBuddy(self.role)
        top.addWidget(self.of)
        top.addWidget(listen)
        top.addWidget(self.role)
        top.addWidget(self.rest)
        top.addStretch(1)
        top.addWidget(self.stretch)
        top.addWidget(self.here)
        bottom = QHBoxLayout()
        bottom.addWidget(self.play)
        bottom.addWidget(self.words, 1)
        bottom.addWidget(self.drop)
        bottom.addWidget(self.keep)
        bottom.addWidget(close_box(self, "The takes stay, and are saved with the song"))
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addWidget(self.bar)
        column.addLayout(bottom)

    @property
    def entry(self) -> Entry | None:
        """What the chosen row stands for."""
        row, entries = self.table.currentRow(), self._comparing.entries
        return entries[row] if 0 <= row < len(entries) else None

    # events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._comparing.set_active(True)
        self.table.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._comparing.set_active(False)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._comparing.stop()
        super().closeEvent(event)

    def _number(self, number: int) -> None:
        if number <= len(self._comparing.entries):
            self.table.setFocus()  # so that Space pauses and Delete drops what is heard now
            self._comparing.choose(self._comparing.entries[number - 1])

    def _row_chosen(self, row: int) -> None:
        if 0 <= row < len(self._comparing.entries):
            entry = self._comparing.entries[row]
            if entry is not self._comparing.current or not self._comparing.listening:
                self._comparing.choose(entry)

    def _keep(self) -> None:
        if self.entry is not None:
            self._comparing.keep(self.entry)

    def _drop(self) -> None:
        if self.entry is not None:
            self._comparing.drop(self.entry)

    # what is shown

    def _show(self) -> None:
        comparing, state = self._comparing, self._document.state
        entries = comparing.entries
        filled = bool(entries) and self.pages.currentIndex() == 1
        self.pages.setCurrentIndex(0 if entries else 1)
        self.bar.setVisible(bool(entries))
        if filled:
            self.table.setFocus()
        stems = list(dict.fromkeys(take.answer.stem for take in comparing.takes))
        with QSignalBlocker(self.of):
            self.of.clear()
            for stem in stems:
                name = "" if state is None or stem not in state.stems else state.stems[stem].name
                self.of.addItem("Whole song" if stem == MIXTURE else name or "A stem that is gone", stem)
            self.of.setCurrentIndex(max(0, self.of.findData(comparing.stem)))
        self.of.setVisible(len(stems) > 1)
        with QSignalBlocker(self.role):
            self.role.clear()
            self.role.addItems(comparing.roles)
            self.role.setCurrentIndex(max(0, self.role.findText(comparing.role)))
        for widget in (self.role, self.rest, self.here, self.play):
            widget.setEnabled(bool(entries))
        self._show_stretch()
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(entries))
            for row, entry in enumerate(entries):
                self._fill(row, entry)
            scored = any(part.sdr is not None for part in comparing.parts.values())
            self.table.setColumnHidden(len(COLUMNS) - 1, not scored)
        self._show_chosen()

    def _show_stretch(self) -> None:
        stretch, state = self._comparing.stretch, self._document.state
        if stretch is None or state is None:
            self.stretch.setText("")
            return
        rate = state.mixture.sample_rate
        start, stop = stretch[0] / rate, stretch[1] / rate
        self.stretch.setText(f"{time_text(start, 1)} – {time_text(stop, 1)} ({span_text(stop - start)})")

    def _fill(self, row: int, entry: Entry) -> None:
        part = self._comparing.parts.get(entry)
        took, heard, turned, score = "", "…", "", ""
        if entry.take is not None:
            took = _took(entry.take.answer.seconds)
        if part is not None:
            heard, turned = _heard(entry, part, self._comparing.rest), _level(part)
            score = "" if part.sdr is None else f"{part.sdr:.1f} dB".replace("-", "−")
        texts = ["", self._title(entry), took, heard, turned, score]
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setTextAlignment(RIGHT if column in NUMBERS else LEFT)
            if column == 1:
                item.setToolTip(text)
            if column == 4 and part is not None and not part.level.silent:
                item.setToolTip(f"{level(part.level.decibels)} as loudness before it was matched")
            self.table.setItem(row, column, item)

    def _title(self, entry: Entry) -> str:
        if entry.take is not None:
            found = entry.take.answer.found
            if found is None:
                return entry.take.title
            at = found.piece.start / entry.take.state.mixture.sample_rate
            return f"{entry.take.title} · selection at {time_text(at, 1)}"
        if entry.kind == "now":
            return "As it is now"
        return "The original" if self._comparing.stem == MIXTURE else "The stem before it was split"

    def _show_chosen(self) -> None:
        comparing = self._comparing
        entries = comparing.entries
        row = entries.index(comparing.current) if comparing.current in entries else -1
        if row < 0:
            row = len(entries) - 1
        with QSignalBlocker(self.table):
            if row != self.table.currentRow():
                self.table.setCurrentCell(row, 1)
            for number, entry in enumerate(entries):
                item = self.table.item(number, 0)
                if item is not None:
                    heard = comparing.listening and entry is comparing.current
                    item.setText("▶" if heard else str(number + 1) if number < 9 else "")
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        chosen = self.entry
        is_take = chosen is not None and chosen.take is not None
        self.keep.setEnabled(is_take)
        self.drop.setEnabled(is_take)
        self.keep.setToolTip(
            "Put this take into the song in place of the stems that are there; Undo brings them back"
            if is_take
            else "Choose a take to put it into the song"
        )
        self.play.setText("❚❚ Pause" if comparing.listening else "▶ Play")
        self._say()

    def _progressed(self, fraction: float) -> None:
        self.bar.setValue(round(1000 * fraction) if fraction < 1 else 0)
        self._say()

    def _say(self) -> None:
        comparing = self._comparing
        if not comparing.entries:
            words = ""
        elif not comparing.ready:
            words = "Making the loop ready…"
        else:
            words = "Equally loud · 1–9 or ↑ ↓ switch"
        self.words.setText(words)
        self.words.setToolTip(
            "All are brought down to the quietest. The takes are saved with the song; Drop takes one away."
        )


def _took(seconds: float) -> str:
    return "under 1 s" if seconds < 1 else f"{seconds:.0f} s" if seconds < 59.5 else time_text(seconds)


def _heard(entry: Entry, part: Part, rest: bool) -> str:
    if entry.kind == "original":
        return "all of it"
    if not part.stem:
        return "nothing like it"
    return f"all but {part.stem}" if rest else part.stem


def _level(part: Part) -> str:
    if not part.stem:
        return ""
    return "silent" if part.level.silent else f"{signed(part.level.gain_db, 1)} dB"
