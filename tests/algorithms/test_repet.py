"""REPET-SIM: similar moments and medians as the paper has them, and a voice over a loop."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms import repet
from stemstudio.algorithms.repet import RepetSim, median_network, repeating, repeating_share
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

RATE = 22050


def textbook(V, repeats, distance, threshold):
    """Similarity matrix, local maxima and medians with plain loops, in float64."""
    V = V.astype(np.float64)
    length = np.linalg.norm(V, axis=1)
    length[length == 0] = 1
    unit = V / length[:, None]
    cosines = unit @ unit.T
    result = np.empty_like(V)
    for frame, row in enumerate(cosines):
        peaks = [
            place
            for place in range(len(row))
            if place != frame
            and row[place] >= threshold
            and all(row[place] > row[other] for other in range(max(0, place - distance), place))
            and all(
                row[place] > row[other] for other in range(place + 1, min(len(row), place + distance + 1))
            )
        ]
        peaks = sorted(peaks, key=lambda place: -row[place])[: repeats - 1]
        result[frame] = np.median(V[[frame, *peaks]], axis=0)
    return result


@pytest.mark.parametrize(
    ("repeats", "distance", "threshold"),
    [(20, 3, 0.0), (5, 1, 0.0), (100, 10, 0.75), (2, 4, 0.0), (7, 500, 0)],
)
def test_medians_over_similar_frames_are_the_textbooks(repeats, distance, threshold):
    V = np.random.default_rng(0).random((230, 90), dtype=np.float32)
    V[50:55] = 0
    found = repeating(V, repeats=repeats, distance=distance, similarity=threshold)
    np.testing.assert_allclose(found, textbook(V, repeats, distance, threshold), atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 31, 50, 100, 200])
def test_the_network_finds_the_median(count):
    rng = np.random.default_rng(count)
    columns = rng.random((count, 300))
    expected = np.median(columns, axis=0)
    for low, high in median_network(count):
        columns[[low, high]] = np.sort(columns[[low, high]], axis=0)
    np.testing.assert_array_equal((columns[count // 2] + columns[(count - 1) // 2]) / 2, expected)


def test_a_reach_keeps_away_from_what_lies_further():
    rng = np.random.default_rng(1)
    V = rng.random((60, 40), dtype=np.float32)
    V[50] = V[5]  # the perfect likeness, out of reach
    near = repeating(V, repeats=2, distance=1, reach=20, frames=slice(5, 6))
    far = repeating(V, repeats=2, distance=1, frames=slice(5, 6))
    np.testing.assert_allclose(far[0], V[5], atol=1e-7)
    assert np.abs(near[0] - V[5]).max() > 0.01


def test_the_mask_is_the_share_of_the_repeating_part():
    V = np.array([[4, 4, 0, 1]], dtype=np.float32)
    background = np.array([[3, 5, 2, 0]], dtype=np.float32)
    np.testing.assert_allclose(repeating_share(V, background), [[0.75, 1, 1, 0]])


def loop_and_voice(seconds=12):
    """A half-second pattern that repeats, and a tone that climbs over it."""
    t = np.arange(seconds * RATE) / RATE
    rng = np.random.default_rng(3)
    pattern = np.convolve(rng.standard_normal(RATE // 2), np.hanning(30), mode="same") * 0.05
    loop = np.tile(pattern, 2 * seconds)
    voice = 0.1 * np.sin(2 * np.pi * (500 * t + 40 * t**2))
    return loop.astype(np.float32), voice.astype(np.float32)


def test_a_voice_over_a_loop_comes_apart():
    loop, voice = loop_and_voice()
    song = Audio((loop + voice)[None], RATE)
    found = RepetSim(fft=2048, hop=512).run(song, Progress())
    assert found.names == ("repeating", "changing")
    background, foreground = found.render(song, [[0], [1]], 0, song.length)[:, 0]
    for truth, estimate in ((loop, background), (voice, foreground)):
        before = np.sum(truth**2) / np.sum((song.samples[0] - truth) ** 2)
        after = np.sum(truth**2) / np.sum((estimate - truth) ** 2)
        assert 10 * np.log10(after / before) > 6


def test_the_foreground_has_no_bass():
    rng = np.random.default_rng(0)
    noise = Audio((0.1 * rng.standard_normal((1, 2 * RATE))).astype(np.float32), RATE)
    recipe = RepetSim(fft=2048, hop=512, high_pass=200)
    masks = recipe.run(noise, Progress()).masks([[0], [1]], 0, 40)
    below = int(200 * 2048 / RATE)
    assert masks[1, : below + 1].max() == 0
    assert masks[1, below + 3 :].mean() > 0.03
    assert (
        RepetSim(fft=2048, hop=512, high_pass=0).run(noise, Progress()).masks([[1]], 0, 40)[0, :below].mean()
        > 0.03
    )


def test_working_in_blocks_changes_nothing(monkeypatch):
    loop, voice = loop_and_voice(3)
    song = Audio((loop + voice)[None], RATE)
    recipe = RepetSim(fft=1024, hop=256)
    expected = np.asarray(recipe.run(song, Progress()).values)
    monkeypatch.setattr(repet, "BLOCK", 17)
    monkeypatch.setattr(repet, "READ", 23)
    np.testing.assert_allclose(np.asarray(recipe.run(song, Progress()).values), expected, atol=2e-3)
