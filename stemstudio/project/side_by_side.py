"""Side by side: the same stretch of several takes, made ready to be heard at the same level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from stemstudio.audio.audio import Audio, Samples, Sound
from stemstudio.audio.loudness import integrated_lufs
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound, render
from stemstudio.project.splicing import correlation
from stemstudio.project.takes import Take

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


@dataclass(eq=False)
class Entry:
    """Something that is compared.

    Attributes
    ----------
    kind
        The sound that is taken apart, the stems as they are now, or a take.
    take
        The take itself.
    stems
        Its stems over the loop, as soon as they are rendered.
    """

    kind: Literal["original", "now", "take"]
    take: Take | None = None
    stems: Stems | None = None


@dataclass(frozen=True)
class Part:
    """What is heard of an entry.

    Attributes
    ----------
    stem
        The stem that has the role; "" where none has.
    buffer
        Its sound, at the level of the others.
    level
        How loud it was, and what was done to it.
    sdr
        Signal to distortion over the loop in dB, where the true stem is known.
    """

    stem: str
    buffer: Samples
    level: Level
    sdr: float | None = None


@dataclass(frozen=True)
class Ready:
    """What a rendering job answers."""

    state: State
    stems: dict[Entry, Stems]
    parts: dict[Entry, Part]


@dataclass(eq=False)
class Wanted:
    """What a rendering job is asked for; everything it needs, captured."""

    state: State
    stem: int
    start: int
    stop: int
    role: str
    rest: bool
    entries: tuple[Entry, ...]
    held: dict[Entry, Stems] = field(default_factory=dict)
    references: Mapping[str, Sound] = field(default_factory=dict)


def made_ready(wanted: Wanted, progress: Progress) -> Ready:
    """Stems of every entry over the loop, and what of them is heard."""
    stems = dict(wanted.held)
    span = wanted.start, wanted.stop
    missing = [entry for entry in wanted.entries if entry not in stems]
    original = original_of(wanted.state, wanted.stem, *span)
    for place, entry in enumerate(missing):
        part = progress.part(0.9 * place / len(missing), 0.9 * (place + 1) / len(missing))
        if entry.kind == "original":
            stems[entry] = {"original": original}
        else:
            state = entry.take.state if entry.take is not None else wanted.state
            stems[entry] = stems_of(state, wanted.stem, *span, part)
        part(1.0)
    takes = [stems[entry] for entry in wanted.entries if entry.kind == "take"]
    others = [stems[entry] for entry in wanted.entries if entry.kind == "now"]
    example = example_of(wanted.role, [*takes, *others])
    names = [_name(entry, stems[entry], wanted.role, example) for entry in wanted.entries]
    sounds = [
        np.zeros_like(original) if name is None else _heard(entry, stems[entry], name, wanted.rest)
        for entry, name in zip(wanted.entries, names, strict=True)
    ]
    levels: list[float] = []
    for place, sound in enumerate(sounds):
        progress(0.9 + 0.08 * place / len(sounds), "Matching levels")
        levels.append(loudness(sound, wanted.state.mixture.sample_rate))
    truth = _truth(wanted, original)
    parts: dict[Entry, Part] = {}
    for entry, name, sound, level in zip(wanted.entries, names, sounds, level_matched(levels), strict=True):
        buffer = np.ascontiguousarray(sound * np.float32(10 ** (level.gain_db / 20)))
        sdr = None if truth is None or name is None else _sdr(truth, sound)
        parts[entry] = Part(name or "", buffer, level, sdr)
    progress(1.0)
    return Ready(wanted.state, stems, parts)


def _name(entry: Entry, stems: Stems, role: str, example: Samples | None) -> str | None:
    """The stem of an entry that has the role; the original is all there is."""
    if entry.kind == "original":
        return next(iter(stems))
    return stands_for(role, stems, example)


def _heard(entry: Entry, stems: Stems, name: str, rest: bool) -> Samples:
    return heard_as(stems, name, rest=rest and entry.kind != "original")


def _truth(wanted: Wanted, original: Samples) -> Samples | None:
    """The true sound of the role over the loop, where it is known."""
    role = wanted.role.strip().casefold()
    for name, sound in wanted.references.items():
        if name.strip().casefold() == role and sound.channels == original.shape[0]:
            true = sound.read(wanted.start, wanted.stop)
            return original - true if wanted.rest else true
    return None


def _sdr(truth: Samples, sound: Samples) -> float | None:
    """10 log₁₀ |s|² / |s − ŝ|² in dB; None for a silent true stem."""
    power = float(np.square(truth, dtype=np.float64).sum())
    error = float(np.square(truth - sound, dtype=np.float64).sum())
    return None if power <= 0 else float(10 * np.log10(power / max(error, 1e-12 * power)))


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
