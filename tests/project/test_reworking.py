"""Atoms worked on where they are: in the whole stem, and in a selection that was taken apart over it."""

from __future__ import annotations

import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.spliced import Spliced
from stemstudio.errors import StemStudioError
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits, reworking
from stemstudio.project.edit import Edit
from stemstudio.project.history import History
from stemstudio.project.project import Change, Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.project.splicing import separate_range, splice
from stemstudio.spectral.brushes import Box
from stemstudio.spectral.stft import StftSettings

RATE = 22050
BOX = Box(start=1.0, stop=2.0, low=0.0, high=RATE / 2)


def recipe(components):
    return NMF(components=components, iterations=8, fft=1024, hop=256)


@pytest.fixture(scope="module")
def spliced():
    """Four atoms for the song, three for a second of it."""
    mix, _ = mixture(seconds=3.0, rate=RATE)
    project = Project(mix, SongReference("song.wav", "", "Song"), StftSettings(fft=1024, hop=256))
    history = History(project)
    whole = recipe(4).run(mix, Progress())
    history.do(edits.split(project, 0, recipe(4), whole, stems=["low", "high"], owners=[0, 0, 1, None]))
    history.do(splice(project, 0, separate_range(project.state, 0, recipe(3), BOX, Progress())))
    history.do(edits.lock(project.state, 0, [5], True, "Lock"))
    assert isinstance(project.state.splits[0].estimates, Spliced)
    return project.state


def put_in(state, done):
    project = Project(state.mixture, SongReference("song.wav", "", "Song"), state.grid)
    rows = {"stems": dict(state.stems), "splits": dict(state.splits)}
    Edit("", rows, Change(frozenset({"splits"}))).do(project)
    done.edit(project.state, 0, "Work").do(project)
    return project.state


def owners(state):
    return [state.stems[owner].name for owner in state.splits[0].owners]


def miss(state):
    total = sum(render_leaves(state, 0, state.mixture.length).values())
    return np.abs(total - state.mixture.samples).max()


def test_continue_improves_the_song_and_the_selection(spliced):
    done = reworking.go_on(spliced, 0, 12, Progress())
    after = put_in(spliced, done)
    assert done.origins == tuple(range(7))
    assert owners(after) == owners(spliced)
    assert after.splits[0].locked == {5}
    for old, new in zip(spliced.splits[0].estimates.sources, after.splits[0].estimates.sources, strict=True):
        assert new.costs[-1] < old.costs[-1]
    assert after.splits[0].recipe.iterations == 20
    assert after.splits[0].estimates.pieces[0].recipe.iterations == 20
    assert miss(after) < 1e-5


def test_an_atom_of_the_selection_is_split_and_all_others_stay(spliced):
    done = reworking.split_atom(spliced, 0, 5, Progress())
    after = put_in(spliced, done)
    assert done.origins == (0, 1, 2, 3, 4, 5, 6, 5)
    assert owners(after)[-1] == owners(spliced)[5]
    old, new = spliced.splits[0].estimates, after.splits[0].estimates
    assert new.base is old.base
    np.testing.assert_array_equal(new.templates[:, 6], old.templates[:, 6])
    start = round(BOX.stop * RATE)
    before, now = (render_leaves(state, start, state.mixture.length) for state in (spliced, after))
    assert all(np.array_equal(before[leaf], now[leaf]) for leaf in before)
    assert miss(after) < 1e-5


def test_an_atom_of_the_song_is_split_under_the_selection(spliced):
    done = reworking.split_atom(spliced, 0, 1, Progress())
    after = put_in(spliced, done)
    assert done.origins == (0, 1, 2, 3, 1, 4, 5, 6)
    assert owners(after) == [owners(spliced)[origin] for origin in done.origins]
    assert after.splits[0].locked == {6}
    middle = round(1.2 * RATE), round(1.8 * RATE)
    before, now = (render_leaves(state, *middle) for state in (spliced, after))
    assert all(np.array_equal(before[leaf], now[leaf]) for leaf in before)


def test_only_atoms_that_were_found_together_are_merged(spliced):
    done = reworking.merge(spliced, 0, [4, 6], Progress())
    assert len(done.origins) == 6
    assert done.origins[:4] == (0, 1, 2, 3)
    assert len(put_in(spliced, done).splits[0].estimates.pieces[0].estimates.names) == 2
    with pytest.raises(StemStudioError, match="not found together"):
        reworking.merge(spliced, 0, [1, 6], Progress())


def test_atoms_of_both_are_deleted_but_never_all(spliced):
    done = reworking.delete(spliced, 0, [0, 6], Progress())
    assert done.origins == (1, 2, 3, 4, 5)
    assert put_in(spliced, done).splits[0].locked == {4}
    with pytest.raises(StemStudioError, match="last atom"):
        reworking.delete(spliced, 0, [4, 5, 6], Progress())


def test_drawn_anew_is_only_what_stands_beside_atoms_that_are_kept(spliced):
    split = spliced.splits[0]
    assert reworking.kept_atoms(split, [1]) == {5}
    assert reworking.drawn_anew(split, {5}) == 2
    after = put_in(spliced, reworking.draw_anew(spliced, 0, {5}, Progress()))
    new = after.splits[0].estimates
    assert new.base is split.estimates.base
    np.testing.assert_allclose(new.templates[:, 5], split.estimates.templates[:, 5], rtol=1e-5)
    assert owners(after)[4:] == ["residual", owners(spliced)[5], "residual"]
    assert new.pieces[0].recipe.seed == 1
    with pytest.raises(StemStudioError, match="nothing to draw anew"):
        reworking.draw_anew(spliced, 0, range(7), Progress())


def test_it_stops_when_it_is_asked_to(spliced):
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        reworking.delete(spliced, 0, [0], progress)
