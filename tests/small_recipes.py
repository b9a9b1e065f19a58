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


__all__ = ["ALGORITHMS", "quick", "tiny_network", "write_tiny_weights"]
