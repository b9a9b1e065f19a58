"""A widget draws itself: whatever goes wrong while it does, its painter is ended in time.

An error that leaves a paintEvent keeps its local variables, the painter among them, alive for as long as its traceback
is. Qt then takes the window's store of pixels away from under that painter, and the process dies: one wrong number in
one picture would take the song along. So the painter of each widget is ended before an error can leave.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from PySide6.QtGui import QPainter, QPaintEvent


def drawn(draw: Callable[[Any, QPainter, QPaintEvent], None]) -> Callable[[Any, QPaintEvent], None]:
    """The paintEvent of a widget from a method that is given the painter too."""

    @wraps(draw)
    def paintEvent(self: Any, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            draw(self, painter, event)

    return paintEvent
