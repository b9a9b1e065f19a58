"""Peaks: lowest and highest sample of every stretch of the song, for drawing waveforms; filled as samples come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from stemstudio.gui.document import Document
from stemstudio.progress import Progress
from stemstudio.project.project import Change, State

SAMPLES = 512  # that one peak stands for
PIECE = SAMPLES * 4096  # samples that are looked through in one go


class Peaks(QObject):
    """Peaks of the mixture, all channels together.

    Attributes
    ----------
    low, high
        float32 (stretches,); 0 where the song has not been read yet.

    Signals
    -------
    filled()
        More of them are there.
    """

    filled = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent or document)
        self.low = self.high = np.zeros(0, dtype=np.float32)
        self._document = document
        self._generation = 0
        self._done = 0
        self._busy = False
        document.opened.connect(self._restart)
        document.changed.connect(self._changed)
        document.samples_ready.connect(self._run)
        document.reading_changed.connect(self._run)
        self._restart()

    def _restart(self) -> None:
        self._generation += 1
        self._done, self._busy = 0, False
        self._fit(0)
        self.filled.emit()
        self._run()

    def _changed(self, change: Change) -> None:
        if "song" in change.kinds:
            self._fit(self._done // SAMPLES)

    def _fit(self, kept: int) -> None:
        state = self._document.state
        count = 0 if state is None else -(-state.mixture.length // SAMPLES)
        low, high = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
        kept = min(kept, count, len(self.low))
        low[:kept], high[:kept] = self.low[:kept], self.high[:kept]
        self.low, self.high = low, high

    def _run(self, *_: object) -> None:
        state, document = self._document.state, self._document
        if self._busy or state is None:
            return
        stop = min(document.ready_samples, state.mixture.length, self._done + PIECE)
        if stop < state.mixture.length:
            stop = stop // SAMPLES * SAMPLES
        if stop <= self._done:
            return
        self._busy = True
        start, generation = self._done, self._generation
        document.jobs.run(
            "Drawing the waveform",
            lambda progress: (generation, start, stop, peaks_of(state, start, stop, progress)),
            self._made,
            failed=self._failed,
            heavy=False,
        )

    def _made(self, result: tuple[int, int, int, NDArray[np.float32]]) -> None:
        generation, start, stop, made = result
        if generation != self._generation:
            return
        self._busy, self._done = False, stop
        first = start // SAMPLES
        count = min(made.shape[1], len(self.low) - first)
        self.low[first : first + count], self.high[first : first + count] = made[:, :count]
        self._run()
        self.filled.emit()

    def _failed(self, error: Exception) -> None:
        self._busy = False
        raise error


def peaks_of(state: State, start: int, stop: int, progress: Progress) -> NDArray[np.float32]:
    """Lowest and highest sample of every 512 samples from `start` to `stop`: float32 (2, stretches)."""
    progress.check()
    samples = state.mixture.read(start, start + -(-(stop - start) // SAMPLES) * SAMPLES)
    pieces = samples.reshape(samples.shape[0], -1, SAMPLES)
    return np.stack([pieces.min(axis=(0, 2)), pieces.max(axis=(0, 2))])
