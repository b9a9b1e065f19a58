"""Small projects for tests of the window: a song of noise, split into stems, or into atoms with known spectra."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.estimates import Estimates, Waveforms
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Audio, Sound
from stemstudio.gui.document import Document
from stemstudio.mixing.output import DeviceChoice
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings

RATE = 44100
GRID = StftSettings(fft=2048, hop=512)


class Slicer(Algorithm):
    """A recipe that takes nothing apart."""

    name = "slicer"
    title = "Slicer"
    summary = "Cuts the song."

    pieces: int = parameter(4, "How many pieces.", ge=1, le=9)

    def run(self, signal: Sound, progress: Progress) -> Estimates:
        return waveforms([f"piece {n}" for n in range(self.pieces)], signal.length)


def waveforms(names: list[str], length: int) -> Waveforms:
    return Waveforms(names, np.zeros((len(names), 2, length), dtype=np.float32))


def song(seconds: float = 4.0) -> Document:
    """A document with a song that was not split yet."""
    document = Document()
    noise = np.random.default_rng(0).standard_normal((2, int(seconds * RATE))).astype(np.float32) * 0.1
    project = Project(Audio(noise, RATE), SongReference("song.wav", "", "Lithium"), StftSettings())
    document.set_project(project)
    document.set_reading(noise.shape[1], True)
    return document


def split_song(names: tuple[str, ...] = ("vocals", "drums", "bass", "other")) -> Document:
    """A song in four stems and the residual."""
    document = song()
    length = document.state.mixture.length
    document.do(edits.split(document.project, 0, Slicer(), waveforms(list(names), length), name="Slicer"))
    return document


def stem_called(document: Document, name: str) -> int:
    return next(stem.id for stem in document.state.stems.values() if stem.name == name)


def harmonic_atoms(pitches: list[float], frames: int, loud: list[float] | None = None) -> Factorization:
    """One atom a pitch: a harmonic comb in W, a burst of its own in H."""
    hertz = np.arange(GRID.bins) * RATE / GRID.fft
    W = np.full((GRID.bins, len(pitches)), 1e-6, dtype=np.float32)
    H = np.full((len(pitches), frames), 1e-6, dtype=np.float32)
    for atom, pitch in enumerate(pitches):
        for partial in range(1, 8):
            W[:, atom] += np.exp(-(((hertz - partial * pitch) / 25.0) ** 2)) / partial
        W[:, atom] /= W[:, atom].sum()
        begin = atom * frames // len(pitches)
        ramp = np.linspace(1.0, 0.0, frames // 2, dtype=np.float32)[: frames - begin]
        H[atom, begin : begin + len(ramp)] += ramp * (1.0 if loud is None else loud[atom])
    return Factorization(W, H, GRID)


def atom_song(
    pitches: tuple[float, ...] = (110.0, 880.0, 220.0, 440.0), stems: tuple[str, ...] = ("low", "high")
) -> Document:
    """A song in atoms; the first belongs to the first stem, the second to the second, all others to the residual."""
    document = song()
    frames = GRID.frames(document.state.mixture.length)
    owners = [n if n < len(stems) else None for n in range(len(pitches))]
    atoms = harmonic_atoms(list(pitches), frames)
    document.do(edits.split(document.project, 0, Slicer(), atoms, stems=stems, owners=owners, name="Atoms"))
    return document


class StandInPlayer(QObject):
    """Keeps what it was told, and makes no sound."""

    state_changed = Signal()
    device_lost = Signal(str)
    finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.playing = False
        self.silent = False
        self.device = None
        self.device_note = ""
        self.held_by = ""
        self.source = "stems"
        self.loop: tuple[int, int] | None = None
        self.position = 0
        self.master = 1.0
        self.opened: tuple[Any, str] | None = None
        self.levels = SimpleNamespace(
            stem_peak=np.zeros((0, 2)),
            stem_rms=np.zeros((0, 2)),
            master_peak=np.zeros(2),
            master_rms=np.zeros(2),
            null_db=None,
            null_applies=True,
            true_peak=0.0,
            momentary=-np.inf,
            short=-np.inf,
            integrated=-np.inf,
            correlation=0.0,
        )

    def meters(self) -> Any:
        return self.levels

    def forget_loudness(self) -> None:
        self.forgot = True

    def devices(self) -> list[DeviceChoice]:
        return [
            DeviceChoice("a", "Headphones", 0, 2, 44100.0, True),
            DeviceChoice("b", "Studio monitors", 1, 2, 44100.0, False),
        ]

    def open(self, device: Any = None, latency: str = "normal") -> None:
        self.opened = (device, latency)

    def toggle(self) -> None:
        self.playing = not self.playing
        self.state_changed.emit()

    def seek(self, sample: int) -> None:
        self.position = sample

    def set_master(self, gain: float) -> None:
        self.master = gain

    def set_source(self, source: str) -> None:
        self.source = source
        self.state_changed.emit()

    def end_audition(self) -> None:
        self.set_source("stems")

    def set_loop(self, start: int, stop: int) -> tuple[int, int]:
        self.loop = (start, stop)
        self.state_changed.emit()
        return self.loop

    def clear_loop(self) -> None:
        self.loop = None
        self.state_changed.emit()
