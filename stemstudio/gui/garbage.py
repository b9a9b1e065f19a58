"""Garbage: Python's own is looked for on the GUI thread alone, a little at a time.

Python looks for cycles of dead objects in whatever thread happens to allocate. A worker that came upon a dead widget
would destroy it behind Qt's back, while the GUI thread delivers events to it: the process dies. And a look at all that
torch and numba hold takes most of a second, in which nothing else moves. So the automatic search is off while the
window is there. A timer looks instead; what libraries bring in, in their tens of thousands, is set aside unseen.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY = 250  # milliseconds
YOUNG = 4000  # new objects that are worth a look; Python's own threshold would look too often for a timer
MANY = 25_000  # new objects at once: a library came in, and libraries stay
MOST = 40_000  # objects in one look, which then takes some 6 ms; what survives half as many is set aside
SELDOM = 3  # looks at young ones before one at older ones: few are then left for that


class Garbage(QObject):
    """Looks for garbage on the thread it was made on, for as long as it lives."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        take_over()
        self._timer = QTimer(self, interval=EVERY)
        self._timer.timeout.connect(look)
        self._timer.start()


def take_over() -> None:
    """No thread looks for garbage by itself any more; what is there already stays."""
    gc.disable()
    gc.freeze()


def look() -> None:
    """Free what died in cycles since the last look, if that is worth it."""
    young, middle, old = gc.get_count()
    if young > MANY:
        gc.freeze()
    elif young > YOUNG:
        generation = 0 if middle < SELDOM else 1 if old < SELDOM else 2
        held = sum(len(gc.get_objects(each)) for each in range(generation + 1)) if generation else young
        if held <= MOST:
            gc.collect(generation)
        if held > (MOST // 2 if generation == 2 else MOST):
            gc.freeze()
