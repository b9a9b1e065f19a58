"""SpectrogramView: the sheet of light. Brightness is level, hue is the stem that owns it; tools work on it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QCursor,
    QFocusEvent,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.light import Light
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.tools.hand import Hand
from stemstudio.gui.tools.tool import Tool
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.gui.viewport import Viewport
from stemstudio.gui.views import navigation, sheet_marks
from stemstudio.gui.views.drop_zone import DropZone
from stemstudio.gui.views.gestures import Gestures
from stemstudio.gui.views.hint_marks import HintPicture
from stemstudio.gui.views.live_stroke import LiveStroke
from stemstudio.gui.views.melody_marks import MelodyLayer
from stemstudio.gui.views.read_out import ReadOut
from stemstudio.gui.views.sheet_picture import SheetPicture
from stemstudio.project.project import Change
from stemstudio.spectral.brushes import Box, BrushStroke

ERASING = QColor("#10131a")
BESIDE = 12  # pixels that the line of a melody is drawn anew beside what changed
BRUSH_STEP = 1.12


class SpectrogramView(QWidget):
    """The visible slice of the song, and the tools on it.

    Signals
    -------
    pointed(words)
        What is under the pointer; "" when it left.
    painting(on)
        A stroke is in the hand, or no longer.
    play_wanted()
        The space bar was tapped (held, it makes any tool a hand).
    open_wanted(), demo_wanted()
        A button of the empty state was pressed.
    """

    pointed = Signal(str)
    painting = Signal(bool)
    play_wanted = Signal()
    open_wanted = Signal()
    demo_wanted = Signal()

    def __init__(
        self,
        document: Document,
        light: Light,
        toolbox: ToolBox,
        playhead: Playhead,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.document, self.toolbox = document, toolbox
        self._light, self._playhead = light, playhead
        self._picture = SheetPicture(document, light)
        self._hints = HintPicture(document)
        self._read_out = ReadOut(document, light, self)
        self._hand = Hand()
        self._gestures = Gestures(self, self._place)
        self._melody = MelodyLayer()
        self._selected = sheet_marks.SelectionOutline()
        self._live: LiveStroke | None = None
        self._settling: tuple[int, int] | None = None
        self._pointer: QPointF | None = None
        self._footprint = QRect()
        self._words_area = QRectF()
        self._space, self._space_used = False, False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 120)
        self.setAccessibleName("Spectrogram")
        self.setAccessibleDescription(
            "Time runs to the right, pitch upwards; arrow keys scroll, plus and minus zoom."
        )
        self._drop_zone = DropZone(self)
        self._drop_zone.open_wanted.connect(self.open_wanted)
        self._drop_zone.demo_wanted.connect(self.demo_wanted)
        document.opened.connect(self._opened)
        document.viewport.changed.connect(self._viewport_changed)
        document.selection_changed.connect(self.update)
        document.look_changed.connect(self._look_changed)
        document.changed.connect(self._changed)
        document.target_changed.connect(self._target_changed)
        document.reading_changed.connect(self.update)
        document.hints.changed.connect(self._hints_changed)
        light.filled.connect(self._filled)
        light.renewed.connect(self._look_changed)
        light.hues_changed.connect(self._look_changed)
        playhead.moved.connect(self._playhead_moved)
        toolbox.tool_changed.connect(self._tool_changed)
        toolbox.options_changed.connect(self._move_footprint)
        self._read_out.said.connect(self._read_out_said)
        self._opened()
        self._tool_changed()

    # what tools see

    @property
    def viewport(self) -> Viewport:
        return self.document.viewport

    @property
    def drop_zone(self) -> DropZone:
        return self._drop_zone

    def update_between(self, start: float, stop: float) -> None:
        left, right = (self.viewport.x_of(seconds, self.width()) for seconds in (start, stop))
        self.update(QRect(int(left) - BESIDE, 0, int(right - left) + 2 * BESIDE, self.height()))

    def show_stroke(self, piece: BrushStroke, *, erase: bool, hint: bool = False) -> None:
        if self._live is None or self._settling is not None:
            state = self.document.state
            colour = ERASING if erase or state is None else QColor(state.stems[self.document.target].colour)
            self._live = LiveStroke(self.viewport, self.width(), self.height(), colour, hint=hint)
            self._settling = None
            self.update()
            self.painting.emit(True)
        self.update(self._live.add(piece))

    def hide_stroke(self) -> None:
        self._live, self._settling = None, None
        self.update()
        self.painting.emit(False)

    def settle_stroke(self, box: Box) -> None:
        self.painting.emit(False)
        state = self.document.state
        if state is None:
            return
        per_second = state.mixture.sample_rate / state.grid.hop
        self._settling = int(box.start * per_second), int(box.stop * per_second) + 1
        QTimer.singleShot(0, self, self._drop_settled)

    def offer(self, title: str, choices: list[tuple[str, str, Callable[[], None]]]) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addSection(title)
        for words, colour, choose in choices:
            swatch = QPixmap(12, 12)
            swatch.fill(QColor(colour))
            menu.addAction(QIcon(swatch), words).triggered.connect(
                lambda _checked=False, choose=choose: choose()
            )
        menu.popup(QCursor.pos())

    def cancel(self) -> bool:
        """End the stroke in the hand without doing it; False where there is none."""
        cancelled = self._gestures.cancel()
        if cancelled:
            self.update()
        self._show_cursor()
        return cancelled

    # painting

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        width, height = self.width(), self.height()
        if self.document.state is None or self._light.sheet is None:
            painter.fillRect(self.rect(), theme.current().colour("background"))
            return
        self._picture.paint(painter, width, height, self.devicePixelRatioF())
        view = self.viewport
        sheet_marks.paint_axes(painter, view, width, height)
        self._hints.paint(painter, width, height)
        self._paint_unread(painter)
        if self._live is not None:
            area = event.rect()
            painter.drawImage(area, self._live.image, area)
        sheet_marks.paint_loop(painter, self._playhead.loop, view, width, height)
        path = self._selected.path(self.document.selection, view, width, height)
        sheet_marks.paint_selection(painter, path)
        self._melody.paint(painter, self._tool.melody(self), view, self)
        self._tool.paint_over(painter, self)
        sheet_marks.paint_playhead(painter, view.x_of(self._playhead.seconds, width), height)
        if self._pointer is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._tool.paint_cursor(painter, self, *self._place(self._pointer))
        if self._read_out.words:
            sheet_marks.paint_words(painter, self._read_out.words, width, self.font())
        if self.hasFocus():
            # Four fillings: a pen would have all of the frame worked out as a shape.
            colour = theme.current().colour("accent", 0.8)
            for edge in (
                (0, 0, width, 1),
                (0, height - 1, width, 1),
                (0, 1, 1, height - 2),
                (width - 1, 1, 1, height - 2),
            ):
                painter.fillRect(*edge, colour)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._drop_zone.setGeometry(self.rect())
        self._refit_stroke()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._look_changed()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._space = False
        self._show_cursor()
        self.update()

    def _paint_unread(self, painter: QPainter) -> None:
        document, state = self.document, self.document.state
        assert state is not None
        if document.complete:
            return
        ready = document.ready_samples / state.mixture.sample_rate
        left = max(0.0, self.viewport.x_of(ready, self.width()))
        area = QRectF(left, 0, self.width() - left, self.height())
        percent = 100 * document.ready_samples / max(1, state.mixture.length)
        sheet_marks.paint_unread(painter, area, f"Reading the song · {min(percent, 99):.0f} %", self.font())

    # what changes

    def _opened(self) -> None:
        self.cancel()
        self._live, self._settling = None, None
        empty = self.document.state is None
        self._drop_zone.setVisible(empty)
        self._drop_zone.setGeometry(self.rect())
        self._show_cursor()
        self._look_changed()

    def _hints_changed(self) -> None:
        self._hints.forget()
        self._drop_settled()
        self.update()

    def _look_changed(self, *_: object) -> None:
        self._picture.look_changed()
        self.update()

    def _target_changed(self) -> None:
        """Only a view of one stem, or of its paint, has other colours now."""
        if self.document.look.view in ("stem", "mask") or self._light.overlay_shows == "paint":
            self._look_changed()

    def _changed(self, change: Change) -> None:
        if "melody" in change.kinds:
            self.update()

    def _viewport_changed(self) -> None:
        self._refit_stroke()
        if self._pointer is not None:
            self._read_out.point(*self._place(self._pointer))
        self.update()

    def _filled(self, first: int, last: int) -> None:
        state = self.document.state
        if state is None:
            return
        start, stop = ((frame - 0.5) * state.grid.hop / state.mixture.sample_rate for frame in (first, last))
        self._picture.touch(start, stop)
        left, right = (self.viewport.x_of(seconds, self.width()) for seconds in (start, stop))
        if right >= 0 and left <= self.width():
            self.update(QRect(int(left) - 3, 0, int(right - left) + 8, self.height()))
        self._drop_settled()

    def _drop_settled(self) -> None:
        if self._settling is None or self.document.hints.busy:
            return
        if self._light.current(*self._settling):
            self.hide_stroke()

    def _refit_stroke(self) -> None:
        if self._live is not None:
            self._live.refit(self.viewport, self.width(), self.height())

    def _playhead_moved(self, before: float, now: float) -> None:
        for seconds in (before, now):
            x = round(self.viewport.x_of(seconds, self.width()))
            if -4 <= x <= self.width() + 4:
                self.update(QRect(x - 2, 0, 5, self.height()))

    def _read_out_said(self, words: str) -> None:
        metrics = self.fontMetrics()
        wide = metrics.horizontalAdvance(words) + 30
        area = QRect(self.width() - wide, 0, wide, metrics.height() + 20)
        self.update(area.united(self._words_area.toAlignedRect()))
        self._words_area = QRectF(area)
        self.pointed.emit(words)

    # the pointer

    @property
    def _tool(self) -> Tool:
        return self._hand if self._space else self.toolbox.tool

    def _place(self, point: QPointF) -> tuple[float, float]:
        """Seconds and Hz at a point, cut to the song."""
        view = self.viewport
        seconds = min(max(view.second_at(point.x(), self.width()), 0.0), view.duration)
        return seconds, min(max(view.hertz_at(point.y(), self.height()), 0.0), view.nyquist)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.document.state is None:
            return
        self._space_used = self._space
        tool = self._hand if event.button() == Qt.MouseButton.MiddleButton else self._tool
        if isinstance(tool, Hand):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self._gestures.press(tool, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        self._read_out.point(*self._place(self._pointer))
        self._move_footprint()
        self._gestures.move(event)
        if not self._gestures.running:
            self._show_cursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._gestures.release(event)
        self._show_cursor()

    def leaveEvent(self, _event: QEvent) -> None:
        self._pointer = None
        self._read_out.leave()
        self._move_footprint()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.document.state is None:
            event.ignore()
            return
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            _, up = navigation.steps_of(event)
            high = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.toolbox.scale("height" if high else "width", BRUSH_STEP**up)
        else:
            navigation.wheel(event, self.viewport, self.width(), self.height())
        event.accept()

    def event(self, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.NativeGesture and self.document.state is not None:
            return navigation.pinch(event, self.viewport, self.width(), self.height())  # type: ignore[arg-type]
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_space(event):
            event.accept()  # a tap plays, held it is the hand: known only when it is let go
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.document.state is None:
            super().keyPressEvent(event)
        elif _is_space(event):
            if not event.isAutoRepeat():
                self._space, self._space_used = True, False
                self._show_cursor()
        elif event.key() == Qt.Key.Key_Escape and self.cancel():
            return
        elif not navigation.arrow(event, self.viewport):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat() or not self._space:
            super().keyReleaseEvent(event)
            return
        self._space = False
        self._show_cursor()
        if not self._space_used:
            self.play_wanted.emit()

    def _tool_changed(self) -> None:
        self.cancel()
        self._show_cursor()
        self.update()

    def _show_cursor(self) -> None:
        if self.document.state is None:
            self.setCursor(Qt.CursorShape.ArrowCursor)
        elif self._pointer is not None:
            self.setCursor(self._tool.hover(self, self._pointer))
        else:
            self.setCursor(self._tool.cursor)

    def _move_footprint(self) -> None:
        """Repaint where the tool's footprint was, and where it is."""
        old, new = self._footprint, QRect()
        box = None if self._pointer is None else self._tool.reach(self, *self._place(self._pointer))
        if box is not None and self.document.state is not None:
            view = self.viewport
            left, right = view.x_of(box.start, self.width()), view.x_of(box.stop, self.width())
            top, bottom = view.y_of(box.high, self.height()), view.y_of(box.low, self.height())
            new = QRectF(left, top, right - left, bottom - top).toAlignedRect().adjusted(-4, -4, 4, 4)
        self._footprint = new
        for area in (old, new):
            if area.isValid():
                self.update(area)


def _is_space(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Space and not event.modifiers()
