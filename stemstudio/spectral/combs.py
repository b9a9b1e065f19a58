"""Harmonic combs: the overtones of a pitch, as weights on any grid of times and frequencies."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from stemstudio.spectral.brushes import Box, Selection
from stemstudio.spectral.lines import pitch_at

Float = NDArray[np.float32]

EDGE = 1.5  # how far the comb's teeth reach in all, in their own half width
LOBE = 2.0  # bins to either side that a Hann window spreads a partial over
BLOCK = 256  # times worked on at once


class CombStroke(BaseModel):
    """A melody with its overtones.

    Attributes
    ----------
    points
        (seconds, Hz) along the melody, in order; 0 Hz begins a rest.
    width
        How far every overtone reaches to either side at full strength, in cents; half as much again falls off.
    partials
        How many overtones, the pitch itself among them.
    lobe
        How far an overtone reaches at least, in Hz: slices of sound spread a pure tone.
    strength
        0…1, what the middle of an overtone moves.
    within
        The selection that limited it; empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shape: Literal["comb"] = "comb"
    points: tuple[tuple[float, float], ...] = Field(min_length=2)
    width: float = Field(gt=0, le=1200)
    partials: int = Field(ge=1, le=200)
    lobe: float = Field(ge=0, le=10_000)
    strength: float = Field(ge=0, le=1)
    within: Selection = Selection()

    @property
    def box(self) -> Box:
        sung = [hertz for _, hertz in self.points if hertz > 0]
        if not sung:
            return Box(start=0, stop=0, low=0, high=0)
        low, high = min(sung), max(sung) * self.partials
        return Box(
            start=self.points[0][0],
            stop=self.points[-1][0],
            low=max(0.0, low - EDGE * reach(low, self.width, self.lobe)),
            high=high + EDGE * reach(high, self.width, self.lobe),
        )

    def at(self, seconds: Float, hertz: Float) -> Float:
        """Weights at a grid of times and frequencies, float32 (hertz, seconds)."""
        pitch = pitch_at(self.points, seconds)
        result = np.zeros((hertz.size, seconds.size), dtype=np.float32)
        for first in range(0, seconds.size, BLOCK):
            part = slice(first, first + BLOCK)
            if pitch[part].any():
                result[:, part] = comb(pitch[part], hertz, self.width, self.partials, self.lobe).T
        result *= np.float32(self.strength)
        if self.within:
            result *= self.within.weights(seconds, hertz)
        return result


def comb(pitch: Float, hertz: Float, width: float, partials: int, lobe: float) -> Float:
    """Weights of the partials of a pitch.

    Parameters
    ----------
    pitch
        float32 (times,), in Hz; 0 for none.
    hertz
        Frequencies, float32 (frequencies,).
    width
        How far a tooth reaches to either side in cents, and at least as far as `lobe`. Over half as much again it
        falls to 0.
    partials
        Number of teeth.
    lobe
        In Hz.

    Returns
    -------
    ndarray
        float32 (times, frequencies), in [0, 1].
    """
    heard = pitch > 0
    safe = np.where(heard, pitch, np.float32(1))[:, None]
    tooth = np.clip(np.rint(hertz / safe), 1, partials) * safe
    away = np.abs(hertz - tooth)
    away /= np.maximum(reach(tooth, width, lobe), np.float32(1e-6))
    weights: Float = np.clip((EDGE - away) / (EDGE - 1), 0, 1).astype(np.float32)
    weights[~heard] = 0
    return weights


def reach(tooth: float | Float, width: float, lobe: float) -> float | Float:
    """Hz that a tooth reaches to either side at full strength."""
    return np.maximum(tooth * np.float32(2 ** (width / 1200) - 1), np.float32(lobe))
