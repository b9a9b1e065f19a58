"""Hints: descent, the same answers as a dense reference, and strokes that teach without anything else jumping."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from stemstudio.algorithms.nmf.hint_start import hint_start
from stemstudio.algorithms.nmf.hints import Hint, hinted_updates
from stemstudio.algorithms.nmf.solver import multiplicative_updates
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.tiles import Patch


def problem(bins=60, frames=400, atoms=6, seed=0):
    rng = np.random.default_rng(seed)
    V = (rng.random((bins, 8)) ** 4 @ rng.random((8, frames)) ** 4 * 30 + 0.01).astype(np.float32)
    W = rng.random((bins, atoms), dtype=np.float32) + 0.1
    H = rng.random((atoms, frames), dtype=np.float32) + 0.1
    return V, W / W.sum(axis=0), H


def some_hints(seed=1):
    """Overlapping and partial hints for stems 1, 2 and 5; stem 5 has no atoms."""
    rng = np.random.default_rng(seed)
    patches = [(1, 5, 20, 30, 60), (2, 15, 40, 50, 90), (1, 0, 60, 399, 400), (5, 30, 33, 200, 210)]
    return [
        Hint(stem, Patch(*box), rng.random((box[1] - box[0], box[3] - box[2])).astype(np.float16) / 2)
        for stem, *box in patches
    ]


STEMS = [1, 0, 2, 1, 0, 2]


def reference(V, W, H, stems, hints, strength, iterations):
    """J copies of the sheet, in float64, as the paper has it."""
    V, W, H = (np.array(array, dtype=np.float64) for array in (V, W, H))
    labels = np.array(stems)
    fields = {}
    for hint in hints:
        field = fields.setdefault(hint.stem, np.zeros(V.shape))
        field[hint.patch.bin0 : hint.patch.bin1, hint.patch.frame0 : hint.patch.frame1] += hint.weights
    M = {}
    for stem in set(stems):
        others = [field for name, field in fields.items() if name != stem]
        M[stem] = np.exp(-strength * np.clip(sum(others, np.zeros(V.shape)), 0, 1))

    def model():
        return sum(M[stem] * (W[:, labels == stem] @ H[labels == stem]) for stem in M)

    for _ in range(iterations):
        ratio = V / model()
        new = H.copy()
        for k, stem in enumerate(stems):
            new[k] = H[k] * (W[:, k] @ (M[stem] * ratio)) / W[:, k].sum()
        H = new
        Z = model()
        cost = (V * np.log(V / Z)).sum() - V.sum() + (W @ H).sum()
        ratio = V / Z
        new = W.copy()
        for k, stem in enumerate(stems):
            new[:, k] = W[:, k] * ((M[stem] * ratio) @ H[k]) / H[k].sum()
        H = H * new.sum(axis=0)[:, None]
        W = new / new.sum(axis=0)
    return W, H, cost


@pytest.mark.parametrize("strength", [0.0, 0.7, 6.0])
def test_same_answer_as_the_dense_reference(strength):
    V, W, H = problem()
    fit = hinted_updates(V, W, H, STEMS, some_hints(), strength=strength, iterations=15)
    expected_W, expected_H, cost = reference(V, W, H, STEMS, some_hints(), strength, 15)
    np.testing.assert_allclose(fit.templates, expected_W, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose(fit.activations, expected_H, rtol=2e-3, atol=2e-3)
    assert fit.costs[-1] == pytest.approx(cost, rel=1e-5)


def test_hints_for_neighbouring_blocks_are_each_laid_in_their_own_place():
    """Long enough for several lanes and blocks; one hint lies across all of them."""
    V, W, H = problem(bins=200, frames=3000, atoms=4)
    rng = np.random.default_rng(4)
    hints = [
        Hint(0, Patch(0, 50, 100, 2900), rng.random((50, 2800)).astype(np.float32)),
        Hint(1, Patch(120, 200, 1500, 1501), np.ones((80, 1), dtype=np.float16)),
    ]
    fit = hinted_updates(V, W, H, [0, 1, 0, 1], hints, iterations=4)
    expected_W, expected_H, _ = reference(V, W, H, [0, 1, 0, 1], hints, 6.0, 4)
    np.testing.assert_allclose(fit.templates, expected_W, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(fit.activations, expected_H, rtol=1e-3, atol=1e-3)


def test_without_hints_they_are_the_plain_updates():
    V, W, H = problem()
    plain = multiplicative_updates(V, W, H, iterations=12)
    blank = Hint(1, Patch(3, 3, 0, 9), np.zeros((0, 9), dtype=np.float32))
    for hints, strength in (([], 6.0), ([blank], 6.0), (some_hints(), 0.0)):
        fit = hinted_updates(V, W, H, STEMS, hints, strength=strength, iterations=12)
        assert np.array_equal(fit.templates, plain.templates)
        assert np.array_equal(fit.activations, plain.activations)
        assert fit.costs == plain.costs


@pytest.mark.parametrize("strength", [1.0, 6.0, 20.0])
def test_the_objective_never_rises(strength):
    V, W, H = problem()
    fit = hinted_updates(V, W, H, STEMS, some_hints(), strength=strength, iterations=100, cost_every=1)
    assert (-np.diff(fit.costs)).min() >= -2e-6 * fit.costs[0]
    assert fit.costs[-1] < 0.6 * fit.costs[0]


def test_zeros_stay_zeros_and_fixed_atoms_stay_as_they_are():
    V, W, H = problem()
    V[10:20, 5:95] = 0
    W[:7, 1] = 0
    H[2, 30:50] = 0
    fixed = np.array([False, False, False, True, False, False])
    fit = hinted_updates(
        V, W, H, STEMS, some_hints(), iterations=30, fixed_templates=fixed, fixed_activations=fixed
    )
    assert (fit.templates[:7, 1] == 0).all()
    assert (fit.activations[2, 30:50] == 0).all()
    np.testing.assert_allclose(fit.templates[:, 3], W[:, 3], rtol=1e-6)
    np.testing.assert_allclose(fit.activations[3], H[3], rtol=1e-6)
    for array in (fit.templates, fit.activations):
        assert np.isfinite(array).all()
        assert (array >= 0).all()


def test_the_same_arrays_on_any_number_of_threads(monkeypatch):
    V, W, H = problem(frames=3000)
    before = [array.copy() for array in (V, W, H)]
    one = hinted_updates(V, W, H, STEMS, some_hints(), iterations=5)
    monkeypatch.setattr("stemstudio.algorithms.nmf.hints.THREADS", 1)
    two = hinted_updates(V, W, H, STEMS, some_hints(), iterations=5)
    assert np.array_equal(one.templates, two.templates)
    assert np.array_equal(one.activations, two.activations)
    for array, old in zip((V, W, H), before, strict=True):
        assert np.array_equal(array, old)


@pytest.mark.parametrize("level", [1e-6, 1.0, 1e6])
def test_the_level_of_the_song_changes_nothing_but_the_level(level):
    V, W, H = problem()
    plain = hinted_updates(V, W, H, STEMS, some_hints(), iterations=10)
    scale = np.float32(level)
    fit = hinted_updates(V * scale, W, H * scale, STEMS, some_hints(), iterations=10)
    np.testing.assert_allclose(fit.templates, plain.templates, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fit.activations, plain.activations * scale, rtol=1e-3, atol=1e-4 * level)


def test_silence_and_an_empty_song():
    for frames in (0, 30):
        fit = hinted_updates(
            np.zeros((20, frames), dtype=np.float32),
            np.ones((20, 2), dtype=np.float32),
            np.ones((2, frames), dtype=np.float32),
            [0, 1],
            [Hint(1, Patch(0, 20, 0, frames), np.ones((20, frames), dtype=np.float32))],
            iterations=3,
        )
        assert (fit.activations == 0).all()


@pytest.mark.parametrize(
    ("stem", "box", "weight"),
    [(0, (0, 5, 399, 401), 1.0), (0, (-1, 5, 0, 9), 1.0), (0, (0, 5, 0, 9), 1.5), (0, (0, 5, 0, 9), np.nan)],
)
def test_hints_that_are_none_are_refused(stem, box, weight):
    V, W, H = problem()
    patch = Patch(*box)
    hint = Hint(stem, patch, np.full(patch.shape, weight, dtype=np.float32))
    with pytest.raises(ValueError, match="hint"):
        hinted_updates(V, W, H, STEMS, [hint], iterations=1)


def test_cancelling_takes_effect_within_a_block():
    V, W, H = problem(bins=1025, frames=4000, atoms=32)
    hint = Hint(1, Patch(0, 1025, 0, 4000), np.ones((1025, 4000), dtype=np.float16))
    asked: list[float] = []
    progress = Progress()

    def cancel():
        asked.append(time.monotonic())
        progress.cancel()

    timer = threading.Timer(0.3, cancel)
    timer.start()
    with pytest.raises(Cancelled):
        hinted_updates(V, W, H, np.arange(32) % 3, [hint], iterations=10_000, progress=progress)
    assert time.monotonic() - asked[0] < 0.3
    timer.join()


# what it does to a song


def two_notes(repeats=12, length=25):
    """Two notes in turn, each with partials of its own, and a hum that never ends: V, and what belongs to whom."""
    rng = np.random.default_rng(0)
    bins = 120
    notes = np.zeros((bins, 2), dtype=np.float32)
    notes[[10, 20, 30, 40, 50], 0] = [1, 0.7, 0.5, 0.3, 0.2]
    notes[[14, 28, 42, 56, 70], 1] = [1, 0.7, 0.5, 0.3, 0.2]
    hum = np.zeros((bins, 1), dtype=np.float32)
    hum[[90, 100, 110], 0] = [1, 0.8, 0.6]
    frames = repeats * length
    decay = np.exp(-np.arange(length) / 10).astype(np.float32)
    sounding = np.zeros((2, frames), dtype=np.float32)
    for n in range(repeats):
        sounding[n % 2, n * length : (n + 1) * length] = decay * (0.7 + 0.6 * rng.random(dtype=np.float32))
    steady = 0.5 + 0.05 * rng.random((1, frames), dtype=np.float32)
    parts = {"one": notes[:, :1] @ sounding[:1], "two": notes[:, 1:] @ sounding[1:], "hum": hum @ steady}
    return sum(parts.values()) + np.float32(1e-3), parts


def factorised_notes(atoms):
    """The song of two notes as it is before anybody hints: notes in stem 0, the hum in stem 1."""
    V, parts = two_notes()
    one, two, hum = (part.sum(axis=1) for part in parts.values())
    begun = {2: [one + two, hum], 3: [one, two, hum], 6: [one, one, two, two, hum, hum]}[atoms]
    rng = np.random.default_rng(5)
    W = np.stack(begun, axis=1) * (0.5 + rng.random((V.shape[0], atoms))) + 0.01
    H = rng.random((atoms, V.shape[1]), dtype=np.float32) + np.float32(0.1)
    fit = multiplicative_updates(V, W.astype(np.float32), H, iterations=100)
    stems = [1 if atom >= atoms - max(1, atoms // 3) else 0 for atom in range(atoms)]
    return V, parts, fit, stems


def shares(fit, stems, parts):
    """How much of each true part each stem's mask has."""
    labels = np.array(stems)
    models = {stem: fit.templates[:, labels == stem] @ fit.activations[labels == stem] for stem in set(stems)}
    total = np.maximum(sum(models.values()), 1e-12)
    return {
        (name, stem): float((model / total * part).sum() / part.sum())
        for name, part in parts.items()
        for stem, model in models.items()
    }


