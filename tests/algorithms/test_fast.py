"""The fast solver: never worse than the reference, with the same promises."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import soundfile

from stemstudio.algorithms.nmf import fast, fast_start
from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.solver import multiplicative_updates
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.algorithms.nmf.starts import random_start
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.stft import StftSettings

BETAS = pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0])
LONG = 1300  # frames: enough to learn from a part of them


def problem(bins=60, frames=90, atoms=5, seed=0):
    rng = np.random.default_rng(seed)
    V = (rng.random((bins, 8)) ** 4 @ rng.random((8, frames)) ** 4 * 30 + 0.01).astype(np.float32)
    W = rng.random((bins, atoms), dtype=np.float32) + 0.1
    H = rng.random((atoms, frames), dtype=np.float32) + 0.1
    return V, W, H


def cost(V, fit, beta):
    return divergence(V.astype(float) + 1e-12, fit.templates @ fit.activations.astype(float) + 1e-12, beta)


@BETAS
@pytest.mark.parametrize("frames", [90, LONG])
@pytest.mark.parametrize("iterations", [1, 5, 20, 100])
def test_no_worse_than_the_reference_after_equal_iterations(beta, frames, iterations):
    V, W, H = problem(frames=frames)
    ours = fast_updates(V, W, H, beta=beta, iterations=iterations)
    theirs = multiplicative_updates(V, W, H, beta=beta, iterations=iterations)
    assert cost(V, ours, beta) <= 1.001 * cost(V, theirs, beta)


@BETAS
@pytest.mark.parametrize("song", ["everythingisfree/lithium", "funk/excerpt_24s_44s"])
def test_no_worse_than_the_reference_on_real_songs(shared_audio, beta, song):
    samples, rate = soundfile.read(
        shared_audio / "stems" / song / "mix.flac", dtype="float32", stop=8 * 44100
    )
    V = spectrum(
        Audio(np.ascontiguousarray(samples.T), rate), StftSettings(fft=1024, hop=256), 1.0, Progress()
    )
    W, H = random_start(V, 16, 0)
    for iterations in (10, 60):
        ours = fast_updates(V, W, H, beta=beta, iterations=iterations)
        theirs = multiplicative_updates(V, W, H, beta=beta, iterations=iterations)
        assert ours.costs[-1] <= 1.001 * theirs.costs[-1]
        assert cost(V, ours, beta) <= 1.001 * cost(V, theirs, beta)


@BETAS
@pytest.mark.parametrize("frames", [90, LONG])
def test_the_costs_told_never_rise_and_end_where_the_fit_is(beta, frames):
    V, W, H = problem(frames=frames)
    fit = fast_updates(V, W, H, beta=beta, iterations=150, cost_every=1)
    assert fit.looked_at == list(range(1, 151))
    assert np.diff(fit.costs).max() <= 2e-6 * fit.costs[0]
    assert cost(V, fit, beta) <= fit.costs[-1] * 1.001


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_momentum_that_leads_astray_is_taken_back(beta, monkeypatch):
    from stemstudio.algorithms.nmf import momentum

    monkeypatch.setattr(momentum, "momentum", lambda done: 3.0)
    V, W, H = problem()
    fit = fast_updates(V, W, H, beta=beta, iterations=200, cost_every=5)
    reference = multiplicative_updates(V, W, H, beta=beta, iterations=50)
    assert np.diff(fit.costs).max() <= 0
    assert min(np.diff(fit.costs)) < 0
    assert any(np.diff(fit.costs) == 0)
    assert cost(V, fit, beta) <= 1.1 * cost(V, reference, beta)


@BETAS
@pytest.mark.parametrize("frames", [90, LONG])
def test_zeros_of_the_start_stay_zeros(beta, frames):
    V, W, H = problem(frames=frames)
    V[10:20, 5:15] = 0
    W[:7, 1] = 0
    W[:, 2] *= np.arange(60) % 3 == 0
    H[2, 30:50] = 0
    H[4] = 0
    fit = fast_updates(V, W, H, beta=beta, iterations=30)
    assert (fit.templates[W == 0] == 0).all()
    assert (fit.activations[H == 0] == 0).all()
    assert fit.templates[W > 0].any()
    for array in (fit.templates, fit.activations):
        assert np.isfinite(array).all()
        assert (array >= 0).all()
    assert fit.costs[-1] < divergence(V.astype(float) + 1e-12, W @ H.astype(float) + 1e-12, beta)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("frames", [90, LONG])
def test_fixed_atoms_stay_as_they_are_given(beta, frames):
    V, W, H = problem(frames=frames)
    fixed_W = np.array([True, False, False, True, False])
    fixed_H = np.array([False, True, False, True, False])
    fit = fast_updates(V, W, H, beta=beta, iterations=20, fixed_templates=fixed_W)
    np.testing.assert_allclose(fit.templates[:, fixed_W], (W / W.sum(axis=0))[:, fixed_W], rtol=1e-6)
    assert np.abs(fit.templates[:, 1] - W[:, 1] / W[:, 1].sum()).max() > 1e-3
    fit = fast_updates(V, W, H, beta=beta, iterations=20, fixed_templates=fixed_W, fixed_activations=fixed_H)
    np.testing.assert_array_equal(fit.activations[fixed_H], H[fixed_H])
    np.testing.assert_array_equal(fit.templates[:, 3], W[:, 3])
    assert np.abs(fit.activations[0] - H[0]).max() > 1e-3


def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch):
    V, W, H = problem(bins=300, frames=2000, atoms=7)
    for beta in (1.0, 2.0):
        monkeypatch.setattr(fast, "THREADS", 2)
        first = fast_updates(V, W, H, beta=beta, iterations=10)
        monkeypatch.setattr(fast, "THREADS", 1)
        second = fast_updates(V, W, H, beta=beta, iterations=10)
        np.testing.assert_array_equal(first.templates, second.templates)
        np.testing.assert_array_equal(first.activations, second.activations)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("scale", [1e-9, 1e5])
def test_the_level_of_the_song_does_not_matter(beta, scale):
    V, W, H = problem(frames=LONG)
    plain = fast_updates(V, W, H, beta=beta, iterations=20)
    scaled = fast_updates(V * np.float32(scale), W, H * np.float32(scale), beta=beta, iterations=20)
    assert scaled.costs[-1] / scale**beta == pytest.approx(plain.costs[-1], rel=0.02)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_a_known_rank_2_sound_is_found(beta):
    rng = np.random.default_rng(3)
    true_W = np.array([[1, 0], [0.5, 0], [0, 1], [0, 0.25], [0.01, 0], [0.25, 0.5]], dtype=np.float32)
    true_H = rng.random((2, 40), dtype=np.float32) ** 3
    W, H = rng.random((6, 2), dtype=np.float32) + 0.1, rng.random((2, 40), dtype=np.float32) + 0.1
    fit = fast_updates(true_W @ true_H, W, H, beta=beta, iterations=50)
    wanted = true_W / true_W.sum(axis=0)
    best = min(np.abs(fit.templates[:, order] - wanted).max() for order in ([0, 1], [1, 0]))
    assert best < 0.02


def test_silence_and_no_frames_give_silent_atoms():
    for beta in (0.0, 1.0, 2.0):
        for frames in (0, 1, 10):
            V = np.zeros((33, frames), dtype=np.float32)
            W, H = np.ones((33, 3), dtype=np.float32), np.ones((3, frames), dtype=np.float32)
            fit = fast_updates(V, W, H, beta=beta, iterations=5)
            assert fit.activations.shape == (3, frames)
            assert not fit.activations.any()


def test_inputs_are_untouched_and_columns_of_w_sum_to_one():
    for frames in (90, LONG):
        V, W, H = problem(frames=frames)
        kept = V.copy(), W.copy(), H.copy()
        for array in (V, W, H):
            array.flags.writeable = False
        fit = fast_updates(V, W, H, iterations=5)
        np.testing.assert_allclose(fit.templates.sum(axis=0), 1, rtol=1e-5)
        for array, before in zip((V, W, H), kept, strict=True):
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_who_watches_sees_columns_that_sum_to_one_and_ends_with_the_same_arrays(beta):
    V, W, H = problem()
    seen = []

    def watch(fit):
        seen.append((fit.templates.sum(axis=0), cost(V, fit, beta)))

    watched = fast_updates(V, W, H, beta=beta, iterations=25, watch=watch)
    assert len(seen) == 25
    for sums, _ in seen:
        np.testing.assert_allclose(sums, 1, rtol=2e-3)
    assert seen[-1][1] == pytest.approx(cost(V, watched, beta), rel=1e-3)
    alone = fast_updates(V, W, H, beta=beta, iterations=25)
    np.testing.assert_array_equal(watched.templates, alone.templates)
    np.testing.assert_array_equal(watched.activations, alone.activations)


def test_with_penalties_it_is_the_reference():
    V, W, H = problem()
    weights = Penalties(sparsity=0.1)
    ours = fast_updates(V, W, H, iterations=10, penalties=weights)
    theirs = multiplicative_updates(V, W, H, iterations=10, penalties=weights)
    np.testing.assert_array_equal(ours.templates, theirs.templates)


@pytest.mark.parametrize("stop_at", ["finding a start", "learning", "iteration 2 of"])
def test_it_can_be_cancelled_in_every_phase(stop_at):
    V, W, H = problem(frames=4000)
    seen = []

    def report(fraction, message):
        seen.append(fraction)
        if stop_at in message:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        fast_updates(V, W, H, iterations=1000, progress=progress)
    assert seen == sorted(seen)
    assert len(seen) < 200


def test_a_part_of_the_frames_is_enough_to_begin_with(monkeypatch):
    V, W, H = problem(bins=100, frames=10_000, atoms=5)
    learned = fast_updates(V, W, H, iterations=1)
    monkeypatch.setattr(fast_start, "FEWEST_FRAMES", 10**6)
    without = fast_updates(V, W, H, iterations=1)
    assert learned.costs[-1] < without.costs[-1]


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_a_sound_that_the_part_misses_is_found_all_the_same(beta):
    V, W, H = problem(frames=LONG)
    V[5] = 0
    V[5, ::2] = 20.0  # learned from are the odd frames
    fit = fast_updates(V, W, H, beta=beta, iterations=40)
    assert (fit.templates @ fit.activations)[5, ::2].mean() > 5.0


@BETAS
def test_an_atom_that_may_sound_only_where_nothing_is_learned_from_lives_on(beta):
    V, W, H = problem(frames=LONG)
    H[3] = 0
    H[3, 600:602:2] = 1  # learned from are the odd frames
    W[:, 3] = 0
    W[5, 3] = 1
    V[5, 600] = 200.0
    fit = fast_updates(V, W, H, beta=beta, iterations=20)
    assert fit.templates[5, 3] == pytest.approx(1)
    assert fit.activations[3, 600] > 100.0
    assert np.count_nonzero(fit.activations[3]) == 1


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_a_short_run_begins_with_a_short_start(beta):
    V, W, H = problem(frames=LONG)

    def learned(iterations):
        told = []
        progress = Progress(lambda _, message: told.append(message))
        fast_updates(V, W, H, beta=beta, iterations=iterations, progress=progress)
        return sum("learning" in message for message in told)

    assert 5 <= learned(1) < learned(100) / 2


def test_bands_are_bins_at_the_bottom_and_wider_above():
    edges = fast_start.bands(1025)
    widths = np.diff(edges, append=1025)
    assert edges[0] == 0
    assert (widths[:64] == 1).all()
    assert (widths > 0).all()
    assert widths.sum() == 1025
    assert len(edges) < 300
    assert widths.max() <= 1025 / 64
    for bins in (1, 2, 100):
        np.testing.assert_array_equal(fast_start.bands(bins)[:3], np.arange(min(bins, 3)))


def test_few_atoms_are_learned_with_one_sweep_and_with_more_and_the_better_goes_on(monkeypatch):
    V, W, H = problem(bins=100, frames=10_000, atoms=6)
    found = []
    monkeypatch.setattr(fast_start, "SWEEPS", 1)
    found.append(fast_updates(V, W, H, beta=2.0, iterations=1).costs[-1])
    monkeypatch.undo()
    monkeypatch.setattr(fast_start, "FEW_ATOMS", 0)
    found.append(fast_updates(V, W, H, beta=2.0, iterations=1).costs[-1])
    monkeypatch.undo()
    assert fast_updates(V, W, H, beta=2.0, iterations=1).costs[-1] == pytest.approx(min(found), rel=0.02)
    assert max(found) != min(found)


@pytest.mark.parametrize("noise", [0.0, 1e-3, 1.0])
def test_the_cost_of_least_squares_is_what_is_left_over_however_little(noise):
    rng = np.random.default_rng(2)
    true_W, true_H = rng.random((60, 3), dtype=np.float32), rng.random((3, 200), dtype=np.float32)
    V = true_W @ true_H + np.float32(noise) * rng.random((60, 200), dtype=np.float32)
    fit = fast_updates(V, true_W, true_H, beta=2.0, iterations=60, settled=True)
    true = cost(V, fit, 2.0)
    assert true <= fit.costs[-1] * (1 + 1e-5) + 1e-9
    assert fit.costs[-1] == pytest.approx(true, rel=0.02, abs=1e-6)


def test_nobody_who_stops_it_waits_for_its_library_to_be_loaded(monkeypatch):
    loaded, progress = threading.Event(), Progress()
    monkeypatch.setattr(fast, "sweep", lambda: loaded.wait(5))
    threading.Timer(0.05, progress.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        fast_updates(*problem(), progress=progress)
    assert time.monotonic() - began < 1
    loaded.set()
