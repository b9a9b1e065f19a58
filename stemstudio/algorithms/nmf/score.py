"""A score: which notes sound when, read from a MIDI file or from a table of onsets or notes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stemstudio.algorithms.nmf import general_midi
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from mido import Message, MidiFile

LARGEST_FILE = 16 << 20  # bytes
MOST_NOTES = 200_000
LATEST = 360_000.0  # seconds
LONGEST_RING = 3.0  # seconds that a stroke is heard for
DRUMS = {1: "kick", 2: "snare", 3: "hi-hat"}  # of onset lists that number them
LONGEST_WORD = 40
NOTE_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B")
COLUMNS = {
    "start": ("start", "onset", "time", "begin", "start_time", "onset_time"),
    "end": ("end", "offset", "stop", "end_time", "offset_time"),
    "duration": ("duration", "length"),
    "hertz": ("hz", "frequency", "freq", "f0"),
    "midi": ("midi", "pitch", "note", "midi_note", "midi_pitch"),
    "part": ("part", "track", "instrument"),
    "label": ("label", "instrument", "class", "drum", "part", "name"),
}


class BadScore(StemStudioError):
    """A score that cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The score “{path.name}” cannot be read: {reason}.",
            "It can be a MIDI file, or a table with a line a note: start, Hz, duration; or onset and drum.",
        )


@dataclass(frozen=True)
class Note:
    """One note or stroke.

    Attributes
    ----------
    start, end
        Seconds; equal where the length is unknown, as of a drum.
    pitch
        MIDI number, 69 is 440 Hz, with fractions; None for a sound without pitch.
    label
        Name of the atom it belongs to: "C4", "kick", …
    part
        The track or instrument that plays it, where the score has several; None otherwise.
    """

    start: float
    end: float
    pitch: float | None
    label: str
    part: str | None = None


def read_score(path: Path) -> tuple[Note, ...]:
    """The notes of a MIDI file (.mid, .midi) or a table (.csv, .tsv, .txt), by onset.

    A table has a header that names its columns (start or onset; end or duration; Hz, MIDI pitch or label), or none and
    then either two columns, onset and drum (1 kick, 2 snare, 3 hi-hat, or a word), or three, start, Hz and duration.
    Notes of several tracks, or in a table of several instruments, know theirs.

    Raises
    ------
    BadScore
        With the reason, when the file is missing, damaged, or has no notes.
    """
    path = Path(path).expanduser()
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadScore(path, (error.strerror or "it is not there").lower()) from None
    if not path.is_file():
        raise BadScore(path, "it is not a file")
    if size > LARGEST_FILE:
        raise BadScore(path, f"it is larger than {LARGEST_FILE >> 20} MB")
    notes = _midi(path) if path.suffix.lower() in (".mid", ".midi") else _table(path)
    if not notes:
        raise BadScore(path, "there are no notes in it")
    if len(notes) > MOST_NOTES:
        raise BadScore(path, f"it has more than {MOST_NOTES} notes")
    for note in notes:
        if not (0 <= note.start <= note.end <= LATEST):
            raise BadScore(path, f"a note lasts from {note.start:g} to {note.end:g} s")
        if note.pitch is not None and not -20 <= note.pitch <= 150:
            raise BadScore(path, f"a note has the MIDI pitch {note.pitch:g}")
    if len({note.part for note in notes}) == 1:  # it goes without saying
        notes = [replace(note, part=None) for note in notes]
    return tuple(sorted(notes, key=lambda note: (note.start, note.label)))


def within(notes: Sequence[Note], start: float, length: float) -> tuple[Note, ...]:
    """The notes that may be heard in a stretch of the song, with their times counted from where it starts.

    A note that began before, and a stroke that may still ring, begins before 0.
    """
    return tuple(
        replace(note, start=note.start - start, end=note.end - start)
        for note in notes
        if note.end >= start - LONGEST_RING and note.start < start + length
    )


def hertz(pitch: float) -> float:
    """Frequency of a MIDI pitch."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def pitch_of(frequency: float) -> float:
    """MIDI pitch of a frequency in Hz, > 0."""
    return 69.0 + 12.0 * math.log2(frequency / 440.0)


def note_name(pitch: float) -> str:
    """The nearest note's name, C4 being the middle C."""
    nearest = round(pitch)
    return f"{NOTE_NAMES[nearest % 12]}{nearest // 12 - 1}"


def _midi(path: Path) -> list[Note]:
    import mido

    notes: list[Note] = []
    sounding: dict[tuple[int, int, int], list[tuple[float, str]]] = {}
    now = 0.0
    try:
        file = mido.MidiFile(path, clip=True)
        names = _track_names(file)
        programs: dict[int, int] = {}
        for now, track, message in _in_order(file):
            if message.type == "program_change":
                programs[message.channel] = message.program
            if message.type not in ("note_on", "note_off"):
                continue
            key = (track, message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                part = names.get(track) or _instrument(message.channel, programs)
                sounding.setdefault(key, []).append((now, part))
            elif sounding.get(key):
                notes.append(_midi_note(key, *sounding[key].pop(0), now))
            if len(notes) > MOST_NOTES:
                break
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, ArithmeticError) as error:
        raise BadScore(path, f"it is not a sound MIDI file ({error})".replace(" ()", "")) from None
    for key, begun in sounding.items():
        notes.extend(_midi_note(key, start, part, now) for start, part in begun)
    return notes


