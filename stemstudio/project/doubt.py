"""Doubtful regions: where opinions of a stem differ over much sound, the largest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress
from stemstudio.project.opinions import Comparison, differing
from stemstudio.spectral.brushes import Box

Float = NDArray[np.float32]

BLOCK = 256  # frames compared at a time
BANDS = 54  # over the logarithm of frequency
LOWEST = 40.0  # Hz
COLUMN = 0.1  # seconds
LIMITS = (0.3, 0.45, 0.6, 0.75, 0.9)  # of doubt: where a region is too long, only what is more doubtful of it
LONGEST = 6.0  # seconds of a region
SHORTEST = 0.2
QUIET = 1e-3  # of the loudest level: what is below is nobody's worry
MOST = 60


@dataclass(frozen=True)
class Region:
    """A place where opinions differ.

    Attributes
    ----------
    box
        The smallest that holds it.
    weight
        Share of all doubt in the song that lies here.
    stems
        To whom most of it goes as it is, and in the other opinion.
    """

    box: Box
    weight: float
    stems: tuple[str, str]

    @property
    def words(self) -> str:
        """The question: "drums, or vocals?"."""
        mine, theirs = self.stems
        return f"{mine}, or {theirs}?" if mine != theirs else f"how much of it is {mine}?"


@dataclass(frozen=True, eq=False)
class DoubtMap:
    """Doubt over a whole stem, coarsely: (bands, columns).

    Attributes
    ----------
    doubt
        In [0, 1], weighted by level.
    level
        Σ of the magnitudes.
    mine, theirs
        (stems, bands, columns): of the first opinion, whose the light is.
    edges
        Of the bands in Hz.
    seconds
        Of a column.
    """

    doubt: Float
    level: Float
    mine: Float
    theirs: Float
    edges: NDArray[np.float64]
    seconds: float


def doubt_map(comparisons: Sequence[Comparison], progress: Progress) -> DoubtMap:
    """Compare opinions over the whole song."""
    state = comparisons[0].state
    grid, rate, frames = state.grid, state.mixture.sample_rate, state.frames
    step = max(1, round(COLUMN * rate / grid.hop))
    edges = np.geomspace(min(LOWEST, rate / 8), rate / 2, BANDS + 1)
    cuts = np.unique(np.clip(np.round(edges * grid.fft / rate).astype(int), 1, grid.bins - 1))
    edges = np.append(cuts[:-1] * rate / grid.fft, rate / 2)
    columns, bands, stems = -(-frames // step), len(cuts) - 1, len(comparisons[0].names)
    level, weight = np.zeros((2, bands, columns), dtype=np.float32)
    mine, theirs = np.zeros((2, stems, bands, columns), dtype=np.float32)
    width = max(1, BLOCK // step) * step
    for first in range(0, frames, width):
        progress(first / max(1, frames), "looking for doubtful places")
        last = min(frames, first + width)
        a, b, power = comparisons[0].split_light(first, last)
        loud = np.sqrt(power)
        differs = differing(a, b)
        for other in comparisons[1:]:
            differs += differing(*other.split_light(first, last)[:2])
        differs /= np.float32(len(comparisons))
        at = slice(first // step, -(-last // step))
        level[:, at] = _summed(loud, cuts, step)
        weight[:, at] = _summed(loud * differs, cuts, step)
        for number in range(stems):
            mine[number][:, at] = _summed(a[number] * loud, cuts, step)
            theirs[number][:, at] = _summed(b[number] * loud, cuts, step)
    progress(1.0)
    mean = np.asarray(weight, dtype=np.float32) / np.maximum(level, np.float32(1e-12))
    return DoubtMap(mean.astype(np.float32), level, mine, theirs, edges, step * grid.hop / rate)


def doubtful_regions(found: DoubtMap, names: Sequence[str], duration: float) -> tuple[Region, ...]:
    """Connected places of a map, the one with the most doubt first, each weighted by the level of what is there.

    Parameters
    ----------
    names
        Of the stems of the map.
    duration
        Of the song in seconds.
    """
    from scipy.ndimage import find_objects, label

    heard = found.level > QUIET * found.level.max(initial=0.0)
    weight = np.where(heard, found.doubt * found.level, 0)
    whole = float(weight.sum())
    if whole <= 0:
        return ()
    longest = max(1, round(LONGEST / found.seconds))
    places: list[tuple[slice, slice, NDArray[np.bool_]]] = []

    def take(inside: NDArray[np.bool_], limit: int) -> None:
        marked, _ = label(inside & (found.doubt > LIMITS[limit]), structure=np.ones((3, 3)))
        for number, area in enumerate(find_objects(marked), 1):
            mask = marked[area] == number
            if area[1].stop - area[1].start <= longest:
                places.append((*area, mask))
                continue
            within = np.zeros_like(inside)
            within[area] = mask
            if limit + 1 < len(LIMITS):
                take(within, limit + 1)
                continue
            for start in range(area[1].start, area[1].stop, longest):
                stop = min(area[1].stop, start + longest)
                places.append((area[0], slice(start, stop), within[area[0], start:stop]))

    take(heard, 0)
    regions = []
    for rows, columns, mask in places:
        inside = mask * weight[rows, columns]
        if (columns.stop - columns.start) * found.seconds < SHORTEST or not mask.any():
            continue
        bands = np.flatnonzero(mask.any(axis=1)) + rows.start
        box = Box(
            start=columns.start * found.seconds,
            stop=min(duration, columns.stop * found.seconds),
            low=float(found.edges[bands[0]]),
            high=float(found.edges[bands[-1] + 1]),
        )
        mine = (found.mine[:, rows, columns] * mask).sum(axis=(1, 2))
        theirs = (found.theirs[:, rows, columns] * mask).sum(axis=(1, 2))
        gone, come = int((mine - theirs).argmax()), int((theirs - mine).argmax())
        regions.append(Region(box, float(inside.sum()) / whole, (names[gone], names[come])))
    return tuple(sorted(regions, key=lambda region: -region.weight)[:MOST])


def _summed(values: Float, cuts: NDArray[np.intp], step: int) -> Float:
    """(bins, frames) → (bands, columns)."""
    bands = np.add.reduceat(values[: cuts[-1]], cuts[:-1], axis=0)
    return np.asarray(np.add.reduceat(bands, np.arange(0, bands.shape[1], step), axis=1), dtype=np.float32)
