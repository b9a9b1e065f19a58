"""Open-Unmix's network: one bidirectional LSTM a stem, and the Wiener filter that joins their answers.

Built for the published state dictionaries; the numbers are those of the `openunmix` package.
"""

# ruff: noqa: TID253 (imported only when such a network is run)
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

FFT, HOP = 4096, 1024
WINDOW_FRAMES = 300  # that a place between the loudspeakers is estimated from
LOUDEST = 10.0  # largest magnitude that the filter sees
LAYERS = 3
STEP = 128  # frames of a layer between two chances to stop
BINS = 512  # and of the filter


class Memory(nn.Module):
    """Three layers of LSTM, there and back, in steps that are short enough to be stopped between.

    The state dictionary and the numbers are those of `torch.nn.LSTM(hidden, hidden // 2, 3, bidirectional=True)`.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.there = nn.ModuleList(nn.LSTM(hidden, hidden // 2) for _ in range(LAYERS))
        self.back = nn.ModuleList(nn.LSTM(hidden, hidden // 2) for _ in range(LAYERS))

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of `lstm.…` in a state dictionary."""
        for way, suffix in ((self.there, ""), (self.back, "_reverse")):
            for number, layer in enumerate(way):
                names = layer.state_dict()
                layer.load_state_dict(
                    {name: state[f"lstm.{name.replace('_l0', f'_l{number}')}{suffix}"] for name in names}
                )

    def forward(self, x: Tensor) -> Tensor:
        """(frames, batch, hidden) → the same."""
        for there, back in zip(self.there, self.back, strict=True):
            x = torch.cat([_stepped(there, x), _stepped(back, x.flip(0)).flip(0)], -1)
        return x


def _stepped(layer: nn.Module, x: Tensor) -> Tensor:
    pieces, state = [], None
    for first in range(0, len(x), STEP):
        answer, state = layer(x[first : first + STEP], state)
        pieces.append(answer)
    return torch.cat(pieces)


class Target(nn.Module):
    """What one stem's magnitudes are, from those of the mixture.

    Parameters
    ----------
    bins
        That the network looks at, from 0 Hz up.
    hidden
        Width of its layers.
    channels
        Of the mixture.
    outputs
        Bins of a whole spectrum.
    """

    def __init__(self, bins: int, hidden: int, channels: int = 2, outputs: int = FFT // 2 + 1) -> None:
        super().__init__()
        self.bins, self.hidden, self.outputs = bins, hidden, outputs
        self.fc1 = nn.Linear(bins * channels, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lstm = Memory(hidden)
        self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, outputs * channels, bias=False)
        self.bn3 = nn.BatchNorm1d(outputs * channels)
        self.input_mean = nn.Parameter(torch.zeros(bins))
        self.input_scale = nn.Parameter(torch.ones(bins))
        self.output_scale = nn.Parameter(torch.ones(outputs))
        self.output_mean = nn.Parameter(torch.ones(outputs))

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Target:
        """The network of a published state dictionary, with its weights."""
        hidden, inputs = state["fc1.weight"].shape
        bins, outputs = state["input_mean"].numel(), state["output_mean"].numel()
        target = cls(bins, hidden, inputs // bins, outputs)
        own = [key for key in target.state_dict() if not key.startswith("lstm.")]
        target.load_state_dict({key: state[key] for key in own}, strict=False)
        target.lstm.load(state)
        return target.eval()

    def forward(self, mixture: Tensor) -> Tensor:
        """Magnitudes (batch, channels, bins, frames), of the mixture and of the stem."""
        batch, channels, _, frames = mixture.shape
        x = mixture.permute(3, 0, 1, 2)
        whole = x
        x = (x[..., : self.bins] + self.input_mean) * self.input_scale
        x = self.bn1(self.fc1(x.reshape(-1, channels * self.bins)))
        x = torch.tanh(x.reshape(frames, batch, self.hidden))
        x = torch.cat([x, self.lstm(x)], -1)
        x = torch.relu(self.bn2(self.fc2(x.reshape(-1, x.shape[-1]))))
        x = self.bn3(self.fc3(x)).reshape(frames, batch, channels, self.outputs)
        x = torch.relu(x * self.output_scale + self.output_mean) * whole
        return x.permute(1, 2, 3, 0)


class Unmix(nn.Module):
    """All stems of a mixture: (batch, channels, samples) → (batch, stems, channels, samples).

    Parameters
    ----------
    targets
        By the names of their stems.
    iterations
        Of the expectation–maximisation over the stems' spectra and places; 0 takes the magnitudes as they are.
    """

    def __init__(self, targets: Mapping[str, Target], iterations: int = 1) -> None:
        super().__init__()
        self.targets = nn.ModuleDict(dict(targets))
        self.iterations = iterations
        self.place = Place(iterations)
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        batch, channels, asked = wave.shape
        wave = nn.functional.pad(wave, (0, max(0, FFT - asked)))
        length = wave.shape[-1]
        window: Any = self.window
        flat = wave.reshape(-1, length)
        mixture = torch.stft(
            flat, FFT, HOP, window=window, center=True, pad_mode="reflect", return_complex=True
        )
        mixture = mixture.reshape(batch, channels, *mixture.shape[1:])
        magnitudes = torch.stack([target(mixture.abs()) for target in self.targets.values()], dim=1)
        stems = magnitudes * torch.exp(1j * mixture.angle())[:, None]
        if self.iterations and len(self.targets) > 1:
            for row in range(batch):
                for first in range(0, mixture.shape[-1], WINDOW_FRAMES):
                    cut = slice(first, first + WINDOW_FRAMES)
                    x, y = mixture[row, ..., cut], stems[row, ..., cut]
                    scale = torch.clamp(x.abs().max() / LOUDEST, min=1.0)
                    for low in range(0, x.shape[1], BINS):
                        bins = slice(low, low + BINS)
                        y[..., bins, :] = self.place(x[:, bins], y[..., bins, :], scale)
        flat = stems.reshape(-1, *stems.shape[-2:])
        waves = torch.istft(flat, FFT, HOP, window=window, center=True, length=length)
        return waves.reshape(batch, len(self.targets), channels, length)[..., :asked]


class Place(nn.Module):
    """The multichannel Wiener filter by expectation–maximisation, from stems that there are."""

    def __init__(self, iterations: int, eps: float = 1e-10) -> None:
        super().__init__()
        self.iterations, self.eps = iterations, eps

    def forward(self, mixture: Tensor, stems: Tensor, scale: Tensor) -> Tensor:
        """New stems.

        Parameters
        ----------
        mixture
            x, complex (channels, bins, frames).
        stems
            y, complex (stems, channels, bins, frames).
        scale
            By which both are made smaller first: large values would make ε too small beside them.

        References
        ----------
        Nugraha, Liutkus & Vincent 2016, "Multichannel audio source separation with deep neural networks", as in
        Stöter et al. 2019, "Open-Unmix".
        """
        x, y, eps = mixture / scale, stems / scale, self.eps
        identity = torch.eye(len(x), dtype=x.dtype, device=x.device)
        for _ in range(self.iterations):
            v = y.abs().square().mean(dim=1)
            R = torch.einsum("jabt,jcbt->jbac", y, y.conj()) / (eps + v.sum(dim=-1))[..., None, None]
            covariance = torch.einsum("jbt,jbac->btac", v.to(R.dtype), R) + eps**0.5 * identity
            z = torch.linalg.solve(covariance, x.permute(1, 2, 0)[..., None])[..., 0]
            y = v[:, None] * torch.einsum("jbac,btc->jabt", R, z)
        return y * scale
