"""Icons: the few signs of the window, drawn as paths, so that no font needs to have them."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from stemstudio.gui import theme

Draw = Callable[[QPainter, QColor], None]
SIDE = 24  # the icons are drawn on a square of this many units


def icon(name: str, colour: str | QColor | None = None, checked: str | QColor | None = None) -> QIcon:
    """An icon in the theme's colours, or in `colour`, and in `checked` where its button is on."""
    look = theme.current()
    shades = (QColor(colour or look.text), QColor(look.faint), QColor(checked or look.link))
    return _icon(name, *(shade.rgba() for shade in shades))


@functools.lru_cache(256)
def _icon(name: str, plain: int, disabled: int, checked: int) -> QIcon:
    """Drawn once: the strips of the mixer alone want the same ones many times."""
    made = QIcon()
    off, on = QIcon.State.Off, QIcon.State.On
    for scale in (1, 2, 3):
        drawn = {shade: pixmap(name, QColor.fromRgba(shade), scale) for shade in {plain, disabled, checked}}
        made.addPixmap(drawn[plain], QIcon.Mode.Normal, off)
        made.addPixmap(drawn[checked], QIcon.Mode.Normal, on)
        for state in (off, on):
            made.addPixmap(drawn[disabled], QIcon.Mode.Disabled, state)
    return made


def pixmap(name: str, colour: QColor, scale: int = 1) -> QPixmap:
    """An icon as a square picture, `scale` times 24 pixels wide."""
    made = QPixmap(SIDE * scale, SIDE * scale)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(scale, scale)
        draw(painter, name, colour)
    return made


def draw(painter: QPainter, name: str, colour: QColor) -> None:
    """Draw an icon on the square (0, 0)–(24, 24) of a painter."""
    _DRAWINGS[name](painter, colour)


def _filled(*points: tuple[float, float]) -> Callable[[QPainter, QColor], None]:
    def drawing(painter: QPainter, colour: QColor) -> None:
        painter.setPen(
            QPen(colour, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        )
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))

    return drawing


def _bars(*bars: tuple[float, float, float, float]) -> Callable[[QPainter, QColor], None]:
    def drawing(painter: QPainter, colour: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for x, y, width, height in bars:
            painter.drawRoundedRect(QRectF(x, y, width, height), 1.2, 1.2)

    return drawing


def _lined(width: float, *lines: tuple[tuple[float, float], ...]) -> Callable[[QPainter, QColor], None]:
    def drawing(painter: QPainter, colour: QColor) -> None:
        painter.setPen(
            QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for line in lines:
            painter.drawPolyline(QPolygonF([QPointF(*point) for point in line]))

    return drawing


def _together(*drawings: Draw) -> Draw:
    def drawing(painter: QPainter, colour: QColor) -> None:
        for each in drawings:
            each(painter, colour)

    return drawing


def _loop(painter: QPainter, colour: QColor) -> None:
    painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath(QPointF(17.0, 7.5))
    path.lineTo(9.0, 7.5)
    path.arcTo(QRectF(4.5, 7.5, 9, 9), 90, 180)
    path.moveTo(7.0, 16.5)
    path.lineTo(15.0, 16.5)
    path.arcTo(QRectF(10.5, 7.5, 9, 9), 270, 90)
    painter.drawPath(path)
    _filled((15.2, 4.8), (15.2, 10.2), (18.6, 7.5))(painter, colour)


def _before(painter: QPainter, colour: QColor) -> None:
    painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(4.5, 4.5, 15, 15), -150 * 16, 300 * 16)
    _lined(2.0, ((12, 8), (12, 12.5), (15, 14.5)))(painter, colour)
    _filled((2.5, 14), (8.2, 13.6), (5.6, 18.6))(painter, colour)


def _padlock(painter: QPainter, colour: QColor, closed: bool) -> None:
    painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath(QPointF(8, 11))
    path.lineTo(8, 8.5)
    path.arcTo(QRectF(8, 4.5, 8, 8), 180, -180 if closed else -140)
    if closed:
        path.lineTo(16, 11)
    painter.drawPath(path)
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(6, 11, 12, 8.5), 1.5, 1.5)


def _device(painter: QPainter, colour: QColor) -> None:
    _filled((4, 9.5), (7.5, 9.5), (12, 5.5), (12, 18.5), (7.5, 14.5), (4, 14.5))(painter, colour)
    painter.setPen(QPen(colour, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for radius in (3.5, 7.0):
        painter.drawArc(QRectF(13 - radius, 12 - radius, 2 * radius, 2 * radius), -50 * 16, 100 * 16)


def _room(painter: QPainter, colour: QColor) -> None:
    """A circle with a listener in the middle and somebody on it."""
    painter.setPen(QPen(colour, 1.8))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QPointF(12, 12), 7.5, 7.5)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for x, y, size in ((12, 12, 2.2), (17.5, 6.5, 3.4)):
        painter.drawEllipse(QPointF(x, y), size, size)


_PLAY = _filled((7.5, 5), (19, 12), (7.5, 19))
_DRAWINGS: dict[str, Draw] = {
    "play": _PLAY,
    "hear": _filled((9, 7), (17, 12), (9, 17)),
    "pause": _bars((6.5, 4.5, 4, 15), (13.5, 4.5, 4, 15)),
    "stop": _bars((6, 6, 12, 12)),
    "start": _together(_bars((4.5, 5, 2.6, 14)), _filled((19, 5.5), (9.5, 12), (19, 18.5))),
    "loop": _loop,
    "play selection": _together(_bars((3, 4, 2, 16), (19, 4, 2, 16)), _filled((9, 8), (15.5, 12), (9, 16))),
    "original": _lined(
        2.0, ((3.5, 12), (6.5, 12), (8.5, 6), (11.5, 18), (14, 8), (16, 14), (17.5, 12), (20.5, 12))
    ),
    "before": _before,
    "device": _device,
    "room": _room,
    "metronome": _lined(2.0, ((5, 20), (9, 4), (15, 4), (19, 20), (5, 20)), ((11.5, 16), (18.5, 6))),
    "more": _bars((4, 10.5, 3, 3), (10.5, 10.5, 3, 3), (17, 10.5, 3, 3)),
    "lock": lambda painter, colour: _padlock(painter, colour, closed=True),
    "unlock": lambda painter, colour: _padlock(painter, colour, closed=False),
    "plus": _lined(2.2, ((12, 5.5), (12, 18.5)), ((5.5, 12), (18.5, 12))),
    "open": _lined(2.2, ((6.5, 9.5), (12, 15), (17.5, 9.5))),
    "closed": _lined(2.2, ((9.5, 6.5), (15, 12), (9.5, 17.5))),
    "check": _lined(2.4, ((5, 12.5), (10, 17.5), (19, 7))),
    "export": _lined(
        2.0,
        ((12, 15), (12, 4.5)),
        ((7.5, 8.5), (12, 4.2), (16.5, 8.5)),
        ((5, 14), (5, 19.5), (19, 19.5), (19, 14)),
    ),
}
NAMES = tuple(_DRAWINGS)
