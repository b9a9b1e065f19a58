"""Which atoms are alike: by timbre, by rhythm, by example."""

from __future__ import annotations

import numpy as np
import pytest
from small_atoms import GRID, RATE, band, harmonic_template, noise_template
from true_stems import excerpt, improvement

from stemstudio.algorithms.alike import by_example, by_likeness
from stemstudio.algorithms.clustering import chances
from stemstudio.algorithms.descriptors import descriptors
from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.progress import Progress


def test_timbre_gathers_what_sounds_alike_low_first():
    found, true = band()
    labels = by_likeness(found, 3, RATE)
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
    once, again = by_likeness(found, 3, RATE), by_likeness(found, 3, RATE)
    assert once.owners == again.owners
    np.testing.assert_array_equal(once.probabilities, again.probabilities)
    bass, drums = true.index("bass"), true.index("drums")
    held = by_likeness(found, 3, RATE, fixed={bass: 2, drums: 0})
    assert held.owners[bass] == 2
    assert held.owners[drums] == 0
    assert all(held.owners[atom] == 2 for atom in range(12) if true[atom] == "bass")
    assert all(held.owners[atom] == 0 for atom in range(12) if true[atom] == "drums")


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_timbre_gives_any_number_of_stems(n):
    found, _ = band()
    labels = by_likeness(found, n, RATE)
    assert len(labels.names) == n
    assert len(set(labels.names)) == n
    assert max(labels.owners) < n
    assert np.isfinite(labels.probabilities).all()


def test_timbre_bears_silence_and_single_atoms():
    silent = Factorization(np.zeros((GRID.bins, 4), np.float32), np.zeros((4, 30), np.float32), GRID)
    assert len(by_likeness(silent, 2, RATE).owners) == 4
    one = Factorization(harmonic_template(220)[:, None], np.ones((1, 3), np.float32), GRID)
    assert by_likeness(one, 2, RATE).owners in ((0,), (1,))
    with pytest.raises(ValueError, match="at least 1"):
        by_likeness(silent, 0, RATE)


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


def test_the_number_of_stems_is_found():
    found, true = patterns()
    for likeness, expected in (("rhythm", 3), ("timbre", 4)):
        labels = by_likeness(found, None, RATE, likeness=likeness)
        assert len(labels.names) == expected
    kinds = {"beat": 0, "chords": 5}
    given = {true.index(kind): stem for kind, stem in kinds.items()}
    held = by_likeness(found, None, RATE, likeness="rhythm", fixed=given)
    assert len(held.names) >= 6, "there are at least the stems that are given already"
    assert all(held.owners[atom] == stem for atom, stem in given.items())


