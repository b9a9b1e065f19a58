"""Edits of the mixer: effects, muted stretches, and snapshots to go to and fro between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stemstudio.project.edit import Edit
from stemstudio.project.edits import set_stem
from stemstudio.project.effects import Effects
from stemstudio.project.project import Change, State
from stemstudio.project.snapshots import Snapshot, Snapshots, StripRecord
from stemstudio.project.stem import MIXTURE, STRIP, Stem

Stretches = tuple[tuple[float, float], ...]


def set_effects(state: State, name: str, /, **fields: Any) -> Edit | None:
    """Change settings of reverb and delay, checked; the same ones moved on merge. None when nothing would change."""
    changed = Effects.model_validate({**dict(state.effects), **fields})
    if changed == state.effects:
        return None
    merge = f"effects.{'.'.join(sorted(fields))}"
    return Edit(name, {"effects": {0: changed}}, Change(frozenset({"mixer"})), merge)


def reset_strip(state: State, stem: int) -> Edit | None:
    """Put a strip back to where it was at first; None where it is."""
    first = Stem(0, "", "", None)
    fields = {name: getattr(first, name) for name in STRIP}
    if all(getattr(state.stems[stem], name) == value for name, value in fields.items()):
        return None
    return set_stem(state, stem, f"Reset {state.stems[stem].name}", **fields)


def silence(state: State, stem: int, start: float, stop: float) -> Edit | None:
    """Silence a stem between two times in seconds; None when it is silent there already."""
    mutes = joined((*state.stems[stem].mutes, (start, stop)))
    if mutes == state.stems[stem].mutes or stop <= start:
        return None
    return set_stem(state, stem, f"Silence {state.stems[stem].name} from {start:.1f} s", mutes=mutes)


def sound_again(state: State, stem: int, start: float, stop: float) -> Edit | None:
    """Let a stem be heard again between two times; None when nothing of it is muted there."""
    left: list[tuple[float, float]] = []
    for first, last in state.stems[stem].mutes:
        left += [(first, min(last, start)), (max(first, stop), last)]
    mutes = tuple((first, last) for first, last in left if last > first)
    if mutes == state.stems[stem].mutes:
        return None
    return set_stem(state, stem, f"Hear {state.stems[stem].name} again from {start:.1f} s", mutes=mutes)


def joined(stretches: Stretches) -> Stretches:
    """Stretches in order; those that touch are one."""
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(each for each in stretches if each[1] > each[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return tuple(merged)


def snapshot(state: State, letter: str) -> Snapshot:
    """The mixer as it is, under a letter."""
    strips = tuple((leaf.id, StripRecord.of_strip(leaf)) for leaf in state.leaves())
    return Snapshot(letter=letter, strips=strips, effects=state.effects)


def switch(state: State, letter: str) -> Edit | None:
    """Go over to the mixer under another letter; None where it is that already.

    What the mixer is now stays under the letter it has.  A letter without a mixer begins as a copy of this one.
    Parts of a stem that was taken apart since have its strip; other stems that have come since are left as they are.
    """
    snapshots = state.snapshots
    if letter == snapshots.current:
        return None
    kept = snapshots.having(snapshot(state, snapshots.current))
    wanted = kept.of(letter)
    rows: dict[str, dict[int, Any]] = {
        "snapshots": {0: Snapshots(current=letter, kept=kept.kept)},
    }
    changed = frozenset[int]()
    if wanted is not None:
        records = dict(wanted.strips)
        strips = {
            leaf.id: replace(leaf, **records[known[-1]].fields())
            for leaf in state.leaves()
            if (known := [number for number in (MIXTURE, *state.path(leaf.id)) if number in records])
        }
        changed = frozenset(number for number, stem in strips.items() if stem != state.stems[number])
        rows["stems"] = {number: strips[number] for number in changed}
        rows["effects"] = {0: wanted.effects}
    return Edit(f"Mixer {letter}", rows, Change(frozenset({"mixer"}), changed), "snapshots")


def forget(state: State, letter: str) -> Edit | None:
    """Take the mixer under a letter away; None where there is none, or it is the present one."""
    snapshots = state.snapshots
    kept = tuple(each for each in snapshots.kept if each.letter != letter)
    if letter == snapshots.current or len(kept) == len(snapshots.kept):
        return None
    left = Snapshots(current=snapshots.current, kept=kept)
    return Edit(f"Forget mixer {letter}", {"snapshots": {0: left}}, Change(frozenset({"mixer"})))
