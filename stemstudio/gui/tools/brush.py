"""Brush: lays the target stem's colour on the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from stemstudio.gui.notation import octaves_text, span_text
from stemstudio.gui.tools.painting import lay, may_paint
from stemstudio.gui.tools.tool import Canvas, Gesture, Option, Tool
from stemstudio.spectral.brushes import LOWEST, Box, BrushStroke

STEP = 0.12  # of the brush's radius: a shorter move makes no point of its own


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"


class Brush(Tool):
    """Paint: the light under the brush goes to the target stem."""

    name, word, key = "brush", "brush", "B"
    title = "Brush"
    tip = "Paint: the light under the brush goes to the stem that is outlined in the mixer. Shift-click draws a straight line."
    paints = True
    cursor = Qt.CursorShape.BlankCursor
    erase: ClassVar[bool] = False
    options = (
        Option(
            "width",
            "Time",
            "Width of the brush (Alt+wheel; [ and ] for both sizes)",
            0.005,
            10.0,
            span_text,
            True,
        ),
        Option("height", "Pitch", "Height of the brush (Alt+Shift+wheel)", 1 / 24, 8.0, octaves_text, True),
        Option("hardness", "Hardness", "How sharp the edge is (Shift+[ and Shift+])", 0.0, 1.0, _percent),
        Option("strength", "Strength", "How much of the light moves (keys , and .)", 0.05, 1.0, _percent),
    )

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def press(self, gesture: Gesture) -> Iterator[None]:
        canvas, document = gesture.canvas, gesture.document
        if gesture.secondary or not may_paint(document):
            return
        shape, hint = self._shape(canvas), self._hints(canvas)
        here = (gesture.seconds, max(gesture.hertz, LOWEST))
        points = [self._last, here] if gesture.shift and self._last is not None else [here]
        canvas.show_stroke(shape.model_copy(update={"points": tuple(points)}), erase=self.erase, hint=hint)
        finished = False
        try:
            yield
            while True:
                here = (gesture.seconds, max(gesture.hertz, LOWEST))
                if _far(points[-1], here, shape) or (not gesture.down and here != points[-1]):
                    points.append(here)
                    piece = shape.model_copy(update={"points": tuple(points[-2:])})
                    canvas.show_stroke(piece, erase=self.erase, hint=hint)
                if not gesture.down:
                    break
                yield
            finished = True
        finally:
            if not finished:
                canvas.hide_stroke()
        self._last = points[-1]
        stroke = shape.model_copy(update={"points": tuple(points)})
        canvas.settle_stroke(stroke.box)
        lay(document, stroke, self.step_name(canvas, stroke), erase=self.erase, hint=hint)

    def step_name(self, canvas: Canvas, stroke: BrushStroke) -> str:
        """What the history calls a stroke."""
        state = canvas.document.state
        assert state is not None
        word = "Hint" if self._hints(canvas) else "Brush"
        return f"{word} {state.stems[canvas.document.target].name} {stroke.points[0][0]:.1f} s"

    def reach(self, canvas: Canvas, seconds: float, hertz: float) -> Box:
        return self._shape(canvas, (seconds, max(hertz, LOWEST))).box

    def paint_cursor(self, painter: QPainter, canvas: Canvas, seconds: float, hertz: float) -> None:
        document, view = canvas.document, canvas.viewport
        colour = QColor("#ffffff")
        if document.state is not None and not self.erase and document.target in document.state.stems:
            colour = QColor(document.state.stems[document.target].colour)
        outer = _outline(canvas, self.reach(canvas, seconds, hertz))
        veil = QColor(colour)
        if self._hints(canvas):
            veil.setAlpha(200)
            painter.setBrush(QBrush(veil, Qt.BrushStyle.BDiagPattern))
        else:
            veil.setAlpha(70)
            painter.setBrush(veil)
        painter.setPen(QPen(QColor(0, 0, 0, 170), 3.4))
        painter.drawPolygon(outer)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        rim = QPen(colour.lighter(125), 1.6)
        if self._hints(canvas):
            rim.setDashPattern([3.0, 2.5])
        painter.setPen(rim)
        painter.drawPolygon(outer)
        hardness = canvas.toolbox.value("hardness")
        if 0.05 < hardness < 0.95:
            inner = self._shape(canvas, (seconds, max(hertz, LOWEST)), hardness).box
            faint = QColor(colour)
            faint.setAlpha(170)
            painter.setPen(QPen(faint, 1.0, Qt.PenStyle.DotLine))
            painter.drawPolyline(_outline(canvas, inner))
        x, y = view.x_of(seconds, canvas.width()), view.y_of(max(hertz, 1.0), canvas.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(x - 1.5, y - 1.5, 3, 3))

    def _hints(self, canvas: Canvas) -> bool:
        """Whether a stroke teaches instead of moving the light."""
        return canvas.toolbox.mode == "hint" and not self.erase

    def _shape(
        self, canvas: Canvas, point: tuple[float, float] = (0.0, 440.0), scale: float = 1.0
    ) -> BrushStroke:
        value = canvas.toolbox.value
        return BrushStroke(
            points=(point,),
            width=value("width") * scale,
            height=value("height") * scale,
            hardness=value("hardness"),
            strength=value("strength"),
            within=canvas.document.selection,
        )


def _far(a: tuple[float, float], b: tuple[float, float], shape: BrushStroke) -> bool:
    across = (b[0] - a[0]) * 2 / shape.width
    up = float(np.log2(b[1] / a[1])) * 2 / shape.height
    return across * across + up * up >= STEP * STEP


def _outline(canvas: Canvas, box: Box) -> list[QPointF]:
    """An ellipse on a log axis, bent as the axis of the view bends it."""
    view, width, height = canvas.viewport, canvas.width(), canvas.height()
    middle, radius = (box.start + box.stop) / 2, (box.stop - box.start) / 2
    octave, reach = np.log2(box.low * box.high) / 2, np.log2(box.high / box.low) / 2
    angles = np.linspace(0.0, 2 * np.pi, 49)
    return [
        QPointF(
            view.x_of(middle + radius * np.cos(angle), width),
            view.y_of(2 ** (octave + reach * np.sin(angle)), height),
        )
        for angle in angles
    ]
