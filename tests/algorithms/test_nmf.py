"""NMF as a musician meets it: atoms of a song, on their way and in the end."""

from __future__ import annotations

import time

import numpy as np
import pytest
import signals
import soundfile
from on_disk import lies_on_disk

from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf import spectrum as spectrum_module
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.algorithms.nmf.starts import components_for_coverage, leading_svd, nndsvd_start, random_start
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings, forward


def sdr_plain(reference, estimate):
    true = reference.samples.astype(float)
    return 10 * np.log10((true**2).sum() / ((true - estimate) ** 2).sum())


def test_stems_of_a_small_song_are_found():
    mix, stems = signals.mixture(seconds=6.0)
    found = NMF(components=16, iterations=100, solver="multiplicative").run(mix, Progress())
    owners = by_references(found, mix, stems)
    groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in stems]
    rendered = found.render(mix, groups, 0, mix.length)
    scores = {name: sdr_plain(stems[name], wave) for name, wave in zip(stems, rendered, strict=True)}
    before = {name: sdr_plain(stem, mix.samples) for name, stem in stems.items()}
    for name in stems:
        assert scores[name] >= 4.0, scores
        assert scores[name] >= before[name] + 5.0, scores


@pytest.mark.parametrize("seed", [0, 1])
def test_a_real_song_comes_apart_as_well_as_promised(shared_audio, seed):
    folder = shared_audio / "stems" / "everythingisfree" / "francium"
    sounds = {}
    for path in folder.glob("*.flac"):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        sounds[path.stem] = Audio(np.ascontiguousarray(samples.T), rate)
    mix = sounds.pop("mix")
    found = NMF(components=64, seed=seed).run(mix, Progress())
    owners = by_references(found, mix, sounds)
    groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in sounds]
    rendered = found.render(mix, groups, 0, mix.length)
    scores = {name: sdr_plain(sounds[name], wave) for name, wave in zip(sounds, rendered, strict=True)}
    assert scores["vocals"] >= 4.8, scores
    assert scores["drums"] >= 10.8, scores
    assert scores["other"] >= 2.8, scores


def test_atoms_are_handed_on_within_ten_iterations_and_about_every_second(monkeypatch):
    mix, _ = signals.mixture(seconds=3.0)
    told, handed_on = [], []

    def report(fraction, message):
        told.append(message)
        time.sleep(0.02)

    recipe = NMF(components=8, iterations=120, stereo="shared")
    found = recipe.run(mix, Progress(report, lambda result: handed_on.append((len(told), result))))
    iterations = [message for message in told if message.startswith("iteration")]
    assert len(iterations) == 120
    assert "cost" in iterations[-1]
    first, early = handed_on[0]
    assert sum(message.startswith("iteration") for message in told[:first]) <= 10
    assert isinstance(early, Factorization)
    assert 2 <= len(handed_on) <= 6
    assert not np.array_equal(early.templates, found.templates)
    assert early.costs[-1] > found.costs[-1]
    kept = early.activations.copy()
    np.testing.assert_array_equal(early.activations, kept)
    assert not early.templates.flags.writeable


def test_a_curve_of_costs_never_rises_where_atoms_get_pans():
    mix, _ = signals.mixture(seconds=3.0)
    handed_on = []
    recipe = NMF(components=4, iterations=40, stereo="panned")
    progress = Progress(lambda fraction, message: time.sleep(0.08), handed_on.append)
    found = recipe.run(mix, progress)
    assert len(handed_on) >= 2
    assert not handed_on[0].costs, "those of the shared model are of another measure"
    told = [*(each.costs[-1] for each in handed_on if each.costs), found.costs[-1]]
    assert told == sorted(told, reverse=True)


def test_the_seed_decides():
    mix, _ = signals.mixture(seconds=1.0)
    one, same, other = (NMF(components=4, iterations=5, seed=seed).run(mix, Progress()) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.templates, same.templates)
    assert not np.array_equal(one.templates, other.templates)


