"""Working on atoms that are there: what is not worked on stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import signals

from stemstudio.algorithms.nmf import merging, rework
from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.stft import StftSettings

SHORT = {"components": 6, "iterations": 20, "fft": 1024, "hop": 256, "stereo": "shared"}
GRID = StftSettings(fft=64, hop=16)
WAYS = [
    {},
    {"beta": 2.0},
    {"beta": 0.0},
    {"stereo": "panned"},
    {"solver": "multiplicative"},
    {"sparsity": 0.1},
]
IDS = ["Kullback", "Euclidean", "Itakura", "panned", "textbook", "sparse"]


@pytest.fixture(scope="module")
def mix():
    return signals.mixture(seconds=2.0)[0]


@pytest.fixture(scope="module", params=WAYS, ids=IDS)
def run(request, mix):
    recipe = NMF(**{**SHORT, **request.param})
    return recipe, recipe.run(mix, Progress())


def alike(one, other):
    return float(one @ other / max(1e-30, np.linalg.norm(one) * np.linalg.norm(other)))


def same(found, place, after, where):
    np.testing.assert_allclose(after.templates[:, where], found.templates[:, place], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(after.activations[where], found.activations[place], rtol=1e-5, atol=1e-9)
    if found.pans is not None:
        np.testing.assert_allclose(after.pans[:, where], found.pans[:, place], rtol=1e-5)


def test_going_on_lowers_the_cost_and_no_atom_jumps(run, mix):
    recipe, found = run
    done = rework.go_on(recipe, found, mix, 15, Progress())
    after = done.estimates
    assert done.origins == (0, 1, 2, 3, 4, 5)
    assert done.recipe.iterations == 35
    assert after.names == found.names
    assert after.costs[: len(found.costs)] == found.costs
    assert len(after.costs) > len(found.costs)
    assert (np.diff(after.costs) <= 1e-6 * np.abs(after.costs[:-1])).all(), after.costs
    assert after.costs[-1] < found.costs[-1]
    for atom in range(6):
        likeness = [alike(found.activations[atom], row) for row in after.activations]
        assert int(np.argmax(likeness)) == atom


def test_what_the_recipe_held_stays_held(mix):
    recipe = NMF(**SHORT)
    found = recipe.run(mix, Progress()).changed(held_templates=[1], held_activations=[4])
    after = rework.go_on(recipe, found, mix, 5, Progress()).estimates
    np.testing.assert_allclose(after.templates[:, 1], found.templates[:, 1], rtol=1e-5)
    np.testing.assert_allclose(after.activations[4], found.activations[4], rtol=1e-5)
    assert np.abs(after.templates[:, 0] - found.templates[:, 0]).max() > 1e-6
    assert (after.held_templates, after.held_activations) == ({1}, {4})


def test_least_squares_may_bring_back_what_it_had_given_up(mix):
    recipe = NMF(**SHORT, beta=2.0)
    found = recipe.run(mix, Progress())
    H = found.activations.copy()
    H[:, 50:70] = 0  # as if these moments had been silent so far
    after = rework.go_on(recipe, found.changed(activations=H), mix, 30, Progress()).estimates
    assert after.activations[:, 50:70].any()


@pytest.mark.parametrize("kept", [{0, 3}, {5}])
def test_kept_atoms_stay_to_the_bit_and_the_others_are_new(run, mix, kept):
    recipe, found = run
    done = rework.draw_anew(recipe, found, mix, kept, 7, Progress())
    after = done.estimates
    assert done.recipe.seed == 7
    for atom in range(6):
        if atom in kept:
            assert done.origins[atom] == atom
            same(found, atom, after, atom)
        else:
            assert done.origins[atom] is None
            assert np.abs(after.templates[:, atom] - found.templates[:, atom]).max() > 1e-5
    assert after.costs[-1] < 1.5 * found.costs[-1]
    other = rework.draw_anew(recipe, found, mix, kept, 8, Progress()).estimates
    assert not np.array_equal(other.templates, after.templates)


def test_drawing_anew_needs_some_to_keep_and_some_to_draw(run, mix):
    recipe, found = run
    for kept in (set(), set(range(6))):
        with pytest.raises(StemStudioError, match="nothing to draw"):
            rework.draw_anew(recipe, found, mix, kept, 1, Progress())


def test_splitting_leaves_all_others_as_they_are(run, mix):
    recipe, found = run
    done = rework.split(recipe, found, mix, 2, 0, Progress())
    after = done.estimates
    assert done.origins == (0, 1, 2, 3, 4, 5, 2)
    assert after.names == tuple(f"Atom {number}" for number in range(1, 8))
    for atom in (0, 1, 3, 4, 5):
        same(found, atom, after, atom)
    halves = after.activations[[2, 6]].sum(axis=1)
    assert 0.8 < halves.sum() / found.activations[2].sum() < 1.25
    assert halves.min() > 0
    named = found.changed(names=("a", "b", "C4", "d", "C4a", "e"))
    again = rework.split(recipe, named, mix, 2, 0, Progress()).estimates
    assert again.names == ("a", "b", "C4b", "d", "C4a", "e", "C4c")


def test_splitting_under_kullback_leibler_lowers_the_cost(mix):
    recipe = NMF(**SHORT, solver="multiplicative")
    found = recipe.run(mix, Progress())
    V = spectrum(mix, recipe.grid, 1.0, Progress())

    def cost(atoms):
        return divergence(V, atoms.templates @ atoms.activations + np.float32(1e-12), 1.0)

    for atom in range(3):
        assert cost(rework.split(recipe, found, mix, atom, 0, Progress()).estimates) < cost(found)


def test_two_sounds_in_one_atom_come_apart():
    """An atom that holds a low note and, at other times, a high one."""
    rate = 22050
    t = np.arange(2 * rate) / rate
    notes = [np.sin(2 * np.pi * f * t) * on for f, on in ((300, t % 1 < 0.5), (2000, t % 1 >= 0.5))]
    sound = Audio((0.2 * np.array([sum(notes)] * 2)).astype(np.float32), rate)
    recipe = NMF(components=1, fft=1024, hop=256, iterations=30)
    one = recipe.run(sound, Progress())
    two = rework.split(recipe, one, sound, 0, 0, Progress()).estimates
    peaks = sorted(two.templates.argmax(axis=0) * rate / 1024)
    assert abs(peaks[0] - 300) < 30
    assert abs(peaks[1] - 2000) < 30
    assert alike(*two.activations) < 0.3


def test_a_silent_atom_cannot_be_split(run, mix):
    recipe, found = run
    H = found.activations.copy()
    H[1] = 0
    with pytest.raises(StemStudioError, match="Atom 2 is silent"):
        rework.split(recipe, found.changed(activations=H), mix, 1, 0, Progress())


def test_it_can_be_stopped(run, mix):
    recipe, found = run
    progress = Progress()
    progress.cancel()
    for work in (
        lambda: rework.go_on(recipe, found, mix, 5, progress),
        lambda: rework.draw_anew(recipe, found, mix, {0}, 1, progress),
        lambda: rework.split(recipe, found, mix, 0, 0, progress),
    ):
        with pytest.raises(Cancelled):
            work()


def test_atoms_split_in_silence_are_finite():
    quiet = Audio(np.zeros((2, 9000), np.float32), 44100)
    for way in ("shared", "panned"):
        recipe = NMF(**{**SHORT, "stereo": way})
        silence = recipe.run(quiet, Progress())
        found = silence.changed(
            templates=np.ones_like(silence.templates), activations=np.ones_like(silence.activations)
        )
        after = rework.split(recipe, found, quiet, 0, 0, Progress()).estimates
        assert np.isfinite(after.templates).all()
        assert not after.activations[[0, -1]].any()
        rework.go_on(recipe, found, quiet, 3, Progress())


def atoms_of(W, H, **more):
    return Factorization(np.asarray(W, np.float32), np.asarray(H, np.float32), GRID, **more)


def model(found):
    pans = np.ones((1, len(found.names))) if found.pans is None else found.pans
    return np.einsum(
        "fk,ck,kt->cft", *(np.asarray(x, float) for x in (found.templates, pans, found.activations))
    )


@pytest.mark.parametrize("pans", [None, [[0.3, 0.9, 0.3], [0.7, 0.1, 0.7]]])
def test_merging_parallel_atoms_is_exact(pans):
    rng = np.random.default_rng(0)
    W, H = rng.random((GRID.bins, 3)), rng.random((3, 20))
    W[:, 2] = 3 * W[:, 0]  # the same spectrum at the same place, at other times
    pans = None if pans is None else np.array(pans, np.float32)
    found = atoms_of(W, H, pans=pans, names=("a", "b", "c"))
    done = merging.merge(NMF(), found, [2, 0])
    np.testing.assert_allclose(model(done.estimates), model(found), rtol=1e-5)
    assert done.estimates.names == ("a + c", "b")
    assert done.origins == (2, 1)  # of the two, c is the louder
    np.testing.assert_allclose(done.estimates.templates[:, 0].sum(), 1, rtol=1e-6)


def test_a_merged_atom_is_the_best_there_is():
    rng = np.random.default_rng(1)
    found = atoms_of(rng.random((GRID.bins, 3)), rng.random((3, 20)))
    one = merging.merge(NMF(), found, [0, 1, 2]).estimates
    U, S, Vt = np.linalg.svd(model(found)[0])
    np.testing.assert_allclose(model(one)[0], S[0] * np.outer(U[:, 0], Vt[0]), rtol=1e-4, atol=1e-6)
    panned = found.changed(pans=rng.dirichlet([1, 1], 3).T.astype(np.float32))
    merged = merging.merge(NMF(), panned, [0, 1, 2]).estimates
    np.testing.assert_allclose(merged.pans.sum(axis=0), 1, rtol=1e-6)
    error = np.square(model(merged) - model(panned)).sum()
    for _ in range(50):  # no other atom near it is better
        other = merged.changed(
            templates=merged.templates * rng.uniform(0.98, 1.02, merged.templates.shape),
            activations=merged.activations * rng.uniform(0.98, 1.02, merged.activations.shape),
        )
        assert np.square(model(other) - model(panned)).sum() >= error * (1 - 1e-6)


def test_merging_takes_two_and_silent_ones_do_no_harm():
    found = atoms_of(np.ones((GRID.bins, 3)), np.array([[0] * 9, [0] * 9, [1] * 9]))
    with pytest.raises(StemStudioError, match="two atoms"):
        merging.merge(NMF(), found, [1, 1])
    silent = merging.merge(NMF(), found, [0, 1]).estimates
    assert np.isfinite(silent.templates).all()
    assert not silent.activations[0].any()
    heard = merging.merge(NMF(), found, [0, 2])
    np.testing.assert_allclose(model(heard.estimates), model(found), rtol=1e-5)
    assert heard.origins == (2, 1)


def test_deleting_leaves_the_others():
    rng = np.random.default_rng(0)
    found = atoms_of(
        rng.random((GRID.bins, 4)), rng.random((4, 20)), held_templates=[0, 2], names=("a", "b", "c", "d")
    )
    done = merging.delete(NMF(), found, {1})
    assert done.origins == (0, 2, 3)
    assert done.estimates.names == ("a", "c", "d")
    assert done.estimates.held_templates == {0, 1}
    np.testing.assert_array_equal(done.estimates.activations, found.activations[[0, 2, 3]])
    with pytest.raises(StemStudioError, match="last atom"):
        merging.delete(NMF(), found, range(4))


def test_names_go_with_their_atoms_and_numbers_with_their_places():
    found = atoms_of(
        np.ones((GRID.bins, 5)), np.ones((5, 9)), names=("Atom 1", "Atom 2", "C4", "Atom 4", "D4")
    )
    assert merging.delete(NMF(), found, [0]).estimates.names == ("Atom 1", "C4", "Atom 3", "D4")
    assert merging.merge(NMF(), found, [1, 3]).estimates.names == ("Atom 1", "Atom 2", "C4", "D4")
    assert merging.merge(NMF(), found, [1, 4]).estimates.names == ("Atom 1", "Atom 2 + D4", "C4", "Atom 4")
    long = atoms_of(np.ones((GRID.bins, 2)), np.ones((2, 9)), names=("x" * 100, "y" * 100))
    assert merging.merge(NMF(), long, [0, 1]).estimates.names == ("x" * 80 + " + 1 more",)


def test_atoms_of_a_song_that_turned_out_longer_can_still_be_worked_on():
    found = atoms_of(np.ones((GRID.bins, 3)), np.ones((3, 7)))
    sound = Audio(0.1 * np.ones((2, 9 * 16), np.float32), 8000)
    recipe = NMF(fft=64, hop=16, components=3)
    for done in (
        rework.split(recipe, found, sound, 2, 0, Progress()),
        rework.go_on(recipe, found, sound, 2, Progress()),
        rework.draw_anew(recipe, found, sound, {1}, 2, Progress()),
    ):
        assert done.estimates.activations.shape[1] == recipe.grid.frames(sound.length)
