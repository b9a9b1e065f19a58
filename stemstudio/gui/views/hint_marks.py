"""Hints on the sheet: hatched in the colour of their stem, so that the light below stays to be seen; crossed
in red, and ringed, where they were not followed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.viewport import Viewport, scale, unscale
from stemstudio.gui.views import picture
from stemstudio.project.hints import LaidHint

PERIOD = 7  # pixels from line to line of the hatch
LINE, SHADE = 2, 3  # of these the line's, and with its dark edge
LEVELS = 16  # steps of weight that are told apart
RIM = LEVELS  # stands for the outline
FINE = 250_000  # pixels of a hint that are drawn one by one; larger ones every second, then every third …
LEAST = 3  # pixels that a hint is wide and high at least, however far away one looks
EDGE = 0.1  # weight at which the outline runs
DASH = 6  # pixels
NEW, LEARNED = 0.95, 0.6  # opacity of the lines
BESIDE = 2  # cells beside a strip that its outlines depend on
MISSED = QColor("#ff2440")  # redder than any stem; the sheet is dark in both themes
Words = NDArray[np.uint32]
Cells = tuple[NDArray[np.intp], NDArray[np.intp], int]


class HintPicture:
    """The hints as one picture over a view, made anew only when they or the view change.

    Where the view only moves along time, what stays is moved, and only the strip that came into view is made.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._pixels: Words = np.zeros((0, 0), dtype=np.uint32)
        self._made: tuple[object, ...] = ()
        self._origin = 0
        self._any = False
        self._levels: dict[LaidHint, NDArray[np.uint8]] = {}  # what is drawn of each weight

    def forget(self) -> None:
        """The hints, or their colours, are different."""
        self._made = ()

    def paint(self, painter: QPainter, width: int, height: int) -> None:
        """Paint them over a view of that size."""
        document, view = self._document, self._document.viewport
        if not document.hints.laid or not document.look.overlay or document.state is None or not width:
            return
        step, origin = columns_of(view, width)
        wanted = (width, height, step, view.low, view.high, view.axis, theme.current().name)
        moved = origin - self._origin
        strip = slice(0, width)
        if wanted != self._made or abs(moved) >= width:
            if self._pixels.shape != (height, width):  # new memory takes longer than what is drawn into it
                self._pixels = np.empty((height, width), dtype=np.uint32)
        else:
            picture.shift(self._pixels, moved)
            strip = slice(width - moved, width) if moved > 0 else slice(0, -moved)
        self._made, self._origin = wanted, origin
        if strip.stop > strip.start:
            self._draw(step, strip)
        if self._any:
            kind = QImage.Format.Format_ARGB32_Premultiplied
            painter.drawImage(0, 0, QImage(self._pixels.data, width, height, 4 * width, kind))

    def _draw(self, step: float, strip: slice) -> None:
        document = self._document
        state, hints = document.state, document.hints
        assert state is not None
        self._pixels[:, strip] = 0
        self._levels = {hint: levels for hint, levels in self._levels.items() if hint in hints.laid}
        self._any = False
        for hint in hints.laid:
            area = self._area(hint, step)
            if hint.stem not in state.stems or area.right() < 0 or area.left() >= self._pixels.shape[1]:
                continue
            self._any = True
            place = area.intersected(QRect(strip.start, 0, strip.stop - strip.start, self._pixels.shape[0]))
            if place.isEmpty():
                continue
            # A rim is where a neighbour is no more part of it: those beside the strip have to be known.
            skip = self._skip(area)
            wide = place.adjusted(-BESIDE * skip, 0, BESIDE * skip, 0).intersected(area)
            cells, colour = self._cells(hint, wide, step, skip), QColor(state.stems[hint.stem].colour)
            there = self._pixels[
                place.top() : place.top() + place.height(), place.left() : place.left() + place.width()
            ]
            cut = slice(place.left() - wide.left(), place.left() - wide.left() + place.width())
            self._lay(hint, cells, wide, cut, there, colour, hint.number in hints.fresh)
            became = hints.outcome(hint.number)
            if became is not None and not became.followed:
                self._warn(hint, became.missed, cells, wide, cut, there)

    def _lay(
        self, hint: LaidHint, cells: Cells, wide: QRect, cut: slice, there: Words, colour: QColor, fresh: bool
    ) -> None:
        rows, columns, skip = cells
        whole = self._levels.get(hint)
        if whole is None:
            whole = np.rint(hint.weights.astype(np.float32) * np.float32(LEVELS - 1)).astype(np.uint8)
            self._levels[hint] = whole = np.ascontiguousarray(whole)
        table = hatch_table(colour, NEW if fresh else LEARNED)
        if picture.loops is not None:
            begin = cut.start + (wide.left() + self._origin) % skip
            phase = wide.top() + wide.left() + cut.start + self._origin
            least = np.uint8(EDGE * (LEVELS - 1) + 1)
            picture.loops.hatch(whole, rows, columns, least, table, skip, begin, phase, there)
            return
        levels = whole[rows].take(columns, axis=1)
        levels[outline(levels > EDGE * (LEVELS - 1))] = RIM
        levels = _spread(levels, skip, wide, self._origin)
        drawn = hatched(table, wide, levels, self._origin)
        np.copyto(there, drawn[:, cut], where=levels[:, cut] > 0)

    def _warn(
        self, hint: LaidHint, missed: NDArray[np.bool_], cells: Cells, wide: QRect, cut: slice, there: Words
    ) -> None:
        rows, columns, skip = cells
        inside = hint.weights[rows[:, None], columns[None, :]].astype(np.float32) > EDGE
        lost = _spread(missed[rows[:, None], columns[None, :]], skip, wide, self._origin)
        there[(lost & (hatch(wide, -1, self._origin) < LINE))[:, cut]] = _premultiplied(MISSED, 0.9)
        edge = _spread(outline(inside, 2 if skip == 1 else 1), skip, wide, self._origin)[:, cut]
        across = np.arange(wide.left(), wide.left() + wide.width()) + self._origin
        dash = ((np.add.outer(np.arange(wide.height()), across) // DASH) % 2 == 0)[:, cut]
        there[edge & dash] = _premultiplied(MISSED, 1.0)
        there[edge & ~dash] = _premultiplied(QColor("#ffffff"), 1.0)

    def _area(self, hint: LaidHint, step: float) -> QRect:
        """The pixels that a hint is drawn on, cut to the height of the view."""
        state, view = self._document.state, self._document.viewport
        assert state is not None
        grid, rate, patch = state.grid, state.mixture.sample_rate, hint.patch
        height = self._pixels.shape[0]
        left, right = (
            (frame - 0.5) * grid.hop / rate / step - self._origin for frame in (patch.frame0, patch.frame1)
        )
        low, high = (max((number - 0.5) * rate / grid.fft, 1.0) for number in (patch.bin0, patch.bin1))
        top, bottom = view.y_of(high, height), view.y_of(low, height)
        right, bottom = max(right, left + LEAST), max(bottom, top + LEAST)
        area = QRect(round(left), round(top), 0, 0)
        area.setRight(round(right) - 1)
        area.setBottom(round(bottom) - 1)
        return area.intersected(QRect(area.left(), 0, area.width(), height))

    def _skip(self, area: QRect) -> int:
        """One pixel in so many is worked out of a hint that is as large on the screen."""
        skip = 1
        while min(area.width(), self._pixels.shape[1]) * area.height() > FINE * skip * skip:
            skip += 1
        return skip

    def _cells(self, hint: LaidHint, wide: QRect, step: float, skip: int) -> Cells:
        """Rows and columns of the hint's weights under every pixel, or every `skip`-th, of a part of its area."""
        state, view = self._document.state, self._document.viewport
        assert state is not None
        grid, rate = state.grid, state.mixture.sample_rate
        height = self._pixels.shape[0]
        # The same pixels are looked at wherever the view is.
        x = np.arange(wide.left() - (wide.left() + self._origin) % skip, wide.left() + wide.width(), skip)
        y = np.arange(wide.top(), wide.top() + wide.height(), skip) + 0.5
        seconds = (x + self._origin + 0.5) * step
        top, bottom = float(scale(view.high, view.axis)), float(scale(view.low, view.axis))
        hertz = np.asarray(unscale(top - y / height * (top - bottom), view.axis))
        patch = hint.patch
        columns = np.clip(np.round(seconds * rate / grid.hop), patch.frame0, patch.frame1 - 1) - patch.frame0
        rows = np.clip(np.round(hertz * grid.fft / rate), patch.bin0, patch.bin1 - 1) - patch.bin0
        return rows.astype(np.intp), columns.astype(np.intp), skip


def columns_of(view: Viewport, width: int) -> tuple[float, int]:
    """Seconds a column of pixels, and how many columns lie before the view: a whole number, as in the light below."""
    step = float(f"{(view.stop - view.start) / max(1, width):.9e}")
    return step, round(view.start / step)


def hatch(place: QRect, slope: int, origin: int = 0) -> NDArray[np.uint8]:
    """Where in the period of a diagonal hatch every pixel of a place lies, 0 … PERIOD − 1.

    `origin` are the columns before the view: the hatch moves with what it lies on.
    """
    x = np.arange(place.left(), place.left() + place.width()) + origin
    y = np.arange(place.top(), place.top() + place.height())
    rows = (np.add.outer(np.arange(PERIOD), x) % PERIOD).astype(np.uint8)
    return rows[slope * y % PERIOD]


def hatched(table: Words, place: QRect, levels: NDArray[np.uint8], origin: int = 0) -> Words:
    """The colours of `hatch_table` for a place with these weights: 0 … LEVELS − 1, or RIM."""
    cells = hatch(place, 1, origin)
    cells *= LEVELS + 1
    cells += levels
    return table.ravel().take(cells)


def hatch_table(colour: QColor, opacity: float) -> Words:
    """Colours by place in the period and by weight: a line, its dark edge, a veil; and the rim.

    Returns
    -------
    ndarray
        uint32 (PERIOD, LEVELS + 1), premultiplied.
    """
    return _table(colour.name(), opacity)


@lru_cache(maxsize=64)
def _table(name: str, opacity: float) -> Words:
    colour = QColor(name)
    table = np.zeros((PERIOD, LEVELS + 1), dtype=np.uint32)
    table[:, RIM] = _premultiplied(colour.lighter(125), opacity)
    for place in range(PERIOD):
        for level in range(LEVELS):
            strength = (0.35 + 0.65 * level / (LEVELS - 1)) if level else 0.0
            if place < LINE:
                table[place, level] = _premultiplied(colour, opacity * strength)
            elif place < SHADE:
                table[place, level] = _premultiplied(QColor("#000000"), 0.45 * strength)
            else:
                table[place, level] = _premultiplied(colour, 0.14 * strength)
    return table


def outline(inside: NDArray[np.bool_], thickness: int = 1) -> NDArray[np.bool_]:
    """The border of an area, on its inner side."""
    kept = inside
    for _ in range(thickness):
        inner = kept.copy()
        inner[1:] &= kept[:-1]
        inner[:-1] &= kept[1:]
        inner[:, 1:] &= kept[:, :-1]
        inner[:, :-1] &= kept[:, 1:]
        inner[[0, -1]] = False
        inner[:, [0, -1]] = False
        kept = inner
    return inside & ~kept


def _spread(cells: NDArray[Any], skip: int, place: QRect, origin: int) -> NDArray[Any]:
    if skip == 1:
        return cells
    large = cells.repeat(skip, axis=0).repeat(skip, axis=1)
    begin = (place.left() + origin) % skip
    return large[: place.height(), begin : begin + place.width()]


def _premultiplied(colour: QColor, opacity: float) -> int:
    alpha = round(255 * opacity)
    red, green, blue = (round(part * opacity) for part in (colour.red(), colour.green(), colour.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue
