"""Which trained models there are, where their weights lie on this machine, and how they are loaded without trust.

A file of weights is data from strangers. It may name a network only from a list of ours, and its pickled parts are
read by torch's restricted unpickler: nothing in it runs.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stemstudio.errors import BadModel, MissingModel

FOLDER_VARIABLE = "STEMSTUDIO_MODELS"
HYBRID = "demucs.htdemucs.HTDemucs"  # takes no segment longer than its own


@dataclass(frozen=True)
class Model:
    """A published model: one network or several whose answers are averaged.

    Attributes
    ----------
    name
        As Demucs calls it.
    networks
        Signatures, the first part of the file names.
    repository
        Its name on the Hugging Face hub.
    weights
        Rows networks × columns sources; equal ones if None.
    segment
        Seconds a network takes at once, where it differs from the network's own.
    """

    name: str
    networks: tuple[str, ...]
    repository: str
    weights: tuple[tuple[float, ...], ...] | None = None
    segment: float | None = None


_EACH_ITS_OWN = tuple(tuple(float(row == column) for column in range(4)) for row in range(4))

MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model("htdemucs", ("955717e8",), "adefossez/HTDemucs"),
        Model(
            "htdemucs_ft",
            ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"),
            "adefossez/HTDemucs-ft",
            _EACH_ITS_OWN,
        ),
        Model("htdemucs_6s", ("5c90dfd2",), "adefossez/HTDemucs-6s"),
        Model("hdemucs_mmi", ("75fc33f5",), "adefossez/Demucs-hdemucs_mmi", None, 44.0),
    )
}


def models_folder() -> Path:
    """Where to put weights by hand: the folder that STEMSTUDIO_MODELS names, or one among the user's data."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("StemStudio", appauthor=False)) / "models"


def weights_of(model: Model) -> tuple[Path, ...]:
    """The files of a model's networks; `MissingModel` says where to put them if they are not on this machine."""
    found = [_find(signature, model) for signature in model.networks]
    missing = [signature for signature, path in zip(model.networks, found, strict=True) if path is None]
    if missing:
        files = " and ".join(f"“{signature}.safetensors”" for signature in missing)
        raise MissingModel(
            f"The weights of {model.name} are not on this machine.",
            f"Put {files} (or the .th of the same name) into {models_folder()}, or use an algorithm that needs none.",
        )
    return tuple(path for path in found if path is not None)


def load_network(path: Path, segment: float | None = None) -> Any:
    """The network in a .safetensors or .th file, on the CPU, ready to run; `BadModel` if it is not one of ours.

    `segment` are the seconds that it is to take at once, where it can take another length than its own.
    """
    try:
        klass, args, kwargs, state = (_read_safetensors if path.suffix == ".safetensors" else _read_pickled)(
            path
        )
        known = inspect.signature(klass).parameters
        network: Any = klass(*args, **{key: value for key, value in kwargs.items() if key in known})
        network.load_state_dict(state)
    except BadModel:
        raise
    except (
        OSError,
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        AssertionError,
    ) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise BadModel(path, reason) from error
    loaded: Any = network
    longest = float(loaded.segment) if isinstance(network, _allowed()[HYBRID]) else np.inf
    if segment is not None and segment <= longest:
        loaded.segment = segment
    return loaded.eval()


def _find(signature: str, model: Model) -> Path | None:
    """The file of a network: our folder first, then the caches of the hub and of torch."""
    for folder in _folders(model):
        for pattern in (f"{signature}*.safetensors", f"{signature}*.th"):
            for path in sorted(folder.glob(pattern)):
                if path.is_file():
                    return path
    return None


def _folders(model: Model) -> Iterator[Path]:
    yield models_folder()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub"
    snapshots = Path(hub) / f"models--{model.repository.replace('/', '--')}" / "snapshots"
    if snapshots.is_dir():
        yield from sorted(snapshots.iterdir())
    yield Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def _allowed() -> dict[str, type]:
    """Networks that a file may name."""
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    return {f"{klass.__module__}.{klass.__name__}": klass for klass in (HTDemucs, HDemucs)}


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
    import pickle

    import torch

    _check_hash(path)
    allowed = _allowed()
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([*allowed.values(), Fraction]):
            warnings.simplefilter("ignore")  # torch grumbles about the pickle's protocol
            package = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadModel(path, "it holds more than weights, or is damaged") from error
    klass = package["klass"]
    if klass not in allowed.values():
        raise BadModel(path, "it names a network that is not known here")
    return klass, list(package["args"]), dict(package["kwargs"]), package["state"]


def _check_hash(path: Path) -> None:
    """A .th file carries the start of its own SHA-256 in its name."""
    named = re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{8,64})\.th", path.name)
    if not named:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else _digest(file)
    if not digest.hexdigest().startswith(named[1]):
        raise BadModel(path, "it is damaged: its content does not match the checksum in its name")


def _digest(file: Any) -> Any:
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest


def _plain(value: Any) -> Any:
    """Arguments of a network as JSON has them; fractions are written as objects."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(int(value["numerator"]), int(value["denominator"]))
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
