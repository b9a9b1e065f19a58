"""The atoms: rows below the spectrogram, in an order that is chosen, with the stems that they can be given to."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.atoms import Atoms, atoms_of
from stemstudio.algorithms.estimates import Estimates
from stemstudio.gui.document import Document
from stemstudio.gui.reworking import reworkable, reworking_of
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.atom_menu import add_work, atom_menu
from stemstudio.gui.views.atom_pictures import AtomPictures, pictured
from stemstudio.gui.views.atom_rows import AtomRows
from stemstudio.gui.views.stem_chips import StemChips
from stemstudio.gui.views.suggest_bar import SuggestBar
from stemstudio.gui.views.suggestions import suggestions_of
from stemstudio.progress import Progress
from stemstudio.project.project import Change

SORTS = (
    ("energy", "loudest first"),
    ("pitch", "low to high"),
    ("similarity", "alike together"),
    ("stem", "by stem"),
    ("doubt", "doubtful first"),
)
UNBOUNDED = (1 << 24) - 1  # the tallest that a widget may be
NOTHING = "Atoms are the sounds that come back in a song: a note, a drum hit, a vowel.\nUnder Separate choose “By hand, from atoms” and run it; they appear here."


class AtomsView(QWidget):
    """Atoms of the last split into atoms: heard, sorted, given to stems.

    Signals
    -------
    hear_atom(parent, atom)
        An atom of the split of stem `parent` is to be heard alone.
    emptied()
        `empty` is another; the height that this view needs is, too.
    """

    hear_atom = Signal(int, int)
    emptied = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None, *, playhead: Any = None) -> None:
        super().__init__(parent)
        self._document = document
        self.empty = False
        self._estimates: Atoms | None = None  # the pictures are of these
        self._pictures: AtomPictures | None = None
        self._preview: Atoms | None = None
        self._similar: tuple[Atoms, list[int]] | None = None
        self._suggestions = suggestions_of(document)
        self._reworking = reworking_of(document)
        self.rows = AtomRows(document, self)
        self.rows.empty_words = NOTHING
        self.chips = StemChips(document, self)
        self._build()
        if playhead is not None:
            self.set_playhead(playhead)
        self.rows.hear_wanted.connect(self._hear)
        self.rows.menu_wanted.connect(self.open_menu)
        document.opened.connect(self._renew)
        document.atoms_changed.connect(self._renew)
        document.changed.connect(self._changed)
        self._reworking.running_changed.connect(self._renew)
        self._renew()

    def _build(self) -> None:
        self.title = QLabel("Atoms", self)
        self.title.setProperty("role", "title")
        chips = QScrollArea(self)
        chips.setWidget(self.chips)
        chips.setWidgetResizable(True)
        chips.setFrameShape(QFrame.Shape.NoFrame)
        chips.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        chips.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        chips.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        chips.setFixedHeight(self.fontMetrics().height() + 10)
        self.sort = QComboBox(self)
        for name, words in SORTS:
            self.sort.addItem(words, name)
        self.sort.setToolTip("Order of the atoms")
        self.sort.setAccessibleName("Order of the atoms")
        self.sort.currentIndexChanged.connect(self._sort)
        self.suggest_bar = SuggestBar(self._document, self)
        self.suggest_bar.resized.connect(self._place_chips)
        self.work_button = QToolButton(self)
        self.work_button.setText("Work on them")
        self.work_button.setAccessibleName("Work on the atoms")
        self.work_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.work_button.setToolTip("Improve the atoms, draw some anew, split, merge or delete them")
        self.work_menu = QMenu(self.work_button)
        self.work_menu.aboutToShow.connect(self._fill_work)
        self.work_button.setMenu(self.work_menu)
        self._beside = QHBoxLayout()
        self._beside.setContentsMargins(0, 0, 0, 0)
        self._below = QHBoxLayout()
        self._below.setContentsMargins(8, 0, 8, 4)
        self._chips_area = chips
        self._controls = (
            self.title, self.sort, self.work_button, self.suggest_bar
        )  # fmt: skip
        top = QHBoxLayout()
        top.setContentsMargins(8, 4, 8, 4)
        top.setSpacing(8)
        top.addWidget(self.title)
        top.addLayout(self._beside, 1)
        for widget in self._controls[1:]:
            top.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addLayout(self._below)
        column.addWidget(self.rows, 1)
        self._place_chips()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_chips()

    def _place_chips(self) -> None:
        """The stems beside the controls where there is room, else in a row of their own."""
        taken = (
            sum(
                min(widget.sizeHint().width(), widget.maximumWidth()) + 8
                for widget in self._controls
                if not widget.isHidden()
            )
            + 24
        )
        place = self._beside if self.width() >= taken + self.chips.sizeHint().width() else self._below
        other = self._below if place is self._beside else self._beside
        if place.count() and place.itemAt(0).widget() is self._chips_area:
            return
        for layout in (self._beside, self._below):
            while layout.count():
                layout.takeAt(0)
        place.addWidget(self._chips_area, 1)
        if other is self._beside:
            other.addStretch(1)
        self._below.setContentsMargins(8, 0, 8, 4 if place is self._below else 0)

    def sizeHint(self) -> QSize:
        return QSize(900, 230)

    # what others ask

    def set_margins(self, left: int, right: int) -> None:
        """Leave so many pixels at the sides, so that the time axis is the spectrogram's."""
        self.rows.set_margins(left, right)

    def set_playhead(self, playhead: Any) -> None:
        """Draw the playhead of the other views here too."""
        self.rows.playhead = lambda: playhead.seconds
        playhead.moved.connect(self.rows.move_playhead)

    def assign_to_number(self, number: int) -> bool:
        """Give the selected atoms to the n-th stem of their split; one above the last makes a new one."""
        state, parent, atoms = self._document.state, self._document.atoms_of, self._document.atoms
        if state is None or parent is None or not atoms:
            return False
        stems = state.children(parent)
        if number == len(stems) + 1:
            return atom_drag.give_to_new(self._document, parent, atoms)
        if 1 <= number <= len(stems):
            return atom_drag.give(self._document, parent, atoms, stems[number - 1].id)
        self._document.said.emit(f"There is no stem {number}; {len(stems) + 1} makes a new one.")
        return False

    def show_preview(self, stem: int, estimates: Estimates) -> None:
        """Show the atoms of a factorisation that is still running."""
        atoms = atoms_of(estimates)
        if atoms is not None:
            self._preview = atoms
            self._renew()

    def end_preview(self) -> None:
        """The factorisation that was running is over: show what the project has."""
        if self._preview is not None:
            self._preview = None
            self._renew()

    def open_menu(self, point: QPoint) -> None:
        """Open the menu of the selected atoms at a place of the screen."""
        menu = self.menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(point)

    def menu(self) -> QMenu | None:
        """The menu of the selected atoms; None while there are none."""
        return atom_menu(self._document, self, self.rows.order, self._hear)

    def _fill_work(self) -> None:
        self.work_menu.clear()
        add_work(self.work_menu, self._document)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = event.key() - Qt.Key.Key_0.value
        if (
            1 <= number <= 9
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            and self._document.atoms
        ):
            self.assign_to_number(number)
        else:
            super().keyPressEvent(event)

    # inside

    def _hear(self, atom: int) -> None:
        if self._document.atoms_of is not None and self._preview is None:
            self.hear_atom.emit(self._document.atoms_of, atom)

    def _changed(self, change: Change) -> None:
        if "splits" in change.kinds:
            self._preview = None
            self._renew()
        elif "stems" in change.kinds:
            self.rows.update()
            self._place_chips()

    def _renew(self) -> None:
        """Take on the split on display; its pictures are made on a thread."""
        state, split = self._document.state, self._document.atom_split
        if state is None:
            self._preview = None
        estimates = self._preview or (None if split is None else atoms_of(split.estimates))
        there = split is not None and self._preview is None and estimates is not None
        self.sort.setEnabled(there and not self._suggestions.running)
        unowned = split is not None and set(split.owners) == {split.residual}
        self.suggest_bar.show_for(there=there, unowned=unowned)
        self._place_chips()
        self.work_button.setEnabled(there and reworkable(split))
        self.work_button.setText("Working…" if self._reworking.running else "Work on them")
        self._show_title(estimates)
        anywhere = state is not None and any(other.estimates.atoms for other in state.splits.values())
        self._set_empty(self._preview is None and not anywhere)
        if estimates is self._estimates:
            self._sort()
            return
        self._estimates = estimates
        if estimates is None or state is None:
            self._pictures = None
            self.rows.show_atoms(None, ())
            return
        if self._preview is None:
            self._pictures = None
            self.rows.empty_words = "Drawing the atoms…"
            self.rows.show_atoms(None, ())
        rate = state.mixture.sample_rate

        def work(progress: Progress) -> AtomPictures:
            return pictured(estimates, rate, progress)

        def done(pictures: AtomPictures) -> None:
            if self._estimates is estimates:
                self._pictures = pictures
                self.rows.empty_words = NOTHING
                self._sort()

        self._document.jobs.run("Drawing atoms", work, done, heavy=False)

    def _set_empty(self, empty: bool) -> None:
        """No taller than its words while the project has no atoms at all."""
        if empty != self.empty:
            self.empty = empty
            self.setMaximumHeight(self.minimumSizeHint().height() if empty else UNBOUNDED)
            self.emptied.emit()

    def _show_title(self, estimates: Atoms | None) -> None:
        words = "Atoms" if estimates is None else f"{len(estimates.names)} atoms"
        state, parent = self._document.state, self._document.atoms_of
        if self._preview is not None:
            words += ", still running"
        elif estimates is not None and state is not None and parent:
            words += f" of {state.stems[parent].name}"
        self.title.setText(words)
        if estimates is None:
            self.rows.empty_words = NOTHING

    def _sort(self) -> None:
        pictures, estimates = self._pictures, self._estimates
        if pictures is None or estimates is None:
            return
        how = self.sort.currentData()
        if how == "similarity" and (self._similar is None or self._similar[0] is not estimates):
            self._find_similar(estimates)
            return
        self.rows.show_atoms(pictures, self._order(how, pictures))

    def _order(self, how: str, pictures: AtomPictures) -> list[int]:
        state, split, parent = self._document.state, self._document.atom_split, self._document.atoms_of
        atoms = list(range(pictures.atoms))
        loudest = sorted(atoms, key=lambda atom: -pictures.energy[atom])
        if how == "pitch":
            return sorted(loudest, key=lambda atom: pictures.pitches[atom] or 1e9)
        if how == "similarity" and self._similar is not None and self._similar[0] is pictures.estimates:
            return self._similar[1]
        if how == "doubt":
            chances = {atom: self._suggestions.of(pictures.estimates, atom) for atom in atoms}
            return sorted(loudest, key=lambda atom: max(chances[atom].values(), default=1.0))
        if state is None or split is None or parent is None or split.estimates is not pictures.estimates:
            return loudest
        if how == "stem":
            place = {stem.id: number for number, stem in enumerate(state.children(parent))}
            return sorted(loudest, key=lambda atom: place[split.owners[atom]])
        return loudest

    def _find_similar(self, estimates: Atoms) -> None:
        def work(progress: Progress) -> list[int]:
            from stemstudio.algorithms.timbre import similarity_order

            progress.check()
            return similarity_order(estimates)

        def done(order: list[int]) -> None:
            self._similar = (estimates, order)
            self._sort()

        self._document.jobs.run("Comparing atoms", work, done, heavy=False)
