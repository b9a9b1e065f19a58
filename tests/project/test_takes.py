"""Takes: a recipe's answer beside the song, heard at the same level, and put in by one step."""

from __future__ import annotations

import cut_songs as small
import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits, rendering, side_by_side
from stemstudio.project.history import History
from stemstudio.project.project import Project, SongReference
from stemstudio.project.takes import answer_of, described, take_of
from stemstudio.spectral.brushes import Box
from stemstudio.spectral.stft import StftSettings


def _song(seconds: float = 3.0):
    sound, stems = mixture(seconds, rate=22050)
    cut = Project(sound, SongReference("", "0" * 64, "Song"), StftSettings(fft=2048, hop=512))
    return cut, History(cut), stems


def test_a_take_leaves_the_song_alone_and_is_put_in_by_one_step() -> None:
    cut, history, _ = _song()
    before = cut.state
    told: list[float] = []
    answer = answer_of(cut.state, 0, HPSS(), Progress(lambda fraction, _: told.append(fraction)))
    take = take_of(cut.state, answer)
    assert cut.state is before
    assert told == sorted(told)
    assert told[-1] == 1
    assert answer.seconds > 0
    assert [stem.name for stem in take.state.leaves()] == ["harmonic", "percussive", "residual"]
    history.do(answer.edit(cut))
    assert len(history.edits) == 1
    one, two = small.dense(take.state), small.dense(cut.state)
    assert [stem.name for stem in cut.state.leaves()] == [stem.name for stem in take.state.leaves()]
    for mine, theirs in zip(one.values(), two.values(), strict=True):
        assert np.array_equal(mine, theirs)
    history.undo()
    small.assert_same(before, cut.state)


def test_a_take_over_a_split_replaces_it_and_undo_brings_it_back() -> None:
    cut, history, _ = _song()
    history.do(edits.split(cut, 0, HPSS(), HPSS().run(cut.state.mixture, Progress())))
    before = cut.state
    answer = answer_of(cut.state, 0, HPSS(margin=2.0), Progress())
    take = take_of(cut.state, answer)
    assert small.sum_error_db(take.state) <= -120
    history.do(answer.edit(cut))
    history.undo()
    small.assert_same(before, cut.state)


def test_atoms_are_gathered_where_they_are_to_be_compared() -> None:
    cut, history, _ = _song()
    recipe = NMF(components=8, iterations=20)
    waiting = answer_of(cut.state, 0, recipe, Progress())
    assert waiting.stems == ()
    assert set(waiting.owners) == {None}
    gathered = answer_of(cut.state, 0, recipe, Progress(), gather=True)
    assert len(gathered.stems) == 4
    assert len(take_of(cut.state, gathered).state.leaves()) == 5
    history.do(edits.split(cut, 0, HPSS(), HPSS().run(cut.state.mixture, Progress())))
    assert len(answer_of(cut.state, 0, recipe, Progress(), gather=True).stems) == 2, "as many as there are"


def test_a_selection_can_be_a_take() -> None:
    cut, history, _ = _song()
    box = Box(start=1.0, stop=2.0, low=0.0, high=11025.0)
    answer = answer_of(cut.state, 0, NMF(components=6, iterations=20), Progress(), box=box, gather=True)
    take = take_of(cut.state, answer)
    assert len(take.state.leaves()) == 5
    assert np.abs(small.dense(take.state)[take.state.leaves()[0].id][:, :22050]).max() == 0
    history.do(answer.edit(cut, "Kept"))
    assert history.names == ["Kept"]
    assert small.sum_error_db(cut.state) <= -120


def test_large_parts_can_be_kept_elsewhere() -> None:
    cut, _, _ = _song()
    box = Box(start=1.0, stop=2.0, low=0.0, high=11025.0)
    answer = answer_of(cut.state, 0, HPSS(), Progress(), box=box)
    twin = HPSS().run(cut.state.mixture, Progress())
    kept = answer.kept(lambda estimates, progress: twin, Progress())
    assert kept.estimates is twin
    assert kept.found.piece.estimates is twin


