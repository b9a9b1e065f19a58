"""Devices: what can compute a network here, in words, and what to do when it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from stemstudio.algorithms.neural.torch_library import opened
from stemstudio.algorithms.parameters import counted
from stemstudio.errors import BadRecipe

Name = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class Device:
    """Something that computes.

    Attributes
    ----------
    name
        As torch calls it.
    words
        As a person does: "NVIDIA H100, 78 GB free".
    batch
        How many segments it is given at once.
    threads
        On how many cores the processor computes; None for as many as torch thinks right.
    """

    name: Literal["cpu", "cuda", "mps"]
    words: str
    batch: int = 1
    threads: int | None = None

    @property
    def title(self) -> str:
        """As in a sentence: "the graphics card (NVIDIA H100, 78 GB free)"."""
        return "the processor" if self.name == "cpu" else f"the graphics card ({self.words})"


def chosen(name: Name) -> Device:
    """The device of that name; for "auto" a graphics card that works, else the processor.

    `BadRecipe` where the one that is named is not here, or does not compute.
    """
    opened()
    import torch

    if name == "cpu":
        return processor()
    for candidate in ("cuda", "mps") if name == "auto" else (name,):
        there = torch.cuda.is_available() if candidate == "cuda" else torch.backends.mps.is_available()
        if there and _computes(torch, candidate):
            return _card(torch, candidate)
        if name != "auto":
            why = "does not compute" if there else "is not here"
            raise BadRecipe(
                f"A graphics card that torch can compute on (“{name}”) {why}.",
                "Choose “auto” or “cpu” as the device.",
            )
    return processor()


@dataclass(frozen=True)
class Machine:
    """What of this machine can compute.

    Attributes
    ----------
    devices
        Words for every device that is here, by its name; "auto" says which one that is.
    half
        The names of those that are faster in half precision.
    """

    devices: Mapping[str, str]
    half: frozenset[str]


def machine() -> Machine:
    """Look at this machine; takes seconds, as cards are tried."""

    found: dict[str, str] = {}
    cards: tuple[Name, ...] = ("cuda", "mps")
    for name in cards:
        with suppress(BadRecipe):
            found[name] = chosen(name).words
    best = chosen("auto")
    half: set[str] = {name for name in ("cpu", *found) if faster_in_half(name)}
    if best.name in half:
        half.add("auto")
    return Machine({"auto": best.words, "cpu": processor().words, **found}, frozenset(half))


def faster_in_half(name: str) -> bool:
    """Whether a device here multiplies numbers of half precision itself, rather than that they are made longer first.

    Where it does not, they take longer than whole ones: Sketch 2 times on a processor with AVX-512, 6 times with AVX2.
    """
    import torch

    if name != "cpu":
        return name != "cuda" or bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    told = torch.backends.cpu.get_cpu_capability()
    own = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "AVX512" not in told or own is None or bool(own())


def processor() -> Device:
    """The processor, on all cores but one, which is left for all else; segments one by one, as several are slower there.

    Where there are only two cores, both compute: one alone would take twice as long. Who sets OMP_NUM_THREADS has chosen.
    """
    import os

    cores = os.cpu_count() or 1
    threads = None if "OMP_NUM_THREADS" in os.environ else cores if cores < 3 else cores - 1
    return Device("cpu", f"processor, {counted(cores, 'cores')}", threads=threads)


def _card(torch: Any, name: str) -> Device:
    if name == "mps":
        return Device("mps", "Apple graphics", 2)
    free, _ = torch.cuda.mem_get_info()
    gigabytes = free / 2**30
    # A segment of HTDemucs takes about 1.5 GB in single precision.
    batch = int(min(16, max(1, gigabytes // 2)))
    return Device("cuda", f"{torch.cuda.get_device_name()}, {gigabytes:.0f} GB free", batch)


def _computes(torch: Any, name: str) -> bool:
    """A second's work that shows whether a driver is sound: a convolution and a Fourier transform."""
    try:
        wave = torch.ones(1, 1, 4096, device=name)
        kernel = torch.ones(1, 1, 3, device=name)
        answer = torch.nn.functional.conv1d(wave, kernel, padding=1)
        if name == "cuda":
            answer = torch.fft.irfft(torch.fft.rfft(answer), n=4096)
        return bool(abs(float(answer[0, 0, 100]) - 3.0) < 1e-3)
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
