"""Stereo: the histogram shows where sounds were panned, and the window takes them out."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.stereo import Stereo, disagreement, pan_histogram, pan_of, pan_window
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress

RATE = 22050
T = np.arange(3 * RATE) / RATE


def placed(wave, place):
    """By the constant-power law."""
    angle = (place + 1) * np.pi / 4
    return np.stack([np.cos(angle) * wave, np.sin(angle) * wave])


def tone(pitch, place):
    """Three partials at a place."""
    return placed(sum(0.1 * np.sin(2 * np.pi * k * pitch * T) for k in (1, 2, 3)), place)


def sdr(truth, estimate):
    """Away from the ends, where a tone that begins at once spreads over all pitches."""
    truth, estimate = truth[:, RATE // 4 : -RATE // 4], estimate[:, RATE // 4 : -RATE // 4]
    return 10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate) ** 2))


@pytest.mark.parametrize("place", [-1.0, -0.5, 0.0, 0.3, 1.0])
def test_pan_is_where_the_sound_was_placed(place):
    left, right = placed(np.array([[0.5 + 0.2j, -1j]]), place).astype(np.complex64)
    np.testing.assert_allclose(pan_of(left, right), place, atol=1e-6)


def test_the_histogram_has_its_peaks_where_the_sounds_are():
    song = Audio((tone(300, -0.6) + 2 * tone(437, 0.4)).astype(np.float32), RATE)
    found = pan_histogram(song)
    assert found.energy.sum() == pytest.approx(1, abs=1e-5)
    near = {place: found.energy[np.abs(found.places - place) < 0.05].sum() for place in (-0.6, 0.4)}
    assert near[0.4] == pytest.approx(0.8, abs=0.05)
    assert near[-0.6] == pytest.approx(0.2, abs=0.05)


def test_the_histogram_of_a_range_hears_only_that():
    early, late = tone(300, -0.5), tone(300, 0.5)
    song = Audio(np.where(T < 1.5, early, late).astype(np.float32), RATE)
    found = pan_histogram(song, start=0, stop=RATE)
    assert found.energy[found.places > 0.3].sum() < 0.01
    assert found.energy[found.places < -0.3].sum() > 0.9


def test_the_histogram_of_silence_and_of_one_channel():
    assert pan_histogram(Audio(np.zeros((2, 100), dtype=np.float32), RATE)).energy.sum() == 0
    one = pan_histogram(Audio(tone(300, 0)[:1].astype(np.float32), RATE), steps=11)
    assert one.energy[5] == pytest.approx(1)
    assert not one.energy.flags.writeable


def test_the_histogram_can_be_stopped():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        pan_histogram(Audio(np.zeros((2, 9000), dtype=np.float32), RATE), progress)


def test_the_window_is_flat_then_falls_to_nothing():
    places = np.array([0.1, 0.2, 0.25, 0.3, 0.41, -0.1], dtype=np.float32)
    np.testing.assert_allclose(pan_window(places, 0.1, 0.2, 1.0), [1, 1, 0.8536, 0.5, 0, 0.5], atol=1e-3)
    np.testing.assert_array_equal(pan_window(places, 0.1, 0.2, 0.0), [1, 1, 0, 0, 0, 0])


def test_channels_against_each_other_disagree_and_one_alone_cannot():
    left = np.array([1, 1, 1j, 1, 0], dtype=np.complex64)
    right = np.array([1, -1, 1, 0, 0], dtype=np.complex64)
    np.testing.assert_allclose(disagreement(left, right), [0, 1, 0.5, 0, 0], atol=1e-6)


@pytest.mark.parametrize("centre", [-0.7, 0.0, 0.5])
def test_a_sound_is_taken_from_its_place_and_keeps_it(centre):
    wanted, others = tone(311, centre), tone(520, centre - 0.6 if centre > 0 else centre + 0.6)
    song = Audio((wanted + others).astype(np.float32), RATE)
    found = Stereo(centre=centre).run(song, Progress())
    assert found.names == ("inside", "outside")
    inside, outside = found.render(song, [[0], [1]], 0, song.length)
    assert sdr(wanted, inside) > 20
    assert sdr(others, outside) > 20


def test_a_strict_window_keeps_a_wide_sound_out_of_the_middle():
    """Channels that are independent have pans all over, some in the middle by chance, but no common phase."""
    wide = Audio((0.1 * np.random.default_rng(0).standard_normal((2, 2 * RATE))).astype(np.float32), RATE)
    loose, strict = (
        Stereo(strictness=each).run(wide, Progress()).masks([[0]], 0, 40).mean() for each in (0.0, 1.0)
    )
    assert strict < 0.6 * loose


def test_one_channel_is_all_in_the_middle():
    song = Audio(tone(300, 0)[:1].astype(np.float32), RATE)
    assert Stereo().run(song, Progress()).masks([[0]], 0, 40).min() == 1
    assert Stereo(centre=0.8).run(song, Progress()).masks([[0]], 0, 40).max() == 0


def test_what_is_below_the_lowest_pitch_stays_outside():
    song = Audio((tone(60, 0) + tone(900, 0)).astype(np.float32), RATE)
    inside = Stereo(lowest=400).run(song, Progress()).render(song, [[0]], 0, song.length)[0]
    assert sdr(tone(900, 0), inside) > 25
