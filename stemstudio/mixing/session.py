"""An arrangement for another program: tracks that begin together, with the strips of the mixer, and its markers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stemstudio.mixing.labels import bars_of, labels_of, placed
from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.order import RETURNS, ExportOrder, Key, Label, Part
from stemstudio.mixing.plan import channels_of, tempo_of
from stemstudio.mixing.strips import Points, curve_points, merged
from stemstudio.mixing.tempo_map import Passage, tempo_map
from stemstudio.project.effects import Equaliser
from stemstudio.project.project import State
from stemstudio.project.stem import FLAT, Stem

USUAL_METRE = 4

UNTOLD = {
    "equaliser": "filters",
    "width": "width",
    "flip": "phase",
}
"""Fields of a strip that not every program is told, in a musician's words."""


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
        As in the mixer; what is neither a stem nor what the effects give back is muted, so that nothing is heard twice.
    flip
        Whether the phase is turned over.
    equaliser
        What its filters do.
    curve
        Points (second, factor) of its volume curve in the file's time, the first at 0, with straight lines between
        them; empty for none.
    mutes
        Stretches (start, stop) of the file in seconds in which it is silent, in order and apart.
    """

    name: str
    colour: str
    file: str
    channels: int
    gain: float
    pan: float
    mute: bool
    solo: bool
    flip: bool = False
    equaliser: Equaliser = FLAT
    curve: Points = ()
    mutes: Points = ()


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
    metre
        Beats a bar.
    labels
        Regions and markers, in the files' own time; the first bar among them, where the beats are known.
    passages
        Tempi and metres that bring the grid onto the bars of the song; empty where one tempo from 0 on does.
    """

    title: str
    tracks: tuple[Track, ...]
    sample_rate: int
    seconds: float
    tempo: float | None
    metre: int
    labels: tuple[Label, ...]
    passages: tuple[Passage, ...] = ()


def session_of(
    state: State, order: ExportOrder, parts: Sequence[Part], names: Mapping[Key, str], title: str
) -> Session:
    """The arrangement of the parts of an order; `names` are those of their files."""
    rate = order.rate or state.mixture.sample_rate
    seconds = order.frames(state) / rate
    tracks = []
    for part in parts:
        strip = state.stems[part.key] if isinstance(part.key, int) else None
        plain = Track(
            part.name, part.colour, names[part.key], channels_of(state, part), 1.0, 0.0, True, False
        )
        if part.key == RETURNS:  # it goes with those that have solo: the others are not in it
            solo = any(leaf.solo for leaf in state.leaves())
            tracks.append(replace(plain, mute=False, solo=solo))
            continue
        if strip is None:
            tracks.append(plain)
            continue
        tracks.append(
            replace(
                plain,
                gain=gain_of(strip.gain_db),
                pan=strip.pan,
                mute=strip.mute,
                solo=strip.solo,
                flip=strip.flip,
                equaliser=strip.equaliser,
                curve=_curve(strip, order, state, seconds),
                mutes=_mutes(strip, order, state, seconds),
            )
        )
    bars = bars_of(state) if state.beats else ()
    marks = placed((*bars[:1], *labels_of(state)), order, state)
    metre = state.beats.metre if state.beats else USUAL_METRE
    tempo = tempo_of(order, state)
    passages = _passages([order.second(state, bar.start) for bar in bars], metre, tempo, seconds, order)
    return Session(title, tuple(tracks), rate, seconds, tempo, metre, marks, passages)


def _passages(
    bars: Sequence[float], metre: int, tempo: float | None, seconds: float, order: ExportOrder
) -> tuple[Passage, ...]:
    """The map that lays the grid on the bars within the files; a tempo that was typed in holds for all of them."""
    if tempo is None:
        return ()
    found = tempo_map(
        [bar for bar in bars if 0.0 <= bar < seconds], metre, tempo, steady=order.tempo is not None
    )
    return () if len(found) == 1 and math.isclose(found[0].bpm, tempo, rel_tol=1e-6) else found


def left_behind(state: State, parts: Sequence[Part], told: Collection[str]) -> str:
    """What a person should know of what strips do and another program is not told; empty where it is told all of it.

    Parameters
    ----------
    told
        Fields of a strip that it is told beside its faders.
    """
    plain = Stem(0, "", "", None)
    sentences = []
    if any(part.key == RETURNS for part in parts):
        sentences.append("Reverb and delay are a track of their own, which does not follow the faders there.")
    names: list[str] = []
    words: dict[str, None] = {}
    for part in parts:
        strip = state.stems[part.key] if isinstance(part.key, int) else None
        left = [
            what
            for field, what in UNTOLD.items()
            if strip and field not in told and getattr(strip, field) != getattr(plain, field)
        ]
        words |= dict.fromkeys(left)
        names += [part.name] if left else []
    if not names:
        return " ".join(sentences)
    *before, last = words
    what = f"{', '.join(before)} and {last}" if before else last
    sentences.append(
        f"The {what} of {', '.join(names)} {'stay' if before or last.endswith('s') else 'stays'} here, and will be "
        "missed there: write the mix as heard too, to compare."
    )
    return " ".join(sentences)


def _curve(strip: Stem, order: ExportOrder, state: State, seconds: float) -> Points:
    points = [(order.second(state, time), gain) for time, gain in curve_points(strip.envelope, ())]
    if not points:
        return ()
    times = [0.0, *(time for time, _ in points if 0.0 < time < seconds), seconds]
    return tuple(zip(times, np.interp(times, *np.transpose(points)).tolist(), strict=True))


def _mutes(strip: Stem, order: ExportOrder, state: State, seconds: float) -> Points:
    found = [
        (max(0.0, order.second(state, start)), min(seconds, order.second(state, stop)))
        for start, stop in merged(strip.mutes)
    ]
    return tuple((start, stop) for start, stop in found if start < stop)
