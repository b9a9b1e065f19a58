"""ReadOut: what is under the pointer, in words: time · Hz, note ±cents · dB · owner and its share."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from stemstudio.gui.document import Document
from stemstudio.gui.light import Light
from stemstudio.gui.notation import cents_text, hertz_words, level_text, note_of, time_text
from stemstudio.gui.pyramid import level_db
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.showing import levels, net_mask


class ReadOut(QObject):
    """Words for a place of the sheet; who owns it is looked up in the background, the latest place only.

    Signals
    -------
    said(words)
        "" where there is nothing.
    """

    said = Signal(str)

    def __init__(self, document: Document, light: Light, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.words = ""
        self._document, self._light = document, light
        self._busy = False
        self._wanted: tuple[float, float] | None = None

    def point(self, seconds: float, hertz: float) -> None:
        """The pointer is here."""
        self._wanted = (seconds, hertz)
        if not self._busy:
            self._look_up()

    def leave(self) -> None:
        """The pointer is elsewhere."""
        self._wanted = None
        self._say("")

    def _look_up(self) -> None:
        state, wanted = self._document.state, self._wanted
        if state is None or wanted is None:
            return
        grid, rate = state.grid, state.mixture.sample_rate
        frame, number = round(wanted[0] * rate / grid.hop), round(wanted[1] * grid.fft / rate)
        note, cents = note_of(wanted[1])
        words = f"{time_text(wanted[0], 2)} · {hertz_words(wanted[1])} {note} {cents_text(cents)}"
        sheet = self._light.sheet
        level = 0 if sheet is None else sheet.cell(number, frame) >> 8
        inside = 0 <= frame < state.frames and 0 <= number < grid.bins
        if not level or not inside:
            self._say(words)
            return
        words = f"{words} · {level_text(level_db(level))}"
        if len(state.leaves()) == 1:
            self._say(words)
            return
        self._busy = True
        self._document.jobs.run(
            "Reading a bin",
            lambda progress: (wanted, words, owner_words(state, frame, number, progress)),
            self._found,
            failed=self._failed,
            stopped=self._stopped,
            heavy=False,
        )

    def _found(self, result: tuple[tuple[float, float], str, str]) -> None:
        self._busy = False
        wanted, words, owner = result
        if self._wanted is None:
            return
        self._say(f"{words} · {owner}" if owner else words)
        if wanted != self._wanted:
            self._look_up()

    def _failed(self, error: Exception) -> None:
        self._busy = False
        raise error

    def _stopped(self) -> None:
        self._busy = False

    def _say(self, words: str) -> None:
        if words != self.words:
            self.words = words
            self.said.emit(words)


def owner_words(state: State, frame: int, number: int, _progress: Progress) -> str:
    """The stem with the largest share of a bin: "vocals 82 %"."""
    leaves = state.leaves()
    cache: dict[int, np.ndarray] = {}
    shares = [net_mask(state, leaf.id, frame, frame + 1, cache) for leaf in leaves]
    known = [share[number, 0] for share in shares if share is not None]
    if len(known) < len(leaves):
        known = list(levels(state, [leaf.id for leaf in leaves], frame, frame + 1)[:, number, 0])
    total = float(np.sum(known))
    if total <= 0:
        return ""
    best = int(np.argmax(known))
    return f"{leaves[best].name} {100 * float(known[best]) / total:.0f} %"
