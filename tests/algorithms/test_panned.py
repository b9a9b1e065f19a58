"""Atoms with pans: one model for all channels, in which each has its place between them."""

from __future__ import annotations

import numpy as np
import pytest
import signals

from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf import panned as panned_module
from stemstudio.algorithms.nmf.given import Given
from stemstudio.algorithms.nmf.panned import panned_updates
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.solver import multiplicative_updates
from stemstudio.algorithms.nmf.spectrum import spectra
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.stft import StftSettings, forward

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0]
SHORT = {"components": 6, "iterations": 20, "fft": 1024, "hop": 256}


def problem(atoms=3, channels=2, seed=0, noise=1e-2):
    rng = np.random.default_rng(seed)
    W = rng.random((50, atoms), dtype=np.float32) ** 4
    H = rng.random((atoms, 160), dtype=np.float32) ** 4
    q = rng.random((channels, atoms), dtype=np.float32)
    q /= q.sum(axis=0)
    V = np.einsum("fk,ck,kt->cft", W, q, H) + noise * rng.random((channels, 50, 160))
    return V.astype(np.float32), (W, H, q)


def chance(V, atoms=3, seed=1):
    rng = np.random.default_rng(seed)
    channels, bins, frames = V.shape
    return (
        rng.random((bins, atoms), dtype=np.float32),
        rng.random((atoms, frames), dtype=np.float32),
        np.full((channels, atoms), 1 / channels, dtype=np.float32),
    )


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("penalties", [None, Penalties(0.2, 0.01, 0.01), Penalties(0.2)])
def test_the_cost_never_rises(beta, penalties, monkeypatch):
    monkeypatch.setattr(panned_module, "BLOCK_BYTES", 50 * 4 * 24)  # several blocks, several lanes
    V, _ = problem()
    fit = panned_updates(V, *chance(V), beta=beta, iterations=80, cost_every=1, penalties=penalties)
    costs = np.array(fit.costs)
    assert len(costs) == 80
    assert (np.diff(costs) <= 2e-6 * costs[:-1]).all(), np.diff(costs).max()
    assert costs[-1] < 0.7 * costs[0]
    np.testing.assert_allclose(fit.pans.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(fit.templates.sum(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 2.0])
def test_penalties_of_two_equal_channels_are_twice_those_of_one(beta):
    V = problem(channels=1)[0]
    W, H, _ = chance(V)
    for weights in (Penalties(0.5), Penalties(smoothness=0.5), Penalties(decorrelation=0.3)):
        weights = weights.relative_to(V[0], 3, beta)
        twice = weights.for_channels(2).at(W, 2 * H.T).cost()
        assert twice == pytest.approx(2 * weights.at(W, H.T).cost(), rel=1e-5)


@pytest.mark.parametrize("beta", BETAS)
def test_one_round_is_the_textbook_round(beta):
    """H, then W, then q by the rules of FitzGerald 2005 at γ(β), written out over the whole tensor in float64."""
    V, _ = problem()
    W, H, q = (value.astype(np.float64) for value in chance(V))
    W /= W.sum(axis=0)
    fit = panned_updates(V, W.astype(np.float32), H.astype(np.float32), chance(V)[2], beta=beta, iterations=1)
    gamma = 1 / (2 - beta) if beta < 1 else 1.0

    def model():
        return np.einsum("fk,ck,kt->cft", W, q, H) + 1e-12

    P = model()
    H *= (
        np.einsum("cft,fk,ck->kt", V * P ** (beta - 2), W, q)
        / np.einsum("cft,fk,ck->kt", P ** (beta - 1), W, q)
    ) ** gamma
    P = model()
    N, D = (np.einsum("cft,kt->cfk", weight, H) for weight in (V * P ** (beta - 2), P ** (beta - 1)))
    ratio = (np.einsum("cfk,ck->fk", N, q) / np.einsum("cfk,ck->fk", D, q)) ** gamma
    b = (
        np.einsum("cfk,fk->ck", N, W * ratio ** (beta - 1))
        / np.einsum("cfk,fk->ck", D, W * ratio ** max(beta, 1.0))
    ) ** gamma
    W, q = W * ratio, q * b
    np.testing.assert_allclose(fit.pans, q / q.sum(axis=0), rtol=1e-3)
    np.testing.assert_allclose(fit.templates, W / W.sum(axis=0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fit.activations, H * (W.sum(axis=0) * q.sum(axis=0))[:, None], rtol=1e-3)


@pytest.mark.parametrize("beta", BETAS)
def test_with_one_channel_it_is_nmf(beta):
    V, _ = problem(channels=1)
    W, H, q = chance(V)
    one = panned_updates(V, W, H, q, beta=beta, iterations=15)
    other = multiplicative_updates(V[0], W, H, beta=beta, iterations=15)
    np.testing.assert_allclose(one.templates, other.templates, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(one.costs, other.costs, rtol=1e-3)
    np.testing.assert_array_equal(one.pans, np.ones((1, 3), dtype=np.float32))


def test_places_of_sounds_that_share_their_spectrum_are_found():
    """Two sounds with overlapping spectra and times, left and right: only their places tell them apart."""
    V, (W, _, q) = problem(atoms=3, noise=0.0)
    fit = panned_updates(V, *chance(V), iterations=300, accelerated=True)
    found = fit.templates.T @ (W / np.linalg.norm(W, axis=0)) / np.linalg.norm(fit.templates, axis=0)[:, None]
    order = found.argmax(axis=0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(fit.pans[:, order], q, atol=0.03)


@pytest.mark.parametrize("beta", BETAS)
def test_momentum_gets_there_sooner_and_is_never_told_to_rise(beta):
    V, _ = problem(atoms=6)
    plain, quick = (
        panned_updates(V, *chance(V, 6), beta=beta, iterations=60, cost_every=5, accelerated=way)
        for way in (False, True)
    )
    assert (np.diff(quick.costs) <= 1e-9).all()
    assert quick.costs[-1] < plain.costs[-1]


def test_zeros_stay_zeros_and_fixed_parts_stay_as_they_are():
    V, _ = problem()
    W, H, q = chance(V)
    W[:10, 0] = 0
    H[1, 50:] = 0
    q[0, 2], q[1, 2] = 0, 1
    q[:, 1] = 0.25, 0.75
    W[:, 1] /= W[:, 1].sum()
    flags = np.array([False, True, False])
    for way in (False, True):
        fit = panned_updates(
            V,
            W,
            H,
            q,
            iterations=30,
            fixed_templates=flags,
            fixed_activations=flags,
            fixed_pans=flags,
            accelerated=way,
        )
        assert not fit.templates[:10, 0].any()
        assert not fit.activations[1, 50:].any()
        assert fit.pans[0, 2] == 0
        np.testing.assert_allclose(fit.templates[:, 1], W[:, 1], rtol=1e-6)
        np.testing.assert_allclose(fit.activations[1], H[1], rtol=1e-6)
        np.testing.assert_allclose(fit.pans[:, 1], q[:, 1], rtol=1e-6)
        assert np.abs(fit.pans[:, 0] - 0.5).max() > 0.01


def test_fixed_activations_keep_their_course():
    V, _ = problem()
    W, H, q = chance(V)
    held = np.array([True, False, False])
    fit = panned_updates(V, W, H, q, iterations=30, fixed_activations=held)
    np.testing.assert_allclose(fit.activations[0], H[0], rtol=1e-5)
    both = panned_updates(V, W, H, q, iterations=30, fixed_activations=held, fixed_templates=held)
    ratio = both.activations[0] / H[0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    np.testing.assert_allclose(both.pans.sum(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_level_of_the_song_does_not_matter(scale):
    V, _ = problem()
    W, H, q = chance(V)
    plain = panned_updates(V, W, H, q, iterations=20)
    scaled = panned_updates(V * np.float32(scale), W, H * np.float32(scale), q, iterations=20)
    np.testing.assert_allclose(scaled.pans, plain.pans, rtol=2e-3)
    np.testing.assert_allclose(scaled.activations / scale, plain.activations, rtol=5e-3, atol=1e-5)


def test_shapes_that_do_not_fit_are_refused():
    V, _ = problem()
    W, H, q = chance(V)
    for bad in ((W[:-1], H, q), (W, H[:, :-1], q), (W, H, q[:1])):
        with pytest.raises(ValueError, match="do not fit"):
            panned_updates(V, *bad)
    with pytest.raises(ValueError, match="beta"):
        panned_updates(V, W, H, q, beta=3)


def test_it_stops_at_once():
    V, _ = problem()
    told = []
    progress = Progress(lambda fraction, message: told.append(fraction))
    progress.cancel()
    with pytest.raises(Cancelled):
        panned_updates(V, *chance(V), iterations=1000, progress=progress)
    assert len(told) <= 1


def test_every_channel_has_its_own_spectrum():
    mix, _ = signals.mixture(seconds=1.0)
    grid = StftSettings(fft=1024, hop=256)
    expected = np.abs(forward(mix, grid).values) ** 0.7
    V = spectra(mix, grid, 0.7, Progress())
    np.testing.assert_allclose(V, expected, rtol=1e-3, atol=1e-5)
    assert V.transpose(0, 2, 1).flags.c_contiguous


def two_sides(seconds, rate=22050):
    """Two voices of the same notes, one on each side and a little in the other, and their sum."""
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * rate)) / rate
    sides = []
    for pan in (0.15, 0.85):
        wave = np.zeros_like(t)
        for place in np.arange(0, seconds, 0.2):
            f = 220 * 2 ** (rng.integers(0, 4) / 12)
            on = (t >= place) & (t < place + 0.2)
            wave += on * sum(np.sin(2 * np.pi * f * n * t + rng.random()) / n for n in range(1, 5))
        sides.append(Audio((0.1 * np.outer([1 - pan, pan], wave)).astype(np.float32), rate))
    return Audio(sides[0].samples + sides[1].samples, rate), dict(zip(("left", "right"), sides, strict=True))


def sdr(true, estimate):
    return 10 * np.log10((true.samples**2).sum() / ((true.samples - estimate) ** 2).sum())


def test_the_recipe_tells_sounds_of_the_same_pitch_apart_by_their_side():
    mix, stems = two_sides(2.0)
    scores = {}
    for way in ("shared", "panned"):
        found = NMF(components=12, iterations=40, fft=2048, hop=512, stereo=way).run(mix, Progress())
        assert (found.pans is None) == (way == "shared")
        owners = by_references(found, mix, stems)
        groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in stems]
        sounds = found.render(mix, groups, 0, mix.length)
        scores[way] = np.mean([sdr(true, sound) for true, sound in zip(stems.values(), sounds, strict=True)])
    assert scores["panned"] > scores["shared"] + 3, scores


@pytest.mark.parametrize("solver", ["fast", "multiplicative"])
def test_a_mono_song_is_the_same_either_way(solver):
    mix, _ = signals.mixture(seconds=1.0)
    mono = Audio(mix.samples[:1].copy(), mix.sample_rate)
    one, other = (
        NMF(**SHORT, solver=solver, stereo=way).run(mono, Progress()) for way in ("shared", "panned")
    )
    np.testing.assert_array_equal(one.templates, other.templates)
    assert other.pans is None


@pytest.mark.parametrize("beta", BETAS)
def test_a_song_in_which_one_side_is_silent(beta):
    mix, _ = signals.mixture(seconds=1.0)
    samples = mix.samples.copy()
    samples[1] = 0
    found = NMF(**SHORT, stereo="panned", beta=beta).run(Audio(samples, mix.sample_rate), Progress())
    assert np.isfinite(found.templates).all()
    assert np.isfinite(found.activations).all()
    heard = found.activations.sum(axis=1) > 1e-3 * found.activations.sum()
    assert (found.pans[0, heard] > 0.98).all()
    silence = NMF(**SHORT, stereo="panned").run(Audio(np.zeros((2, 30000), np.float32), 44100), Progress())
    assert not silence.activations.any()
    assert not silence.render(Audio(np.zeros((2, 30000), np.float32), 44100), [[0]], 0, 30000).any()


def test_settled_atoms_keep_their_pans_and_go_on(monkeypatch):
    mix, _ = two_sides(1.5)
    recipe = NMF(components=8, iterations=20, fft=1024, hop=256, stereo="panned")
    before = recipe.run(mix, Progress())
    uses = ("given",) * 8
    given = Given(before.names, before.templates, before.activations, uses, uses, before.pans, settled=True)
    after = recipe.run(mix, Progress(), given=given)
    costs = [before.costs[-1], *after.costs]
    assert (np.diff(costs) <= 1e-6 * costs[0]).all(), costs
    assert np.abs(after.pans - before.pans).mean() < 0.1
    shared = NMF(**{**recipe.model_dump(), "stereo": "shared"}).run(mix, Progress(), given=given)
    again = recipe.run(
        mix,
        Progress(),
        given=Given(shared.names, shared.templates, shared.activations, uses, uses, settled=True),
    )
    ratio = again.activations.sum() / before.activations.sum()
    assert 0.7 < ratio < 1.4
    assert 0.3 < shared.activations.sum() / before.activations.sum() < 0.7


def test_atoms_that_are_fixed_in_all_keep_their_pans_and_new_ones_find_theirs():
    mix, _ = two_sides(1.5)
    recipe = NMF(components=6, iterations=30, fft=1024, hop=256, stereo="panned")
    before = recipe.run(mix, Progress())
    kept, new = ("fixed",) * 3, ("random",) * 3
    given = Given(before.names, before.templates, before.activations, kept + new, kept + new, before.pans)
    after = recipe.run(mix, Progress(), given=given)
    np.testing.assert_allclose(after.pans[:, :3], before.pans[:, :3], rtol=1e-5)
    np.testing.assert_allclose(after.templates[:, :3], before.templates[:, :3], rtol=1e-5)
    np.testing.assert_allclose(after.activations[:3], before.activations[:3], rtol=1e-5)
    assert np.abs(after.pans[:, 3:] - 0.5).max() > 0.05
    assert after.costs[-1] < after.costs[0]
