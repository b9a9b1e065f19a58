"""Files of weights that somebody made to do harm: each gets one sentence, nothing runs, and no memory is filled."""

from __future__ import annotations

import json
import os
import pickle
import resource
import struct
import zipfile
from collections import OrderedDict
from contextlib import suppress
from fractions import Fraction

import pytest
from small_recipes import (
    ARCHITECTURE,
    ROFORMER,
    SOURCES,
    package,
    published,
    tiny_network,
    tiny_roformer,
    tiny_target,
    write_tiny_roformer,
    write_tiny_weights,
)

from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.checkpoints import load_network, load_target
from stemstudio.algorithms.neural.own_models import add_own, own_models
from stemstudio.algorithms.neural.roformer_files import load_roformer
from stemstudio.algorithms.neural.roformer_settings import read_settings
from stemstudio.algorithms.neural.weights import add, delete, load, models_folder, remove
from stemstudio.errors import BadModel, StemStudioError
from stemstudio.progress import Progress


@pytest.fixture(autouse=True)
def _frugal(home, monkeypatch, tmp_path):
    """An empty home; what a test does takes no 500 MB."""
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HOME", raising=False)
    import demucs.htdemucs  # noqa: F401
    import torch  # noqa: F401

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def refused(work, *args) -> str:
    """The one sentence that comes of it."""
    with pytest.raises(BadModel) as error:
        work(*args)
    assert "\n" not in str(error.value)
    assert "Error" not in error.value.sentence
    assert len(error.value.sentence) < 300
    return error.value.sentence


class Called:
    """Is unpickled by a call of something with arguments of the file's."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def saved(path, content, zipped=True):
    import torch

    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("what", ["bytes", "network", "fraction", "tensor"])
def test_what_may_be_named_is_not_called_with_whatever_the_file_says(tmp_path, what):
    """Each would fill gigabytes, or compute for hours, through builders that torch or we allow."""
    import torch
    from demucs.htdemucs import HTDemucs

    trap = {
        "bytes": Called(bytearray, 3 * 2**30),
        "network": Called(HTDemucs, ["a"], 2, 6000),
        "fraction": Called(Fraction, "1e999999999"),
        "tensor": Called(torch.Tensor, 20_000, 20_000),
    }[what]
    path = saved(tmp_path / "955717e8.th", package(training_args=trap))
    assert "more than weights" in refused(load_network, path)
    path = saved(tmp_path / "vocals.pth", {**published(tiny_target()), "trap": trap}, zipped=False)
    assert "more than weights" in refused(load_target, path)


def test_what_the_published_files_name_is_read(tmp_path):
    """Fractions as older and newer Pythons write them, and both of torch's kinds of file."""
    for segment in (Fraction(39, 5), Called(Fraction, "39/5")):
        told = {"sources": SOURCES, **ARCHITECTURE, "segment": segment}
        path = saved(tmp_path / "955717e8.th", package(kwargs=told))
        assert float(load_network(path).segment) == 7.8
    for zipped in (True, False):
        assert load_target(saved(tmp_path / "vocals.pth", published(tiny_target()), zipped)).hidden == 8


@pytest.mark.parametrize("inner", ["core", "_core"])
def test_numbers_of_numpys_among_the_settings_are_read(tmp_path, inner):
    """As in the files of HTDemucs that its makers published."""
    import numpy as np

    told = {"sources": SOURCES, **ARCHITECTURE, "segment": np.float64(7.5), "samplerate": np.int64(44100)}
    training = {"lr": np.float32(0.5), "big": np.array([2.5], dtype=">f8")[0], "mixed": np.bool_(True)}
    path = saved(tmp_path / "955717e8.th", package(kwargs=told, training_args=training))
    name = b"cnumpy.%s.multiarray\nscalar\n"
    rewritten(path, lambda pickled: pickled.replace(name % b"_core", name % inner.encode()))
    network = load_network(path)
    assert (network.segment, network.samplerate) == (7.5, 44100)


def test_no_kind_of_numpys_but_a_plain_number_is_read(tmp_path):
    import numpy as np

    for told in (np.str_("a" * 1000), np.void(b"abc"), np.complex128(1), np.datetime64("2026-01-01")):
        path = saved(tmp_path / "955717e8.th", package(training_args=told))
        assert "more than weights" in refused(load_network, path)


