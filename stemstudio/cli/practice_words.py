"""What is said of practice and beats on the command line, as edits of a project."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stemstudio.algorithms.beats import KEYS, find_timing
from stemstudio.cli.options import settings_from
from stemstudio.cli.strip_words import do
from stemstudio.cli.values import as_number, checked, halves
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.history import History
from stemstudio.project.practice import Practice
from stemstudio.project.practising import set_beats, set_practice
from stemstudio.project.project import Project

ALONG = tuple(name for name in Practice.model_fields if name not in ("tempo", "semitones"))


def practise(
    history: History, project: Project, tempo: float | None, key: int | None, given: Iterable[str]
) -> None:
    """The project plays so from now on; what is not said stays."""
    said = {"tempo": tempo, "semitones": key}
    fields: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    for name, words in settings_from(given, "--practice", "count_in=2").items():
        if name not in ALONG:
            raise StemStudioError(f"Practice has no “{name}”.", f"It has: {', '.join(ALONG)}.")
        if name == "loop":
            fields[name] = None if words == "off" else _loop(words, project)
        else:
            fields[name] = words if words in ("on", "off") else as_number(words)
    checked(Practice, {**dict(project.state.practice), **fields})
    for name, value in fields.items():
        do(history, set_practice(project.state, **{name: value}))


def _loop(words: str, project: Project) -> tuple[float, float]:
    start, stop = (as_number(part) for part in halves(words, "-", "12.5-20"))
    song = project.state.mixture
    end = song.length / song.sample_rate
    if not 0 <= start < min(stop, end):
        raise StemStudioError(f"Nothing lies between {start:g} s and {min(stop, end):g} s.")
    return start, min(stop, end)


def change_beats(history: History, project: Project, given: Iterable[str], progress: Progress) -> None:
    """Find or change the beats, one word after another."""
    for each in given:
        grid, name = _changed(project, each, progress)
        do(history, set_beats(project.state, grid, name))


def _changed(project: Project, words: str, progress: Progress) -> tuple[BeatGrid, str]:
    state = project.state
    grid, song = state.beats, state.mixture
    how, _, value = words.partition("=")
    if how == "find":
        found = find_timing(song, progress)
        beats = tuple(found.beats.tolist())
        return BeatGrid(beats=beats, metre=found.metre, one=found.one, key=found.key), "Find beats and key"
    if how == "none":
        return BeatGrid(), "Forget the beats"
    if how == "even":
        bpm, first = (as_number(part) for part in halves(value, "@", "even=120@0.35"))
        return grid.evened(bpm, first, song.length / song.sample_rate), f"{bpm:g} beats a minute"
    if how == "key":
        return grid.with_key(key_named(value)), f"Key: {key_named(value)}"
    if how not in ("double", "half", "metre", "bar", "move"):
        raise StemStudioError(
            f"Beats cannot be changed by “{how}”.",
            "Say find, none, double, half, even=BPM@SECOND, metre=BEATS, bar=SECOND, move=SECOND or key=KEY.",
        )
    if not grid:
        raise StemStudioError("There are no beats to change.", "Find them first: --beats find.")
    if how == "double":
        return grid.doubled(), "Twice as many beats"
    if how == "half":
        return grid.halved(), "Half as many beats"
    where = as_number(value)
    if how == "metre":
        checked(BeatGrid, {**dict(grid), "metre": where})
        return grid.with_metre(int(where)), f"{where:g} beats a bar"
    beat = grid.nearest(where)
    if how == "bar":
        return grid.with_one(beat), f"A bar begins at {grid.beats[beat]:.2f} s"
    return grid.moved(beat, where), "Move a beat"


def key_named(words: str) -> str:
    """The key as it is usually written: “f# minor” is “F♯ minor”."""
    plain = words.strip().casefold().replace("♯", "#").replace("♭", "b")
    for mode, notes in KEYS.items():
        for step, note in enumerate(notes):
            others = {names[step] for names in KEYS.values()}
            for name in others:
                if plain == f"{name} {mode}".casefold().replace("♯", "#").replace("♭", "b"):
                    return f"{note} {mode}"
    raise StemStudioError(f"“{words}” is no key.", "Say it as in “C major” or “F# minor”.")
