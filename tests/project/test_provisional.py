"""A split that is still being made: stems that add up at every moment, redone only where something is new."""

from __future__ import annotations

import numpy as np
import pytest
from small_projects import Slicer

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.streaming import SoFar
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.project import Project, SongReference
from stemstudio.project.provisional import Provisional
from stemstudio.project.provisional_piece import ProvisionalPiece
from stemstudio.project.rendering import render_leaves
from stemstudio.project.splicing import Place
from stemstudio.spectral.stft import StftSettings

RATE = 8000
LENGTH = 4 * RATE
RAMP = round(0.05 * RATE)


@pytest.fixture
def project() -> Project:
    samples = np.random.default_rng(1).standard_normal((2, LENGTH)).astype(np.float32)
    return Project(Audio(samples, RATE), SongReference("", "", ""), StftSettings())


def so_far(project: Project, *done: tuple[int, int]) -> SoFar:
    """Half of the song to either stem, where it is finished."""
    waves = np.zeros((2, 2, LENGTH), dtype=np.float32)
    for start, stop in done:
        waves[..., start:stop] = 0.25 * project.state.mixture.read(start, stop)
    return SoFar(Waveforms(["low", "high"], waves), done)


def sounds(state) -> dict[str, np.ndarray]:
    return {state.stems[stem].name: wave for stem, wave in render_leaves(state, 0, LENGTH).items()}


def test_finished_stretches_fade_into_the_residual_and_all_adds_up(project):
    song = project.state.mixture.read(0, LENGTH)
    laid = Provisional.of(project, 0, Slicer(), so_far(project, (RATE, 2 * RATE)), {})
    assert 0 not in project.state.splits, "the project itself is as it was"
    found = sounds(laid.over(project.state))
    np.testing.assert_allclose(sum(found.values()), song, atol=1e-6)
    assert not found["low"][:, :RATE].any()
    assert not found["low"][:, 2 * RATE :].any()
    inside = slice(RATE + RAMP, 2 * RATE - RAMP)
    np.testing.assert_array_equal(found["low"][:, inside], 0.25 * song[:, inside])
    assert np.abs(found["low"][:, RATE]).max() < 0.01 * np.abs(song).max(), "no step at the edge"
    np.testing.assert_array_equal(found["residual"][:, : RATE - 1], song[:, : RATE - 1])


