"""PitchLine: a melody as it was drawn or found: stretches of pitch over time, in seconds and Hz, with rests between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

Float = NDArray[np.float32]
Point = tuple[float, float]
Run = tuple[Point, ...]

LOWEST, HIGHEST = 10.0, 20_000.0  # Hz that a melody can have
LATEST = 1e6  # seconds
MOST_POINTS = 200_000
REST = 1e-3  # seconds from the end of a stretch to where its rest begins, in `points`
JOIN = 0.03  # seconds: a stretch that is drawn so near to another goes on from it
SHORTEST = 0.01  # seconds of a stretch


class PitchLine(BaseModel):
    """Stretches of a melody, in order; between two of them it rests.

    Attributes
    ----------
    runs
        For each stretch its points (seconds, Hz), two at least; straight lines of pitch lead from one to the next.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    runs: tuple[Run, ...] = ()

    @model_validator(mode="after")
    def _goes_forward(self) -> PitchLine:
        if sum(len(run) for run in self.runs) > MOST_POINTS:
            raise ValueError("the melody has more points than any song")
        before = -np.inf
        for run in self.runs:
            if len(run) < 2:
                raise ValueError("a stretch of the melody has no length")
            for seconds, hertz in run:
                if not (seconds > before and -LATEST < seconds < LATEST and LOWEST <= hertz <= HIGHEST):
                    raise ValueError("the melody goes back in time, or higher or lower than any can")
                before = seconds
        return self

    def __bool__(self) -> bool:
        return bool(self.runs)

    @property
    def points(self) -> tuple[Point, ...]:
        """All points, with one of 0 Hz where a rest begins; none after the last stretch."""
        found: list[Point] = []
        for run, following in pairwise((*self.runs, None)):
            assert run is not None
            found += run
            if following is not None:
                gap = following[0][0] - run[-1][0]
                found.append((run[-1][0] + min(REST, gap / 2), 0.0))
        return tuple(found)

    @property
    def track(self) -> str:
        """The points as the melody recipe takes them, “seconds Hz, seconds Hz, …”."""
        return ", ".join(f"{seconds:.4f} {hertz:.2f}" for seconds, hertz in self.points if seconds >= 0)

    @property
    def span(self) -> tuple[float, float]:
        """Seconds of its beginning and its end; (0, 0) where there is none."""
        return (self.runs[0][0][0], self.runs[-1][-1][0]) if self.runs else (0.0, 0.0)

    def at(self, seconds: NDArray[Any]) -> Float:
        """Its pitch at some times, in Hz; 0 where it rests."""
        return pitch_at(self.points, seconds)

    def drawn(self, run: Sequence[Point]) -> PitchLine:
        """This line with a stretch drawn anew, in place of what was there; it goes on from what it touches."""
        if len(run) < 2 or run[-1][0] - run[0][0] < SHORTEST:
            return self
        rest = self.erased(run[0][0], run[-1][0])
        before = [each for each in rest.runs if each[-1][0] <= run[0][0]]
        after = [each for each in rest.runs if each[0][0] >= run[-1][0]]
        middle = list(run)
        # A leap where the new stretch meets the old: the old ends a moment earlier, at its own pitch.
        if before and run[0][0] - before[-1][-1][0] <= JOIN:
            old = before.pop()
            edge = (min(old[-1][0], run[0][0] - REST), old[-1][1])
            middle = [*(point for point in old if point[0] < edge[0]), edge, *middle]
        if after and after[0][0][0] - run[-1][0] <= JOIN:
            old = after.pop(0)
            edge = (max(old[0][0], run[-1][0] + REST), old[0][1])
            middle = [*middle, edge, *(point for point in old if point[0] > edge[0])]
        return PitchLine(runs=(*before, tuple(middle), *after))

    def erased(self, start: float, stop: float) -> PitchLine:
        """This line with a rest from `start` to `stop`."""
        if stop <= start:
            return self
        kept: list[Run] = []
        for run in self.runs:
            if run[-1][0] <= start or run[0][0] >= stop:
                kept.append(run)
                continue
            ends = pitch_at(run, np.array([start, stop]))
            left = [point for point in run if point[0] < start]
            right = [point for point in run if point[0] > stop]
            if left:
                left.append((start, float(ends[0])))
            if right:
                right.insert(0, (stop, float(ends[1])))
            kept += [tuple(part) for part in (left, right) if len(part) > 1 and _length(part) >= SHORTEST]
        return PitchLine(runs=tuple(kept))

    def within(self, start: float, stop: float) -> PitchLine:
        """The part of it that lies between two times."""
        first, last = self.span
        return self.erased(first - 1, start).erased(stop, last + 1)

    def replaced(self, start: float, stop: float, other: PitchLine) -> PitchLine:
        """This line with what another has between two times in place of its own there."""
        rest = self.erased(start, stop)
        kept = [run for run in rest.runs if run[-1][0] <= start or run[0][0] >= stop]
        # Ends that meet to the very moment are moved apart, as two stretches.
        inside = other.within(start + REST, stop - REST).runs
        return PitchLine(runs=tuple(sorted([*kept, *inside])))


