"""Lasso: selects what a line is drawn around."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt

from stemstudio.gui.tools.selecting import GIVING, how_of, selection_words
from stemstudio.gui.tools.tool import Gesture, Tool
from stemstudio.spectral.brushes import MOST_POINTS, Selection, box_around

STEP = 3.0  # pixels from one point of the line to the next


class Lasso(Tool):
    """Draw a line around an area; it closes by itself."""

    name, word, key = "lasso", "lasso", "L"
    title = "Lasso"
    tip = "Draw a line around what you want; it closes by itself. Shift adds, Alt subtracts, both intersect. Return gives it to a stem."
    cursor = Qt.CursorShape.CrossCursor
    options = GIVING
    gives_selection = True

    def press(self, gesture: Gesture) -> Iterator[None]:
        document = gesture.document
        before, how = document.selection, how_of(gesture)
        points, last = [(gesture.seconds, gesture.hertz)], gesture.point
        finished = False
        try:
            yield
            while True:
                moved = gesture.point - last
                if abs(moved.x()) + abs(moved.y()) >= STEP and len(points) < MOST_POINTS:
                    points.append((gesture.seconds, gesture.hertz))
                    last = gesture.point
                    if len(points) > 2:
                        document.set_selection(before.combined(how, box_around(points), tuple(points)))
                if not gesture.down:
                    break
                yield
            finished = True
            if len(points) < 3:
                document.set_selection(Selection() if how == "replace" else before)
            document.said.emit(selection_words(document.selection))
        finally:
            if not finished:
                document.set_selection(before)
