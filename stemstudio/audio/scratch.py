"""Room for arrays that may be larger than memory: small ones lie there, large ones in an unnamed file on disk."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from stemstudio.errors import StemStudioError

IN_MEMORY = 256 * 2**20  # bytes


def scratch(
    shape: Sequence[int],
    dtype: DTypeLike = np.float32,
    *,
    in_memory: int | None = None,
    folder: Path | None = None,
) -> NDArray[Any]:
    """Zeros of a shape that can be written to.

    What lies in a file stays in memory only as far as the system has nothing better to do with it, and is gone with
    the last reference.

    Parameters
    ----------
    in_memory
        Bytes up to which no file is made; `IN_MEMORY` by default.
    folder
        Where the file lies; the user's cache folder by default, as temporary folders often lie in memory themselves.

    Raises
    ------
    StemStudioError
        If the disk has no room for it.
    """
    kind = np.dtype(dtype)
    count = math.prod(shape)
    size = count * kind.itemsize
    if size <= (IN_MEMORY if in_memory is None else in_memory):
        return np.zeros(shape, dtype=kind)
    folder = folder or _cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Closing unlinks the file at once on POSIX. On Windows it lives until the map's own handle is closed, which
        # the system does even when the process is killed. Nothing is left behind on either.
        with tempfile.NamedTemporaryFile(dir=folder, prefix="stemstudio-", suffix=".scratch") as file:
            _reserve(file.fileno(), size, folder)
            mapped = mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise StemStudioError(
            f"There is no room on the disk for the {size / 2**30:.1f} GB that a recording this long takes.",
            f"Free some space in {folder}.",
        ) from error
    return np.frombuffer(mapped, dtype=kind, count=count).reshape(shape)


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
