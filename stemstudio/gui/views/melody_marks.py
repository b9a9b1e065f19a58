"""The melody over the light: its pitch as a line, its overtones above it, each as wide as the comb takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QWidget

from stemstudio.gui.colouring import tint_table
from stemstudio.gui.viewport import Viewport, scale, unscale
from stemstudio.spectral.combs import EDGE, reach
from stemstudio.spectral.lines import PitchLine

STEP = 2  # pixels from one point of a line to the next
BAND, LINE = 90, 110  # how strongly the width of an overtone and its middle are tinted, of 255
HALF_LINE = 0.6  # rows of pixels
SHADE = QColor(0, 0, 0, 150)
FAINT = QColor(255, 255, 255, 130)
AROUND = 4  # columns to either side of a change that are painted anew
Float = NDArray[np.float32]
Places = NDArray[np.float64]


@dataclass(frozen=True)
class MelodyLook:
    """What is drawn of a melody.

    Attributes
    ----------
    line
        The melody.
    colour
        Of its overtones; "" draws the pitch alone, faintly.
    cents, partials, lobe
        The comb's: width, number of teeth, and the least that a tooth reaches in Hz.
    """

    line: PitchLine
    colour: str = ""
    cents: float = 0.0
    partials: int = 1
    lobe: float = 0.0


class MelodyLayer:
    """A picture of the melody, kept for as long as it and the view are the same: the playhead runs below it.

    Where only the line is another, as while it is drawn, only the columns that it changes are painted anew.
    """

    def __init__(self) -> None:
        self._made: object = None
        self._pitch: Float = np.zeros(0, dtype=np.float32)
        self._picture = QPixmap()

    def paint(self, painter: QPainter, look: MelodyLook | None, viewport: Viewport, canvas: QWidget) -> None:
        """Lay the picture over the light."""
        if look is None:
            self._made = None
            return
        ratio = canvas.devicePixelRatioF()
        width, height = canvas.width(), canvas.height()
        wanted = (
            replace(look, line=PitchLine()),
            viewport.start,
            viewport.stop,
            viewport.low,
            viewport.high,
            viewport.axis,
            (width, height),
            ratio,
        )
        pitch = look.line.at(_seconds_of(viewport, width))
        if wanted != self._made:
            self._made = wanted
            self._picture = QPixmap(round(width * ratio), round(height * ratio))
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            self._draw(look, viewport, width, height, pitch, slice(0, len(pitch)))
        else:
            changed = np.flatnonzero(pitch != self._pitch)
            for run in np.split(changed, np.flatnonzero(np.diff(changed) > 2 * AROUND) + 1):
                if run.size:
                    # A line is a few columns thick, and the next point of its shape some columns away.
                    first, last = max(0, int(run[0]) - AROUND), int(run[-1]) + 1 + AROUND
                    self._draw(look, viewport, width, height, pitch, slice(first, min(len(pitch), last)))
        self._pitch = pitch
        painter.drawPixmap(0, 0, self._picture)

    def _draw(
        self, look: MelodyLook, viewport: Viewport, width: int, height: int, pitch: Float, columns: slice
    ) -> None:
        with QPainter(self._picture) as inner:
            place = QRectF(columns.start * STEP, 0, (columns.stop - columns.start) * STEP, height)
            inner.setClipRect(place)
            inner.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            inner.fillRect(place, Qt.GlobalColor.transparent)
            inner.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            sung = np.flatnonzero(pitch[columns] > 0)
            if look.colour and sung.size:
                first, last = columns.start + int(sung[0]), columns.start + int(sung[-1]) + 1
                there = QRectF(first * STEP, 0, (last - first) * STEP, height)
                inner.drawImage(there, _comb_image(look, viewport, pitch[first:last], height))
            _paint_line(inner, look, viewport, width, height, columns)


def paint_teeth(
    painter: QPainter,
    place: tuple[float, float],
    viewport: Viewport,
    width: int,
    height: int,
    colour: QColor,
    *,
    cents: float,
    partials: int,
    lobe: float,
    half: float,
) -> None:
    """The comb at the pointer: a short bar a partial, `half` pixels to either side, as high as its tooth."""
    seconds, hertz = place
    x = viewport.x_of(seconds, width)
    bars: list[QRectF] = []
    lines: list[QLineF] = []
    for number in range(1, partials + 1):
        tooth = number * hertz
        if tooth > viewport.high:
            break
        around = float(reach(tooth, cents, lobe))
        top = viewport.y_of(tooth + around, height)
        bottom = viewport.y_of(max(tooth - around, 1.0), height)
        bars.append(QRectF(x - half, top, 2 * half, bottom - top))
        y, reach_x = viewport.y_of(tooth, height), half if number > 1 else 1.6 * half
        lines.append(QLineF(x - reach_x, y, x + reach_x, y))
    # All of a kind at once: each call costs more than what it draws.
    painter.setPen(Qt.PenStyle.NoPen)
    for some, alpha in ((bars[:1], 120), (bars[1:], 70)):
        veil = QColor(colour)
        veil.setAlpha(alpha)
        painter.setBrush(veil)
        painter.drawRects(some)
    bright = colour.lighter(130)
    for drawn, pen in (
        (lines, QPen(SHADE, 3.0)),
        (lines[1:], QPen(bright, 1.4)),
        (lines[:1], QPen(bright, 2.0)),
    ):
        painter.setPen(pen)
        painter.drawLines(drawn)


def _paint_line(
    painter: QPainter, look: MelodyLook, viewport: Viewport, width: int, height: int, columns: slice
) -> None:
    """The pitch in some columns as a thin line with a dark edge."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    colour = QColor(look.colour).lighter(140) if look.colour else FAINT
    for x, pitch in _stretches(look.line, viewport, width, columns):
        places = _polygon(x, _rows(pitch, viewport, height))
        for pen in (QPen(SHADE, 3.6), QPen(colour, 1.8 if look.colour else 1.3)):
            painter.setPen(pen)
            painter.drawPolyline(places)