def patterns():
    """Each of four sounds in three rhythms, held chords, a beat and off-beats; shuffled, and which rhythm is which."""
    frames, rng = 600, np.random.default_rng(1)
    beat = np.convolve(np.arange(frames) % 24 == 0, 0.6 ** np.arange(10))[:frames]
    chords = np.repeat(rng.random(frames // 60 + 1) > 0.4, 60)[:frames] * 1.0
    rows = [("beat", beat), ("off", np.roll(beat, 12)), ("chords", chords)] * 4
    order = rng.permutation(len(rows))
    H = np.stack([rows[place][1] * rng.uniform(0.7, 1.3, frames) for place in order])
    sounds = (
        harmonic_template(60.0, 4, 0.4),
        harmonic_template(500.0),
        noise_template(3000, 6000, 0),
        noise_template(8000, 16000, 1),
    )
    W = np.stack([sounds[place // 3] for place in order], axis=1)
    return Factorization(W / W.sum(axis=0), H, GRID), [rows[place][0] for place in order]


def test_rhythm_gathers_what_sounds_at_like_times_whatever_it_sounds_like():
    found, true = patterns()
    labels = by_likeness(found, 3, RATE, likeness="rhythm")
    assert len({(name, owner) for name, owner in zip(true, labels.owners, strict=True)}) == 3
    other = by_likeness(found, 3, RATE)
    assert len({(name, owner) for name, owner in zip(true, other.owners, strict=True)}) > 3


@pytest.mark.parametrize("likeness", ["timbre", "rhythm"])
@pytest.mark.parametrize(("atoms", "frames"), [(1, 1), (2, 2), (4, 30), (4, 3)])
def test_silence_and_next_to_nothing_are_gathered_too(likeness, atoms, frames):
    silent = Factorization(
        np.zeros((GRID.bins, atoms), np.float32), np.zeros((atoms, frames), np.float32), GRID
    )
    one = Factorization(
        np.repeat(harmonic_template(220)[:, None], atoms, axis=1), np.ones((atoms, frames), np.float32), GRID
    )
    for found in (silent, one):
        for n in (None, 1, 3):
            labels = by_likeness(found, n, RATE, likeness=likeness)
            assert len(labels.owners) == atoms
            assert np.isfinite(labels.probabilities).all()
            np.testing.assert_allclose(labels.probabilities.sum(axis=1), 1, rtol=1e-5)


def test_atoms_between_two_stems_are_the_doubtful_ones():
    found, true = band()
    W = np.column_stack([found.templates, 0.5 * found.templates[:, [true.index("bass")]] * 0])
    between = 0.5 * (harmonic_template(200.0, 6, 0.5) / harmonic_template(200.0, 6, 0.5).sum())
    W[:, -1] = between + 0.5 * noise_template(2000, 9000, 9) / noise_template(2000, 9000, 9).sum()
    H = np.vstack([found.activations, found.activations[[true.index("lead")]]])
    labels = by_likeness(Factorization(W, H, GRID), 3, RATE)
    sure = labels.probabilities.max(axis=1)
    assert sure[-1] < np.median(sure[:-1])
    assert labels.doubtful == (sure < 0.6).sum()


def test_an_atom_far_from_all_others_is_doubtful_even_where_one_stem_is_nearer():
    near, far, apart = np.array([[0.2, 1.0]]), np.array([[2.0, 10.0]]), 1.0
    sure, unsure = chances(near, apart), chances(far, apart)
    assert sure[0, 0] > 0.95
    assert 0.5 < unsure[0, 0] < 0.6
    np.testing.assert_allclose(chances(np.array([[0.0, 0.0, np.inf]]), apart), [[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(chances(np.zeros((1, 2)), 0.0), 0.5, err_msg="all points alike")


def test_suggestions_reach_most_of_what_the_best_assignment_does():
    """On real songs: at least 60 % of the best assignment's gain in SDR over the mixture, mean over the excerpts."""
    shares = []
    for name in ("lithium", "funk"):
        mix, stems = excerpt(name, 6.0)
        found = NMF(components=24, iterations=25).run(mix, Progress())
        best = by_references(found, mix, stems)
        numbers = [None if owner is None else list(stems).index(owner) for owner in best]
        labels = by_likeness(found, len(stems), mix.sample_rate)
        shares.append(improvement(found, mix, stems, labels.owners) / improvement(found, mix, stems, numbers))
    assert np.mean(shares) >= 0.6


def test_the_drums_of_a_loop_are_told_apart_though_all_are_drums():
    """Kick, snare and hi-hat as stems: what plays says nothing here, how they sound everything."""
    frames = 400
    strokes = [
        np.convolve(np.arange(frames) % step == 0, 0.5 ** np.arange(6))[:frames] for step in (40, 44, 10)
    ]
    bands = ((40, 150), (150, 2500), (6000, 20000))
    W = np.stack([noise_template(*bands[atom % 3], atom) for atom in range(12)], axis=1)
    H = np.stack([np.roll(strokes[atom % 3], atom) for atom in range(12)])
    loop = Factorization(W / W.sum(axis=0), H, GRID)
    assert np.abs(descriptors(loop, RATE).table[:, -4:]).max() < 0.1
    assert np.ptp(descriptors(band()[0], RATE).table[:, -4:], axis=0).max() > 0.5, "several play here"
    owners = by_likeness(loop, 3, RATE).owners
    assert len({(atom % 3, owner) for atom, owner in enumerate(owners)}) == 3