def line_of_pitch(
    seconds: NDArray[Any], hertz: NDArray[Any], cents: float = 6.0, shortest: float = 0.06
) -> PitchLine:
    """The line through a pitch that was measured frame by frame, with as few points as it takes.

    Parameters
    ----------
    seconds, hertz
        Times, rising, and the pitch there; 0 for a rest.
    cents
        How far the line may lie from the pitch.
    shortest
        Seconds of a stretch; what is shorter is taken for a mistake of the measuring.
    """
    sung = np.flatnonzero(hertz > 0)
    runs = np.split(sung, np.flatnonzero(np.diff(sung) > 1) + 1) if sung.size else []
    lines = (simplified([(float(seconds[at]), float(hertz[at])) for at in run], cents) for run in runs)
    return PitchLine(runs=tuple(line for line in lines if len(line) > 1 and _length(line) >= shortest))


def simplified(points: Sequence[Point], cents: float = 3.0) -> Run:
    """A line with as few of its points as keep it within `cents` of all (Ramer 1972, Douglas & Peucker 1973)."""
    if len(points) < 3:
        return tuple(points)
    times = np.array([point[0] for point in points])
    pitch = 1200 * np.log2([point[1] for point in points])
    kept = {0, len(points) - 1}
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        inside = slice(first + 1, last)
        along = (times[inside] - times[first]) / (times[last] - times[first])
        away = np.abs(pitch[inside] - pitch[first] - along * (pitch[last] - pitch[first]))
        worst = int(away.argmax())
        if away[worst] > cents:
            middle = first + 1 + worst
            kept.add(middle)
            waiting += [(first, middle), (middle, last)]
    return tuple(points[place] for place in sorted(kept))


def redrawn(path: Sequence[Point], last: Point | None, new: Point) -> list[Point]:
    """A path in order of time with the pointer's next place; what the pointer passed over again is forgotten."""
    start, stop = sorted((new[0] if last is None else last[0], new[0]))
    keep = [point for point in path if point[0] < start or point[0] > stop]
    found = [*keep, new] if last is None or last[0] == new[0] else [*keep, last, new]
    return sorted(found)


def pitch_at(points: Sequence[Point], seconds: NDArray[Any]) -> Float:
    """Pitch at some times from points (seconds, Hz): straight lines in pitch; 0 Hz ends the line before.

    Returns
    -------
    ndarray
        float32, in Hz; 0 before the first point, after the last, and from a point of 0 Hz to the next.
    """
    result = np.zeros(len(seconds), dtype=np.float32)
    if len(points) < 2:
        return result
    times = np.array([point[0] for point in points])
    pitch = np.array([point[1] for point in points])
    at = np.clip(np.searchsorted(times, seconds, side="right") - 1, 0, len(points) - 2)
    here, there = pitch[at], pitch[at + 1]
    inside = (seconds >= times[at]) & (here > 0)
    inside &= np.where(there > 0, seconds <= times[at + 1], seconds < times[at + 1])
    length = np.where(times[at + 1] > times[at], times[at + 1] - times[at], 1.0)
    along = np.clip((seconds - times[at]) / length, 0.0, 1.0)
    start = np.where(here > 0, here, 1.0)
    ratio = np.where(there > 0, there, start) / start
    result[inside] = (start * ratio**along)[inside]
    return result


def _length(run: Sequence[Point]) -> float:
    return run[-1][0] - run[0][0]
