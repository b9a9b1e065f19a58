"""Starts that know something: harmonic templates over a pitch range, and a score's notes.

What must not be explained by an atom is zero at the start, and zeros stay zeros: a note's template is zero between its
harmonics, its activation zero where the score is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.score import Note, hertz, note_name
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
Flags = NDArray[np.bool_]

HARMONICS = 30
DECAY = 0.8  # of one partial's amplitude to the next's
HALF_WIDTH = 0.5  # semitones either side of a harmonic that its template covers
LOBE = 2.0  # bins either side that a partial fills because of the window
STROKE = 0.25  # seconds that a stroke of unknown length may sound


@dataclass(frozen=True)
class Start:
    """Where a factorisation starts, and what of it stays as it is.

    Attributes
    ----------
    templates, activations
        W (bins, atoms) and H (atoms, frames), float32, ≥ 0.
    fixed_templates, fixed_activations
        bool (atoms,): given and fixed; otherwise given, or random, and updated.
    names
        Of the atoms; None for numbers.
    pans
        q (channels, atoms), columns summing to 1, where they are known; H is then about the sum of the channels, not
        their mean.
    """

    templates: Float
    activations: Float
    fixed_templates: Flags
    fixed_activations: Flags
    names: tuple[str, ...] | None = None
    pans: Float | None = None

    @classmethod
    def free(cls, templates: Float, activations: Float) -> Start:
        """Every atom updated."""
        none = np.zeros(templates.shape[1], dtype=np.bool_)
        return cls(templates, activations, none, none)

    def beside(self, other: Start) -> Start:
        """The atoms of both, the other's after these; the other's are called “Free 1” … if they have no names."""
        free = tuple(f"Free {number + 1}" for number in range(other.templates.shape[1]))
        own = tuple(f"Atom {number + 1}" for number in range(self.templates.shape[1]))
        return Start(
            np.concatenate([self.templates, other.templates], axis=1),
            np.concatenate([self.activations, other.activations]),
            np.concatenate([self.fixed_templates, other.fixed_templates]),
            np.concatenate([self.fixed_activations, other.fixed_activations]),
            (self.names or own) + (other.names or free),
        )


def harmonic_template(
    pitch: float, grid: StftSettings, sample_rate: int, exponent: float = 1.0, decay: float = DECAY
) -> Float:
    """A comb with decaying partials: float32 (bins,), summing to 1, zero between the harmonics.

    Partial n has the amplitude decay^(n−1) and a Gaussian shape of the window's width, cut half a semitone away; so
    does a string or a voice that is a little out of tune. A pitch above half the sample rate has no template: zeros.
    """
    frequencies = np.arange(grid.bins) * (sample_rate / grid.fft)
    spacing = sample_rate / grid.fft
    template = np.zeros(grid.bins)
    fundamental = hertz(pitch)
    for number in range(1, HARMONICS + 1):
        centre = number * fundamental
        if centre >= sample_rate / 2:
            break
        reach = max(LOBE * spacing, centre * (2 ** (HALF_WIDTH / 12) - 1))
        distance = np.abs(frequencies - centre)
        partial = decay ** (number - 1) * np.exp(-0.5 * (distance / (0.5 * reach)) ** 2)
        np.maximum(template, np.where(distance <= reach, partial, 0.0), out=template)
    total = float((template**exponent).sum())
    result: Float = (template**exponent / total if total > 0 else template).astype(np.float32)
    return result


def harmonic_start(
    V: Float, grid: StftSettings, sample_rate: int, low: int, high: int, exponent: float = 1.0
) -> Start:
    """An atom a semitone from MIDI pitch `low` to `high`, heard all the time at first."""
    pitches = range(low, high + 1)
    W = np.stack([harmonic_template(pitch, grid, sample_rate, exponent) for pitch in pitches], axis=1)
    H = np.repeat(_loudness(V)[None] / np.float32(len(pitches)), len(pitches), axis=0)
    none = np.zeros(len(pitches), dtype=np.bool_)
    return Start(W, H, none, none, tuple(note_name(pitch) for pitch in pitches))


def score_start(
    V: Float,
    notes: Sequence[Note],
    grid: StftSettings,
    sample_rate: int,
    *,
    tolerance: float = 0.1,
    onsets: bool = False,
    exponent: float = 1.0,
) -> Start:
    """An atom a note name, with activations that are zero where the score is silent.

    Parameters
    ----------
    V
        float32 (bins, frames).
    notes
        The score; notes of one label share an atom.
    tolerance
        Seconds by which a note may sound before its start and after its end in the score.
    onsets
        Whether every pitched atom gets a second one for its attack: any spectrum, sounding only around onsets.
    exponent
        Of V.

    References
    ----------
    Ewert & Müller 2012, "Using score-informed constraints for NMF-based source separation".
    """
    frames = V.shape[1]
    loudness = _loudness(V)
    labels = list(dict.fromkeys(note.label for note in sorted(notes, key=_by_pitch)))
    columns, rows, names = [], [], []
    for label in labels:
        mine = [note for note in notes if note.label == label]
        pitched = [note.pitch for note in mine if note.pitch is not None]
        ends = [note.end if note.end > note.start else note.start + STROKE for note in mine]
        starts = [note.start for note in mine]
        sounding = active_frames(starts, ends, tolerance, grid, sample_rate, frames)
        if pitched:
            template = harmonic_template(float(np.median(pitched)), grid, sample_rate, exponent)
        else:
            template = _mean_spectrum(V, active_frames(starts, starts, 0.05, grid, sample_rate, frames))
        columns.append(template)
        rows.append(sounding)
        names.append(label)
        if onsets and pitched:
            around = active_frames(starts, starts, tolerance, grid, sample_rate, frames)
            columns.append(_mean_spectrum(V, around))
            rows.append(around)
            names.append(f"{label} attack")
    W = np.stack(columns, axis=1)
    active = np.stack(rows)
    H = active * (loudness / np.maximum(active.sum(axis=0), 1)).astype(np.float32)
    none = np.zeros(len(names), dtype=np.bool_)
    return Start(W, H.astype(np.float32), none, none, tuple(names))


def active_frames(
    starts: Sequence[float],
    ends: Sequence[float],
    tolerance: float,
    grid: StftSettings,
    sample_rate: int,
    frames: int,
) -> Flags:
    """Frames centred within `tolerance` seconds of any of the stretches, and at least the nearest: bool (frames,)."""
    active = np.zeros(frames, dtype=np.bool_)
    rate = sample_rate / grid.hop
    for start, end in zip(starts, ends, strict=True):
        first = int(np.ceil((start - tolerance) * rate))
        last = int(np.floor((end + tolerance) * rate)) + 1
        if last <= first:
            first = round(start * rate)
            last = first + 1
        active[max(0, first) : max(0, last)] = True
    return active


def _by_pitch(note: Note) -> tuple[bool, float, str]:
    return note.pitch is not None, note.pitch or 0.0, note.label


def _loudness(V: Float) -> Float:
    loudness: Float = np.asarray(V.sum(axis=0), dtype=np.float32)
    return loudness


def _mean_spectrum(V: Float, frames: Flags) -> Float:
    """Mean of some frames, summing to 1 and nowhere zero where the song is not; flat for silence."""
    where = np.flatnonzero(frames)
    total = V[:, where].sum(axis=1, dtype=np.float64) if where.size else np.zeros(V.shape[0])
    total = total + 1e-6 * total.mean()
    size = float(total.sum())
    mean: Float = (total / size if size > 0 else np.full(V.shape[0], 1.0 / V.shape[0])).astype(np.float32)
    return mean
