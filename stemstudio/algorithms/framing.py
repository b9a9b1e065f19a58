"""Framing: how every recipe that works on an STFT declares its frames."""

from __future__ import annotations

from typing import Any

from stemstudio.algorithms.algorithm import parameter


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
