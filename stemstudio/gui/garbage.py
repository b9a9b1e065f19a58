"""Garbage: Python's own is looked for on the GUI thread alone, a little at a time.

Python looks for cycles of dead objects in whatever thread happens to allocate. A worker that came upon a dead widget
would destroy it behind Qt's back, while the GUI thread delivers events to it: the process dies. And a look at all that
torch and numba hold takes most of a second, in which nothing else moves. So the automatic search is off while the
window is there. A timer looks instead; what libraries bring in, in their tens of thousands, is set aside unseen.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, QTimer

EVERY = 250  # milliseconds
YOUNG = 4000  # new objects that are worth a look; Python's own threshold would look too often for a timer
MANY = 25_000  # new objects at once: a library came in, and libraries stay
LONG = 0.008  # seconds; what survives a look this long is set aside, so that the next one is short


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
        thresholds = gc.get_threshold()
        generation = 0 if middle < thresholds[1] else 1 if old < thresholds[2] else 2
        began = time.perf_counter()
        gc.collect(generation)
        if time.perf_counter() - began > LONG and generation == 2:
            gc.freeze()
