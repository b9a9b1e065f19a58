"""An arrangement for another program: tracks that begin together, with the strips of the mixer, and its markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stemstudio.mixing.labels import labels_of, within
from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.order import ExportOrder, Key, Label, Part
from stemstudio.mixing.plan import channels_of, tempo_of
from stemstudio.project.project import State
from stemstudio.project.stem import STRIP, Stem

UNTOLD = tuple(field for field in STRIP if field not in ("gain_db", "pan", "mute", "solo", "solo_safe"))


@dataclass(frozen=True)
class Track:
    """A sound with its strip.

    Attributes
    ----------
    name, colour
        As in the mixer; colour is "#rrggbb".
    file
        Name of its sound file.
    channels
        Of the file.
    gain
        Factor of the fader.
    pan
        Balance as the mixer has it: −1 (left) to 1 (right), both sides at unity in the middle.
    mute, solo
        As in the mixer; what is no stem is muted, so that nothing is heard twice.
    """

    name: str
    colour: str
    file: str
    channels: int
    gain: float
    pan: float
    mute: bool
    solo: bool


@dataclass(frozen=True)
class Session:
    """Tracks side by side.

    Attributes
    ----------
    title
        Of the song.
    tracks
        In mixer order.
    sample_rate
        Of the files, in Hz.
    seconds
        How long each file is.
    tempo
        In beats a minute; None where nobody knows.
    labels
        Regions and markers, in the files' own time.
    """

    title: str
    tracks: tuple[Track, ...]
    sample_rate: int
    seconds: float
    tempo: float | None
    labels: tuple[Label, ...]


def session_of(
    state: State, order: ExportOrder, parts: Sequence[Part], names: Mapping[Key, str], title: str
) -> Session:
    """The arrangement of the parts of an order; `names` are those of their files."""
    start, stop = order.span(state)
    own = state.mixture.sample_rate
    rate = order.rate or own
    tracks = []
    for part in parts:
        strip = state.stems[part.key] if isinstance(part.key, int) else None
        tracks.append(
            Track(
                part.name,
                part.colour,
                names[part.key],
                channels_of(state, part),
                gain_of(strip.gain_db) if strip else 1.0,
                strip.pan if strip else 0.0,
                strip.mute if strip else True,
                bool(strip and strip.solo),
            )
        )
    marks = within((*order.labels, *labels_of(state)), start / own, stop / own)
    length = -(-(stop - start) * rate // own)
    return Session(title, tuple(tracks), rate, length / rate, tempo_of(order, state), marks)


def left_behind(state: State, parts: Sequence[Part]) -> str:
    """A sentence about what strips do and other programs are not told; empty where they are told all of it."""
    plain = Stem(0, "", "", None)
    names = []
    for part in parts:
        strip = state.stems[part.key] if isinstance(part.key, int) else None
        if strip and any(getattr(strip, field) != getattr(plain, field) for field in UNTOLD):
            names.append(strip.name)
    if not names:
        return ""
    return (
        f"Filters, width, sends, curves and muted stretches stay here, and so {', '.join(names)} will sound different: "
        "write the mix as heard too, to compare."
    )
