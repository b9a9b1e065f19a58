"""Picture: the visible slice of a pyramid as an array of colours, remembered from one paint to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.gui.pyramid import Pyramid
from stemstudio.gui.viewport import Axis, scale, unscale

MOST_TOUCHED = 200
CHUNK = 64  # pixel rows made at a time, so that they stay in the cache
Cells = NDArray[Any]
Colouring = Callable[..., None]
loops: ModuleType | None = None  # the compiled ones, once they are fetched


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


def fetch() -> None:
    """Have pictures coloured by compiled loops; called on a thread, as compiling them takes its time.

    Until they are there, pictures are coloured more slowly, and look the same.
    """
    global _paint, _magnify, loops
    from stemstudio.gui.views import picture_kernel

    def compiled(loop: Callable[..., None]) -> Colouring:
        def colour(
            cells: Cells,
            table: NDArray[np.uint32],
            rows: Rows,
            start: int,
            a: NDArray[np.uint32],
            b: NDArray[np.uint32],
            out: NDArray[np.uint32],
            left: int,
        ) -> None:
            lines = np.stack([rows.first, rows.count, rows.blend + 1]).astype(np.uint32)
            loop(cells.view(np.ndarray), table, lines, np.uint32(start), a, b, out, np.uint32(left))

        return colour

    _paint, _magnify = compiled(picture_kernel.paint), compiled(picture_kernel.magnify)
    loops = picture_kernel


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
    """Colours of pixel columns [left, right) into `out`, uint32 (height, width), premultiplied."""
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
    if edges[1] - edges[0] < 0.5:
        # Where a cell covers several pixels, colours flow from the middle of one into that of the next.
        places = np.clip((edges[:-1] + edges[1:]) / 2 - 0.5, 0, cells.shape[1] - 1)
        whole = np.floor(places)
        start = int(whole[0])
        place, weight = (whole - start).astype(np.uint32), (256 * (places - whole)).astype(np.uint32)
        _magnify(cells, table, rows, start, place, weight, out, left)
        return
    a = np.clip(np.floor(edges[:-1]).astype(np.intp), 0, cells.shape[1] - 1)
    b = np.clip(np.ceil(edges[1:]).astype(np.intp) - 1, 0, cells.shape[1] - 1)
    start = int(a[0])
    # a pixel shows one column, or the brighter of two neighbours
    a, b = (a - start).astype(np.uint32), (b - start).astype(np.uint32)
    _paint(cells, table, rows, start, a, b, out, left)


def _plainly(
    cells: Cells,
    table: NDArray[np.uint32],
    rows: Rows,
    start: int,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
    out: NDArray[np.uint32],
    left: int,
) -> None:
    """Colours into `out` from column `left` on: a pixel shows the brighter of the columns start + a and start + b."""
    # Pairs of neighbours are put behind the columns, so that one gather serves all.
    span = slice(start, start + int(b[-1]) + 1)
    place = a + np.where(b > a, np.uint32(span.stop - span.start), np.uint32(0))
    for part in _chunks(len(out)):
        chunk = _brightest(cells, rows.first[part], rows.count[part], span)
        between = np.flatnonzero(rows.blend[part] >= 0)
        if between.size:
            above = cells[np.minimum(rows.first[part][between] + 1, cells.shape[0] - 1), span]
            weight = rows.blend[part][between, None].astype(np.uint16)
            chunk[between] = _mixed(chunk[between], above, weight, cells.itemsize == 2)
        both = np.concatenate([chunk, np.maximum(chunk[:, :-1], chunk[:, 1:])], axis=1)
        out[part, left : left + len(a)] = np.take(table, np.take(both, place, axis=1), mode="clip")


def _magnified_plainly(
    cells: Cells,
    table: NDArray[np.uint32],
    rows: Rows,
    start: int,
    place: NDArray[np.uint32],
    weight: NDArray[np.uint32],
    out: NDArray[np.uint32],
    left: int,
) -> None:
    """Colours into `out` from column `left` on: `weight` 256ths of the way from column start + place to the next."""
    span = slice(start, min(start + int(place[-1]) + 2, cells.shape[1]))
    following = np.minimum(place + 1, span.stop - start - 1)
    for part in _chunks(len(out)):
        first, blend = rows.first[part], rows.blend[part]
        colours = table[_brightest(cells, first, rows.count[part], span)]
        between = np.flatnonzero(blend >= 0)
        if between.size:
            above = table[cells[np.minimum(first[between] + 1, cells.shape[0] - 1), span]]
            colours[between] = _blended(colours[between], above, blend[between, None].astype(np.uint32))
        out[part, left : left + len(place)] = _blended(colours[:, place], colours[:, following], weight)


def shift(pixels: NDArray[np.uint32], by: int) -> None:
    """Move a picture `by` pixels to the left, in place; what comes in at its edge stays as it is."""
    if by:
        for part in _chunks(len(pixels)):
            rows = pixels[part]
            if by > 0:
                rows[:, :-by] = rows[:, by:]
            else:
                rows[:, -by:] = rows[:, :by]


_paint: Colouring = _plainly
_magnify: Colouring = _magnified_plainly


def _chunks(height: int) -> Iterator[slice]:
    return (slice(y, min(y + CHUNK, height)) for y in range(0, height, CHUNK))


def _brightest(cells: Cells, first: NDArray[np.intp], count: NDArray[np.intp], span: slice) -> Cells:
    """The maximum of `count` rows from `first` on, for every pixel row."""
    gathered = cells[first, span]
    for step in range(1, int(count.max())):
        row = np.minimum(first + np.minimum(step, count - 1), cells.shape[0] - 1)
        np.maximum(gathered, cells[row, span], out=gathered)
    return gathered


def _mixed(low: Cells, high: Cells, weight: NDArray[np.uint16], packed: bool) -> Cells:
    """Levels between two cells, `weight` / 256 of the way; the owner is the one that weighs more."""
    if packed:
        below, above = (low >> 8) * (256 - weight), (high >> 8) * weight
        mixed = below + above
        mixed &= 0xFF00
        mixed |= np.where(below >= above, low, high) & 0xFF
        return mixed
    wide = low.astype(np.uint16) * (256 - weight)
    wide += high.astype(np.uint16) * weight
    return (wide >> 8).astype(np.uint8)


def _blended(
    low: NDArray[np.uint32], high: NDArray[np.uint32], weight: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Colours between two, `weight` / 256 of the way, two of their four bytes at a time."""
    other = 256 - weight
    even = ((low & 0x00FF00FF) * other + (high & 0x00FF00FF) * weight) >> 8 & 0x00FF00FF
    odd = (low >> 8 & 0x00FF00FF) * other + (high >> 8 & 0x00FF00FF) * weight & 0xFF00FF00
    return even | odd  # type: ignore[return-value]  # the stubs take a number of Python for a signed one


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
        self._rows: Rows | None = None
        self._rows_of: tuple[Any, ...] = ()
        self._dirty: list[tuple[float, float]] = []

    def forget(self) -> None:
        """Make everything anew next time: another pyramid, or other colours."""
        self._frame, self._rows = None, None
        self._dirty.clear()

    def touch(self, start: float, stop: float) -> None:
        """These seconds look different now."""
        if self._frame is not None:
            self._dirty.append((start, stop))
            if (
                len(self._dirty) > MOST_TOUCHED
            ):  # nobody looks: one picture later is less work than a long list
                self.forget()

    def update(
        self, pyramid: Pyramid, table: NDArray[np.uint32], frame: Frame, rate: int, hop: int, fft: int
    ) -> NDArray[np.uint32]:
        """Bring `pixels` up to date with a frame; only what is different is made."""
        key = (frame.height, frame.low, frame.high, frame.axis, rate, fft)
        if key != self._rows_of or self._rows is None:
            self._rows, self._rows_of = pixel_rows(pyramid, frame, rate / fft), key
        for left, right in self._missing(frame):
            draw(pyramid, table, frame, self._rows, rate / hop, self.pixels, left, right)
        self._frame = frame
        self._dirty.clear()
        return self.pixels

    def _missing(self, frame: Frame) -> list[tuple[int, int]]:
        """Columns to make; what stays is moved to its place."""
        old, width = self._frame, frame.width
        if old is None or not _pans(old, frame) or abs(frame.origin - old.origin) >= width:
            if self.pixels.shape != (frame.height, width):
                self.pixels = np.zeros((frame.height, width), dtype=np.uint32)
            return [(0, width)]
        missing = [self._columns(frame, *seconds) for seconds in self._dirty]
        moved = frame.origin - old.origin
        shift(self.pixels, moved)
        if moved > 0:
            missing.append((width - moved, width))
        elif moved < 0:
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
