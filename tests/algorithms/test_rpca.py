"""Robust PCA: against the textbook in float64, and a voice over a band."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from stemstudio.algorithms.rpca import RPCA, Decomposition, cut, rpca
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

RATE = 22050


def textbook(V, factor=1.0, tolerance=1e-7, growth=1.5):
    """Algorithm 5 of Lin et al. 2009, with the whole singular value decomposition, in float64."""
    D = V.astype(np.float64)
    weight = factor / np.sqrt(max(D.shape))
    norm = np.linalg.norm(D, 2)
    Y = D / max(norm, np.abs(D).max() / weight)
    A, mu = np.zeros_like(D), 1.25 / norm
    for _ in range(1000):
        X = D - A + Y / mu
        E = np.sign(X) * np.maximum(np.abs(X) - weight / mu, 0)
        U, s, Vt = np.linalg.svd(D - E + Y / mu, full_matrices=False)
        kept = s > 1 / mu
        A = (U[:, kept] * (s[kept] - 1 / mu)) @ Vt[kept]
        Z = D - A - E
        Y = Y + mu * Z
        mu = min(mu * growth, 1e7 / norm)
        if np.linalg.norm(Z) <= tolerance * np.linalg.norm(D):
            break
    return A, E, int(kept.sum())


def planted(shape=(120, 90), rank=4, share=0.05, seed=0):
    """A matrix of low rank, all ≥ 0, with a few entries far above it."""
    rng = np.random.default_rng(seed)
    L = rng.random((shape[0], rank)) @ rng.random((rank, shape[1]))
    S = np.where(rng.random(shape) < share, 5 + 5 * rng.random(shape), 0)
    return L, S


@pytest.mark.parametrize("shape", [(120, 90), (90, 120), (60, 60)])
@pytest.mark.parametrize(("factor", "noise"), [(0.8, 0), (1.0, 0), (0.8, 0.3), (1.0, 0.3), (1.5, 0.3)])
def test_same_answer_as_the_textbook(shape, factor, noise):
    """Without noise what was planted is the answer whatever the weight λ; with it every λ has an answer of its own."""
    L, S = planted(shape)
    V = L + S + noise * np.random.default_rng(5).random(shape)
    expected_L, expected_S, rank = textbook(V, factor)
    found = rpca(V, factor=factor, tolerance=1e-7)
    assert found.rank == rank
    scale = np.abs(V).max()
    np.testing.assert_allclose(found.low_rank / scale, expected_L / scale, atol=1e-6)
    np.testing.assert_allclose(found.sparse / scale, expected_S / scale, atol=1e-6)
    np.testing.assert_array_equal(np.abs(found.sparse) > 1e-3, np.abs(expected_S) > 1e-3)


def test_rank_and_support_of_what_was_planted_are_found():
    L, S = planted()
    for dtype in (np.float64, np.float32):
        found = rpca((L + S).astype(dtype), tolerance=1e-7 if dtype is np.float64 else 5e-4)
        assert found.low_rank.dtype == dtype
        singular = np.linalg.svd(found.low_rank.astype(np.float64), compute_uv=False)
        assert (singular > 1e-2 * singular[0]).sum() == 4
        np.testing.assert_array_equal(np.abs(found.sparse) > 1, S > 0)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-2])
def test_the_parts_add_up_wherever_it_stops(tolerance):
    L, S = planted((200, 150))
    V = (L + S).astype(np.float32)
    found = rpca(V, tolerance=tolerance)
    gap = np.linalg.norm(found.low_rank.astype(np.float64) + found.sparse - V) / np.linalg.norm(V)
    assert gap <= 1e-6
    assert not found.low_rank.flags.writeable


def test_single_precision_and_an_early_stop_are_near_the_converged_answer():
    L, S = planted((400, 300), rank=6)
    converged, _, _ = textbook(L + S)
    found = rpca((L + S).astype(np.float32))
    near = 20 * np.log10(np.linalg.norm(converged) / np.linalg.norm(found.low_rank - converged))
    assert near >= 55


def test_looking_for_the_leading_vectors_only_changes_next_to_nothing(monkeypatch):
    """Of a song's magnitudes; without the shortcut every singular vector is found in every step."""
    rng = np.random.default_rng(7)
    patterns = rng.random((500, 12)) ** 6 @ rng.random((12, 300)) ** 3
    V = (patterns + 0.02 * rng.random((500, 300)) ** 2 + 3 * (rng.random((500, 300)) < 0.03)).astype(
        np.float32
    )
    found = rpca(V).low_rank
    monkeypatch.setattr("stemstudio.algorithms.singular_values.leading", lambda *_: None)
    whole = rpca(V).low_rank
    assert 20 * np.log10(np.linalg.norm(whole) / np.linalg.norm(found - whole)) >= 55


