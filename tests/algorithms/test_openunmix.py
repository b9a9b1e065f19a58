"""Open-Unmix: its published form, its filter, and its recipe."""

from __future__ import annotations

import os

import numpy as np
import pytest
from small_recipes import published, tiny_target, write_tiny_unmix

from stemstudio.algorithms.neural.checkpoints import load_target
from stemstudio.algorithms.neural.openunmix import OpenUnmix
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadModel
from stemstudio.progress import Progress
from stemstudio.spectral.masks import multichannel_wiener

pytestmark = pytest.mark.usefixtures("one_thread")


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


def lively_target(seed: int):
    """Norms, means and scales as after training: new ones are as good as out."""
    import torch

    target = tiny_target(seed)
    random = torch.Generator().manual_seed(seed)
    for name, value in target.state_dict().items():
        if value.is_floating_point() and value.dim() == 1 and not name.startswith("lstm"):
            value.copy_(0.5 + torch.rand(value.shape, generator=random))
    return target


def plain(state, mixture):
    """One network in double precision: magnitudes (channels, bins, frames) → the same."""
    w = {name: value.double().numpy() for name, value in state.items()}

    def normed(x, name):
        centred = (x - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5)
        return centred * w[f"{name}.weight"] + w[f"{name}.bias"]

    def remembered(x, name):
        h = c = np.zeros(w[f"lstm.weight_hh_{name}"].shape[1])
        found = []
        for row in x:
            told = w[f"lstm.weight_ih_{name}"] @ row + w[f"lstm.bias_ih_{name}"]
            told = told + w[f"lstm.weight_hh_{name}"] @ h + w[f"lstm.bias_hh_{name}"]
            i, f, g, o = np.split(told, 4)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            found.append(h)
        return np.array(found)

    bins = len(w["input_mean"])
    x = (mixture[:, :bins] + w["input_mean"][:, None]) * w["input_scale"][:, None]
    rows = x.transpose(2, 0, 1).reshape(
        x.shape[2], -1
    )  # a frame: all bins of the left side, then of the right
    x = first = np.tanh(normed(rows @ w["fc1.weight"].T, "bn1"))
    for layer in range(3):
        back = remembered(x[::-1], f"l{layer}_reverse")[::-1]
        x = np.concatenate([remembered(x, f"l{layer}"), back], axis=1)
    x = np.concatenate([first, x], axis=1)
    x = np.maximum(normed(x @ w["fc2.weight"].T, "bn2"), 0)
    x = normed(x @ w["fc3.weight"].T, "bn3").reshape(len(x), *mixture.shape[:2])
    return np.maximum(x * w["output_scale"] + w["output_mean"], 0).transpose(1, 2, 0) * mixture


def test_a_network_is_the_plain_one():
    import torch

    from stemstudio.algorithms.neural.unmix_network import Target

    state = published(lively_target(3))
    target = Target.of(state)
    mixture = np.random.default_rng(2).random((2, 2049, 9))
    with torch.inference_mode():
        found = target(torch.from_numpy(mixture).float()[None])[0].numpy()
    np.testing.assert_allclose(found, plain(state, mixture), atol=1e-5)


@pytest.mark.parametrize("loudness", [0.1, 40.0])
def test_all_stems_of_a_song_are_those_of_the_filter_that_open_unmix_has(monkeypatch, loudness):
    """Demucs carries Open-Unmix's own filter; it is asked window by window, as Open-Unmix does."""
    import torch
    from demucs.wiener import wiener

    from stemstudio.algorithms.neural import unmix_network

    monkeypatch.setattr(unmix_network, "WINDOW_FRAMES", 20)
    targets = {name: lively_target(number) for number, name in enumerate(("a", "b", "c"))}
    waves = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 2, 30_000), dtype=np.float32))
    waves *= loudness
    with torch.inference_mode():
        found = unmix_network.Unmix(targets, 2)(waves)
        for wave, answer in zip(waves, found, strict=True):
            window = torch.hann_window(4096)
            X = torch.stft(wave, 4096, 1024, window=window, return_complex=True)
            V = torch.stack([target(X.abs()[None])[0] for target in targets.values()])
            x, v = torch.view_as_real(X).permute(2, 1, 0, 3), V.permute(3, 2, 1, 0)
            pieces = [wiener(v[at : at + 20], x[at : at + 20], 2) for at in range(0, len(x), 20)]
            stems = torch.view_as_complex(torch.cat(pieces).permute(4, 2, 1, 0, 3).contiguous())
            for stem, own in zip(stems, answer, strict=True):
                wanted = torch.istft(stem, 4096, 1024, window=window, length=30_000)
                np.testing.assert_allclose(own, wanted, atol=2e-4 * loudness)


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


class Evil:
    """Would make a folder when it is unpickled without care."""

    def __reduce__(self):
        return os.mkdir, ("owned",)


@pytest.mark.parametrize("damage", ["code", "pickle", "cut", "foreign", "shapes", "nan"])
def test_files_that_are_not_what_they_say_are_refused(tmp_path, monkeypatch, damage):
    import pickle

    import torch

    path = tmp_path / "vocals-b62c91ce.pth"
    monkeypatch.chdir(tmp_path)
    state = published(tiny_target())
    if damage == "code":
        torch.save({**state, "hyper_parameters": Evil()}, path)
    elif damage == "pickle":
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
    assert not (tmp_path / "owned").exists()
    assert "vocals-b62c91ce.pth" in refused.value.sentence
    assert "\n" not in refused.value.sentence
