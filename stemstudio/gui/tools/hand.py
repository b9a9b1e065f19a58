"""Hand: moves the view."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt

from stemstudio.gui.tools.tool import Gesture, Tool


class Hand(Tool):
    """Drag to move the view in time and frequency."""

    name, word, key = "hand", "hand", "H"
    title = "Hand"
    tip = "Drag to move the view. The wheel scrolls; with Ctrl it zooms."
    cursor = Qt.CursorShape.OpenHandCursor

    def press(self, gesture: Gesture) -> Iterator[None]:
        canvas, view = gesture.canvas, gesture.canvas.viewport
        last = gesture.point
        yield
        while gesture.down:
            moved, last = gesture.point - last, gesture.point
            view.scroll_time(-moved.x() / max(1, canvas.width()) * (view.stop - view.start))
            if moved.y():
                view.scroll_frequency(moved.y() / max(1, canvas.height()))
            yield