@pytest.mark.parametrize(
    "atoms", [2, 3, 6], ids=["one atom plays both notes", "an atom a note", "many atoms"]
)
def test_one_short_stroke_moves_every_repeat_and_nothing_else(atoms):
    V, parts, fit, stems = factorised_notes(atoms)
    before = shares(fit, stems, parts)
    # A quarter of one of the six times that note one is heard, and only its lower partials.
    hint = Hint(2, Patch(8, 34, 50, 56), np.ones((26, 6), dtype=np.float32))
    start = hint_start(V, fit.templates, fit.activations, stems, [hint])
    taught = hinted_updates(V, start.templates, start.activations, start.stems, [hint], iterations=60)
    elsewhere = {name: part.copy() for name, part in parts.items()}
    elsewhere["one"][:, 50:75] = 0
    after = shares(taught, start.stems, elsewhere)
    assert after["one", 2] > 0.9, after
    assert after["two", 0] > 0.9, after
    assert after["hum", 1] > before["hum", 1] - 0.02, after


def sdr(true, found):
    return 10 * np.log10((true**2).sum() / ((true - found) ** 2).sum())


def test_a_stroke_on_an_atom_that_two_players_share_takes_nothing_from_the_other():
    """A loud bass and a soft guitar on the same note in turn, which one atom plays: the guitar is painted once."""
    _V, parts = two_notes()
    bass = parts["one"]
    guitar = np.zeros_like(bass)
    guitar[[10, 20, 30, 40, 50]] = np.outer([0.3, 0.3, 0.24, 0.2, 0.15], parts["two"][14])
    V = bass + guitar + parts["hum"] + np.float32(1e-3)
    W = np.stack([bass.sum(axis=1) + guitar.sum(axis=1), parts["hum"].sum(axis=1)], axis=1) + np.float32(0.01)
    fit = multiplicative_updates(V, W, np.ones((2, V.shape[1]), dtype=np.float32), iterations=50)
    hint = Hint(2, Patch(8, 34, 75, 81), np.ones((26, 6), dtype=np.float32))
    start = hint_start(V, fit.templates, fit.activations, [0, 1], [hint])
    taught = hinted_updates(V, start.templates, start.activations, start.stems, [hint], iterations=30)
    before = fit.templates @ fit.activations
    bass_before = np.outer(fit.templates[:, 0], fit.activations[0]) / before * V
    models = [np.zeros_like(V) for _ in range(3)]
    for atom, stem in enumerate(start.stems):
        models[stem] += np.outer(taught.templates[:, atom], taught.activations[atom])
    after = [model / sum(models) * V for model in models]
    assert sdr(bass, after[0]) > sdr(bass, bass_before) - 0.5
    assert sdr(guitar, after[2]) > 1.5


