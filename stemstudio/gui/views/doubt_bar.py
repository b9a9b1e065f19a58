"""The row above the spectrogram while it shows doubt: whose opinion the stems are held against, and where to look."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from stemstudio.algorithms.neural.by_name import recipe_of
from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.gui.document import Document
from stemstudio.gui.elided import Elided
from stemstudio.gui.look import Look
from stemstudio.gui.opinions import NONE_YET, NOT_SPLIT, opinions_of

CHANGED = "The stems have changed since; Next goes on to what is still in doubt."
NO_MODEL = "No model is on this machine; Separate says how to get one"


class DoubtBar(QWidget):
    """Chooses opinions, asks models for more, and goes from one doubtful place to the next."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.opinions = opinions_of(document)
        self.words = Elided(parent=self)
        self.words.setProperty("role", "muted")
        self.against = QComboBox(self)
        self.against.setAccessibleName("Compared with")
        self.against.setToolTip("Whose opinion the stems are held against")
        self.against.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.against.activated.connect(self._choose)
        self.ask = QToolButton(self)
        self.ask.setText("Ask a model")
        self.ask.setAccessibleName("Ask a model for a second opinion")
        self.ask.setToolTip("Let a model separate beside the stems as they are, to see where it would differ")
        self.ask.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.models = QMenu(self.ask)
        self.models.setToolTipsVisible(True)
        self.models.aboutToShow.connect(self.opinions.look_for_models)
        self.ask.setMenu(self.models)
        self.back = self._button(
            "‹", "Doubtful place before", "Back to the doubtful place before (Shift+N)", -1
        )
        self.on = self._button(
            "Next ›", "Next doubtful place", "To the next doubtful place; the largest comes first (N)", 1
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 4)
        row.setSpacing(8)
        row.addWidget(self.words, 1)
        self.with_words = QLabel("Compared with", self)
        self.with_words.setProperty("role", "muted")
        self.with_words.setBuddy(self.against)
        for widget in (self.with_words, self.against, self.ask, self.back, self.on):
            row.addWidget(widget)
        self.opinions.changed.connect(self._show)
        self.opinions.models_changed.connect(self._fill)
        self._fill()
        document.look_changed.connect(self._look_changed)
        document.opened.connect(self._show)
        self._look_changed(document.look)

    def _button(self, words: str, name: str, tip: str, step: int) -> QPushButton:
        button = QPushButton(words, self)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self.opinions.go(step))
        return button

    def _look_changed(self, look: Look) -> None:
        self.setVisible(look.view == "doubt")
        if look.view == "doubt":
            self.opinions.look_for_models()
            self._show()

    def _show(self) -> None:
        if self.isHidden():
            return
        opinions, state = self.opinions, self._document.state
        stem = opinions.stem
        found = () if stem is None else opinions.of(stem)
        self.against.clear()
        if len(found) > 1:
            self.against.addItem("All opinions", None)
        for opinion in found:
            self.against.addItem(opinion.title, opinion)
        place = next(
            (row for row in range(self.against.count()) if self.against.itemData(row) is opinions.chosen), 0
        )
        self.against.setCurrentIndex(place)
        self.against.setVisible(bool(found))
        self.with_words.setVisible(bool(found))
        self.ask.setEnabled(stem is not None and opinions.asking is None)
        self.ask.setText("Asking…" if opinions.asking is not None else "Ask a model")
        for button in (self.back, self.on):
            button.setVisible(bool(found))
            button.setEnabled(not opinions.searching)
        words = self._in_words(bool(found), stem, state is not None)
        self.words.setText(words)
        self.words.setToolTip(words)

    def _in_words(self, found: bool, stem: int | None, song: bool) -> str:
        if not song:
            return ""
        if stem is None:
            return NOT_SPLIT
        if not found:
            return NONE_YET
        regions, place = self.opinions.regions, self.opinions.place
        if self.opinions.searching:
            return "Looking for doubtful places…"
        if regions is None or place < 0:
            return "What glows is given to different stems."
        if self.opinions.outdated:
            return CHANGED
        return f"Doubtful place {place + 1} of {len(regions)}: {regions[place].words}"

    def _choose(self, row: int) -> None:
        self.opinions.choose(self.against.itemData(row))

    def _fill(self) -> None:
        self.models.clear()
        here = self.opinions.models
        for model in here:
            action = self.models.addAction(model.title)
            action.setToolTip(model.words)
            action.triggered.connect(lambda _=False, model=model: self._ask(model))
        if not here:
            self.models.addAction(NO_MODEL).setEnabled(False)

    def _ask(self, model: Model) -> None:
        stem = self.opinions.stem
        if stem is not None:
            self.opinions.ask(stem, recipe_of(model), model.title)
