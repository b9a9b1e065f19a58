"""REAPER projects: text that names the sound files beside it, with tracks as the mixer has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stemstudio.errors import StemStudioError
from stemstudio.mixing.order import REAPER_SOURCES
from stemstudio.mixing.session import Session, Track
from stemstudio.mixing.tempo_map import Passage

TOLD = ("flip", "envelope", "mutes")
"""Fields of a strip that are written beside its faders."""
USUAL_TEMPO = 120.0
SOLO_IN_PLACE = 2
LOUDEST_POINT = 2.0  # what a volume envelope reaches; the fader, which trims it, goes on from there
STRAIGHT, SQUARE = 0, 1
OWN_COLOUR = 0x1000000  # the bit that says that a colour was chosen


def project_text(session: Session) -> str:
    """A project of an arrangement; StemStudioError where REAPER has no source for the format.

    The pan law is 0 dB (`PANLAW 1`) with balance for stereo (`PANMODE 3`): both sides at unity in the middle and only
    the other one lowered, as in the mixer. Envelopes are trimmed by the fader (`AUTOMODE 0`).
    """
    lines = [
        '<REAPER_PROJECT 0.1 "6.0" 0',
        "  PANLAW 1",
        "  PANMODE 3",
        f"  SAMPLERATE {session.sample_rate} 1 0",
        f"  TEMPO {session.tempo or USUAL_TEMPO:.10g} {session.metre} 4",
    ]
    for number, label in enumerate(session.labels, 1):
        region = int(label.stop > label.start)
        lines.append(f"  MARKER {number} {label.start:.9f} {quoted(label.text)} {region}")
        if region:
            lines.append(f'  MARKER {number} {label.stop:.9f} "" 1')
    if session.passages:
        lines += (f"  {line}" for line in _tempi(session.passages))
    for track in session.tracks:
        lines += (f"  {line}" for line in _track(track, session.seconds))
    return "\n".join([*lines, ">", ""])


def quoted(words: str) -> str:
    """Words in quotes that are not among them; where all three kinds are, backquotes become single ones."""
    flat = " ".join(words.split())
    mark = next((mark for mark in "\"'`" if mark not in flat), None)
    return f"`{flat.replace('`', chr(39))}`" if mark is None else f"{mark}{flat}{mark}"


def _track(track: Track, seconds: float) -> Iterator[str]:
    suffix = track.file[track.file.rindex(".") :]
    if suffix not in REAPER_SOURCES:
        raise StemStudioError(
            f"A REAPER project is not written with {suffix.lstrip('.')} files.", "Choose WAV or FLAC."
        )
    red, green, blue = (int(track.colour[place : place + 2], 16) for place in (1, 3, 5))
    yield "<TRACK"
    yield f"  NAME {quoted(track.name)}"
    yield f"  PEAKCOL {OWN_COLOUR | blue << 16 | green << 8 | red}"
    over = max([1.0, *(factor / LOUDEST_POINT for _, factor in track.curve)])
    yield "  AUTOMODE 0"
    yield f"  VOLPAN {track.gain * over:.14g} {track.pan:.14g} -1 -1 1"
    yield f"  MUTESOLO {int(track.mute)} {SOLO_IN_PLACE * track.solo} 0"
    yield f"  IPHASE {int(track.flip)}"
    yield f"  NCHAN {max(2, track.channels)}"
    if track.curve:
        points = [(second, factor / over) for second, factor in track.curve]
        yield from _envelope("VOLENV2", points, STRAIGHT)
    if track.mutes and not track.mute:  # an envelope would switch the track on
        edges = [(0.0, 1.0)] if track.mutes[0][0] > 0 else []
        edges += [(edge, float(edge == stop)) for start, stop in track.mutes for edge in (start, stop)]
        yield from _envelope("MUTEENV", edges, SQUARE)
    yield "  <ITEM"
    yield "    POSITION 0"
    yield f"    LENGTH {seconds:.9f}"
    yield "    LOOP 0"
    yield f"    NAME {quoted(track.name)}"
    yield f"    <SOURCE {REAPER_SOURCES[suffix]}"
    yield f"      FILE {quoted(track.file)}"
    yield "    >"
    yield "  >"
    yield ">"


def _tempi(passages: Sequence[Passage]) -> Iterator[str]:
    """The tempo envelope: seconds, tempo, shape, and the metre with what it counts in the upper half of a number."""
    yield "<TEMPOENVEX"
    yield "  ACT 1 -1"
    yield "  VIS 1 0 1"
    yield "  ARM 0"
    yield f"  DEFSHAPE {SQUARE} -1 -1"
    for each in passages:
        yield f"  PT {each.second:.12f} {each.bpm:.10f} {SQUARE} {each.unit << 16 | each.beats}"
    yield ">"


def _envelope(name: str, points: Sequence[tuple[float, float]], shape: int) -> Iterator[str]:
    """Points (second, value): for a mute 0 is silence."""
    yield f"  <{name}"
    yield "    ACT 1 -1"
    yield "    VIS 1 1 1"
    yield "    ARM 0"
    yield f"    DEFSHAPE {shape} -1 -1"
    for second, value in points:
        yield f"    PT {second:.9f} {value:.12g} {shape}"
    yield "  >"
