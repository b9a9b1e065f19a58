"""A programme: everything that a deck plays, handed to the audio callback as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing import playstate
from stemstudio.mixing.feeding import Feeder

__all__ = ["SOURCES", "Programme", "Source", "address", "check"]

Source = Literal["stems", "original", "audition"]
SOURCES = {"stems": playstate.STEMS, "original": playstate.ORIGINAL, "audition": playstate.AUDITION}
_EMPTY = np.zeros((2, 0), dtype=np.float32)


@dataclass(frozen=True)
class Programme:
    """Everything that is played, switched over as a whole; keeps the buffers alive.

    Attributes
    ----------
    mixture, stems
        Float32, shape (channels, samples); all as long as the song.
    valid
        One flag a `playstate.CHUNK`: where the stems are rendered; None for everywhere.
    source
        What is heard.
    audition, audition_start, audition_only
        A private buffer, the sample of the song where it begins, and whether nothing is heard around it.
    tempo, strict
        How fast what is laid here goes by, and whether play waits for it rather than take the song instead.
    mixture_valid, audition_valid
        As `valid`, for a mixture and an audition that are made while they play.
    click
        What the metronome clicks on, see `metronome.clicks`.
    spread
        Whether the only stem is a room, a channel an output.
    """

    mixture: NDArray[np.float32] = field(default_factory=lambda: _EMPTY)
    stems: tuple[NDArray[np.float32], ...] = ()
    valid: NDArray[np.uint8] | None = None
    source: Source = "stems"
    audition: NDArray[np.float32] = field(default_factory=lambda: _EMPTY)
    audition_start: int = 0
    audition_only: bool = False
    tempo: float = 1.0
    strict: bool = False
    mixture_valid: NDArray[np.uint8] | None = None
    audition_valid: NDArray[np.uint8] | None = None
    click: NDArray[np.float64] | None = None
    spread: bool = False

    def stretched(self, feeder: Feeder) -> Programme:
        """This programme at the tempo and in the key of a feeder, which is told what to make."""
        mixture = feeder.copies([self.mixture])
        stems = feeder.copies(self.stems, self.valid) if self.stems else mixture
        laid = replace(
            self,
            mixture=mixture.buffers[0],
            mixture_valid=mixture.flags,
            stems=tuple(stems.buffers) if self.stems else (),
            valid=stems.flags,
            tempo=feeder.tempo,
            strict=True,
        )
        wanted = [mixture if self.source == "original" else stems]
        if self.source == "audition":
            length = self.mixture.shape[-1]
            audition = feeder.copies([self.audition], None, self.audition_start, length)
            wanted = [audition] if self.audition_only else [audition, stems]
            laid = replace(
                laid,
                audition=audition.buffers[0],
                audition_start=audition.begin,
                audition_valid=audition.flags,
            )
        feeder.want(wanted, [stems, mixture])
        return laid

    def put(self, state: NDArray[np.void], slot: int) -> None:
        """Write all but the strips into a slot of the memory that the callback reads."""
        s = state[0]
        s["source"][slot] = SOURCES[self.source]
        s["tempo"][slot] = self.tempo
        s["strict"][slot] = self.strict
        s["length"][slot] = self.mixture.shape[-1]
        s["mixture_address"][slot] = self.mixture.ctypes.data
        s["mixture_channels"][slot] = self.mixture.shape[0]
        s["valid_address"][slot] = address(self.valid)
        s["mixture_valid_address"][slot] = address(self.mixture_valid)
        s["audition_valid_address"][slot] = address(self.audition_valid)
        s["click_address"][slot] = address(self.click)
        s["stems"][slot] = len(self.stems)
        for index, stem in enumerate(self.stems):
            s["stem_address"][slot, index] = stem.ctypes.data
            s["stem_channels"][slot, index] = stem.shape[0]
        s["spread"][slot] = self.spread
        s["audition_address"][slot] = self.audition.ctypes.data
        s["audition_channels"][slot] = self.audition.shape[0]
        s["audition_length"][slot] = self.audition.shape[1]
        s["audition_start"][slot] = self.audition_start
        s["audition_only"][slot] = self.audition_only


def address(array: NDArray[np.generic] | None) -> int:
    """Where an array lies in memory; 0 for none."""
    return 0 if array is None else int(array.ctypes.data)


def check(buffer: NDArray[np.float32], most: int = 2) -> None:
    """Refuse what the callback could not read."""
    if buffer.dtype != np.float32 or buffer.ndim != 2 or not 1 <= buffer.shape[0] <= most:
        raise ValueError(
            f"expected float32 (1 to {most} channels, samples), not {buffer.dtype} {buffer.shape}"
        )
    if not buffer.flags.c_contiguous:
        raise ValueError("the audio callback needs contiguous buffers")
