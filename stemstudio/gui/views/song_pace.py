"""SongPace: the song's own beats a minute and key, beside its bars on the ruler."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from stemstudio.gui.document import Document
from stemstudio.gui.views.frequency_ruler import small
from stemstudio.project.project import Change


class SongPace(QLabel):
    """Two short lines, empty where neither is known."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.setFont(small(self.font()))
        self.setProperty("role", "muted")
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
        self.setContentsMargins(0, 0, 6, 1)
        self.setAccessibleName("Beats a minute and key of the song")
        self.setToolTip("Beats a minute and key of the song as recorded; Practice in the menu corrects them")
        document.opened.connect(self._show)
        document.changed.connect(self._changed)
        self._show()

    def _changed(self, change: Change) -> None:
        if "beats" in change.kinds:
            self._show()

    def _show(self) -> None:
        state = self._document.state
        bpm, key = (None, "") if state is None else (state.beats.bpm, state.beats.key)
        self.setText("\n".join(filter(None, (f"{bpm:.1f} BPM" if bpm else "", key))))
