"""Outlines: areas of the sheet with a free shape, as closed lines of (seconds, Hz)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

LOWEST = 10.0  # Hz; an outline runs straight on a log axis of pitch, as the sheet mostly has it
DRIFT = 2  # bins that the area may grow by, or move, from one frame to the next
REACH = 2.0  # seconds to either side that a wand grows at most


def inside_outline(points: Sequence[Point], seconds: NDArray[Any], hertz: NDArray[Any]) -> NDArray[np.bool_]:
    """Which places of a grid lie inside a closed outline, by the even–odd rule: bool (hertz, seconds).

    Parameters
    ----------
    points
        The outline; its last point is joined to its first.
    seconds, hertz
        Of the grid, rising or falling.
    """
    inside = np.zeros((len(hertz), len(seconds)), dtype=np.bool_)
    rows = np.log2(np.maximum(hertz, LOWEST))
    times = np.asarray(seconds, dtype=np.float64)
    pitch = [float(np.log2(max(point[1], LOWEST))) for point in points]
    for place, (start, _) in enumerate(points):
        after = (place + 1) % len(points)
        stop = points[after][0]
        first, last = min(start, stop), max(start, stop)
        columns = np.flatnonzero((times >= first) & (times < last))
        if not columns.size:
            continue
        along = (times[columns] - start) / (stop - start)
        crossing = pitch[place] + along * (pitch[after] - pitch[place])
        # Every edge turns over what lies above it.
        span = slice(int(columns.min()), int(columns.max()) + 1)
        inside[:, span] ^= rows[:, None] >= crossing
    return inside


class Wand:
    """The area around a place where it is about as loud: it grows from frame to frame, and is kept while it grows.

    Parameters
    ----------
    levels
        `levels(first, last)` in dB of frames, float (bins, last − first).
    frames
        Of the song.
    frame, bin
        Where to begin.
    reach
        Frames to either side at most.
    """

    def __init__(self, levels: Any, frames: int, frame: int, number: int, reach: int) -> None:
        self._levels = levels
        self._known: dict[int, tuple[int, NDArray[Any]]] = {}
        self._frame, self._bin = frame, number
        self._first, self._last = max(0, frame - reach), min(frames, frame + reach + 1)

    def spans(self, tolerance: float) -> dict[int, tuple[int, int]]:
        """Bins [low, high) by frame that hang together with the place and are at most `tolerance` dB softer than it."""
        column = self._column(self._frame)
        floor = float(column[self._bin]) - tolerance
        start = _around(column, self._bin, floor)
        widest = max(2, start[1] - start[0])
        found = {self._frame: start}
        for step in (1, -1):
            frame, (low, high) = self._frame + step, start
            while self._first <= frame < self._last:
                column = self._column(frame)
                # A glide goes on from bin to bin; a loud neighbour that it only touches is not taken with it.
                low, high = max(0, low - DRIFT), min(len(column), high + DRIFT)
                top = low + int(column[low:high].argmax())
                if column[top] < floor:
                    break
                low, high = max(low, top - widest), min(high, top + widest + 1)
                under, over = _around(column[low:high], top - low, floor)
                low, high = low + under, low + over
                found[frame] = low, high
                frame += step
        return found

    def outline(self, tolerance: float, hop: float, spacing: float) -> tuple[Point, ...]:
        """The area's outline; `hop` are seconds from frame to frame, `spacing` Hz from bin to bin."""
        spans = self.spans(tolerance)
        frames = sorted(spans)
        above = [(frame * hop, (spans[frame][1] - 0.5) * spacing) for frame in frames]
        below = [(frame * hop, max(LOWEST, (spans[frame][0] - 0.5) * spacing)) for frame in frames]
        # Half a frame at either end, so that one frame has a width.
        start, stop = (frames[0] - 0.5) * hop, (frames[-1] + 0.5) * hop
        return (
            (start, above[0][1]),
            *above,
            (stop, above[-1][1]),
            (stop, below[-1][1]),
            *reversed(below),
            (start, below[0][1]),
        )

    def _column(self, frame: int) -> NDArray[Any]:
        block = frame // 16
        if block not in self._known:
            first = max(self._first, 16 * block)
            self._known[block] = first, self._levels(first, min(self._last, 16 * (block + 1)))
        first, levels = self._known[block]
        column: NDArray[Any] = levels[:, frame - first]
        return column


def _around(column: NDArray[Any], top: int, floor: float) -> tuple[int, int]:
    """Bins [low, high) around one that are all at least as loud as `floor`; that one in any case."""
    soft = np.flatnonzero(column < floor)
    under, over = soft[soft < top], soft[soft > top]
    return int(under[-1]) + 1 if under.size else 0, int(over[0]) if over.size else len(column)
