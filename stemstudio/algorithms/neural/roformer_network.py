"""Band-split RoPE transformers: BS-RoFormer and Mel-Band RoFormer, which differ in their bands of frequencies.

Built for the state dictionaries that the community publishes; what is not in the way of a state dictionary is read
from the shapes of its weights.
"""

# ruff: noqa: TID253 (imported only when such a network is run)
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

TOKENS = 2**11  # that a layer takes at once on a processor: so much is done between two chances to stop
THETA = 10_000.0  # of the rotation, where the weights do not say how fast it is
TURNS = ".rotary_embed.freqs"


@dataclass(frozen=True)
class Shape:
    """How a network is built.

    Attributes
    ----------
    bands
        Ranges of bins [start, stop); they cover all bins, and may overlap.
    stems, channels
        How many it answers with, and takes.
    dim, heads, head_dim, widening
        Width of its layers, of its attention, and of its feed-forward parts relative to `dim`.
    blocks, time_layers, band_layers
        Pairs of transformers, and layers of each of a pair.
    mask_hidden
        Widths of the layers in the networks that make masks.
    normed
        Whether every transformer ends with a norm (Mel-Band RoFormer), or only the last one (BS-RoFormer).
    fft, hop, window
        Of the transform, in samples.
    scaled
        Whether the transform is divided by the root of its length.
    skips
        Whether every pair of transformers is given the answers of all before it.
    no_offset
        Whether the answers have nothing at 0 Hz.
    """

    bands: tuple[tuple[int, int], ...]
    stems: int
    channels: int
    dim: int
    heads: int
    head_dim: int
    widening: float
    blocks: int
    time_layers: int
    band_layers: int
    mask_hidden: tuple[int, ...]
    normed: bool
    fft: int = 2048
    hop: int = 512
    window: int = 2048
    scaled: bool = False
    skips: bool = False
    no_offset: bool = False

    @property
    def bins(self) -> int:
        return self.fft // 2 + 1


class Norm(nn.Module):
    """x · √dim / |x|, weighted."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = math.sqrt(dim)
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=-1) * self.scale * self.gamma


class FeedForward(nn.Module):
    """One layer of more width, and back."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            Norm(dim), nn.Linear(dim, inner), nn.GELU(), nn.Identity(), nn.Linear(inner, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.net(x)
        return result


class Attention(nn.Module):
    """Attention whose queries and keys are rotated by their places, and whose heads have gates."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = Norm(dim)
        self.to_qkv = nn.Linear(dim, 3 * heads * head_dim, bias=False)
        self.to_gates = nn.Linear(dim, heads)
        self.to_out = nn.Sequential(nn.Linear(heads * head_dim, dim, bias=False))

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        """x: (rows, tokens, dim); places: (tokens, head_dim / 2), complex, of modulus 1."""
        x = self.norm(x)
        rows, tokens, _ = x.shape
        q, k, v = self.to_qkv(x).view(rows, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(_rotated(q, places), _rotated(k, places), v)
        gates = self.to_gates(x).sigmoid().transpose(1, 2)[..., None].to(found.dtype)
        result: Tensor = self.to_out((found * gates).transpose(1, 2).reshape(rows, tokens, -1))
        return result


def _rotated(x: Tensor, places: Tensor) -> Tensor:
    """Pairs of values turned by their token's angles (Su et al. 2021, "RoFormer")."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * places).flatten(-2).to(x.dtype)


class Transformer(nn.Module):
    """Layers of attention and feed-forward over the tokens of every row by itself."""

    def __init__(self, shape: Shape, layers: int, turns: Tensor) -> None:
        super().__init__()
        inner = round(shape.dim * shape.widening)
        self.layers = nn.ModuleList(
            nn.ModuleList([Attention(shape.dim, shape.heads, shape.head_dim), FeedForward(shape.dim, inner)])
            for _ in range(layers)
        )
        self.norm = Norm(shape.dim) if shape.normed else nn.Identity()
        self.register_buffer("turns", turns, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, tokens, dim) → the same."""
        turns: Any = self.turns
        angles = torch.outer(torch.arange(x.shape[1], device=x.device).float(), turns)
        places = torch.polar(torch.ones_like(angles), angles)
        # Rows know nothing of each other, so that a processor may take some at a time.
        step = len(x) if x.device.type != "cpu" else max(1, TOKENS // x.shape[1])
        return torch.cat([self._some(rows, places) for rows in torch.split(x, step)])

    def _some(self, x: Tensor, places: Tensor) -> Tensor:
        layers: Any = self.layers
        for attention, feed_forward in layers:
            x = attention(x, places) + x
            x = feed_forward(x) + x
        result: Tensor = self.norm(x)
        return result


class BandSplit(nn.Module):
    """The bins of every band as one vector."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.to_features = nn.ModuleList(
            nn.Sequential(Norm(width), nn.Linear(width, shape.dim)) for width in _widths(shape)
        )

    def forward(self, pieces: Sequence[Tensor]) -> Tensor:
        """A tensor (batch, frames, numbers) a band → (batch, frames, bands, dim)."""
        features = zip(self.to_features, pieces, strict=True)
        return torch.stack([feature(piece) for feature, piece in features], dim=-2)


