"""Whose atom is it: by the true stems, by timbre, by example."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import signals

from stemstudio.algorithms.labelling import by_example, by_references, by_timbre
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.timbre import energy, pitch_of, similarity_order
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings, forward

GRID = StftSettings()
RATE = 44100


def harmonic_template(pitch: float, partials: int = 12, decay: float = 0.7) -> np.ndarray:
    t = np.arange(GRID.fft * 4) / RATE
    wave = sum(
        decay**n * np.sin(2 * np.pi * pitch * (n + 1) * t + n)
        for n in range(partials)
        if pitch * (n + 1) < RATE / 2
    )
    return np.abs(forward(Audio(wave[None].astype(np.float32), RATE), GRID, first=6, last=7).values[0, :, 0])


def noise_template(low: float, high: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    frequencies = np.arange(GRID.bins) * RATE / GRID.fft
    return (rng.rayleigh(1.0, GRID.bins) * ((frequencies >= low) & (frequencies <= high))).astype(np.float32)


def band() -> tuple[Factorization, list[str]]:
    """Atoms of a bass, a lead and drums, shuffled, and whose they are."""
    frames = 400
    rng = np.random.default_rng(0)
    atoms = []
    for number, pitch in enumerate((41.2, 49.0, 55.0, 61.7)):
        h = np.zeros(frames)
        h[number * 100 : number * 100 + 80] = 1.0
        atoms.append(("bass", harmonic_template(pitch, 6, 0.5), h))
    for number, pitch in enumerate((880.0, 987.8, 1174.7, 1318.5)):
        h = np.convolve(rng.random(frames) > 0.97, np.hanning(30))[:frames] + 0.01 * number
        atoms.append(("lead", harmonic_template(pitch, 10, 0.8), h))
    for number in range(4):
        h = np.convolve(np.arange(frames) % (20 + 5 * number) == 0, 0.5 ** np.arange(12))[:frames]
        atoms.append(("drums", noise_template(3000 + 500 * number, 18000, number), h))
    order = rng.permutation(len(atoms))
    names = [atoms[place][0] for place in order]
    W = np.stack([atoms[place][1] / atoms[place][1].sum() for place in order], axis=1)
    H = np.stack([atoms[place][2] for place in order])
    return Factorization(W, H, GRID), names


def test_references_win_over_any_single_move():
    """No single atom given elsewhere makes the stems better: tried by rendering, not by the labelling's own sums."""
    mix, stems = signals.mixture(seconds=6.0)
    found = NMF(components=16, iterations=100, solver="multiplicative").run(mix, Progress())
    owners = by_references(found, mix, stems)
    assert set(owners) - {None} == set(stems)

    atoms = found.render(mix, [[atom] for atom in range(16)], 0, mix.length).astype(float)

    def total(owned):
        waves = [sum(atoms[atom] for atom, owner in enumerate(owned) if owner == name) for name in stems]
        return sum(
            10 * np.log10((stem.samples.astype(float) ** 2).sum() / ((stem.samples - wave) ** 2).sum())
            for stem, wave in zip(stems.values(), waves, strict=True)
        )

    best = total(owners)
    for atom in range(16):
        for name in (*stems, None):
            assert (
                total([name if number == atom else owner for number, owner in enumerate(owners)])
                <= best + 0.05
            )


def test_references_may_leave_atoms_to_the_residual():
    mix, stems = signals.mixture(seconds=3.0)
    found = NMF(components=8, iterations=40).run(mix, Progress())
    owners = by_references(found, mix, {"bass": stems["bass"]})
    assert "bass" in owners
    assert None in owners
    assert by_references(found, mix, {}) == [None] * 8


def test_timbre_gathers_what_sounds_alike_low_first():
    found, true = band()
    labels = by_timbre(found, 3, RATE)
    for name, stem in (("bass", 0), ("lead", 1), ("drums", 2)):
        assert [labels.owners[atom] for atom in range(12) if true[atom] == name] == [stem] * 4
    assert labels.names[2] == "Drums"
    assert len(set(labels.names)) == 3
    assert labels.probabilities.shape == (12, 3)
    np.testing.assert_allclose(labels.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert not labels.probabilities.flags.writeable
    assert all(labels.probabilities[atom].argmax() == owner for atom, owner in enumerate(labels.owners))


def test_timbre_is_the_same_each_time_and_keeps_what_is_settled():
    found, true = band()
    once, again = by_timbre(found, 3, RATE, seed=4), by_timbre(found, 3, RATE, seed=4)
    assert once.owners == again.owners
    np.testing.assert_array_equal(once.probabilities, again.probabilities)
    bass, drums = true.index("bass"), true.index("drums")
    held = by_timbre(found, 3, RATE, fixed={bass: 2, drums: 0})
    assert held.owners[bass] == 2
    assert held.owners[drums] == 0
    assert all(held.owners[atom] == 2 for atom in range(12) if true[atom] == "bass")
    assert all(held.owners[atom] == 0 for atom in range(12) if true[atom] == "drums")


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_timbre_gives_any_number_of_stems(n):
    found, _ = band()
    labels = by_timbre(found, n, RATE)
    assert len(labels.names) == n
    assert len(set(labels.names)) == n
    assert max(labels.owners) < n
    assert np.isfinite(labels.probabilities).all()


def test_timbre_bears_silence_and_single_atoms():
    silent = Factorization(np.zeros((GRID.bins, 4), np.float32), np.zeros((4, 30), np.float32), GRID)
    assert len(by_timbre(silent, 2, RATE).owners) == 4
    one = Factorization(harmonic_template(220)[:, None], np.ones((1, 3), np.float32), GRID)
    assert by_timbre(one, 2, RATE).owners in ((0,), (1,))
    with pytest.raises(ValueError, match="at least 1"):
        by_timbre(silent, 0, RATE)


def test_examples_draw_their_like():
    found, true = band()
    given = {true.index("bass"): 0, true.index("lead"): 1, true.index("drums"): 2}
    labels = by_example(found, RATE, given, 4)
    expected = {"bass": 0, "lead": 1, "drums": 2}
    assert list(labels.owners) == [expected[name] for name in true]
    assert all(labels.probabilities[atom, stem] == 1 for atom, stem in given.items())
    assert not labels.probabilities[:, 3].any()
    with pytest.raises(ValueError, match="example"):
        by_example(found, RATE, {}, 2)


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
