"""Brush shapes → weights, in seconds and Hz.

A stroke says what was drawn, never which pixels or bins it fell on; `weights` lays it on any STFT grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from stemstudio.spectral.outlines import inside_outline
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.tiles import Patch

Float = NDArray[np.float32]
MOST_POINTS = 20_000  # of an outline
LOWEST = 10.0  # Hz; pitch is drawn on a log axis, where 0 Hz would lie infinitely low


class Box(BaseModel):
    """A rectangle of time and frequency, in seconds and Hz."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    start: float
    stop: float
    low: float
    high: float

    def contains(self, seconds: float, hertz: float) -> bool:
        return self.start <= seconds <= self.stop and self.low <= hertz <= self.high


class SelectionStep(BaseModel):
    """One area added to a selection, taken from it, or intersected with it.

    Attributes
    ----------
    how
        Which of the three.
    box
        The area, or the smallest box around it.
    outline
        (seconds, Hz) around an area of free shape; empty where the box is the area.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    how: Literal["add", "subtract", "intersect"]
    box: Box
    outline: tuple[tuple[float, float], ...] = Field(default=(), max_length=MOST_POINTS)

    def covers(self, seconds: Float, hertz: Float) -> NDArray[np.bool_]:
        """Which places of a grid lie in the area: bool (hertz, seconds)."""
        box = self.box
        in_time = (seconds >= box.start) & (seconds <= box.stop)
        in_pitch = (hertz >= box.low) & (hertz <= box.high)
        hit = np.outer(in_pitch, in_time)
        if self.outline and hit.any():
            inner = np.ix_(in_pitch, in_time)
            hit[inner] = inside_outline(self.outline, seconds[in_time], hertz[in_pitch])
        return hit


class Selection(BaseModel):
    """What is selected: areas added, subtracted and intersected in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[SelectionStep, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    def combined(
        self,
        how: Literal["replace", "add", "subtract", "intersect"],
        box: Box,
        outline: tuple[tuple[float, float], ...] = (),
    ) -> Selection:
        """This selection with one more area: a box, or what lies inside an outline within it."""
        if how == "replace" or (not self.steps and how == "add"):
            return Selection(steps=(SelectionStep(how="add", box=box, outline=outline),))
        if not self.steps and how == "intersect":
            return self
        step = SelectionStep(how="add" if how == "add" else how, box=box, outline=outline)
        return Selection(steps=(*self.steps, step))

    @property
    def bounds(self) -> Box | None:
        """The smallest box around everything that was added, or None when nothing is."""
        kept: Box | None = None
        for step in self.steps:
            box = step.box
            if step.how == "add":
                kept = (
                    box
                    if kept is None
                    else Box(
                        start=min(kept.start, box.start),
                        stop=max(kept.stop, box.stop),
                        low=min(kept.low, box.low),
                        high=max(kept.high, box.high),
                    )
                )
            elif step.how == "intersect" and kept is not None:
                start, stop = max(kept.start, box.start), min(kept.stop, box.stop)
                low, high = max(kept.low, box.low), min(kept.high, box.high)
                kept = (
                    Box(start=start, stop=stop, low=low, high=high) if start < stop and low < high else None
                )
        return kept

    def weights(self, seconds: Float, hertz: Float) -> Float:
        """1 inside, 0 outside: float32 (hertz, seconds)."""
        inside = np.zeros((hertz.size, seconds.size), dtype=bool)
        for step in self.steps:
            hit = step.covers(seconds, hertz)
            if step.how == "add":
                inside |= hit
            elif step.how == "subtract":
                inside &= ~hit
            else:
                inside &= hit
        return inside.astype(np.float32)


class BrushStroke(BaseModel):
    """A path drawn with a soft elliptic brush.

    Attributes
    ----------
    points
        (seconds, Hz) along the path.
    width, height
        Diameter of the brush in seconds and in octaves.
    hardness
        Share of the radius, 0…1, that is at full strength before it falls off.
    strength
        0…1, what the middle of the brush moves.
    within
        The selection that limited the brush; empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shape: Literal["brush"] = "brush"
    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    width: float = Field(gt=0)
    height: float = Field(gt=0)
    hardness: float = Field(ge=0, le=1)
    strength: float = Field(ge=0, le=1)
    within: Selection = Selection()

    @property
    def box(self) -> Box:
        seconds = [point[0] for point in self.points]
        octaves = [np.log2(max(point[1], LOWEST)) for point in self.points]
        return Box(
            start=min(seconds) - self.width / 2,
            stop=max(seconds) + self.width / 2,
            low=float(2 ** (min(octaves) - self.height / 2)),
            high=float(2 ** (max(octaves) + self.height / 2)),
        )

    def at(self, seconds: Float, hertz: Float) -> Float:
        """Weights at a grid of times and frequencies, float32 (hertz, seconds)."""
        x = seconds[None, :] * (2 / self.width)
        y = (np.log2(np.maximum(hertz, LOWEST))[:, None] * (2 / self.height)).astype(np.float32)
        nearest = np.full((hertz.size, seconds.size), np.inf, dtype=np.float32)
        path = np.array(
            [(t * 2 / self.width, np.log2(max(f, LOWEST)) * 2 / self.height) for t, f in self.points]
        )
        for (x0, y0), (x1, y1) in zip(path, path[1:] if len(path) > 1 else path, strict=False):
            _lower_to_distance(nearest, x, y, x0, y0, x1, y1)
        distance = np.sqrt(nearest, out=nearest)
        soft = max(1.0 - self.hardness, 1e-3)
        fall = np.clip((1.0 - distance) / soft, 0.0, 1.0)
        weights = self.strength * fall * fall * (3.0 - 2.0 * fall)
        if self.within:
            weights = weights * self.within.weights(seconds, hertz)
        return weights.astype(np.float32)


def box_around(points: Sequence[tuple[float, float]]) -> Box:
    """The smallest box around an outline."""
    seconds, hertz = zip(*points, strict=True)
    return Box(start=min(seconds), stop=max(seconds), low=min(hertz), high=max(hertz))


class SelectionFill(BaseModel):
    """A whole selection, given with one strength."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shape: Literal["selection"] = "selection"
    selection: Selection
    strength: float = Field(ge=0, le=1)

    @property
    def box(self) -> Box:
        return self.selection.bounds or Box(start=0, stop=0, low=0, high=0)

    def at(self, seconds: Float, hertz: Float) -> Float:
        """Weights at a grid of times and frequencies, float32 (hertz, seconds)."""
        return self.strength * self.selection.weights(seconds, hertz)


class Shape(Protocol):
    """What can be laid on a grid."""

    @property
    def box(self) -> Box:
        """The smallest box around it."""

    def at(self, seconds: Float, hertz: Float) -> Float:
        """Weights at a grid of times and frequencies, float32 (hertz, seconds)."""


def patch_of(box: Box, settings: StftSettings, sample_rate: int, frames: int) -> Patch:
    """The bins and frames whose centres lie in a box, cut to the sheet."""
    per_second, per_hertz = sample_rate / settings.hop, settings.fft / sample_rate
    return Patch(
        max(0, int(np.ceil(box.low * per_hertz))),
        min(settings.bins, int(np.floor(box.high * per_hertz)) + 1),
        max(0, int(np.ceil(box.start * per_second))),
        min(frames, int(np.floor(box.stop * per_second)) + 1),
    )


def grid_of(patch: Patch, settings: StftSettings, sample_rate: int) -> tuple[Float, Float]:
    """Times (s) and frequencies (Hz) of the frames and bins of a box, float32."""
    seconds = np.arange(patch.frame0, patch.frame1, dtype=np.float64) * settings.hop / sample_rate
    hertz = np.arange(patch.bin0, patch.bin1, dtype=np.float64) * sample_rate / settings.fft
    return seconds.astype(np.float32), hertz.astype(np.float32)


def weights(stroke: Shape, settings: StftSettings, sample_rate: int, frames: int) -> tuple[Patch, Float]:
    """Lay a stroke on an STFT grid: the box it reaches, and its weights there, float32 (bins, frames) in [0, 1]."""
    patch = patch_of(stroke.box, settings, sample_rate, frames)
    if patch.empty:
        return Patch(0, 0, 0, 0), np.zeros((0, 0), dtype=np.float32)
    return patch, stroke.at(*grid_of(patch, settings, sample_rate))


def _lower_to_distance(
    nearest: Float, x: Float, y: Float, x0: float, y0: float, x1: float, y1: float
) -> None:
    """Lower squared distances to those from a segment, only where the brush reaches (own buffer, in place)."""
    columns = np.flatnonzero((x[0] >= min(x0, x1) - 1) & (x[0] <= max(x0, x1) + 1))
    rows = np.flatnonzero((y[:, 0] >= min(y0, y1) - 1) & (y[:, 0] <= max(y0, y1) + 1))
    if not columns.size or not rows.size:
        return
    view = nearest[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    px, py = x[:, columns[0] : columns[-1] + 1] - x0, y[rows[0] : rows[-1] + 1] - y0
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy
    along = np.clip((px * dx + py * dy) / length, 0.0, 1.0) if length > 0 else np.zeros((1, 1))
    np.minimum(view, (px - along * dx) ** 2 + (py - along * dy) ** 2, out=view)