@pytest.mark.parametrize("start", ["random", "nndsvd"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0])
def test_every_start_and_beta_runs_on_a_song_with_pauses(start, beta):
    mix, _ = signals.mixture(seconds=2.0)
    samples = mix.samples.copy()
    samples[:, 20000:60000] = 0
    found = NMF(components=6, iterations=20, start=start, beta=beta).run(
        Audio(samples, mix.sample_rate), Progress()
    )
    assert np.isfinite(found.templates).all()
    assert np.isfinite(found.activations).all()
    assert found.costs[-1] < found.costs[0]


def test_nndsvd_starts_nearer_than_chance():
    mix, _ = signals.mixture(seconds=4.0)
    random, nndsvd = (
        NMF(components=8, iterations=3, start=start).run(mix, Progress()) for start in ("random", "nndsvd")
    )
    assert nndsvd.costs[-1] < random.costs[-1]


def test_leading_singular_values_are_the_true_ones():
    rng = np.random.default_rng(0)
    V = (
        rng.random((120, 6)) @ np.diag([9, 7, 5, 3, 2, 1]) @ rng.random((6, 700))
        + 0.01 * rng.random((120, 700))
    ).astype(np.float32)
    U, S, Vt = leading_svd(V, 5, 0, Progress())
    np.testing.assert_allclose(S, np.linalg.svd(V, compute_uv=False)[:5], rtol=1e-3)
    np.testing.assert_allclose(U.T @ U, np.eye(5), atol=1e-3)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(5), atol=1e-2)


def test_nndsvd_of_a_rank_one_sound_is_the_sound():
    rng = np.random.default_rng(0)
    V = np.outer(rng.random(50), rng.random(80)).astype(np.float32)
    W, H = nndsvd_start(V, 1, 0, Progress())
    np.testing.assert_allclose(W @ H, V, rtol=0.05, atol=0.02 * V.max())


def test_coverage_counts_the_patterns():
    V = np.zeros((40, 60), dtype=np.float32)
    for number in range(4):  # four patterns of equal energy that never overlap
        V[number * 10 : number * 10 + 10, number * 15 : number * 15 + 15] = 1
    for coverage, atoms in ((0.2, 1), (0.5, 2), (0.7, 3), (0.9, 4), (1.0, 4)):
        assert components_for_coverage(V, coverage, 20, 0, Progress()) == atoms
    assert components_for_coverage(np.zeros_like(V), 0.9, 20, 0, Progress()) == 1
    with pytest.raises(ValueError, match="coverage"):
        components_for_coverage(V, 0.0, 20, 0, Progress())


def needed(sound: Audio, coverage: float) -> int:
    V = spectrum(sound, NMF().grid, 1.0, Progress())
    return components_for_coverage(V, coverage, 256, 0, Progress())


def test_more_atoms_are_needed_for_more_of_a_song_and_fewer_for_a_stem():
    mix, stems = signals.mixture(seconds=4.0)
    few, more, most = (needed(mix, coverage) for coverage in (0.6, 0.9, 0.99))
    assert 1 <= few < more < most <= 256
    assert needed(stems["bass"], 0.9) < more


@pytest.mark.parametrize("start", ["random", "nndsvd"])
def test_the_song_says_how_many_atoms_a_coverage_takes(start):
    mix, _ = signals.mixture(seconds=4.0)
    told = []
    recipe = NMF.from_settings({"coverage": "0.97", "components": 3, "iterations": 2, "start": start})
    found = recipe.run(mix, Progress(lambda fraction, message: told.append(message)))
    wanted = needed(mix, 0.97)
    assert wanted > 3
    assert len(found.names) == wanted
    assert f"{wanted} atoms for 97% of the song" in told
    assert f"{wanted} atoms" in told[-1]
    assert len(NMF(components=3, iterations=2).run(mix, Progress()).names) == 3


