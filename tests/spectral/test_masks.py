"""Masks: textbook shares, what they add up to, and the Wiener filter against the library it follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.masks import binary_masks, multichannel_wiener, soft_masks

POWER = np.array([[3.0, 0.0, 5.0], [1.0, 0.0, 5.0]])


def test_power_of_three_to_one():
    np.testing.assert_array_equal(binary_masks(POWER)[:, 0], [1, 0])
    np.testing.assert_allclose(soft_masks(POWER)[:, 0], [0.75, 0.25])
    np.testing.assert_allclose(soft_masks(np.sqrt(POWER), exponent=2)[:, 0], [0.75, 0.25])
    np.testing.assert_allclose(soft_masks(POWER, exponent=2)[:, 0], [0.9, 0.1])


def test_nobody_gets_silence_and_equals_share():
    assert not binary_masks(POWER)[:, 1].any()
    assert not soft_masks(POWER)[:, 1].any()
    np.testing.assert_array_equal(binary_masks(POWER)[:, 2], [1, 0])
    np.testing.assert_array_equal(soft_masks(POWER)[:, 2], [0.5, 0.5])


def test_a_margin_gives_what_is_not_clear_to_the_residual():
    np.testing.assert_array_equal(binary_masks(POWER, margin=2)[:, 0], [1, 0])
    for margin in (3, 4):  # 3 does not exceed 3 times 1
        np.testing.assert_array_equal(binary_masks(POWER, margin=margin)[:, 0], [0, 0])
    np.testing.assert_allclose(soft_masks(POWER, margin=2)[:, 0], [3 / 5, 1 / 7])
    np.testing.assert_allclose(soft_masks(POWER, margin=2, exponent=2)[:, 0], [9 / 13, 1 / 37])


@given(
    st.integers(1, 5), st.floats(0.1, 8), st.floats(1, 10), st.integers(0, 2**32 - 1), st.sampled_from("fd"),
    st.floats(-15, 15),
)  # fmt: skip
def test_masks_are_shares_of_one(stems, exponent, margin, seed, kind, size):
    rng = np.random.default_rng(seed)
    models = (rng.random((stems, 7, 5)) * 10.0**size).astype(kind)
    models[rng.random(models.shape) < 0.3] = 0
    before = models.copy()
    for masks in (binary_masks(models, margin=margin), soft_masks(models, exponent=exponent, margin=margin)):
        assert masks.dtype == models.dtype
        assert np.isfinite(masks).all()
        assert masks.min() >= 0
        assert masks.sum(axis=0).max() <= 1 + 1e-5
    whole = soft_masks(models, exponent=exponent).sum(axis=0)
    np.testing.assert_allclose(whole, models.max(axis=0) > 0, atol=1e-5)
    np.testing.assert_array_equal(models, before)


@pytest.mark.parametrize("wrong", [{"margin": 0.5}, {"exponent": 0.0}, {"exponent": -1.0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        soft_masks(POWER, **wrong)


def stereo_problem(channels=2, seed=0, stems=3, bins=20, frames=30, size=0.1):
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((stems, bins, frames, 2)).view(np.complex128)[..., 0]
    sources *= rng.random((stems, bins, frames)) ** 4
    places = rng.random((stems, channels)) + 0.1
    images = places[:, :, None, None] * sources[:, None] * size
    return images.sum(axis=0), np.abs(sources) ** 2, images


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("iterations", [0, 1, 3])
def test_the_wiener_filter_is_norberts(channels, iterations):
    norbert = pytest.importorskip("norbert")
    mixture, models, _ = stereo_problem(channels)
    assert np.abs(mixture).max() < 10  # above that norbert rescales its input in place
    v = np.ascontiguousarray(models.transpose(2, 1, 0))[:, :, None]
    expected = norbert.wiener(v, mixture.transpose(2, 1, 0).copy(), iterations)
    found = multichannel_wiener(mixture, models, iterations=iterations)
    np.testing.assert_allclose(found, expected.transpose(3, 2, 1, 0), atol=1e-6 * np.abs(mixture).max())


def test_places_tell_stems_apart_that_spectra_do_not():
    """Models that are right for most moments and blurred over time; only the places can sharpen them."""
    mixture, models, images = stereo_problem(stems=2, frames=200)
    blurred = 0.5 * models + 0.5 * models.mean(axis=2, keepdims=True)
    errors = [
        np.linalg.norm(multichannel_wiener(mixture, blurred, iterations=count) - images)
        for count in (0, 1, 3)
    ]
    assert errors[2] < errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("size", [0.1, 1e4])
def test_stems_nearly_add_up_and_silence_stays_silent(size):
    mixture, models, _ = stereo_problem(size=size)
    mixture[:, 3] = 0
    models[:, 3] = 0
    found = multichannel_wiener(
        mixture.astype(np.complex64), models.astype(np.float32), iterations=2, eps=1e-10
    )
    assert found.dtype == np.complex64
    assert np.isfinite(found).all()
    assert not found[:, :, 3].any()
    gap = np.linalg.norm(found.sum(axis=0) - mixture) / np.linalg.norm(mixture)
    assert gap < 0.05


def test_bins_some_at_a_time_change_nothing(monkeypatch):
    mixture, models, _ = stereo_problem()
    expected = multichannel_wiener(mixture, models)
    monkeypatch.setattr("stemstudio.spectral.masks.BYTES", 16 * 2 * 30 * 3)
    np.testing.assert_allclose(multichannel_wiener(mixture, models), expected, atol=1e-12)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        multichannel_wiener(mixture, models, progress=progress)
