"""Packed weights: those that the package `diffq` packed into a few bits each, for smaller files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.pickles import Named, check_held
from stemstudio.errors import BadModel

MARK = "__quantized"
KINDS = ("diffq.diffq.DiffQuantizer", "diffq.uniform.UniformQuantizer")
MOST_A_BYTE = 4  # weights of two bits each
LISTS = ("quantized", "float16", "others")
NEEDED = "its weights are packed, and unpacking them takes the package diffq"
WAY_ON = (
    "Install it into the Python that runs StemStudio, with “pip install diffq” or, where that cannot be built, “pip install "
    "diffq-fixed”; or take the model without “_q” in its name, which needs none."
)
LONGEST = 64  # entries of what one layer was packed into
UNFIT = "its weights do not fit the network that it names"


def unpacker() -> Mapping[str, type]:
    """DiffQ's classes by their names; none where the package is not installed."""
    try:
        from diffq import DiffQuantizer, UniformQuantizer
    except ImportError:
        return {}
    return dict(zip(KINDS, (DiffQuantizer, UniformQuantizer), strict=True))


def unflattened(path: Path, tensors: Mapping[str, Any], node: Any) -> Any:
    """A state as it was before it was laid out flat for a safetensors file; classes come as `Named`."""
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((kind, told),) = node.items()
        if kind == "_tensor":
            return tensors[told]
        if kind == "_dict":
            return {key: unflattened(path, tensors, item) for key, item in told}
        if kind in ("_list", "_tuple"):
            items = [unflattened(path, tensors, item) for item in told]
            return items if kind == "_list" else tuple(items)
        if kind == "_class" and told in KINDS:
            return Named(told)
    raise BadModel(path, "it names a way of packing that is not known here")


def most_weights(path: Path, state: Mapping[str, Any]) -> int:
    """How many weights a packed state can hold at most; `BadModel` where it cannot be unpacked."""
    if not unpacker():
        raise BadModel(path, NEEDED, WAY_ON)
    meta = state.get("meta")
    if not isinstance(meta, dict) or meta.get("klass") not in [Named(kind) for kind in KINDS]:
        raise BadModel(path, "it names a way of packing that is not known here")
    if not all(isinstance(state.get(name), list) for name in LISTS):
        raise BadModel(path, UNFIT)
    settings = meta.get("init_kwargs", {})
    for name, value in settings.items():
        patterns = value if name == "exclude" and isinstance(value, list) else [value]
        if not all(isinstance(each, (bool, int, float, str)) for each in patterns):
            raise BadModel(path, "it names a way of packing that is not known here")
    tensors = {id(each): each for name in LISTS for each in _tensors(path, state[name])}
    check_held(path, tensors.values())
    return MOST_A_BYTE * sum(int(each.numel()) * int(each.element_size()) for each in tensors.values())


def unpack(path: Path, network: Any, state: Mapping[str, Any]) -> None:
    """Give a network its weights; only DiffQ's own classes unpack them."""
    if sum(len(state[name]) for name in LISTS) != sum(1 for _ in network.parameters()):
        raise BadModel(path, UNFIT)
    from diffq.base import restore_quantized_state

    meta = {**state["meta"], "klass": unpacker()[state["meta"]["klass"].name]}
    restore_quantized_state(network, {**state, "meta": meta})


def _tensors(path: Path, values: Any) -> Iterator[Any]:
    """Those in a list of lists and tuples, each of which is looked at once and is no longer than DiffQ's."""
    import torch

    seen: set[int] = set()
    left = list(values)
    while left:
        each = left.pop()
        if isinstance(each, torch.Tensor):
            yield each
        elif isinstance(each, (list, tuple)) and len(each) <= LONGEST:
            if id(each) not in seen:
                seen.add(id(each))
                left += each
        elif not (each is None or isinstance(each, (int, float))):
            raise BadModel(path, UNFIT)
