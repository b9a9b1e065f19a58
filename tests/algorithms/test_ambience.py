"""Direct sound and ambience: a dry source stays whole, a room goes, and panning does not matter."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.ambience import Ambience, ambient_power
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

RATE = 22050


def parts(sound: np.ndarray, **settings: float) -> tuple[np.ndarray, np.ndarray]:
    song = Audio(sound.astype(np.float32), RATE)
    found = Ambience(**settings).run(song, Progress())
    direct, ambience = found.render(song, [[0], [1]], 0, song.length)
    return direct, ambience


def share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(np.square(part).sum() / np.square(whole).sum())


@pytest.mark.parametrize("gains", [(1.0, 1.0), (1.0, 0.25), (-0.5, 1.0)])
def test_a_dry_source_is_direct_wherever_it_is_panned(gains: tuple[float, float]) -> None:
    voice = np.random.default_rng(0).standard_normal(2 * RATE)
    dry = np.stack([gain * voice for gain in gains])
    assert share(parts(dry)[1], dry) < 1e-3


def test_the_hall_goes_and_the_voice_stays() -> None:
    times = np.arange(2 * RATE) / RATE
    voice = np.tile(np.sin(2 * np.pi * 440 * times) + np.sin(2 * np.pi * 1320 * times), (2, 1))
    hall = 0.3 * np.random.default_rng(1).standard_normal((2, 2 * RATE))
    direct, ambience = parts(voice + hall)
    np.testing.assert_allclose(direct + ambience, voice + hall, atol=2e-3)
    assert float((direct * voice).sum() / np.square(voice).sum()) > 0.95
    assert float((ambience * hall).sum() / np.square(hall).sum()) > 0.6
    kept = parts(voice + hall, threshold=0.8)[1]
    assert share(kept, hall) < share(ambience, hall)


def test_mono_is_all_direct() -> None:
    sound = np.random.default_rng(2).standard_normal((1, RATE))
    direct, ambience = parts(sound)
    np.testing.assert_allclose(direct, sound, atol=1e-3)
    assert share(ambience, sound) < 1e-4


def test_powers_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(3)
    left, right = (
        (rng.standard_normal((2, 9, 17)) + 1j * rng.standard_normal((2, 9, 17))).astype(np.complex64)
    )  # fmt: skip
    around, count = 3, 7 / 2 * 5 / 2

    def averaged(values: np.ndarray) -> np.ndarray:
        padded = np.pad(values, ((2, 2), (around, around)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 2 * around + 1))
        return windows.mean(axis=(-2, -1))

    one, two = averaged(np.abs(left) ** 2), averaged(np.abs(right) ** 2)
    shared = np.abs(averaged(left * right.conj())) ** 2
    shared = np.maximum(0.0, (shared - one * two / count) / (1.0 - 1.0 / count))
    expected = np.maximum(0.0, 0.5 * (one + two - np.sqrt((one - two) ** 2 + 4.0 * shared)))
    for got, wanted in zip(ambient_power(left, right, around), (expected, one, two), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
