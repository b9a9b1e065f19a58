"""Roformer files: a checkpoint with its YAML, as the community publishes them, loaded without trust.

The YAML says which stems there are and how the song is transformed; how large the network is follows from the shapes of
its weights, so that nothing can be asked for that is not in the file.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.checkpoints import check_numbers, no_larger, one_sentence
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.pickles import check_file, check_state, unpickled
from stemstudio.algorithms.neural.roformer_settings import Settings, read_settings
from stemstudio.errors import BadModel

SUFFIXES = (".safetensors", ".ckpt")
WRAPPINGS = ("state_dict", "state", "model_state_dict", "model")


def load_roformer(path: Path, config: Path) -> Network:
    """The network of a checkpoint and its YAML, ready to run; `BadModel` says what is wrong with which of them."""
    settings = read_settings(config)
    with one_sentence(path):
        state = _state(path)
        module = _built(path, state, settings)
        check_numbers(path, module)
    return Network(
        module.eval(),
        settings.stems,
        settings.sample_rate,
        settings.channels,
        settings.segment,
        levelled=settings.levelled,
    )


def _state(path: Path) -> dict[str, Any]:
    """The state dictionary in a file, of tensors only, in single precision."""
    check_file(path)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                found: Any = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        except SafetensorError as error:
            raise BadModel(path, "it is damaged or no safetensors file") from error
    else:
        found = unpickled(path)
        while isinstance(found, dict):
            inner = next((found[key] for key in WRAPPINGS if isinstance(found.get(key), dict)), None)
            if inner is None:
                break
            found = inner
    check_state(path, found)
    return {re.sub(r"^(module|model)\.", "", key): value.float() for key, value in found.items()}


def _built(path: Path, state: Mapping[str, Any], settings: Settings) -> Any:
    """The network with its weights. Whether they fit is found out before any memory is asked for."""
    import torch

    from stemstudio.algorithms.neural.roformer_network import TURNS, Roformer

    shape = _shape(path, state, settings)
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in Roformer(shape).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items() if not name.endswith(TURNS)}
    if wanted != found:
        odd = next(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
        raise BadModel(
            path, f"its weights are those of another network than BS- or Mel-Band RoFormer, at {odd[:80]}"
        )
    with no_larger(path, sum(value.numel() for value in state.values())):
        network = Roformer(shape)
    network.load(state)
    return network


def _shape(path: Path, state: Mapping[str, Any], settings: Settings) -> Any:
    from stemstudio.algorithms.neural.roformer_network import Shape

    first = "layers.0.0.layers.0"
    needed = (f"{first}.0.to_qkv.weight", f"{first}.0.to_gates.weight", f"{first}.1.net.1.weight")
    if any(name not in state or state[name].ndim != 2 for name in needed):
        raise BadModel(path, "it holds no BS-RoFormer or Mel-Band RoFormer")
    (inner, dim), heads = state[needed[0]].shape, state[needed[1]].shape[0]
    head_dim = inner // (3 * heads)
    if not heads or inner != 3 * heads * head_dim or head_dim % 2 or not head_dim:
        raise BadModel(path, "its attention has no sense")
    normed = "layers.0.0.norm.gamma" in state
    stems = _counted(state, "mask_estimators.{}.to_freqs.0.0.0.weight")
    blocks = _counted(state, "layers.{}.0.layers.0.0.to_qkv.weight")
    sizes = {"dim": dim, "heads": heads, "num_stems": stems, "depth": blocks}
    for name, claimed in settings.claims.items():
        if claimed != sizes[name]:
            raise BadModel(
                path,
                f"the YAML is that of another network: {name} is {claimed} there, and {sizes[name]} here",
            )
    if stems != len(settings.stems):
        raise BadModel(path, f"it answers with {stems} stems, and the YAML names {len(settings.stems)}")
    bins = settings.fft // 2 + 1
    bands = (
        mel_bands(path, settings.sample_rate, settings.fft, settings.mel_bands)
        if normed
        else _stacked_bands(path, state, settings.channels, bins)
    )
    return Shape(
        bands=bands,
        stems=stems,
        channels=settings.channels,
        dim=dim,
        heads=heads,
        head_dim=head_dim,
        widening=state[needed[2]].shape[0] / dim,
        blocks=blocks,
        time_layers=_counted(state, "layers.0.0.layers.{}.0.to_qkv.weight"),
        band_layers=_counted(state, "layers.0.1.layers.{}.0.to_qkv.weight"),
        mask_hidden=_mask_hidden(state),
        normed=normed,
        fft=settings.fft,
        hop=settings.hop,
        window=settings.window,
        scaled=settings.scaled,
        skips=settings.skips,
        no_offset=settings.no_offset,
    )


def _counted(state: Mapping[str, Any], name: str, step: int = 1) -> int:
    """How many of a kind there are."""
    return next(number for number in count() if name.format(step * number) not in state)


def _mask_hidden(state: Mapping[str, Any]) -> tuple[int, ...]:
    name = "mask_estimators.0.to_freqs.0.0.{}.weight"
    return tuple(len(state[name.format(2 * layer)]) for layer in range(_counted(state, name, 2) - 1))


def _stacked_bands(
    path: Path, state: Mapping[str, Any], channels: int, bins: int
) -> tuple[tuple[int, int], ...]:
    """One above the other, as wide as the weights say."""
    name = "band_split.to_features.{}.0.gamma"
    widths = [state[name.format(band)].numel() for band in range(_counted(state, name))]
    edges = [0]
    for width in widths:
        edges.append(edges[-1] + width // (2 * channels))
    if edges[-1] != bins or any(width % (2 * channels) or not width for width in widths):
        raise BadModel(path, f"its bands do not fit the {bins} frequencies that the YAML speaks of")
    return tuple(pairwise(edges))


def mel_bands(path: Path, sample_rate: int, fft: int, number: int) -> tuple[tuple[int, int], ...]:
    """Ranges of bins under the triangles of the mel scale, as librosa has them; `BadModel` where they are too narrow."""
    import numpy as np
    from librosa.filters import mel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about bands that hold nothing, which are refused below
        filters = mel(sr=sample_rate, n_fft=fft, n_mels=number)
    filters[0, 0] = filters[-1, -1] = 1.0  # the triangles end just before
    bands, covered = [], (filters > 0).any(axis=0).all()
    for row in filters > 0:
        inside = np.flatnonzero(row)
        if not covered or not len(inside) or inside[-1] - inside[0] + 1 != len(inside):
            raise BadModel(path, f"{number} bands of the mel scale do not fit {len(row)} frequencies")
        bands.append((int(inside[0]), int(inside[-1]) + 1))
    return tuple(bands)
