"""NMFD: the same as a plain loop, monotone, and templates that last."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.nmf.convolutive import convolutive_updates, model
from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.progress import Cancelled, Progress


def problem(bins=40, frames=120, atoms=3, length=6, seed=0):
    rng = np.random.default_rng(seed)
    V = (rng.random((bins, 8)) ** 4 @ rng.random((8, frames)) ** 4 * 30 + 0.01).astype(np.float32)
    W = rng.random((length, bins, atoms), dtype=np.float32) + 0.1
    H = rng.random((atoms, frames), dtype=np.float32) + 0.1
    return V, W, H


def shifted(H, by):
    """H later by so many frames; earlier if negative."""
    moved = np.zeros_like(H)
    if by >= 0:
        moved[:, by:] = H[:, : H.shape[1] - by]
    else:
        moved[:, :by] = H[:, -by:]
    return moved


def plain_model(W, H):
    return sum(W[lag] @ shifted(H, lag) for lag in range(len(W)))


def plain_loop(V, W, H, iterations):
    """Smaragdis 2004 as it is written, H and W in turn, in the arrays' own precision."""
    W, H, ones = W.copy(), H.copy(), np.ones_like(V)
    for _ in range(iterations):
        ratio = V / (plain_model(W, H) + 1e-12)
        above = sum(W[lag].T @ shifted(ratio, -lag) for lag in range(len(W)))
        H = H * above / sum(W[lag].T @ shifted(ones, -lag) for lag in range(len(W)))
        ratio = V / (plain_model(W, H) + 1e-12)
        W = np.stack(
            [W[lag] * (ratio @ shifted(H, lag).T) / (ones @ shifted(H, lag).T) for lag in range(len(W))]
        )
    return W, H


@pytest.mark.parametrize(("frames", "length"), [(120, 6), (120, 1), (900, 20)])
def test_the_same_as_a_plain_loop(frames, length):
    V, W, H = problem(bins=300, frames=frames, length=length)
    fit = convolutive_updates(V, W, H, iterations=12)
    theirs_W, theirs_H = plain_loop(V.astype(float), W.astype(float), H.astype(float), 12)
    sizes = theirs_W.sum(axis=(0, 1))
    # every entry, also the smallest, which are a millionth of the largest
    np.testing.assert_allclose(fit.templates, theirs_W / sizes, rtol=2e-5)
    np.testing.assert_allclose(fit.activations, theirs_H * sizes[:, None], rtol=2e-5)


def test_the_cost_never_rises_and_is_the_divergence():
    V, W, H = problem()
    fit = convolutive_updates(V, W, H, iterations=60, cost_every=1)
    assert len(fit.costs) == 60
    assert np.diff(fit.costs).max() <= 1e-6 * fit.costs[0]
    P = plain_model(fit.templates.astype(float), fit.activations.astype(float))
    assert divergence(V.astype(float), P, 1.0) == pytest.approx(fit.costs[-1], rel=5e-3)
    np.testing.assert_allclose(fit.templates.sum(axis=(0, 1)), 1, rtol=1e-4)