def test_silence_is_neither():
    found = rpca(np.zeros((30, 20), dtype=np.float32))
    assert found.rank == 0
    assert not found.low_rank.any()
    assert not found.sparse.any()


@pytest.mark.parametrize(
    ("frames", "wanted"), [(1, 100), (99, 100), (100, 100), (101, 100), (2500, 100), (2, 2)]
)
def test_stretches_cover_everything_and_share_their_edges(frames, wanted):
    shared = wanted // 12
    pieces = cut(frames, wanted, shared)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == frames
    for (_, before), (first, _) in itertools.pairwise(pieces):
        assert before - first == shared
    assert max(last - first for first, last in pieces) <= wanted + 1


def band_and_voice(seconds=8):
    """A pattern of two chords that comes again and again, and a voice that glides over it."""
    t = np.arange(seconds * RATE) / RATE
    chords = [sum(np.sin(2 * np.pi * f * t) for f in notes) for notes in ((220, 277, 330), (196, 247, 294))]
    first = (t % 1.0) < 0.5
    band = 0.08 * np.where(first, chords[0], chords[1])
    glide = 700 + 250 * np.sin(2 * np.pi * 0.31 * t)
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    voice = 0.1 * sum(np.sin(k * phase) / k for k in (1, 2, 3))
    return band.astype(np.float32), voice.astype(np.float32)


@pytest.mark.parametrize("mask", ["soft", "binary"])
def test_a_voice_over_a_band_comes_apart(mask):
    band, voice = band_and_voice()
    song = Audio((band + voice)[None], RATE)
    found = RPCA(mask=mask, fft=1024, hop=256).run(song, Progress())
    assert found.names == ("background", "voice")
    sounds = found.render(song, [[0], [1]], 0, song.length)[:, 0]
    for truth, estimate in zip((band, voice), sounds, strict=True):
        before = np.sum(truth**2) / np.sum((song.samples[0] - truth) ** 2)
        after = np.sum(truth**2) / np.sum((estimate - truth) ** 2)
        assert 10 * np.log10(after / before) > 6


def test_stretches_fade_into_each_other(monkeypatch):
    """With a first stretch that is all voice and a second that is all band, the mask falls evenly in between."""
    stretches = []

    def all_voice_then_all_band(V, **settings):
        stretches.append(len(V))
        parts = (np.zeros_like(V), np.ones_like(V))[:: 1 if len(stretches) == 1 else -1]
        return Decomposition(*parts, rank=1, iterations=1)

    monkeypatch.setattr("stemstudio.algorithms.rpca.rpca", all_voice_then_all_band)
    song = Audio(np.full((1, 9 * RATE), 0.1, dtype=np.float32), RATE)
    voice = np.asarray(RPCA(fft=1024, hop=256, stretch=6.0).run(song, Progress()).values[1], dtype=np.float64)
    assert len(stretches) == 2
    steps = np.diff(voice[10])
    shared = sum(stretches) - voice.shape[1]
    assert shared > 20
    assert voice[10, 0] == 1
    assert voice[10, -1] == 0
    assert steps.max() <= 0
    assert -steps.min() == pytest.approx(1 / (shared + 1), rel=0.05)
