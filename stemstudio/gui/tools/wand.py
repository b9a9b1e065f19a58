"""Magic wand: selects the sound under the pointer as far as it is about as loud; dragging says how far."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from stemstudio.gui.tools.selecting import GIVING, how_of, selection_words
from stemstudio.gui.tools.tool import Gesture, Tool
from stemstudio.project.project import State
from stemstudio.spectral.brushes import box_around
from stemstudio.spectral.outlines import REACH, Wand
from stemstudio.spectral.stft import forward

TOLERANCE = 12.0  # dB that a click allows
A_PIXEL = 0.15  # dB that a drag of a pixel adds, upwards or to the right
WIDEST = 80.0  # dB
FLOOR = 1e-9
NEAR = 3  # bins beside the pointer


class MagicWand(Tool):
    """Click a note, a line or a hit; drag to take more or less of what is around it."""

    name, word, key = "wand", "wand", "W"
    title = "Magic wand"
    tip = "Click a line or a hit: it is selected as far as it hangs together. Drag up or right for more, down or left for less. Return gives it to a stem."
    cursor = Qt.CursorShape.CrossCursor
    options = GIVING
    gives_selection = True

    def press(self, gesture: Gesture) -> Iterator[None]:
        document, state = gesture.document, gesture.document.state
        assert state is not None
        before, how, began = document.selection, how_of(gesture), gesture.point
        hop = state.grid.hop / state.mixture.sample_rate
        spacing = state.mixture.sample_rate / state.grid.fft
        wand = wand_at(state, gesture.seconds, gesture.hertz)
        tolerance = TOLERANCE
        finished = False
        try:
            while True:
                moved = gesture.point - began
                tolerance = min(max(0.0, TOLERANCE + A_PIXEL * (moved.x() - moved.y())), WIDEST)
                outline = wand.outline(tolerance, hop, spacing)
                document.set_selection(before.combined(how, box_around(outline), outline))
                if not gesture.down:
                    break
                yield
            finished = True
            document.said.emit(f"{selection_words(document.selection)} · within {tolerance:.0f} dB")
        finally:
            if not finished:
                document.set_selection(before)


def wand_at(state: State, seconds: float, hertz: float) -> Wand:
    """A wand at the loudest bin near a place: nobody hits the middle of a line exactly."""
    grid, rate = state.grid, state.mixture.sample_rate

    def levels(first: int, last: int) -> NDArray[np.floating]:
        values = forward(state.mixture, grid, first=first, last=last).values
        power = (values.real**2 + values.imag**2).mean(axis=0)
        found: NDArray[np.floating] = 10 * np.log10(power + FLOOR)
        return found

    frame = min(max(0, round(seconds * rate / grid.hop)), state.frames - 1)
    number = min(max(0, round(hertz * grid.fft / rate)), grid.bins - 1)
    first = max(0, number - NEAR)
    number = first + int(levels(frame, frame + 1)[first : number + NEAR + 1, 0].argmax())
    return Wand(levels, state.frames, frame, number, max(1, round(REACH * rate / grid.hop)))
