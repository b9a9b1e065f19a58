"""Picture: the visible slice of a pyramid as an array of colours, remembered from one paint to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.gui.pyramid import Pyramid
from stemstudio.gui.viewport import Axis, scale, unscale

CHUNK = 64  # pixel rows made at a time, so that they stay in the cache
Cells = NDArray[Any]


@dataclass(frozen=True)
class Frame:
    """What a picture shows.

    Attributes
    ----------
    width, height
        In pixels.
    seconds_per_pixel, origin
        Pixel column x begins at second `(origin + x) · seconds_per_pixel`.
    low, high, axis
        Frequencies at the lower and upper edge, in Hz.
    """

    width: int
    height: int
    seconds_per_pixel: float
    origin: int
    low: float
    high: float
    axis: Axis


@dataclass(frozen=True)
class Rows:
    """Which rows of a pyramid the pixel rows show.

    Attributes
    ----------
    first, count
        Pixel row y is the maximum of `count[y]` rows from `first[y]` on …
    blend
        … or, where it is not negative, lies this far (0…256) between row `first[y]` and the next.
    """

    first: NDArray[np.intp]
    count: NDArray[np.intp]
    blend: NDArray[np.int32]


def pixel_rows(pyramid: Pyramid, frame: Frame, hertz_per_bin: float) -> Rows:
    """Lay pixel rows on the rows of a pyramid."""
    top, bottom = (float(scale(hertz, frame.axis)) for hertz in (frame.high, frame.low))
    edges = unscale(np.linspace(top, bottom, frame.height + 1), frame.axis) / hertz_per_bin
    places = np.interp(edges, pyramid.centres, np.arange(pyramid.rows, dtype=float))
    upper, lower = places[:-1], places[1:]
    first = np.floor(lower + 0.5).astype(np.intp)
    count = np.maximum(np.floor(upper + 0.5).astype(np.intp) - first, 1)
    middle = (upper + lower) / 2
    between = upper - lower < 1.0
    below = np.floor(middle).astype(np.intp)
    last = pyramid.rows - 1
    blend = np.where(between, ((middle - below) * 256).astype(np.int32), -1)
    return Rows(np.clip(np.where(between, below, first), 0, last), np.where(between, 1, count), blend)


def draw(
    pyramid: Pyramid,
    table: NDArray[np.uint32],
    frame: Frame,
    rows: Rows,
    frames_per_second: float,
    out: NDArray[np.uint32],
    left: int = 0,
    right: int | None = None,
) -> None:
    """Colours of pixel columns [left, right) into `out`, uint32 (height, width)."""
    right = frame.width if right is None else right
    if right <= left:
        return
    frames_per_pixel = frame.seconds_per_pixel * frames_per_second
    level = 0
    while level + 1 < len(pyramid.levels) and frames_per_pixel > 2 ** (level + pyramid.shift):
        level += 1
    cells = pyramid.levels[level]
    unit = 1 << (level + pyramid.shift)
    edges = ((frame.origin + np.arange(left, right + 1)) * frames_per_pixel + 0.5) / unit
    columns = _Columns(edges, cells.shape[1])
    for y in range(0, frame.height, CHUNK):
        part = slice(y, min(y + CHUNK, frame.height))
        chunk = _gather(cells, rows.first[part], rows.count[part], rows.blend[part], columns.span, pyramid.packed)
        np.take(table, columns.stretch(chunk, pyramid.packed), out=out[part, left:right], mode="clip")


class _Columns:
    """Which columns of a level the pixel columns show."""

    def __init__(self, edges: NDArray[np.float64], available: int) -> None:
        per_pixel = edges[1] - edges[0]
        self.blend: NDArray[np.uint16] | None = None
        if per_pixel < 0.5:
            middle = (edges[:-1] + edges[1:]) / 2 - 0.5
            a = np.floor(middle).astype(np.intp)
            self.blend = ((middle - a) * 256).astype(np.uint16)
            b = a + 1
        else:
            a = np.floor(edges[:-1]).astype(np.intp)
            b = np.ceil(edges[1:]).astype(np.intp) - 1
        a, b = np.clip(a, 0, available - 1), np.clip(b, 0, available - 1)
        self.span = slice(int(a[0]), int(b[-1]) + 1)
        self.a, self.b = a - a[0], b - a[0]

    def stretch(self, chunk: Cells, packed: bool) -> Cells:
        left, right = np.take(chunk, self.a, axis=1), np.take(chunk, self.b, axis=1)
        if self.blend is None:
            return np.maximum(left, right, out=left)
        return _mixed(left, right, self.blend, packed)


def _gather(
    cells: Cells,
    first: NDArray[np.intp],
    count: NDArray[np.intp],
    blend: NDArray[np.int32],
    span: slice,
    packed: bool,
) -> Cells:
    last = cells.shape[0] - 1
    gathered = cells[first, span]
    for step in range(1, int(count.max())):
        np.maximum(gathered, cells[np.minimum(first + np.minimum(step, count - 1), last), span], out=gathered)
    between = np.flatnonzero(blend >= 0)
    if between.size:
        rows = slice(between[0], between[-1] + 1)
        if between.size < rows.stop - rows.start:
            rows = between
        above = cells[np.minimum(first[rows] + 1, last), span]
        gathered[rows] = _mixed(gathered[rows], above, blend[rows, None].astype(np.uint16), packed)
    return gathered


def _mixed(low: Cells, high: Cells, weight: NDArray[np.uint16], packed: bool) -> Cells:
    """Levels between two cells, `weight` / 256 of the way; the owner is the nearer cell's."""
    if packed:
        mixed = (low >> 8) * (256 - weight)
        mixed += (high >> 8) * weight
        mixed &= 0xFF00
        mixed |= np.where(weight < 128, low, high) & 0xFF
        return mixed
    wide = low.astype(np.uint16) * (256 - weight)
    wide += high.astype(np.uint16) * weight
    return (wide >> 8).astype(np.uint8)


