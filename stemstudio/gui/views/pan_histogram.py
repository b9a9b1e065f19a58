"""PanHistogramView: where a song's sound lies between left and right, with the stereo recipe's window to be moved on it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QDoubleSpinBox, QSizePolicy, QWidget

from stemstudio.algorithms.stereo import PanHistogram, pan_histogram
from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.forms import RecipeForm
from stemstudio.gui.jobs import Job
from stemstudio.progress import Progress
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import MIXTURE

RANGE = 40.0  # dB from the highest bar down to the lowest that is seen
GRAB = 6.0  # pixels around an edge of the window in which it is taken hold of
STEP = 0.05  # of place and width, by a key
WORDS = 16  # pixels for the words below


class PanHistogramView(QWidget):
    """A bar for each place, the window over them: drag it to another place, its edges for another width.

    Signals
    -------
    window_moved(centre, width)
        The person wants the window elsewhere.
    """

    window_moved = Signal(float, float)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._form: RecipeForm | None = None
        self._job: Job | None = None
        self._seen: tuple[object, ...] | None = None  # what the histogram is of
        self._wanted: tuple[int, tuple[float, float] | None] = (MIXTURE, None)
        self._held: str = ""  # "place" or "width", while dragging
        self._grip = 0.0
        self.histogram: PanHistogram | None = None
        self.centre, self.width_of_window = 0.0, 0.3
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Where the sound is between left and right")
        self.setToolTip(
            "How much sound comes from each place between left and right. Drag the window to what you want, or its "
            "edges to make it wider (← → move it, ↑ ↓ change its width)"
        )

    def sizeHint(self) -> QSize:
        return QSize(220, 90)

    def show_in(self, form: RecipeForm | None) -> None:
        """Show, and move, the window of this form; None hides it."""
        if self._form is not None and self._form is not form:
            self._form.changed.disconnect(self._take_window)
        if form is not None and form is not self._form:
            form.changed.connect(self._take_window)
        self._form = form
        self.setVisible(form is not None)
        self._take_window()

    def of(self, stem: int, span: tuple[float, float] | None) -> None:
        """Show the sound of a stem; all of it, or that within seconds (start, stop)."""
        self._wanted = stem, span
        self._look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look()

    # what is seen

    def _look(self) -> None:
        """Find out where the sound is, in the background and once."""
        state, (stem, span) = self._document.state, self._wanted
        there = state is not None and stem in state.stems and self._document.complete
        if state is None or not there:
            self._seen, self.histogram = None, None
            self.update()
            return
        sound = state.mixture if stem == MIXTURE else StemSound(state, stem)
        # A stem sounds otherwise when it is split or painted anew; the song itself stays.
        seen = (state.mixture if stem == MIXTURE else state, stem, span)
        old = self._seen
        if not self.isVisible() or (old is not None and old[0] is seen[0] and old[1:] == seen[1:]):
            return
        self._seen = seen
        if self._job is not None:
            self._job.stop()
        rate, length = state.mixture.sample_rate, state.mixture.length
        start, stop = (0, length) if span is None else (round(span[0] * rate), round(span[1] * rate))

        def work(progress: Progress) -> PanHistogram:
            return pan_histogram(sound, progress, start=max(0, start), stop=min(length, stop))

        def done(found: PanHistogram) -> None:
            if self._seen is seen:
                self._job, self.histogram = None, found
                self.update()

        self._job = self._document.jobs.run("Looking where sounds come from", work, done, heavy=False)

    def _take_window(self) -> None:
        recipe = None if self._form is None else self._form.recipe()
        if recipe is not None:
            values = recipe.model_dump()
            self.centre, self.width_of_window = values["centre"], values["width"]
            self.update()

    # the window is moved

    def _x(self, place: float) -> float:
        return (place + 1) / 2 * self.width()

    def _place(self, x: float) -> float:
        return 2 * x / max(1, self.width()) - 1

    def _at_edge(self, x: float) -> bool:
        half = self.width_of_window / 2
        return min(abs(x - self._x(self.centre + side * half)) for side in (-1, 1)) <= GRAB

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        self._held = "width" if self._at_edge(x) else "place"
        inside = abs(self._place(x) - self.centre) <= self.width_of_window / 2
        self._grip = self._place(x) - self.centre if inside else 0.0
        self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._held:
            self._drag(x)
        else:
            edge = self._at_edge(x)
            self.setCursor(Qt.CursorShape.SizeHorCursor if edge else Qt.CursorShape.OpenHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (-STEP, 0.0),
            Qt.Key.Key_Right: (STEP, 0.0),
            Qt.Key.Key_Up: (0.0, STEP),
            Qt.Key.Key_Down: (0.0, -STEP),
        }
        by = moves.get(Qt.Key(event.key()))
        if by is None:
            super().keyPressEvent(event)
        else:
            self._want(self.centre + by[0], self.width_of_window + by[1])

    def _drag(self, x: float) -> None:
        if self._held == "width":
            self._want(self.centre, 2 * abs(self._place(x) - self.centre))
        else:
            self._want(self._place(x) - self._grip, self.width_of_window)

    def _want(self, centre: float, width: float) -> None:
        """The form's fields hold it, within their bounds."""
        if self._form is None:
            return
        for name, value in (("centre", centre), ("width", width)):
            field = self._form.fields[name]
            if isinstance(field, QDoubleSpinBox):
                field.setValue(max(STEP, value) if name == "width" else value)
        self._take_window()
        self.window_moved.emit(self.centre, self.width_of_window)

    # drawn

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        high = self.height() - WORDS
        painter.fillRect(0, 0, self.width(), high, look.colour("raised"))
        left, right = (self._x(self.centre + side * self.width_of_window / 2) for side in (-1, 1))
        window = QRectF(left, 0, max(2.0, right - left), high)
        painter.fillRect(window, look.colour("chosen"))
        found = self.histogram
        if found is not None and found.energy.max() > 0:
            with np.errstate(divide="ignore"):
                level = 10 * np.log10(found.energy / found.energy.max())
            heights = np.clip(1 + level / RANGE, 0, 1) * (high - 4)
            wide = self.width() / len(heights)
            for number, tall in enumerate(heights):
                inside = left <= (number + 0.5) * wide <= right
                bar = QRectF(number * wide, high - tall, max(1.0, wide - 1), tall)
                painter.fillRect(bar, look.colour("accent" if inside else "muted"))
        painter.setPen(QPen(look.colour("text" if self.hasFocus() else "accent"), 1.5))
        for x in (left, right):
            painter.drawLine(QPointF(x, 0), QPointF(x, high))
        painter.setPen(look.colour("muted"))
        below = self.rect().adjusted(2, high, -2, 0)
        for side, word in (("Left", "left"), ("HCenter", "middle"), ("Right", "right")):
            painter.drawText(below, Qt.AlignmentFlag[f"Align{side}"] | Qt.AlignmentFlag.AlignVCenter, word)
