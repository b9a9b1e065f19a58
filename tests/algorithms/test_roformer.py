"""Band-split transformers: the published form, a plain reference of the forward pass, and files from strangers."""

from __future__ import annotations

import os
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from small_recipes import ROFORMER, tiny_roformer, write_tiny_roformer, write_tiny_weights

from stemstudio.algorithms.neural.own_models import add_own, every_model, own_model, own_models
from stemstudio.algorithms.neural.roformer import RoFormer
from stemstudio.algorithms.neural.roformer_files import load_roformer, mel_bands
from stemstudio.algorithms.neural.roformer_settings import config_beside, read_settings
from stemstudio.algorithms.neural.weights import add, remove
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadModel, MissingModel, StemStudioError
from stemstudio.progress import Progress


@pytest.fixture(autouse=True)
def _models_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path / "models"))


def noise(seconds: float = 2.5, channels: int = 2, rate: int = 44100) -> Audio:
    rng = np.random.default_rng(0)
    return Audio((0.1 * rng.standard_normal((channels, int(seconds * rate)))).astype(np.float32), rate)


# a plain reference: one batch, in double precision, loop by loop


def norm(x, gamma):
    return x / np.linalg.norm(x, axis=-1, keepdims=True) * np.sqrt(x.shape[-1]) * gamma


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def turned(x):
    """(tokens, head_dim): neighbours are the two sides of a turn."""
    result = np.empty_like(x)
    for token in range(len(x)):
        for pair in range(x.shape[1] // 2):
            angle = token * 10_000.0 ** (-2 * pair / x.shape[1])
            a, b = x[token, 2 * pair], x[token, 2 * pair + 1]
            result[token, 2 * pair] = a * np.cos(angle) - b * np.sin(angle)
            result[token, 2 * pair + 1] = b * np.cos(angle) + a * np.sin(angle)
    return result


def transformer(x, weights, name, layers, heads, head_dim):
    """Tokens (tokens, dim) of one row."""
    from scipy.special import erf

    for layer in range(layers):
        w = {key[len(f"{name}.layers.{layer}.") :]: value for key, value in weights.items()
             if key.startswith(f"{name}.layers.{layer}.")}  # fmt: skip
        y = norm(x, w["0.norm.gamma"])
        qkv = (y @ w["0.to_qkv.weight"].T).reshape(len(x), 3, heads, head_dim)
        gates = sigmoid(y @ w["0.to_gates.weight"].T + w["0.to_gates.bias"])
        out = np.empty((len(x), heads, head_dim))
        for head in range(heads):
            q, k, v = turned(qkv[:, 0, head]), turned(qkv[:, 1, head]), qkv[:, 2, head]
            scores = np.exp(q @ k.T / np.sqrt(head_dim))
            out[:, head] = scores / scores.sum(axis=1, keepdims=True) @ v * gates[:, head : head + 1]
        x = x + out.reshape(len(x), -1) @ w["0.to_out.0.weight"].T
        y = norm(x, w["1.net.0.gamma"]) @ w["1.net.1.weight"].T + w["1.net.1.bias"]
        y = 0.5 * y * (1 + erf(y / np.sqrt(2)))
        x = x + y @ w["1.net.4.weight"].T + w["1.net.4.bias"]
    final = weights.get(f"{name}.norm.gamma")
    return x if final is None else norm(x, final)


def reference(wave, weights, bands, stems, *, blocks=1, length=256, skips=False, no_offset=False):
    """(channels, samples) → (stems, channels, samples)."""
    import torch

    window = torch.hann_window(length, dtype=torch.float64)
    X = torch.stft(torch.from_numpy(wave), 256, 64, length, window=window, return_complex=True).numpy()
    frames = X.shape[-1]
    x = np.empty((frames, len(bands), 12))
    for band, (start, stop) in enumerate(bands):
        name = f"band_split.to_features.{band}"
        for frame in range(frames):
            told = []
            for number in range(start, stop):
                for channel in range(2):
                    told += [X[channel, number, frame].real, X[channel, number, frame].imag]
            y = norm(np.array(told), weights[f"{name}.0.gamma"])
            x[frame, band] = weights[f"{name}.1.weight"] @ y + weights[f"{name}.1.bias"]
    before = []
    for block in range(blocks):
        x = x + sum(before)
        for band in range(len(bands)):
            x[:, band] = transformer(x[:, band], weights, f"layers.{block}.0", 1, 2, 4)
        for frame in range(frames):
            x[frame] = transformer(x[frame], weights, f"layers.{block}.1", 2, 2, 4)
        before += [x.copy()] if skips else []
    if "final_norm.gamma" in weights:
        x = norm(x, weights["final_norm.gamma"])
    result = np.empty((stems, 2, wave.shape[1]))
    for stem in range(stems):
        mask, shares = np.zeros(X.shape, dtype=complex), np.zeros(X.shape[1])
        for band, (start, stop) in enumerate(bands):
            w = f"mask_estimators.{stem}.to_freqs.{band}.0"
            y = np.tanh(x[:, band] @ weights[f"{w}.0.weight"].T + weights[f"{w}.0.bias"])
            y = y @ weights[f"{w}.2.weight"].T + weights[f"{w}.2.bias"]
            half = y.shape[1] // 2
            y = (y[:, :half] * sigmoid(y[:, half:])).reshape(frames, stop - start, 2, 2)
            mask[:, start:stop] += (y[..., 0] + 1j * y[..., 1]).transpose(2, 1, 0)
            shares[start:stop] += 1
        spectrum = torch.from_numpy(X * mask / shares[:, None])
        if no_offset:
            spectrum[:, 0] = 0
        result[stem] = torch.istft(spectrum, 256, 64, length, window=window, length=wave.shape[1]).numpy()
    return result


@pytest.mark.parametrize("mel", [False, True], ids=["bs", "mel"])
def test_the_forward_pass_is_the_plain_one(tmp_path, mel):
    import torch

    path = write_tiny_roformer(tmp_path, mel=mel)
    network = load_roformer(path, path.with_suffix(".yaml"))
    bands = mel_bands(path, 44100, 256, 8) if mel else ((0, 32), (32, 129))
    wave = noise(0.02).samples.astype(np.float64)
    weights = {name: value.double().numpy() for name, value in torch.load(path, weights_only=True).items()}
    with torch.inference_mode():
        found = network.module(torch.from_numpy(wave).float()[None])[0].numpy()
    wanted = reference(wave, weights, bands, 2)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_what_some_networks_do_besides_is_the_plain_way_too():
    """Blocks that are given the answers of all before, nothing at 0 Hz, a window shorter than its transform."""
    import torch

    from stemstudio.algorithms.neural.roformer_network import Roformer, Shape

    bands, fourier = ((0, 32), (32, 129)), {"fft": 256, "hop": 64, "window": 200}
    shape = Shape(bands, 2, 2, 12, 2, 4, 2.0, 3, 1, 2, (10,), False, **fourier, skips=True, no_offset=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Roformer(shape).eval()
        for weight in network.parameters():
            weight.data += 0.2 * torch.randn_like(weight)
    weights = {name: value.double().numpy() for name, value in network.state_dict().items()}
    wave = 0.1 + noise(0.02).samples.astype(np.float64)
    with torch.inference_mode():
        found = network(torch.from_numpy(wave).float()[None])[0].numpy()
    wanted = reference(wave, weights, bands, 2, blocks=3, length=200, skips=True, no_offset=True)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_the_yaml_says_how_a_network_takes_and_gives_its_sound(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(ROFORMER)
    plain = read_settings(path)
    assert (plain.scaled, plain.skips, plain.no_offset, plain.levelled) == (False,) * 4
    assert (plain.channels, plain.sample_rate, plain.window) == (2, 44100, 256)
    told = ROFORMER.replace("audio:\n  sample_rate: 44100\n", "audio:\n").replace(
        "stereo: true", "stereo: false"
    )
    told = told.replace("target_instrument: null", "target_instrument: other").replace(
        "length: 256", "length: 200"
    )
    told = told.replace(
        "model:\n", "model:\n  sample_rate: 48000\n  zero_dc: true\n  skip_connection: true\n"
    )
    told = told.replace("  dim: 12\n", "  dim: 12\n  stft_normalized: true\n")
    path.write_text(told + "inference:\n  normalize: true\n  chunk_size: 96000\n")
    other = read_settings(path)
    assert (other.scaled, other.skips, other.no_offset, other.levelled) == (True,) * 4
    assert (other.channels, other.sample_rate, other.window) == (1, 48000, 200)
    assert other.segment == 2.0
    assert other.stems == ("other",)


def test_mel_bands_cover_everything_and_overlap():
    bands = mel_bands(Path("x"), 44100, 2048, 60)
    assert len(bands) == 60
    assert bands[0][0] == 0
    assert bands[-1][1] == 1025
    assert all(one[1] > other[0] for one, other in pairwise(bands))
    with pytest.raises(BadModel, match="60 bands"):
        mel_bands(Path("x"), 44100, 128, 60)


def test_rows_taken_in_steps_change_nothing(monkeypatch):
    import torch

    from stemstudio.algorithms.neural import roformer_network

    network, wave = tiny_roformer(), torch.from_numpy(noise(0.2).samples.copy())[None]
    with torch.inference_mode():
        whole = network(wave)
        monkeypatch.setattr(roformer_network, "TOKENS", 5)
        assert torch.allclose(network(wave), whole, atol=1e-6)


def test_the_rotation_is_as_fast_as_the_file_says(tmp_path):
    import torch

    path = write_tiny_roformer(tmp_path)
    state = torch.load(path, weights_only=True)
    state["layers.0.0.layers.0.0.rotary_embed.freqs"] = torch.tensor([3.0, 0.5])
    torch.save(state, path)
    network = load_roformer(path, path.with_suffix(".yaml")).module
    assert network.layers[0][0].turns.tolist() == [3.0, 0.5]
    assert network.layers[0][1].turns.tolist() != [3.0, 0.5]


def test_every_kind_of_file_gives_the_same_network(tmp_path):
    import torch
    from safetensors.torch import save_file

    path = write_tiny_roformer(tmp_path)
    config, state = path.with_suffix(".yaml"), torch.load(path, weights_only=True)
    wave = torch.from_numpy(noise(0.1).samples.copy())[None]
    with torch.inference_mode():
        answers = [load_roformer(path, config).module(wave)]
        torch.save({"state_dict": {f"model.{key}": value for key, value in state.items()}, "epoch": 3}, path)
        answers.append(load_roformer(path, config).module(wave))
        save_file({key: value.clone() for key, value in state.items()}, tmp_path / "other.safetensors")
        answers.append(load_roformer(tmp_path / "other.safetensors", config).module(wave))
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


def test_a_network_of_one_voice_leaves_the_band_to_the_residual(tmp_path):
    add(write_tiny_roformer(tmp_path, stems=1), Progress())
    sound = noise()
    found = RoFormer().run(sound, Progress())
    assert found.names == ("vocals",)
    assert found.waves.shape == (1, 2, sound.length)
    assert np.abs(found.waves).max() > 1e-3


def test_a_song_of_one_segment_is_one_pass(tmp_path):
    add(write_tiny_roformer(tmp_path), Progress())
    sound = noise(1.0)
    whole = RoFormer(overlap=0).run(sound, Progress()).waves
    import torch

    with torch.inference_mode():
        alone = tiny_roformer()(torch.from_numpy(sound.samples.copy())[None])[0].numpy()
    np.testing.assert_allclose(whole, alone, atol=1e-5)


def test_half_precision_is_as_close_as_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr("stemstudio.algorithms.neural.separation.faster_in_half", lambda name: True)
    add(write_tiny_roformer(tmp_path), Progress())
    sound = noise(1.0)
    full = RoFormer().run(sound, Progress()).waves
    half = RoFormer(precision="half").run(sound, Progress()).waves
    assert 0 < np.linalg.norm(half - full) < 0.02 * np.linalg.norm(full)


def test_the_filter_brings_a_network_s_stems_together(tmp_path):
    add(write_tiny_roformer(tmp_path), Progress())
    sound = noise(1.0)
    told: list[float] = []
    plain = RoFormer().run(sound, Progress()).waves
    settled: list[bool] = []
    progress = Progress(
        lambda fraction, _: told.append(fraction), lambda found: settled.append(found.settled)
    )
    filtered = RoFormer(iterations=1).run(sound, progress).waves
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert settled
    assert not any(settled), "the filter is still to come"
    assert np.linalg.norm(filtered - plain) > 0.05 * np.linalg.norm(plain)


def test_adding_listing_choosing_removing(tmp_path):
    with pytest.raises(MissingModel, match="models add FILE --config YAML"):
        own_model("")
    path = write_tiny_roformer(tmp_path, "Kim's vocals 2", stems=1)
    assert add(path, Progress()) == ("Kim_s_vocals_2",)
    assert add(write_tiny_roformer(tmp_path, "b"), Progress()) == ("b",)
    assert list(own_models()) == ["Kim_s_vocals_2", "b"]
    assert own_models()["b"].stems == ("vocals", "other")
    assert own_model("").name == "Kim_s_vocals_2"
    assert own_model("b").name == "b"
    assert {"b", "htdemucs"} <= set(every_model())
    with pytest.raises(MissingModel, match="There are: Kim_s_vocals_2, b"):
        own_model("c")
    assert len(remove(own_model("b"))) == 2
    assert list(own_models()) == ["Kim_s_vocals_2"]


def test_the_yaml_is_found_beside(tmp_path):
    path = write_tiny_roformer(tmp_path)
    assert config_beside(path) == tmp_path / "tiny.yaml"
    (tmp_path / "tiny.yaml").rename(tmp_path / "config.yaml")
    assert config_beside(path) == tmp_path / "config.yaml"
    (tmp_path / "another.yaml").write_text("model: {}")
    assert config_beside(path) is None
    with pytest.raises(StemStudioError, match="--config"):
        add(path, Progress())
    assert add(path, Progress(), tmp_path / "config.yaml") == ("tiny",)


def test_a_folder_gives_all_that_it_holds(tmp_path):
    folder = tmp_path / "found"
    folder.mkdir()
    write_tiny_roformer(folder, "one")
    write_tiny_roformer(folder, "two", mel=True)
    write_tiny_weights(folder)
    (folder / "nothing.ckpt").write_bytes(b"has no YAML of its name")
    assert add(folder, Progress()) == ("htdemucs", "one", "two")
    assert list(own_models()) == ["one", "two"]


def test_what_cannot_be_used_is_not_added(tmp_path):
    path = write_tiny_roformer(tmp_path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadModel):
        add_own(path, None, Progress())
    assert not own_models()
    with pytest.raises(StemStudioError, match="no file"):
        add(tmp_path / "nowhere.ckpt", Progress(), tmp_path / "tiny.yaml")


@pytest.mark.parametrize(
    "said",
    [
        "!!python/object/apply:os.mkdir [owned]",
        "model: !!python/object/new:os.mkdir [owned]",
        "model: !!python/object/apply:subprocess.Popen [[touch, owned]]",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nmodel: {stft_n_fft: *c}",
        "model: {stft_n_fft: 1000000000000}",
        "model: {stft_hop_length: 0}",
        "model: {dim: [1]}",
        "model: {linear_transformer_depth: 2}",
        "model: {dim: 12}\ntraining: {instruments: [a, a]}",
        "model: {dim: 12}\ntraining: {instruments: 3}",
        "model: {dim: 12}",
        "[" * 5000,
        "model: {? [a] : b",
        "x" * 200_000,
        "- just\n- a list",
        "",
    ],
)
def test_a_hostile_yaml_gets_one_sentence_and_runs_nothing(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "tiny.yaml"
    config.write_text(said)
    with pytest.raises(BadModel) as refused:
        read_settings(config)
    assert "tiny.yaml" in refused.value.sentence
    assert "\n" not in refused.value.sentence
    assert len(refused.value.sentence) < 300
    assert not (tmp_path / "owned").exists()


def test_tags_of_python_are_only_lists_and_words(tmp_path):
    (tmp_path / "a.yaml").write_text(ROFORMER + "extra: !!python/name:os.system\n")
    settings = read_settings(tmp_path / "a.yaml")
    assert settings.stems == ("vocals", "other")
    assert settings.segment == 1.0


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("chunk_size: 88200\n  dim_t: 801", 2.0), ("dim_t: 401", 4.0), ("dim_t: 1", 8.0), ("n_fft: 2048", 8.0)],
)
def test_a_segment_is_as_long_as_the_yaml_says_in_samples_or_in_frames(tmp_path, told, seconds):
    text = ROFORMER.replace("chunk_size: 44100", told).replace("hop_length: 64", "hop_length: 441")
    (tmp_path / "a.yaml").write_text(text.replace("n_fft: 256", "n_fft: 2048"))
    assert read_settings(tmp_path / "a.yaml").segment == pytest.approx(seconds)


class Evil:
    """Would make a folder when it is unpickled without care."""

    def __reduce__(self):
        return os.mkdir, ("owned",)


@pytest.mark.parametrize(
    "damage", ["code", "pickle", "cut", "empty", "foreign", "shapes", "nan", "extra", "header"]
)
def test_hostile_and_damaged_checkpoints_get_one_sentence(tmp_path, monkeypatch, damage):
    import torch

    monkeypatch.chdir(tmp_path)
    path = write_tiny_roformer(tmp_path)
    config, state = path.with_suffix(".yaml"), torch.load(path, weights_only=True)
    if damage == "code":
        torch.save({"state_dict": state, "hyper_parameters": Evil()}, path)
    elif damage == "pickle":
        path.write_bytes(pickle.dumps(Evil()))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:4000])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        torch.save({"weight": torch.zeros(3)}, path)
    elif damage == "shapes":
        torch.save({**state, "layers.0.1.layers.1.0.to_qkv.weight": torch.zeros(7, 12)}, path)
    elif damage == "nan":
        torch.save({**state, "layers.0.0.layers.0.0.norm.gamma": torch.full((12,), float("nan"))}, path)
    elif damage == "extra":
        torch.save({**state, "layers.0.0.layers.0.0.to_value_residual_mix.weight": torch.zeros(2, 12)}, path)
    else:
        path = tmp_path / "tiny.safetensors"
        path.write_bytes((100 * 2**30).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadModel) as refused:
        load_roformer(path, config)
    assert path.name in refused.value.sentence
    assert "\n" not in refused.value.sentence
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("told", "instead", "match"),
    [
        ("dim: 12", "dim: 384", "another network: dim is 384"),
        ("depth: 1", "depth: 6", "depth is 6 there, and 1 here"),
        ("  - other\n", "  - other\n  - bass\n", "2 stems, and the YAML names 3"),
        ("stft_n_fft: 256", "stft_n_fft: 512", "its bands do not fit"),
        ("stereo: true", "stereo: false", "its bands do not fit"),
    ],
)
def test_a_yaml_of_another_network_is_noticed(tmp_path, told, instead, match):
    path = write_tiny_roformer(tmp_path)
    config = path.with_suffix(".yaml")
    config.write_text(config.read_text().replace(told, instead))
    with pytest.raises(BadModel, match=match):
        load_roformer(path, config)
