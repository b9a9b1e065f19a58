"""Hints on the sheet: hatched in the colour of their stem, so that the light below stays to be seen; crossed
in red, and ringed, where they were not followed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.viewport import Viewport, scale, unscale
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
MISSED = QColor("#ff2440")  # redder than any stem; the sheet is dark in both themes
Words = NDArray[np.uint32]


class HintPicture:
    """The hints as one picture over a view, made anew only when they or the view change."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._image: QImage | None = None
        self._pixels: Words = np.zeros((0, 0), dtype=np.uint32)
        self._key: tuple[object, ...] = ()
        self._levels: dict[LaidHint, NDArray[np.uint8]] = {}  # what is drawn of each weight

    def forget(self) -> None:
        """The hints, or their colours, are different."""
        self._key = ()

    def paint(self, painter: QPainter, width: int, height: int) -> None:
        """Paint them over a view of that size."""
        document, view = self._document, self._document.viewport
        if not document.hints.laid or not document.look.overlay or document.state is None:
            return
        key = (width, height, view.start, view.stop, view.low, view.high, view.axis, theme.current().name)
        if key != self._key:
            self._key = key
            self._draw(view, width, height)
        if self._image is not None:
            painter.drawImage(0, 0, self._image)

    def _draw(self, view: Viewport, width: int, height: int) -> None:
        document = self._document
        state, hints = document.state, document.hints
        assert state is not None
        self._pixels = np.zeros((height, width), dtype=np.uint32)
        self._levels = {hint: levels for hint, levels in self._levels.items() if hint in hints.laid}
        drawn = False
        for hint in hints.laid:
            place = area_of(hint, document, width, height)
            if place is None or hint.stem not in state.stems:
                continue
            drawn = True
            became = hints.outcome(hint.number)
            self._lay(hint, place, view, QColor(state.stems[hint.stem].colour), hint.number in hints.fresh)
            if became is not None and not became.followed:
                self._warn(hint, became.missed, place, view)
        kind = QImage.Format.Format_ARGB32_Premultiplied
        self._image = QImage(self._pixels.data, width, height, 4 * width, kind) if drawn else None

    def _lay(self, hint: LaidHint, place: QRect, view: Viewport, colour: QColor, fresh: bool) -> None:
        rows, columns, step = self._cells(hint, place, view)
        whole = self._levels.get(hint)
        if whole is None:
            whole = np.rint(hint.weights.astype(np.float32) * np.float32(LEVELS - 1)).astype(np.uint8)
            self._levels[hint] = whole
        levels = whole[rows].take(columns, axis=1)
        levels[outline(levels > EDGE * (LEVELS - 1))] = RIM
        levels = _spread(levels, step, place)
        there = self._part(place)
        drawn = hatched(hatch_table(colour, NEW if fresh else LEARNED), place, levels)
        np.copyto(there, drawn, where=levels > 0)

    def _warn(self, hint: LaidHint, missed: NDArray[np.bool_], place: QRect, view: Viewport) -> None:
        rows, columns, step = self._cells(hint, place, view)
        inside = hint.weights[rows[:, None], columns[None, :]].astype(np.float32) > EDGE
        lost = _spread(missed[rows[:, None], columns[None, :]], step, place)
        there = self._part(place)
        there[lost & (hatch(place, -1) < LINE)] = _premultiplied(MISSED, 0.9)
        edge = _spread(outline(inside, 2 if step == 1 else 1), step, place)
        dash = (np.add.outer(np.arange(place.height()), np.arange(place.width())) // DASH) % 2 == 0
        there[edge & dash] = _premultiplied(MISSED, 1.0)
        there[edge & ~dash] = _premultiplied(QColor("#ffffff"), 1.0)

    def _part(self, place: QRect) -> Words:
        return self._pixels[
            place.top() : place.top() + place.height(), place.left() : place.left() + place.width()
        ]

    def _cells(
        self, hint: LaidHint, place: QRect, view: Viewport
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
        """Rows and columns of the hint's weights under every pixel, or every `step`-th, of a place."""
        state = self._document.state
        assert state is not None
        grid, rate = state.grid, state.mixture.sample_rate
        height, width = self._pixels.shape
        step = 1
        while place.width() * place.height() > FINE * step * step:
            step += 1
        x = np.arange(place.left(), place.left() + place.width(), step) + 0.5
        y = np.arange(place.top(), place.top() + place.height(), step) + 0.5
        seconds = view.start + x / width * (view.stop - view.start)
        top, bottom = float(scale(view.high, view.axis)), float(scale(view.low, view.axis))
        hertz = np.asarray(unscale(top - y / height * (top - bottom), view.axis))
        patch = hint.patch
        columns = np.clip(np.round(seconds * rate / grid.hop), patch.frame0, patch.frame1 - 1) - patch.frame0
        rows = np.clip(np.round(hertz * grid.fft / rate), patch.bin0, patch.bin1 - 1) - patch.bin0
        return rows.astype(np.intp), columns.astype(np.intp), step


def area_of(hint: LaidHint, document: Document, width: int, height: int) -> QRect | None:
    """The pixels of a view that a hint is drawn on; None where none of it is in view."""
    state, view = document.state, document.viewport
    assert state is not None
    grid, rate, patch = state.grid, state.mixture.sample_rate, hint.patch
    left, right = (
        view.x_of((frame - 0.5) * grid.hop / rate, width) for frame in (patch.frame0, patch.frame1)
    )
    low, high = (max((number - 0.5) * rate / grid.fft, 1.0) for number in (patch.bin0, patch.bin1))
    top, bottom = view.y_of(high, height), view.y_of(low, height)
    right, bottom = max(right, left + LEAST), max(bottom, top + LEAST)
    place = QRect(round(left), round(top), 0, 0)
    place.setRight(round(right) - 1)
    place.setBottom(round(bottom) - 1)
    place = place.intersected(QRect(0, 0, width, height))
    return None if place.isEmpty() else place


def hatch(place: QRect, slope: int) -> NDArray[np.uint8]:
    """Where in the period of a diagonal hatch every pixel of a place lies, 0 … PERIOD − 1."""
    x = np.arange(place.left(), place.left() + place.width())
    y = np.arange(place.top(), place.top() + place.height())
    rows = (np.add.outer(np.arange(PERIOD), x) % PERIOD).astype(np.uint8)
    return rows[slope * y % PERIOD]


def hatched(table: Words, place: QRect, levels: NDArray[np.uint8]) -> Words:
    """The colours of `hatch_table` for a place with these weights: 0 … LEVELS − 1, or RIM."""
    cells = hatch(place, 1)
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


def _spread(cells: NDArray[np.generic], step: int, place: QRect) -> NDArray[np.generic]:
    if step == 1:
        return cells
    wide = cells.repeat(step, axis=0).repeat(step, axis=1)
    return wide[: place.height(), : place.width()]


def _premultiplied(colour: QColor, opacity: float) -> int:
    alpha = round(255 * opacity)
    red, green, blue = (round(part * opacity) for part in (colour.red(), colour.green(), colour.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue
