"""Every separator in a small size, and a network of random weights, so that all of them run in a test."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from stemstudio.algorithms import ALGORITHMS
from stemstudio.algorithms.algorithm import Algorithm

SOURCES = ["drums", "bass", "other", "vocals"]
ARCHITECTURE = {
    "channels": 8,
    "growth": 1,
    "depth": 4,
    "nfft": 2048,
    "t_layers": 1,
    "t_heads": 2,
    "bottom_channels": 8,
    "t_hidden_scale": 1.0,
}
SETTINGS: dict[str, dict[str, object]] = {
    "nmf": {"components": 6, "iterations": 12},
    "nmfd": {"iterations": 6},
    "openunmix": {"segment": 5},
}


def quick(kind: type[Algorithm]) -> Algorithm:
    """A recipe that takes a moment."""
    return kind.from_settings(SETTINGS.get(kind.name, {}))


def tiny_network(seed: int = 0):
    """An HTDemucs of 20,000 random weights that takes one second at a time."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        return HTDemucs(sources=SOURCES, segment=1, **ARCHITECTURE).eval()


def write_tiny_weights(folder: Path, **metadata: str) -> Path:
    """The tiny network in the file that htdemucs is looked for in, as Demucs 4.1 writes it."""
    from safetensors.torch import save_file

    told = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": json.dumps([]),
        "kwargs": json.dumps(
            {
                "sources": SOURCES,
                "segment": {"_type": "fraction", "numerator": 1, "denominator": 1},
                **ARCHITECTURE,
            }
        ),
    }
    path = folder / "955717e8.safetensors"
    save_file(
        {key: value.contiguous() for key, value in tiny_network().state_dict().items()},
        path,
        {**told, **metadata},
    )
    return path


def tiny_target(seed: int = 0):
    """An Open-Unmix network for one stem, of random weights."""
    import torch

    from stemstudio.algorithms.neural.unmix_network import Target

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        target = Target(bins=200, hidden=8)
        for mean in (target.bn1.running_mean, target.bn2.running_mean, target.bn3.running_mean):
            mean += 0.1 * torch.randn_like(mean)
        return target.eval()


def write_tiny_unmix(folder: Path, model: str = "umxhq") -> list[Path]:
    """Tiny targets in the files that Open-Unmix is looked for in, as it publishes them."""
    import torch

    from stemstudio.algorithms.neural.catalogue import MODELS

    paths = []
    for number, signature in enumerate(MODELS[model].networks):
        state = published(tiny_target(number))
        torch.save(state, folder / f"{signature}.pth")
        paths.append(folder / f"{signature}.pth")
    return paths


def published(target):
    """The state dictionary of a target with its LSTM in one, and what the published ones hold beside."""
    import torch

    state = {key: value for key, value in target.state_dict().items() if not key.startswith("lstm.")}
    for way, suffix in ((target.lstm.there, ""), (target.lstm.back, "_reverse")):
        for number, layer in enumerate(way):
            for name, value in layer.state_dict().items():
                state[f"lstm.{name.replace('_l0', f'_l{number}')}{suffix}"] = value
    return {**state, "stft.window": torch.hann_window(4096), "sample_rate": torch.tensor(44100.0)}


__all__ = ["ALGORITHMS", "quick", "tiny_network", "write_tiny_unmix", "write_tiny_weights"]
