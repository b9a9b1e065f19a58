"""Packed weights: DiffQ's, in both kinds of file, and what is said where they cannot be unpacked."""

from __future__ import annotations

import json
import resource
import sys
from fractions import Fraction
from types import ModuleType
from unittest import mock

import numpy as np
import pytest
from small_recipes import ARCHITECTURE, SOURCES, tiny_network

from stemstudio.algorithms.neural import packed
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.checkpoints import load_network
from stemstudio.algorithms.neural.pickles import Named
from stemstudio.algorithms.neural.weights import add, checked, models_folder
from stemstudio.errors import BadModel
from stemstudio.progress import Progress

MODEL = MODELS["mdx_q"]
TOLD = {"sources": SOURCES, "segment": 1, **ARCHITECTURE}


class Quantizer:
    """Stands for DiffQ's class where the package is not installed: named alike, and never called."""


Quantizer.__module__, Quantizer.__qualname__, Quantizer.__name__ = (
    "diffq.diffq",
    "DiffQuantizer",
    "DiffQuantizer",
)


def empty(klass=Quantizer, **settings):
    """A state as DiffQ packs it, that holds nothing."""
    import torch

    meta = {"klass": klass, "init_kwargs": settings, "packed": True, "torch_pack": False}
    lists = {"quantized": [], "float16": [], "others": [torch.zeros(4)]}
    return {"__quantized": True, "meta": meta, **lists}


def pickled(path, state, **told):
    import torch
    from demucs.htdemucs import HTDemucs

    package = {
        "klass": HTDemucs,
        "args": (),
        "kwargs": {**TOLD, "segment": Fraction(1), **told},
        "state": state,
    }
    inner = ModuleType("diffq.diffq")
    inner.DiffQuantizer = Quantizer
    stands_in = state["meta"]["klass"] is Quantizer
    with mock.patch.dict(
        sys.modules, {"diffq": ModuleType("diffq"), "diffq.diffq": inner} if stands_in else {}
    ):
        torch.save(package, path)
    return path


def flat(path, state, **told):
    """As Demucs 4.1 publishes it on the hub: tensors in a row, and how they belong together in the file's words."""
    import torch
    from safetensors.torch import save_file

    tensors = {}

    def node(value):
        if isinstance(value, torch.Tensor):
            tensors[f"t{len(tensors)}"] = value.contiguous()
            return {"_tensor": f"t{len(tensors) - 1}"}
        if isinstance(value, dict):
            return {"_dict": [[key, node(item)] for key, item in value.items()]}
        if isinstance(value, (list, tuple)):
            kind = "_list" if isinstance(value, list) else "_tuple"
            return {kind: [node(item) for item in value]}
        return {"_class": f"{value.__module__}.{value.__name__}"} if isinstance(value, type) else value

    structure = node(state)
    words = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps({**TOLD, **told})}
    save_file(tensors, path, {**words, "structure": json.dumps(structure)})
    return path


WRITERS = [(pickled, "6b9c2ca1.th"), (flat, "6b9c2ca1.safetensors")]


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=["th", "safetensors"])
def test_what_diffq_packed_is_unpacked(tmp_path, write, name):
    diffq = pytest.importorskip("diffq")
    import torch

    network = tiny_network()
    quantizer = diffq.DiffQuantizer(network, min_size=0.001, group_size=4)
    state = {**quantizer.get_quantized_state(), "__quantized": True}
    found = load_network(write(tmp_path / name, state))
    quantizer.quantize()
    wave = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 2, 44100)).astype(np.float32))
    with torch.no_grad():
        assert float((found(wave) - network.eval()(wave)).abs().max()) < 1e-6
    wanted = {name: value for name, value in network.state_dict().items() if not name.endswith("_diffq")}
    for name, value in found.state_dict().items():
        assert torch.equal(value, wanted[name])


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=["th", "safetensors"])
def test_without_diffq_the_way_on_is_to_install_it(tmp_path, monkeypatch, write, name):
    monkeypatch.setattr(packed, "unpacker", dict)
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path / "models"))
    path = write(tmp_path / name, empty())
    with pytest.raises(BadModel) as refused:
        load_network(path)
    assert "takes the package diffq" in refused.value.sentence
    assert "pip install diffq" in refused.value.way_on
    assert "fresh copy" not in refused.value.way_on
    if path.suffix == ".th":  # held against its publisher's checksum
        return
    assert add(path, Progress()) == ("mdx_q",)
    (found,) = checked([MODEL], Progress())
    assert found.path == models_folder() / name
    assert found.verdict == "unchecked"
    assert "diffq" in found.why


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=["th", "safetensors"])
def test_a_packed_network_that_would_fill_the_memory_is_never_built(tmp_path, monkeypatch, write, name):
    monkeypatch.setattr(packed, "unpacker", lambda: {"diffq.diffq.DiffQuantizer": Quantizer})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadModel, match="larger"):
        load_network(write(tmp_path / name, empty(), channels=6000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    with pytest.raises(BadModel, match="do not fit"):
        load_network(write(tmp_path / name, empty()))


@pytest.mark.parametrize(
    "node",
    [
        {"_class": "os.system"},
        {"_dict": [["meta", {"_class": "subprocess.Popen"}]]},
        {"_list": [], "_dict": []},
        {"_other": 1},
    ],
    ids=str,
)
def test_no_other_class_is_named(tmp_path, node):
    with pytest.raises(BadModel, match="way of packing"):
        packed.unflattened(tmp_path / "x", {}, node)


def test_lists_that_hold_each_other_are_looked_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "unpacker", lambda: {packed.KINDS[0]: Quantizer})
    state = empty(Named(packed.KINDS[0]))
    nest: list[object] = []
    for _ in range(60):
        nest = [nest, nest]
    state["quantized"] = [nest]
    assert packed.most_weights(tmp_path, {**state, "others": []}) == 0