def _seconds_of(viewport: Viewport, width: int) -> Places:
    """The times of every STEP-th column of pixels."""
    columns = np.arange(0, width, STEP)
    seconds: Places = viewport.start + (columns + STEP / 2) / width * (viewport.stop - viewport.start)
    return seconds


def _comb_image(look: MelodyLook, viewport: Viewport, pitch: Float, height: int) -> QImage:
    """What the comb would take in columns of some pitch: its weights, and a line along every overtone."""
    low, high = (float(scale(edge, viewport.axis)) for edge in (viewport.low, viewport.high))
    places = high - (np.arange(height) + 0.5) / height * (high - low)
    hertz = np.asarray(unscale(places, viewport.axis), dtype=np.float32)
    row = np.abs(np.gradient(hertz)) if height > 1 else np.ones(1, dtype=np.float32)
    alpha = np.zeros((len(pitch), height), dtype=np.uint8)
    sung = np.flatnonzero(pitch > 0)
    if sung.size:
        own = pitch[sung, None]
        tooth = np.clip(np.rint(hertz / own), 1, look.partials) * own
        away = np.abs(hertz - tooth)
        line = away <= HALF_LINE * row
        away /= reach(tooth, look.cents, look.lobe)
        alpha[sung] = np.clip((EDGE - away) / (EDGE - 1), 0, 1) * BAND
        alpha[sung] += (line * np.uint8(LINE)).astype(np.uint8)
    pixels = np.ascontiguousarray(tint_table(look.colour)[alpha.T])
    image = QImage(pixels.data, len(pitch), height, 4 * len(pitch), QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # its memory is its own from here on


def _stretches(
    line: PitchLine, viewport: Viewport, width: int, columns: slice
) -> list[tuple[Places, Places]]:
    """What of the line is in some columns or just beside them: pixels and the pitch there, for each stretch without a rest."""
    start, stop = line.span
    if stop <= viewport.start or start >= viewport.stop or width < 2:
        return []
    x = np.arange(columns.start - AROUND, columns.stop + AROUND + 1, dtype=np.float64) * STEP
    seconds = viewport.start + x / width * (viewport.stop - viewport.start)
    pitch = line.at(seconds).astype(np.float64)
    sung = np.flatnonzero(pitch > 0)
    runs = np.split(sung, np.flatnonzero(np.diff(sung) > 1) + 1) if sung.size else []
    return [(x[run], pitch[run]) for run in runs if run.size > 1]


def _rows(hertz: Places, viewport: Viewport, height: int) -> Places:
    """Rows of pixels of some frequencies."""
    low, high = (float(scale(edge, viewport.axis)) for edge in (viewport.low, viewport.high))
    rows: Places = (high - np.asarray(scale(hertz, viewport.axis))) / (high - low) * height
    return np.clip(rows, -1e4, 1e4)


def _polygon(x: Places, y: Places) -> QPolygonF:
    return QPolygonF([QPointF(*pair) for pair in zip(x.tolist(), y.tolist(), strict=True)])
