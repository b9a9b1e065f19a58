"""HPSS: medians, lengths, masks as librosa has them, and what a person hears."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms import hpss, medians
from stemstudio.algorithms.hpss import HPSS, hpss_masks, magnitude
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.medians import running_median
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

RATE = 44100


@pytest.mark.parametrize(
    ("shape", "length"),
    [((300, 70), 17), ((10, 5), 17), ((50, 64), 3), ((1, 3), 5), ((40, 130), 31), ((9, 2), 1), ((0, 4), 3)],
)
def test_running_median_is_scipys_bit_for_bit(shape, length):
    from scipy.ndimage import median_filter

    rng = np.random.default_rng(0)
    values = rng.random(shape, dtype=np.float32)
    values[rng.random(shape) < 0.3] = 0  # ties
    expected = median_filter(values, (length, 1), mode="reflect") if values.size else values
    np.testing.assert_array_equal(running_median(values, length), expected)


def test_a_median_window_must_be_odd():
    with pytest.raises(ValueError, match="odd"):
        running_median(np.zeros((4, 4), dtype=np.float32), 4)


def test_lengths_in_seconds_and_hz():
    recipe = HPSS(harmonic_length=0.395, percussive_length=183)
    assert recipe.lengths(44100) == (17, 17)
    assert HPSS().lengths(44100) == (17, 17)
    assert recipe.lengths(22050) == (9, 33)
    assert HPSS(fft=2048, hop=512, harmonic_length=0.395, percussive_length=366).lengths(44100) == (35, 17)
    assert HPSS(harmonic_length=0.001, percussive_length=1).lengths(44100) == (1, 1)
    assert all(
        length % 2 == 1
        for seconds in (0.1, 0.2, 0.3, 1.0, 3.0)
        for length in HPSS(harmonic_length=seconds).lengths(48000)
    )


@pytest.mark.parametrize("margin", [1.0, 1.7, 3.0])
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, np.inf])
def test_masks_equal_librosas(margin, power):
    import librosa

    rng = np.random.default_rng(1)
    V = rng.random((200, 150), dtype=np.float32) ** 3
    V[:, 40:43] += 2
    V[30] += 2
    V[100:140, 100:] = 0  # silence, and ties
    ours = hpss_masks(V, 17, 31, margin=margin, power=power)
    theirs = librosa.decompose.hpss(V, kernel_size=(17, 31), margin=margin, power=power, mask=True)
    for mine, expected in zip(ours, theirs, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, np.asarray(expected, dtype=np.float32), atol=1e-5)


def test_working_in_blocks_changes_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    sound = Audio((rng.standard_normal((2, 60000)) * 0.1).astype(np.float32), RATE)
    recipe = HPSS(fft=1024, hop=256, margin=1.5)
    V = magnitude(sound, recipe.grid, 0, recipe.grid.frames(sound.length))
    expected = hpss_masks(V, *recipe.lengths(RATE), margin=1.5)
    monkeypatch.setattr(hpss, "BLOCK", 37)
    found = recipe.run(sound, Progress())
    masks = found.masks([[0], [1]], 0, V.shape[1])
    for part, mask in enumerate(expected):
        np.testing.assert_allclose(masks[part], mask, atol=6e-4)


def test_a_held_tone_is_harmonic_and_a_click_percussive():
    t = np.arange(2 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * t)
    click = np.zeros_like(t)
    click[RATE // 2 :: RATE // 2] = 0.9
    sound = Audio((tone + click)[None].astype(np.float32), RATE)
    for mask in ("soft", "binary"):
        found = HPSS(mask=mask).run(sound, Progress())
        assert found.names == ("harmonic", "percussive")
        harmonic, percussive = found.render(sound, [[0], [1]], 0, sound.length)[:, 0]
        middle = slice(RATE // 4, -RATE // 4)
        assert np.corrcoef(harmonic[middle], tone[middle])[0, 1] > 0.99
        assert np.corrcoef(percussive[middle], click[middle])[0, 1] > 0.9


def test_a_margin_leaves_what_is_neither_to_the_residual():
    rng = np.random.default_rng(0)
    noise = Audio((0.1 * rng.standard_normal((1, RATE))).astype(np.float32), RATE)
    whole = HPSS().run(noise, Progress()).masks([[0, 1]], 0, 40)
    np.testing.assert_allclose(whole, 1, atol=2e-3)
    strict = HPSS(margin=3.0).run(noise, Progress()).masks([[0], [1]], 0, 40).sum(axis=0)
    assert strict.mean() < 0.5
    assert strict.max() <= 1.001


@pytest.mark.parametrize("how", [{}, {"power": 0.5}, {"power": 5.0, "margin": 2.5}, {"mask": "binary"}])
def test_margin_and_power_can_be_changed_without_running_again(how):
    """What one run found, masked as another recipe says, is what that recipe finds."""
    rng = np.random.default_rng(4)
    sound = Audio((rng.standard_normal((2, 40000)) * rng.random(40000) * 0.1).astype(np.float32), RATE)
    small = {"fft": 1024, "hop": 256}
    found, wanted = HPSS(**small).run(sound, Progress()), HPSS(**small, **how)
    frames = wanted.grid.frames(sound.length)
    again = wanted.run(sound, Progress())
    changed = found.masks([[0], [1]], 0, frames, again.masking)
    np.testing.assert_array_equal(changed, again.masks([[0], [1]], 0, frames))
    V = magnitude(sound, wanted.grid, 0, frames)
    power = np.inf if wanted.mask == "binary" else wanted.firmness
    expected = hpss_masks(V, *wanted.lengths(RATE), margin=wanted.margin, power=power)
    # Shares are kept in half precision.
    differs = np.abs(changed - expected)
    if wanted.mask == "binary":
        # Where a bin is both medians nobody is stronger; it went to the residual, and goes to the first now.
        even = np.abs(found.masks([[0], [1]], 0, frames, Masking()) - 0.5) < 1e-3
        assert not differs[~even].any()
        assert even.mean() < 0.03
    else:
        assert differs.max() <= 3e-3


def test_both_channels_share_one_mask():
    rng = np.random.default_rng(0)
    stereo = Audio((0.1 * rng.standard_normal((2, 20000))).astype(np.float32), RATE)
    V = magnitude(stereo, StftSettings(), 0, 5)
    left, right = (
        magnitude(Audio(stereo.samples[side : side + 1], RATE), StftSettings(), 0, 5) for side in (0, 1)
    )
    np.testing.assert_allclose(V, np.sqrt((left**2 + right**2) / 2), rtol=1e-5)


def test_frames_that_do_not_overlap_evenly_are_refused():
    with pytest.raises(BadRecipe, match=r"HPSS.*1000"):
        HPSS.from_settings({"hop": 1000})


def test_work_shared_by_threads_is_the_work_of_one(monkeypatch):
    V = np.random.default_rng(3).random((300, 700), dtype=np.float32) ** 4
    V[:, 300:310] = 0
    alone = hpss_masks(V, 17, 31, margin=1.5, power=1.7)
    monkeypatch.setattr(medians, "WORTH", 1000)
    monkeypatch.setattr(medians.os, "cpu_count", lambda: 3)
    for mask, expected in zip(hpss_masks(V, 17, 31, margin=1.5, power=1.7), alone, strict=True):
        np.testing.assert_array_equal(mask, expected)
    ours = hpss_masks(V, 17, 31, power=np.inf)
    assert set(np.unique(ours)) == {0.0, 1.0}
    assert not any(mask[:, 302:308].any() for mask in ours)