def test_zeros_stay_zeros_and_held_templates_stay():
    V, W, H = problem()
    W[:, :7, 1] = 0
    H[2, 30:50] = 0
    kept = V.copy(), W.copy(), H.copy()
    fit = convolutive_updates(V, W, H, iterations=20)
    assert not fit.templates[:, :7, 1].any()
    assert not fit.activations[2, 30:50].any()
    held = convolutive_updates(V, W, H, iterations=20, hold_templates=True)
    np.testing.assert_allclose(held.templates, W / W.sum(axis=(0, 1)), rtol=1e-5)
    assert np.diff(held.costs).max() < 0
    for array, before in zip((V, W, H), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_going_away_from_known_templates_costs_and_that_cost_never_rises_either():
    V, W, H = problem(bins=30, frames=60, length=4)
    W /= W.sum(axis=(0, 1))
    closeness = np.array([0.1, 0.0, 2.0], dtype=np.float32)
    fit = convolutive_updates(V, W, H, iterations=30, closeness=closeness, cost_every=1)
    assert np.diff(fit.costs).max() <= 1e-6 * fit.costs[0]
    P = plain_model(fit.templates.astype(float), fit.activations.astype(float))
    away = (W * np.log(W / fit.templates)).sum(axis=(0, 1), dtype=float)
    whole = divergence(V.astype(float), P, 1.0) + float(closeness @ away) * V.sum(dtype=float) / 3
    assert whole == pytest.approx(fit.costs[-1], rel=2e-3)
    free = convolutive_updates(V, W, H, iterations=30)
    gone = [np.abs(each.templates - W).sum(axis=(0, 1)) for each in (fit, free)]
    assert gone[0][0] < 0.8 * gone[1][0]
    assert gone[0][2] < 0.2 * gone[1][2]
    held = convolutive_updates(V, W, H, iterations=30, closeness=np.full(3, 1e6, np.float32))
    np.testing.assert_allclose(held.templates, W, rtol=1e-3)
    with pytest.raises(ValueError, match="how close 3 atoms stay"):
        convolutive_updates(V, W, H, closeness=-closeness)


def test_strokes_with_a_tail_are_found_with_their_moments():
    rng = np.random.default_rng(1)
    true_W = rng.random((5, 30, 2)) ** 3 * np.exp(-np.arange(5) / 2)[:, None, None]
    true_H = np.zeros((2, 80))
    true_H[0, [3, 20, 41, 60]] = 1.0
    true_H[1, [10, 33, 52, 70]] = 0.7
    V = plain_model(true_W, true_H).astype(np.float32)
    W = (true_W * rng.uniform(0.3, 1.7, true_W.shape)).astype(np.float32)
    H = np.full((2, 80), 0.1, dtype=np.float32)
    fit = convolutive_updates(V, W, H, iterations=200)
    for row, true in zip(fit.activations, true_H, strict=True):
        assert set(np.argsort(row)[-4:]) == set(np.flatnonzero(true))
    np.testing.assert_allclose(fit.templates, true_W / true_W.sum(axis=(0, 1)), atol=2e-3)


def test_any_range_of_the_model_is_the_model():
    _, W, H = problem()
    whole = plain_model(W, H)
    for first, last in ((0, 120), (0, 1), (3, 50), (110, 120)):
        np.testing.assert_allclose(model(W, H, first, last).T, whole[:, first:last], rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-9, 1e5])
def test_the_level_of_the_song_does_not_matter(scale):
    V, W, H = problem()
    plain = convolutive_updates(V, W, H, iterations=10)
    scaled = convolutive_updates(V * np.float32(scale), W, H * np.float32(scale), iterations=10)
    np.testing.assert_allclose(scaled.templates, plain.templates, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(scaled.activations / scale, plain.activations, rtol=1e-3, atol=1e-4)


def test_silence_short_sounds_and_wrong_shapes():
    for frames in (0, 1, 3):
        V = np.zeros((33, frames), dtype=np.float32)
        fit = convolutive_updates(V, np.ones((5, 33, 2), np.float32), np.ones((2, frames), np.float32))
        assert fit.activations.shape == (2, frames)
        assert not fit.activations.any()
    V, W, H = problem(frames=3, length=6)
    assert np.isfinite(convolutive_updates(V, W, H, iterations=5).templates).all()
    with pytest.raises(ValueError, match="do not fit"):
        convolutive_updates(V, W, H[:, 1:])


def test_it_can_be_cancelled():
    V, W, H = problem(bins=300, frames=3000)
    progress = Progress(lambda fraction, message: progress.cancel() if "iteration 3" in message else None)
    with pytest.raises(Cancelled):
        convolutive_updates(V, W, H, iterations=1000, progress=progress)
