"""Selecting: what the three selection tools have in common: drag a box, combine it, move its edges, give it away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from PySide6.QtCore import QPointF, Qt

from stemstudio.gui.document import Document
from stemstudio.gui.notation import hertz_words, note_of, span_text, time_text
from stemstudio.gui.tools.tool import Canvas, Gesture, Option, Tool
from stemstudio.spectral.brushes import Box, Selection

GRAB = 5.0  # pixels around an edge within which it is taken hold of
CLICK = 3.0  # pixels; a shorter drag is a click
How = Literal["replace", "add", "subtract", "intersect"]


GIVING = (
    Option(
        "strength",
        "Strength",
        "How much of the light inside moves when the selection is given to a stem (keys , and .)",
        0.05,
        1.0,
        lambda value: f"{value * 100:.0f} %",
    ),
)


@dataclass(frozen=True)
class Edges:
    """The edges of a box that the pointer holds."""

    start: bool = False
    stop: bool = False
    low: bool = False
    high: bool = False

    def __bool__(self) -> bool:
        return self.start or self.stop or self.low or self.high


class SelectionTool(Tool):
    """Drag a box; subclasses say which of its sides are free."""

    in_time: ClassVar[bool] = True
    in_frequency: ClassVar[bool] = True
    gives_selection = True
    options = GIVING

    def press(self, gesture: Gesture) -> Iterator[None]:
        document = gesture.document
        before = document.selection
        how = how_of(gesture)
        held = edges_at(gesture.canvas, gesture.point) if how == "replace" else Edges()
        box = _only_box(before)
        anchor, place = gesture.point, (gesture.seconds, gesture.hertz)
        finished = False
        try:
            yield
            while True:
                moved = gesture.point - anchor
                if held and box is not None:
                    document.set_selection(Selection().combined("replace", _dragged(box, held, gesture)))
                elif abs(moved.x()) + abs(moved.y()) >= CLICK:
                    document.set_selection(before.combined(how, self._box(gesture, *place)))
                elif not gesture.down and how == "replace":
                    document.set_selection(Selection())
                if not gesture.down:
                    break
                yield
            finished = True
            document.said.emit(selection_words(document.selection))
        finally:
            if not finished:
                document.set_selection(before)

    def hover(self, canvas: Canvas, point: QPointF) -> Qt.CursorShape:
        held = edges_at(canvas, point)
        if not held:
            return self.cursor
        if held.start or held.stop:
            if held.low or held.high:
                falling = (held.start and held.high) or (held.stop and held.low)
                return Qt.CursorShape.SizeFDiagCursor if falling else Qt.CursorShape.SizeBDiagCursor
            return Qt.CursorShape.SizeHorCursor
        return Qt.CursorShape.SizeVerCursor

    def _box(self, gesture: Gesture, seconds: float, hertz: float) -> Box:
        view = gesture.canvas.viewport
        start, stop = 0.0, view.duration
        if self.in_time:
            start, stop = sorted(on_beat(gesture.document, place) for place in (seconds, gesture.seconds))
            if start == stop:  # both at one beat: to the beat on the side of the pointer
                nearby = gesture.document.state
                assert nearby is not None
                pace = nearby.beats.pace(start if gesture.seconds >= seconds else start - 1e-6)
                start, stop = (start, start + pace) if gesture.seconds >= seconds else (stop - pace, stop)
        low, high = sorted((hertz, gesture.hertz)) if self.in_frequency else (0.0, view.nyquist)
        return Box(
            start=max(0.0, start),
            stop=min(view.duration, stop),
            low=max(0.0, low),
            high=min(view.nyquist, high),
        )


def on_beat(document: Document, seconds: float) -> float:
    """A time, or the beat nearest to it where selections snap to beats."""
    state = document.state
    return seconds if state is None or not state.practice.snap else state.beats.snapped(seconds)


def edges_at(canvas: Canvas, point: QPointF) -> Edges:
    """The edges of the selection, when it is one box, that lie under the pointer."""
    box = _only_box(canvas.document.selection)
    if box is None:
        return Edges()
    view, width, height = canvas.viewport, canvas.width(), canvas.height()
    left, right = view.x_of(box.start, width), view.x_of(box.stop, width)
    top, bottom = view.y_of(max(box.high, 1.0), height), view.y_of(max(box.low, 1.0), height)
    inside_x = left - GRAB <= point.x() <= right + GRAB
    inside_y = top - GRAB <= point.y() <= bottom + GRAB
    whole_time = box.start <= 0 and box.stop >= view.duration
    whole_frequency = box.low <= 0 and box.high >= view.nyquist
    near = [abs(point.x() - left), abs(point.x() - right), abs(point.y() - bottom), abs(point.y() - top)]
    return Edges(
        start=inside_y and not whole_time and near[0] <= GRAB and near[0] <= near[1],
        stop=inside_y and not whole_time and near[1] <= GRAB and near[1] < near[0],
        low=inside_x and not whole_frequency and near[2] <= GRAB and near[2] <= near[3],
        high=inside_x and not whole_frequency and near[3] <= GRAB and near[3] < near[2],
    )


def selection_words(selection: Selection) -> str:
    """A selection in time, frequency and notes, such as "0:11.51–0:14.34 · 2.83 s · 311 Hz–2.10 kHz (D♯4–C7)"."""
    box = selection.bounds
    if box is None:
        return ""
    words = f"{time_text(box.start, 2)}–{time_text(box.stop, 2)} · {span_text(box.stop - box.start)}"
    if box.low < 1:
        return words
    notes = f"{note_of(box.low)[0]}–{note_of(box.high)[0]}"
    return f"{words} · {hertz_words(box.low)}–{hertz_words(box.high)} ({notes})"


def how_of(gesture: Gesture) -> How:
    """How what is selected joins what was: as the keys say that are held at the press."""
    if gesture.shift:
        return "intersect" if gesture.alt else "add"
    return "subtract" if gesture.alt else "replace"


def _only_box(selection: Selection) -> Box | None:
    only = selection.steps[0] if len(selection.steps) == 1 else None
    return None if only is None or only.outline else only.box


def _dragged(box: Box, held: Edges, gesture: Gesture) -> Box:
    view = gesture.canvas.viewport
    seconds = on_beat(gesture.document, min(max(gesture.seconds, 0.0), view.duration))
    hertz = min(max(gesture.hertz, 0.0), view.nyquist)
    start, stop = sorted((seconds if held.start else box.start, seconds if held.stop else box.stop))
    low, high = sorted((hertz if held.low else box.low, hertz if held.high else box.high))
    return Box(start=start, stop=stop, low=low, high=high)
