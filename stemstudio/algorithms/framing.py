"""Framing: how every recipe that works on an STFT declares its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.spectral.stft import StftSettings


class Framed(Algorithm):
    """A recipe that makes masks on a grid of its own; it declares `fft` and `hop` where they belong among its fields."""

    if TYPE_CHECKING:
        fft: int
        hop: int

    @model_validator(mode="after")
    def _grid_fits(self) -> Framed:
        StftSettings(fft=self.fft, hop=self.hop)
        return self

    @property
    def grid(self) -> StftSettings:
        """The STFT settings that the masks are made on."""
        return StftSettings(fft=self.fft, hop=self.hop)


def fft_parameter(default: int = 4096, *, le: int = 65536, advanced: bool = True) -> Any:
    """The field of a recipe for the length of a frame, in samples, up to `le`."""
    return parameter(
        default,
        "Length of a slice of sound: longer tells pitches apart better, shorter tells moments apart better",
        unit="samples",
        ge=64,
        le=le,
        advanced=advanced,
    )


def hop_parameter(default: int = 1024, *, le: int = 32768, advanced: bool = True) -> Any:
    """The field of a recipe for the step from frame to frame, in samples, up to `le`."""
    return parameter(
        default,
        "Step from one slice to the next; the slice must be a multiple of it",
        unit="samples",
        ge=16,
        le=le,
        advanced=advanced,
    )