def rewritten(path, change):
    """The same file with another pickle in it."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)


def spread(state):
    """The same, of which one weight claims four billion values while the file holds one."""
    import torch

    name = next(name for name, value in state.items() if value.ndim == 2)
    return {**state, name: torch.zeros(1).expand(2**16, 2**16)}


def test_weights_may_not_claim_more_than_the_file_holds(tmp_path):
    path = saved(tmp_path / "955717e8.th", package(state=spread(tiny_network().state_dict())))
    assert "larger than the file" in refused(load_network, path)
    path = saved(tmp_path / "vocals.pth", spread(published(tiny_target())))
    assert "larger than the file" in refused(load_target, path)
    checkpoint = write_tiny_roformer(tmp_path)
    saved(checkpoint, spread(dict(tiny_roformer().state_dict())))
    assert "larger than the file" in refused(load_roformer, checkpoint, tmp_path / "tiny.yaml")


def test_a_file_that_grows_when_it_is_unpacked_is_left_packed(tmp_path):
    plain = saved(tmp_path / "plain.th", package())
    bomb = tmp_path / "955717e8.th"
    with zipfile.ZipFile(plain) as read, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as written:
        for entry in read.infolist():
            written.writestr(entry.filename, read.read(entry))
        written.writestr("plain/data/999", bytes(2**25))
    assert bomb.stat().st_size < 1_000_000
    assert "beyond its own size" in refused(load_network, bomb)


def test_a_hundred_gigabytes_that_take_no_room_are_not_read(tmp_path):
    """A file with a hole in it: it says truly how long it is, and the disk holds only its head."""
    size = 100 * 2**30
    head = json.dumps({"a": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    path = tmp_path / "955717e8.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        file.truncate(8 + len(head) + size)
    assert "larger than any network" in refused(load_network, path)
    config = tmp_path / "other.yaml"
    config.write_text(ROFORMER)
    assert "larger than any network" in refused(load_roformer, path, config)


@pytest.mark.parametrize(
    "told",
    [
        {"segment": {"_type": "fraction", "numerator": 1, "denominator": 0}},
        {"samplerate": 0},
        {"samplerate": 900_000, "segment": 900_000},
        {"segment": -1},
        {"segment": float("nan")},
        {"audio_channels": 3},
        {"multi_freqs": {"a": "b"}},
        {"wiener_iters": 100_000, "cac": False},
        {"sources": "abcd"},
        {"sources": ["../../a", "b", "c", "d"]},
    ],
    ids=lambda told: " ".join(told),
)
def test_what_makes_no_sense_is_found_when_it_is_loaded_and_not_in_the_middle_of_a_song(tmp_path, told):
    kwargs = {"sources": SOURCES, "segment": 1, **ARCHITECTURE, **told}
    path = write_tiny_weights(tmp_path, kwargs=json.dumps(kwargs))
    refused(load, path, MODELS["htdemucs"])


def test_pickles_among_the_words_of_a_safetensors_file_are_only_words(tmp_path):
    trap = pickle.dumps(Called(os.mkdir, str(tmp_path / "owned")), 0).decode("latin-1")
    path = write_tiny_weights(tmp_path, training_args=trap, klass=trap)
    assert "not known here" in refused(load_network, path)
    assert not (tmp_path / "owned").exists()
    assert load_network(write_tiny_weights(tmp_path, training_args=trap)).sources == SOURCES
    assert "nested" in refused(load_network, write_tiny_weights(tmp_path, args="[" * 60_000))


@pytest.mark.parametrize(
    "changes",
    [
        None,
        {"state": []},
        {"state": {"a": 1}},
        {"klass": OrderedDict},
        {"args": 7},
        {"kwargs": {1: 2}},
    ],
    ids=str,
)
def test_files_of_something_else_are_told_apart_in_plain_words(tmp_path, changes):
    content = [1, 2] if changes is None else package(**changes)
    said = refused(load_network, saved(tmp_path / "955717e8.th", content))
    assert "object" not in said
    assert "'" not in said


def test_any_file_that_was_cut_or_changed_gets_a_sentence(tmp_path):
    import random

    chance = random.Random(3)
    for kind, loading in (("th", load_network), ("legacy", load_target), ("pth", load_target)):
        content = package() if kind == "th" else published(tiny_target())
        whole = saved(tmp_path / "whole", content, kind != "legacy").read_bytes()
        path = tmp_path / ("955717e8.th" if kind == "th" else "v.pth")
        for _ in range(25):
            changed = bytearray(whole)
            if chance.random() < 0.3:
                del changed[chance.randrange(len(changed)) :]
            else:
                for _ in range(chance.choice((1, 20))):
                    changed[chance.randrange(min(len(changed), 9000))] ^= chance.randrange(1, 256)
            path.write_bytes(changed)
            with suppress(StemStudioError):  # anything else is a bug
                loading(path)


def test_a_yaml_that_grows_when_it_is_read_is_refused(tmp_path):
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)]
    config = tmp_path / "model.yaml"
    config.write_text(ROFORMER + "\n".join(lines))
    assert "no YAML" in refused(read_settings, config)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes here")
def test_pipes_folders_and_dangling_links_are_no_files(tmp_path):
    folder = models_folder()
    folder.mkdir()
    os.mkfifo(folder / "pipe.yaml")
    (folder / "pipe.ckpt").write_bytes(b"")
    (folder / "folder.yaml").mkdir()
    (folder / "folder.ckpt").write_bytes(b"")
    (folder / "955717e8.safetensors").mkdir()
    (folder / "955717e8.th").symlink_to(tmp_path / "nothing")
    assert not own_models()
    assert "no file" in refused(read_settings, folder / "pipe.yaml")
    assert "no file" in refused(load_network, folder / "955717e8.safetensors")
    given = tmp_path / "given"
    given.mkdir()
    os.mkfifo(given / "955717e8.safetensors")
    os.mkfifo(given / "vocals.ckpt")
    with pytest.raises(StemStudioError, match="no weights"):
        add(given, Progress())


def test_a_name_cannot_leave_the_folder(tmp_path):
    checkpoint = write_tiny_roformer(tmp_path)
    odd = checkpoint.with_name("..%2f.. x\\y.ckpt")
    checkpoint.rename(odd)
    name = add_own(odd, tmp_path / "tiny.yaml", Progress())
    assert all(path.parent == models_folder() for path in models_folder().rglob("*"))
    assert name in own_models()


def test_removing_leaves_what_a_link_of_ones_own_leads_to(tmp_path):
    models_folder().mkdir()
    mine = write_tiny_weights(tmp_path)
    (models_folder() / mine.name).symlink_to(mine)
    assert remove(MODELS["htdemucs"]) == (models_folder() / mine.name,)
    assert mine.exists()
    with pytest.raises(StemStudioError, match="could not be deleted"):
        delete(tmp_path / "nothing", MODELS["htdemucs"])
