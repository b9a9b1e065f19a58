"""Segments: how a song is cut for a network, in which order the pieces are computed, and how they join again.

The numbers are those of Demucs' own overlap-add: triangular weights over overlapping segments, averaged over random
shifts, weighted over the networks of a bag. What is different is the order. A song is divided where any segment begins
or ends; each stretch between two such cuts is joined as soon as the last segment over it has come, and always in the
order of the segments. So the segments may be computed from the playhead outwards, and the whole is the same to the
last bit as if it had been computed from left to right.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

SHIFT = 0.5  # seconds that a song is shifted by at most


@dataclass(frozen=True)
class Segment:
    """One forward pass of one network.

    Attributes
    ----------
    network, lane
        Which network, and which shift of which network: lanes are averaged.
    start, length
        The stretch of the song that it answers for, in samples; it may begin before 0 where the song is shifted.
    """

    network: int
    lane: int
    start: int
    length: int

    @property
    def stop(self) -> int:
        return self.start + self.length


@dataclass(frozen=True)
class Cut:
    """How a song is cut into segments.

    Attributes
    ----------
    length
        Of the song in samples.
    lengths
        Samples a segment, for each network.
    segments
        By where they start.
    lanes
        For each lane its network.
    """

    length: int
    lengths: tuple[int, ...]
    segments: tuple[Segment, ...]
    lanes: tuple[int, ...]


def cut(
    length: int,
    segment_lengths: Sequence[int],
    *,
    sample_rate: int,
    overlap: float = 0.25,
    shifts: int = 1,
    seed: int = 0,
    chances: Sequence[int] = (),
    asked: Sequence[int] | None = None,
) -> Cut:
    """Cut a song of `length` samples for some networks.

    Parameters
    ----------
    length
        In samples, at least 1.
    segment_lengths
        For each network of the bag, in samples.
    sample_rate
        In Hz.
    overlap
        Share of a segment that the next one covers again, in [0, 1).
    shifts
        How often each network sees the song, shifted by up to half a second; 0 sees it once, unshifted.
    seed
        Of the shifts: the draws are those of Python's `random` seeded with it, network by network.
    chances
        For each network, among how many numbers it draws one itself at every segment; 0, and by default, none. It
        draws them from the same generator, so that the shifts after it depend on it.
    asked
        The networks that are asked, in rising order; by default all. The others only draw.
    """
    rng = random.Random(seed)
    most = int(SHIFT * sample_rate)
    segments: list[Segment] = []
    lanes: list[int] = []
    wanted = list(range(len(segment_lengths))) if asked is None else list(asked)
    for place, size in enumerate(segment_lengths):
        stride = max(1, int((1 - overlap) * size))
        for _ in range(max(1, shifts)):
            start = rng.randint(0, most) - most if shifts else 0
            offsets = range(start, length, stride)
            if chances and chances[place]:
                for _ in offsets:
                    rng.randrange(chances[place])
            if place not in wanted:
                continue
            segments += [
                Segment(wanted.index(place), len(lanes), offset, min(size, length - offset))
                for offset in offsets
                if offset + size > 0
            ]
            lanes.append(wanted.index(place))
    segments.sort(key=lambda segment: (segment.start, segment.lane))
    return Cut(length, tuple(segment_lengths[place] for place in wanted), tuple(segments), tuple(lanes))


def triangle(length: int) -> Float:
    """Weights of a segment's samples, largest in its middle: float32 (length,), in (0, 1]."""
    weights = np.concatenate(
        [np.arange(1, length // 2 + 1), np.arange(length - length // 2, 0, -1)], dtype=np.float32
    )
    result: Float = weights / weights.max()
    return result


class Waiting:
    """The segments that are still to be computed, the one at the playhead first.

    Parameters
    ----------
    segments
        By where they start.
    kind
        What is the same of those that can be computed together; by default the network.
    """

    def __init__(
        self, segments: Sequence[Segment], kind: Callable[[Segment], Any] = lambda segment: segment.network
    ) -> None:
        self._segments = list(segments)
        self._kind = kind

    def __len__(self) -> int:
        return len(self._segments)

    def take(self, playhead: int, count: int = 1) -> list[Segment]:
        """Up to `count` segments of one kind: those at the playhead and on from there, then those before it."""
        ahead = [segment for segment in self._segments if segment.stop > playhead]
        ordered = ahead or self._segments[::-1]
        kind = self._kind(ordered[0])
        taken = [segment for segment in ordered if self._kind(segment) == kind][:count]
        gone = set(taken)
        self._segments = [segment for segment in self._segments if segment not in gone]
        return taken

    def put_back(self, segments: Sequence[Segment]) -> None:
        """These were not computed after all."""
        self._segments = sorted(
            [*self._segments, *segments], key=lambda segment: (segment.start, segment.lane)
        )


@dataclass
class _Stretch:
    """Samples [start, stop) that the same segments cover; `missing` of them have not come yet."""

    start: int
    stop: int
    segments: list[Segment]
    missing: int = 0


@dataclass
class _Answer:
    """What a network said to a segment, until every stretch that needs it is joined."""

    wave: Any
    needed: int


@dataclass
class Joined:
    """The stems as far as they are there.

    Parameters
    ----------
    plan
        The cut.
    shares
        For each network and stem its weight; those of a stem sum to 1 over the networks.
    write
        Called with (start, wave) for every stretch joined, float32 (stems, channels, samples).

    Answers may as well be tensors on a graphics card: then they are joined there, once `on` was told how arrays become
    such tensors, and `write` is given tensors.
    """

    plan: Cut
    shares: NDArray[np.float64]
    write: Callable[[int, Any], None]
    _stretches: list[_Stretch] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _weights: list[Any] = field(default_factory=list)
    _says: list[Any] = field(default_factory=list)
    _answers: dict[Segment, _Answer] = field(default_factory=dict)
    _needed: dict[Segment, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan = self.plan
        ends = {0, plan.length}
        for segment in plan.segments:
            ends |= {max(0, segment.start), segment.stop}
        cuts = sorted(ends)
        self._stretches = [_Stretch(a, b, []) for a, b in itertools.pairwise(cuts)]
        self._starts = cuts[:-1]
        for segment in plan.segments:
            found = self._under(segment)
            for stretch in found:
                stretch.segments.append(segment)
                stretch.missing += 1
            self._needed[segment] = len(found)
        self.on(lambda array: array)

    def on(self, made: Callable[[Float], Any]) -> None:
        """Join answers of the kind that `made` makes of an array."""
        plan = self.plan
        self._weights = [made(triangle(length)) for length in plan.lengths]
        counts = [plan.lanes.count(network) for network in range(len(plan.lengths))]
        lanes = [(self.shares[network] / counts[network]).astype(np.float32) for network in plan.lanes]
        # One network that sees the song once has the whole say.
        self._says = [None if (share == 1).all() else made(share[:, None, None]) for share in lanes]

    def add(self, segment: Segment, wave: Any) -> list[tuple[int, int]]:
        """Take the answer to a segment, (stems, channels, its length); the ranges of samples that this finished."""
        self._answers[segment] = _Answer(wave, self._needed[segment])
        finished: list[tuple[int, int]] = []
        for stretch in self._under(segment):
            stretch.missing -= 1
            if not stretch.missing:
                self.write(stretch.start, self._join(stretch))
                finished = with_range(finished, (stretch.start, stretch.stop))
        return finished

    def _under(self, segment: Segment) -> list[_Stretch]:
        first = bisect.bisect_left(self._starts, max(0, segment.start))
        last = bisect.bisect_left(self._starts, segment.stop)
        return self._stretches[first:last]

    def _join(self, stretch: _Stretch) -> Any:
        """Σ over lanes of share · Σ w y / Σ w, always in the order of the segments."""
        lanes: dict[int, list[Segment]] = {}
        for segment in stretch.segments:
            lanes.setdefault(segment.lane, []).append(segment)
        total: Any = None
        for lane in sorted(lanes):
            wave, share = self._lane(stretch, lanes[lane]), self._says[lane]
            if share is not None:
                wave *= share
            total = wave if total is None else total + wave
        for segment in stretch.segments:
            answer = self._answers[segment]
            answer.needed -= 1
            if not answer.needed:
                del self._answers[segment]
        return total

    def _lane(self, stretch: _Stretch, segments: Sequence[Segment]) -> Any:
        weight: Any = None
        wave: Any = None
        for segment in segments:
            at = slice(stretch.start - segment.start, stretch.stop - segment.start)
            own = self._weights[segment.network][at]
            piece = own * self._answers[segment].wave[..., at]
            wave = piece if wave is None else wave + piece
            weight = own if weight is None else weight + own
        return wave / weight


def with_range(ranges: Sequence[tuple[int, int]], new: tuple[int, int]) -> list[tuple[int, int]]:
    """Ranges [start, stop) with one more, in order; what touches becomes one."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted([*ranges, new]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
