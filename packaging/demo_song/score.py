"""What the demo song plays: its form, chords, melody, bass line and drum patterns.

Times are in beats (four to the bar), pitches in MIDI note numbers (69 = A4 = 440 Hz), velocities in 0 to 1.
The form: intro (bars 0-3), verse (4-7), break (8-11, the drums rest for two bars), finale (12-15), last chord (16-17).
"""

from typing import NamedTuple

TEMPO = 104.0
BARS = 18
SWING = 0.10
"""How late every second sixteenth comes, as a share of a sixteenth."""


class Note(NamedTuple):
    """One note of the bass or of the chords."""

    beat: float
    length: float
    pitch: int
    velocity: float


class Syllable(NamedTuple):
    """One sung note: how it starts (a soft consonant or none) and the vowel it is held on."""

    beat: float
    length: float
    pitch: int
    onset: str
    vowel: str


class Hit(NamedTuple):
    """One stroke on the drum kit."""

    beat: float
    drum: str
    velocity: float


# (bass pitch, voicing); the voicings lead smoothly around middle C.
_Chord = tuple[int, tuple[int, ...]]
_AM9: _Chord = (33, (55, 59, 60, 64))
_FMAJ7: _Chord = (29, (57, 60, 64, 67))
_DM9: _Chord = (38, (53, 57, 60, 64))
_GSUS: _Chord = (31, (53, 57, 60, 62))
_G: _Chord = (31, (53, 57, 59, 62))
_G6: _Chord = (31, (55, 59, 62, 64))
_EM9: _Chord = (28, (55, 59, 62, 66))
_E7B9: _Chord = (28, (56, 59, 62, 65))
_CMAJ9: _Chord = (36, (55, 59, 62, 64))

# Every bar's chords: (beat in the bar, length in beats, chord).
_HARMONY: tuple[list[tuple[int, float, _Chord]], ...] = (
    *([(0, 4.0, _AM9)], [(0, 4.0, _FMAJ7)], [(0, 4.0, _DM9)], [(0, 2.0, _GSUS), (2, 2.0, _G)]),
    *([(0, 4.0, _AM9)], [(0, 4.0, _FMAJ7)], [(0, 4.0, _DM9)], [(0, 2.0, _GSUS), (2, 2.0, _G)]),
    *([(0, 4.0, _FMAJ7)], [(0, 4.0, _G6)], [(0, 4.0, _EM9)], [(0, 2.0, _AM9), (2, 2.0, _E7B9)]),
    *([(0, 4.0, _AM9)], [(0, 4.0, _FMAJ7)], [(0, 4.0, _CMAJ9)], [(0, 2.0, _GSUS), (2, 2.0, _G6)]),
    [(0, 7.5, _CMAJ9)],
)

# Electric piano strokes over one chord: (beat, length, velocity), used as far as the chord lasts.
_Stroke = tuple[float, float, float]
_COMP_CALM: tuple[_Stroke, ...] = ((0.0, 1.9, 0.55), (2.0, 1.4, 0.42), (3.5, 0.5, 0.35))
_COMP_GROOVE: tuple[_Stroke, ...] = (
    (0.0, 1.3, 0.66),
    (1.5, 0.35, 0.45),
    (2.0, 0.9, 0.52),
    (2.75, 0.3, 0.34),
    (3.5, 0.5, 0.56),
)

# Bass figures over one chord: (beat, length, semitones above the root, velocity; below 0.4 is a ghost note).
_Figure = tuple[tuple[float, float, int, float], ...]
_BASS_CALM: _Figure = ((0.0, 2.4, 0, 0.75), (2.5, 0.45, 0, 0.5), (3.0, 0.9, 7, 0.6))
_BASS_GROOVE: _Figure = (
    *((0.0, 0.9, 0, 0.95), (1.25, 0.12, 0, 0.28), (1.5, 0.4, 12, 0.62), (2.0, 0.2, 0, 0.34)),
    *((2.25, 0.22, 0, 0.6), (2.5, 0.7, 7, 0.78), (3.25, 0.2, 7, 0.5), (3.5, 0.45, 12, 0.7)),
)

