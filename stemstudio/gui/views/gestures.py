"""Gestures: the tool that is being used now, from press to release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from stemstudio.gui.tools.tool import Canvas, Gesture, Tool

Place = Callable[[QPointF], tuple[float, float]]


class Gestures:
    """Runs one tool's generator at a time.

    Parameters
    ----------
    canvas
        What tools work on.
    place
        Says second and frequency of a point of the view.
    """

    def __init__(self, canvas: Canvas, place: Place) -> None:
        self._canvas, self._place = canvas, place
        self._gesture: Gesture | None = None
        self._steps: Any = None

    @property
    def running(self) -> bool:
        return self._steps is not None

    def press(self, tool: Tool, event: QMouseEvent) -> None:
        """Begin; a gesture that is going on keeps going."""
        if self.running:
            return
        point = event.position()
        self._gesture = Gesture(self._canvas, *self._place(point), point)
        self._gesture.secondary = event.button() == Qt.MouseButton.RightButton
        self._read_keys(event)
        steps: Iterator[None] = tool.press(self._gesture)
        self._steps = steps
        self._step()

    def move(self, event: QMouseEvent) -> None:
        """Go on."""
        if self._gesture is not None:
            self._gesture.point = event.position()
            self._gesture.seconds, self._gesture.hertz = self._place(event.position())
            self._read_keys(event)
            self._step()

    def release(self, event: QMouseEvent) -> None:
        """End, when no button is down any more."""
        if self._gesture is not None and not event.buttons():
            self._gesture.down = False
            self.move(event)
            self._steps = self._gesture = None

    def cancel(self) -> bool:
        """End without doing it; False where nothing was going on."""
        if not self.running:
            return False
        self._steps.close()
        self._steps = self._gesture = None
        return True

    def _read_keys(self, event: QMouseEvent) -> None:
        assert self._gesture is not None
        keys = event.modifiers()
        self._gesture.shift = bool(keys & Qt.KeyboardModifier.ShiftModifier)
        self._gesture.alt = bool(keys & Qt.KeyboardModifier.AltModifier)
        self._gesture.control = bool(keys & Qt.KeyboardModifier.ControlModifier)

    def _step(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            self._steps = self._gesture = None
