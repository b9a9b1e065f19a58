"""Atoms given from outside: each template and each activation random, given or fixed."""

from __future__ import annotations

import numpy as np
import pytest
import signals

from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.given import Given
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress

SHORT = {"components": 6, "iterations": 20, "fft": 1024, "hop": 256, "stereo": "shared"}


@pytest.fixture(scope="module")
def found():
    mix, _ = signals.mixture(seconds=2.0)
    return mix, NMF(**SHORT).run(mix, Progress())


@pytest.mark.parametrize("solver", ["fast", "multiplicative"])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_each_atom_is_random_given_or_fixed(found, solver, beta):
    mix, before = found
    W, H = before.templates, before.activations
    given = Given(
        before.names,
        W,
        H,
        ("fixed", "given", "random", "fixed", "given", "random"),
        ("random", "given", "fixed", "fixed", "random", "given"),
    )
    after = NMF(**SHORT, solver=solver, beta=beta).run(mix, Progress(), given=given)
    assert after.names == before.names
    moved_templates = np.abs(after.templates - W).max(axis=0) > 1e-6
    np.testing.assert_array_equal(moved_templates, [False, True, True, False, True, True])
    kept = np.abs(after.activations - H).max(axis=1) <= 1e-6 * H.max()
    np.testing.assert_array_equal(kept, [False, False, True, True, False, False])
    assert np.isfinite(after.templates).all()
    assert np.isfinite(after.activations).all()
    assert after.costs[-1] < after.costs[0]


def with_templates(names, templates, use="given"):
    """Sounds that are known, heard at times that are not."""
    return Given(tuple(names), templates, None, (use,) * len(names), ("random",) * len(names))


def test_given_templates_stay_nearer_than_random_ones_get(found):
    mix, before = found
    given = with_templates(before.names, before.templates)
    after = NMF(**SHORT, seed=5).run(mix, Progress(), given=given)
    chance = NMF(**SHORT, seed=5).run(mix, Progress())

    def likeness(other):
        return np.mean(
            [
                a @ b / np.linalg.norm(a) / np.linalg.norm(b)
                for a, b in zip(before.templates.T, other.templates.T, strict=True)
            ]
        )

    assert likeness(after) > 0.8
    assert likeness(after) > likeness(chance) + 0.2


def go_on(recipe, mix, before):
    uses = ("given",) * len(before.names)
    given = Given(before.names, before.templates, before.activations, uses, uses, settled=True)
    return recipe.run(mix, Progress(), given=given)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0])
def test_settled_atoms_go_on_from_just_where_they_are(found, beta):
    mix, _ = found
    recipe = NMF(**SHORT, beta=beta)
    before = recipe.run(mix, Progress())
    after = go_on(recipe, mix, before)
    costs = np.array([before.costs[-1], *after.costs])
    assert (np.diff(costs) <= 1e-6 * np.abs(costs[:-1])).all(), costs
    assert costs[-1] < costs[0]
    for one, other in zip(before.activations, after.activations, strict=True):
        assert one @ other > 0.95 * np.linalg.norm(one) * np.linalg.norm(other)


def test_the_textbook_solver_in_two_parts_is_the_textbook_solver_in_one():
    mix, _ = signals.mixture(seconds=2.0)
    part, whole = (
        NMF(**{**SHORT, "iterations": count, "solver": "multiplicative"}).run(mix, Progress())
        for count in (10, 20)
    )
    after = go_on(NMF(**{**SHORT, "iterations": 10, "solver": "multiplicative"}), mix, part)
    np.testing.assert_allclose(after.templates, whole.templates, rtol=1e-3, atol=1e-7)
    assert after.costs[-1] == pytest.approx(whole.costs[-1], rel=1e-5)


def test_free_atoms_beside_given_ones_take_what_these_leave(found):
    mix, before = found
    known = with_templates(before.names[:2], before.templates[:, :2], "fixed")
    both = known.beside(Given.free(3))
    after = NMF(**SHORT).run(mix, Progress(), given=both)
    assert after.names == ("Atom 1", "Atom 2", "Free 1", "Free 2", "Free 3")
    np.testing.assert_allclose(after.templates[:, :2], before.templates[:, :2], atol=1e-6)
    alone = NMF(**SHORT).run(mix, Progress(), given=known)
    assert after.costs[-1] < 0.7 * alone.costs[-1]


def test_atoms_of_another_grid_or_song_are_refused_in_one_sentence(found):
    mix, before = found
    given = with_templates(before.names, before.templates)
    with pytest.raises(BadRecipe, match="513 bins"):
        NMF(iterations=1).run(mix, Progress(), given=given)
    longer, _ = signals.mixture(seconds=2.5)
    uses = ("given",) * 6
    whole = Given(before.names, before.templates, before.activations, uses, uses)
    with pytest.raises(BadRecipe, match="frames long"):
        NMF(**SHORT).run(longer, Progress(), given=whole)


def test_values_that_cannot_be_are_refused():
    good = np.ones((3, 2), dtype=np.float32)
    for templates in (good[:, :1], -good, good * np.nan, None):
        with pytest.raises(ValueError, match="templates"):
            with_templates(("a", "b"), templates)
    with pytest.raises(ValueError, match="uses"):
        Given(("a", "b"), good, None, ("given",), ("random", "random"))
    with pytest.raises(ValueError, match="no atoms"):
        Given.free(0)
    blank = good.copy()
    blank[:, 1] = np.nan
    Given(("a", "b"), blank, None, ("given", "random"), ("random", "random"))


def test_silence_goes_on_as_silence():
    V = np.zeros((5, 8), dtype=np.float32)
    fit = fast_updates(V, np.ones((5, 2), dtype=np.float32), np.ones((2, 8), dtype=np.float32), settled=True)
    assert not fit.activations.any()
