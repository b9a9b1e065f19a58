"""What is drawn over the light: faint axes, selection, loop, playhead, what is still unread."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF

from stemstudio.gui.viewport import Viewport
from stemstudio.gui.views.axes import frequency_marks, time_marks
from stemstudio.spectral.brushes import Selection

WHITE = QColor("#ffffff")


def paint_axes(painter: QPainter, viewport: Viewport, width: int, height: int) -> None:
    """Faint lines at octaves and at the marked times."""
    faint, fainter = _white(20), _white(12)
    for mark in frequency_marks(viewport, height, 24.0):
        if mark.main:
            painter.fillRect(0, round(mark.place), width, 1, faint)
    for mark in time_marks(viewport, width, 90.0):
        if mark.main:
            painter.fillRect(round(mark.place), 0, 1, height, fainter)


class SelectionOutline:
    """The path of a selection, made anew only for another selection or another view of it."""

    def __init__(self) -> None:
        self._made: tuple[Selection, object, QPainterPath] | None = None

    def path(self, selection: Selection, viewport: Viewport, width: int, height: int) -> QPainterPath:
        seen = (viewport.start, viewport.stop, viewport.low, viewport.high, viewport.axis)
        view = (*seen, viewport.duration, viewport.nyquist, width, height)
        if self._made is None or self._made[0] is not selection or self._made[1] != view:
            self._made = (selection, view, selection_path(selection, viewport, width, height))
        return self._made[2]


def selection_path(selection: Selection, viewport: Viewport, width: int, height: int) -> QPainterPath:
    """The selected area in pixels; an edge at the end of the song or of the axis lies outside the view."""
    path = QPainterPath()
    for step in selection.steps:
        box = step.box
        left = viewport.x_of(box.start, width) if box.start > 0 else -9.0
        right = viewport.x_of(box.stop, width) if box.stop < viewport.duration else width + 9.0
        top = viewport.y_of(box.high, height) if box.high < viewport.nyquist else -9.0
        bottom = viewport.y_of(max(box.low, 1e-3), height) if box.low > 0 else height + 9.0
        piece = QPainterPath()
        if step.outline:
            piece.addPolygon(QPolygonF(viewport.points_of(step.outline, width, height)))
            piece.closeSubpath()
        else:
            piece.addRect(
                QRectF(
                    QPointF(_near(left, width), _near(top, height)),
                    QPointF(_near(right, width), _near(bottom, height)),
                )
            )
        if step.how == "add":
            path = path.united(piece) if not path.isEmpty() else piece
        elif step.how == "subtract":
            path = path.subtracted(piece)
        else:
            path = path.intersected(piece)
    return path


def paint_selection(painter: QPainter, path: QPainterPath) -> None:
    """A faint veil and a dashed outline that is seen on dark and on light."""
    if path.isEmpty():
        return
    painter.fillPath(path, _white(22))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 170), 1.0))
    painter.drawPath(path)
    dashes = QPen(_white(225), 1.0)
    dashes.setDashPattern([4.0, 3.0])
    painter.setPen(dashes)
    painter.drawPath(path)


def paint_loop(
    painter: QPainter, loop: tuple[float, float] | None, viewport: Viewport, width: int, height: int
) -> None:
    """Dim what is outside the loop a little, and mark its ends."""
    if loop is None:
        return
    left, right = (viewport.x_of(seconds, width) for seconds in loop)
    shade = QColor(0, 0, 0, 90)
    if left > 0:
        painter.fillRect(QRectF(0, 0, min(left, width), height), shade)
    if right < width:
        painter.fillRect(QRectF(max(right, 0), 0, width - max(right, 0), height), shade)
    painter.setPen(QPen(QColor("#8fb0ff"), 1.0))
    for x in (left, right):
        painter.drawLine(QPointF(x, 0), QPointF(x, height))


def paint_playhead(painter: QPainter, x: float, height: int) -> None:
    """A thin white line with a dark edge."""
    painter.fillRect(QRectF(round(x) - 1, 0, 3, height), QColor(0, 0, 0, 90))
    painter.fillRect(QRectF(round(x), 0, 1, height), WHITE)


def paint_unread(painter: QPainter, area: QRectF, words: str, font: QFont) -> None:
    """A quiet hatch over what has not been decoded yet."""
    if area.width() <= 0:
        return
    painter.fillRect(area, QBrush(_white(26), Qt.BrushStyle.BDiagPattern))
    painter.setFont(font)
    if area.width() > painter.fontMetrics().horizontalAdvance(words) + 16:
        painter.setPen(_white(150))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, words)


def paint_words(painter: QPainter, words: str, width: int, font: QFont) -> QRectF:
    """The read-out in the upper right corner; the area it takes."""
    painter.setFont(font)
    metrics = painter.fontMetrics()
    area = QRectF(0, 0, metrics.horizontalAdvance(words) + 16, metrics.height() + 8)
    area.moveTopRight(QPointF(width - 6, 6))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(7, 8, 11, 190))
    painter.drawRoundedRect(area, 4, 4)
    painter.setPen(QColor("#e8eaf0"))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, words)
    return area


def _white(alpha: int) -> QColor:
    colour = QColor(WHITE)
    colour.setAlpha(alpha)
    return colour


def _near(place: float, size: int) -> float:
    """On a whole pixel, and not absurdly far outside: dashes are counted from where a line begins."""
    return round(min(max(place, -9.0), size + 9.0)) + 0.5
