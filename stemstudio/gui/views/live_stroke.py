"""LiveStroke: the stroke in the hand, drawn from its own weights while it is being made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage

from stemstudio.gui.colouring import tint_table
from stemstudio.gui.viewport import Viewport, scale, unscale
from stemstudio.gui.views.hint_marks import LEVELS, NEW, columns_of, hatch_table, hatched
from stemstudio.spectral.brushes import BrushStroke

FINE = (
    120_000  # pixels of a piece that are worked out one by one; larger ones every second, then every third …
)


class LiveStroke:
    """Weights of a stroke on the pixels of a view, and their picture.

    Attributes
    ----------
    pieces
        What was drawn, to be laid anew when the view moves.
    """

    def __init__(
        self, viewport: Viewport, width: int, height: int, colour: QColor, *, hint: bool = False
    ) -> None:
        """`hint` draws it hatched."""
        self.pieces: list[BrushStroke] = []
        self._colour = colour
        self._weights = np.zeros((0, 0), dtype=np.uint8)
        self._pixels = np.zeros((0, 0), dtype=np.uint32)
        self._table = tint_table(colour.name())
        self._hatch = hatch_table(colour, NEW) if hint else None
        self._fit(viewport, width, height)

    def add(self, piece: BrushStroke) -> QRect:
        """Add a piece of the stroke; the pixels that are different now."""
        self.pieces.append(piece)
        return self._lay(piece)

    def refit(self, viewport: Viewport, width: int, height: int) -> None:
        """Lay the whole stroke anew: the view shows something else."""
        self._fit(viewport, width, height)
        for piece in self.pieces:
            self._lay(piece)

    @property
    def image(self) -> QImage:
        height, width = self._pixels.shape
        return QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)

    def _fit(self, viewport: Viewport, width: int, height: int) -> None:
        self._weights = np.zeros((height, width), dtype=np.uint8)
        self._pixels = np.zeros((height, width), dtype=np.uint32)
        span = viewport.stop - viewport.start
        self._origin = columns_of(viewport, width)[1]
        self._seconds = (viewport.start + (np.arange(width) + 0.5) / max(width, 1) * span).astype(np.float64)
        top, bottom = float(scale(viewport.high, viewport.axis)), float(scale(viewport.low, viewport.axis))
        places = top - (np.arange(height) + 0.5) / max(height, 1) * (top - bottom)
        self._hertz = np.asarray(unscale(places, viewport.axis), dtype=np.float64)

    def _lay(self, piece: BrushStroke) -> QRect:
        box = piece.box
        left, right = np.searchsorted(self._seconds, (box.start, box.stop))
        rising = -self._hertz
        top, bottom = np.searchsorted(rising, (-box.high, -box.low))
        if right <= left or bottom <= top:
            return QRect()
        step = 1
        while (right - left) * (bottom - top) > FINE * step * step:
            step += 1
        columns, rows = self._seconds[left:right:step], self._hertz[top:bottom:step]
        weights: NDArray[np.uint8] = (
            piece.at(columns.astype(np.float32), rows.astype(np.float32)) * 255
        ).astype(np.uint8)
        if step > 1:
            weights = weights.repeat(step, axis=0).repeat(step, axis=1)[: bottom - top, : right - left]
        view = self._weights[top:bottom, left:right]
        np.maximum(view, weights, out=view)
        place = QRect(int(left), int(top), int(right - left), int(bottom - top))
        if self._hatch is None:
            self._pixels[top:bottom, left:right] = self._table[view]
        else:
            levels = (view // (256 // LEVELS)).astype(np.uint8)
            self._pixels[top:bottom, left:right] = hatched(self._hatch, place, levels, self._origin)
        return place
