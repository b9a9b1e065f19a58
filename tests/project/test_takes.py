"""Takes: a recipe's answer beside the song, heard at the same level, and put in by one step."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import cut_songs as small
import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.errors import BadProject
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits, rendering, side_by_side, take_records
from stemstudio.project.history import History
from stemstudio.project.opening import open_project
from stemstudio.project.opinions import Opinion, Remembered, compared, doubt
from stemstudio.project.project import Project, SongReference
from stemstudio.project.storage import Storage
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


def _saved_and_opened(cut, storage, tmp_path):
    storage.save(tmp_path / "song.stems")
    opened = open_project(tmp_path / "song.stems", home=tmp_path / "sessions")
    opened.project.set_mixture(cut.state.mixture)
    return opened


def test_takes_are_kept_with_the_song(tmp_path) -> None:
    cut, history, _ = _song()
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    history.do(edits.split(cut, 0, HPSS(), HPSS().run(cut.state.mixture, Progress())))
    box = Box(start=1.0, stop=2.0, low=200.0, high=4000.0)
    answers = [
        answer_of(cut.state, 0, HPSS(margin=2.0), Progress()),
        answer_of(cut.state, 0, NMF(components=5, iterations=10), Progress(), gather=True),
        answer_of(cut.state, 0, NMF(components=4, iterations=10), Progress(), box=box),
    ]
    answers = [answer.kept(storage.keep, Progress()) for answer in answers]
    history.undo()  # the song itself is no more than it was
    storage.set_takes(answers)
    opened = _saved_and_opened(cut, storage, tmp_path)
    storage.close()
    storage = opened.storage
    try:
        assert [described(take.recipe) for take in opened.takes] == [described(a.recipe) for a in answers]
        assert [take.seconds for take in opened.takes] == [answer.seconds for answer in answers]
        for now, then in zip(opened.takes, answers, strict=True):
            one, two = (small.dense(take_of(opened.project.state, take).state) for take in (now, then))
            assert all(np.array_equal(a, b) for a, b in zip(one.values(), two.values(), strict=True))
        storage.set_takes(opened.takes[1:])  # one is dropped, and another save sweeps what it held
        again = _saved_and_opened(cut, storage, tmp_path)
        assert len(again.takes) == 2
        again.storage.close()
    finally:
        storage.close()


def test_opinions_are_kept_with_the_song_so_that_doubt_is_there_again(tmp_path) -> None:
    cut, history, _ = _song()
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    history.do(edits.split(cut, 0, HPSS(), HPSS().run(cut.state.mixture, Progress())))
    masked = edits.mask(cut.state, 0, Masking(kind="binary"))
    assert masked is not None
    history.do(masked)
    before = Opinion("HPSS, as it was", 0, cut.state)
    answer = answer_of(cut.state, 0, NMF(components=5, iterations=10), Progress(), gather=True)
    asked = Opinion("atoms", 0, take_of(cut.state, answer).state)
    history.do(edits.split(cut, 0, HPSS(margin=3.0), HPSS(margin=3.0).run(cut.state.mixture, Progress())))
    storage.set_opinions([Remembered.of(before, before=True), Remembered.of(asked)])
    opened = _saved_and_opened(cut, storage, tmp_path)
    storage.close()
    found = [each.opinion(opened.project.state) for each in opened.opinions]
    assert [(each.title, each.names) for each in found] == [
        (each.title, each.names) for each in (before, asked)
    ]
    assert [each.before for each in opened.opinions] == [True, False]
    for now, then in zip(found, (before, asked), strict=True):
        one, two = (
            doubt([compared(state, opinion)], 0, 60)[0]
            for state, opinion in ((opened.project.state, now), (cut.state, then))
        )
        np.testing.assert_array_equal(one, two)
        assert one.max() > 0.1
    opened.storage.set_opinions([])  # another save sweeps what they held
    again = _saved_and_opened(cut, opened.storage, tmp_path)
    opened.storage.close()
    assert again.opinions == ()
    with again.storage.reader.connection() as connection:
        count = connection.execute("SELECT count(*) FROM arrays").fetchone()[0]
    assert count == len(cut.state.splits[0].estimates.arrays())
    again.storage.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda opinion: opinion.__setitem__("title", 5),
        lambda opinion: opinion["answer"]["owners"].append(None),
        lambda opinion: opinion.__setitem__("masking", {"exponent": -3}),
    ],
)
def test_a_damaged_opinion_is_a_sentence(tmp_path, spoil) -> None:
    cut, history, _ = _song(1.0)
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    answer = answer_of(cut.state, 0, NMF(components=3, iterations=1, fft=1024, hop=256), Progress())
    storage.set_opinions([Remembered("atoms", answer)])
    path = storage.save(tmp_path / "song.stems")
    storage.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        (text,) = connection.execute("SELECT value FROM meta WHERE key = 'opinions'").fetchone()
        record = json.loads(text)
        spoil(record["opinions"][0])
        connection.execute("UPDATE meta SET value = ? WHERE key = 'opinions'", (json.dumps(record),))
    with pytest.raises(BadProject):
        open_project(path, home=tmp_path / "sessions")


def test_only_so_many_bytes_of_takes_are_kept_the_newest_first(tmp_path, monkeypatch) -> None:
    cut, history, _ = _song(1.0)
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    answers = [answer_of(cut.state, 0, NMF(components=3, iterations=1, seed=n), Progress()) for n in range(4)]
    size = sum(array.nbytes for array in answers[0].estimates.arrays().values())
    monkeypatch.setattr(take_records, "MOST_BYTES", 2 * size)
    storage.set_takes(answers)
    opened = _saved_and_opened(cut, storage, tmp_path)
    assert [take.recipe.seed for take in opened.takes] == [2, 3]
    opened.storage.close()
    storage.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda take: take["owners"].append(None),
        lambda take: take["owners"].__setitem__(0, 9),
        lambda take: take["piece"].__setitem__("offset", 2**40),
        lambda take: take["piece"]["children"].append(1),
        lambda take: take.__setitem__("kind", "riddle"),
        lambda take: take["arrays"].__setitem__("templates", 999),
        lambda take: take.__setitem__("seconds", -1),
    ],
)
def test_a_damaged_take_is_a_sentence(tmp_path, spoil) -> None:
    cut, history, _ = _song(1.0)
    storage = Storage.create(cut, history, home=tmp_path / "sessions")
    box = Box(start=0.2, stop=0.6, low=0.0, high=11025.0)
    answer = answer_of(cut.state, 0, NMF(components=3, iterations=1, fft=1024, hop=256), Progress(), box=box)
    storage.set_takes(
        [replace(answer, stems=("a",), found=replace(answer.found, stems=("a",), children=(None,)))]
    )
    path = storage.save(tmp_path / "song.stems")
    storage.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        (text,) = connection.execute("SELECT value FROM meta WHERE key = 'takes'").fetchone()
        record = json.loads(text)
        spoil(record["takes"][0])
        connection.execute("UPDATE meta SET value = ? WHERE key = 'takes'", (json.dumps(record),))
    with pytest.raises(BadProject):
        open_project(path, home=tmp_path / "sessions")


def test_a_recipe_is_told_by_what_is_not_as_delivered() -> None:
    assert described(HPSS()) == HPSS.title
    assert described(HPSS(margin=2.0)) == f"{HPSS.title} · margin 2"
    many = NMF(components=7, iterations=9, seed=3, fft=2048, hop=512, exponent=2.0)
    assert described(many) == f"{NMF.title} · 7 atoms · 9 rounds · seed 3 and 3 more"
    assert described(NMF(components=1, iterations=1)) == f"{NMF.title} · 1 atom · 1 round"
    called = algorithm("htdemucs")().called
    shifted = {
        shifts: described(algorithm("htdemucs").from_settings({"shifts": shifts})) for shifts in (0, 1, 2)
    }
    assert shifted == {0: f"{called} · no shifts", 1: called, 2: f"{called} · shifts 2 times"}


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
