"""Multiplicative updates: descent, zeros, a known factorisation, and the same answers as scikit-learn."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from stemstudio.algorithms.nmf import solver
from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.solver import multiplicative_updates
from stemstudio.progress import Cancelled, Progress


def problem(bins=60, frames=90, atoms=5, seed=0):
    rng = np.random.default_rng(seed)
    V = (rng.random((bins, 8)) ** 4 @ rng.random((8, frames)) ** 4 * 30 + 0.01).astype(np.float32)
    W = rng.random((bins, atoms), dtype=np.float32) + 0.1
    H = rng.random((atoms, frames), dtype=np.float32) + 0.1
    return V, W, H


def cost(V, P, beta):
    """D_β(V | P) as it is written down, in float64."""
    V, P = V.astype(float), P.astype(float)
    if beta == 0.0:
        return (V / P - np.log(V / P) - 1).sum()
    if beta == 1.0:
        return (V * np.log(V / P) - V + P).sum()
    return ((V**beta + (beta - 1) * P**beta - beta * V * P ** (beta - 1)) / (beta * (beta - 1))).sum()


@pytest.mark.parametrize("start", ["even", "sparse", "too loud", "one sound"])
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0, 1.5, 1.8, 2.0])
def test_the_cost_never_rises(beta, start):
    """Neither by an update of H nor by one of W: the cost told lies between the two."""
    V, W, H = problem()
    if start == "sparse":
        rng = np.random.default_rng(1)
        W, H = W * rng.random(W.shape, dtype=np.float32) ** 9, H * rng.random(H.shape, dtype=np.float32) ** 9
    elif start == "too loud":
        H = H * 1000
    elif start == "one sound":
        W, H = np.repeat(W[:, :1], 5, axis=1), np.repeat(H[:1], 5, axis=0)
    seen = [cost(V, W @ H, beta)]

    def watch(fit):
        seen.append(fit.costs[-1])
        seen.append(cost(V, fit.templates.astype(float) @ fit.activations, beta))

    multiplicative_updates(V, W, H, beta=beta, iterations=80, cost_every=1, watch=watch)
    assert len(seen) == 161
    assert np.diff(seen).max() <= 1e-7 * cost(V, np.full_like(V, V.mean()), beta)
    assert seen[-1] < 0.5 * seen[0]


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0])
def test_the_cost_told_is_the_divergence(beta):
    V, W, H = problem()
    done = []

    def watch(fit):
        done.append((fit.templates.copy(), fit.activations.copy(), list(fit.costs)))

    multiplicative_updates(V, W, H, beta=beta, iterations=3, cost_every=1, watch=watch)
    # The cost of an iteration is looked at between the two updates, so it lies between the states around it.
    before = divergence(V.astype(float), done[0][0] @ done[0][1].astype(float), beta)
    after = divergence(V.astype(float), done[1][0] @ done[1][1].astype(float), beta)
    assert after * (1 - 1e-4) <= done[1][2][-1] <= before * (1 + 1e-4)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0])
def test_zeros_stay_zeros_and_nothing_turns_negative(beta):
    V, W, H = problem()
    V[10:20, 5:15] = 0
    W[:7, 1] = 0
    H[2, 30:50] = 0
    fit = multiplicative_updates(V, W, H, beta=beta, iterations=40)
    assert (fit.templates[:7, 1] == 0).all()
    assert (fit.activations[2, 30:50] == 0).all()
    assert (fit.templates >= 0).all()
    assert (fit.activations >= 0).all()
    assert np.isfinite(fit.templates).all()
    assert np.isfinite(fit.activations).all()


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_bins_that_no_atom_may_explain_do_no_harm(beta):
    V, W, H = problem()
    W[5] = 0
    H[:, 8] = 0
    fit = multiplicative_updates(V, W, H, beta=beta, iterations=20)
    assert np.isfinite(fit.templates).all()
    assert np.isfinite(fit.activations).all()
    assert (fit.templates[5] == 0).all()


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_a_known_rank_2_sound_is_found_in_50_iterations(beta):
    true_W = np.array([[1, 0], [0.5, 0], [0, 1], [0, 0.25], [0, 0], [0.25, 0.5]], dtype=np.float32)
    true_H = np.array([[1, 1, 0, 0, 1, 0, 0.5, 0], [0, 0, 1, 0.5, 1, 1, 0, 0.25]], dtype=np.float32)
    rng = np.random.default_rng(3)
    W, H = rng.random((6, 2), dtype=np.float32) + 0.1, rng.random((2, 8), dtype=np.float32) + 0.1
    fit = multiplicative_updates(true_W @ true_H, W, H, beta=beta, iterations=50)
    wanted = true_W / true_W.sum(axis=0)
    errors = [
        np.abs(fit.templates[:, list(order)] - wanted).max() for order in itertools.permutations(range(2))
    ]
    best = list(itertools.permutations(range(2)))[int(np.argmin(errors))]
    assert min(errors) < 0.01
    np.testing.assert_allclose(fit.activations[list(best)], true_H * true_W.sum(axis=0)[:, None], atol=0.03)


@pytest.mark.parametrize(
    ("beta", "name"),
    [(1.0, "kullback-leibler"), (2.0, "frobenius"), (0.0, "itakura-saito"), (0.5, 0.5), (1.5, 1.5)],
)
def test_same_answer_as_scikit_learn(beta, name):
    from sklearn.decomposition import NMF

    V, W, H = problem(bins=80, frames=150, atoms=6)
    fit = multiplicative_updates(V, W, H, beta=beta, iterations=30)
    model = NMF(6, init="custom", solver="mu", beta_loss=name, max_iter=30, tol=0)
    # scikit-learn updates its first factor first: given V transposed, that is our H.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs_H = model.fit_transform(
            V.T.astype(np.float64), W=H.T.astype(np.float64), H=W.T.astype(np.float64)
        ).T
    theirs_W = model.components_.T
    sizes = theirs_W.sum(axis=0)
    # every entry, also the smallest, which are a millionth of the largest
    np.testing.assert_allclose(fit.templates, theirs_W / sizes, rtol=1e-4)
    np.testing.assert_allclose(fit.activations, theirs_H * sizes[:, None], rtol=1e-4)
    product = fit.templates.astype(float) @ fit.activations
    np.testing.assert_allclose(product, theirs_W @ theirs_H, rtol=1e-4)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0, 1.5, 2.0])
def test_an_update_goes_to_the_lowest_point_of_the_curve_above_the_cost(beta):
    """Majorisation and minimisation, which is what the exponent γ(β) is for (Févotte & Idier 2011).

    With an exponent of 1 the cost falls for β < 1 as well, only by another way; so its descent would not tell.
    """
    V, W, H = problem()
    W /= W.sum(axis=0)
    every = np.ones(5, dtype=bool)

    def steepness(V, W, H, ratio):
        """Slope of that curve in each entry of H, at `ratio` times where H is now: below 0 before its lowest point."""
        V, W, P = V.astype(float), W.astype(float)[:, :, None], (W.astype(float) @ H)[:, None]
        moved = P * ratio
        straight = moved if beta >= 1 else P  # the concave part of the cost lies below its tangent
        return (W * (straight ** (beta - 1) - V[:, None] * moved ** (beta - 2))).sum(axis=0)

    heard = multiplicative_updates(V, W, H, beta=beta, iterations=1, fixed_templates=every).activations / H
    learned = multiplicative_updates(V, W, H, beta=beta, iterations=1, fixed_activations=every).templates / W
    for problem_of_one, ratio in (((V, W, H), heard), ((V.T, H.T, W.T), learned.T)):
        assert (steepness(*problem_of_one, ratio * (1 - 1e-5)) < 0).all()
        assert (steepness(*problem_of_one, ratio * (1 + 1e-5)) > 0).all()


def test_the_result_depends_neither_on_threads_nor_on_the_layout_of_v(monkeypatch):
    V, W, H = problem(bins=300, frames=2000, atoms=7)
    first = multiplicative_updates(V, W, H, iterations=10)
    monkeypatch.setattr(solver, "THREADS", 1)
    second = multiplicative_updates(np.asfortranarray(V), W, H, iterations=10)
    np.testing.assert_array_equal(first.templates, second.templates)
    np.testing.assert_array_equal(first.activations, second.activations)


def test_columns_of_w_sum_to_one_and_inputs_are_untouched():
    V, W, H = problem()
    kept = V.copy(), W.copy(), H.copy()
    for array in (V, W, H):
        array.flags.writeable = False
    fit = multiplicative_updates(V, W, H, iterations=5)
    np.testing.assert_allclose(fit.templates.sum(axis=0), 1, rtol=1e-5)
    for array, before in zip((V, W, H), kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("scale", [1e-12, 1e-5, 1e6])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_the_level_of_the_song_does_not_matter(beta, scale):
    V, W, H = problem()
    plain = multiplicative_updates(V, W, H, beta=beta, iterations=20)
    scaled = multiplicative_updates(V * np.float32(scale), W, H * np.float32(scale), beta=beta, iterations=20)
    np.testing.assert_allclose(scaled.templates, plain.templates, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(
        scaled.activations / scale, plain.activations, rtol=1e-3, atol=1e-4 * plain.activations.max()
    )


def test_silence_and_no_frames_give_silent_atoms():
    for frames in (0, 1, 10):
        V = np.zeros((33, frames), dtype=np.float32)
        W, H = np.ones((33, 3), dtype=np.float32), np.ones((3, frames), dtype=np.float32)
        fit = multiplicative_updates(V, W, H, iterations=5)
        assert fit.activations.shape == (3, frames)
        assert not fit.activations.any()
        assert np.isfinite(fit.templates).all()


def test_wrong_shapes_and_betas_are_refused():
    V, W, H = problem()
    with pytest.raises(ValueError, match="do not fit"):
        multiplicative_updates(V, W[:-1], H)
    with pytest.raises(ValueError, match="beta"):
        multiplicative_updates(V, W, H, beta=2.5)


def test_it_can_be_cancelled_between_two_blocks():
    V, W, H = problem(bins=500, frames=3000)
    seen = []

    def report(fraction, message):
        seen.append(message)
        if len(seen) == 3:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        multiplicative_updates(V, W, H, iterations=1000, progress=progress)
    assert len(seen) == 3
    assert "iteration 3 of 1000" in seen[-1]


@pytest.mark.parametrize("beta", [0.0, 1.0, 1.5, 2.0])
def test_fixed_atoms_stay_as_they_are_given_and_the_others_move(beta):
    V, W, H = problem()
    fixed_W = np.array([True, False, False, True, False])
    fixed_H = np.array([False, True, False, True, False])
    fit = multiplicative_updates(
        V, W, H, beta=beta, iterations=30, fixed_templates=fixed_W, fixed_activations=fixed_H
    )
    np.testing.assert_array_equal(fit.activations[fixed_H], H[fixed_H])
    np.testing.assert_array_equal(fit.templates[:, 3], W[:, 3])
    np.testing.assert_allclose(fit.templates[:, 0], W[:, 0] / W[:, 0].sum(), rtol=1e-6)
    for moved in (1, 2, 4):
        now, before = fit.templates[:, moved], W[:, moved]
        assert np.abs(now / now.sum() - before / before.sum()).max() > 1e-3
    assert np.diff(fit.costs).max() <= 2e-6 * fit.costs[0]


PENALTIES = {
    "sparsity": Penalties(sparsity=1.0),
    "smoothness": Penalties(smoothness=1.0),
    "decorrelation": Penalties(decorrelation=1.0),
    "all": Penalties(0.5, 0.5, 0.5),
}


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("name", PENALTIES)
def test_cost_and_penalties_together_never_rise(beta, name):
    V, W, H = problem()
    V[3:5] = 0
    weights = PENALTIES[name].relative_to(V, 5, beta)
    fit = multiplicative_updates(V, W, H, beta=beta, iterations=80, cost_every=1, penalties=weights)
    assert -np.diff(fit.costs).min() >= 0
    assert np.diff(fit.costs).max() <= 2e-6 * fit.costs[0]
    assert fit.costs[-1] < fit.costs[0]


def test_the_cost_told_with_penalties_is_what_the_formula_says():
    V, W, H = problem()
    weights = Penalties(sparsity=0.3, smoothness=0.02, decorrelation=0.001)
    states = []
    fit = multiplicative_updates(
        V,
        W,
        H,
        beta=1.0,
        iterations=200,
        penalties=weights,
        watch=lambda fit: states.append((fit.templates.astype(float), fit.activations.astype(float))),
    )
    W, H = states[-1]
    w, a = W.sum(axis=0), H.sum(axis=1)
    expected = divergence(V.astype(float), W @ H, 1.0) + 0.3 * (np.linalg.norm(W, axis=0) * a).sum()
    expected += 0.01 * (w**2 * np.square(np.diff(H, axis=1)).sum(axis=1)).sum()
    expected += 0.001 * sum(a[i] * a[j] * W[:, i] @ W[:, j] for i in range(5) for j in range(i))
    assert fit.costs[-1] == pytest.approx(expected, rel=2e-3)  # looked at just before W's last update


@pytest.mark.parametrize(("beta", "power"), [(0.0, 0.0), (0.5, 0.5)])
def test_below_kullback_leibler_activity_costs_by_its_ratio_to_a_faint_sound(beta, power):
    _, W, H = problem()
    weights = Penalties(sparsity=3.0, power=power, faint=0.01)
    W /= W.sum(axis=0)
    x = np.linalg.norm(W.astype(float), axis=0)[:, None] * H
    expected = np.log(1 + x / 0.01).sum() if power == 0 else ((x + 0.01) ** power - 0.1).sum() / power
    assert weights.at(W, np.ascontiguousarray(H.T)).cost() == pytest.approx(3.0 * expected, rel=1e-5)
    louder = weights.for_level(0.1, beta).at(W, np.ascontiguousarray(H.T) / np.float32(0.1))
    assert louder.cost() * 0.1**beta == pytest.approx(3.0 * expected, rel=1e-5)


@pytest.mark.parametrize(("beta", "sparsity"), [(0.0, 0.1), (1.0, 0.5), (2.0, 1.0)])
def test_with_sparsity_fewer_atoms_sound_at_a_time_and_still_match(beta, sparsity):
    rng = np.random.default_rng(1)
    sounds = rng.random((60, 6)) ** 8 + 0.3 * rng.random((60, 1)) ** 4
    when = rng.random((6, 300)) * (rng.random((6, 300)) < 0.4)
    V = (sounds @ when + 1e-3 * rng.random((60, 300))).astype(np.float32)
    W, H = rng.random((60, 12), dtype=np.float32) + 0.1, rng.random((12, 300), dtype=np.float32) + 0.1

    def run(weights):
        return multiplicative_updates(V, W, H, beta=beta, iterations=200, penalties=weights)

    def at_a_time(fit):
        loudness = fit.activations * np.linalg.norm(fit.templates, axis=0)[:, None]
        loudness = loudness[:, V.sum(axis=0) > 0.5].astype(float)
        return (loudness.sum(axis=0) ** 2 / np.square(loudness).sum(axis=0)).mean()

    plain, sparse = run(None), run(Penalties(sparsity).relative_to(V, 12, beta))
    assert at_a_time(sparse) < 0.8 * at_a_time(plain)
    assert np.linalg.norm(V - sparse.templates @ sparse.activations) < 0.1 * np.linalg.norm(V)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_each_penalty_does_what_it_is_for(beta):
    V, W, H = problem(frames=200)

    def run(**weights):
        wanted = Penalties(**weights).relative_to(V, 5, beta) if weights else None
        return multiplicative_updates(V, W, H, beta=beta, iterations=150, penalties=wanted)

    def roughness(fit):
        H = fit.activations.astype(float)
        return (np.square(np.diff(H, axis=1)).sum(axis=1) / np.square(H).sum(axis=1)).mean()

    def overlap(fit):
        W = fit.templates / np.linalg.norm(fit.templates, axis=0)
        return (W.T @ W - np.eye(5)).mean()

    plain = run()
    assert roughness(run(smoothness=1.0)) < 0.7 * roughness(plain)
    assert overlap(run(decorrelation=1.0)) < 0.8 * overlap(plain)


def test_penalties_mean_the_same_at_any_level():
    V, W, H = problem()
    wanted = Penalties(0.3, 0.3, 0.3)
    for beta in (0.0, 1.0, 2.0):
        fits = [
            multiplicative_updates(
                V * np.float32(level),
                W,
                H * np.float32(level),
                beta=beta,
                iterations=30,
                penalties=wanted.relative_to(V * np.float32(level), 5, beta),
            )
            for level in (1.0, 1e-6)
        ]
        np.testing.assert_allclose(fits[1].templates, fits[0].templates, rtol=2e-3, atol=1e-6)


def test_negative_penalties_are_refused():
    with pytest.raises(ValueError, match="negative"):
        Penalties(sparsity=-1.0)
