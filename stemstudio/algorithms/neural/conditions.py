"""Conditions: what holds while networks compute, and is as it was afterwards: threads, memory, attention, chance."""

from __future__ import annotations

import ctypes
import functools
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from stemstudio.algorithms.neural.devices import Device
from stemstudio.progress import Progress

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # as in malloc.h
USUAL = ((MMAP_MAX, 65536), (TRIM_THRESHOLD, 128 * 1024), (TOP_PAD, 128 * 1024))
KEPT = ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 256 * 2**20))


@contextmanager
def computing(
    torch: Any, device: Device, networks: Sequence[Any] = (), progress: Progress | None = None
) -> Iterator[None]:
    """All of them, for networks on a device; who is asked to stop while they are got ready goes at once."""
    with ExitStack() as stack:
        stack.enter_context(_plain_attention(torch))
        stack.enter_context(_chances_kept())
        stack.enter_context(_positions_kept())
        stack.enter_context(_threads(torch, device))
        if device.name == "cpu":
            stack.enter_context(memory_kept())
        if device.name != "mps":
            from stemstudio.algorithms.neural.quickened import quickened

            for network in networks:
                stack.enter_context(quickened(network, device.name == "cpu", progress))
        yield


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep what is freed until the end, then give all of it back; does nothing where there is no glibc.

    Every layer of a network asks for tens of megabytes and lets them go. glibc returns them to the system at once, which
    then clears the same pages for the next layer: a tenth of the whole work and more.
    """
    library = _glibc()
    if library is None:
        yield
        return
    for option, value in KEPT:
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in USUAL:
            library.mallopt(option, value)
        give_memory_back()


def give_memory_back() -> None:
    """Let the system have what is free, such as the room of networks that are gone; nothing where there is no glibc."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        library.gnu_get_libc_version  # noqa: B018 (other libraries of that name have none)
    except (OSError, AttributeError):
        return None
    return library


@contextmanager
def _plain_attention(torch: Any) -> Iterator[None]:
    """Fused attention instead of torch's transformer fast path: a tenth faster here, and its layers call the hooks."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _positions_kept() -> Iterator[None]:
    """Demucs' transformer tells where a sample lies by waves that are the same for every segment: made once here.

    On a card they would be waited for each time.
    """
    transformer: Any = sys.modules.get("demucs.transformer")
    if transformer is None:
        yield
        return
    before = transformer.create_2d_sin_embedding
    transformer.create_2d_sin_embedding = functools.cache(before)
    try:
        yield
    finally:
        transformer.create_2d_sin_embedding = before


@contextmanager
def _chances_kept() -> Iterator[None]:
    """Networks may draw from Python's own generator; afterwards that goes on as if nothing had been."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def _threads(torch: Any, device: Device) -> Iterator[None]:
    """As many threads as the device says, until the end."""
    before = torch.get_num_threads()
    if device.threads is not None:
        torch.set_num_threads(device.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