def _in_order(file: MidiFile) -> Iterator[tuple[float, int, Message]]:
    """Second, number of the track and message, of all tracks in the order in which they are played."""
    import mido

    if file.type == 2:
        raise TypeError("its tracks are not played together")
    messages: list[tuple[int, int, Message]] = []
    for number, track in enumerate(file.tracks):
        ticks = 0
        for message in track:
            ticks += message.time
            messages.append((ticks, number, message))
    now, before, tempo = 0.0, 0, 500_000
    for ticks, number, message in sorted(messages, key=lambda each: each[0]):
        now += mido.tick2second(ticks - before, file.ticks_per_beat, tempo)
        before = ticks
        if message.type == "set_tempo":
            tempo = message.tempo
        yield now, number, message


def _track_names(file: MidiFile) -> dict[int, str]:
    """Of the tracks with notes, if there are several: a lone track has the song's name and all the instruments.

    Tracks of one name, and those of none that play the same instrument, are told apart by a number.
    """
    names: dict[int, str] = {}
    for number, track in enumerate(file.tracks):
        channels = [message.channel for message in track if message.type == "note_on"]
        if not channels:
            continue
        own = next((message.name for message in track if message.type == "track_name"), "")
        programs = {m.channel: m.program for m in reversed(track) if m.type == "program_change"}
        name = _unicode(own).strip()[:LONGEST_WORD].strip() or _instrument(channels[0], programs)
        taken = {other.casefold() for other in names.values()}
        numbered = (name, *(f"{name} {count}" for count in range(2, len(names) + 2)))
        names[number] = next(each for each in numbered if each.casefold() not in taken)
    return names if len(names) > 1 else {}


def _instrument(channel: int, programs: dict[int, int]) -> str:
    if channel == general_midi.DRUM_CHANNEL:
        return "drums"
    return general_midi.INSTRUMENTS[programs[channel]] if channel in programs else f"channel {channel + 1}"


def _unicode(name: str) -> str:
    """A name that was read as Latin 1, in case it is UTF-8, as programs write it today."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def _midi_note(key: tuple[int, int, int], start: float, part: str, end: float) -> Note:
    _, channel, number = key
    if channel == general_midi.DRUM_CHANNEL:
        return Note(start, start, None, general_midi.DRUMS.get(number, f"drum {number}"), part)
    return Note(start, end, float(number), note_name(number), part)


def _table(path: Path) -> list[Note]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadScore(path, "it is neither MIDI nor text") from None
    except OSError as error:
        raise BadScore(path, (error.strerror or "it cannot be opened").lower()) from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return []
    delimiter = next((sign for sign in ("\t", ";", ",") if sign in lines[0]), None)
    try:
        rows = list(csv.reader(lines, delimiter=delimiter)) if delimiter else [line.split() for line in lines]
    except csv.Error as error:
        raise BadScore(path, str(error)) from None
    if delimiter != ",":  # as spreadsheets write them where numbers have a comma
        rows = [[_with_point(cell) for cell in row] for row in rows]
    columns = _columns(rows[0])
    if columns:
        rows = rows[1:]
    elif len(rows[0]) == 2:
        columns = {"start": 0, "label": 1}
    elif len(rows[0]) >= 3:
        columns = {"start": 0, "hertz": 1, "duration": 2}
    if "start" not in columns:
        raise BadScore(path, "no column tells when notes start")
    notes = []
    for number, row in enumerate(rows, 1):
        try:
            note = _row({name: row[index].strip() for name, index in columns.items()})
        except (ValueError, IndexError, OverflowError):
            raise BadScore(
                path, f"line {number} of its notes, “{' '.join(row)[:60]}”, is not a note"
            ) from None
        if note is not None:
            notes.append(note)
    return notes


def _columns(first: Sequence[str]) -> dict[str, int]:
    words = [word.strip().lower() for word in first]
    return {
        meaning: words.index(name)
        for meaning, names in COLUMNS.items()
        for name in reversed(names)
        if name in words
    }


def _with_point(cell: str) -> str:
    """A number with a decimal comma as Python has it; anything else as it is."""
    whole, comma, rest = cell.strip().partition(",")
    return f"{whole}.{rest}" if comma and rest.isdigit() and whole.lstrip("-+").isdigit() else cell


def _row(cells: dict[str, str]) -> Note | None:
    start = float(cells["start"])
    end = start
    if cells.get("end"):
        end = float(cells["end"])
    elif cells.get("duration"):
        end = start + float(cells["duration"])
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ValueError("not finite")
    pitch: float | None = None
    if cells.get("hertz"):
        frequency = float(cells["hertz"])
        if frequency <= 0:  # a rest, in lists of what is sung
            return None
        pitch = pitch_of(frequency)
    elif cells.get("midi"):
        pitch = float(cells["midi"])
    if pitch is not None:
        return Note(start, end, pitch, note_name(pitch), (cells.get("part") or "")[:LONGEST_WORD] or None)
    word = cells.get("label") or "notes"
    try:
        word = DRUMS.get(int(float(word)), f"drum {int(float(word))}")
    except ValueError:
        word = word[:LONGEST_WORD]
    return Note(start, end, None, word)
