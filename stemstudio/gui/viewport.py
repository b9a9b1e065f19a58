"""Viewport: which seconds and which frequencies are on screen, shared by every view of the song."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QPointF, Signal

Axis = Literal["log", "mel", "linear"]
SHORTEST = 0.02  # seconds on screen at the closest zoom
LOWEST = 20.0  # Hz at the bottom of a log axis


def scale(hertz: float | np.ndarray, axis: Axis) -> float | np.ndarray:
    """Place of a frequency on an axis, in the axis's own unit (octaves, mel, Hz)."""
    if isinstance(hertz, float | int):  # many times quicker than an array of one
        if axis == "log":
            return math.log2(max(hertz, 1e-3))
        return 2595.0 * math.log10(1.0 + hertz / 700.0) if axis == "mel" else float(hertz)
    if axis == "log":
        return np.log2(np.maximum(hertz, 1e-3))
    if axis == "mel":
        return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)
    return np.asarray(hertz, dtype=float)


def unscale(place: float | np.ndarray, axis: Axis) -> float | np.ndarray:
    """Frequency in Hz at a place of an axis."""
    if axis == "log":
        return np.exp2(place)
    if axis == "mel":
        return 700.0 * (10.0 ** (np.asarray(place) / 2595.0) - 1.0)
    return np.asarray(place, dtype=float)


class Viewport(QObject):
    """The visible seconds [start, stop] and frequencies [low, high] in Hz.

    Signals
    -------
    changed
        After any change; views repaint.
    time_changed, frequency_changed
        Before it, the seconds or the frequencies: for views of one of them.
    """

    changed = Signal()
    time_changed = Signal()
    frequency_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.duration = 1.0
        self.nyquist = 22050.0
        self.start, self.stop = 0.0, 1.0
        self.low, self.high = LOWEST, 22050.0
        self.axis: Axis = "log"

    def set_song(self, duration: float, sample_rate: int) -> None:
        """A song of another length: show all of it."""
        self.duration = max(duration, SHORTEST)
        self.nyquist = sample_rate / 2
        self.fit()

    def set_duration(self, duration: float) -> None:
        """The song turned out longer or shorter than thought; what is on screen stays where that is possible."""
        whole = self.start == 0.0 and self.stop == self.duration
        self.duration = max(duration, SHORTEST)
        self.set_time(0.0 if whole else self.start, self.duration if whole else self.stop)

    def set_axis(self, axis: Axis) -> None:
        self.axis = axis
        if axis == "log":
            self.low = max(self.low, LOWEST)
        self.frequency_changed.emit()
        self.changed.emit()

    def fit(self) -> None:
        """Show the whole song."""
        self.start, self.stop = 0.0, self.duration
        self.low, self.high = (LOWEST if self.axis == "log" else 0.0), self.nyquist
        self.time_changed.emit()
        self.frequency_changed.emit()
        self.changed.emit()

    def set_time(self, start: float, stop: float) -> None:
        """Show seconds start…stop, moved and cut to what the song has."""
        span = min(max(stop - start, SHORTEST), self.duration)
        start = min(max(start, 0.0), self.duration - span)
        self.start, self.stop = start, start + span
        self.time_changed.emit()
        self.changed.emit()

    def set_frequency(self, low: float, high: float) -> None:
        """Show frequencies low…high in Hz."""
        bottom = float(scale(LOWEST if self.axis == "log" else 0.0, self.axis))
        top = float(scale(self.nyquist, self.axis))
        p0, p1 = float(scale(low, self.axis)), float(scale(high, self.axis))
        span = min(max(p1 - p0, (top - bottom) / 200), top - bottom)
        p0 = min(max(p0, bottom), top - span)
        self.low, self.high = float(unscale(p0, self.axis)), float(unscale(p0 + span, self.axis))
        self.frequency_changed.emit()
        self.changed.emit()

    def zoom_time(self, factor: float, at: float) -> None:
        """Zoom by a factor (> 1 is closer) with second `at` staying where it is on screen."""
        span = min(max((self.stop - self.start) / factor, SHORTEST), self.duration)
        share = (at - self.start) / (self.stop - self.start)
        self.set_time(at - share * span, at - share * span + span)

    def zoom_frequency(self, factor: float, at: float) -> None:
        """Zoom by a factor (> 1 is closer) with frequency `at` staying where it is on screen."""
        p0, p1, p = (float(scale(f, self.axis)) for f in (self.low, self.high, at))
        span = (p1 - p0) / factor
        share = (p - p0) / (p1 - p0)
        start = p - share * span
        self.set_frequency(float(unscale(start, self.axis)), float(unscale(start + span, self.axis)))

    def scroll_time(self, seconds: float) -> None:
        self.set_time(self.start + seconds, self.stop + seconds)

    def scroll_frequency(self, share: float) -> None:
        """Scroll by a share of what is on screen; positive is up."""
        p0, p1 = float(scale(self.low, self.axis)), float(scale(self.high, self.axis))
        step = share * (p1 - p0)
        bottom = float(scale(LOWEST if self.axis == "log" else 0.0, self.axis))
        top = float(scale(self.nyquist, self.axis))
        step = min(max(step, bottom - p0), top - p1)
        self.set_frequency(float(unscale(p0 + step, self.axis)), float(unscale(p1 + step, self.axis)))

    def x_of(self, seconds: float, width: int) -> float:
        """Pixel column of a second in a view `width` pixels wide."""
        return (seconds - self.start) / (self.stop - self.start) * width

    def second_at(self, x: float, width: int) -> float:
        return self.start + x / max(width, 1) * (self.stop - self.start)

    def y_of(self, hertz: float, height: int) -> float:
        """Pixel row (0 is the top) of a frequency in a view `height` pixels high."""
        p0, p1 = scale(self.low, self.axis), scale(self.high, self.axis)
        return float((p1 - scale(hertz, self.axis)) / (p1 - p0) * height)

    def points_of(self, places: Sequence[tuple[float, float]], width: int, height: int) -> list[QPointF]:
        """Pixels of many places (seconds, Hz): an outline has hundreds."""
        seconds, hertz = np.asarray(places, dtype=float).T
        bottom, top = float(scale(self.low, self.axis)), float(scale(self.high, self.axis))
        x = (seconds - self.start) / (self.stop - self.start) * width
        y = (top - scale(hertz, self.axis)) / (top - bottom) * height
        return [QPointF(*each) for each in zip(x.tolist(), y.tolist(), strict=True)]

    def hertz_at(self, y: float, height: int) -> float:
        p0, p1 = scale(self.low, self.axis), scale(self.high, self.axis)
        return float(unscale(p1 - y / max(height, 1) * (p1 - p0), self.axis))
