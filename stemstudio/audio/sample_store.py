"""Room for samples that are still coming in: memory for a song, an unnamed file on disk for a long recording."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.errors import StemStudioError

MAPPED_FROM_BYTES = 128 * 2**20  # six minutes of stereo at 44.1 kHz


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
        self._folder = folder
        self.length = 0
        self.array = _room(channels, max(1, expected), folder)

    def append(self, block: Samples) -> tuple[int, int]:
        """Add a block (channels, n) at the end; the range it went to."""
        start, stop = self.length, self.length + block.shape[1]
        if stop > self.array.shape[1]:
            larger = _room(self.array.shape[0], max(stop, self.array.shape[1] * 2), self._folder)
            larger[:, :start] = self.array[:, :start]
            self.array = larger
        self.array[:, start:stop] = block
        self.length = stop
        return start, stop

    def finish(self) -> Samples:
        """What was filled, read-only; rows are contiguous, and all of it is unless the expectation was too long."""
        return frozen(self.array[:, : self.length])


def frozen(samples: Samples) -> Samples:
    """A read-only view."""
    view = samples.view()
    view.flags.writeable = False
    return view


def _room(channels: int, frames: int, folder: Path | None) -> Samples:
    size = channels * frames * 4
    if size < MAPPED_FROM_BYTES:
        return np.zeros((channels, frames), dtype=np.float32)
    folder = folder or _cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Closing unlinks the file at once on POSIX. On Windows it lives until the map's own handle is closed, which
        # the system does even when the process is killed. Nothing is left behind on either.
        with tempfile.NamedTemporaryFile(dir=folder, prefix="song-", suffix=".samples") as file:
            _reserve(file.fileno(), size, folder)
            mapped = mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise StemStudioError(
            f"There is no room on the disk for the {size / 2**30:.1f} GB of samples of this song.",
            f"Free some space in {folder}.",
        ) from error
    return np.frombuffer(mapped, dtype=np.float32).reshape(channels, frames)


def _reserve(descriptor: int, size: int, folder: Path) -> None:
    # Writing to a map of a sparse file kills the process when the disk fills up; so all of it is claimed first.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif shutil.disk_usage(folder).free < size:
        raise OSError("disk full")
    else:
        os.ftruncate(descriptor, size)


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("stemstudio", appauthor=False)) / "samples"
