"""The download that goes on: which model, how far, how long it takes, and Cancel; nothing while there is none."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stemstudio.gui.elided import Elided
from stemstudio.gui.fetching import Fetching
from stemstudio.gui.steady import Elastic, SteadyBar


class FetchRow(QWidget):
    """Follows the downloads wherever it stands."""

    def __init__(self, fetching: Fetching, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fetching = fetching
        self.words = Elided(parent=self)
        self.words.setProperty("role", "muted")
        self.bar = SteadyBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName("How far the download is")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setAutoDefault(False)
        self.cancel.setToolTip("Stop the download; when it is wanted again, it goes on from there")
        self.cancel.setAccessibleName("Cancel the download")
        self.cancel.clicked.connect(fetching.cancel)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(Elastic(self.words, self))
        fetching.changed.connect(self._show)
        fetching.progressed.connect(self._progress)
        self._show()

    def _show(self) -> None:
        now = self._fetching.now
        self.setVisible(now is not None)
        self.bar.setValue(0)
        if now is not None:
            self._progress(0.0, self._fetching.words)

    def _progress(self, fraction: float, words: str) -> None:
        now, waiting = self._fetching.now, self._fetching.waiting
        if now is not None:
            self.bar.setValue(round(1000 * fraction))
            then = f" · then {', '.join(waiting)}" if waiting else ""
            self.words.setText(f"{now.name}: {words}{then}")
            self.words.setToolTip(self.words.text())
