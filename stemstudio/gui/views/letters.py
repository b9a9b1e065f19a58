"""Letters: mixers to go to and fro between, A to D, each heard as loud as the song."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from stemstudio.gui import theme, wording
from stemstudio.gui.document import Document
from stemstudio.gui.matching import Matching
from stemstudio.project import remixing
from stemstudio.project.snapshots import OFFERED


class Letters(QWidget):
    """A button a mixer, and one that keeps them equally loud."""

    matched = Signal(bool)

    def __init__(self, document: Document, matching: Matching | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._matching = document, matching
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        for letter in OFFERED:
            button = QPushButton(letter, self)
            button.setCheckable(True)
            button.setProperty("strip", "letter")
            button.setFixedSize(25, 20)
            button.clicked.connect(lambda _=False, letter=letter: self.switch(letter))
            button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            button.customContextMenuRequested.connect(
                lambda place, button=button, letter=letter: self._open_menu(letter, button.mapToGlobal(place))
            )
            row.addWidget(button)
            self.buttons[letter] = button
        self.match = QPushButton("=", self)
        self.match.setCheckable(True)
        self.match.setProperty("strip", "letter")
        self.match.setFixedSize(25, 20)
        self.match.setAccessibleName("Hear all mixers equally loud")
        self.match.setEnabled(matching is not None)
        if matching is not None:
            self.match.clicked.connect(matching.set_on)
            matching.changed.connect(self.refresh)
        row.addSpacing(4)
        row.addWidget(self.match)
        row.addStretch(1)
        for signal in (document.opened, document.changed):
            signal.connect(self.refresh)
        self.refresh()

    def switch(self, letter: str) -> None:
        """Go over to the mixer under a letter; an empty one begins as a copy of this."""
        state = self._document.state
        if state is not None:
            self._document.do(remixing.switch(state, letter))
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show which mixer is heard, and which there are."""
        state = self._document.state
        for letter, button in self.buttons.items():
            current = state is not None and state.snapshots.current == letter
            kept = state is not None and state.snapshots.of(letter) is not None
            button.setEnabled(state is not None)
            button.setChecked(current)
            theme.restyle(button, lit=kept)
            button.setAccessibleName(f"Mixer {letter}{'' if current or kept else ', empty'}")
            button.setToolTip(
                f"Mixer {letter} is heard: what you change belongs to it"
                if current
                else f"Go over to mixer {letter} · right-click to forget it"
                if kept
                else f"Mixer {letter} begins as a copy of this one; then go to and fro between them"
            )
        matching = self._matching
        if matching is not None:
            self.match.setChecked(matching.on)
            gain = f"; this one by {wording.signed(matching.gain_db, 1)} dB" if matching.gain_db else ""
            self.match.setToolTip(
                f"Hear every mixer as loud as the song, so that the louder one does not win{gain}. Export leaves it out."
            )

    def _open_menu(self, letter: str, place: QPoint) -> None:
        state = self._document.state
        if state is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        action = menu.addAction(f"Forget mixer {letter}")
        edit = remixing.forget(state, letter)
        action.setEnabled(edit is not None)
        action.triggered.connect(lambda: self._document.do(edit))
        menu.popup(place)
