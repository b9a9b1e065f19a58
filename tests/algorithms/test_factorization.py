"""Masks of atoms: who gets how much of a bin."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Audio
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


def panned(pans, exponent=1.0):
    found = random_factorization(atoms=len(pans[0]), exponent=exponent)
    return found.changed(pans=np.array(pans, dtype=np.float32))


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_every_channel_has_the_masks_of_its_own_model(exponent):
    found = panned([[1.0, 0.5, 0.2], [0.0, 0.5, 0.8]], exponent)
    masks = found.channel_masks([[0], [1, 2]], 4, 20)
    assert masks.shape == (2, 2, GRID.bins, 16)
    for channel, pan in enumerate(found.pans):
        alone = found.changed(templates=found.templates * pan, pans=None).masks([[0], [1, 2]], 4, 20)
        np.testing.assert_allclose(masks[:, channel], alone, rtol=1e-5)
    assert not masks[0, 1].any()  # the first atom is on the left alone
    np.testing.assert_allclose(masks.sum(axis=0), 1, rtol=1e-5)


def test_an_atom_on_the_left_sounds_on_the_left_alone():
    rng = np.random.default_rng(1)
    sound = Audio((0.1 * rng.standard_normal((2, 800))).astype(np.float32), 8000)
    left, right = (
        panned([[1.0, 0.0], [0.0, 1.0]])
        .changed(activations=np.ones((2, GRID.frames(800)), dtype=np.float32))
        .render(sound, [[0], [1]], 0, 800)
    )
    np.testing.assert_allclose(left[0], sound.samples[0], atol=1e-5)
    np.testing.assert_allclose(right[1], sound.samples[1], atol=1e-5)
    assert not left[1].any()
    assert not right[0].any()


def test_pans_in_the_middle_change_nothing():
    shared = random_factorization()
    middle = shared.changed(pans=np.full((2, 5), 0.5, dtype=np.float32))
    one = shared.channel_masks([[0, 1], [2]], 0, 20)
    assert one.shape[1] == 1
    np.testing.assert_allclose(
        middle.channel_masks([[0, 1], [2]], 0, 20), np.repeat(one, 2, axis=1), rtol=1e-5
    )
    np.testing.assert_array_equal(middle.masks([[0, 1], [2]], 0, 20), one[:, 0])


def test_a_record_tells_all_there_is():
    found = panned([[1.0, 0.5, 0.2], [0.0, 0.5, 0.8]]).changed(
        names=("a", "b", "c"), held_templates=[1], held_activations=[0, 2], costs=[3.0]
    )
    again = Factorization.from_record(found.header(), found.arrays())
    assert (again.names, again.costs) == (found.names, found.costs)
    assert (again.held_templates, again.held_activations) == ({1}, {0, 2})
    np.testing.assert_array_equal(again.pans, found.pans)
    assert not again.pans.flags.writeable
    plain = random_factorization()
    assert set(plain.arrays()) == {"templates", "activations"}
    assert not {"held_templates", "held_activations", "names"} & set(plain.header())


def test_pans_and_holds_that_do_not_fit_are_refused():
    found = panned([[1.0, 0.5, 0.2], [0.0, 0.5, 0.8]])
    arrays = dict(found.arrays())
    for pans in (-found.pans, 2 * found.pans, found.pans * np.nan, found.pans[0]):
        with pytest.raises(ValueError, match="pans"):
            Factorization.from_record(found.header(), {**arrays, "pans": pans})
    with pytest.raises(ValueError, match="pans"):
        Factorization.from_record(found.header(), {**arrays, "pans": found.pans[:, :2]})
    with pytest.raises(ValueError, match="held"):
        Factorization.from_record({**found.header(), "held_templates": [3]}, arrays)
