"""Composing: keys, chords, grooves, riffs and melodies, thrown with dice that know a little about music."""

from typing import NamedTuple

import numpy as np
from sketch.sound import Chance, between, scaled

MODES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 3, 5, 7, 8, 11),
    (0, 1, 3, 5, 7, 8, 10),
)
LOOPS = (
    *((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 0), (0, 3, 0, 4), (1, 4, 0, 5), (0, 6, 5, 6)),
    *((0, 0, 3, 3), (0, 2, 3, 4), (0, 0, 0, 0), (0, 6, 3, 0), (5, 4, 3, 4), (3, 4, 2, 5), (0, 1, 0, 1)),
)
KICKS = (
    *("x...x...x...x...", "x.......x.......", "x.....x...x.....", "x..x..x.....x...", "x.......x.x....."),
    *("x..x....x.x.....", "x.........x.....", "x.x.......x..x..", "x......x..x.x...", "x..x..x...x..x.."),
)
SNARES = (
    "....x.......x...",
    "........x.......",
    "....x..x.x..x...",
    "....x.......x..x",
    "......x.......x.",
    "...x..x....x..x.",
)
HATS = (
    "x.x.x.x.x.x.x.x.",
    "xxxxxxxxxxxxxxxx",
    "..x...x...x...x.",
    "x...x...x...x...",
    "x.xxx.xxx.xxx.xx",
    "x..x..x.x..x..x.",
)
FIGURES = (
    *(((0, 4),), ((0, 2), (2, 2)), ((0, 1), (1, 1), (2, 1), (3, 1)), tuple((i / 2, 0.5) for i in range(8))),
    *(tuple((i / 2 + 0.25, 0.25) for i in range(8)), tuple((i + 0.5, 0.5) for i in range(4))),
    *(
        ((0, 0.75), (0.75, 0.75), (1.5, 0.5), (2, 0.75), (2.75, 0.75), (3.5, 0.5)),
        ((0, 1.5), (1.5, 1.0), (2.5, 1.5)),
    ),
    *(
        tuple((i / 4, 0.25) for i in range(16)),
        ((0, 0.5), (1.5, 0.5), (2.5, 0.25), (3.5, 0.5)),
        ((0, 1.5), (2.5, 1.0)),
    ),
)


class Note(NamedTuple):
    """A note: start and length in seconds, pitch, velocity."""

    start: float
    length: float
    pitch: float
    velocity: float


class Chord(NamedTuple):
    """A chord: start and length in beats, root and all its pitch classes from the root up."""

    beat: float
    length: float
    root: int
    classes: tuple[int, ...]


