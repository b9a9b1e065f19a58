"""Channels last: Demucs' layers of convolutions, laid out in memory as a processor computes them quickest.

Torch copies the answer of a convolution in half precision from that order into its own, which takes longer than the
convolution; a transposed convolution does so in full precision, too. Here all between the first and the last layer lies
as (batch, frequencies, times, channels), what normalises is folded into the convolution before it, and a gate is a
convolution of its own. The numbers are the same but for rounding.
"""

# ruff: noqa: TID253 (imported only when such a network is run)
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Module):
    """A convolution over (batch, frequencies, times, channels); `weight` as torch has it."""

    def __init__(
        self, weight: Tensor, bias: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1
    ) -> None:
        super().__init__()
        order = torch.channels_last
        self.weight = nn.Parameter(weight.detach().clone(memory_format=order), requires_grad=False)
        self.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
        self.how = (stride, padding, dilation)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        return functional.conv2d(x, self.weight, self.bias, *self.how).permute(0, 2, 3, 1)


def _convolution(layer: Any, some: slice = slice(None)) -> Convolution:
    """One of torch's, or some of its channels; over time alone if it has one dimension."""
    weight, bias = layer.weight[some], layer.bias[some]
    if weight.dim() == 4:
        return Convolution(weight, bias, layer.stride, layer.padding, layer.dilation)
    return Convolution(
        weight[:, :, None], bias, (1, *layer.stride), (0, *layer.padding), (1, *layer.dilation)
    )


