"""Two-stage HPSS: a voice, drums and chords, and the same answer whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms import two_stage_hpss
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.two_stage_hpss import NAMES, TwoStageHPSS
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

RATE = 22050


def band(seconds=6):
    """A trembling voice, clicks, and a chord that is held."""
    t = np.arange(seconds * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(600 * 2 ** (0.08 * np.sin(2 * np.pi * 5.5 * t))) / RATE
    voice = 0.1 * sum(np.sin(k * phase) / k for k in (1, 2, 3, 4))
    chord = 0.08 * sum(np.sin(2 * np.pi * f * t) for f in (220, 277.2, 329.6))
    drums = np.zeros_like(t)
    drums[RATE // 4 :: RATE // 2] = 1.0
    drums = np.convolve(drums, np.random.default_rng(0).standard_normal(200) * np.exp(-np.arange(200) / 40))
    return {"voice": voice, "drums": 0.3 * drums[: t.size], "sustained": chord}


def test_voice_drums_and_chord_come_apart():
    truth = band()
    song = Audio(sum(truth.values())[None].astype(np.float32), RATE)
    found = TwoStageHPSS().run(song, Progress())
    assert found.names == NAMES
    for name, wave in zip(found.names, np.asarray(found.waves)[:, 0], strict=True):
        middle = slice(RATE, -RATE)
        own, estimate = truth[name][middle], wave[middle]
        others = [truth[other][middle] for other in truth if other != name]
        likeness = np.corrcoef(own, estimate)[0, 1]
        assert likeness > 0.8, name
        assert likeness > 2 * max(abs(np.corrcoef(other, estimate)[0, 1]) for other in others), name


def test_the_parts_add_up_to_the_song():
    song = Audio(np.random.default_rng(1).standard_normal((2, 30001)).astype(np.float32) * 0.1, RATE)
    waves = np.asarray(TwoStageHPSS().run(song, Progress()).waves)
    np.testing.assert_allclose(waves.sum(axis=0), song.samples, atol=1e-6)


def test_working_in_blocks_changes_nothing(monkeypatch):
    truth = band(4)
    song = Audio(sum(truth.values())[None].astype(np.float32), RATE)
    expected = np.asarray(TwoStageHPSS().run(song, Progress()).waves)
    monkeypatch.setattr(two_stage_hpss, "SECONDS", 0.37)
    np.testing.assert_allclose(np.asarray(TwoStageHPSS().run(song, Progress()).waves), expected, atol=2e-6)


def test_each_look_is_the_hpss_of_its_own_slice():
    song = Audio(np.random.default_rng(2).standard_normal((1, 2 * RATE)).astype(np.float32) * 0.1, RATE)
    first, second = TwoStageHPSS().stages(RATE)
    assert (first.fft, second.fft) == (4096, 512)
    moving = first.run(song, Progress()).render(song, [[1]], 0, song.length)[0]
    drums = second.run(Audio(moving, RATE), Progress()).render(Audio(moving, RATE), [[1]], 0, song.length)[0]
    waves = np.asarray(TwoStageHPSS().run(song, Progress()).waves)
    # HPSS keeps its masks in half precision
    np.testing.assert_allclose(waves[1], drums, atol=5e-4)
    np.testing.assert_allclose(waves[2], song.samples - moving, atol=5e-4)


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_slices_are_near_what_was_asked_at_any_rate(rate):
    recipe = TwoStageHPSS()
    for asked, stage in zip((recipe.long_slice, recipe.short_slice), recipe.stages(rate), strict=True):
        assert isinstance(stage, HPSS)
        assert asked / 1.5 <= stage.fft / rate <= asked * 1.5