class MaskEstimator(nn.Module):
    """One stem's mask in every band."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.to_freqs = nn.ModuleList(
            nn.Sequential(_perceptron(shape.dim, shape.mask_hidden, 2 * width), nn.GLU(dim=-1))
            for width in _widths(shape)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """(batch, frames, bands, dim) → (batch, frames, numbers) a band."""
        return [net(band).float() for net, band in zip(self.to_freqs, x.unbind(dim=-2), strict=True)]


def _widths(shape: Shape) -> list[int]:
    """Real numbers of a frame that a band holds."""
    return [2 * shape.channels * (stop - start) for start, stop in shape.bands]


def _perceptron(first: int, hidden: Sequence[int], last: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(first, width), nn.Tanh()]
        first = width
    return nn.Sequential(*layers, nn.Linear(first, last))


class Roformer(nn.Module):
    """The stems of a mixture: (batch, channels, samples) → (batch, stems, channels, samples).

    References
    ----------
    Lu, Wang, Kong & Hung 2024, "Music source separation with band-split RoPE transformer"; Wang, Lu & Won 2023,
    "Mel-Band RoFormer for music source separation".
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        turns = THETA ** -(torch.arange(0, shape.head_dim, 2).float() / shape.head_dim)
        self.band_split = BandSplit(shape)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [Transformer(shape, shape.time_layers, turns), Transformer(shape, shape.band_layers, turns)]
            )
            for _ in range(shape.blocks)
        )
        if not shape.normed:
            self.final_norm = Norm(shape.dim)
        self.mask_estimators = nn.ModuleList(MaskEstimator(shape) for _ in range(shape.stems))
        shares = torch.zeros(shape.bins)
        for start, stop in shape.bands:
            shares[start:stop] += 1
        self.register_buffer("shares", shares, persistent=False)
        self.register_buffer("window", torch.hann_window(shape.window), persistent=False)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of a published state dictionary, which names the rotation's speeds at every attention."""
        self.load_state_dict({name: value for name, value in state.items() if not name.endswith(TURNS)})
        for name, layer in self.named_modules():
            turns = state.get(f"{name}.layers.0.0{TURNS}")
            if isinstance(layer, Transformer) and turns is not None:
                layer.turns = turns.float()

    def forward(self, wave: Tensor) -> Tensor:
        shape = self.shape
        batch, channels, asked = wave.shape
        wave = functional.pad(wave, (0, max(0, shape.fft - asked)))
        length = wave.shape[-1]
        window: Any = self.window
        transform: dict[str, Any] = {
            "n_fft": shape.fft, "hop_length": shape.hop, "win_length": shape.window, "normalized": shape.scaled
        }  # fmt: skip
        mixture = torch.stft(wave.reshape(-1, length), **transform, window=window, return_complex=True)
        mixture = mixture.view(batch, channels, shape.bins, -1)
        frames = mixture.shape[-1]
        numbers = torch.view_as_real(mixture).permute(0, 3, 2, 1, 4)  # batch, frames, bins, channels, 2
        x = self.band_split([numbers[:, :, start:stop].flatten(2) for start, stop in shape.bands])
        x = self._transformed(x)
        estimators: Any = self.mask_estimators
        stems = []
        for estimator in estimators:
            mask = numbers.new_zeros(numbers.shape)
            for (start, stop), piece in zip(shape.bands, estimator(x), strict=True):
                mask[:, :, start:stop] += piece.view(batch, frames, stop - start, channels, 2)
            stems.append(torch.view_as_complex(mask).permute(0, 3, 2, 1))
        shares: Any = self.shares
        spectra = torch.stack(stems, dim=1) * (mixture / shares[:, None])[:, None]
        if shape.no_offset:
            spectra[..., 0, :] = 0
        flat = spectra.reshape(-1, shape.bins, frames)
        waves = torch.istft(flat, **transform, window=window, length=length)
        return waves.view(batch, shape.stems, channels, length)[..., :asked]

    def _transformed(self, x: Tensor) -> Tensor:
        """(batch, frames, bands, dim) → the same: along time, then along frequency, again and again."""
        before: list[Tensor] = []
        layers: Any = self.layers
        for along_time, along_bands in layers:
            for earlier in before:
                x = x + earlier
            batch, frames, bands, _ = x.shape
            x = along_time(x.transpose(1, 2).flatten(0, 1)).view(batch, bands, frames, -1)
            x = along_bands(x.transpose(1, 2).flatten(0, 1)).view(batch, frames, bands, -1)
            if self.shape.skips:
                before.append(x)
        result: Tensor = x if self.shape.normed else self.final_norm(x)
        return result
