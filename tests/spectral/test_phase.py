"""Phase: Griffin–Lim comes nearer with each step, and MISI's stems are the mixture."""

from __future__ import annotations

import numpy as np
import pytest
from signals import mixture

from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.phase import griffin_lim, misi
from stemstudio.spectral.stft import StftSettings, forward

RATE = 8000
GRID = StftSettings(fft=512, hop=128)


@pytest.fixture(scope="module")
def song():
    return mixture(1.5, RATE)


def away(sound, magnitude):
    """How far the magnitudes of a sound are from those wanted, in dB."""
    found = forward(Audio(sound, RATE), GRID).magnitude
    return 20 * np.log10(np.linalg.norm(found - magnitude) / np.linalg.norm(magnitude))


def test_griffin_lim_never_gets_worse(song):
    mix, _ = song
    magnitude = forward(mix, GRID).magnitude
    far = [
        away(griffin_lim(magnitude, GRID, RATE, mix.length, iterations=count), magnitude)
        for count in (0, 1, 2, 5, 10, 30)
    ]
    assert all(later <= before + 1e-3 for before, later in zip(far, far[1:], strict=False))  # noqa: RUF007
    assert far[-1] < far[0] - 8


def test_momentum_gets_further_in_the_same_time(song):
    mix, _ = song
    magnitude = forward(mix, GRID).magnitude
    plain, fast = (
        away(griffin_lim(magnitude, GRID, RATE, mix.length, iterations=40, momentum=each), magnitude)
        for each in (0.0, 0.99)
    )
    assert fast < plain


def test_griffin_lim_leaves_a_right_phase_as_it_is(song):
    mix, _ = song
    X = forward(mix, GRID)
    found = griffin_lim(X.magnitude, GRID, RATE, mix.length, iterations=3, phase=X.values)
    np.testing.assert_allclose(found, mix.samples, atol=1e-5)


def test_griffin_lim_equals_librosas_first_steps():
    """Away from the ends, where the two treat the border differently."""
    import librosa

    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(RATE)).astype(np.float32)
    magnitude = forward(Audio(sound[None], RATE), GRID).magnitude
    angles = np.ones_like(magnitude, dtype=np.complex64)
    found = griffin_lim(magnitude, GRID, RATE, RATE, iterations=2, phase=angles)
    spectrum = magnitude[0].astype(np.complex64)
    for _ in range(2):
        wave = librosa.istft(spectrum, hop_length=128, n_fft=512, length=RATE)
        again = librosa.stft(wave, hop_length=128, n_fft=512, pad_mode="constant")
        again = np.pad(again, ((0, 0), (0, magnitude.shape[2] - again.shape[1])))
        spectrum = magnitude[0] * np.exp(1j * np.angle(again))
    expected = librosa.istft(spectrum, hop_length=128, n_fft=512, length=RATE)
    np.testing.assert_allclose(found[0, 2000:-2000], expected[2000:-2000], atol=1e-4)


@pytest.mark.parametrize("iterations", [0, 1, 5])
def test_misi_stems_are_the_mixture(song, iterations):
    mix, stems = song
    magnitudes = np.stack([forward(stem, GRID).magnitude for stem in stems.values()])
    found = misi(mix, magnitudes, GRID, iterations=iterations)
    assert found.shape == (len(stems), *mix.samples.shape)
    assert np.abs(found.sum(axis=0) - mix.samples).max() <= 1e-6


def test_misi_comes_nearer_to_the_stems_than_the_mixtures_phase(song):
    mix, stems = song
    truth = np.stack([stem.samples for stem in stems.values()])
    magnitudes = np.stack([forward(stem, GRID).magnitude for stem in stems.values()])
    errors = [np.linalg.norm(misi(mix, magnitudes, GRID, iterations=count) - truth) for count in (0, 2, 20)]
    assert errors[2] < errors[1] < errors[0]


def test_misi_takes_one_magnitude_for_all_channels_and_refuses_others(song):
    mix, _ = song
    magnitude = forward(mix, GRID).magnitude.mean(axis=0)
    found = misi(mix, np.stack([0.3 * magnitude, 0.7 * magnitude])[:, None], GRID, iterations=2)
    assert np.isfinite(found).all()
    with pytest.raises(ValueError, match="fit"):
        misi(mix, magnitude[None, None, :-1], GRID)


def test_silence_stays_silent():
    silence = Audio(np.zeros((1, 3000), dtype=np.float32), RATE)
    magnitude = forward(silence, GRID).magnitude
    assert not misi(silence, np.stack([magnitude, magnitude]), GRID, iterations=2).any()
    assert not griffin_lim(magnitude, GRID, RATE, 3000, iterations=2).any()


def test_both_can_be_stopped(song):
    mix, _ = song
    magnitude = forward(mix, GRID).magnitude
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        misi(mix, magnitude[None], GRID, progress=progress)
    with pytest.raises(Cancelled):
        griffin_lim(magnitude, GRID, RATE, mix.length, progress=progress)
