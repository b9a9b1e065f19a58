"""Checkpoints: files of weights, loaded without trust.

A file of weights is data from strangers. It may name a network only from a list of ours, its pickled parts are read by
torch's restricted unpickler, and sizes are looked at before memory is asked for: nothing in it runs.
"""

from __future__ import annotations

import inspect
import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.failing import SMALLER
from stemstudio.algorithms.neural.weights import named_checksum, sha256
from stemstudio.errors import BadModel, NotEnoughMemory, out_of_memory

HYBRID = "HTDemucs"  # takes no segment longer than its own
MOST_LAYERS = 64
LARGEST = 1_000_000  # no argument of an architecture is larger
PACKED = "__quantized"
SPARE = 1_000_000  # values of a network that are no weights


@contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """Whatever is wrong with a stranger's file, as `BadModel`."""
    import pickle

    try:
        yield
    except BadModel:
        raise
    except pickle.UnpicklingError as error:
        raise BadModel(path, "it holds more than weights, or is damaged") from error
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        AssertionError,
    ) as error:
        if out_of_memory(error):
            raise NotEnoughMemory(f"There is not enough memory to load “{path.name}”.", SMALLER) from error
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise BadModel(path, reason) from error


def load_target(path: Path) -> Any:
    """The network of one stem in a .pth file of Open-Unmix, ready to run; `BadModel` if it is none."""
    import torch

    from stemstudio.algorithms.neural.unmix_network import Target

    with one_sentence(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or "fc1.weight" not in state:
            raise BadModel(path, "it holds no network of Open-Unmix")
        target = Target.of(state)
    check_numbers(path, target)
    return target


def load_network(path: Path, segment: float | None = None) -> Any:
    """The network in a .safetensors or .th file, on the CPU, ready to run; `BadModel` if it is not one of ours.

    `segment` are the seconds that it is to take at once, where it can take another length than its own.
    """
    reading = _read_safetensors if path.suffix == ".safetensors" else _read_pickled
    with one_sentence(path):
        loaded: Any = _built(path, *reading(path))
    check_numbers(path, loaded)
    hybrid = type(loaded).__name__ == HYBRID
    longest = float(loaded.segment) if hybrid else math.inf
    if segment is not None and segment <= longest:
        loaded.segment = segment
    return loaded.eval()


def _built(path: Path, klass: Any, args: list[Any], kwargs: dict[str, Any], state: dict[str, Any]) -> Any:
    """The network with its weights. Whether they fit is found out before any memory is asked for."""

    known = inspect.signature(klass).parameters
    named = {key: value for key, value in kwargs.items() if key in known}
    _check_arguments(path, {**dict(zip(known, args, strict=False)), **named})
    if state.get(PACKED):
        network = klass(*args, **named)
        _unpack(path, network, state)
        return network
    with _no_larger(path, sum(value.numel() for value in state.values())):
        network = klass(*args, **named)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    if wanted != found:
        odd = next(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
        raise BadModel(path, f"its weights do not fit the network that it names, at {odd[:80]}")
    network.load_state_dict(state)
    return network


def _no_larger(path: Path, most: int) -> Any:
    """While this holds, layers get no first weights, as theirs come from the file; `BadModel` for more than `most` values.

    Memory is not asked for before it is counted. The meta device would do the same, at the price of torch's compiler,
    which it loads for some functions: three seconds before every first run.
    """
    import torch

    class Counting(torch.overrides.TorchFunctionMode):
        def __init__(self) -> None:
            super().__init__()
            self.left = most + SPARE

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            named = kwargs or {}
            if getattr(function, "__module__", "") == "torch.nn.init":
                return args[0] if args else named["tensor"]
            if function in (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full):
                size = args or (named.get("size", ()),)
                told = size[0] if isinstance(size[0], (tuple, list)) else size
                self.left -= math.prod(int(value) for value in told)
                if self.left < 0:
                    raise BadModel(path, "its weights do not fit the network that it names, which is larger")
            return function(*args, **named)

    return Counting()


def _check_arguments(path: Path, arguments: dict[str, Any]) -> None:
    """No architecture of ours has thousands of layers: building it would never end."""
    for name, value in arguments.items():
        most = MOST_LAYERS if "depth" in name or "layers" in name else LARGEST
        if isinstance(value, (int, float, Fraction)) and not -LARGEST <= value <= most:
            raise BadModel(
                path, f"it asks for a network that nobody would build: {name[:40]} = {value!s:.20}"
            )


def check_numbers(path: Path, network: Any) -> None:
    """`BadModel` where a weight is no number."""
    import torch

    for name, value in network.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise BadModel(path, f"its weights hold values that are no numbers, at {name[:80]}")


def _unpack(path: Path, network: Any, state: dict[str, Any]) -> None:
    """Weights that DiffQ packed; only its own classes may do that."""
    kinds = _packers()
    if not kinds:
        raise BadModel(path, "its weights are packed, and unpacking them takes the package diffq")
    if state["meta"]["klass"] not in kinds:
        raise BadModel(path, "it names a way of packing that is not known here")
    from diffq.base import restore_quantized_state

    restore_quantized_state(network, state)


def _packers() -> tuple[type, ...]:
    try:
        from diffq import DiffQuantizer, UniformQuantizer
    except ImportError:
        return ()
    return DiffQuantizer, UniformQuantizer


def _allowed() -> dict[str, type]:
    """Networks that a file may name."""
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    return {f"{klass.__module__}.{klass.__name__}": klass for klass in (HTDemucs, HDemucs, Demucs)}


def _read_safetensors(path: Path) -> tuple[type, list[Any], dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise BadModel(path, "it is damaged or no safetensors file") from error
    klass = _allowed().get(metadata.get("klass", ""))
    if klass is None:
        raise BadModel(
            path, f"it names a network that is not known here: {metadata.get('klass', 'none')!r:.100}"
        )
    if "structure" in metadata:
        raise BadModel(path, "its weights are packed in a way that is not supported")
    args, kwargs = _plain(json.loads(metadata["args"])), _plain(json.loads(metadata["kwargs"]))
    return klass, list(args), dict(kwargs), state


def _read_pickled(path: Path) -> tuple[type, list[Any], dict[str, Any], dict[str, Any]]:
    import torch

    _check_hash(path)
    allowed = _allowed()
    safe: list[Any] = [*allowed.values(), *_packers(), Fraction]
    with warnings.catch_warnings(), torch.serialization.safe_globals(safe):
        warnings.simplefilter("ignore")  # torch grumbles about the pickle's protocol
        package = torch.load(path, map_location="cpu", weights_only=True)
    klass = package["klass"]
    if klass not in allowed.values():
        raise BadModel(path, "it names a network that is not known here")
    return klass, list(package["args"]), dict(package["kwargs"]), package["state"]


def _check_hash(path: Path) -> None:
    """A .th file carries the start of its own SHA-256 in its name."""
    named = named_checksum(path)
    if named is not None and not sha256(path).startswith(named):
        raise BadModel(path, "it is damaged: its content does not match the checksum in its name")


def _plain(value: Any) -> Any:
    """Arguments of a network as JSON has them; fractions are written as objects."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(int(value["numerator"]), int(value["denominator"]))
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
