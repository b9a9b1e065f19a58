"""Levels of stems that are mixed before they play: read where the song is."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.mixing.levels import HOP, Levels

RATE = 44100


def test_levels_are_those_of_the_sound_at_the_place_that_is_asked_for():
    at = np.arange(2 * RATE) / RATE
    loud = (0.5 * np.sin(2 * np.pi * 441 * at)).astype(np.float32)
    loud[RATE:] = 0.0
    levels = Levels(2, 2 * RATE, RATE)
    first = 20 * HOP
    levels.take([np.stack([loud, 0.1 * loud])[:, :first], loud[None, :first]], 0)
    levels.take([np.stack([loud, 0.1 * loud])[:, first:], loud[None, first:]], first)
    peak, rms = levels.read(RATE // 2)
    np.testing.assert_allclose(peak, [[0.5, 0.05], [0.5, 0.5]], rtol=0.01)
    np.testing.assert_allclose(rms, peak / np.sqrt(2), rtol=0.02)
    peak, rms = levels.read(2 * RATE - 1)
    assert not peak.any()
    assert not rms.any()


def test_no_hit_falls_between_two_readings_and_a_jump_shows_only_where_it_goes():
    hits = np.zeros((1, 4 * RATE), dtype=np.float32)
    hits[0, 30 * HOP + 5] = 0.8
    levels = Levels(1, 4 * RATE, RATE)
    levels.take([hits], 0)
    peaks = [levels.read(round(at))[0].max() for at in np.arange(25 * HOP, 36 * HOP, 0.033 * RATE)]
    assert sum(peak > 0.79 for peak in peaks) == 1
    assert levels.read(100 * HOP)[0].max() == 0.0
    assert levels.read(10**9)[0].max() == 0.0


@pytest.mark.parametrize("length", [0, 1, HOP])
def test_a_song_may_be_as_short_as_it_likes(length):
    levels = Levels(1, length, RATE)
    levels.take([np.full((2, length), 0.5, dtype=np.float32)], 0)
    assert levels.read(0)[0].max() == (0.5 if length else 0.0)
