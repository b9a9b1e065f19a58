"""Repeats: strokes laid where the song sounds as it does under them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms import repeats
from stemstudio.algorithms.nmf.hints import Hint
from stemstudio.algorithms.repeats import repeated
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.tiles import Patch

BINS, FRAMES = 40, 400
SOUND = 12  # frames
HEARD = (20, 100, 250)  # where it begins


def song(levels: tuple[float, ...] = (1.0, 1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """A stem with next to nothing, and the rest: a sound that comes back, between others; float32 (bins, frames)."""
    rng = np.random.default_rng(0)
    rest = rng.random((BINS, FRAMES)).astype(np.float32) ** 4
    colour = rng.random((BINS, SOUND)).astype(np.float32) ** 4
    for first, level in zip(HEARD, levels, strict=True):
        rest[:, first : first + SOUND] = level * colour
    return np.full_like(rest, 1e-4), rest


def stroke(stem: int, first: int = HEARD[0], weight: float = 1.0) -> Hint:
    patch = Patch(10, 25, first, first + SOUND)
    return Hint(stem, patch, np.full(patch.shape, weight, np.float16))


def over(mask, first: int) -> np.ndarray:
    """Weights in the middle of a sound, where what is around it is its own."""
    edge = repeats.AROUND
    return mask.read(Patch(10, 25, first + edge, first + SOUND - edge))


def test_a_stroke_is_laid_wherever_its_sound_comes_back_in_the_painted_bins_and_nowhere_else() -> None:
    mask = repeated({7: song()}, [stroke(7)])[7]
    assert over(mask, HEARD[1]).min() > 0.99
    assert over(mask, HEARD[2]).min() > 0.99
    sheet = mask.read(Patch(0, BINS, 0, FRAMES))
    assert (sheet[10:25, HEARD[0] : HEARD[0] + SOUND] == 1).all()
    for first in HEARD:
        sheet[10:25, first : first + SOUND] = 0
    assert (sheet == 0).all()


def test_a_quieter_repeat_counts_as_much_and_a_far_louder_one_less() -> None:
    mask = repeated({7: song((1.0, 0.25, 8.0))}, [stroke(7)])[7]
    assert over(mask, HEARD[1]).min() > 0.99
    assert over(mask, HEARD[2]).max() == pytest.approx(repeats.LOUDER / 8, abs=0.01)


def test_where_the_stems_share_it_otherwise_the_fault_is_another() -> None:
    own, rest = song()
    there = slice(HEARD[1], HEARD[1] + SOUND)
    own[:, there], rest[:, there] = rest[:, there], own[:, there]
    mask = repeated({7: (own, rest)}, [stroke(7)])[7]
    assert not over(mask, HEARD[1]).any()
    assert over(mask, HEARD[2]).min() > 0.99


def test_what_was_painted_comes_before_what_only_is_like_it() -> None:
    sheets = song()
    masks = repeated({7: sheets, 8: sheets}, [stroke(7), stroke(8, HEARD[1])])
    assert over(masks[7], HEARD[0]).min() == 1
    assert over(masks[8], HEARD[1]).min() == 1
    assert not over(masks[7], HEARD[1]).any()
    assert over(masks[7], HEARD[2]) == pytest.approx(0.5, abs=0.01)
    both = sum(mask.read(Patch(0, BINS, 0, FRAMES)) for mask in masks.values())
    assert both.max() <= 1.001


def test_firmness_and_weights_scale_what_is_laid() -> None:
    mask = repeated({7: song()}, [stroke(7, weight=0.5)], firmness=0.8)[7]
    assert over(mask, HEARD[0]) == pytest.approx(0.4, abs=1e-3)
    assert over(mask, HEARD[2]) == pytest.approx(0.4, abs=0.01)
    assert not repeated({7: song()}, [stroke(7)], firmness=0.0)[7]


def test_blocks_and_strokes_of_any_length_give_the_same(monkeypatch) -> None:
    whole = repeated({7: song()}, [stroke(7)])[7]
    monkeypatch.setattr(repeats, "BLOCK", 37)
    pieces = repeated({7: song()}, [stroke(7)])[7]
    box = Patch(0, BINS, 0, FRAMES)
    np.testing.assert_allclose(pieces.read(box), whole.read(box), atol=2e-3)
    monkeypatch.setattr(repeats, "MOST_FRAMES", 20)
    everywhere = Patch(0, BINS, 0, FRAMES)
    full = repeated({7: song()}, [Hint(7, everywhere, np.ones(everywhere.shape, np.float16))])[7]
    assert (full.read(box) == 1).all()


def test_a_stroke_on_silence_at_the_very_ends_lays_itself_alone() -> None:
    silent = np.zeros((BINS, FRAMES), np.float32)
    for first in (0, FRAMES - SOUND):
        sheet = repeated({7: (silent, silent)}, [stroke(7, first)])[7].read(Patch(0, BINS, 0, FRAMES))
        assert sheet.sum() == 15 * SOUND
    assert repeated({}, []) == {}


def test_it_stops_when_asked() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        repeated({7: song()}, [stroke(7)], progress=progress)
