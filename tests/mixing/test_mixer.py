"""Faders, pan, mute and solo, and the mix they make."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stemstudio.mixing.mixer import decibels, gain_of, heard, mix_block, null_decibels, stem_gains
from stemstudio.project.stem import Stem


def fader(**fields) -> Stem:
    return Stem(1, "lead", "#ffffff", 0, **fields)


def sides(strip: Stem, channels: int = 2) -> list[float]:
    """Left to left, right to left, left to right, right to right."""
    return stem_gains([strip], channels)[0, :4].tolist()


@pytest.mark.parametrize("channels", [1, 2])
def test_untouched_strips_are_exactly_one_and_send_nothing(channels):
    np.testing.assert_array_equal(stem_gains([fader(), fader()], channels), [[1, 0, 0, 1, 0, 0]] * 2)


@pytest.mark.parametrize(
    ("fields", "left", "right"),
    [
        ({"gain_db": -6.0}, 0.501187, 0.501187),
        ({"gain_db": -math.inf}, 0.0, 0.0),
        ({"pan": -1.0}, 1.0, 0.0),
        ({"pan": 1.0}, 0.0, 1.0),
        ({"pan": 0.25}, 0.75, 1.0),
        ({"gain_db": 20.0, "pan": -0.5}, 10.0, 5.0),
        ({"mute": True, "gain_db": 6.0}, 0.0, 0.0),
        ({"flip": True}, -1.0, -1.0),
    ],
)
def test_one_fader_of_a_stereo_stem(fields, left, right):
    np.testing.assert_allclose(sides(fader(**fields)), [left, 0, 0, right], rtol=1e-5)


@pytest.mark.parametrize("pan", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_pan_of_a_mono_stem_keeps_its_power(pan):
    left, _, _, right = sides(fader(pan=pan), 1)
    assert left**2 + right**2 == pytest.approx(2.0)
    assert np.sign(right - left) == np.sign(pan)


def test_width_moves_the_sides_and_leaves_the_middle():
    middle, side = np.array([1.0, 1.0]), np.array([1.0, -1.0])
    for width in (0.0, 0.5, 2.0):
        matrix = np.reshape(sides(fader(width=width)), (2, 2))
        np.testing.assert_allclose(matrix @ middle, middle)
        np.testing.assert_allclose(matrix @ side, width * side)
    assert sides(fader(width=0.0), 1) == [1, 0, 0, 1]  # a mono stem has no sides


def test_solo_safe_goes_on_through_the_solo_of_others():
    strips = [fader(), fader(solo=True), fader(solo_safe=True), fader(solo_safe=True, mute=True)]
    assert heard(strips) == [False, True, True, False]


def test_solo_silences_the_others_and_mute_wins():
    faders = [fader(), fader(solo=True), fader(solo=True, mute=True), fader(mute=True)]
    assert heard(faders) == [False, True, False, False]
    assert heard([fader(), fader(mute=True)]) == [True, False]


@pytest.mark.parametrize(
    "fields", [{"pan": 1.01}, {"gain_db": math.nan}, {"reverb_db": math.inf}, {"width": 2.5}]
)
def test_senseless_faders_are_refused(fields):
    with pytest.raises(ValueError, match=r"pan|gain|width"):
        stem_gains([fader(**fields)])


def test_no_stems_mix_to_nothing():
    assert stem_gains([]).shape == (0, 6)
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
