"""Edits of how a song is practised, and of its beats."""

from __future__ import annotations

from typing import Any

from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.edit import Edit
from stemstudio.project.practice import Practice
from stemstudio.project.project import Change, State

WORDS = {
    "tempo": "Tempo {:.2f} ×",
    "semitones": "Key {:+d} semitones",
    "click": "Metronome",
    "click_db": "Metronome {:+.1f} dB",
    "count_in": "Count-in: {}",
    "pre_roll": "Pre-roll: {}",
    "snap": "Snap to beats",
    "loop": "Loop {0[0]:.1f}–{0[1]:.1f} s",
}


def set_practice(state: State, **fields: Any) -> Edit | None:
    """Practise in another way; None when nothing would change.  What is moved merges with the move before."""
    changed = Practice.model_validate({**state.practice.model_dump(), **fields})
    if changed == state.practice:
        return None
    name = next(iter(fields))
    value = getattr(changed, name)
    if name in ("count_in", "pre_roll"):
        value = {0: "none", 1: "1 bar"}.get(value, f"{value} bars")
    words = "Play straight on" if value is None else WORDS[name].format(value).replace(" -", " −")
    if isinstance(value, bool):
        words += " on" if value else " off"
    moved = name in ("tempo", "semitones", "click_db") or (name == "loop" and value is not None)
    merge = f"practice.{name}" if moved else ""
    return Edit(words, {"practice": {0: changed}}, Change(frozenset({"practice"})), merge)


def set_beats(state: State, beats: BeatGrid, name: str, merge: str = "") -> Edit | None:
    """Other beats on the ruler, or another key in words; they change no sound.  None when nothing would change."""
    if beats == state.beats:
        return None
    return Edit(name, {"beats": {0: beats}}, Change(frozenset({"beats"})), merge)
