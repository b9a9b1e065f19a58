"""Edits: nothing is lost whatever is done, and everything can be undone."""

from __future__ import annotations

import cut_songs as small
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf import merging
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.project import edits
from stemstudio.project.project import Change, PaintStroke
from stemstudio.spectral.brushes import BrushStroke


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1))
def test_stems_sum_to_the_song_and_undo_goes_back_to_the_start(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    states = [cut.state]
    for _ in range(12):
        edit = small.random_edit(cut, rng)
        if edit is not None:
            history.do(edit)
            states.append(cut.state)
    assert small.sum_error_db(cut.state) <= -120
    while history.place > 1:
        history.undo()
    small.assert_same(cut.state, states[0])
    history.jump(len(history.edits))
    small.assert_same(cut.state, states[-1])


def test_reworked_atoms_keep_owners_locks_names_and_paint_of_all_others() -> None:
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.panned_atoms(cut.state)))
    voice, _, residual = (child.id for child in cut.state.children(0))
    stroke = BrushStroke(points=((0.5, 1000.0),), width=0.3, height=2.0, hardness=0.5, strength=1.0)
    history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(voice, False, stroke), "Brush"))
    history.do(edits.lock(cut.state, 0, [1, 4], True, "Lock"))
    history.do(edits.mask(cut.state, 0, Masking(firmness=2.0)))
    before = cut.state
    old = before.splits[0]
    heard: list[Change] = []
    cut.listen(heard.append)
    done = merging.merge(NMF(), old.estimates, [0, 3])
    origins = (done.origins[0], done.origins[1], None, *done.origins[3:])
    history.do(edits.refactorise(before, 0, done.estimates, origins, "Merge 2 atoms", NMF(seed=5)))
    new = cut.state.splits[0]
    assert new.owners == (old.owners[0], old.owners[1], residual, old.owners[4], old.owners[5])
    assert new.locked == {1, 3}
    assert new.estimates.names == ("Atom 1", "Atom 2", "Atom 3", "Atom 4", "Atom 5")
    assert new.masking == old.masking
    assert (new.recipe, new.residual) == (NMF(seed=5), old.residual)
    assert (cut.state.paint, cut.state.stems) == (before.paint, before.stems)
    assert {child.id for child in cut.state.children(0)} <= heard[0].stems
    assert heard[0].sounds
    assert small.sum_error_db(cut.state) <= -120
    history.undo()
    small.assert_same(cut.state, before)


def test_atoms_without_stems_leave_all_the_light_to_the_residual() -> None:
    cut, history = small.project(0.5)
    history.do(edits.split(cut, 0, NMF(components=6), small.atoms(cut.state)))
    (leaf,) = cut.state.leaves()
    assert leaf.name == "residual"
    assert np.array_equal(
        small.dense(cut.state)[leaf.id], cut.state.mixture.read(0, cut.state.mixture.length)
    )


def test_paint_tells_everyone_whose_sound_it_changes() -> None:
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    vocals, drums, _residual = cut.state.children(0)
    history.do(small.split_edit(cut, drums.id, small.masks(cut.state)))
    before = small.dense(cut.state)
    heard: list[Change] = []
    cut.listen(heard.append)
    stroke = BrushStroke(points=((0.5, 1000.0),), width=0.3, height=2.0, hardness=0.5, strength=1.0)
    history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(vocals.id, False, stroke), "Brush"))
    after = small.dense(cut.state)
    different = {leaf for leaf in after if not np.array_equal(before[leaf], after[leaf])}
    assert len(different) > 2
    assert different <= heard[0].stems


def test_children_of_one_split_have_names_of_their_own() -> None:
    cut, history = small.project(0.5)
    history.do(
        edits.split(cut, 0, NMF(components=6), small.atoms(cut.state), stems=("voice", "voice", "Mixture"))
    )
    names = [stem.name for stem in cut.state.stems.values()]
    assert len(set(names)) == len(names)


def test_erasing_what_was_painted_gives_the_algorithms_own_sound_back() -> None:
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    vocals = cut.state.children(0)[0].id
    before = small.dense(cut.state)
    stroke = small.fill(np.random.default_rng(0), 0.6)
    history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(vocals, False, stroke), "Brush"))
    assert not np.array_equal(small.dense(cut.state)[vocals], before[vocals])
    history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(vocals, True, stroke), "Erase"))
    for leaf, sound in small.dense(cut.state).items():
        assert np.array_equal(sound, before[leaf])


