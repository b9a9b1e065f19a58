"""Finding a melody: listens to a stem in the background, and draws what it hears as a line that can be corrected."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.pitch import melody_pitch
from stemstudio.audio.audio import Audio
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.gui.notation import hertz_words
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.lines import PitchLine, line_of_pitch

HOP = 1024 / 44100  # seconds between two looks at the pitch
LOW, HIGH = 80.0, 1000.0  # Hz that a melody has where no selection says otherwise
AROUND = 0.1  # seconds of sound before and after a selection that its ends need
READ = 1 << 20  # samples read between two looks at whether to go on


class MelodyFinding(QObject):
    """Draws the melody of a stem, of the selected time and pitches where something is selected.

    Signals
    -------
    failed(error)
        To be shown.
    """

    failed = Signal(object)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document

    def find(self, stem: int) -> Job | None:
        """Listen to a stem, the whole song for 0; what is found replaces what was drawn there."""
        document = self._document
        state, project = document.state, document.project
        if state is None or project is None or stem not in state.stems:
            return None
        if not document.complete:
            document.said.emit("The song is still being read; its melody can be found in a moment.")
            return None
        sound, name = StemSound(state, stem), state.stems[stem].name
        start, stop, low, high = self._range()
        rate = sound.sample_rate
        hop = max(16, round(HOP * rate))
        first = max(0, round((start - AROUND) * rate))
        last = min(sound.length, round((stop + AROUND) * rate))

        def work(progress: Progress) -> PitchLine:
            pieces = []
            for at in range(first, last, READ):
                progress(0.1 * (at - first) / max(1, last - first), "listening")
                pieces.append(sound.read(at, min(last, at + READ)).mean(axis=0, keepdims=True))
            heard = Audio(np.concatenate(pieces, axis=1), rate)
            top = min(high, rate / 4)
            pitch = melody_pitch(
                heard, hop, low=min(low, top / 1.2), high=top, progress=progress.part(0.1, 1.0)
            )
            seconds = (first + hop * np.arange(len(pitch))) / rate
            return line_of_pitch(seconds, pitch).within(start, stop)

        def done(found: PitchLine) -> None:
            if document.project is not project:
                return
            if not found:
                words = f"No melody was found between {hertz_words(low)} and {hertz_words(high)}."
                document.said.emit(f"{words} Select a box around it with R, and let it be found again.")
                return
            before = project.state.melody
            words = "Find the melody" if stem == MIXTURE else f"Find the melody of {name}"
            document.do(edits.draw_melody(before.replaced(start, stop, found), words))

        def failed(error: Exception) -> None:
            if document.project is project:
                self.failed.emit(error)

        title = f"Melody · {name}"

        def stopped() -> None:
            if document.project is project:
                document.said.emit(f"Stopped {title}; nothing was changed.")

        return document.stop_with_song(document.jobs.run(title, work, done, failed=failed, stopped=stopped))

    def _range(self) -> tuple[float, float, float, float]:
        """Seconds and Hz in which the melody is looked for."""
        bounds, viewport = self._document.selection.bounds, self._document.viewport
        if bounds is None or bounds.stop - bounds.start < AROUND:
            return 0.0, self._document.duration, LOW, HIGH
        low, high = (
            (bounds.low, bounds.high) if bounds.low > 1 or bounds.high < viewport.nyquist else (LOW, HIGH)
        )
        low = max(low, 30.0)
        return bounds.start, bounds.stop, low, max(high, 1.2 * low)
