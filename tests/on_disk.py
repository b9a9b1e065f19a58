"""Where an array lies."""

from __future__ import annotations

import mmap

import numpy as np


def lies_on_disk(array: np.ndarray) -> bool:
    """Whether an array, or what it is a view of, is a map of a file."""
    owner = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, mmap.mmap | memoryview)