def test_locked_atoms_stay_where_they_are() -> None:
    cut, history = small.project(0.5)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    voice, band, _ = cut.state.children(0)
    history.do(edits.lock(cut.state, 0, [0], True, "Lock"))
    assert edits.assign(cut.state, 0, {0: band.id}, "Move") is None
    moved = edits.assign(cut.state, 0, {0: band.id, 3: band.id}, "Move")
    assert moved is not None
    history.do(moved)
    assert cut.state.splits[0].owners[0] == voice.id
    assert cut.state.splits[0].owners[3] == band.id


def test_merged_stems_sound_like_both_together() -> None:
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.waves(cut.state, ("vocals", "drums", "bass"))))
    vocals, drums, bass, _ = (stem.id for stem in cut.state.children(0))
    stroke = BrushStroke(points=((0.5, 1000.0),), width=0.3, height=2.0, hardness=0.5, strength=0.7)
    for stem in (vocals, bass):
        history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(stem, False, stroke), "Brush"))
    before = small.dense(cut.state)
    history.do(edits.merge(cut.state, [vocals, bass]))
    after = small.dense(cut.state)
    assert set(after) == set(before) - {bass}
    assert np.abs(after[vocals] - before[vocals] - before[bass]).max() < 2e-3
    assert np.abs(after[drums] - before[drums]).max() < 2e-3


@pytest.mark.parametrize("make", [small.atoms, small.waves, small.masks])
def test_a_deleted_stem_leaves_its_light_to_the_residual(make) -> None:
    cut, history = small.project(0.5)
    history.do(small.split_edit(cut, 0, make(cut.state)))
    first, residual = cut.state.children(0)[0].id, cut.state.children(0)[-1].id
    before = small.dense(cut.state)
    history.do(edits.delete(cut.state, first))
    after = small.dense(cut.state)
    assert first not in after
    assert np.abs(after[residual] - before[residual] - before[first]).max() < 1e-5


def test_masks_are_chosen_and_moved_in_steps_that_can_be_undone() -> None:
    cut, history = small.project(0.5)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    first = cut.state.children(0)[0].id
    history.do(small.split_edit(cut, first, small.masks(cut.state)))
    estimates, plain, before = (
        cut.state.splits[0].estimates,
        cut.state.splits[0].masking,
        small.dense(cut.state),
    )
    heard: list[frozenset[int]] = []
    kinds: set[frozenset[str]] = set()
    cut.listen(lambda change: (heard.append(change.stems), kinds.add(change.kinds), None)[-1])
    assert edits.mask(cut.state, 0, plain) is None
    assert edits.mask(cut.state, 0, None) is None
    for masking in (
        Masking(kind="binary"),
        Masking(kind="binary", margin=1.2),
        Masking(kind="binary", margin=1.5),
    ):
        edit = edits.mask(cut.state, 0, masking)
        assert edit is not None
        history.do(edit)
    assert history.names[-2:] == ["Masks: binary", "Masks: binary, margin 1.5"]
    assert cut.state.splits[0].estimates is estimates
    assert heard[-1] >= {leaf.id for leaf in cut.state.leaves()}
    assert kinds == {frozenset({"masks"})}, "no part has another owner, no stem another look"
    history.undo()
    assert cut.state.splits[0].masking == Masking(kind="binary")
    deep = edits.mask(cut.state, first, Masking(kind="wiener", firmness=2.0, iterations=2))
    assert deep is not None
    assert deep.name == "Masks of voice: Wiener, firmness 2, 2 rounds"
    edit = edits.mask(cut.state, 0, None)
    assert edit is not None
    history.do(edit)
    assert cut.state.splits[0].masking == plain
    for leaf, sound in small.dense(cut.state).items():
        assert np.array_equal(sound, before[leaf])


def test_there_is_a_free_name_however_many_are_taken() -> None:
    state = small.project(0.1)[0].state
    taken = ["voice", *(f"voice {number}" for number in range(2, 10_000))]
    assert edits.unique_name(state, "voice", also=taken) == "voice 10000"
    assert edits.unique_name(state, "voice") == "voice"