class Picture:
    """The last picture made, so that a pan makes only the strip that came into view.

    Attributes
    ----------
    pixels
        uint32 (height, width), 0xaarrggbb.
    """

    def __init__(self) -> None:
        self.pixels: NDArray[np.uint32] = np.zeros((0, 0), dtype=np.uint32)
        self._frame: Frame | None = None
        self._look: tuple[Any, ...] = ()
        self._rows: Rows | None = None
        self._rows_of: tuple[Any, ...] = ()
        self._dirty: list[tuple[float, float]] = []

    def forget(self) -> None:
        """Make everything anew next time."""
        self._frame = None

    def touch(self, start: float, stop: float) -> None:
        """These seconds look different now."""
        self._dirty.append((start, stop))

    def update(
        self, pyramid: Pyramid, table: NDArray[np.uint32], frame: Frame, rate: int, hop: int, fft: int
    ) -> NDArray[np.uint32]:
        """Bring `pixels` up to date with a frame; only what is different is made."""
        key = (id(pyramid), frame.height, frame.low, frame.high, frame.axis, rate, fft)
        if key != self._rows_of or self._rows is None:
            self._rows, self._rows_of = pixel_rows(pyramid, frame, rate / fft), key
        look = (id(pyramid), id(table), rate, hop, fft)
        for left, right in self._missing(frame, look):
            draw(pyramid, table, frame, self._rows, rate / hop, self.pixels, left, right)
        self._frame, self._look = frame, look
        self._dirty.clear()
        return self.pixels

    def _missing(self, frame: Frame, look: tuple[Any, ...]) -> list[tuple[int, int]]:
        """Columns to make; what stays is moved to its place."""
        old, width = self._frame, frame.width
        same = old is not None and look == self._look and _pans(old, frame)
        if not same or old is None or abs(frame.origin - old.origin) >= width:
            if self.pixels.shape != (frame.height, width):
                self.pixels = np.zeros((frame.height, width), dtype=np.uint32)
            return [(0, width)]
        missing = [self._columns(frame, *seconds) for seconds in self._dirty]
        moved = frame.origin - old.origin
        if moved > 0:
            self.pixels[:, :-moved] = self.pixels[:, moved:]
            missing.append((width - moved, width))
        elif moved < 0:
            self.pixels[:, -moved:] = self.pixels[:, :moved]
            missing.append((0, -moved))
        return _joined(missing)

    @staticmethod
    def _columns(frame: Frame, start: float, stop: float) -> tuple[int, int]:
        left = int(np.floor(start / frame.seconds_per_pixel)) - frame.origin - 1
        right = int(np.ceil(stop / frame.seconds_per_pixel)) - frame.origin + 2
        return max(0, left), min(frame.width, right)


def _pans(old: Frame, new: Frame) -> bool:
    return (old.width, old.height, old.seconds_per_pixel, old.low, old.high, old.axis) == (
        new.width,
        new.height,
        new.seconds_per_pixel,
        new.low,
        new.high,
        new.axis,
    )


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges without overlaps."""
    joined: list[tuple[int, int]] = []
    for left, right in sorted(pair for pair in ranges if pair[1] > pair[0]):
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], right))
        else:
            joined.append((left, right))
    return joined
