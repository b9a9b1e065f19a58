"""Weights: found where they lie, and never trusted."""

from __future__ import annotations

import json
import os
import pickle
import random
from fractions import Fraction
from hashlib import sha256

import numpy as np
import pytest
from small_recipes import ARCHITECTURE, SOURCES, package, tiny_network, write_tiny_weights

from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.checkpoints import load_network
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.neural.weights import models_folder, weights_of
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadModel, BadRecipe, MissingModel
from stemstudio.progress import Progress


def noise(channels=2, length=30000, rate=44100) -> Audio:
    rng = np.random.default_rng(0)
    return Audio((0.1 * rng.standard_normal((channels, length))).astype(np.float32), rate)


def test_missing_weights_say_where_to_put_which_file(home, monkeypatch):
    monkeypatch.delenv("STEMSTUDIO_MODELS", raising=False)
    with pytest.raises(MissingModel) as missing:
        HTDemucs().run(noise(), Progress())
    assert "htdemucs" in missing.value.sentence
    assert "955717e8.safetensors" in missing.value.way_on
    assert str(models_folder()) in missing.value.way_on
    assert models_folder().is_relative_to(home)


def test_weights_are_found_in_the_folder_and_the_usual_caches(home, monkeypatch, tmp_path):
    monkeypatch.delenv("STEMSTUDIO_MODELS", raising=False)
    for variable in ("HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(variable, raising=False)
    cache = home / ".cache"
    torch_cache = cache / "torch" / "hub" / "checkpoints" / "955717e8-8726e21a.th"
    hub = (
        cache
        / "huggingface"
        / "hub"
        / "models--adefossez--HTDemucs"
        / "snapshots"
        / "abc"
        / "955717e8.safetensors"
    )
    own = models_folder() / "955717e8.safetensors"
    for path in (torch_cache, hub, own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        assert weights_of(MODELS["htdemucs"]) == (path,)
    named = tmp_path / "named"
    named.mkdir()
    (named / "955717e8.safetensors").write_bytes(b"")
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(named))
    assert weights_of(MODELS["htdemucs"]) == (named / "955717e8.safetensors",)
    with pytest.raises(MissingModel, match="12395a8"):
        weights_of(MODELS["htdemucs_ft"])


def test_both_kinds_of_file_give_the_same_network(tmp_path):
    import torch

    torch.save(package(), tmp_path / "955717e8.th")
    first = load_network(write_tiny_weights(tmp_path))
    second = load_network(tmp_path / "955717e8.th")
    assert first.segment == second.segment == 1
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert not first.training


@pytest.mark.parametrize(
    "klass", ["os.mkdir", "subprocess.Popen", "demucs.htdemucs.os.mkdir", "", "builtins.eval"]
)
def test_a_file_cannot_name_what_is_run(tmp_path, monkeypatch, klass):
    monkeypatch.setattr(os, "mkdir", lambda *a, **k: pytest.fail("the file's own call was made"))
    path = write_tiny_weights(tmp_path, klass=klass, args=json.dumps(["owned"]), kwargs="{}")
    with pytest.raises(BadModel, match="not known"):
        load_network(path)


def test_a_packed_structure_is_refused(tmp_path):
    path = write_tiny_weights(tmp_path, structure=json.dumps({"_class": "os.system"}))
    with pytest.raises(BadModel, match="packing that is not known"):
        load_network(path)


class Evil:
    """Would make a folder when it is unpickled without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_with_code_in_it_is_refused_unrun(tmp_path):
    import torch

    trap = tmp_path / "owned"
    torch.save(package(training_args=Evil(str(trap))), tmp_path / "955717e8.th")
    with pytest.raises(BadModel, match="more than weights"):
        load_network(tmp_path / "955717e8.th")
    (tmp_path / "f7e0c4bc.th").write_bytes(pickle.dumps(Evil(str(trap))))
    with pytest.raises(BadModel):
        load_network(tmp_path / "f7e0c4bc.th")
    assert not trap.exists()


def test_of_what_may_be_unpickled_only_networks_are_built(tmp_path):
    import torch

    torch.save(package(klass=Fraction, args=(1,), kwargs={}), tmp_path / "955717e8.th")
    with pytest.raises(BadModel, match="not known"):
        load_network(tmp_path / "955717e8.th")


def test_arguments_that_a_later_demucs_added_are_left_out(tmp_path):
    told = {"sources": SOURCES, "segment": 1, **ARCHITECTURE, "of_later": 3}
    assert load_network(write_tiny_weights(tmp_path, kwargs=json.dumps(told))).sources == SOURCES


def test_a_transformer_takes_no_segment_longer_than_its_own(tmp_path):
    path = write_tiny_weights(tmp_path)
    assert [load_network(path, segment).segment for segment in (None, 44.0, 0.5)] == [1, 1, 0.5]


@pytest.mark.parametrize(
    "damage", ["cut", "zeros", "empty", "wrong network", "no arguments", "bad arguments"]
)
def test_damaged_files_are_refused_in_one_sentence(tmp_path, damage):
    path = write_tiny_weights(tmp_path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "zeros":
        path.write_bytes(bytes(1000))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "wrong network":
        write_tiny_weights(
            tmp_path, kwargs=json.dumps({"sources": SOURCES, **ARCHITECTURE, "bottom_channels": 16})
        )
    elif damage == "no arguments":
        write_tiny_weights(tmp_path, kwargs="{")
    else:
        write_tiny_weights(tmp_path, kwargs=json.dumps({"sources": 3}))
    with pytest.raises(BadModel) as refused:
        load_network(path)
    assert "955717e8.safetensors" in refused.value.sentence
    assert "\n" not in refused.value.sentence


def test_the_checksum_in_a_name_is_held_against_the_file(tmp_path):
    import torch

    torch.save(package(), tmp_path / "plain.th")
    content = (tmp_path / "plain.th").read_bytes()
    good = tmp_path / f"955717e8-{sha256(content).hexdigest()[:8]}.th"
    good.write_bytes(content)
    assert load_network(good).sources == SOURCES
    last = "0" if good.stem[-1] != "0" else "1"
    for bad in (tmp_path / "955717e8-8726e21a.th", tmp_path / f"{good.stem[:-1]}{last}.th"):
        bad.write_bytes(content)
        with pytest.raises(BadModel, match="checksum"):
            load_network(bad)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    path = write_tiny_weights(tmp_path)
    state = load_file(path)
    next(iter(state.values())).view(-1)[0] = float("nan")
    told = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": "[]",
        "kwargs": json.dumps({"sources": SOURCES, "segment": 1, **ARCHITECTURE}),
    }
    save_file(state, path, told)
    with pytest.raises(BadModel, match="no numbers"):
        load_network(path)


@pytest.mark.parametrize(
    "asked", [{"channels": 100_000}, {"depth": 10**9}, {"t_layers": 5000}, {"nfft": 2**40}]
)
def test_a_network_that_would_fill_the_memory_is_never_built(tmp_path, asked):
    import resource

    path = write_tiny_weights(
        tmp_path, kwargs=json.dumps({"sources": SOURCES, "segment": 1, **ARCHITECTURE, **asked})
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadModel):
        load_network(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_a_header_of_a_hundred_gigabytes_is_refused(tmp_path):
    path = tmp_path / "955717e8.safetensors"
    path.write_bytes((100 * 2**30).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadModel, match="damaged"):
        load_network(path)


def test_packed_weights_say_what_unpacks_them(tmp_path):
    import torch

    torch.save(package(state={"__quantized": True}), tmp_path / "6b9c2ca1.th")
    with pytest.raises(BadModel, match="diffq"):
        load_network(tmp_path / "6b9c2ca1.th")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    write_tiny_weights(tmp_path)
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    return tmp_path


def test_same_numbers_as_demucs_own_way(tiny):
    import torch
    from demucs.apply import apply_model

    sound = noise(length=70000)
    found = HTDemucs(seed=5, shifts=2).run(sound, Progress())
    assert found.names == ("drums", "bass", "other", "vocals")
    # As demucs.api.Separator.separate_tensor does it.
    wave = torch.from_numpy(sound.samples.copy())
    ref = wave.mean(0)
    mean, std = ref.mean(), ref.std() + 1e-8
    random.seed(5)
    out = apply_model(tiny_network(), ((wave - mean) / std)[None], shifts=2, overlap=0.25)[0] * std + mean
    np.testing.assert_allclose(found.waves, out.numpy(), atol=1e-5 * float(out.abs().max()))


def test_the_global_chances_go_on_as_if_nothing_had_been(tiny):
    random.seed(1)
    HTDemucs().run(noise(length=5000), Progress())
    after = random.random()
    random.seed(1)
    assert after == random.random()


def test_mono_is_doubled_and_averaged_back(tiny):
    mono = noise(channels=1)
    stereo = Audio(np.repeat(mono.samples, 2, axis=0), mono.sample_rate)
    one, two = (HTDemucs().run(sound, Progress()).waves for sound in (mono, stereo))
    assert one.shape == (4, 1, mono.length)
    np.testing.assert_allclose(one[:, 0], two.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_other_rates_come_back_at_the_songs_own_rate_and_length(tiny, rate):
    sound = noise(length=12345, rate=rate)
    waves = HTDemucs().run(sound, Progress()).waves
    assert waves.shape == (4, 2, 12345)
    assert np.isfinite(waves).all()
    assert np.abs(waves).max() > 1e-4


def test_what_cannot_be_is_said_before_the_work(tiny):
    with pytest.raises(BadRecipe, match="no “strings”"):
        HTDemucs(stems="vocals, strings").run(noise(), Progress())
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(BadRecipe, match="graphics card"):
            HTDemucs(device="cuda").run(noise(), Progress())


def test_what_is_said_of_sizes_is_what_the_networks_take():
    """Demucs publishes half precision, Open-Unmix single; those whose build is not published cannot be held against it."""
    import torch
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    from stemstudio.algorithms.neural.unmix_network import Target

    transformer = {"channels": 48, "t_layers": 5, "dconv_mode": 3}
    with torch.device("meta"):
        one = HTDemucs(["stem"] * 4, bottom_channels=512, **transformer)
        six = HTDemucs(["stem"] * 6, **transformer)
        hybrid = HDemucs(["stem"] * 4, channels=48)
        small, large = Target(1487, 512), Target(1487, 1024)
    built = {"htdemucs": one, "htdemucs_6s": six, "hdemucs_mmi": hybrid, "umxhq": small, "umxl": large}
    for name, network in {**built, "htdemucs_ft": one, "mdx_extra": hybrid}.items():
        model = MODELS[name]
        each = 2 if model.family == "demucs" else 4
        size = sum(each * values.numel() for values in network.state_dict().values())
        assert model.about == pytest.approx(len(model.networks) * size / 1e6, abs=1.0), name
