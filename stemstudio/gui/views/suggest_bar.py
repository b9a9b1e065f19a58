"""SuggestBar: what Suggest goes by, how many stems it makes of the atoms or whose, and its button."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox, QWidget

from stemstudio.algorithms.neural.by_name import recipe_of
from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.forms import spaced
from stemstudio.gui.opinions import opinions_of
from stemstudio.gui.views.suggestions import suggestions_of
from stemstudio.project.opinions import Opinion

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


class SuggestBar(QWidget):
    """Asks for a suggestion; what comes of it is in the project.

    Signals
    -------
    resized
        It needs more room, or less.
    """

    resized = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._suggestions = suggestions_of(document)
        self._opinions = opinions_of(document)
        self._there = False
        self._build()
        self._suggestions.running_changed.connect(self._show_running)
        self._opinions.changed.connect(self._opinions_changed)
        self._opinions.models_changed.connect(self._show_count)

    def _build(self) -> None:
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
        # A long title is cut off rather than making the window wider than its screen.
        self.source.setMinimumWidth(self.count.minimumWidth())
        self.source.hide()
        self.suggest_button = QPushButton("Suggest", self)
        self.suggest_button.setToolTip(
            "Gather atoms that are alike into stems, in one step; locked atoms stay (Ctrl+G)"
        )
        self.suggest_button.clicked.connect(self.suggest)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in (self.how, self.count, self.source, self.suggest_button):
            row.addWidget(widget)

    def show_for(self, *, there: bool, unowned: bool) -> None:
        """Offer a suggestion where atoms are there; while none of them has a stem yet, it is the thing to press."""
        self._there = there
        for widget in (self.how, self.suggest_button):
            widget.setEnabled(there and not self._suggestions.running)
        self._show_count()
        theme.restyle(self.suggest_button, primary=there and unowned)

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

    def _how_changed(self) -> None:
        if self.how.currentData() == "stems":
            self._opinions.look_for_models()
        self._show_count()

    def _show_count(self) -> None:
        """By example there are just the stems that there are; by the stems of others, it is chosen by whose."""
        by_stems = self.how.currentData() == "stems"
        before = not self.source.isHidden()
        self.count.setEnabled(self.how.isEnabled() and self.how.currentData() != "example")
        self.count.setVisible(not by_stems)
        self.source.setEnabled(self.how.isEnabled())
        if by_stems:
            self._fill_sources()
        self.source.setVisible(by_stems)
        if by_stems or before:
            self.resized.emit()

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

    def _opinions_changed(self) -> None:
        self._show_count()
        self._show_running(self._suggestions.running)

    def _show_running(self, running: bool) -> None:
        asking = self._opinions.asking is not None and self.how.currentData() == "stems"
        self.suggest_button.setText("Comparing…" if running else "Asking…" if asking else "Suggest")
        free = not running and not asking
        self.suggest_button.setEnabled(free and self._there)
