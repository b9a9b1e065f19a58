"""Strips: everything the strips of a mix do, as numbers and arrays for native code."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.filters import equaliser_array, serials
from stemstudio.mixing.mixer import Strip, stem_gains
from stemstudio.mixing.playstate import GAINS

__all__ = ["EDGE_SECONDS", "Points", "Strips", "curve_array", "curve_points", "merged", "strips_of"]

Points = tuple[tuple[float, float], ...]

EDGE_SECONDS = 0.005
"""Ramp within a muted stretch at both its ends, and the steepest step of an envelope."""


@dataclass(frozen=True, eq=False)
class Strips:
    """What the strips of a mix do.

    Attributes
    ----------
    gains
        Shape (stems, 6), as `stem_gains` makes them.
    filters, curves
        Arrays as `playstate` has them, a stem each; None for none.
    """

    gains: NDArray[np.float64]
    filters: tuple[NDArray[np.float64] | None, ...]
    curves: tuple[NDArray[np.float64] | None, ...]

    @classmethod
    def plain(cls, gains: NDArray[np.floating]) -> Strips:
        """Strips with nothing but a factor a side; `gains` has shape (stems, 2)."""
        whole = np.zeros((len(gains), GAINS))
        whole[:, 0], whole[:, 3] = np.reshape(gains, (-1, 2)).T
        none = (None,) * len(gains)
        return cls(whole, none, none)

    def __eq__(self, other: object) -> bool:
        """Whether they sound the same; equal filters and curves are one array."""
        if not isinstance(other, Strips):
            return NotImplemented
        return (
            np.array_equal(self.gains, other.gains)
            and all(mine is theirs for mine, theirs in zip(self.filters, other.filters, strict=True))
            and all(mine is theirs for mine, theirs in zip(self.curves, other.curves, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def mono(self) -> bool:
        """Whether mono stems stay in the middle, without effects that are stereo themselves."""
        return np.array_equal(self.gains[:, 0], self.gains[:, 3]) and not self.gains[:, 4:].any()

    @property
    def simple(self) -> bool:
        """Whether they are nothing but a factor a side."""
        arrays = (*self.filters, *self.curves)
        return all(array is None for array in arrays) and not self.gains[:, [1, 2, 4, 5]].any()

    def only(self, places: Sequence[int]) -> Strips:
        """Some of them."""
        filters, curves = (tuple(arrays[place] for place in places) for arrays in (self.filters, self.curves))
        return Strips(self.gains[list(places)], filters, curves)

    def scaled(self, factor: float) -> Strips:
        """The same, all of it louder or softer."""
        if factor == 1.0:
            return self
        gains = self.gains.copy()
        gains[:, :4] *= factor
        return Strips(gains, self.filters, self.curves)


def strips_of(strips: Sequence[Strip], channels: int, rate: float) -> Strips:
    """What the strips of a mix do to stems of so many channels."""
    return Strips(
        stem_gains(strips, channels),
        tuple(equaliser_array(strip.equaliser, rate) for strip in strips),
        tuple(curve_array(strip.envelope, strip.mutes, rate) for strip in strips),
    )


@lru_cache(maxsize=256)
def curve_array(envelope: Points, mutes: Points, rate: float) -> NDArray[np.float64] | None:
    """A volume curve as `playstate` has it, the same array whenever it is asked for; None for none."""
    points = curve_points(envelope, mutes)
    if not points:
        return None
    numbers = np.array([(len(points), next(serials)), *((time * rate, gain) for time, gain in points)])
    numbers.flags.writeable = False
    return numbers.ravel()


def curve_points(envelope: Points, mutes: Points) -> Points:
    """One curve for an envelope and the stretches in which nothing is heard.

    The level goes straight from point to point, in amplitude, and stays what it is at the first and the last one.
    Muted stretches fall and rise within their ends, so that nothing outside them is touched.
    """
    spaced: list[tuple[float, float]] = []
    for time, gain in sorted(envelope, key=lambda point: point[0]):
        spaced.append((max(time, spaced[-1][0] + EDGE_SECONDS) if spaced else time, gain))
    gates = list(_gates(mutes))
    if not spaced and not gates:
        return ()
    times = np.unique([*(time for time, _ in spaced), *itertools.chain(*gates)])
    gains = np.ones(len(times))
    if spaced:
        gains = np.interp(times, *np.transpose(spaced))
    for first, down, up, last in gates:
        gains *= np.interp(times, (first, down, up, last), (1.0, 0.0, 0.0, 1.0))
    return tuple(zip(times.tolist(), gains.tolist(), strict=True))


def merged(mutes: Points) -> Points:
    """Muted stretches in order, those that overlap as one."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(mutes):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], stop)
        elif stop > start:
            found.append((start, stop))
    return tuple(found)


def _gates(mutes: Points) -> list[tuple[float, float, float, float]]:
    """Where each muted stretch begins, is silent, is no more, and has ended; stretches that overlap are one."""
    gates = []
    for start, stop in merged(mutes):
        edge = min(EDGE_SECONDS, (stop - start) / 3)
        gates.append((start, start + edge, stop - edge, stop))
    return gates
