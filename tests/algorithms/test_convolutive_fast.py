"""NMFD in fewer seconds: never worse than the textbook's updates, with the same promises."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.nmf import convolutive_fast
from stemstudio.algorithms.nmf.convolutive import convolutive_updates, model
from stemstudio.algorithms.nmf.convolutive_fast import fast_convolutive_updates
from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.progress import Cancelled, Progress


def problem(bins=100, frames=300, atoms=3, length=6, seed=0):
    """Strokes that fade, at random moments, over a faint noise; and a start by chance."""
    rng = np.random.default_rng(seed)
    true_W = rng.random((length, bins, atoms), dtype=np.float32) ** 4
    true_W *= np.exp(-np.arange(length, dtype=np.float32))[:, None, None]
    true_H = (rng.random((atoms, frames), dtype=np.float32) < 0.05) * rng.random(
        (atoms, frames), dtype=np.float32
    )
    V = model(true_W, true_H, 0, frames).T * np.float32(30) + rng.random(
        (bins, frames), dtype=np.float32
    ) * np.float32(0.1)
    W = rng.random((length, bins, atoms), dtype=np.float32) + np.float32(0.1)
    H = rng.random((atoms, frames), dtype=np.float32) + np.float32(0.1)
    return V, W, H


def cost(V, fit):
    P = model(fit.templates, fit.activations, 0, V.shape[1]).T.astype(float)
    return divergence(V.astype(float), P + 1e-12, 1.0)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("iterations", [1, 5, 20, 100])
def test_no_worse_than_the_textbook_after_equal_iterations(iterations, held):
    V, W, H = problem()
    ours = fast_convolutive_updates(V, W, H, iterations=iterations, hold_templates=held)
    theirs = convolutive_updates(V, W, H, iterations=iterations, hold_templates=held)
    assert cost(V, ours) <= 1.001 * cost(V, theirs)


def test_a_few_iterations_are_as_good_as_ten_of_the_textbook():
    V, W, H = problem(bins=300, frames=900, length=10)
    assert cost(V, fast_convolutive_updates(V, W, H, iterations=3)) <= cost(
        V, convolutive_updates(V, W, H, iterations=10)
    )


@pytest.mark.parametrize("held", [False, True])
def test_the_costs_told_never_rise_and_end_where_the_fit_is(held):
    V, W, H = problem()
    fit = fast_convolutive_updates(V, W, H, iterations=80, cost_every=1, hold_templates=held)
    assert len(fit.costs) == 80
    assert np.diff(fit.costs).max() <= 0
    assert cost(V, fit) <= 1.001 * fit.costs[-1]
    np.testing.assert_allclose(fit.templates.sum(axis=(0, 1)), 1, rtol=1e-4)


def test_momentum_that_leads_astray_is_taken_back(monkeypatch):
    monkeypatch.setattr(convolutive_fast, "momentum", lambda done: 3.0)
    V, W, H = problem()
    fit = fast_convolutive_updates(V, W, H, iterations=100, cost_every=5)
    assert np.diff(fit.costs).max() <= 0
    assert (np.diff(fit.costs) == 0).any()
    assert cost(V, fit) <= 1.1 * cost(V, convolutive_updates(V, W, H, iterations=25))


def test_zeros_stay_zeros_held_templates_stay_and_inputs_are_untouched():
    V, W, H = problem()
    W[:, :7, 1] = 0
    W[2, 40:, 0] = 0
    H[2, 30:50] = 0
    kept = V.copy(), W.copy(), H.copy()
    fit = fast_convolutive_updates(V, W, H, iterations=20)
    assert (fit.templates[W == 0] == 0).all()
    assert (fit.activations[H == 0] == 0).all()
    assert (fit.templates.sum(axis=0)[W.sum(axis=0) > 0] > 0).all()
    held = fast_convolutive_updates(V, W, H, iterations=20, hold_templates=True)
    np.testing.assert_allclose(held.templates, W / W.sum(axis=(0, 1)), rtol=1e-5)
    assert held.costs[-1] < held.costs[0]
    for array, before in zip((V, W, H), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch):
    V, W, H = problem(bins=300, frames=2000)
    fits = []
    for threads in (2, 1):
        monkeypatch.setattr(convolutive_fast, "THREADS", threads)
        fits.append(fast_convolutive_updates(V, W, H, iterations=5))
    np.testing.assert_array_equal(fits[0].templates, fits[1].templates)
    np.testing.assert_array_equal(fits[0].activations, fits[1].activations)


@pytest.mark.parametrize("scale", [1e-9, 1e5])
def test_the_level_of_the_song_does_not_matter(scale):
    V, W, H = problem()
    plain = fast_convolutive_updates(V, W, H, iterations=10)
    scaled = fast_convolutive_updates(V * np.float32(scale), W, H * np.float32(scale), iterations=10)
    assert scaled.costs[-1] / scale == pytest.approx(plain.costs[-1], rel=0.01)


def test_silence_short_sounds_and_wrong_shapes():
    for bins, frames in ((33, 0), (33, 1), (33, 3), (1, 4)):
        V = np.zeros((bins, frames), dtype=np.float32)
        W, H = np.ones((5, bins, 2), np.float32), np.ones((2, frames), np.float32)
        fit = fast_convolutive_updates(V, W, H)
        assert fit.activations.shape == (2, frames)
        assert not fit.activations.any()
        if frames:
            sounding = fast_convolutive_updates(V + 1, W, H, iterations=30)
            assert cost(V + 1, sounding) <= 0.02 * V.size
    with pytest.raises(ValueError, match="do not fit"):
        fast_convolutive_updates(V + 1, W, H[:, 1:])


@pytest.mark.parametrize("stop_at", ["finding the strokes", "iteration 3"])
def test_it_can_be_cancelled_in_every_phase(stop_at):
    V, W, H = problem(bins=300, frames=3000)
    seen = []

    def report(fraction, message):
        seen.append(fraction)
        if stop_at in message:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        fast_convolutive_updates(V, W, H, iterations=1000, progress=progress)
    assert seen == sorted(seen)
    assert len(seen) < 40


def test_drums_that_are_always_struck_together_stay_apart_when_they_are_known():
    """A snare that never sounds without the hi-hat, one-shots of another kit, and more rounds than are needed."""
    rng = np.random.default_rng(2)
    bins, frames, length = 60, 240, 6
    bin_, fade = np.arange(bins), np.exp(-np.arange(length) / 2)[:, None]
    shapes = (bin_ / bins, np.exp(-(((bin_ - 25) / 18) ** 2)), np.exp(-((bin_ / 6) ** 2)))
    W = np.stack([fade * (0.3 + rng.random((length, bins))) * shape for shape in shapes], axis=2)
    W = (W / W.sum(axis=(0, 1))).astype(np.float32)
    H = np.zeros((3, frames), dtype=np.float32)
    H[0, 2::10] = 5 * (0.8 + 0.4 * rng.random(24))
    H[1, 12::40], H[1, 27::40], H[2, 2::40] = 5, 4, 12
    true = [model(W[:, :, [drum]], H[[drum]], 0, frames).T for drum in range(3)]
    V = (sum(true) * (0.7 + 0.6 * rng.random((bins, frames)))).astype(np.float32)
    shots = (W * (0.4 + 1.2 * rng.random(W.shape))).astype(np.float32)
    loud = np.repeat(V.sum(axis=0)[None] / np.float32(3), 3, axis=0)

    def snare(closeness):
        close = np.full(3, closeness, dtype=np.float32)
        fit = fast_convolutive_updates(V, shots, loud, iterations=200, closeness=close)
        assert np.diff(fit.costs).max() <= 0
        models = [model(fit.templates[:, :, [k]], fit.activations[[k]], 0, frames).T for k in range(3)]
        heard = V * models[1] / (sum(models) + 1e-12)
        return 10 * np.log10((true[1] ** 2).sum() / ((true[1] - heard) ** 2).sum())

    assert snare(0.005) >= snare(0.0) + 1.0