# One row a bar: "bar: beat length pitch syllable, …"; a syllable is a soft consonant or none, and a vowel.
_MELODY = (
    "3: 2.5 0.5 62 mu, 3 0.5 64 no, 3.5 0.5 67 o",
    "4: 0.5 0.5 64 du, 1 1 69 na, 2 0.5 71 lo, 2.5 1.3 72 a",
    "5: 0 1.5 69 na, 1.5 0.5 67 le, 2 0.5 69 a, 2.5 1.3 64 lo",
    "6: 0.5 0.5 62 du, 1 0.5 65 ne, 1.5 0.5 69 a, 2 1 72 la, 3 0.5 71 no, 3.5 0.5 69 o",
    "7: 0 2 72 da, 2 1 71 a, 3 0.75 67 no",
    "8: 0 1.5 69 ho, 1.5 0.5 72 o, 2 1.9 76 a",
    "9: 0 1.5 74 na, 1.5 0.5 71 o, 2 1.75 67 o",
    "10: 0 1 67 mu, 1 1 71 o, 2 1 74 la, 3 1 76 a",
    "11: 0 2 72 do, 2 1 71 o, 3 0.8 68 na",
    "12: 0 1 76 da, 1 0.5 74 ne, 1.5 1 72 la, 2.5 0.5 69 na, 3 0.8 72 lo",
    "13: 0 1 69 da, 1 0.5 72 ne, 1.5 1.5 76 la, 3 0.5 74 no, 3.5 0.5 72 o",
    "14: 0 1.5 79 da, 1.5 0.5 76 ne, 2 1 74 la, 3 0.5 72 no, 3.5 0.5 76 le",
    "15: 0 2 74 da, 2 1 71 no, 3 0.5 72 le, 3.5 0.5 74 a",
    "16: 0 5 76 a",
)
# A second singer, a third to a sixth below, in the finale only.
_HARMONY_VOICE = (
    "12: 0 1 72 da, 1 0.5 71 ne, 1.5 1 69 la, 2.5 0.5 64 na, 3 0.8 69 lo",
    "13: 0 1 65 da, 1 0.5 69 ne, 1.5 1.5 72 la, 3 0.5 71 no, 3.5 0.5 69 o",
    "14: 0 1.5 76 da, 1.5 0.5 72 ne, 2 1 71 la, 3 0.5 69 no, 3.5 0.5 72 le",
    "15: 0 2 71 da, 2 1 67 no, 3 0.5 69 le, 3.5 0.5 71 a",
    "16: 0 5 72 a",
)

# One row a drum, one character a sixteenth, 1 to 9 = velocity. Drums: kick, snare, closed and open hat, crash, toms.
_SILENT: dict[str, str] = {}
_TICKING = {"hat": "4.2.4.2.4.2.4.23"}
_TICKING_FILL = {
    "hat": "4.2.4.2.4.2.....",
    "high": "...........7.6..",
    "mid": ".............67.",
    "floor": "...............8",
}
_GROOVE = {
    "kick": "9......5..8.....",
    "snare": "....9..2.2..9..2",
    "hat": "7353735373537.53",
    "open": ".............5..",
}
_GROOVE_TURN = {
    "kick": "9......5..8...6.",
    "snare": "....9..2.2..9.46",
    "hat": "735373537353....",
    "open": "............5...",
}
_GROOVE_FILL = {
    "kick": "9......5..8.....",
    "snare": "....9..2.2469...",
    "hat": "73537353........",
    "high": ".............8..",
    "mid": "..............7.",
    "floor": "...............9",
}
_PULSE = {"kick": "7...7...7...7...", "hat": "3...3...3...3.23"}
_BUILD = {"kick": "7...7...7...7...", "snare": "2.3.3.4.45566789"}
_DRIVE = {
    "kick": "9..5...5.58..4..",
    "snare": "....9..2.2..9..3",
    "hat": "8364836483648.64",
    "open": ".............7..",
}
_DRIVE_FILL = {
    "kick": "9..5...5..8.....",
    "snare": "....9..278......",
    "hat": "83648364........",
    "high": "..........87....",
    "mid": "............87..",
    "floor": "..............89",
}
_LAST = {"kick": "9...............", "snare": "6...............", "crash": "9..............."}

