"""Open-Unmix: its published form, its filter, and its recipe."""

from __future__ import annotations

import numpy as np
import pytest
from small_recipes import published, tiny_target, write_tiny_unmix

from stemstudio.algorithms.neural.checkpoints import load_target
from stemstudio.algorithms.neural.openunmix import OpenUnmix
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadModel
from stemstudio.progress import Progress
from stemstudio.spectral.masks import multichannel_wiener


@pytest.fixture(autouse=True)
def _weights(tmp_path, monkeypatch):
    write_tiny_unmix(tmp_path)
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))


def noise(channels: int = 2, seconds: float = 3.0, rate: int = 44100) -> Audio:
    rng = np.random.default_rng(0)
    return Audio((0.1 * rng.standard_normal((channels, int(seconds * rate)))).astype(np.float32), rate)


def test_memory_in_steps_is_torchs_own_lstm():
    import torch

    target = tiny_target()
    state = {key[5:]: value for key, value in published(target).items() if key.startswith("lstm.")}
    whole = torch.nn.LSTM(8, 4, num_layers=3, bidirectional=True)
    whole.load_state_dict(state)
    x = torch.randn(300, 2, 8)
    with torch.inference_mode():
        assert torch.allclose(target.lstm(x), whole(x)[0], atol=1e-6)


def test_the_filter_is_the_one_that_masks_have():
    """From the same start, where one is defined by shares of the mixture."""
    import torch

    from stemstudio.algorithms.neural.unmix_network import Place

    rng = np.random.default_rng(1)
    x = (rng.standard_normal((2, 20, 50)) + 1j * rng.standard_normal((2, 20, 50))).astype(np.complex64)
    V = rng.random((3, 20, 50)).astype(np.float32)
    start = (V / V.sum(axis=0))[:, None] * x
    filtered = Place(2)(torch.from_numpy(x), torch.from_numpy(start), torch.tensor(1.0)).numpy()
    np.testing.assert_allclose(filtered, multichannel_wiener(x, V, iterations=2, eps=1e-10), atol=1e-3)


def test_a_stem_never_holds_more_than_its_network_says():
    sound = noise()
    found = OpenUnmix(iterations=0).run(sound, Progress())
    assert found.names == ("vocals", "drums", "bass", "other")
    assert found.waves.shape == (4, 2, sound.length)
    assert np.abs(found.waves).max() > 1e-3


def test_the_filter_makes_the_stems_add_up_to_nearly_the_song():
    sound = noise()
    gaps = []
    for iterations in (0, 1):
        found = OpenUnmix(iterations=iterations).run(sound, Progress())
        gaps.append(np.linalg.norm(found.waves.sum(axis=0) - sound.samples) / np.linalg.norm(sound.samples))
    assert gaps[1] < 0.1 * gaps[0]


def test_segments_join_without_a_seam():
    sound = noise(seconds=14)
    whole = OpenUnmix(segment=300, iterations=0).run(sound, Progress()).waves
    pieces = OpenUnmix(segment=5, overlap=0.3, iterations=0).run(sound, Progress()).waves
    assert np.linalg.norm(whole - pieces) < 0.05 * np.linalg.norm(whole)


@pytest.mark.parametrize("seconds", [0.001, 0.05, 0.2])
def test_very_short_songs(seconds):
    sound = noise(seconds=seconds)
    assert OpenUnmix().run(sound, Progress()).waves.shape == (4, 2, sound.length)


def test_one_stem_leaves_the_rest_to_the_residual():
    sound = noise()
    every = OpenUnmix().run(sound, Progress())
    alone = OpenUnmix(stems="bass").run(sound, Progress())
    assert alone.names == ("bass",)
    np.testing.assert_array_equal(alone.waves[0], every.waves[2])


@pytest.mark.parametrize("damage", ["pickle", "cut", "foreign", "shapes", "nan"])
def test_files_that_are_not_what_they_say_are_refused(tmp_path, damage):
    import pickle

    import torch

    path = tmp_path / "vocals-b62c91ce.pth"
    state = published(tiny_target())
    if damage == "pickle":
        path.write_bytes(pickle.dumps(print))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "foreign":
        torch.save({"weight": torch.zeros(3)}, path)
    elif damage == "shapes":
        torch.save({**state, "fc2.weight": torch.zeros(3, 3)}, path)
    else:
        torch.save({**state, "fc2.weight": state["fc2.weight"] * float("nan")}, path)
    with pytest.raises(BadModel) as refused:
        load_target(path)
    assert "vocals-b62c91ce.pth" in refused.value.sentence
    assert "\n" not in refused.value.sentence
