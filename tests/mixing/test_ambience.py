"""What both channels share is direct, the rest is ambience; and copies of it that are unlike each other."""

from __future__ import annotations

import numpy as np

from stemstudio.mixing.ambience import REACH_SECONDS, ambience_of, decorrelated, velvet

RATE = 44100


def share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(np.square(part).sum() / np.square(whole).sum())


def test_dry_is_direct_and_reverb_is_ambience() -> None:
    random = np.random.default_rng(1)
    voice = random.standard_normal(RATE)
    for gains in ((1.0, 1.0), (1.0, 0.3), (1.0, -0.5), (1.0, 0.0)):
        dry = np.stack([gain * voice for gain in gains]).astype(np.float32)
        assert share(ambience_of(dry, RATE), dry) < 1e-3, gains
    hall = random.standard_normal((2, RATE)).astype(np.float32)
    assert share(ambience_of(hall, RATE), hall) > 0.5


def test_of_a_voice_in_a_hall_the_hall_goes_behind_and_the_voice_stays() -> None:
    random = np.random.default_rng(2)
    voice = np.tile(np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE), (2, 1)).astype(np.float32)
    hall = 0.3 * random.standard_normal((2, RATE)).astype(np.float32)
    ambience = ambience_of(voice + hall, RATE)
    direct = voice + hall - ambience
    along = lambda sound, part: float((sound * part).sum() / np.square(part).sum())  # noqa: E731
    assert along(direct, voice) > 0.97
    assert along(ambience, hall) > 0.6


def test_silence_mono_and_very_short_sound() -> None:
    for sound in (np.zeros((2, 5000)), np.ones((2, 3)), np.zeros((2, 0)), np.tile(np.arange(900.0), (2, 1))):
        ambience = ambience_of(sound.astype(np.float32), RATE)
        assert ambience.shape == sound.shape
        assert not ambience.any()
    short = np.array([[1.0], [-0.5]], dtype=np.float32)
    assert np.isfinite(ambience_of(short, 8000)).all()


def test_the_same_whatever_is_cut_out_of_the_song() -> None:
    sound = np.random.default_rng(3).standard_normal((2, 2 * RATE)).astype(np.float32)
    whole = ambience_of(sound, RATE)
    reach, start, stop = int(REACH_SECONDS * RATE), 30_001, 50_002
    cut = ambience_of(sound[:, start - reach : stop + reach], RATE, start - reach)
    np.testing.assert_allclose(cut[:, reach:-reach], whole[:, start:stop], atol=1e-5)


def test_decorrelated_copies_are_as_loud_and_unlike() -> None:
    sound = np.random.default_rng(4).standard_normal(RATE)
    copies = [decorrelated(sound, velvet(seed, RATE)) for seed in range(4)]
    likeness = np.abs(np.corrcoef([sound, *copies])[np.triu_indices(5, 1)])
    assert likeness.max() < 0.35
    for copy in copies:
        assert abs(10 * np.log10(np.square(copy).sum() / np.square(sound).sum())) < 0.5
