"""Eraser: takes paint away; the separation's own answer comes back."""

from __future__ import annotations

from stemstudio.gui.tools.brush import Brush
from stemstudio.gui.tools.tool import Canvas
from stemstudio.spectral.brushes import BrushStroke


class Eraser(Brush):
    """Erase paint: what lies under it belongs again to whom the separation gave it."""

    name, word, key = "eraser", "eraser", "E"
    title = "Eraser"
    tip = "Take paint and hints away: the separation's own answer comes back. Shift-click draws a straight line."
    erase = True
    paints = False

    def step_name(self, canvas: Canvas, stroke: BrushStroke) -> str:
        return f"Erase paint {stroke.points[0][0]:.1f} s"
