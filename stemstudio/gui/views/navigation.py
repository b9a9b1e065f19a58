"""Navigation: wheel, trackpad, pinch and arrow keys move and zoom what is on screen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QNativeGestureEvent, QWheelEvent

from stemstudio.gui.viewport import Viewport

NOTCH = 120  # angle of one step of a wheel
SCROLL = 0.10  # share of the screen that a step scrolls
ZOOM = 1.25  # factor of a step
Modifier = Qt.KeyboardModifier


def steps_of(event: QWheelEvent) -> tuple[float, float]:
    """Steps to the right and up; Alt turns a wheel on its side on some systems, so both count as one there."""
    angle = event.angleDelta()
    if event.modifiers() & Modifier.AltModifier:
        return 0.0, (angle.y() or angle.x()) / NOTCH
    return angle.x() / NOTCH, angle.y() / NOTCH


def wheel(event: QWheelEvent, viewport: Viewport, width: int, height: int) -> bool:
    """Scroll or zoom; whether the event was one for the view."""
    control = bool(event.modifiers() & Modifier.ControlModifier)
    shift = bool(event.modifiers() & Modifier.ShiftModifier)
    at = event.position()
    across, up = steps_of(event)
    if control:
        amount = up or across
        if not event.pixelDelta().isNull():
            amount = (event.pixelDelta().y() or event.pixelDelta().x()) / 60.0
        zoom(viewport, ZOOM**amount, at, width, height, in_frequency=shift)
        return amount != 0
    if not event.pixelDelta().isNull():
        moved = QPointF(event.pixelDelta())
        if shift:
            viewport.scroll_frequency((moved.y() or moved.x()) / max(height, 1))
        else:
            _scroll_pixels(viewport, moved, width, height)
        return True
    if shift:
        viewport.scroll_frequency(SCROLL * (up or across))
    else:
        viewport.scroll_time(-SCROLL * (up or across) * (viewport.stop - viewport.start))
    return bool(up or across)


def zoom(
    viewport: Viewport, factor: float, at: QPointF, width: int, height: int, *, in_frequency: bool = False
) -> None:
    """Zoom with what is under the pointer staying there."""
    if in_frequency:
        viewport.zoom_frequency(factor, viewport.hertz_at(at.y(), height))
    else:
        viewport.zoom_time(factor, viewport.second_at(at.x(), width))


def pinch(event: QNativeGestureEvent, viewport: Viewport, width: int, height: int) -> bool:
    """Two fingers on a trackpad zoom in time; with Shift in frequency."""
    if (
        event.type() != QEvent.Type.NativeGesture
        or event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture
    ):
        return False
    in_frequency = bool(event.modifiers() & Modifier.ShiftModifier)
    zoom(viewport, max(0.2, 1.0 + event.value()), event.position(), width, height, in_frequency=in_frequency)
    return True


def arrow(event: QKeyEvent, viewport: Viewport) -> bool:
    """Arrows scroll, Page keys turn pages, + and − zoom; whether the key was one of these."""
    span = viewport.stop - viewport.start
    middle = (viewport.start + viewport.stop) / 2
    key = event.key()
    if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
        viewport.scroll_time((-SCROLL if key == Qt.Key.Key_Left else SCROLL) * span)
    elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
        viewport.scroll_frequency(-SCROLL if key == Qt.Key.Key_Down else SCROLL)
    elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
        viewport.scroll_time(-span if key == Qt.Key.Key_PageUp else span)
    elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
        viewport.zoom_time(1 / ZOOM if key == Qt.Key.Key_Minus else ZOOM, middle)
    else:
        return False
    return True


def _scroll_pixels(viewport: Viewport, moved: QPointF, width: int, height: int) -> None:
    if abs(moved.x()) >= abs(moved.y()):
        viewport.scroll_time(-moved.x() / max(width, 1) * (viewport.stop - viewport.start))
    else:
        viewport.scroll_frequency(moved.y() / max(height, 1))