def test_only_what_is_new_is_redone(project):
    laid = Provisional.of(project, 0, Slicer(), so_far(project, (RATE, 2 * RATE)), {})
    before = sounds(laid.over(project.state))
    later, change = laid.grown(project.state, so_far(project, (RATE, 3 * RATE)))
    after = sounds(later.over(project.state))
    start, stop = round(change.box.start * RATE), round(change.box.stop * RATE)
    assert (start, stop) == (2 * RATE - RAMP, 3 * RATE + RAMP)
    for name, wave in after.items():
        assert np.array_equal(wave[:, :start], before[name][:, :start])
        assert np.array_equal(wave[:, stop:], before[name][:, stop:])
    _, change = later.grown(project.state, so_far(project, (0, RATE // 2), (RATE, 3 * RATE)))
    assert round(change.box.stop * RATE) == RATE // 2 + RAMP, "a stretch of its own, elsewhere"
    assert later.stems == laid.stems


def test_the_whole_has_the_same_stems_with_the_faders_they_were_given(project):
    laid = Provisional.of(project, 0, Slicer(), so_far(project, (0, RATE)), {"low": "band", "high": "band"})
    (band, residual) = laid.over(project.state).children(0)
    quieter = laid.taking(edits.set_stem(laid.over(project.state), band.id, "Fader", gain_db=-6.0))
    assert quieter is not None
    whole = so_far(project, (0, LENGTH)).estimates
    history = History(project)
    history.do(quieter.whole(whole, "Slicer"))
    assert [stem.id for stem in project.state.children(0)] == [band.id, residual.id]
    assert project.state.stems[band.id].gain_db == -6.0
    song = project.state.mixture.read(0, LENGTH)
    np.testing.assert_array_equal(sounds(project.state)["band"], 0.25 * song + 0.25 * song)
    history.undo()
    assert 0 not in project.state.splits


def test_what_is_finished_can_be_kept(project):
    laid = Provisional.of(project, 0, Slicer(), so_far(project, (0, RATE), (2 * RATE, 3 * RATE)), {})
    heard = sounds(laid.over(project.state))
    kept = laid.kept(lambda estimates, progress: estimates, Progress())
    History(project).do(laid.whole(kept, "Slicer, unfinished"))
    for name, wave in sounds(project.state).items():
        assert np.array_equal(wave, heard[name])


def test_what_is_not_there_yet_cannot_be_painted_or_split(project):
    laid = Provisional.of(project, 0, Slicer(), so_far(project, (0, RATE)), {})
    state = laid.over(project.state)
    low = state.children(0)[0].id
    assert laid.touches(edits.set_stem(state, low, "Mute", mute=True))
    assert laid.touches(edits.join(state, 0))
    assert laid.taking(edits.join(state, 0)) is None
    assert laid.touches(edits.add_stem(project, 0, "more")[0])
    assert not laid.touches(edits.set_stem(state, 0, "Softer", gain_db=-3.0))
    assert laid.fits(project.state)
    edits.split(project, 0, Slicer(), so_far(project, (0, LENGTH)).estimates).do(project)
    assert not laid.fits(project.state)


PLACE = Place(offset=RATE, length=2 * RATE, start=round(1.5 * RATE), stop=round(2.5 * RATE), band=None)


def heard_so_far(project: Project, names: list[str], *done: tuple[int, int]) -> SoFar:
    """A quarter of the song to every part, where what the recipe hears of it is finished."""
    waves = np.zeros((len(names), 2, PLACE.length), dtype=np.float32)
    for start, stop in done:
        waves[..., start:stop] = 0.25 * project.state.mixture.read(PLACE.offset + start, PLACE.offset + stop)
    return SoFar(Waveforms(names, waves), done)


def test_a_selection_is_laid_over_the_split_that_is_there(project):
    edits.split(project, 0, Slicer(), so_far(project, (0, LENGTH)).estimates).do(project)
    before, song = sounds(project.state), project.state.mixture.read(0, LENGTH)
    first = heard_so_far(project, ["low", "third"], (0, RATE // 4))
    assert ProvisionalPiece.within(project, 0, Slicer(), first, {}, PLACE) is None, "around it, not in it"
    first = heard_so_far(project, ["low", "third"], (0, RATE))
    laid = ProvisionalPiece.within(project, 0, Slicer(), first, {}, PLACE)
    assert laid.done == ((PLACE.start, 2 * RATE),)
    assert laid.wanted(project.state) == RATE
    found = sounds(laid.over(project.state))
    assert list(found) == ["low", "high", "third", "residual"], "what has a name that is there goes on in it"
    np.testing.assert_allclose(sum(found.values()), song, atol=1e-6)
    outside = np.r_[: PLACE.start, 2 * RATE : LENGTH]
    inside = slice(PLACE.start + RAMP, 2 * RATE - RAMP)
    for name, wave in before.items():
        assert np.array_equal(found[name][:, outside], wave[:, outside])
    assert not found["high"][:, inside].any(), "the new run knows no such part"
    np.testing.assert_allclose(found["third"][:, inside], 0.25 * song[:, inside], atol=1e-6)
    later, change = laid.grown(project.state, heard_so_far(project, ["low", "third"], (0, 2 * RATE)))
    assert later.done == ((PLACE.start, PLACE.stop),)
    assert round(change.box.start * RATE) == 2 * RATE - RAMP
    assert {project.state.stems[stem].name for stem in change.stems if stem in project.state.stems} == set(
        before
    )

    low, third = (stem for stem in laid.over(project.state).children(0) if stem.name in ("low", "third"))
    assert not later.touches(edits.set_stem(project.state, low.id, "Fader", gain_db=-6.0))
    assert later.touches(edits.set_stem(later.over(project.state), third.id, "Mute", mute=True))
    kept = later.kept(lambda estimates, progress: estimates, Progress())
    heard = sounds(later.over(project.state))
    history = History(project)
    history.do(later.whole(kept, "Slicer, unfinished"))
    for name, wave in sounds(project.state).items():
        assert np.array_equal(wave, heard[name])
    history.undo()
    assert list(sounds(project.state)) == list(before)


def test_a_selection_of_what_is_not_split_yet_makes_new_stems(project):
    found = heard_so_far(project, ["low", "high"], (0, 2 * RATE))
    laid = ProvisionalPiece.within(project, 0, Slicer(), found, {"low": "all", "high": "all"}, PLACE)
    song = project.state.mixture.read(0, LENGTH)
    heard = sounds(laid.over(project.state))
    assert list(heard) == ["all", "residual"]
    np.testing.assert_allclose(sum(heard.values()), song, atol=1e-6)
    assert not heard["all"][:, : PLACE.start].any()
    inside = slice(PLACE.start + RAMP, PLACE.stop - RAMP)
    np.testing.assert_allclose(heard["all"][:, inside], 0.5 * song[:, inside], atol=1e-6)
