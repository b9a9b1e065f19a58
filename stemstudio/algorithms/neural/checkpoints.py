"""Checkpoints: files of weights, loaded without trust.

A file of weights is data from strangers. It may name a network only from a list of ours, its pickled parts are read by
torch's restricted unpickler, and sizes are looked at before memory is asked for: nothing in it runs.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.failing import SMALLER
from stemstudio.algorithms.neural.packed import KINDS, MARK, most_weights, unflattened, unpack
from stemstudio.algorithms.neural.pickles import Named, check_file, check_state, unpickled
from stemstudio.algorithms.neural.weights import named_checksum, sha256
from stemstudio.errors import BadModel, NotEnoughMemory, out_of_memory

HYBRID = "HTDemucs"  # takes no segment longer than its own
MOST_LAYERS = 64
LARGEST = 1_000_000  # no argument of an architecture is larger
RATES = (8000, 192_000)  # Hz
SECONDS = (0.1, 600.0)  # of a network's own segment
MOST_STEMS = 64
PARTS = ("klass", "args", "kwargs", "state")
SPARE = 1_000_000  # values of a network that are no weights


@contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """Whatever is wrong with a stranger's file, as `BadModel`."""
    try:
        yield
    except BadModel:
        raise
    except OSError as error:
        raise BadModel(path, (error.strerror or str(error) or "it cannot be read").lower()) from error
    except RecursionError as error:
        raise BadModel(path, "what it says is nested too deeply") from error
    except (TypeError, ArithmeticError, LookupError, AttributeError, AssertionError) as error:
        raise BadModel(path, "what it says of its network does not fit together") from error
    except (EOFError, MemoryError, RuntimeError, ValueError) as error:
        if out_of_memory(error):
            raise NotEnoughMemory(f"There is not enough memory to load “{path.name}”.", SMALLER) from error
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise BadModel(path, reason) from error


def load_target(path: Path) -> Any:
    """The network of one stem in a .pth file of Open-Unmix, ready to run; `BadModel` if it is none."""
    from stemstudio.algorithms.neural.unmix_network import Target

    with one_sentence(path):
        state = unpickled(path)
        if not isinstance(state, dict) or "fc1.weight" not in state:
            raise BadModel(path, "it holds no network of Open-Unmix")
        check_state(path, state)
        target = Target.of(state)
    check_numbers(path, target)
    return target


def load_network(path: Path, segment: float | None = None) -> Any:
    """The network in a .safetensors or .th file, on the CPU, ready to run; `BadModel` if it is not one of ours.

    `segment` are the seconds that it is to take at once, where it can take another length than its own.
    """
    reading = _read_safetensors if path.suffix == ".safetensors" else _read_pickled
    with one_sentence(path):
        check_file(path)
        loaded: Any = _built(path, *reading(path))
        _check_sense(path, loaded)
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
    packed = state.get(MARK) is True
    if not packed:
        check_state(path, state)
    most = most_weights(path, state) if packed else sum(value.numel() for value in state.values())
    with no_larger(path, most):
        network = klass(*args, **named)
    if packed:
        unpack(path, network, state)
        return network
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    if wanted != found:
        odd = next(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
        raise BadModel(path, f"its weights do not fit the network that it names, at {odd[:80]}")
    network.load_state_dict(state)
    return network


def no_larger(path: Path, most: int) -> Any:
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


def _check_arguments(path: Path, arguments: Mapping[str, Any]) -> None:
    """No architecture of ours has thousands of layers: building it would never end."""
    for name, value in arguments.items():
        most = MOST_LAYERS if any(word in name for word in ("depth", "layers", "iters")) else LARGEST
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if not isinstance(each, (type(None), bool, int, float, str, Fraction)):
                raise BadModel(path, f"it describes its network by something odd: {name[:40]}")
            if isinstance(each, (int, float, Fraction)) and not -LARGEST <= each <= most:
                raise BadModel(
                    path, f"it asks for a network that nobody would build: {name[:40]} = {each!s:.20}"
                )


def _check_sense(path: Path, network: Any) -> None:
    """`BadModel` for a network that could be built, and with which no song could be taken apart."""
    rate, channels, segment = network.samplerate, network.audio_channels, float(network.segment)
    if (
        not (isinstance(rate, int) and RATES[0] <= rate <= RATES[1])
        or channels not in (1, 2)
        or not SECONDS[0] <= segment <= SECONDS[1]
    ):
        raise BadModel(
            path,
            f"it takes sound that makes no sense: {rate!s:.20} Hz, {channels!s:.20} channels, {segment:.6g} s",
        )
    if not 1 <= len(network.sources) <= MOST_STEMS or not all(
        isinstance(name, str) and name for name in network.sources
    ):
        raise BadModel(path, "it does not say which stems its network answers with")


def check_numbers(path: Path, network: Any) -> None:
    """`BadModel` where a weight is no number."""
    import torch

    for name, value in network.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise BadModel(path, f"its weights hold values that are no numbers, at {name[:80]}")


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
        state = unflattened(path, state, json.loads(metadata["structure"]))
        if not isinstance(state, dict):
            raise BadModel(path, "it holds no weights")
    args, kwargs = _plain(json.loads(metadata["args"])), _plain(json.loads(metadata["kwargs"]))
    return klass, list(args), dict(kwargs), state


def _read_pickled(path: Path) -> tuple[type, list[Any], dict[str, Any], dict[str, Any]]:
    _check_hash(path)
    allowed = _allowed()
    package = unpickled(path, (*allowed, *KINDS))
    if not isinstance(package, dict) or any(name not in package for name in PARTS):
        raise BadModel(path, "it holds no network of Demucs")
    named, state = package["klass"], package["state"]
    klass = allowed.get(named.name) if isinstance(named, Named) else None
    if klass is None:
        raise BadModel(path, "it names a network that is not known here")
    args, kwargs = package["args"], package["kwargs"]
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict) or not isinstance(state, dict):
        raise BadModel(path, "it holds no network of Demucs")
    return klass, list(args), kwargs, state


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
