"""Quickened: a hybrid Demucs whose parts are exchanged, while it computes, for quicker ones.

On a graphics card these are its Fourier transforms alone: Demucs' own ask the card for an answer or copy to it, and so
wait each time until it has done all that it was told.
"""

# ruff: noqa: TID253 (imported only when such a network is run)
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stemstudio.algorithms.neural.channels_last import Across, Down, Up
from stemstudio.progress import Progress

HYBRIDS = ("HTDemucs", "HDemucs")


@contextmanager
def quickened(network: nn.Module, layers: bool = True, progress: Progress | None = None) -> Iterator[None]:
    """Until the end; parts that are not built as usual stay as they are, as does every other network.

    Parameters
    ----------
    network
        Any, in evaluation mode.
    layers
        Whether its layers too are exchanged, for such as a processor computes quickest.
    progress
        Asked before each of them: their weights are laid out anew, a third of a second a network.
    """
    progress = progress or Progress()
    if type(network).__name__ not in HYBRIDS:
        yield
        return
    parts: Any = network
    embedding = parts.freq_emb
    names = ("encoder", "tencoder", "decoder", "tdecoder")
    stacks = [getattr(parts, name) for name in names if layers and hasattr(parts, name)]
    before = [list(stack) for stack in stacks]
    norms = [
        (layer, layer.norm_out) for layer in _transformers(parts) if layers and _is_across(layer.norm_out)
    ]
    try:
        for stack in stacks:
            for place, layer in enumerate(stack):
                progress.check()
                stack[place] = _quicker(layer)
        if embedding is not None and isinstance(parts.encoder[0], Down):
            weight = parts.freq_emb_scale * embedding.weight
            parts.encoder[0].offset = weight.detach()[:, None].clone()
            parts.freq_emb = None
        for layer, norm in norms:
            layer.norm_out = Across(norm)
        if _is_new(parts):
            sound = _Sound(parts.nfft, parts._spec)
            parts._spec, parts._mask, parts._ispec = sound.spectrum, sound.spectra, sound.waves
        yield
    finally:
        for name in ("_spec", "_mask", "_ispec"):
            parts.__dict__.pop(name, None)
        for layer, norm in norms:
            layer.norm_out = norm
        parts.freq_emb = embedding
        for stack, kept in zip(stacks, before, strict=True):
            for place, layer in enumerate(kept):
                stack[place] = layer


def _quicker(layer: Any) -> Any:
    """The same layer of an encoder or a decoder, channels last; itself where it is built in another way."""
    kind = {"HEncLayer": Down, "HDecLayer": Up}.get(type(layer).__name__)
    if kind is None or layer.empty or layer.norm or not layer.pad or layer.rewrite is None:
        return layer
    branches = layer.dconv.layers if layer.dconv else ()
    usual = layer.kernel_size == 2 * layer.stride and all(map(_is_usual, branches))
    return kind(layer) if usual else layer


def _is_usual(branch: nn.Sequential) -> bool:
    usual = [nn.Conv1d, nn.GroupNorm, nn.GELU, nn.Conv1d, nn.GroupNorm, nn.GLU]
    kinds = [type(each) for each in branch]
    norms = [each.num_groups for each in branch if isinstance(each, nn.GroupNorm)]
    return kinds[:-1] == usual and kinds[-1].__name__ == "LayerScale" and norms == [1, 1]


def _transformers(parts: Any) -> list[Any]:
    transformer = getattr(parts, "crosstransformer", None)
    return [*transformer.layers, *transformer.layers_t] if transformer else []


def _is_new(parts: Any) -> bool:
    """Whether the network answers with complex spectra that lie as HTDemucs has them."""
    usual = parts.cac and getattr(parts, "hybrid", True) and not getattr(parts, "hybrid_old", False)
    return bool(usual and parts.hop_length * 4 == parts.nfft)


def _is_across(norm: Any) -> bool:
    return type(norm).__name__ == "MyGroupNorm" and norm.num_groups == 1


class _Sound:
    """The spectra that a network sees, and the sound of those that it answers with.

    Demucs' own way back copies them five times to come from (stems, channels, bins, frames) to frames one after the other.

    Parameters
    ----------
    fft
        Length of a frame in samples.
    short
        What makes the spectra of a wave that is too short to be mirrored at its ends.
    """

    def __init__(self, fft: int, short: Callable[[Tensor], Tensor]) -> None:
        self.fft, self.hop, self.short = fft, fft // 4, short
        self.edge = self.hop // 2 * 3
        self._windows: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def windows(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """The one that a frame is seen through, and the one that it is laid over the others with."""
        if device not in self._windows:
            window = torch.hann_window(self.fft)
            # Four windows lie over every sample: the sum of their squares is divided by.
            shares = window.square().view(4, self.hop).sum(dim=0)
            self._windows[device] = window.to(device), (window / shares.repeat(4)).to(device)
        return self._windows[device]

    def spectrum(self, wave: Tensor) -> Tensor:
        """(batch, channels, samples) → (batch, channels, bins, frames), complex."""
        length = wave.shape[-1]
        frames = math.ceil(length / self.hop)
        more = self.edge + frames * self.hop - length
        if length <= more:
            return self.short(wave)
        padded = functional.pad(wave, (self.edge, more), mode="reflect").flatten(0, 1)
        window, _ = self.windows(wave.device)
        found = torch.stft(padded, self.fft, self.hop, window=window, normalized=True, return_complex=True)
        return found[:, :-1, 2 : 2 + frames].view(*wave.shape[:2], -1, frames)

    def spectra(self, _: Tensor, answer: Tensor) -> Tensor:
        """(batch, stems, channels · 2, bins, frames), real → (batch, bins, frames, stems, channels), complex."""
        pairs = answer.view(*answer.shape[:2], -1, 2, *answer.shape[3:])
        return torch.view_as_complex(pairs.permute(0, 4, 5, 1, 2, 3).contiguous())

    def waves(self, spectra: Tensor, length: int) -> Tensor:
        """Those spectra → (batch, stems, channels, length)."""
        batch, bins, frames, stems, channels = spectra.shape
        _, window = self.windows(spectra.device)
        pieces = torch.fft.irfft(spectra.flatten(2).transpose(1, 2).contiguous(), n=2 * bins, norm="ortho")
        pieces = pieces.mul_(window).view(batch, frames, stems * channels, 4, self.hop)
        waves = pieces.new_zeros(batch, frames + 3, stems * channels, self.hop)
        for quarter in range(4):
            waves[:, quarter : quarter + frames] += pieces[:, :, :, quarter]
        found: Tensor = waves.transpose(1, 2).reshape(batch, stems, channels, -1)
        return found[..., self.edge : self.edge + length]