def test_a_recipe_is_told_by_what_is_not_as_delivered() -> None:
    assert described(HPSS()) == HPSS.title
    assert described(HPSS(margin=2.0)) == f"{HPSS.title} · margin 2"
    many = NMF(components=7, iterations=9, seed=3, fft=2048, hop=512, exponent=2.0)
    assert described(many) == f"{NMF.title} · 7 atoms · 9 rounds · seed 3 and 3 more"


def test_stems_are_the_leaves_below_what_was_split() -> None:
    cut, history, _ = _song()
    history.do(edits.split(cut, 0, HPSS(), HPSS().run(cut.state.mixture, Progress())))
    percussive = cut.state.leaves()[1].id
    history.do(
        edits.split(
            cut, percussive, HPSS(), HPSS().run(rendering.StemSound(cut.state, percussive), Progress())
        )
    )
    all_ = side_by_side.stems_of(cut.state, 0, 1000, 40000, Progress())
    assert list(all_) == [leaf.name for leaf in cut.state.leaves()]
    below = side_by_side.stems_of(cut.state, percussive, 1000, 40000, Progress())
    assert len(below) == 3
    whole = side_by_side.original_of(cut.state, percussive, 1000, 40000)
    assert np.abs(sum(below.values()) - whole).max() < 1e-6
    alone = side_by_side.stems_of(cut.state, cut.state.leaves()[0].id, 1000, 40000, Progress())
    assert list(alone) == ["harmonic"]
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(Cancelled):
        side_by_side.stems_of(cut.state, 0, 0, 40000, stopped)


def test_a_role_is_found_by_name_and_else_by_the_sound() -> None:
    _, _, stems = _song(2.0)
    sounds = {name: audio.samples for name, audio in stems.items()}
    assert side_by_side.stands_for(" Bass", sounds, None) == "bass"
    assert side_by_side.stands_for("low end", sounds, None) is None
    rng = np.random.default_rng(0)
    example = 0.7 * sounds["bass"] + 0.01 * rng.standard_normal(sounds["bass"].shape).astype(np.float32)
    others = {f"Stem {n}": sound for n, sound in enumerate(sounds.values())}
    assert side_by_side.stands_for("bass", others, example) == "Stem 1"
    assert (
        side_by_side.stands_for("bass", {"hiss": 0.1 * rng.standard_normal(example.shape)}, example) is None
    )
    assert side_by_side.example_of("bass", [others, sounds]) is sounds["bass"]
    assert side_by_side.example_of("guitar", [others, sounds]) is None
    rest = side_by_side.heard_as(sounds, "bass", rest=True)
    assert np.allclose(rest + sounds["bass"], sum(sounds.values()), atol=1e-6)


def test_levels_meet_at_the_quietest_that_counts() -> None:
    rng = np.random.default_rng(1)
    noise = (0.2 * rng.standard_normal((2, 44100))).astype(np.float32)
    sounds = [noise, 0.5 * noise, 0.8 * noise, 0.001 * noise, 0 * noise]
    levels = side_by_side.level_matched([side_by_side.loudness(sound, 44100) for sound in sounds])
    assert [round(level.gain_db, 2) for level in levels] == [-6.02, 0.0, -4.08, 0.0, 0.0]
    assert [level.silent for level in levels] == [False, False, False, False, True]
    after = [
        side_by_side.loudness(sound * 10 ** (level.gain_db / 20), 44100)
        for sound, level in zip(sounds[:3], levels, strict=False)
    ]
    assert max(after) - min(after) < 0.01


def test_short_and_silent_loops_have_a_level_too() -> None:
    tone = (0.5 * np.sin(np.arange(4000) / 8)).astype(np.float32)[None]
    assert side_by_side.loudness(tone, 44100) == pytest.approx(-9.03, abs=0.05)
    assert side_by_side.loudness(0 * tone, 44100) == -200.0
    assert side_by_side.loudness(tone[:, :0], 44100) == -200.0
    assert side_by_side.level_matched([]) == []
    assert [level.gain_db for level in side_by_side.level_matched([-200.0, -200.0])] == [0.0, 0.0]
