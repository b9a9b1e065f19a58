"""Overlaid: light laid over stems that are not made of atoms, of which none is lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.audio.audio import Audio
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.tiles import TILE, Patch, TileMask

RATE, LENGTH = 8000, 40_000
GRID = StftSettings(fft=256, hop=64)
HALF = GRID.frames(LENGTH) // 2
GROUPS = [[0, 3], [1], [2]]  # a with what it is given, b, and c, which has nothing else


@pytest.fixture(scope="module")
def song() -> Audio:
    return Audio((0.2 * np.random.default_rng(0).standard_normal((2, LENGTH))).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def overlaid(song: Audio) -> Overlaid:
    """Stems "a" and "b" with 0.5 and 0.4; in the second half 0.6 of all is c's and 0.2 is a's."""
    later = Patch(0, GRID.bins, HALF, GRID.frames(LENGTH))
    masks = [TileMask().with_box(later, np.full(later.shape, weight, np.float32)) for weight in (0.6, 0.2)]
    waves = np.stack([0.5 * song.samples, 0.4 * song.samples]).astype(np.float32)
    return Overlaid(Waveforms(("a", "b"), waves), GRID, ("c", "a"), masks)


def test_where_nothing_is_laid_the_stems_are_bit_for_bit_their_own(overlaid: Overlaid, song: Audio) -> None:
    rendered = overlaid.render(song, GROUPS, 0, LENGTH // 2 - 600)
    assert np.array_equal(rendered[:2], overlaid.base.waves[..., : LENGTH // 2 - 600])
    assert not rendered[2].any()


def test_what_is_laid_is_taken_from_all_and_none_is_lost(overlaid: Overlaid, song: Audio) -> None:
    rendered = overlaid.render(song, GROUPS, 0, LENGTH)
    late = slice(LENGTH // 2 + 300, LENGTH)
    for stem, share in zip(rendered, (0.2 * 0.5 + 0.2, 0.2 * 0.4, 0.6), strict=True):
        np.testing.assert_allclose(stem[:, late], share * song.samples[:, late], atol=3e-4)
    rest = song.samples - rendered.sum(axis=0)
    np.testing.assert_allclose(rest[:, late], 0.2 * 0.1 * song.samples[:, late], atol=3e-4)


def test_weights_that_are_rounded_to_more_than_all_make_no_light(song: Audio) -> None:
    everywhere = Patch(0, GRID.bins, 0, GRID.frames(LENGTH))
    weights = [np.full(everywhere.shape, weight, np.float32) for weight in (0.6001, 0.1999, 0.2003)]
    masks = [TileMask().with_box(everywhere, each) for each in weights]
    laid = Overlaid(Waveforms(("a",), song.samples[None]), GRID, ("b", "c", "d"), masks)
    parts = laid.render(song, [[0], [1], [2], [3]], 0, LENGTH)
    np.testing.assert_allclose(parts.sum(axis=0), song.samples, atol=1e-6)


@pytest.mark.parametrize("start", [0, LENGTH // 2 - 400, 33_333])
def test_any_range_is_a_cut_from_the_whole(overlaid: Overlaid, song: Audio, start: int) -> None:
    whole = overlaid.render(song, GROUPS, 0, LENGTH)
    stop = min(LENGTH, start + 900)
    np.testing.assert_allclose(overlaid.render(song, GROUPS, start, stop), whole[..., start:stop], atol=1e-6)


def test_it_is_kept_as_a_record(overlaid: Overlaid, song: Audio) -> None:
    again = Overlaid.from_record(json.loads(json.dumps(overlaid.header())), overlaid.arrays())
    assert again.names == ("a", "b", "c (hints)", "a (hints)")
    assert np.array_equal(again.render(song, GROUPS, 0, LENGTH), overlaid.render(song, GROUPS, 0, LENGTH))
    bare = Overlaid(overlaid.base, GRID, ("c",), (TileMask(),))
    assert list(bare.arrays()) == ["base/waves"]
    assert not Overlaid.from_record(bare.header(), bare.arrays()).weights[0]


@pytest.mark.parametrize(
    "change",
    [
        {"words": ["c"]},
        {"words": []},
        {"tiles": [[[0, 0]], []]},
        {"tiles": [[[0, -1]], []]},
        {"tiles": [[[0, "a"]], []]},
        {"base": {"kind": "overlaid", "header": {}}},
        {"base": {"kind": "unknown", "header": {}}},
    ],
)
def test_records_that_do_not_fit_are_refused(overlaid: Overlaid, change: dict) -> None:
    with pytest.raises((ValueError, KeyError)):
        Overlaid.from_record({**overlaid.header(), **change}, overlaid.arrays())


def test_weights_are_stored_once_however_often_they_are_asked_for(overlaid: Overlaid) -> None:
    one, other = overlaid.arrays()["weights"], overlaid.arrays()["weights"]
    assert one is other
    assert one.shape[0] == TILE