def test_the_fast_solver_is_the_default_and_the_reference_can_be_chosen():
    mix, _ = signals.mixture(seconds=2.0)
    fast, reference = (
        NMF.from_settings({"components": 6, "iterations": 20, **more}).run(mix, Progress())
        for more in ({}, {"solver": "multiplicative"})
    )
    assert fast.costs[-1] < 0.95 * reference.costs[-1]


@pytest.mark.parametrize("solver", ["fast", "multiplicative"])
def test_penalties_of_the_recipe_change_the_atoms(solver):
    mix, _ = signals.mixture(seconds=2.0)

    def run(**more):
        return NMF.from_settings({"components": 6, "iterations": 40, "solver": solver, **more}).run(
            mix, Progress()
        )

    def roughness(found):
        H = found.activations.astype(float)
        return (np.square(np.diff(H, axis=1)).sum(axis=1) / np.square(H).sum(axis=1)).mean()

    def at_a_time(found):
        loudness = found.activations * np.linalg.norm(found.templates, axis=0)[:, None].astype(float)
        return (loudness.sum(axis=0) ** 2 / np.maximum(np.square(loudness).sum(axis=0), 1e-30)).mean()

    plain = run()
    many = {"components": 16, "iterations": 100}
    assert at_a_time(run(sparsity=1, **many)) < 0.8 * at_a_time(run(**many))
    assert roughness(run(smoothness=10)) < 0.7 * roughness(plain)
    overlapping, apart = (
        (
            atoms.templates.T @ atoms.templates / np.outer(*2 * [np.linalg.norm(atoms.templates, axis=0)])
        ).mean()
        for atoms in (plain, run(decorrelation=2))
    )
    assert apart < overlapping


@pytest.mark.parametrize("exponent", [0.7, 1.0, 2.0])
def test_v_is_one_for_both_channels(exponent, monkeypatch):
    mix, _ = signals.mixture(seconds=1.0)
    grid = StftSettings(fft=1024, hop=256)
    X = forward(mix, grid).values
    expected = (np.abs(X.astype(np.complex128)) ** 2).mean(axis=0) ** (exponent / 2)
    monkeypatch.setattr(spectrum_module, "STRIDE", 50)
    V = spectrum(mix, grid, exponent, Progress())
    np.testing.assert_allclose(V, expected, rtol=1e-4, atol=1e-6)
    assert V.T.flags.c_contiguous


def test_a_long_recording_is_kept_on_disk_with_the_same_result(monkeypatch):
    mix, _ = signals.mixture(seconds=2.0)
    recipe = NMF(components=4, iterations=6)
    in_memory = recipe.run(mix, Progress())
    monkeypatch.setattr(spectrum_module, "IN_MEMORY", 1000)
    assert lies_on_disk(spectrum(mix, recipe.grid, 1.0, Progress()))
    on_disk = recipe.run(mix, Progress())
    np.testing.assert_array_equal(on_disk.templates, in_memory.templates)
    np.testing.assert_array_equal(on_disk.activations, in_memory.activations)


def test_random_start_is_positive_wherever_there_is_sound():
    V = np.zeros((20, 30), dtype=np.float32)
    V[3:9, 4:20] = 2
    W, H = random_start(V, 5, 0)
    assert (W[3:9] > 0).all()
    assert (H[:, 4:20] > 0).all()
    assert W.dtype == H.dtype == np.float32
    assert 0.2 < (W @ H)[3:9, 4:20].mean() / 2 < 5


def test_settings_that_cannot_be_are_refused_in_words():
    for settings, word in (
        ({"components": 0}, "components"),
        ({"beta": 3}, "beta"),
        ({"start": "magic"}, "start"),
        ({"hop": 1000}, "1000"),
        ({"coverage": 1.0}, "coverage"),
    ):
        with pytest.raises(BadRecipe, match=word):
            NMF.from_settings(settings)