class Gated(nn.Module):
    """A convolution with a gate."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        half = layer.out_channels // 2
        self.value, self.gate = _convolution(layer, slice(half)), _convolution(layer, slice(half, None))

    def forward(self, x: Tensor, offset: Tensor | None = None) -> Tensor:
        value, gate = self.value(x), self.gate(x).sigmoid_()
        return value.mul_(gate) if offset is None else torch.addcmul(offset.to(value.dtype), value, gate)


class Branch(nn.Module):
    """What DConv adds to its input.

    Its second norm takes from y = W h + b the mean μ and divides by the deviation σ of every row. Both follow from the
    mean and the covariance of h, which has few channels: γ (y − μ) / σ + β is a convolution of h / σ, 1 / σ and μ / σ.
    """

    def __init__(self, branch: Any) -> None:
        super().__init__()
        first, norm, _, second, last_norm, _, scale = branch
        self.narrow = _convolution(first)
        self.norm = nn.GroupNorm(1, norm.num_channels, norm.eps)
        self.norm.load_state_dict(norm.state_dict())
        weight, bias = second.weight.detach()[:, :, 0].float(), second.bias.detach().float()
        self.eps = last_norm.eps
        self.tops: tuple[Tensor, ...] = (weight, bias[:, None], weight.T @ weight / len(weight))
        gamma, beta = last_norm.weight.detach()[:, None], last_norm.bias.detach()
        wide = torch.cat([gamma * weight, gamma * bias[:, None], -gamma], dim=1)[..., None, None]
        half = len(weight) // 2
        factor = scale.scale.detach()
        self.value = Convolution(factor[:, None, None, None] * wide[:half], factor * beta[:half])
        self.gate = Convolution(wide[half:], beta[half:])

    def forward(self, x: Tensor) -> Tensor:
        batch, rows, times, _ = x.shape
        # Few channels: as torch has them, where its norm is more exact.
        h = self.narrow(x).reshape(batch * rows, times, -1).transpose(1, 2).contiguous()
        h = self._normalised(functional.gelu(self.norm(h)))
        h = h.transpose(1, 2).contiguous().view(batch, rows, times, -1)
        return torch.addcmul(x, self.value(h), self.gate(h).sigmoid_())

    def _normalised(self, h: Tensor) -> Tensor:
        """(rows, channels, times) → the same, with two channels more."""
        weight, bias, products = self.tops
        exact = h.float()
        middle = exact.mean(dim=2, keepdim=True)
        apart = exact - middle
        covariance = apart @ apart.transpose(1, 2) / h.shape[2]
        means = weight @ middle + bias
        mean = means.mean(dim=1, keepdim=True)
        variance = (covariance * products).sum((1, 2), True) + (means - mean).square().mean(1, True)
        factor = (variance + self.eps).rsqrt()
        more = torch.cat([factor, mean * factor], dim=1).expand(-1, -1, h.shape[2])
        return torch.cat([exact * factor, more], dim=1).to(h.dtype)


class Down(nn.Module):
    """A layer of an encoder: a convolution with a stride, branches that add to it, a gate; then `offset`, if any."""

    empty = False

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.freq, self.stride = layer.freq, layer.stride
        self.conv, self.gated = _convolution(layer.conv), Gated(layer.rewrite)
        self.branches = nn.ModuleList(map(Branch, layer.dconv.layers if layer.dconv else ()))
        self.offset: Tensor | None = None

    def forward(self, x: Tensor, _inject: None = None) -> Tensor:
        """As Demucs calls it, which adds something only to the layer where frequency ends; that one is not such a layer."""
        if not self.freq:
            x = x.reshape(len(x), -1, 1, x.shape[-1])
        x = x.permute(0, 2, 3, 1)
        if not self.freq:
            x = functional.pad(x, (0, 0, 0, -x.shape[2] % self.stride))
        y: Tensor = self.conv(x)
        y = functional.gelu(y)
        for branch in self.branches:
            y = branch(y)
        y = self.gated(y, self.offset)
        y = y.permute(0, 3, 1, 2)
        return y if self.freq else y[:, :, 0]


class Up(nn.Module):
    """A layer of a decoder: a gate, branches that add to it, a transposed convolution."""

    empty = False

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.freq, self.last, self.pad, self.chin = layer.freq, layer.last, layer.pad, layer.chin
        self.gated = Gated(layer.rewrite)
        self.branches = nn.ModuleList(map(Branch, layer.dconv.layers if layer.dconv else ()))
        self.conv: nn.Module = (Widened if layer.freq else Interleaved)(layer.conv_tr)

    def forward(self, x: Tensor, skip: Tensor, length: int) -> tuple[Tensor, Tensor]:
        if self.freq and x.dim() == 3:
            x = x.view(len(x), self.chin, -1, x.shape[-1])
        x = x + skip
        y = self.gated((x if self.freq else x[:, :, None]).permute(0, 2, 3, 1))
        for branch in self.branches:
            y = branch(y)
        z = self.conv(y)
        z = z[:, self.pad : -self.pad] if self.freq else z[:, :, self.pad : self.pad + length]
        z = (z if self.last else functional.gelu(z)).permute(0, 3, 1, 2)
        y = y.permute(0, 3, 1, 2)
        return (z, y) if self.freq else (z[:, :, 0], y[:, :, 0])


class Widened(nn.Module):
    """A transposed convolution along frequency."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.detach().clone(), requires_grad=False)
        self.bias = nn.Parameter(layer.bias.detach().clone(), requires_grad=False)
        self.stride = layer.stride

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        return functional.conv_transpose2d(x, self.weight, self.bias, self.stride).permute(0, 2, 3, 1)


class Interleaved(nn.Module):
    """A transposed convolution along time, twice as long as its stride.

    As a plain convolution of two values that answers with all samples of a stride at once, which lie one after the other.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        into, out, _ = layer.weight.shape
        weight = layer.weight.detach().view(into, out, 2, -1).flip(2).permute(3, 1, 0, 2)
        bias = layer.bias.detach().repeat(len(weight))
        self.conv = Convolution(weight.reshape(-1, into, 1, 2), bias, 1, (0, 1))
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y.reshape(len(y), 1, -1, self.out)


class Across(nn.Module):
    """A norm over all times and channels at once, of (batch, times, channels)."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(each.detach().clone(), False) for each in (norm.weight, norm.bias)
        )
        self.eps = norm.eps

    def forward(self, x: Tensor) -> Tensor:
        normed = functional.layer_norm(x.flatten(1), (x[0].numel(),), eps=self.eps).view(x.shape)
        return torch.addcmul(self.bias, normed, self.weight)
