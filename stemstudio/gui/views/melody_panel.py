"""What can be done with a drawn melody: paint it, take it apart by its recipe, or let it be found first."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from stemstudio.gui.document import Document
from stemstudio.gui.views.strip_menu import swatch
from stemstudio.project.stem import MIXTURE


class MelodyPanel(QWidget):
    """Three buttons below the options of the harmonics tool.

    Signals
    -------
    paint_wanted
        Give the melody's overtones to the target stem.
    separate_wanted
        Fill it into the recipe that takes one melody out of a sound.
    find_wanted(stem)
        Listen for it in a stem; 0 is the whole song.
    """

    paint_wanted = Signal()
    separate_wanted = Signal()
    find_wanted = Signal(int)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.paint = QPushButton("Paint it", self)
        self.paint.clicked.connect(self.paint_wanted)
        self.separate = QPushButton("Separate…", self)
        self.separate.setToolTip(
            "Fill this melody into “One melody” in Separate, which takes it out of the song with a mask of its own"
        )
        self.separate.setAccessibleName("Separate this melody")
        self.separate.clicked.connect(self.separate_wanted)
        self.find_button = QPushButton("Find it", self)
        self.find_button.setToolTip(
            "Listen for the melody, within the selection where there is one, and draw it to be corrected"
        )
        self.find_button.setAccessibleName("Find the melody")
        self._stems = QMenu(self.find_button)
        self._stems.aboutToShow.connect(self._list_stems)
        self.find_button.setMenu(self._stems)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for button in (self.paint, self.separate, self.find_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.addWidget(button)
        row.addStretch(1)
        for signal in (document.opened, document.target_changed, document.changed):
            signal.connect(self._show)
        self._show()

    def _show(self, *_: object) -> None:
        document, state = self._document, self._document.state
        target = None if state is None or not state.splits else state.stems.get(document.target)
        drawn = state is not None and bool(state.melody)
        words = f"Paint the melody to {target.name}" if target is not None else "Paint the melody to a stem"
        self.paint.setAccessibleName(words)
        self.paint.setToolTip(f"{words}, with its overtones, as one stroke (Return)")
        self.paint.setEnabled(drawn and target is not None)
        self.separate.setEnabled(drawn)
        self.find_button.setEnabled(state is not None)

    def _list_stems(self) -> None:
        """The whole song, and what sounds in it: a melody is found best in a stem that has little else."""
        self._stems.clear()
        state = self._document.state
        self._stems.addAction("In the whole song", lambda: self.find_wanted.emit(MIXTURE))
        if state is not None and state.splits:
            for stem in state.leaves():
                action = self._stems.addAction(swatch(stem.colour), f"In {stem.name}")
                action.triggered.connect(lambda _=False, stem=stem.id: self.find_wanted.emit(stem))
