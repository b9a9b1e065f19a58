"""Other opinions, and where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.doubt import LONGEST, doubt_map, doubtful_regions
from stemstudio.project.opinions import Earlier, Opinion, compared, doubt
from stemstudio.project.project import Project, SongReference, State
from stemstudio.spectral.stft import StftSettings

GRID = StftSettings(fft=1024, hop=256)
RATE = 22050
SWAPPED = (2.0, 3.0)  # seconds in which the lead is called a chord


def split(mix: Audio, stems: dict[str, np.ndarray]) -> Project:
    project = Project(mix, SongReference("song.wav", "", "Song"), GRID)
    estimates = Waveforms(list(stems), np.stack(list(stems.values())))
    edits.split(project, 0, ByHand(), estimates).do(project)
    return project


@pytest.fixture(scope="module")
def song():
    mix, stems = mixture(5.0, RATE)
    return mix, {name: sound.samples for name, sound in stems.items()}


@pytest.fixture(scope="module")
def states(song) -> tuple[State, State]:
    """The true stems, and the same but for one second of the lead."""
    mix, stems = song
    here = slice(*(int(second * RATE) for second in SWAPPED))
    moved = {name: wave.copy() for name, wave in stems.items()}
    moved["chords"][:, here] += moved["lead"][:, here]
    moved["lead"][:, here] = 0
    return split(mix, stems).state, split(mix, moved).state


def test_there_is_no_doubt_where_opinions_agree(states):
    true, _ = states
    found, power = doubt([compared(true, Opinion("same", 0, true))], 0, true.frames)
    assert found.shape == power.shape == (GRID.bins, true.frames)
    assert found.max() <= 1e-5
    assert doubtful_regions(doubt_map([compared(true, Opinion("same", 0, true))], Progress()), "", 5) == ()


def test_doubt_is_where_light_changes_hands(states):
    true, other = states
    found, power = doubt([compared(true, Opinion("other", 0, other))], 0, true.frames)
    assert found.min() >= 0
    assert found.max() <= 1
    bins = slice(round(800 * GRID.fft / RATE), round(960 * GRID.fft / RATE))
    frames = [
        slice(int(a * RATE / GRID.hop) + 4, int(b * RATE / GRID.hop) - 4) for a, b in ((2, 3), (0, 2), (3, 5))
    ]
    inside, before, after = (
        (found[bins, cut] * power[bins, cut]).sum() / power[bins, cut].sum() for cut in frames
    )
    assert inside > 0.9
    assert before < 0.01
    assert after < 0.01


def test_an_opinion_of_another_fineness_is_looked_at_on_the_grid_of_now(song, states):
    mix, stems = song
    true, _ = states
    coarse = Project(mix, SongReference("song.wav", "", "Song"), StftSettings(fft=4096, hop=1024))
    names = dict(zip(("one", "two", "three", "four"), stems.values(), strict=True))
    edits.split(coarse, 0, ByHand(), Waveforms(list(names), np.stack(list(names.values())))).do(coarse)
    comparison = compared(true, Opinion("before", 0, coarse.state))
    found, power = doubt([comparison], 0, 200)
    assert found.shape == power.shape == (GRID.bins, 200)
    assert (found * power).sum() < 1e-5 * power.sum()


def test_two_opinions_are_averaged(states):
    true, other = states
    differing, agreeing = (compared(true, Opinion("", 0, state)) for state in (other, true))
    alone, both = doubt([differing], 100, 300)[0], doubt([differing, agreeing], 100, 300)[0]
    np.testing.assert_allclose(both, alone / 2, atol=1e-5)


def test_the_largest_region_is_found_where_it_is(states):
    true, other = states
    comparison = compared(true, Opinion("other", 0, other))
    regions = doubtful_regions(doubt_map([comparison], Progress()), comparison.names, 5.0)
    first = regions[0]
    assert first.box.start == pytest.approx(SWAPPED[0], abs=0.15)
    assert first.box.stop == pytest.approx(SWAPPED[1], abs=0.15)
    assert first.box.low < 880 < first.box.high
    assert first.stems == ("lead", "chords")
    assert first.weight > 0.5
    assert [region.weight for region in regions] == sorted((r.weight for r in regions), reverse=True)


def test_no_region_is_too_long_to_look_at(song):
    mix, stems = mixture(15.0, RATE)
    waves = {name: sound.samples for name, sound in stems.items()}
    crossed = {**waves, "lead": waves["chords"], "chords": waves["lead"]}
    comparison = compared(split(mix, waves).state, Opinion("crossed", 0, split(mix, crossed).state))
    regions = doubtful_regions(doubt_map([comparison], Progress()), comparison.names, 15.0)
    assert len(regions) >= 3
    assert all(0 < region.box.stop - region.box.start <= LONGEST + 0.2 for region in regions)
    assert all(region.box.stop <= 15.0 for region in regions)


def test_stems_of_other_names_are_found_by_their_light(song, states):
    mix, stems = song
    renamed = {"one": stems["chords"], "two": stems["bass"], "three": stems["lead"], "four": stems["drums"]}
    comparison = compared(states[0], Opinion("", 0, split(mix, renamed).state))
    assert comparison.names == ("drums", "bass", "chords", "lead", "residual")
    assert comparison.other == (2, 1, 3, 0, 4)
    found, power = doubt([comparison], 0, 200)
    assert (found * power).sum() < 1e-5 * power.sum()


@pytest.mark.parametrize("fewer_here", [True, False])
def test_a_voice_and_its_band_are_compared_with_all_stems(song, states, fewer_here):
    mix, stems = song
    band = stems["drums"] + stems["bass"] + stems["chords"]
    two = split(mix, {"LEAD ": stems["lead"], "band": band}).state
    mine, theirs = (two, states[0]) if fewer_here else (states[0], two)
    comparison = compared(mine, Opinion("", 0, theirs))
    assert comparison.names == ("LEAD ", "band", "residual")
    many = comparison.other if fewer_here else comparison.own
    assert many == (1, 1, 1, 0, 2)
    level = doubt([comparison], 0, 300)
    assert (level[0] * level[1]).sum() / level[1].sum() < 0.05


def test_a_search_can_be_stopped(states):
    true, other = states
    progress = Progress()
    comparison = compared(true, Opinion("other", 0, other))
    progress.cancel()
    with pytest.raises(Cancelled):
        doubt_map([comparison], progress)


def test_silence_and_shortness_are_no_matter():
    silent = Audio(np.zeros((1, 300), dtype=np.float32), RATE)
    state = split(silent, {"a": silent.samples, "b": silent.samples}).state
    comparison = compared(state, Opinion("", 0, state))
    found = doubt_map([comparison], Progress())
    assert np.isfinite(found.doubt).all()
    assert doubtful_regions(found, comparison.names, 0.01) == ()


def test_how_it_was_is_an_opinion_until_it_is_so_again(song):
    mix, stems = song
    project, earlier = split(mix, stems), Earlier(most=2)
    first = project.state
    answers = [first]
    for _ in range(3):
        edits.split(project, 0, ByHand(), Waveforms(["a"], stems["lead"][None].copy()), name="again").do(
            project
        )
        assert earlier.saw(answers[-1], project.state)
        answers.append(project.state)
    held = earlier.of(project.state, 0)
    assert [each.state for each in held] == [answers[2], answers[1]]
    assert held[0].title.endswith(", as it was")
    assert [each.state for each in earlier.of(answers[2], 0)] == [answers[1]]
    assert not earlier.saw(project.state, project.state)
    edits.set_stem(project.state, 0, "name", name="x")
    earlier.forget()
    assert earlier.of(project.state, 0) == ()


def test_what_was_mended_is_no_opinion_to_hold_against_the_mending(song):
    mix, stems = song
    project, earlier = split(mix, stems), Earlier(most=2)
    network = project.state
    found = NMF(components=4, iterations=2, stereo="shared").run(mix, Progress())
    edits.split(project, 0, NMF(components=4), found, stems=["a"], owners=[0] * 4).do(project)
    assert earlier.saw(network, project.state)
    for rounds in range(
        4, 8
    ):  # continued, again and again: the network's stems are still there to compare with
        before = project.state
        better = found.changed(costs=(float(rounds),))
        recipe = NMF(components=4, iterations=rounds)
        edits.refactorise(before, 0, better, range(4), "Continue the atoms", recipe).do(project)
        assert not earlier.saw(before, project.state)
        assert [each.state for each in earlier.of(project.state, 0)] == [network]
    before = project.state
    edits.split(
        project, 0, NMF(seed=1, components=4), found.changed(costs=()), stems=["a"], owners=[0] * 4
    ).do(project)
    assert earlier.saw(before, project.state), "other atoms are another answer"
