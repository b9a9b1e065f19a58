"""Every separator in a small size, and a network of random weights, so that all of them run in a test."""

from __future__ import annotations

import json
import warnings
from fractions import Fraction
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
    "roformer": {"overlap": 0.25},
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


def package(**changes: object) -> dict[str, object]:
    """The tiny network as Demucs writes it into a .th file."""
    return {
        "klass": type(tiny_network()),
        "args": (),
        "kwargs": {"sources": SOURCES, "segment": Fraction(1), **ARCHITECTURE},
        "state": tiny_network().state_dict(),
        "training_args": {},
        **changes,
    }


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


ROFORMER = """\
audio:
  sample_rate: 44100
  chunk_size: 44100
model:
  dim: 12
  depth: 1
  stereo: true
  num_stems: 2
  heads: 2
  num_bands: 8
  freqs_per_bands: !!python/tuple
  - 32
  - 97
  stft_n_fft: 256
  stft_hop_length: 64
  stft_win_length: 256
training:
  instruments:
  - vocals
  - other
  target_instrument: null
"""


def tiny_roformer(mel: bool = False, stems: int = 2, seed: int = 0):
    """A band-split transformer of random weights that takes one second at a time."""
    import torch

    from stemstudio.algorithms.neural.roformer_files import mel_bands
    from stemstudio.algorithms.neural.roformer_network import Roformer, Shape

    bands = mel_bands(Path("tiny"), 44100, 256, 8) if mel else ((0, 32), (32, 129))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Roformer(
            Shape(bands, stems, 2, 12, 2, 4, 2.0, 1, 1, 2, (10,), mel, fft=256, hop=64, window=256)
        )
        for weight in network.parameters():
            weight.data += 0.2 * torch.randn_like(weight)
        return network.eval()


def write_tiny_roformer(folder: Path, name: str = "tiny", mel: bool = False, stems: int = 2) -> Path:
    """The tiny transformer as the community publishes such: a checkpoint, and a YAML beside it."""
    import torch

    state = dict(tiny_roformer(mel, stems).state_dict())
    turns = 10_000.0 ** -(torch.arange(0, 4, 2) / 4)
    for block, layers in ((0, 1), (1, 2)):
        for layer in range(layers):
            state[f"layers.0.{block}.layers.{layer}.0.rotary_embed.freqs"] = turns
    torch.save(state, folder / f"{name}.ckpt")
    text = ROFORMER
    if stems == 1:
        text = text.replace("num_stems: 2", "num_stems: 1").replace("ment: null", "ment: vocals")
    (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.ckpt"


__all__ = [
    "ALGORITHMS",
    "quick",
    "tiny_network",
    "tiny_roformer",
    "write_tiny_roformer",
    "write_tiny_unmix",
    "write_tiny_weights",
]
