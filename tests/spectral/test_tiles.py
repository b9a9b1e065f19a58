"""TileMask: a sparse sheet behaves as a dense one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemstudio.spectral.tiles import TILE, Patch, TileMask

BINS, FRAMES = 2 * TILE + 40, 3 * TILE + 7


@st.composite
def patches(draw: st.DrawFn) -> Patch:
    bins = sorted(draw(st.tuples(st.integers(0, BINS), st.integers(0, BINS))))
    frames = sorted(draw(st.tuples(st.integers(0, FRAMES), st.integers(0, FRAMES))))
    return Patch(*bins, *frames)


def _whole(mask: TileMask) -> np.ndarray:
    return mask.read(Patch(0, BINS, 0, FRAMES))


@settings(max_examples=40)
@given(strokes=st.lists(st.tuples(patches(), st.integers(0, 4)), max_size=6), look=patches())
def test_boxes_written_one_over_the_other_read_as_on_a_dense_sheet(
    strokes: list[tuple[Patch, int]], look: Patch
) -> None:
    sheet = np.zeros((BINS, FRAMES), dtype=np.float32)
    mask = TileMask()
    for patch, quarters in strokes:
        ramp = np.linspace(0, quarters / 4, max(1, patch.shape[1])).astype(np.float16).astype(np.float32)
        values = np.broadcast_to(ramp[: patch.shape[1]], patch.shape)
        mask = mask.with_box(patch, values)
        sheet[patch.bin0 : patch.bin1, patch.frame0 : patch.frame1] = values
    assert np.array_equal(_whole(mask), sheet)
    assert np.array_equal(mask.read(look), sheet[look.bin0 : look.bin1, look.frame0 : look.frame1])
    assert bool(mask) == bool(sheet.any())
    for column in range(4):
        low, high = column * TILE, min((column + 1) * TILE, FRAMES)
        assert mask.covers(low, high) == bool(sheet[:, low:high].any())


def test_a_new_mask_shares_what_did_not_change_and_the_old_one_stays_as_it_was() -> None:
    old = TileMask().with_box(Patch(0, BINS, 0, FRAMES), np.full((BINS, FRAMES), 0.5, np.float32))
    before = _whole(old)
    new = old.with_box(Patch(10, 20, TILE, TILE + 5), np.ones((10, 5), np.float32))
    assert new.changed_tiles(old) == {(0, 1)}
    assert np.array_equal(_whole(old), before)
    assert new != old
    assert old == TileMask().with_box(Patch(0, BINS, 0, FRAMES), before)


def test_paint_wiped_away_leaves_no_tile_behind() -> None:
    patch = Patch(5, 300, 5, 300)
    mask = TileMask().with_box(patch, np.ones(patch.shape, np.float32))
    assert mask.nbytes == 4 * TILE * TILE * 2
    assert not mask.with_box(patch, np.zeros(patch.shape, np.float32)).tiles
    assert mask.with_box(patch, np.zeros(patch.shape, np.float32)) == TileMask()


def test_the_sum_of_two_masks_never_exceeds_full_strength() -> None:
    one = TileMask().with_box(Patch(0, 10, 0, 10), np.full((10, 10), 0.75, np.float32))
    two = TileMask().with_box(Patch(5, 15, 5, 15), np.full((10, 10), 0.75, np.float32))
    total = one.plus(two).read(Patch(0, 15, 0, 15))
    assert total[0, 0] == 0.75
    assert total[14, 14] == 0.75
    assert total[7, 7] == 1.0
    assert total[0, 14] == 0.0


def test_tiles_cannot_be_written_to() -> None:
    mask = TileMask().with_box(Patch(0, 1, 0, 1), np.ones((1, 1), np.float32))
    with pytest.raises(ValueError, match="read-only"):
        mask.tiles[0, 0][0, 0] = 0
    with pytest.raises(TypeError):
        mask.tiles[0, 1] = mask.tiles[0, 0]  # type: ignore[index]