def test_without_a_start_the_stroke_is_followed_where_it_is():
    """Why atoms are split: the updates alone, with a free atom at hand, hardly move the repeats."""
    V, parts, fit, stems = factorised_notes(3)
    mean = (V.mean(axis=1) / V.mean(axis=1).sum())[:, None]
    W, H = np.hstack([fit.templates, mean]), np.vstack([fit.activations, 0.02 * V.sum(axis=0)[None]])
    hint = Hint(2, Patch(8, 34, 50, 56), np.ones((26, 6), dtype=np.float32))
    taught = hinted_updates(V, W, H.astype(np.float32), [*stems, 2], [hint], iterations=60)
    painted = {"one": np.zeros_like(V)}
    painted["one"][8:34, 50:56] = parts["one"][8:34, 50:56]
    assert shares(taught, [*stems, 2], painted)["one", 2] > 0.9
    assert shares(taught, [*stems, 2], parts)["one", 2] < 0.5


def test_only_atoms_that_carry_the_wrong_light_are_split_and_the_level_stays():
    V, _parts, fit, stems = factorised_notes(3)
    carrier = int(np.argmax(fit.templates[10]))
    hint = Hint(2, Patch(8, 34, 50, 56), np.ones((26, 6), dtype=np.float32))
    start = hint_start(V, fit.templates, fit.activations, stems, [hint])
    assert start.twin_of == (carrier,)
    assert start.stems == (*stems, 2)
    kept = [atom for atom in range(3) if atom != carrier]
    assert np.array_equal(start.activations[kept], fit.activations[kept])
    assert start.templates.sum(axis=0) == pytest.approx(1, abs=1e-4)
    assert start.activations.sum() == pytest.approx(fit.activations.sum(), rel=1e-4)


