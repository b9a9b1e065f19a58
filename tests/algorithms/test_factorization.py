"""Masks of atoms: who gets how much of a bin."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.spectral.stft import StftSettings

GRID = StftSettings(fft=64, hop=16)


def random_factorization(atoms=5, frames=20, exponent=1.0) -> Factorization:
    rng = np.random.default_rng(0)
    W = rng.random((GRID.bins, atoms), dtype=np.float32)
    H = rng.random((atoms, frames), dtype=np.float32)
    H[:, 3] = 0
    return Factorization(W, H, GRID, exponent)


def test_power_three_to_one_is_three_quarters_and_one_quarter():
    W = np.zeros((GRID.bins, 2), dtype=np.float32)
    W[7] = np.sqrt([3.0, 1.0])  # amplitudes
    wiener = Factorization(W, np.ones((2, 4), dtype=np.float32), GRID, 2.0).masks([[0], [1]], 0, 4)
    np.testing.assert_allclose(wiener[:, 7], [[0.75] * 4, [0.25] * 4], rtol=1e-6)
    W[7] = [3.0, 1.0]  # powers
    same = Factorization(W, np.ones((2, 4), dtype=np.float32), GRID, 1.0).masks([[0], [1]], 0, 4)
    np.testing.assert_allclose(same[:, 7], [[0.75] * 4, [0.25] * 4], rtol=1e-6)
    steep = Factorization(W, np.ones((2, 4), dtype=np.float32), GRID, 8.0).masks([[0], [1]], 0, 4)
    assert steep[0, 7, 0] > 0.9998  # towards the binary mask, 1 and 0


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0])
def test_masks_are_shares(exponent):
    found = random_factorization(exponent=exponent)
    W, H = found.templates, found.activations
    models = [(W[:, group] @ H[group]) ** exponent for group in ([0, 2], [1], [3, 4])]
    masks = found.masks([[0, 2], [1]], 0, 20)
    assert masks.shape == (2, GRID.bins, 20)
    assert masks.dtype == np.float32
    heard = sum(models) > 0
    for mask, model in zip(masks, models[:2], strict=True):
        np.testing.assert_allclose(
            mask[heard], (model / np.maximum(sum(models), 1e-30))[heard], rtol=1e-4, atol=1e-6
        )
    assert not masks[:, :, 3].any()  # where no atom sounds, all belongs to the residual


def test_masks_of_a_range_are_that_range_of_the_masks():
    found = random_factorization()
    whole = found.masks([[0], [1, 2]], 0, 20)
    np.testing.assert_allclose(found.masks([[0], [1, 2]], 6, 11), whole[..., 6:11], rtol=1e-6)
    beyond = found.masks([[0]], 18, 25)
    assert beyond.shape[2] == 7
    assert not beyond[..., 2:].any()
    assert not found.masks([[0]], 30, 33).any()


def test_a_record_that_does_not_fit_is_refused():
    found = random_factorization()
    arrays = dict(found.arrays())
    with pytest.raises(ValueError, match="negative"):
        Factorization.from_record(found.header(), {**arrays, "templates": -arrays["templates"]})
    with pytest.raises(ValueError, match="finite"):
        Factorization.from_record(found.header(), {**arrays, "activations": arrays["activations"] * np.nan})
    with pytest.raises(ValueError, match="do not fit"):
        Factorization.from_record(found.header(), {**arrays, "templates": arrays["templates"][:, :2]})
