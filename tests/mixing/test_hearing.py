"""A room on headphones: from where it comes, without blocks being heard."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.mixing.binaural import ears, reach, to_headphones
from stemstudio.mixing.hearing import Listening
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.upmix import Spread
from stemstudio.project.room import Place, Room

RATE = 44100


def arrivals(layout: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """When sound of a loudspeaker comes to each ear (samples), and how loud above 3 kHz (dB)."""
    channel = [speaker.name for speaker in LAYOUTS[layout].speakers].index(name)
    responses = ears(layout, RATE)[channel].astype(np.float64)
    spectra = np.fft.rfft(responses, 8192)
    hertz = np.fft.rfftfreq(8192, 1 / RATE)
    low = (hertz > 200) & (hertz < 600)
    slope = [
        np.polyfit(2 * np.pi * hertz[low] / RATE, np.unwrap(np.angle(each[low])), 1)[0] for each in spectra
    ]
    return -np.array(slope), 10 * np.log10(np.square(np.abs(spectra[:, hertz > 3000])).mean(axis=1))


def test_the_near_ear_hears_it_sooner_and_brighter() -> None:
    for name, near in (("L", 0), ("R", 1), ("Ls", 0), ("Rs", 1), ("Lb", 0)):
        when, bright = arrivals("7.1", name)
        assert 0.0002 < (when[1 - near] - when[near]) / RATE < 0.001, name
        assert bright[near] > bright[1 - near] + 6.0, name
    when, bright = arrivals("7.1", "C")
    assert abs(when[0] - when[1]) < 1e-6
    assert abs(bright[0] - bright[1]) < 1e-6


def test_a_song_keeps_its_level_and_its_place_in_time() -> None:
    layout = LAYOUTS["5.1"]
    noise = np.random.default_rng(1).standard_normal(RATE)
    room = np.zeros((6, RATE))
    room[:2] = noise
    heard = to_headphones(layout, room, RATE)
    level = 10 * np.log10(np.square(heard).mean() / np.square(noise).mean())
    assert abs(level) < 3.0
    lag = np.argmax(np.correlate(heard[0, 5000:9000], noise[5000:9000], "full")) - 3999
    assert abs(lag) < 12
    low = np.zeros((6, RATE))
    low[3] = noise
    both = to_headphones(layout, low, RATE)
    np.testing.assert_array_equal(both[0], both[1])


@pytest.mark.parametrize("ear", ["fold-down", "headphones", "loudspeakers"])
def test_blocks_make_no_difference(ear: str) -> None:
    noise = np.random.default_rng(2).standard_normal((2, 20_000)).astype(np.float32)
    listening = Listening(Spread(Room(), {1: Place(azimuth=120.0, lfe_db=0.0)}, RATE, 20_000), ear)
    heard = lambda start, stop: {1: noise[:, start:stop]}  # noqa: E731
    whole = listening.render(heard, 0, 20_000)
    assert whole.shape[0] == listening.channels
    cut = listening.render(heard, 9000, 9500)
    np.testing.assert_allclose(cut, whole[:, 9000:9500], atol=2e-5)
    assert reach(RATE) < 2048
