"""Room for samples that are still coming in: memory for a song, an unnamed file on disk for a long recording."""

from __future__ import annotations

from pathlib import Path

from stemstudio.audio.audio import Samples
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress

MAPPED_FROM_BYTES = 128 * 2**20  # six minutes of stereo at 44.1 kHz
COPIED = 2**20  # samples a channel that are copied between two looks at whether to go on


class SampleStore:
    """A float32 (channels, capacity) array that is filled from its start and grows when it must.

    Attributes
    ----------
    array
        All the room there is; only `[:, :length]` has been filled. Another array after it had to grow.
    length
        Samples a channel filled so far.
    """

    def __init__(self, channels: int, expected: int, folder: Path | None = None) -> None:
        self._channels, self._folder = channels, folder
        self.length = 0
        self.array = self._room(max(1, expected))

    def append(self, block: Samples) -> tuple[int, int]:
        """Add a block (channels, n) at the end; the range it went to."""
        start, stop = self.length, self.length + block.shape[1]
        if stop > self.array.shape[1]:
            larger = self._room(max(stop, self.array.shape[1] * 2))
            larger[:, :start] = self.array[:, :start]
            self.array = larger
        self.array[:, start:stop] = block
        self.length = stop
        return start, stop

    def finish(self) -> Samples:
        """What was filled, read-only; rows are contiguous, and all of it is unless the expectation was too long."""
        return frozen(self.array[:, : self.length])

    def exact(self, progress: Progress) -> Samples:
        """What was filled, read-only and contiguous: copied if the expectation was too long, stops when asked to."""
        if self.length == self.array.shape[1]:
            return frozen(self.array)
        room = self._room(self.length)
        for start in range(0, self.length, COPIED):
            progress.check()
            stop = min(self.length, start + COPIED)
            room[:, start:stop] = self.array[:, start:stop]
        return frozen(room)

    def _room(self, length: int) -> Samples:
        return scratch((self._channels, length), in_memory=MAPPED_FROM_BYTES, folder=self._folder)


def frozen(samples: Samples) -> Samples:
    """A read-only view."""
    view = samples.view()
    view.flags.writeable = False
    return view
