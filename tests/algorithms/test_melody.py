"""A melody's pitch, its comb, and what is taken with it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from stemstudio.algorithms.melody import Melody
from stemstudio.algorithms.pitch import difference, given_pitch, melody_pitch
from stemstudio.audio.audio import Audio, Stretch
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress
from stemstudio.spectral.combs import comb

RATE = 22050


def sung(pitch):
    """A tone with overtones at a pitch per sample; silent where it is 0."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return np.where(pitch > 0, 0.1 * sum(np.sin(k * phase) / k for k in range(1, 7)), 0)


def cents(found, true):
    return 1200 * np.abs(np.log2(found / true))


def test_the_difference_is_yins():
    rng = np.random.default_rng(0)
    frame = rng.standard_normal(90)
    window, lags = 50, 40
    apart = [np.sum((frame[:window] - frame[lag : lag + window]) ** 2) for lag in range(lags + 1)]
    expected = [1.0] + [apart[lag] * lag / sum(apart[1 : lag + 1]) for lag in range(1, lags + 1)]
    np.testing.assert_allclose(difference(frame[None], window, lags)[0], expected, atol=1e-9)
    assert (difference(np.zeros((1, 90)), window, lags) == 1).all()


def test_a_given_melody_of_the_song_is_found_in_a_stretch_of_it():
    song = Audio(np.zeros((1, 4 * RATE), dtype=np.float32), RATE)
    recipe = Melody(track="1 200, 2 400, 3 400")
    pitch = recipe.pitch(song, Progress())
    start = 64 * recipe.hop
    stretch = recipe.pitch(Stretch(song, start, RATE), Progress())
    np.testing.assert_allclose(stretch, pitch[64 : 64 + len(stretch)], rtol=1e-5)
    assert stretch.any()


@pytest.mark.parametrize("pitch", [90.0, 220.0, 441.7, 880.0])
def test_a_tone_has_its_pitch(pitch):
    found = melody_pitch(Audio(sung(np.full(RATE, pitch))[None].astype(np.float32), RATE), 256)
    middle = found[8:-8]
    assert (middle > 0).all()
    assert cents(middle, pitch).max() < 3


def test_vibrato_is_followed_and_rests_are_rests():
    t = np.arange(3 * RATE) / RATE
    pitch = 330 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5 * t))
    pitch[(t > 1.2) & (t < 1.8)] = 0
    noise = 1e-3 * np.random.default_rng(0).standard_normal(t.size)
    found = melody_pitch(Audio((sung(pitch) + noise)[None].astype(np.float32), RATE), 256)
    true = pitch[np.minimum(np.arange(found.size) * 256, t.size - 1)]
    at = np.arange(found.size) * 256 / RATE
    clear = (np.abs(at - 1.2) > 0.06) & (np.abs(at - 1.8) > 0.06) & (at > 0.06) & (at < 2.94)
    assert (found[clear & (true == 0)] == 0).all()
    assert (found[clear & (true > 0)] > 0).all()
    assert np.quantile(cents(found[clear & (true > 0)], true[clear & (true > 0)]), 0.95) < 8


def test_a_real_voice_is_followed(shared_audio):
    """Raw pitch accuracy (within a quarter tone) and voicing, against the pitch that the data set's authors checked."""
    folder = shared_audio / "score" / "vocadito"
    samples, rate = soundfile.read(folder / "vocadito_1.wav", dtype="float32", always_2d=True)
    true_times, true_pitch = np.loadtxt(folder / "vocadito_1_f0.csv", delimiter=",").T
    found = melody_pitch(Audio(np.ascontiguousarray(samples.T), rate), 512, low=65, high=800)
    true = true_pitch[
        np.clip(
            np.rint(np.arange(found.size) * 512 / rate / true_times[1]).astype(int), 0, true_times.size - 1
        )
    ]
    both = true > 0
    right = (found > 0) & both
    right[right] = cents(found[right], true[right]) < 50
    assert right.sum() / both.sum() > 0.9
    assert (found[~both] > 0).mean() < 0.25


def test_a_given_melody_is_straight_lines_in_pitch():
    found = given_pitch([(0.1, 100), (0.3, 400), (0.5, 0), (0.7, 50), (0.9, 50)], 11, 0.1)
    np.testing.assert_allclose(found, [0, 100, 200, 400, 400, 0, 0, 50, 50, 50, 0], rtol=1e-4)


def test_the_comb_has_its_teeth_on_the_partials():
    hertz = np.arange(0, 2001, dtype=np.float32)
    weights = comb(np.array([200, 0], dtype=np.float32), hertz, 50, 4, 2.0)
    assert weights[0, [200, 400, 600, 800]].min() == 1
    assert weights[0, [100, 300, 500, 700, 1000]].max() == 0
    edge = 800 * 2 ** (50 / 1200)
    assert weights[0, int(edge)] == 1
    assert weights[0, int(800 + 1.6 * (edge - 800))] == 0
    assert not weights[1].any()


def test_a_melody_is_taken_from_a_band():
    t = np.arange(3 * RATE) / RATE
    melody = sung(500 * 2 ** (0.3 / 12 * np.sin(2 * np.pi * 5 * t)))
    band = 0.03 * np.random.default_rng(0).standard_normal(t.size) + 0.03 * np.sin(2 * np.pi * 70 * t)
    song = Audio((melody + band)[None].astype(np.float32), RATE)
    recipes = (Melody(fft=2048, hop=256), Melody(fft=2048, hop=256, track="0 500, 3 500", width=60))
    for recipe in recipes:
        found = recipe.run(song, Progress())
        assert found.names == ("melody", "accompaniment")
        taken = found.render(song, [[0]], 0, song.length)[0, 0]
        before = 10 * np.log10(np.sum(melody**2) / np.sum(band**2))
        after = 10 * np.log10(np.sum(melody**2) / np.sum((melody - taken) ** 2))
        assert after > before + 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"track": "1 440 3"}, "1 440 3"),
        ({"track": "1 440"}, "two points"),
        ({"track": "2 440, 1 440"}, "back in time"),
        ({"track": "1 440, 2 -3"}, "2 -3"),
        ({"lowest": 900, "highest": 900}, "highest"),
    ],
)
def test_what_is_no_melody_is_said(settings, words):
    with pytest.raises(BadRecipe, match=words):
        Melody.from_settings(settings)
