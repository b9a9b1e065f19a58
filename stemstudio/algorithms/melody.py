"""Melody-informed: follows a melody's pitch and takes its partials out of the song."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator, model_validator

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.framing import fft_parameter, hop_parameter
from stemstudio.algorithms.pitch import given_pitch, melody_pitch
from stemstudio.audio.audio import Sound, begins_at
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress
from stemstudio.spectral.combs import LOBE, comb
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]

NAMES = ("melody", "accompaniment")
BLOCK = 256  # frames worked on at a time


class Melody(Algorithm):
    """A comb on the partials of one melody, found by itself or given."""

    name: ClassVar[str] = "melody"
    title: ClassVar[str] = "One melody (by its pitch)"
    summary: ClassVar[str] = (
        "Follows a lead voice or instrument by its pitch and takes its overtones with it."
    )
    speed: ClassVar[float] = 80.0

    width: float = parameter(
        40.0,
        "How wide each overtone is taken: wider follows vibrato and slides, narrower lets less of the band through",
        unit="cents",
        ge=5.0,
        le=300.0,
    )
    partials: int = parameter(30, "How many overtones are taken: more keeps the melody bright", ge=1, le=100)
    lowest: float = parameter(80.0, "The lowest note that the melody has", unit="Hz", ge=30.0, le=2000.0)
    highest: float = parameter(1000.0, "The highest note that the melody has", unit="Hz", ge=60.0, le=4000.0)
    track: str = parameter(
        "",
        "The melody, where you know it: “seconds Hz, seconds Hz, …”, with 0 Hz for a rest; empty listens for it",
        advanced=True,
    )
    fft: int = fft_parameter()
    hop: int = hop_parameter()

    @field_validator("track")
    @classmethod
    def _track_reads(cls, text: str) -> str:
        _points(text)
        return text

    @model_validator(mode="after")
    def _fields_fit(self) -> Melody:
        StftSettings(fft=self.fft, hop=self.hop)
        if self.highest < 1.1 * self.lowest:
            raise ValueError(
                f"the highest note, {self.highest:g} Hz, must lie above the lowest, {self.lowest:g} Hz"
            )
        return self

    @property
    def grid(self) -> StftSettings:
        """The STFT settings that the masks are made on."""
        return StftSettings(fft=self.fft, hop=self.hop)

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The given melody as (seconds, Hz), in order; empty where it is to be found."""
        return _points(self.track)

    def pitch(self, signal: Sound, progress: Progress) -> Float:
        """The melody's pitch in each frame of the grid, in Hz, 0 where it rests: float32 (frames,)."""
        if self.track.strip():
            frames = self.grid.frames(signal.length)
            start = begins_at(signal)
            points = [(second - start, hertz) for second, hertz in self.points]
            return given_pitch(points, frames, self.hop / signal.sample_rate)
        # A pitch above what the samples can hold is no pitch.
        high = min(self.highest, signal.sample_rate / 4)
        low = min(self.lowest, high / 1.1)
        return melody_pitch(signal, self.hop, low=low, high=high, progress=progress)

    def run(self, signal: Sound, progress: Progress) -> Masks:
        """Masks of the melody and of everything else."""
        progress(0.0, "listening for the melody")
        grid, frames = self.grid, self.grid.frames(signal.length)
        pitch = self.pitch(signal, progress.part(0.0, 0.9))
        values = scratch((2, frames, grid.bins), np.float16)
        hertz = np.arange(grid.bins, dtype=np.float32) * np.float32(signal.sample_rate / grid.fft)
        lobe = LOBE * signal.sample_rate / grid.fft
        for first in range(0, frames, BLOCK):
            last = min(frames, first + BLOCK)
            mask = comb(pitch[first:last], hertz, self.width, self.partials, lobe)
            values[0, first:last] = mask
            values[1, first:last] = 1 - mask
            progress(0.9 + 0.1 * last / frames, "taking its overtones")
        progress(1.0)
        return Masks(NAMES, grid, values.transpose(0, 2, 1))


def _points(text: str) -> tuple[tuple[float, float], ...]:
    """(seconds, Hz) from text; ValueError says what is wrong."""
    points: list[tuple[float, float]] = []
    for piece in filter(None, (each.strip() for each in re.split(r"[,;\n]", text))):
        try:
            seconds, hertz = (float(number) for number in piece.split())
        except ValueError:
            raise ValueError(
                f"“{piece}” is not a time in seconds and a pitch in Hz, such as “1.5 440”"
            ) from None
        if not (0 <= seconds < 1e6 and (hertz == 0 or 10 <= hertz <= 20_000)):
            raise ValueError(f"“{piece}” is no time and pitch that a melody can have")
        if points and seconds <= points[-1][0]:
            raise ValueError(f"the melody goes back in time at “{piece}”")
        points.append((seconds, hertz))
    if len(points) == 1:
        raise ValueError("a melody has at least two points")
    return tuple(points)
