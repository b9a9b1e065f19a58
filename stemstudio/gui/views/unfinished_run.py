"""The question after a run that was stopped: are its finished parts kept, or forgotten?"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from stemstudio.gui.elided import Elided


class UnfinishedRun(QWidget):
    """How much is done, Keep and Forget; nothing at all while there is nothing to decide.

    Signals
    -------
    keep_wanted(), forget_wanted()
        What is to become of the finished parts.
    """

    keep_wanted = Signal()
    forget_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Elided(parent=self)
        self.keep_button = QPushButton("Keep", self)
        self.keep_button.setProperty("primary", True)
        self.keep_button.setToolTip(
            "Keep the finished parts as stems; everywhere else all is in the residual"
        )
        self.keep_button.clicked.connect(self.keep_wanted)
        self.forget_button = QPushButton("Forget", self)
        self.forget_button.setToolTip("The song as it was before this run")
        self.forget_button.clicked.connect(self.forget_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.forget_button)
        row.addWidget(self.keep_button)
        self.ask("")

    def ask(self, words: str) -> None:
        """Say how much is done and ask; "" when nothing is to be decided."""
        self.words.setText(words)
        self.words.setToolTip(words)
        self.setVisible(bool(words))