class Plan:
    """What all players of a song agree on: its tempo, swing, key and chords."""

    def __init__(self, chance: Chance, seconds: float) -> None:
        self.tempo = scaled(chance, 66, 178)
        self.beat = 60 / self.tempo
        self.swing = between(chance, 0, 0.33) * (chance.random() < 0.3)
        self.bars = int(np.ceil(seconds / (4 * self.beat))) + 1
        self.late = between(chance, -3, 0) * self.beat
        self.tonic = int(chance.integers(12))
        self.mode = MODES[int(chance.choice(len(MODES), p=(0.3, 0.3, 0.15, 0.12, 0.08, 0.05)))]
        self.tuning = between(chance, -0.4, 0.4) * (chance.random() < 0.3)
        self.loose = scaled(chance, 0.0005, 0.015)
        loop = LOOPS[int(chance.integers(len(LOOPS)))]
        kind = int(chance.choice([3, 3, 3, 4, 2, 5]))
        per_bar = int(chance.choice([1, 1, 1, 2]))
        self.chords = [
            self._chord(
                4 * bar + 4 / per_bar * part, 4 / per_bar, loop[(bar * per_bar + part) % len(loop)], kind
            )
            for bar in range(self.bars)
            for part in range(per_bar)
        ]

    def _chord(self, beat: float, length: float, degree: int, kind: int) -> Chord:
        steps = {2: (0, 4), 3: (0, 2, 4), 4: (0, 2, 4, 6), 5: (0, 2, 4, 6, 8)}[kind]
        root = self.degree(degree)
        return Chord(beat, length, root, tuple(self.degree(degree + step) - root for step in steps))

    def degree(self, step: int) -> int:
        """Semitones above C of a step of the scale."""
        return self.tonic + self.mode[step % 7] + 12 * (step // 7)

    def at(self, beat: float) -> float:
        """Seconds of a beat, with its swing."""
        place = beat * 4
        if self.swing and abs(place - round(place)) < 1e-6 and round(place) % 2:
            beat += self.swing / 4
        return beat * self.beat + self.late

    def loosely(self, beat: float, chance: Chance) -> float:
        """Seconds of a beat as a person meets it."""
        return self.at(beat) + self.loose * float(chance.standard_normal())


class Hit(NamedTuple):
    """A stroke: start in seconds, drum, velocity."""

    start: float
    drum: str
    velocity: float


def drums(plan: Plan, chance: Chance) -> list[Hit]:
    """A groove with its variations and fills."""
    hits: list[Hit] = []
    rows = [
        ("kick", _row(KICKS, chance), between(chance, 0.8, 1.0)),
        (
            str(chance.choice(["snare", "snare", "snare", "clap"])),
            _row(SNARES, chance),
            between(chance, 0.7, 1.0),
        ),
        (str(chance.choice(["hat", "hat", "ride", "shaker"])), _row(HATS, chance), between(chance, 0.4, 0.9)),
    ]
    for drum, likely in (("block", 0.3), ("shaker", 0.3), ("open", 0.4), ("clap", 0.15), ("low", 0.1)):
        if chance.random() < likely:
            rows.append((drum, "".join(chance.choice(["x", ".", ".", "."], 16)), between(chance, 0.3, 0.9)))
    without = {drum for drum, _, _ in rows if chance.random() < 0.07}
    ghosts, fills, crashes = between(chance, 0, 0.15), chance.random() < 0.6, chance.random() < 0.5
    accent = between(chance, 0, 0.5)
    for bar in range(plan.bars):
        filling = fills and bar % 4 == 3 and chance.random() < 0.7
        if crashes and bar % 4 == 0:
            hits.append(Hit(plan.loosely(4 * bar, chance), "crash", between(chance, 0.6, 1)))
        for drum, row, loud in rows:
            if drum in without:
                continue
            for step, mark in enumerate(row):
                beat = 4 * bar + step / 4
                if filling and step >= 10 and drum != "kick":
                    continue
                if mark == "x" and chance.random() < 0.96:
                    soft = 1 - accent * (step % 4 != 0) - between(chance, 0, 0.15)
                    hits.append(Hit(plan.loosely(beat, chance), drum, loud * soft))
                    if drum == "hat" and chance.random() < 0.04:
                        hits += [Hit(plan.at(beat + i / 12), drum, loud * 0.6) for i in (1, 2)]
                elif drum == "snare" and chance.random() < ghosts:
                    hits.append(Hit(plan.loosely(beat, chance), drum, between(chance, 0.1, 0.35)))
        if filling:
            for step in range(10, 16):
                if chance.random() < 0.8:
                    drum = str(chance.choice(["high", "mid", "low", "snare", "kick"]))
                    hits.append(Hit(plan.loosely(4 * bar + step / 4, chance), drum, between(chance, 0.5, 1)))
    return hits


def _row(rows: tuple[str, ...], chance: Chance) -> str:
    row = list(rows[int(chance.integers(len(rows)))])
    for _ in range(int(chance.integers(0, 3))):
        row[int(chance.integers(16))] = str(chance.choice(["x", "."]))
    return "".join(row)


def bass(plan: Plan, chance: Chance) -> list[Note]:
    """A line below the chords."""
    low = between(chance, 27, 38)
    figure = FIGURES[int(chance.integers(len(FIGURES)))]
    octaves, fifths, passing = (between(chance, 0, 0.3) * (chance.random() < 0.5) for _ in range(3))
    short = between(chance, 0.4, 1.0)
    notes = []
    for chord in plan.chords:
        root = chord.root + 12 * round((low + 5 - chord.root) / 12)
        for beat, length in figure:
            if beat >= chord.length:
                continue
            pitch, dice = float(root), chance.random()
            if beat and dice < octaves:
                pitch += 12
            elif beat and dice < octaves + fifths:
                pitch += 7 if pitch + 7 < low + 16 else -5
            elif beat and dice < octaves + fifths + passing:
                pitch += float(chance.choice([-2, -1, 2, 3, 5]))
            held = min(length, chord.length - beat) * short * plan.beat
            notes.append(Note(plan.loosely(chord.beat + beat, chance), held, pitch, between(chance, 0.65, 1)))
    return notes


def chords(plan: Plan, chance: Chance) -> list[Note]:
    """Chords: held, struck in a rhythm, strummed or broken."""
    centre = between(chance, 50, 70)
    figure = ((0.0, 4.0),) if chance.random() < 0.35 else FIGURES[int(chance.integers(len(FIGURES)))]
    strum = between(chance, 0, 0.03) * (chance.random() < 0.4)
    broken = chance.random() < 0.3
    order = int(chance.integers(3))
    rate = float(chance.choice([0.25, 0.5, 0.5, 1.0]))
    short = between(chance, 0.3, 1.0)
    notes = []
    for chord in plan.chords:
        pitches = sorted(_near(chord.root + step, centre) for step in chord.classes)
        if broken:
            line = [*pitches, pitches[0] + 12]
            line = line[::-1] if order == 1 else line
            count = int(chord.length / rate)
            for i in range(count):
                pitch = line[int(chance.integers(len(line)))] if order == 2 else line[i % len(line)]
                start = plan.loosely(chord.beat + i * rate, chance)
                notes.append(Note(start, rate * plan.beat * short * 1.5, pitch, between(chance, 0.5, 1)))
            continue
        for beat, length in figure:
            if beat >= chord.length:
                continue
            start, loud = plan.loosely(chord.beat + beat, chance), between(chance, 0.5, 1)
            held = min(length, chord.length - beat) * plan.beat * short
            notes += [Note(start + strum * i, held, pitch, loud) for i, pitch in enumerate(pitches)]
    return notes


def _near(pitch: float, centre: float) -> float:
    return pitch + 12 * round((centre - pitch) / 12)


def melody(plan: Plan, chance: Chance, centre: float, *, busy: float, rests: float) -> list[Note]:
    """Phrases: steps more than leaps, notes of the chord on heavy beats, silence between."""
    notes: list[Note] = []
    step = int(chance.integers(0, 7)) + 7 * round((centre - plan.tonic) / 12)
    beat, end = 0.0, 4.0 * plan.bars
    home = step
    while beat < end:
        phrase = beat + float(chance.choice([2, 3, 4, 4, 6, 8]))
        while beat < min(phrase, end):
            lengths = np.array([0.25, 0.5, 0.5, 0.75, 1.0, 1.5, 2.0])
            weights = np.exp(-lengths * busy)
            length = float(chance.choice(lengths, p=weights / weights.sum()))
            leap = int(chance.choice([-4, -2, -1, -1, 0, 0, 1, 1, 2, 4]))
            step = int(np.clip(step + leap, home - 6, home + 7))
            pitch = plan.degree(step)
            if beat % 1 == 0 and chance.random() < 0.6:
                chord = plan.chords[min(len(plan.chords) - 1, int(beat / plan.chords[0].length))]
                pitch = min(
                    (_near(chord.root + each, pitch) for each in chord.classes), key=lambda p: abs(p - pitch)
                )
            held = length * between(chance, 0.8, 1.0) * plan.beat
            notes.append(Note(plan.loosely(beat, chance), held, float(pitch), between(chance, 0.6, 1)))
            beat += length
        beat += float(chance.choice([0, 0.5, 1, 2, 4])) * rests
    return notes
