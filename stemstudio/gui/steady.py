"""Words and bars that change many times a second and move nothing: elsewhere, all of the window is laid out anew."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QWidget


class Steady(QLabel):
    """A label as large as its widest words."""

    def __init__(self, widest: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_widest(widest)

    def set_widest(self, widest: str) -> None:
        """Have room for other words, whatever their digits."""
        self._widest = "".join("0" if letter.isdigit() else letter for letter in widest)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        self.setFixedSize(metrics.horizontalAdvance(self._widest) + 1, metrics.height())


class Elastic(QWidget):
    """A line of words in whatever room there is, however long they are."""

    def __init__(self, line: QLabel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = line
        line.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        return self._line.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._line.minimumSizeHint()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._line.setGeometry(self.rect())


class SteadyBar(QProgressBar):
    """A bar that waits to be painted with all else; Qt's own paints all that waits in the window at every step."""

    def setValue(self, value: int) -> None:
        if value != self.value():
            self.setUpdatesEnabled(False)
            super().setValue(value)
            self.setUpdatesEnabled(True)
