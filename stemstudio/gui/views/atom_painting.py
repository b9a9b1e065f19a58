"""How a row of atoms is painted: its head, its curve, and the picture that is dragged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPixmap, QPolygonF

from stemstudio.gui import icons, theme
from stemstudio.gui.views.atom_pictures import AtomPictures

NUMBER, HEAR = 26, 16  # widths of the number and of ▶
LOCK = 12
CHANCES = 3  # height of the bar that says whose an atom probably is


def curves_image(heights: NDArray[np.float32], looks: Sequence[tuple[int, float]], height: int) -> QImage:
    """Filled curves, one below the other.

    Parameters
    ----------
    heights
        (rows, width) in [0, 1].
    looks
        Colour as 0xrrggbb and opacity of each row.
    height
        Of a row, in pixels of the screen.
    """
    above = 255 * np.arange(height - 1, -1, -1, dtype=np.int32)
    filled = (heights * np.float32(255 * (height - 2))).astype(np.int32)
    cover = np.clip(filled[:, None, :] - above[None, :, None], 0, 255)
    pixels = np.empty(cover.shape, dtype=np.uint32)
    for row, (rgb, opacity) in enumerate(looks):
        np.take(_shades(rgb, opacity), cover[row], out=pixels[row], mode="clip")
    rows, width = len(looks) * height, heights.shape[1]
    format = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(pixels.data, width, rows, 4 * width, format).copy()  # its memory is its own from here on


@lru_cache(maxsize=128)
def _shades(rgb: int, opacity: float) -> NDArray[np.uint32]:
    """A colour as it covers a pixel by 0…255 parts of 255: uint32 (256,), premultiplied."""
    alpha = opacity * np.arange(256, dtype=np.float32)
    shades = alpha.astype(np.uint32) << np.uint32(24)
    for shift in (0, 8, 16):
        shades |= (alpha / 255 * (rgb >> shift & 255)).astype(np.uint32) << shift
    return shades


def draw_head(
    painter: QPainter,
    area: QRect,
    pictures: AtomPictures,
    atom: int,
    colour: QColor,
    chosen: bool,
    locked: bool,
    chances: Sequence[tuple[QColor, float]] = (),
) -> None:
    """The left end of a row: colour, lock, number, ▶, spectrum; below, whose it probably is, as far as that is known."""
    look = theme.current()
    y, height = area.top(), area.height()
    words = look.colour("text" if chosen else "muted")
    painter.fillRect(QRectF(0, y + 1, 3, height - 2), colour)
    painter.setPen(words)
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    number = str(atom + 1)
    painter.drawText(QRect(3, y, NUMBER - 3, height), right, number)
    side = min(14, height)
    _draw_icon(painter, "hear", NUMBER + 1, y + (height - side) / 2, side, words)
    start, stop = NUMBER + HEAR + 2, area.right() - 7
    if locked:
        beside = NUMBER - 3 - painter.fontMetrics().horizontalAdvance(number) >= LOCK - 4  # its margins
        at = 2 if beside else stop - LOCK
        _draw_icon(painter, "lock", at, y + (height - LOCK) / 2, LOCK, look.colour("text"))
        stop -= 0 if beside else LOCK + 2
    if stop - start < 12:
        return
    base = y + height - 1
    if chances:
        _draw_chances(painter, QRectF(start, base - CHANCES, stop - start, CHANCES), chances)
        base -= CHANCES + 1
        height -= CHANCES + 1
    heights = pictures.thumbnails[atom]
    step, room = (stop - start) / (len(heights) - 1), height - 3
    points = [QPointF(start, base)]
    points += [QPointF(start + step * at, base - room * part) for at, part in enumerate(heights.tolist())]
    points.append(QPointF(stop, base))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour if look.dark else look.ink(colour))
    painter.drawPolygon(QPolygonF(points))


def _draw_chances(painter: QPainter, area: QRectF, chances: Sequence[tuple[QColor, float]]) -> None:
    """A bar of the stems' colours, as long as each is probable."""
    at = area.left()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for colour, chance in chances:
        width = area.width() * chance
        if width >= 0.5:
            painter.fillRect(QRectF(at, area.top(), width, area.height()), colour)
        at += width
    painter.restore()


def drag_picture(words: str, colour: QColor, metrics: QFontMetrics) -> QPixmap:
    """What hangs at the pointer while atoms are dragged."""
    picture = QPixmap(metrics.horizontalAdvance(words) + 20, metrics.height() + 8)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(picture.rect(), 8, 8)
        painter.setPen(theme.DARK.colour("sheet"))
        painter.drawText(picture.rect(), Qt.AlignmentFlag.AlignCenter, words)
    return picture


def _draw_icon(painter: QPainter, name: str, x: float, y: float, side: int, colour: QColor) -> None:
    painter.drawPixmap(QPointF(x, y), _icon(name, side, colour.rgba(), painter.device().devicePixelRatio()))


@lru_cache(maxsize=32)
def _icon(name: str, side: int, rgba: int, ratio: float) -> QPixmap:
    """Drawn once for all rows."""
    drawn = QPixmap(round(side * ratio), round(side * ratio))
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    with QPainter(drawn) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(side / icons.SIDE, side / icons.SIDE)
        icons.draw(painter, name, QColor.fromRgba(rgba))
    return drawn
