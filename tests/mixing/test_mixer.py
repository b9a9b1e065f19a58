"""Faders, pan, mute and solo, and the mix they make."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from stemstudio.mixing.mixer import decibels, gain_of, heard, mix_block, null_decibels, stem_gains


@dataclass(frozen=True)
class Fader:
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False


def test_untouched_faders_are_exactly_one():
    np.testing.assert_array_equal(stem_gains([Fader(), Fader()]), np.ones((2, 2), dtype=np.float32))


@pytest.mark.parametrize(
    ("fader", "left", "right"),
    [
        (Fader(gain_db=-6.0), 0.501187, 0.501187),
        (Fader(gain_db=-math.inf), 0.0, 0.0),
        (Fader(pan=-1.0), 1.0, 0.0),
        (Fader(pan=1.0), 0.0, 1.0),
        (Fader(pan=0.25), 0.75, 1.0),
        (Fader(gain_db=20.0, pan=-0.5), 10.0, 5.0),
        (Fader(mute=True, gain_db=6.0), 0.0, 0.0),
    ],
)
def test_one_fader(fader, left, right):
    np.testing.assert_allclose(stem_gains([fader]), [[left, right]], rtol=1e-5)


def test_solo_silences_the_others_and_mute_wins():
    faders = [Fader(), Fader(solo=True), Fader(solo=True, mute=True), Fader(mute=True)]
    assert heard(faders) == [False, True, False, False]
    assert heard([Fader(), Fader(mute=True)]) == [True, False]


@pytest.mark.parametrize("fader", [Fader(pan=1.01), Fader(gain_db=math.nan), Fader(gain_db=math.inf)])
def test_senseless_faders_are_refused(fader):
    with pytest.raises(ValueError, match=r"pan|gain"):
        stem_gains([fader])


def test_no_stems_mix_to_nothing():
    assert stem_gains([]).shape == (0, 2)
    assert mix_block([], np.zeros((0, 2))).shape == (2, 0)


@pytest.mark.parametrize("level", [-60.0, -6.0, 0.0, 12.0])
def test_decibels_and_back(level):
    assert decibels(gain_of(level)) == pytest.approx(level)


def test_mono_stem_goes_to_both_sides_and_stereo_stays(stems):
    bass, lead, _ = stems
    mix = mix_block([bass, lead], np.array([[1.0, 0.5], [0.25, 2.0]]), 100, 300, master=0.5)
    expected = 0.5 * np.array([1.0 * bass[0] + 0.25 * lead[0], 0.5 * bass[1] + 2.0 * lead[0]])[:, 100:300]
    assert mix.dtype == np.float32
    np.testing.assert_allclose(mix, expected, atol=1e-7)


def test_range_is_cut_to_the_song(stems):
    length = stems[0].shape[1]
    assert mix_block(stems, np.ones((3, 2)), length - 10, length + 500).shape == (2, 10)
    assert mix_block(stems, np.ones((3, 2)), length + 5).shape == (2, 0)


def test_gains_must_match_the_stems(stems):
    with pytest.raises(ValueError, match="gains of shape"):
        mix_block(stems, np.ones((2, 2)))
    with pytest.raises(ValueError, match="length"):
        mix_block([stems[0], stems[1][:, :-1]], np.ones((2, 2)))


def test_null_is_the_peak_of_what_is_missing(stems, mixture):
    assert null_decibels(mixture, stems) < -140
    off = stems[2].copy()
    off[1, 777] -= 0.001
    assert null_decibels(mixture, [*stems[:2], off], block=1000) == pytest.approx(-60, abs=0.01)
    assert null_decibels(mixture, [mixture]) == -math.inf
