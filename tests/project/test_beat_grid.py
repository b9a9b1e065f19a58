"""Beats of a song: even, halved, doubled, moved, tapped; bars counted; selections snapped."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from stemstudio.project.beat_grid import BeatGrid


def test_an_even_grid_fills_the_song_and_has_its_tempo():
    grid = BeatGrid.even(120, 1.25, 10.0, metre=3)
    assert grid.bpm == pytest.approx(120)
    assert grid.beats[0] == pytest.approx(0.25)
    assert grid.beats[-1] == pytest.approx(9.75)
    assert grid.beats[int(np.flatnonzero(grid.strong)[0])] == pytest.approx(1.25)
    assert [grid.bar_of(beat) for beat in (2, 3, 4, 5)] == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert grid.bar_of(1) == (0, 3)


def test_halving_undoes_doubling_and_bars_begin_where_they_did():
    grid = BeatGrid.even(90, 2.0, 20.0, metre=4)
    twice = grid.doubled()
    assert twice.bpm == pytest.approx(180)
    assert twice.halved().beats == pytest.approx(grid.beats)
    assert set(np.asarray(grid.beats)[grid.strong]) <= set(np.asarray(twice.beats)[twice.strong])
    slow = grid.halved()
    assert slow.bpm == pytest.approx(45)
    starts = np.asarray(grid.beats)[grid.strong]
    assert set(np.round(np.asarray(slow.beats)[slow.strong], 6)) <= set(np.round(starts, 6))


def test_a_beat_moves_between_its_neighbours_only():
    grid = BeatGrid.even(60, 0.0, 10.0)
    assert grid.moved(4, 4.3).beats[4] == pytest.approx(4.3)
    assert 4.9 < grid.moved(4, 99.0).beats[4] < 5.0
    assert 3.0 < grid.moved(4, -1.0).beats[4] < 3.1
    assert grid.moved(0, -5.0).beats[0] == 0.0


def test_the_one_and_the_metre_can_be_set():
    grid = BeatGrid.even(120, 0.0, 10.0).with_one(6)
    assert np.flatnonzero(grid.strong)[:3].tolist() == [2, 6, 10]
    waltz = grid.with_metre(3)
    assert np.flatnonzero(waltz.strong)[:3].tolist() == [2, 5, 8]


def test_taps_make_a_grid_even_where_one_was_missed():
    rng = np.random.default_rng(4)
    taps = [3.0 + 0.6 * n + rng.normal(0, 0.01) for n in (0, 1, 2, 3, 5, 6, 7)]
    grid = BeatGrid().tapped(taps, 30.0)
    assert grid.bpm == pytest.approx(100, rel=0.01)
    assert np.abs(grid.times - 3.0).min() < 0.02
    first = int(np.abs(grid.times - 3.0).argmin())
    assert grid.strong[first]
    assert BeatGrid().tapped(taps[:2], 30.0) == BeatGrid()


def test_shifting_all_beats_keeps_the_bars():
    grid = BeatGrid.even(120, 1.0, 10.0)
    earlier = grid.shifted(-0.3)
    assert earlier.beats[0] == pytest.approx(0.2)
    assert np.asarray(earlier.beats)[earlier.strong][0] == pytest.approx(0.7)


def test_times_snap_to_the_nearest_beat_but_not_far_outside_them():
    grid = BeatGrid.even(60, 0.5, 5.0)
    assert grid.snapped(2.4) == pytest.approx(2.5)
    assert grid.snapped(2.1) == pytest.approx(2.5)
    assert grid.snapped(0.1) == pytest.approx(0.5)
    assert grid.snapped(60.0) == 60.0
    assert BeatGrid().snapped(1.234) == 1.234


@pytest.mark.parametrize("beats", [(1.0, 0.5), (-1.0, 2.0), (0.0, float("nan")), (1.0, 1.0)])
def test_impossible_beats_are_refused(beats):
    with pytest.raises(ValidationError):
        BeatGrid(beats=beats)


def test_beats_are_counted_back_to_a_beat_however_the_tempo_sways():
    grid = BeatGrid(beats=(1.0, 1.5, 2.02, 2.5, 3.0, 3.6, 4.2))
    assert grid.before(3.0, 4) == pytest.approx(1.0)
    assert grid.before(3.3, 2) == pytest.approx(2.26)  # halfway between two
    assert grid.before(4.2, 7) == pytest.approx(0.5)
    assert grid.before(1.0, 4) == 0.0
    assert BeatGrid().before(3.0, 4) == 1.0
    assert grid.bar_pace(0.9999) == pytest.approx(0.5), "the bar that begins there, not its first beat"
    assert grid.bar_pace(3.5) == pytest.approx(0.6), "what is left of it"


def test_without_beats_nothing_breaks():
    none = BeatGrid()
    assert not none
    assert none.bpm is None
    assert none.doubled() == none.halved() == none.shifted(1.0) == none
    assert none.pace(3.0) == 0.5
