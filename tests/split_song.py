"""A short song of two known stems, and the window's parts around it: for tests that drive the sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates, Masks
from stemstudio.audio.audio import Audio
from stemstudio.gui.document import Document
from stemstudio.gui.light import Light
from stemstudio.gui.peaks import Peaks
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.gui.views.sheet import Sheet
from stemstudio.gui.views.spectrogram import SpectrogramView
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings

RATE = 44100
CROSSING = 1000.0  # Hz; below it all light is the bass's, above it the lead's


class Known(Algorithm):
    """Stands for a separator whose answer is known."""

    name = "known"
    title = "Known stems"
    summary = "For tests."

    def run(self, signal: object, progress: Progress) -> Estimates:
        raise NotImplementedError


class Atoms(Masks):
    """Two atoms: the light below 1 kHz and that above."""

    kind = "atoms"
    atoms = True


def two_tones(seconds: float = 8.0) -> Audio:
    """220 Hz on both sides, 3520 Hz on the left alone, a whisper of noise."""
    time = np.arange(int(seconds * RATE)) / RATE
    low, high = 0.5 * np.sin(2 * np.pi * 220 * time), 0.25 * np.sin(2 * np.pi * 3520 * time)
    noise = 1e-3 * np.random.default_rng(3).standard_normal((2, len(time)))
    return Audio((np.stack([low + high, low]) + noise).astype(np.float32), RATE)


def song(seconds: float = 8.0) -> Project:
    """The two tones, not split yet."""
    return Project(two_tones(seconds), SongReference("tones.wav", "0" * 64, "Tones"), StftSettings())


def split_song(seconds: float = 8.0, *, atoms: bool = False) -> Project:
    """The two tones with a stem "bass" below 1 kHz and a stem "lead" above."""
    project = song(seconds)
    grid, frames = project.state.grid, project.state.frames
    below = np.arange(grid.bins) * RATE / grid.fft < CROSSING
    masks = np.stack([below, ~below]).astype(np.float16)[:, :, None].repeat(frames, axis=2)
    estimates = (Atoms if atoms else Masks)(["bass", "lead"], grid, masks)
    edits.split(project, 0, Known(), estimates, stems=["bass", "lead"], owners=[0, 1]).do(project)
    return project


@dataclass
class Stage:
    """A document and everything that shows it."""

    document: Document
    light: Light
    toolbox: ToolBox
    playhead: Playhead
    sheet: Sheet

    @property
    def view(self) -> SpectrogramView:
        return self.sheet.spectrogram

    def stem(self, name: str) -> int:
        assert self.document.state is not None
        return next(stem.id for stem in self.document.state.stems.values() if stem.name == name)

    def at(self, seconds: float, hertz: float) -> QPoint:
        """The pixel of the spectrogram that shows a place."""
        viewport, view = self.document.viewport, self.view
        return QPoint(round(viewport.x_of(seconds, view.width())), round(viewport.y_of(hertz, view.height())))

    def drag(
        self,
        start: tuple[float, float],
        stop: tuple[float, float],
        *,
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        release: bool = True,
    ) -> None:
        """Press at one place, move to another, let go."""
        a, b = self.at(*start), self.at(*stop)
        QTest.mouseMove(self.view, a)
        QTest.mousePress(self.view, button, keys, a)
        for step in range(1, 11):
            QTest.mouseMove(self.view, a + (b - a) * step / 10)
        if release:
            QTest.mouseRelease(self.view, button, keys, b)

    def owner_at(self, seconds: float, hertz: float) -> int | None:
        """Id of the stem whose light the sheet shows at a place."""
        state = self.document.state
        assert state is not None
        frame = round(seconds * state.mixture.sample_rate / state.grid.hop)
        return self.owner(round(hertz * state.grid.fft / state.mixture.sample_rate), frame)

    def owner(self, number: int, frame: int) -> int | None:
        """Id of the stem whose light a cell of the sheet shows."""
        return self.stem_in(self.light.sheet.cell(number, frame) & 31)

    def stem_in(self, slot: int) -> int | None:
        """Id of the stem that cells call `slot`."""
        return next((stem for stem, number in self.light.slots.items() if number == slot), None)

    def colour(self, seconds: float, hertz: float) -> tuple[int, int, int]:
        """What is on screen there."""
        place = self.at(seconds, hertz)
        pixel = self.view.grab().toImage().pixelColor(place)
        return pixel.red(), pixel.green(), pixel.blue()


def stage(qtbot: object, project: Project | None, wait: Callable[..., None]) -> Stage:
    """A shown sheet with a song on it, all of it drawn."""
    document = Document()
    light, toolbox = Light(document), ToolBox(document)
    playhead = Playhead(document)
    sheet = Sheet(document, light, Peaks(document), toolbox, playhead)
    sheet.resize(900, 520)
    qtbot.addWidget(sheet)  # type: ignore[attr-defined]
    sheet.show()
    made = Stage(document, light, toolbox, playhead, sheet)
    if project is not None:
        document.set_project(project)
        document.set_reading(project.state.mixture.length, True)
        wait(lambda: light.idle, timeout=10_000)
    return made
