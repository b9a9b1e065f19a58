"""Soon: what a change brings about in a panel, in a turn of its own, so that no turn of the window takes long."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget


class Soon(QTimer):
    """Work of a widget that is asked for: done a moment later, and once; at once where nobody sees it."""

    def __init__(self, work: Callable[[], None], after: int, parent: QWidget) -> None:
        """`after` so many milliseconds, other ones for every panel: they are laid out and painted one by one."""
        super().__init__(parent, singleShot=True)
        self._work, self._after, self._widget = work, after, parent
        self.timeout.connect(self._due)

    def ask(self) -> None:
        """Have it done."""
        if not self._widget.isVisible():
            self.stop()
            self._work()
        elif not self.isActive():
            self.start(self._after)

    def settle(self) -> None:
        """Somebody looks at what it changes: do it now, if it is still to be done."""
        if self.isActive():
            self.stop()
            self._work()

    def _due(self) -> None:
        if self.interval():
            self.start(0)  # the turn after this one, in which a busy window may have been painted
        else:
            self._work()
