"""FoldCheck: folds the whole song down when asked, and shows how that compares with the stereo mix."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from stemstudio.gui.document import Document
from stemstudio.gui.views.fold_table import FoldTable
from stemstudio.mixing.surround import fold_table
from stemstudio.progress import Progress

WHY = "Most people will hear it in stereo. This says, stem by stem, how near that comes to the stereo mix."
OLD = "Changed since it was checked."


class FoldCheck(QWidget):
    """The button, the table it fills, and whether that still holds.

    Signals
    -------
    measured
        There is a new table.
    """

    measured = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._of: object = None
        self._running = False
        self.check = QPushButton("Check the fold-down", self)
        self.check.setToolTip(
            "Fold the whole song down to stereo and compare it with the stereo mix, stem by stem"
        )
        self.check.clicked.connect(self.measure)
        self.note = QLabel(self)
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.table = FoldTable(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.check, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.note)
        column.addWidget(self.table)
        self.forget()

    def forget(self) -> None:
        """Nothing has been measured of this song."""
        self._of = None
        self.table.hide()
        self.show_state()

    def measure(self) -> None:
        """Fold the song down and show how it compares, in a worker."""
        state = self._document.state
        if state is None:
            return
        self._running = True
        self.show_state()

        def work(progress: Progress) -> object:
            return fold_table(state, progress)

        def done(rows: Any) -> None:
            self._of = (state.room, state.stems)
            self.table.show_rows(rows)
            self.table.show()
            self.measured.emit()

        def ended(_: object = None) -> None:
            self._running = False
            self.show_state()

        self._document.jobs.run("Checking the fold-down", work, done, stopped=ended).ended.connect(ended)

    def show_state(self) -> None:
        """Say whether there is something to check, and whether the table is still true."""
        state = self._document.state
        self.check.setEnabled(state is not None and not self._running)
        old = self._of is not None and state is not None and self._of != (state.room, state.stems)
        self.table.setEnabled(not old)
        words = "Folding down …" if self._running else WHY if self._of is None else OLD if old else ""
        self.note.setText(words)
        self.note.setVisible(bool(words))
