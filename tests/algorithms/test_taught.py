"""Taught: a correction over stems that are not made of atoms, which loses nothing and leaves the rest alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.taught import Taught
from stemstudio.audio.audio import Audio
from stemstudio.spectral.stft import StftSettings

RATE = 8000
GRID = StftSettings(fft=256, hop=64)
LENGTH = 8000


@pytest.fixture
def song() -> Audio:
    return Audio((0.2 * np.random.default_rng(0).standard_normal((2, LENGTH))).astype(np.float32), RATE)


def shares(table: list[list[float]], moved_from: int = 0) -> Factorization:
    """One flat atom a stem, whose activation is its share; before `moved_from` frames the first row of the table."""
    frames = GRID.frames(LENGTH)
    H = np.repeat(np.array(table[0], dtype=np.float32)[:, None], frames, axis=1)
    H[:, moved_from:] = np.array(table[-1], dtype=np.float32)[:, None]
    return Factorization(np.full((GRID.bins, H.shape[0]), 1 / GRID.bins, dtype=np.float32), H, GRID)


@pytest.fixture
def taught(song: Audio) -> Taught:
    """Stems "a" and "b" with a half each, and the rest; in the second half of the song, a's light is c's."""
    waves = np.stack([0.5 * song.samples, 0.4 * song.samples]).astype(np.float32)
    before = shares([[0.5, 0.4, 0.1, 0.0]])
    after = shares([[0.5, 0.4, 0.1, 0.0], [0.0, 0.4, 0.1, 0.5]], moved_from=GRID.frames(LENGTH) // 2)
    stems = ([0, 1], [0, 1, 2, 3], [0, 1, 2, 3])
    return Taught(Waveforms(("a", "b"), waves), before, after, ("a", "b", "residual", "c"), stems, 2, [3])


GROUPS = [[0, 2], [1, 3], [5]]  # a, b and c, each with what it learned


def test_where_nothing_was_learned_the_stems_are_bit_for_bit_their_own(taught: Taught, song: Audio) -> None:
    rendered = taught.render(song, GROUPS, 0, 3000)
    assert np.array_equal(rendered[0], taught.base.waves[0][:, :3000])
    assert np.array_equal(rendered[1], taught.base.waves[1][:, :3000])
    assert (rendered[2] == 0).all()


def test_light_goes_from_the_one_to_the_other_and_none_is_lost(taught: Taught, song: Audio) -> None:
    rendered = taught.render(song, GROUPS, 0, LENGTH)
    late = slice(LENGTH // 2 + 300, LENGTH - 300)
    size = np.abs(song.samples[:, late]).max()
    np.testing.assert_allclose(rendered[0][:, late], 0.06 * song.samples[:, late], atol=0.01 * size)
    np.testing.assert_allclose(rendered[2][:, late], 0.44 * song.samples[:, late], atol=0.01 * size)
    np.testing.assert_allclose(rendered[1], taught.base.waves[1], atol=1e-6)
    np.testing.assert_allclose(rendered.sum(axis=0), taught.base.waves.sum(axis=0), atol=1e-5)


def test_a_stem_that_nobody_hinted_at_gains_nothing(song: Audio) -> None:
    waves = np.stack([0.5 * song.samples, 0.5 * song.samples]).astype(np.float32)
    before, after = shares([[0.5, 0.5, 0.0]]), shares([[0.3, 0.7, 0.0]])
    stems = ([0, 1], [0, 1, 2], [0, 1, 2])
    taught = Taught(Waveforms(("a", "b"), waves), before, after, ("a", "b", "residual"), stems, 2, [0])
    assert np.array_equal(taught.render(song, [[0, 2], [1, 3]], 0, LENGTH), waves)


def test_what_no_part_has_moves_as_well(song: Audio) -> None:
    waves = (0.5 * song.samples)[None].astype(np.float32)
    before, after = shares([[0.5, 0.5]]), shares([[1.0, 0.0]])
    taught = Taught(Waveforms(("a",), waves), before, after, ("a", "residual"), ([0], [0, 1], [0, 1]), 1, [0])
    rendered = taught.render(song, [[0, 1]], 0, LENGTH)
    np.testing.assert_allclose(rendered[0][:, 300:-300], song.samples[:, 300:-300], atol=0.06)


@pytest.mark.parametrize("start", [0, 2500, 4321, 7000])
def test_any_range_is_a_cut_from_the_whole(taught: Taught, song: Audio, start: int) -> None:
    whole = taught.render(song, GROUPS, 0, LENGTH)
    stop = min(LENGTH, start + 900)
    np.testing.assert_allclose(taught.render(song, GROUPS, start, stop), whole[..., start:stop], atol=1e-6)


def test_nothing_has_nan_where_the_models_are_silent(song: Audio) -> None:
    silent = shares([[0.0, 0.0]])
    waves = (0.5 * song.samples)[None].astype(np.float32)
    taught = Taught(
        Waveforms(("a",), waves),
        silent,
        shares([[1.0, 0.0]]),
        ("a", "residual"),
        ([0], [0, 1], [0, 1]),
        1,
        [0],
    )
    rendered = taught.render(song, [[0, 1], [2]], 0, LENGTH)
    assert np.array_equal(rendered[0], waves[0])
    assert (rendered[1] == 0).all()


def test_it_is_kept_as_a_record(taught: Taught, song: Audio) -> None:
    again = Taught.from_record(json.loads(json.dumps(taught.header())), taught.arrays())
    assert again.names == ("a", "b", "a (hints)", "b (hints)", "residual (hints)", "c (hints)")
    assert np.array_equal(again.render(song, GROUPS, 0, LENGTH), taught.render(song, GROUPS, 0, LENGTH))


@pytest.mark.parametrize(
    "change",
    [
        {"residual": 9},
        {"hinted": [4]},
        {"stems_of": [[0], [0, 1, 2, 3], [0, 1, 2, 3]]},
        {"stems_of": [[0, 7], [0, 1, 2, 3], [0, 1, 2, 3]]},
        {"words": []},
        {"before": {"kind": "waveforms", "header": {"names": []}}},
        {"base": {"kind": "taught", "header": {}}},
    ],
)
def test_records_that_do_not_fit_are_refused(taught: Taught, change: dict) -> None:
    with pytest.raises((ValueError, KeyError)):
        Taught.from_record({**taught.header(), **change}, taught.arrays())
