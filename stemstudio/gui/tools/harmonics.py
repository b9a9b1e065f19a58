"""Harmonics: draws a melody's pitch on the sheet; its overtones follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter

from stemstudio.audio.audio import Sound
from stemstudio.gui.document import Document
from stemstudio.gui.notation import cents_text, hertz_words, note_of
from stemstudio.gui.tools.tool import Canvas, Gesture, Option, Tool
from stemstudio.gui.views.melody_marks import MelodyLook, paint_teeth
from stemstudio.project import edits
from stemstudio.spectral.brushes import Box
from stemstudio.spectral.combs import LOBE
from stemstudio.spectral.lines import HIGHEST, LOWEST, PitchLine, Point, redrawn, simplified
from stemstudio.spectral.ridges import pitch_near
from stemstudio.spectral.stft import forward

ERASING = QColor("#ffffff")
PLAIN = QColor("#8fb0ff")
HALF = 9.0  # pixels that the comb at the pointer reaches to either side
NEAR = 9.0  # pixels within which a ridge draws the line to itself
SLOWEST = 60.0  # cents: what the line may snap by, at least


class Harmonics(Tool):
    """Draw the lowest line of a voice or an instrument; right-drag erases, drawing again corrects."""

    name, word, key = "harmonics", "melody", "K"
    title = "Harmonics"
    tip = "Drag along the lowest line of a voice: its overtones follow. Drag again to correct, right-drag to erase; Alt does not snap."
    cursor = Qt.CursorShape.BlankCursor
    draws_melody = True
    paints = True
    options = (
        Option(
            "cents",
            "Width",
            "How wide each overtone is taken, in cents to either side: wider follows vibrato, narrower lets less through",
            5.0,
            300.0,
            lambda value: f"{value:.0f} cents",
            True,
        ),
        Option(
            "partials",
            "Overtones",
            "How many overtones are taken: more keeps the melody bright",
            1.0,
            60.0,
            lambda value: f"{value:.0f}",
            True,
        ),
        Option(
            "strength",
            "Strength",
            "How much of the light moves when it is painted (keys , and .)",
            0.05,
            1.0,
            lambda value: f"{value * 100:.0f} %",
        ),
    )

    def __init__(self) -> None:
        self._line: PitchLine | None = None
        self._erasing: tuple[float, float] | None = None
        self._near: tuple[Sound | None, object, float] = (None, None, 0.0)

    def press(self, gesture: Gesture) -> Iterator[None]:
        if gesture.secondary or gesture.control:
            return self._erase(gesture)
        return self._draw(gesture)

    def _draw(self, gesture: Gesture) -> Iterator[None]:
        canvas, document = gesture.canvas, gesture.document
        state = document.state
        assert state is not None
        before, last = state.melody, None
        path: list[Point] = []
        try:
            while True:
                here = self._snapped(canvas, gesture.seconds, gesture.hertz, free=gesture.alt)
                moved = sorted((here[0], here[0] if last is None else last[0]))
                path, last = redrawn(path, last, here), here
                self._line = before.drawn(simplified(path))
                # Elsewhere the line has at most other points on the way, which nobody sees.
                canvas.update_between(*moved)
                if not gesture.down:
                    break
                yield
            line = self._line
            if line != before:
                document.do(edits.draw_melody(line, f"Draw the melody {path[0][0]:.1f} s"))
            else:
                document.said.emit("Drag along a line to draw its melody.")
        finally:
            self._line = None
            canvas.update()

    def _erase(self, gesture: Gesture) -> Iterator[None]:
        canvas, document = gesture.canvas, gesture.document
        state = document.state
        assert state is not None
        before, start = state.melody, gesture.seconds
        try:
            while True:
                self._erasing = (min(start, gesture.seconds), max(start, gesture.seconds))
                self._line = before.erased(*self._erasing)
                canvas.update()
                if not gesture.down:
                    break
                yield
            if self._line != before:
                document.do(edits.draw_melody(self._line, f"Erase the melody {self._erasing[0]:.1f} s"))
        finally:
            self._line = self._erasing = None

    def reach(self, canvas: Canvas, seconds: float, hertz: float) -> Box:
        side = 2 * HALF * (canvas.viewport.stop - canvas.viewport.start) / max(1, canvas.width())
        place = self._snapped(canvas, seconds, hertz)
        top = place[1] * canvas.toolbox.value("partials") * 2 ** (canvas.toolbox.value("cents") / 1200)
        # Words stand to the right of the pitch.
        return Box(start=seconds - side, stop=seconds + 9 * side, low=place[1] / 1.6, high=top * 1.2)

    def melody(self, canvas: Canvas) -> MelodyLook | None:
        state = canvas.document.state
        if state is None:
            return None
        line = state.melody if self._line is None else self._line
        return MelodyLook(line, _colour(canvas.document).name(), **comb_of(canvas)) if line else None

    def paint_over(self, painter: QPainter, canvas: Canvas) -> None:
        if self._erasing is not None:
            left, right = (canvas.viewport.x_of(seconds, canvas.width()) for seconds in self._erasing)
            veil = QColor(ERASING)
            veil.setAlpha(40)
            painter.fillRect(round(left), 0, max(1, round(right - left)), canvas.height(), veil)

    def paint_cursor(self, painter: QPainter, canvas: Canvas, seconds: float, hertz: float) -> None:
        if canvas.document.state is None:
            return
        view, width, height = canvas.viewport, canvas.width(), canvas.height()
        free = bool(QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.AltModifier)
        place = self._snapped(canvas, seconds, hertz, free=free)
        colour = ERASING if self._erasing is not None else _colour(canvas.document)
        paint_teeth(painter, place, view, width, height, colour, half=HALF, **comb_of(canvas))
        note, cents = note_of(place[1])
        at = QPointF(view.x_of(seconds, width) + 2 * HALF, view.y_of(place[1], height) + 5)
        words = f"{note} {cents_text(cents)}  {hertz_words(place[1])}"
        painter.setPen(QColor(0, 0, 0, 200))
        painter.drawText(at + QPointF(1, 1), words)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(at, words)

    def _snapped(self, canvas: Canvas, seconds: float, hertz: float, free: bool = False) -> Point:
        """The place of the pointer, drawn to the pitch near it whose overtones stand out."""
        hertz = min(max(hertz, LOWEST), HIGHEST)
        state = canvas.document.state
        if free or state is None or not canvas.document.complete:
            return seconds, hertz
        view, height = canvas.viewport, canvas.height()
        y = view.y_of(hertz, height)
        around = 1200 * float(np.log2(max(view.hertz_at(y - NEAR, height), hertz) / hertz))
        grid, rate = state.grid, state.mixture.sample_rate
        frame = min(max(0, round(seconds * rate / grid.hop)), state.frames - 1)
        asked = (grid, frame, hertz, around)
        if state.mixture is self._near[0] and asked == self._near[1]:
            return seconds, self._near[2]  # the drag, the cursor and its reach ask for the same place
        values = forward(state.mixture, grid, first=frame, last=frame + 1).values
        magnitudes = np.sqrt((np.abs(values[:, :, 0]) ** 2).sum(axis=0))
        found = pitch_near(magnitudes, rate / grid.fft, hertz, min(max(around, SLOWEST / 2), 100.0))
        self._near = state.mixture, asked, min(max(found, LOWEST), HIGHEST)
        return seconds, self._near[2]


def comb_of(canvas: Canvas) -> dict[str, Any]:
    """Width, number of overtones and the least height of one, as the tool stands."""
    state, value = canvas.document.state, canvas.toolbox.value
    lobe = 0.0 if state is None else LOBE * state.mixture.sample_rate / state.grid.fft
    return {"cents": value("cents"), "partials": round(value("partials")), "lobe": lobe}


def _colour(document: Document) -> QColor:
    """That of the stem that the melody would be painted to."""
    state = document.state
    if state is None or document.target not in state.stems or not state.splits:
        return PLAIN
    return QColor(state.stems[document.target].colour)