def test_nothing_is_split_where_the_light_is_right_held_or_silent():
    V, _parts, fit, stems = factorised_notes(3)
    carrier = int(np.argmax(fit.templates[10]))
    ones = np.ones((26, 6), dtype=np.float32)
    right = Hint(0, Patch(8, 34, 50, 56), ones)
    wrong = Hint(2, Patch(8, 34, 50, 56), ones)
    silent = Hint(2, Patch(8, 34, 50, 56), 0 * ones)
    arrays = V, fit.templates, fit.activations, stems
    assert hint_start(*arrays, [right]).twin_of == ()
    assert carrier not in hint_start(*arrays, [wrong], held=[carrier]).twin_of
    assert hint_start(*arrays, [silent]).twin_of == ()
    assert hint_start(*arrays, [wrong], room=0).twin_of == ()
    assert hint_start(*arrays, []).twin_of == ()


def test_a_song_that_is_silent_under_the_hint():
    V, _parts, fit, stems = factorised_notes(3)
    V = V.copy()
    V[:, 40:60] = 0
    hint = Hint(2, Patch(8, 34, 50, 56), np.ones((26, 6), dtype=np.float32))
    start = hint_start(V, fit.templates, fit.activations, stems, [hint])
    assert start.twin_of == ()
    assert np.isfinite(start.templates).all()