_KIT = (
    *(_SILENT, _TICKING, _TICKING, _TICKING_FILL),
    *({**_GROOVE, "crash": "7..............."}, _GROOVE_TURN, _GROOVE, _GROOVE_FILL),
    *({"crash": "6..............."}, _SILENT, _PULSE, _BUILD),
    *(
        {**_DRIVE, "crash": "8..............."},
        _GROOVE_TURN,
        {**_DRIVE, "crash": "6..............."},
        _DRIVE_FILL,
    ),
    _LAST,
)


def swung(beat: float) -> float:
    """Move the second and fourth sixteenth of a beat late by `SWING`."""
    sixteenth = round(beat * 4)
    on_the_grid = abs(beat * 4 - sixteenth) < 1e-9
    return beat + SWING / 4 if on_the_grid and sixteenth % 2 else beat


def chords() -> list[tuple[float, float, tuple[int, ...]]]:
    """Every chord of the song as (beat, length in beats, voicing)."""
    return [
        (4 * bar + start, length, voicing)
        for bar, changes in enumerate(_HARMONY)
        for start, length, (_, voicing) in changes
    ]


def piano() -> list[Note]:
    """The electric piano: chords struck in a rhythm, the low notes a little before the high ones."""
    notes = []
    for beat, length, voicing in chords():
        bar = int(beat // 4)
        rhythm = _COMP_CALM if bar < 4 or 8 <= bar < 10 else _COMP_GROOVE
        if bar == 16:
            rhythm = ((0.0, length, 0.7),)
        for start, held, velocity in rhythm:
            if start < length:
                notes += [
                    Note(
                        swung(beat + start) + 0.008 * i,
                        min(held, length - start),
                        pitch,
                        velocity * (1 - 0.05 * i),
                    )
                    for i, pitch in enumerate(voicing)
                ]
    return sorted(notes)


def bass() -> list[Note]:
    """The bass line; it enters in bar 2."""
    notes = []
    for bar, changes in enumerate(_HARMONY):
        for start, length, (root, _) in changes:
            calm = bar < 4 or 8 <= bar < 10
            figure = _BASS_CALM if calm else _BASS_GROOVE
            if bar == 16:
                figure = ((0.0, 7.5, 0, 0.9),)
            notes += [
                Note(swung(4 * bar + start + beat), min(held, length - beat), root + step, velocity)
                for beat, held, step, velocity in figure
                if bar >= 2 and beat < length
            ]
    return sorted(notes)


def voices() -> tuple[list[Syllable], list[Syllable]]:
    """The lead melody and the second voice below it."""
    return _sung(_MELODY), _sung(_HARMONY_VOICE)


def _sung(rows: tuple[str, ...]) -> list[Syllable]:
    syllables = []
    for row in rows:
        bar, notes = row.split(": ")
        for beat, length, pitch, sound in (note.split() for note in notes.split(", ")):
            start = 4 * int(bar) + float(beat)
            syllables.append(Syllable(start, float(length), int(pitch), sound[:-1], sound[-1]))
    return syllables


def drums() -> list[Hit]:
    """Every stroke on the kit, in order of time."""
    return sorted(
        Hit(swung(4 * bar + step / 4), drum, int(mark) / 9)
        for bar, rows in enumerate(_KIT)
        for drum, row in rows.items()
        for step, mark in enumerate(row)
        if mark != "."
    )
