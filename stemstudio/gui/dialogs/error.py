"""What a person sees of an error: one sentence and a way on; for a bug, also what to send."""

from __future__ import annotations

import platform
import sys
import traceback
from types import TracebackType

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from stemstudio import __version__
from stemstudio.errors import StemStudioError, out_of_memory


def show_error(parent: QWidget | None, error: BaseException) -> QMessageBox:
    """Show an error without blocking; returns the dialog."""
    if isinstance(error, StemStudioError):
        box = QMessageBox(QMessageBox.Icon.Warning, "StemStudio", error.sentence, parent=parent)
        box.setInformativeText(error.way_on)
    elif out_of_memory(error):
        box = QMessageBox(
            QMessageBox.Icon.Warning, "StemStudio", "There is not enough memory for this.", parent=parent
        )
        box.setInformativeText("Close other programs, or separate a shorter stretch.")
    else:
        box = QMessageBox(
            QMessageBox.Icon.Critical,
            "StemStudio",
            "Something went wrong that should not have.",
            parent=parent,
        )
        box.setInformativeText("Your work is kept. The details below help to mend it.")
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        system = f"StemStudio {__version__}, Python {platform.python_version()}, {platform.platform()}"
        box.setDetailedText(f"{system}\n\n{trace}")
    box.setModal(False)
    box.open()
    return box


class Reporter(QObject):
    """Shows whatever nobody caught, from any thread, instead of letting it pass unseen."""

    _caught = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._box: QMessageBox | None = None
        self._caught.connect(self._show)
        self._before = sys.excepthook
        sys.excepthook = self._hook

    def end(self) -> None:
        """Stop catching."""
        sys.excepthook = self._before

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._before(kind, error, trace)
        if isinstance(error, Exception):
            self._caught.emit(error)

    def _show(self, error: Exception) -> None:
        if self._box is None or not self._box.isVisible():  # one that repeats is told once
            self._box = show_error(self._window, error)
