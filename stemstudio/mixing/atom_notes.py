"""Atoms as notes: where each activation begins and ends, how hard it is struck, and at which pitch, as a MIDI file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.general_midi import DRUM_CHANNEL
from stemstudio.algorithms.nmf.score import pitch_of
from stemstudio.algorithms.timbre import pitch_of as template_pitch
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.project.project import State
from stemstudio.project.stem import Split

Float = NDArray[np.float32]

TICKS = 480  # a beat
USUAL_TEMPO = 120.0
ON, OFF = 0.2, 0.08  # of an atom's loudest moment: where a note begins, and where it ends
AGAIN = 2.0  # a rise by this factor above the quietest moment since is another stroke
SHORTEST = 0.04  # seconds
QUIETEST = 0.01  # of the loudest atom: what never reaches it is no note
DRUM_KEYS = (
    (150.0, 36),
    (4000.0, 38),
    (np.inf, 42),
)  # kick, snare and hi-hat by the middle of the spectrum in Hz


@dataclass(frozen=True)
class AtomNote:
    """One note of an atom.

    Attributes
    ----------
    start, stop
        In seconds.
    key
        MIDI note number.
    velocity
        1…127.
    channel
        The tenth (9) for what has no pitch.
    """

    start: float
    stop: float
    key: int
    velocity: int
    channel: int


def notes_of(found: Factorization, sample_rate: int, channel: int = 0) -> list[list[AtomNote]]:
    """The notes of every atom, in order of time.

    Parameters
    ----------
    sample_rate
        Of the song, in Hz.
    channel
        Of the notes with a pitch.
    """
    step = found.grid.hop / sample_rate
    levels = found.activations * found.templates.sum(axis=0)[:, None]
    loudest = float(levels.max(initial=0.0))
    result = []
    for atom, level in enumerate(levels):
        hertz = template_pitch(found.templates[:, atom], found.grid, sample_rate)
        if hertz is None:
            key, place = _drum_key(found, atom, sample_rate), DRUM_CHANNEL
        else:
            key, place = int(np.clip(round(pitch_of(hertz)), 0, 127)), channel
        result.append(
            [
                AtomNote(first * step, last * step, key, _velocity(peak / loudest), place)
                for first, last, peak in _strokes(level, loudest)
                if (last - first) * step >= SHORTEST
            ]
        )
    return result


def midi_file(
    state: State,
    split: Split,
    start: float,
    stop: float,
    tempo: float | None = None,
    pace: Pace = AS_RECORDED,
) -> bytes:
    """The atoms of a split as a MIDI file with a track for each stem.

    Parameters
    ----------
    start, stop
        The stretch of the song that is written, in seconds; the file's time begins with it.
    tempo
        In beats a minute at that pace; 120 where nobody knows, which keeps the times right all the same.
    pace
        How fast and how high the notes are; drums are struck as they were.
    """
    import mido

    found = split.estimates
    assert isinstance(found, Factorization)
    beats = tempo or USUAL_TEMPO
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats)))
    file.tracks.append(head)
    ticks = TICKS * beats / 60 / pace.tempo
    higher = round(pace.semitones)
    stems = tuple(dict.fromkeys((*split.owners, split.residual)))
    notes = notes_of(found, state.mixture.sample_rate)
    for number, stem in enumerate(stems):
        channel = number % 15 + (number % 15 >= DRUM_CHANNEL)
        events = sorted(
            event
            for part in split.parts_of(stem)
            for note in notes[part]
            if note.start < stop and note.stop > start
            for event in _events(note, start, stop, ticks, channel, higher)
        )
        track = mido.MidiTrack()
        name = state.stems[stem].name.encode("latin-1", "replace").decode("latin-1")
        track.append(mido.MetaMessage("track_name", name=name))
        now = 0
        for tick, on, place, key, velocity in events:
            track.append(
                mido.Message(
                    "note_on" if on else "note_off",
                    channel=place,
                    note=key,
                    velocity=velocity,
                    time=tick - now,
                )
            )
            now = tick
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _events(
    note: AtomNote, start: float, stop: float, ticks: float, channel: int, higher: int
) -> Iterator[tuple[int, int, int, int, int]]:
    drum = note.channel == DRUM_CHANNEL
    place = DRUM_CHANNEL if drum else channel
    key = note.key if drum else min(127, max(0, note.key + higher))
    first = round((max(note.start, start) - start) * ticks)
    last = max(first + 1, round((min(note.stop, stop) - start) * ticks))
    yield first, 1, place, key, note.velocity
    yield last, 0, place, key, 0


def _strokes(level: Float, loudest: float) -> Iterator[tuple[int, int, float]]:
    """Frames [first, last) and peak of each stroke of one activation."""
    top = float(level.max(initial=0.0))
    if top <= QUIETEST * loudest:
        return
    on, off = ON * top, OFF * top
    first, peak, least = -1, 0.0, 0.0
    for frame, value in enumerate(_plain(level)):
        if first < 0:
            if value >= on:
                first, peak, least = frame, value, value
            continue
        if value < off:
            yield first, frame, peak
            first = -1
        elif value >= on and value > AGAIN * least:
            yield first, frame, peak
            first, peak, least = frame, value, value
        elif value > peak and least >= peak:
            peak = least = value  # it still rises
        else:
            peak, least = max(peak, value), min(least, value)
    if first >= 0:
        yield first, len(level), peak


def _plain(level: Float) -> Sequence[float]:
    return [float(value) for value in level]


def _velocity(share: float) -> int:
    return int(np.clip(round(127 * np.sqrt(share)), 1, 127))


def _drum_key(found: Factorization, atom: int, sample_rate: int) -> int:
    template = found.templates[:, atom].astype(np.float64)
    hertz = np.arange(len(template)) * sample_rate / found.grid.fft
    middle = float(hertz @ template / max(template.sum(), 1e-30))
    return next(key for edge, key in DRUM_KEYS if middle < edge)
