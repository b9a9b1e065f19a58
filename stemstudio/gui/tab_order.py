"""Tab order: the parts of the window in the order in which they are read, and the panel that Tab enters in front."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget


def stops(part: QWidget) -> list[QWidget]:
    """Where Tab stops within a part of the window, in the present order."""
    found: list[QWidget] = []
    seen: list[QWidget] = []
    widget = part
    while True:
        seen.append(widget)
        inside = widget is part or part.isAncestorOf(widget)
        proxy = widget.focusProxy()
        whole = proxy is not None and proxy.isAncestorOf(widget)  # the line of a spin box
        if inside and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not whole:
            found.append(widget)
        following = widget.nextInFocusChain()
        if following is None or following is part:
            break
        widget = following
    # PySide takes what follows in the chain for a child of the widget before, and would let it go together with that.
    for each in seen:
        parent = each.parentWidget()
        if parent is not None:
            each.setParent(parent)  # where it is already: only PySide hears of it
    return [each for each in found if each.window() is part.window()]


def chain(parts: Iterable[QWidget]) -> None:
    """Let Tab go through these parts one after another; within each the order stays."""
    last: QWidget | None = None
    for part in parts:
        for widget in stops(part):
            if last is not None:
                QWidget.setTabOrder(last, widget)
            last = widget


class RaisedByFocus(QObject):
    """A panel that lies behind others comes to the front when the keyboard enters it."""

    def __init__(self, docks: Iterable[QDockWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._docks = tuple(docks)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._moved)

    def _moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        for dock in self._docks:
            if now is not None and dock.isAncestorOf(now) and dock.visibleRegion().isEmpty():
                dock.raise_()
