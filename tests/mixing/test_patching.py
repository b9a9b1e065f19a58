"""Stems re-rendered under the playhead: heard soon, and without a click."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.mixing.deck import Deck
from stemstudio.mixing.patching import patch_buffers

RATE = 44100


def test_patch_while_nothing_plays_is_the_new_sound():
    live = np.zeros((2, 1000), np.float32)
    assert patch_buffers([live], [np.ones((2, 300), np.float32)], 100, None, 200) is None
    np.testing.assert_array_equal(live[0], np.r_[np.zeros(100), np.ones(300), np.zeros(600)])


@pytest.mark.parametrize("position", [0, 50, 100, 250, 399, 400, 900])
def test_what_is_about_to_be_read_is_not_touched(position):
    live = np.zeros((1, 1000), np.float32)
    rest = patch_buffers([live], [np.ones((1, 300), np.float32)], 100, position, 40, blend=20)
    assert not live[0, max(100, position) : min(400, position + 40)].any()
    assert np.abs(np.diff(live[0, position:400])).max(initial=0) < 0.06 or position + 40 <= 100
    if rest is not None:
        rest.write([live])
    np.testing.assert_array_equal(live[0], np.r_[np.zeros(100), np.ones(300), np.zeros(600)])


def test_patch_under_the_playhead_is_heard_without_a_click(tape):
    time = np.arange(RATE) / RATE
    song = np.tile(0.5 * np.sin(2 * np.pi * 100 * time), (2, 1)).astype(np.float32)
    stem, quiet = song.copy(), 0.2 * song
    deck = Deck(RATE)
    deck.load(song, RATE)
    deck.set_stems([stem], None, np.ones((1, 2)))
    deck.play()
    recorder = tape(deck, 256)
    before = recorder.run(20_000)
    rest = patch_buffers([stem], [quiet[:, 10_000:40_000]], 10_000, deck.position, 512)
    after = recorder.run(20_000)
    out = np.concatenate([before, after], axis=1)
    assert np.abs(np.diff(out)).max() < 0.5 * 2 * np.pi * 100 / RATE + 0.5 / 220
    np.testing.assert_array_equal(out[:, 20_480 + 512 + 220 :], quiet[:, 20_480 + 512 + 220 : 40_000])
    assert rest is not None
    rest.write([stem])
    np.testing.assert_array_equal(stem[:, 10_000:40_000], quiet[:, 10_000:40_000])


def test_what_does_not_fit_is_refused():
    live = np.zeros((1, 100), np.float32)
    for new, start in (([], 0), ([np.zeros((1, 10), np.float32)], 95), ([np.zeros((1, 10), np.float32)], -1)):
        with pytest.raises(ValueError, match=r"new buffers|outside"):
            patch_buffers([live], new, start, None, 0)
