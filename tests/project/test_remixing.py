"""Edits of the mixer: effects, muted stretches, snapshots; and that files keep them."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import cut_songs as small
import numpy as np
import pytest
from pydantic import ValidationError

from stemstudio.errors import BadProject
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.strips import strips_of
from stemstudio.project import edits, remixing
from stemstudio.project.effects import Effects, Equaliser
from stemstudio.project.opening import open_project
from stemstudio.project.placing import set_place
from stemstudio.project.rendering import render
from stemstudio.project.room import Place
from stemstudio.project.snapshots import Snapshots
from stemstudio.project.stem import STRIP
from stemstudio.project.storage import Storage

STRIPPED = {
    "gain_db": -3.0,
    "pan": 0.25,
    "mute": True,
    "solo": True,
    "width": 1.5,
    "flip": True,
    "solo_safe": True,
    "equaliser": Equaliser(low=3.0, high_cut=9000.0),
    "reverb_db": -12.0,
    "delay_db": -20.0,
    "mutes": ((1.0, 2.0),),
    "envelope": ((0.0, 1.0), (0.5, 0.25)),
}


@pytest.fixture
def song():
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    return cut, history


def test_stretches_are_muted_joined_and_heard_again(song) -> None:
    cut, history = song
    stem = cut.state.leaves()[0].id

    def mutes():
        return cut.state.stems[stem].mutes

    history.do(remixing.silence(cut.state, stem, 0.2, 0.4))
    history.do(remixing.silence(cut.state, stem, 0.6, 0.8))
    assert mutes() == ((0.2, 0.4), (0.6, 0.8))
    assert remixing.silence(cut.state, stem, 0.25, 0.3) is None
    history.do(remixing.silence(cut.state, stem, 0.4, 0.6))
    assert mutes() == ((0.2, 0.8),)
    history.do(remixing.sound_again(cut.state, stem, 0.3, 0.5))
    assert mutes() == ((0.2, 0.3), (0.5, 0.8))
    assert remixing.sound_again(cut.state, stem, 0.3, 0.5) is None
    history.undo()
    history.undo()
    assert mutes() == ((0.2, 0.4), (0.6, 0.8))


def test_effects_merge_while_they_are_moved_and_keep_within_their_bounds(song) -> None:
    cut, history = song
    places = len(history.edits)
    for seconds in (2.0, 2.5, 3.0):
        history.do(remixing.set_effects(cut.state, "Reverb", reverb_seconds=seconds))
    assert cut.state.effects.reverb_seconds == 3.0
    assert len(history.edits) == places + 1
    assert remixing.set_effects(cut.state, "Reverb", reverb_seconds=3.0) is None
    with pytest.raises(ValidationError):
        remixing.set_effects(cut.state, "Delay", delay_feedback=1.5)


def test_letters_keep_what_each_mixer_was(song) -> None:
    cut, history = song
    first, second = (leaf.id for leaf in cut.state.leaves()[:2])
    history.do(edits.set_stem(cut.state, first, "Louder", gain_db=3.0))
    history.do(remixing.switch(cut.state, "B"))
    assert cut.state.stems[first].gain_db == 3.0  # a letter begins as a copy
    history.do(edits.set_stem(cut.state, first, "Softer", **STRIPPED))
    history.do(remixing.set_effects(cut.state, "Delay", delay_ms=100.0))
    assert remixing.switch(cut.state, "B") is None
    history.do(remixing.switch(cut.state, "A"))
    assert (cut.state.stems[first].gain_db, cut.state.stems[first].width) == (3.0, 1.0)
    assert cut.state.effects == Effects()
    history.do(edits.set_stem(cut.state, second, "Mute", mute=True))
    history.do(remixing.switch(cut.state, "B"))
    assert {name: getattr(cut.state.stems[first], name) for name in STRIP} == STRIPPED
    assert cut.state.effects.delay_ms == 100.0
    assert not cut.state.stems[second].mute
    history.do(remixing.switch(cut.state, "A"))
    assert cut.state.stems[second].mute
    before = cut.state
    assert remixing.forget(cut.state, "A") is None
    history.do(remixing.forget(cut.state, "B"))
    assert cut.state.snapshots.of("B") is None
    history.undo()
    small.assert_same(cut.state, before)
    while history.place > 1:
        history.undo()
    assert cut.state.snapshots == Snapshots()


def test_going_to_and_fro_is_one_step_and_survives_stems_that_went(song) -> None:
    cut, history = song
    history.do(remixing.switch(cut.state, "B"))
    places = len(history.edits)
    for letter in "ABCA":
        history.do(remixing.switch(cut.state, letter))
    assert len(history.edits) == places
    history.do(edits.join(cut.state, 0))
    history.do(remixing.switch(cut.state, "B"))
    assert [stem.id for stem in cut.state.leaves()] == [0]


def test_parts_of_a_stem_have_the_strip_and_the_place_that_it_had(song) -> None:
    cut, history = song
    stem = cut.state.leaves()[0].id
    there = Place(azimuth=-75.0, distance=0.5, ambience=0.25)
    history.do(edits.set_stem(cut.state, stem, "All", **STRIPPED))
    history.do(set_place(cut.state, stem, "There", **dict(there)))
    whole = cut.state.stems[stem]

    def strips(below):
        fields = (*STRIP, "place")
        return [{name: getattr(leaf, name) for name in fields} for leaf in cut.state.leaves(below)]

    history.do(small.split_edit(cut, stem, small.waves(cut.state)))
    assert strips(stem) == 3 * [{name: getattr(whole, name) for name in (*STRIP, "place")}]
    edit, _ = edits.add_stem(cut, stem, "breath")
    history.do(edit)
    assert strips(stem)[-1] == strips(stem)[0]
    parts = [leaf.id for leaf in cut.state.leaves(stem)]
    for part in parts:
        history.do(edits.set_stem(cut.state, part, "Softer", gain_db=-20.0))
    history.do(edits.set_stem(cut.state, parts[0], "Left", pan=-1.0))
    history.do(small.split_edit(cut, stem, small.waves(cut.state)))  # another split in its place
    assert strips(stem) == 3 * [{**STRIPPED, "gain_db": -20.0, "place": there}]
    for part in cut.state.leaves(stem):
        history.do(edits.set_stem(cut.state, part.id, "Softer", gain_db=-30.0))
    history.do(edits.join(cut.state, stem))
    assert strips(stem) == [{**STRIPPED, "gain_db": -30.0, "place": there}]


def test_nothing_that_is_heard_jumps_when_a_stem_is_split_or_put_together_again(song) -> None:
    cut, history = song
    stem = cut.state.leaves()[0].id
    shaped = {**STRIPPED, "mute": False, "solo": False, "mutes": ((0.2, 0.4),)}
    history.do(edits.set_stem(cut.state, stem, "All", **shaped))

    def mixed():
        leaves = cut.state.leaves()
        sound = render(cut.state, [leaf.id for leaf in leaves], 0, cut.state.mixture.length)
        strips = strips_of(leaves, 2, cut.state.mixture.sample_rate)
        mixing = Mixdown(strips, cut.state.effects, cut.state.mixture.sample_rate)
        return mixing.mix([sound[leaf.id] for leaf in leaves])

    before = mixed()
    assert np.abs(before).max() > 0.01
    for edit in (small.split_edit(cut, stem, small.waves(cut.state)), edits.join(cut.state, stem)):
        history.do(edit)
        np.testing.assert_allclose(mixed(), before, atol=1e-5)


def test_letters_from_before_a_split_hold_for_the_parts(song) -> None:
    cut, history = song
    stem = cut.state.leaves()[0].id
    history.do(edits.set_stem(cut.state, stem, "All", **STRIPPED))
    history.do(remixing.switch(cut.state, "B"))
    history.do(remixing.reset_strip(cut.state, stem))
    history.do(small.split_edit(cut, stem, small.waves(cut.state)))
    history.do(remixing.switch(cut.state, "A"))
    for leaf in cut.state.leaves(stem):
        assert {name: getattr(leaf, name) for name in STRIP} == STRIPPED


def test_reset_puts_a_whole_strip_back(song) -> None:
    cut, history = song
    stem = cut.state.leaves()[0]
    assert remixing.reset_strip(cut.state, stem.id) is None
    history.do(edits.set_stem(cut.state, stem.id, "All", **STRIPPED))
    history.do(remixing.reset_strip(cut.state, stem.id))
    assert cut.state.stems[stem.id] == stem


def test_files_keep_strips_effects_and_letters_and_older_files_have_none(song, tmp_path: Path) -> None:
    cut, history = song
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    stem, other = (leaf.id for leaf in cut.state.leaves()[:2])
    history.do(edits.set_stem(cut.state, stem, "All", **STRIPPED))
    history.do(edits.set_stem(cut.state, other, "Off", gain_db=-math.inf))
    history.do(remixing.set_effects(cut.state, "Delay", delay_ms=100.0))
    history.do(remixing.switch(cut.state, "C"))
    file = storage.save(tmp_path / "song.stems")
    storage.close()

    def reopened():
        opened = open_project(file, home=tmp_path / "sessions")
        opened.storage.close()
        return opened.project.state

    state = reopened()
    assert state.stems == cut.state.stems
    assert (state.effects, state.snapshots) == (cut.state.effects, cut.state.snapshots)
    later = [name for name in STRIP if name not in ("gain_db", "pan", "mute", "solo")]
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM meta WHERE key IN ('effects', 'snapshots')")
        removed = ", ".join(f"'$.{name}'" for name in later)
        connection.execute(f"UPDATE stems SET value = json_remove(value, {removed})")
    connection.close()
    older = reopened()
    assert older.effects == Effects()
    plain = {name: STRIPPED[name] for name in ("gain_db", "pan", "mute", "solo")}
    assert older.stems[stem] == replace(
        small.project(1.0)[0].state.stems[0],
        **{
            "id": stem,
            "name": cut.state.stems[stem].name,
            "colour": cut.state.stems[stem].colour,
            "parent": 0,
            "position": cut.state.stems[stem].position,
            **plain,
        },
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("$.width", 9),
        ("$.equaliser.mid_at", 1e9),
        ("$.mutes", [[0, 1e300]]),
        ("$.envelope", [[0, -1]]),
        ("$.reverb_db", "loud"),
    ],
)
def test_strips_of_a_strangers_file_are_checked(song, tmp_path: Path, place: str, value: object) -> None:
    cut, history = song
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    history.do(edits.set_stem(cut.state, cut.state.leaves()[0].id, "All", **STRIPPED))
    file = storage.save(tmp_path / "song.stems")
    storage.close()
    with sqlite3.connect(file) as connection:
        connection.execute(
            "UPDATE stems SET value = json_set(value, ?, json(?)) WHERE id = ?",
            (place, json.dumps(value), cut.state.leaves()[0].id),
        )
    connection.close()
    with pytest.raises(BadProject):
        open_project(file, home=tmp_path / "sessions")
