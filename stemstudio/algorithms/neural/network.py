"""Network: what every neural separator is to the code that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """A trained network.

    Attributes
    ----------
    module
        A `torch.nn.Module` that takes float32 (batch, channels, samples) and answers with
        (batch, stems, channels, samples); on the CPU, in evaluation mode.
    stems
        Names of what it answers with.
    sample_rate, channels
        Of what it takes.
    segment
        Seconds that it takes at once, at most.
    fixed_length
        Whether it always computes a whole segment, however short the stretch: then the song itself fills it up.
    chances
        Among how many numbers it draws one from Python's `random` in every forward pass; 0 for none.
    levelled
        Whether it takes songs of mean 0 and deviation 1.
    """

    module: Any
    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    segment: float
    fixed_length: bool = True
    chances: int = 0
    levelled: bool = True

    def samples(self, seconds: float = 0.0) -> int:
        """Length of a segment of so many seconds, never above the network's own; its own for 0."""
        own = int(self.segment * self.sample_rate)
        return min(own, max(1, int(seconds * self.sample_rate))) if seconds else own

    def taken(self, length: int, segment: int) -> int:
        """How many samples it wants to see for a stretch of `length` ≤ `segment`."""
        if self.fixed_length:
            return segment
        valid = getattr(self.module, "valid_length", None)
        return int(valid(length)) if valid is not None else length

    def layers(self) -> Iterator[Any]:
        """The modules that hold no others, in order."""
        return (layer for layer in self.module.modules() if not any(layer.children()))
