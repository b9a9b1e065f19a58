"""What an atom is like."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from small_atoms import GRID, RATE, band, harmonic_template, noise_template

from stemstudio.algorithms.descriptors import descriptors
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.timbre import energy, pitch_of, similarity_order


def test_timbre_is_the_same_at_any_level():
    found, _ = band()
    louder = Factorization(found.templates, 30 * found.activations, GRID)
    np.testing.assert_allclose(
        descriptors(found, RATE).table, descriptors(louder, RATE).table, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("pitch", [65.4, 82.4, 110.0, 146.8, 220.0, 329.6, 440.0, 698.5, 1046.5])
def test_pitch_of_a_tone_to_a_quarter_tone(pitch):
    found = pitch_of(harmonic_template(pitch), GRID, RATE)
    assert found is not None
    assert abs(12 * np.log2(found / pitch)) < 0.5


def test_noise_and_silence_have_no_pitch():
    assert pitch_of(np.zeros(GRID.bins, np.float32), GRID, RATE) is None
    rng = np.random.default_rng(0)
    assert pitch_of(noise_template(2000, 20000, 1), GRID, RATE) is None
    assert (
        pitch_of(np.convolve(rng.random(GRID.bins), np.ones(40))[: GRID.bins].astype(np.float32), GRID, RATE)
        is None
    )


def test_energy_is_each_atoms_share():
    W = np.array([[1, 2], [1, 0]], dtype=np.float32)
    W = np.vstack([W, np.zeros((GRID.bins - 2, 2), np.float32)])
    H = np.array([[1, 1, 0], [0, 0, 3]], dtype=np.float32)
    np.testing.assert_allclose(energy(Factorization(W, H, GRID)), [0.4, 0.6])


def test_similarity_puts_like_beside_like():
    found, true = band()
    order = similarity_order(found)
    assert sorted(order) == list(range(12))
    names = [true[atom] for atom in order]
    assert sum(left != right for left, right in pairwise(names)) == 2
