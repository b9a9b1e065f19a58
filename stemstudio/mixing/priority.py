"""Priority: the threads that deliver sound go before all others, where the system lets a program say so."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

__all__ = ["going_first"]

NICE = -11
"""What sound servers take for themselves."""


@contextlib.contextmanager
def going_first() -> Iterator[None]:
    """Native threads that begin meanwhile go first; on Linux, for whoever may, as members of its audio group.

    Elsewhere the sound system sees to it itself.  Python's own threads stay as they are.
    """
    before = _threads()
    yield
    for thread in _threads() - before - {each.native_id for each in threading.enumerate()}:
        with contextlib.suppress(OSError):  # not allowed, or gone already
            os.setpriority(os.PRIO_PROCESS, thread, NICE)


def _threads() -> set[int]:
    """The numbers that the system has for this program's threads."""
    if sys.platform != "linux":
        return set()
    return {int(name) for name in os.listdir("/proc/self/task")}
