"""New sound for a stretch of a song that is playing, put in its place without a click.

What the callback is about to read must not change under it.  Those samples
keep their old values until they have been played; after them the old sound is
blended into the new one, and everything else is new at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LeftOver", "Patches", "patch_buffers"]


@dataclass(frozen=True, slots=True)
class LeftOver:
    """The samples [start, stop) that still hold old sound, and the new sound for them.

    Attributes
    ----------
    start, stop
        Samples of the song.
    new
        One array a buffer, shape (channels, stop - start).
    """

    start: int
    stop: int
    new: tuple[NDArray[np.float32], ...]

    def write(self, live: Sequence[NDArray[np.float32]]) -> None:
        """Put the new sound in; for when the playhead is elsewhere."""
        for buffer, samples in zip(live, self.new, strict=True):
            buffer[:, self.start : self.stop] = samples


class Patches:
    """Patches of buffers that are played, and what of them still has to wait; any thread may put one.

    Attributes
    ----------
    lock
        Held while buffers are written to.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._waiting: list[tuple[LeftOver, list[NDArray[np.float32]]]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(
        self,
        live: Sequence[NDArray[np.float32]],
        new: Sequence[NDArray[np.float32]],
        start: int,
        position: int | None,
        guard: int,
        blend: int,
    ) -> None:
        """Write `new` into `live` as `patch_buffers` does; what has to wait is written by a later `settle`."""
        stop = start + (new[0].shape[-1] if new else 0)
        with self.lock:
            buffers = list(live)
            if any(rest.start < stop and start < rest.stop for rest, _ in self._waiting):
                self.settle(None, guard)
            rest = patch_buffers(buffers, new, start, position, guard, blend)
            if rest is not None:
                self._waiting.append((rest, buffers))

    def settle(self, position: int | None, guard: int) -> None:
        """Write what waited for the playhead, now at sample `position`, to pass; all of it while nothing plays."""
        with self.lock:
            waiting = []
            for rest, live in self._waiting:
                if position is None or not rest.start - guard <= position < rest.stop:
                    rest.write(live)
                else:
                    waiting.append((rest, live))
            self._waiting = waiting

    def forget(self) -> None:
        """Drop what waits: its buffers are played no more."""
        with self.lock:
            self._waiting.clear()


def patch_buffers(
    live: Sequence[NDArray[np.float32]],
    new: Sequence[NDArray[np.float32]],
    start: int,
    position: int | None,
    guard: int,
    blend: int = 220,
) -> LeftOver | None:
    """Write `new` into `live` from sample `start` on, around a playhead.

    Parameters
    ----------
    live
        Buffers that are played, shape (channels, samples); written to.
    new
        Their new sound, shape (channels, stop - start).
    start
        Sample of the song at which the new sound begins.
    position
        Sample that is read next, or None while nothing plays.
    guard
        Samples from there that keep their old values: what may be read before this returns.
    blend
        Samples of the straight blend from old to new that follows.

    Returns
    -------
    LeftOver or None
        What is to be written once the playhead has passed, if anything.

    Raises
    ------
    ValueError
        If the new sound does not fit.
    """
    if len(live) != len(new):
        raise ValueError(f"{len(new)} new buffers for {len(live)}")
    lengths = {samples.shape[-1] for samples in new}
    if len(lengths) != 1:
        raise ValueError(f"new buffers must have one length, not {sorted(lengths)}")
    stop = start + lengths.pop()
    if start < 0 or stop > live[0].shape[-1]:
        raise ValueError(f"samples {start}...{stop} lie outside the song of {live[0].shape[-1]}")
    # [start, hold) new, [hold, until) old for now, [until, after) blend, [after, stop) new.
    hold = stop if position is None else min(max(start, position), stop)
    until = stop if position is None else min(max(start, position + guard), stop)
    after = until if until in (start, stop) else min(until + blend, stop)
    weight = np.arange(1, after - until + 1, dtype=np.float32) / np.float32(after - until + 1)
    kept = []
    for buffer, samples in zip(live, new, strict=False):
        # From the far end to the playhead: what is read soonest is in place last, and never half.
        buffer[:, after:stop] = samples[:, after - start :]
        fresh = samples[:, until - start : after - start]
        buffer[:, until:after] += weight * (fresh - buffer[:, until:after])
        buffer[:, start:hold] = samples[:, : hold - start]
        kept.append(samples[:, hold - start : after - start].copy())
    return LeftOver(hold, after, tuple(kept)) if after > hold else None
