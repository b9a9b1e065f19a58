"""The atoms: rows below the spectrogram, their stems, sorting, giving and suggesting."""

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
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.neural.by_name import recipe_of
from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.gui.document import Document
from stemstudio.gui.forms import spaced
from stemstudio.gui.opinions import opinions_of
from stemstudio.gui.reworking import ROUNDS, reworkable, reworking_of
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.atom_pictures import AtomPictures, pictured
from stemstudio.gui.views.atom_rows import AtomRows
from stemstudio.gui.views.stem_chips import StemChips
from stemstudio.gui.views.strip_menu import swatch
from stemstudio.gui.views.suggestions import suggestions_of
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.opinions import Opinion
from stemstudio.project.project import Change
from stemstudio.project.reworking import NO_ATOMS, drawn_anew, kept_atoms

SORTS = (
    ("energy", "loudest first"),
    ("pitch", "low to high"),
    ("similarity", "alike together"),
    ("stem", "by stem"),
    ("doubt", "doubtful first"),
)
HOWS = (
    ("timbre", "by sound", "Atoms that sound alike make a stem"),
    ("rhythm", "by rhythm", "Atoms that sound at like times and in like patterns make a stem"),
    ("example", "like mine", "Atoms that have no stem yet go where the atoms are that they sound like"),
    (
        "stems",
        "by stems of",
        "Atoms go to the stems that a model, a take, or the split before has for the same sound",
    ),
)
NOBODY = (
    "No model is on this machine, and these sounds were not split in another way before: separate them by a model first, "
    "then into atoms."
)
ASK = "Ask "  # and a model
FIND = 0  # in the place of how many stems
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
        self._estimates: Any = None  # the pictures are of these
        self._pictures: AtomPictures | None = None
        self._preview: Any = None
        self._similar: tuple[Any, list[int]] | None = None
        self._suggestions = suggestions_of(document)
        self._opinions = opinions_of(document)
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
        self._suggestions.running_changed.connect(self._show_running)
        self._suggestions.changed.connect(self._sort)
        self._opinions.changed.connect(self._opinions_changed)
        self._opinions.models_changed.connect(self._show_count)
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
        self.how = QComboBox(self)
        for name, words, tip in HOWS:
            self.how.addItem(words, name)
            self.how.setItemData(self.how.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.how.setToolTip(
            "What Suggest goes by: how atoms sound, when they sound, the ones that you gave to stems, or stems that a "
            "model made"
        )
        self.how.setAccessibleName("What Suggest goes by")
        self.how.currentIndexChanged.connect(self._how_changed)
        self.count = QSpinBox(self)
        self.count.setRange(FIND, 12)
        self.count.setSpecialValueText("find it")
        self.count.setValue(4)
        self.count.setSuffix(" stems")
        self.count.setToolTip("How many stems to suggest; below 1 it is found out")
        spaced(self.count)
        self.count.setFixedWidth(self.count.fontMetrics().horizontalAdvance("12 stems") + 34)
        self.count.setAccessibleName("How many stems to suggest")
        self.source = QComboBox(self)
        self.source.setToolTip(
            "Whose stems the atoms are given to; a model that has not answered yet is asked first"
        )
        self.source.setAccessibleName("Whose stems the atoms are given to")
        self.source.setMaximumWidth(
            self.source.fontMetrics().horizontalAdvance("Four stems (htdemucs_ft), as it was") + 44
        )
        self.source.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.source.hide()
        self.suggest_button = QPushButton("Suggest", self)
        self.suggest_button.setToolTip(
            "Gather atoms that are alike into stems, in one step; locked atoms stay (Ctrl+G)"
        )
        self.suggest_button.clicked.connect(self.suggest)
        self.work_button = QToolButton(self)
        self.work_button.setText("Work on them")
        self.work_button.setAccessibleName("Work on the atoms")
        self.work_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.work_button.setToolTip("Improve the atoms, draw some anew, split, merge or delete them")
        self.work_menu = QMenu(self.work_button)
        self.work_menu.aboutToShow.connect(lambda: self._fill(self.work_menu))
        self.work_button.setMenu(self.work_menu)
        self._beside = QHBoxLayout()
        self._beside.setContentsMargins(0, 0, 0, 0)
        self._below = QHBoxLayout()
        self._below.setContentsMargins(8, 0, 8, 4)
        self._chips_area = chips
        self._controls = (
            self.title, self.sort, self.work_button, self.how, self.count, self.source, self.suggest_button
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
        playhead.moved.connect(lambda before, now: self.rows.update())

    def suggest(self) -> None:
        """Gather the atoms into as many stems as chosen, or give them to the stems of others."""
        if self.how.currentData() == "stems":
            self._by_stems()
            return
        self._suggestions.suggest(self.count.value() or None, self.how.currentData())

    def _by_stems(self) -> None:
        chosen, parent = self.source.currentData(), self._document.atoms_of
        if isinstance(chosen, Opinion):
            self._suggestions.by_opinion(chosen)
        elif isinstance(chosen, Model) and parent is not None:
            self._opinions.ask(parent, recipe_of(chosen), chosen.title, self._suggestions.by_opinion)
        else:
            self._document.said.emit(NOBODY)

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
        if hasattr(estimates, "activations"):
            self._preview = estimates
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
        """The menu of the selected atoms."""
        document = self._document
        state, split, parent, atoms = document.state, document.atom_split, document.atoms_of, document.atoms
        if state is None or split is None or parent is None or not atoms:
            return None
        menu = QMenu(self)
        menu.addAction(f"Hear atom {atoms[-1] + 1}\tCtrl+H", lambda: self._hear(atoms[-1]))
        give = menu.addMenu("Give to")
        for number, stem in enumerate(state.children(parent), 1):
            words = f"{stem.name}\t{number}" if number < 10 else stem.name
            action = give.addAction(swatch(stem.colour), words)
            action.triggered.connect(
                lambda _=False, stem=stem.id: atom_drag.give(document, parent, atoms, stem)
            )
        give.addSeparator()
        give.addAction("A new stem", lambda: atom_drag.give_to_new(document, parent, atoms))
        locked = all(atom in split.locked for atom in atoms)
        menu.addAction(
            "Unlock\tCtrl+K" if locked else "Lock: stays in its stem\tCtrl+K",
            lambda: lock(document, not locked),
        )
        menu.addSeparator()
        self._add_work(menu)
        menu.addSeparator()
        own = split.owners[atoms[-1]]
        menu.addAction(
            f"Select all of {state.stems[own].name}", lambda: document.select_atoms(split.parts_of(own))
        )
        menu.addAction("Select all atoms\tCtrl+A", lambda: document.select_atoms(self.rows.order))
        return menu

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        self._add_work(menu)

    def _add_work(self, menu: QMenu) -> None:
        """What can be done to the atoms themselves; greyed out where it has nothing to work on."""
        work, atoms, split = self._reworking, self._document.atoms, self._document.atom_split
        ready = reworkable(split) and not work.running
        others = split is not None and drawn_anew(split, kept_atoms(split, atoms)) > 0
        which = f"Split atom {atoms[0] + 1} in two" if len(atoms) == 1 else "Split in two"
        what = f"{len(atoms)} atoms" if len(atoms) > 1 else ""
        gone = what or (f"atom {atoms[0] + 1}" if atoms else "")
        for words, key, tip, slot, possible in (
            (
                f"Continue ({ROUNDS} rounds)",
                "Ctrl+R",
                "Improve all atoms from where they are",
                work.go_on,
                True,
            ),
            (
                "Draw the others anew",
                "Ctrl+Shift+J",
                "Locked atoms stay – or the selected ones, where none is locked",
                work.draw_anew,
                others,
            ),
            (which, "Ctrl+Shift+K", "Both halves stay in its stem", work.split, len(atoms) == 1),
            (f"Merge {what}".strip(), "Ctrl+J", "The selected atoms become one", work.merge, len(atoms) > 1),
            (
                f"Delete {gone}".strip(),
                "Del",
                "Atoms that sound in the same place get their light",
                work.delete,
                bool(atoms),
            ),
        ):
            action = menu.addAction(f"{words}\t{key}", slot)
            action.setToolTip(tip if ready else NO_ATOMS)
            action.setEnabled(ready and possible)
        menu.setToolTipsVisible(True)

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
        estimates: Any = self._preview or (None if split is None else split.estimates)
        if not hasattr(estimates, "activations"):
            estimates = None
        there = split is not None and self._preview is None and estimates is not None
        for widget in (self.sort, self.how, self.suggest_button):
            widget.setEnabled(there and not self._suggestions.running)
        self._show_count()
        self._place_chips()
        self.work_button.setEnabled(there and reworkable(split))
        self.work_button.setText("Working…" if self._reworking.running else "Work on them")
        self._call_for_suggestion(there and split is not None and set(split.owners) == {split.residual})
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

    def _how_changed(self) -> None:
        if self.how.currentData() == "stems":
            self._opinions.look_for_models()
        self._show_count()

    def _show_count(self) -> None:
        """By example there are just the stems that there are; by the stems of others, it is chosen by whose."""
        by_stems = self.how.currentData() == "stems"
        self.count.setEnabled(self.how.isEnabled() and self.how.currentData() != "example")
        self.count.setVisible(not by_stems)
        self.source.setEnabled(self.how.isEnabled())
        if by_stems:
            self._fill_sources()
        self.source.setVisible(by_stems)
        self._place_chips()

    def _fill_sources(self) -> None:
        """Opinions of the same sound first, then the models that can be asked for one.

        What was chosen stays so; the model that was to be asked becomes its answer when that is there.
        """
        parent, before = self._document.atoms_of, self.source.currentText()
        offered = {self.source.itemText(row) for row in range(self.source.count())}
        self.source.clear()
        for opinion in () if parent is None else self._opinions.of(parent):
            if not opinion.split.estimates.atoms:
                self.source.addItem(opinion.title, opinion)
        for model in self._opinions.models:
            self.source.addItem(f"{ASK}{model.title}", model)
        if not self.source.count():
            self.source.addItem("nobody yet", None)
        answer = before.removeprefix(ASK)
        fresh = answer != before and answer not in offered and self.source.findText(answer) >= 0
        self.source.setCurrentIndex(max(0, self.source.findText(answer if fresh else before)))
        self.source.setItemData(
            0, NOBODY if self.source.itemData(0) is None else "", Qt.ItemDataRole.ToolTipRole
        )

    def _call_for_suggestion(self, on: bool) -> None:
        """While no atom has a stem yet, Suggest is the thing to press."""
        if bool(self.suggest_button.property("primary")) != on:
            self.suggest_button.setProperty("primary", on)
            self.suggest_button.style().unpolish(self.suggest_button)
            self.suggest_button.style().polish(self.suggest_button)

    def _show_title(self, estimates: Any) -> None:
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

    def _find_similar(self, estimates: Any) -> None:
        def work(progress: Progress) -> list[int]:
            from stemstudio.algorithms.timbre import similarity_order

            progress.check()
            return similarity_order(estimates)

        def done(order: list[int]) -> None:
            self._similar = (estimates, order)
            self._sort()

        self._document.jobs.run("Comparing atoms", work, done, heavy=False)

    def _opinions_changed(self) -> None:
        self._show_count()
        self._show_running(self._suggestions.running)

    def _show_running(self, running: bool) -> None:
        asking = self._opinions.asking is not None and self.how.currentData() == "stems"
        self.suggest_button.setText("Comparing…" if running else "Asking…" if asking else "Suggest")
        free = not running and not asking
        self.suggest_button.setEnabled(
            free and self._preview is None and self._document.atom_split is not None
        )


def lock(document: Document, locked: bool) -> None:
    """Lock or unlock the selected atoms."""
    state, parent, atoms = document.state, document.atoms_of, document.atoms
    if state is None or parent is None or not atoms:
        return
    what = f"atom {atoms[0] + 1}" if len(atoms) == 1 else f"{len(atoms)} atoms"
    document.do(edits.lock(state, parent, atoms, locked, f"{'Lock' if locked else 'Unlock'} {what}"))
