"""Whose atom is it, where the true stems are known."""

from __future__ import annotations

import numpy as np
import signals

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.labelling import by_references, by_stems, labelled
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.pieces import Piece
from stemstudio.algorithms.spliced import Spliced
from stemstudio.audio.audio import Audio, Stretch
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings, forward


def test_references_win_over_any_single_move():
    """No single atom given elsewhere makes the stems better: tried by rendering, not by the labelling's own sums."""
    mix, stems = signals.mixture(seconds=6.0)
    # Masks that add up, as the labelling's sums suppose.
    found = NMF(components=16, iterations=100, solver="multiplicative", firmness=1).run(mix, Progress())
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


def test_atoms_go_where_the_stems_of_a_network_say():
    """With the true stems for a network's, as well as the best assignment there is."""
    mix, stems = signals.mixture(seconds=6.0)
    found = NMF(components=16, iterations=100, solver="multiplicative", firmness=1).run(mix, Progress())
    labels = by_stems(found, mix, stems)
    assert labels.names == tuple(stems)
    assert labels.probabilities.shape == (16, len(stems) + 1)
    assert not labels.probabilities.flags.writeable
    np.testing.assert_allclose(labels.probabilities.sum(axis=1), 1, atol=1e-5)
    best = by_references(found, mix, stems)
    loud = found.activations.sum(axis=1) > 0.01 * found.activations.sum()
    agreed = [
        owner is not None and labels.names[owner] == name
        for owner, name, counts in zip(labels.owners, best, loud, strict=True)
        if counts
    ]
    assert np.mean(agreed) >= 0.9


def test_probabilities_are_shares_weighted_by_the_atoms_power():
    rng = np.random.default_rng(4)
    grid = StftSettings(fft=256, hop=64)
    sounds = [Audio(rng.standard_normal((2, 3000)).astype(np.float32), 8000) for _ in range(2)]
    rest = 0.5 * rng.standard_normal((2, 3000)).astype(np.float32)
    mix = Audio(sounds[0].samples + sounds[1].samples + rest, 8000)
    frames = grid.frames(3000)
    W, H = rng.random((129, 3)).astype(np.float32), rng.random((3, frames)).astype(np.float32)
    H[2] = 0
    labels = by_stems(Factorization(W, H, grid), mix, {"a": sounds[0], "b": sounds[1]})
    parts = [forward(sound, grid).values for sound in (*sounds, Audio(rest, 8000))]
    powers = np.array([(np.abs(part) ** 2).mean(axis=0) for part in parts])
    shares = powers / powers.sum(axis=0)
    for atom in range(2):
        weights = (W[:, atom, None] * H[atom]) ** 2
        wanted = (weights * shares).sum(axis=(1, 2)) / weights.sum()
        np.testing.assert_allclose(labels.probabilities[atom], wanted, rtol=1e-3)
    assert labels.owners[2] is None
    assert labels.probabilities[2].tolist() == [0, 0, 1]


def test_what_no_stem_holds_is_left_to_the_residual():
    mix, stems = signals.mixture(seconds=3.0)
    found = NMF(components=8, iterations=40).run(mix, Progress())
    labels = by_stems(found, mix, {"bass": stems["bass"]})
    assert {0, None} == set(labels.owners)
    assert set(by_stems(found, mix, {}).owners) == {None}


def test_atoms_of_a_selection_are_labelled_within_it_and_what_is_no_atom_is_left_alone():
    mix, stems = signals.mixture(seconds=4.0)
    rate = mix.sample_rate
    base = NMF(components=8, iterations=40).run(mix, Progress())
    first, last = rate, 3 * rate
    found = NMF(components=6, iterations=40).run(Stretch(mix, first, last - first), Progress())
    other = Waveforms(["noise"], np.zeros((1, mix.channels, rate), dtype=np.float32))
    both = Spliced(
        base,
        [
            Piece(NMF(), found, first, last - first, first, last, 0),
            Piece(NMF(), other, 0, rate, 0, rate, 0),
        ],
    )
    assert labelled(both)
    labels = by_stems(both, mix, stems)
    assert len(labels.owners) == 8 + 6 + 1
    alone = by_stems(base, mix, stems)
    np.testing.assert_array_equal(labels.probabilities[:8], alone.probabilities)
    pieces = {name: Stretch(stem, first, last - first) for name, stem in stems.items()}
    within = by_stems(found, Stretch(mix, first, last - first), pieces)
    np.testing.assert_array_equal(labels.probabilities[8:14], within.probabilities)
    assert labels.owners[14] is None
    assert not labelled(other)
