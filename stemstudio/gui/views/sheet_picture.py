"""SheetPicture: the light in its colours, and the mask of atoms or the paint over it, from their pyramids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter

from stemstudio.gui import theme
from stemstudio.gui.colouring import (
    DOUBT,
    glow_table,
    hue_table,
    map_table,
    shade_table,
    share_table,
    tint_table,
)
from stemstudio.gui.document import Document
from stemstudio.gui.light import Light
from stemstudio.gui.pyramid import Pyramid
from stemstudio.gui.views.picture import Frame, Picture

DIMMED_DB = 12.0  # that the light below doubt is darker
MOST_PIXELS = 2_600_000  # of the screen; above them, two of its pixels share one of the picture's


class SheetPicture:
    """Paints what the viewport shows, as the look says."""

    def __init__(self, document: Document, light: Light) -> None:
        self._document, self._light = document, light
        self._light_picture, self._over_picture = Picture(), Picture()
        self._table: NDArray[np.uint32] | None = None
        self._over: NDArray[np.uint32] | None = None

    def look_changed(self) -> None:
        """Colours, or what is shown, are different."""
        self._table = self._over = None
        self._light_picture.forget()
        self._over_picture.forget()

    def touch(self, start: float, stop: float) -> None:
        """These seconds look different now."""
        self._light_picture.touch(start, stop)
        self._over_picture.touch(start, stop)

    def paint(self, painter: QPainter, width: int, height: int, ratio: float = 1.0) -> None:
        """Paint a view `width` × `height` points large on a screen with `ratio` pixels a point."""
        if width * height * ratio * ratio > MOST_PIXELS:
            ratio = 1.0
        pyramid = self._pyramid()
        if pyramid is None:
            return
        if self._table is None:
            self._table = self._colours(pyramid)
        frame = self._frame(round(width * ratio), round(height * ratio))
        self._put(
            painter, self._light_picture, pyramid, self._table, frame, ratio, QImage.Format.Format_RGB32
        )
        overlay = self._light.overlay
        if overlay is not None and self._document.look.overlay:
            if self._over is None:
                self._over = self._overlay_colours()
            kind = QImage.Format.Format_ARGB32_Premultiplied
            self._put(painter, self._over_picture, overlay, self._over, frame, ratio, kind)

    def _put(
        self,
        painter: QPainter,
        picture: Picture,
        pyramid: Pyramid,
        table: NDArray[np.uint32],
        frame: Frame,
        ratio: float,
        kind: QImage.Format,
    ) -> None:
        state = self._document.state
        assert state is not None
        grid, rate = state.grid, state.mixture.sample_rate
        pixels = picture.update(pyramid, table, frame, rate, grid.hop, grid.fft)
        image = QImage(pixels.data, frame.width, frame.height, 4 * frame.width, kind)
        image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(0, 0), image)

    def _frame(self, width: int, height: int) -> Frame:
        view = self._document.viewport
        step = (view.stop - view.start) / max(1, width)
        # rounded, so that scrolling does not look like zooming by a billionth
        step = float(f"{step:.9e}")
        return Frame(width, height, step, round(view.start / step), view.low, view.high, view.axis)

    def _pyramid(self) -> Pyramid | None:
        single = self._document.look.view in ("stem", "mask")
        return self._light.single if single else self._light.sheet

    def _colours(self, pyramid: Pyramid) -> NDArray[np.uint32]:
        document, look = self._document, self._document.look
        state = document.state
        assert state is not None
        back = theme.current().sheet
        if look.view == "mask":
            return share_table(state.stems[document.target].colour, back)
        if look.view == "dominant" and len(state.leaves()) > 1:
            return hue_table(self._light.colours(), look.floor_db, look.ceiling_db, back)
        if look.view == "doubt":
            # Nearly without colour, so that nothing but doubt has one.
            return map_table("grey", look.floor_db, look.ceiling_db + DIMMED_DB, packed=pyramid.packed)
        return map_table(look.colours, look.floor_db, look.ceiling_db, packed=pyramid.packed)

    def _overlay_colours(self) -> NDArray[np.uint32]:
        """Selected atoms stay bright, the rest is dimmed; paint lies over the light in its stem's colour; doubt glows."""
        state = self._document.state
        if self._light.overlay_shows == "doubt":
            return glow_table(DOUBT)
        if self._light.overlay_shows == "paint" and state is not None:
            return tint_table(state.stems[self._document.target].colour)
        return shade_table()
