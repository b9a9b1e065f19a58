"""Side by side: the same stretch of several takes, made ready to be heard at the same level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stemstudio.audio.audio import Audio, Samples
from stemstudio.audio.loudness import integrated_lufs
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound, render
from stemstudio.project.splicing import correlation

LONGEST = 30.0  # seconds of a stretch that is held in memory
STEP = 5.0  # seconds rendered at a time, so that it can be stopped
ALIKE = 0.3  # correlation from which on a stem of another name stands for one
FAR_BELOW = 24.0  # dB below the loudest from which on a take does not set the level of the others
SILENT = -90.0  # dB

Stems = Mapping[str, Samples]


@dataclass(frozen=True)
class Level:
    """How loud something is, and by how many dB it was brought to the level of the others."""

    decibels: float
    gain_db: float

    @property
    def silent(self) -> bool:
        return self.decibels <= SILENT


def stems_of(state: State, stem: int, start: int, stop: int, progress: Progress) -> dict[str, Samples]:
    """The leaves below a stem over samples [start, stop), by name; a stem that is not split is alone."""
    leaves = state.leaves(stem)
    names = {leaf.id: leaf.name for leaf in leaves}
    channels = state.mixture.channels
    sounds = {name: np.empty((channels, stop - start), dtype=np.float32) for name in names.values()}
    step = max(1, int(STEP * state.mixture.sample_rate))
    for low in range(start, stop, step):
        progress((low - start) / max(1, stop - start), "Rendering")
        high = min(stop, low + step)
        for number, samples in render(state, names, low, high).items():
            sounds[names[number]][:, low - start : high - start] = samples
    progress(1.0)
    return sounds


def original_of(state: State, stem: int, start: int, stop: int) -> Samples:
    """What was taken apart: samples [start, stop) of the stem itself."""
    return StemSound(state, stem).read(start, stop)


def stands_for(role: str, stems: Stems, example: Samples | None) -> str | None:
    """Name of the stem that has a role: the one of that name, else the one most like the example; None without."""
    wanted = role.strip().casefold()
    for name in stems:
        if name.strip().casefold() == wanted:
            return name
    if example is None or not stems:
        return None
    likeness = correlation([example], list(stems.values()))[0]
    best = int(likeness.argmax())
    return list(stems)[best] if likeness[best] >= ALIKE else None


def example_of(role: str, takes: Sequence[Stems]) -> Samples | None:
    """The sound that a role stands for: that of the first take that has a stem of its name."""
    for stems in takes:
        name = stands_for(role, stems, None)
        if name is not None:
            return stems[name]
    return None


def heard_as(stems: Stems, name: str, *, rest: bool = False) -> Samples:
    """A stem, or everything but that stem."""
    if not rest:
        return stems[name]
    others = [samples for other, samples in stems.items() if other != name]
    total = np.zeros_like(stems[name])
    for samples in others:
        total += samples
    return total


def loudness(samples: Samples, sample_rate: int) -> float:
    """In LUFS; for what is shorter than 0.4 s or below the gate, the level in dB of its power."""
    lufs = integrated_lufs(Audio(samples, sample_rate))
    if math.isfinite(lufs):
        return lufs
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    return max(10 * math.log10(power), -200.0) if power > 0 else -200.0


def level_matched(decibels: Sequence[float]) -> list[Level]:
    """Bring everything down to the quietest; what is silent or far below the loudest is left as it is."""
    loudest = max(decibels, default=SILENT)
    counted = [value for value in decibels if value > max(SILENT, loudest - FAR_BELOW)]
    target = min(counted, default=SILENT)
    return [Level(value, min(0.0, target - value) if value > SILENT else 0.0) for value in decibels]
