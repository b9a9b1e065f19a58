"""A deck whose callback is called by hand: a tape recorder on the output, and a clock that only it moves."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from numpy.typing import NDArray

from stemstudio.mixing.deck import Deck

RATE = 44100


class Tape:
    """Calls the audio callback of a deck as a device would, block by block."""

    def __init__(self, deck: Deck, block: int = 512, latency: float = 0.05) -> None:
        self.deck = deck
        self.block = block
        self.latency = latency
        self.delivered = 0
        deck.lead_in = 0.0
        deck.running = True

    @property
    def now(self) -> float:
        """Device time at which the next block is asked for."""
        return 1000.0 + self.delivered / self.deck.rate

    def run(self, frames: int, flags: int = 0) -> NDArray[np.float32]:
        """Return the next `frames` output frames, shape (channels, frames)."""
        from stemstudio.mixing.callback import callback

        channels = int(self.deck.state["channels_out"][0])
        pieces = []
        while frames > 0:
            count = min(frames, self.block)
            output = np.full((count, channels), np.nan, dtype=np.float32)
            times = (ctypes.c_double * 3)(0.0, self.now, self.now + self.latency)
            answer = callback.ctypes(
                None,
                output.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                count,
                times,
                flags,
                self.deck.state.ctypes.data,
            )
            assert answer == 0
            self.delivered += count
            frames -= count
            pieces.append(output.T)
        return np.concatenate(pieces, axis=1)


@pytest.fixture
def tape():
    """Make a `Tape` for a deck."""
    return Tape


@pytest.fixture
def stems() -> list[NDArray[np.float32]]:
    """Three stems of two seconds: a stereo bass, a mono lead, stereo noise."""
    rng = np.random.default_rng(7)
    time = np.arange(2 * RATE) / RATE
    bass = np.stack([np.sin(2 * np.pi * 82.4 * time), np.sin(2 * np.pi * 82.4 * time + 0.3)]) * 0.25
    lead = 0.2 * np.sin(2 * np.pi * 440 * time)[None]
    hiss = 0.05 * rng.standard_normal((2, time.size))
    return [np.ascontiguousarray(stem, dtype=np.float32) for stem in (bass, lead, hiss)]


@pytest.fixture
def mixture(stems) -> NDArray[np.float32]:
    """The sum of the stems."""
    return np.sum([np.broadcast_to(stem, (2, stem.shape[1])).astype(float) for stem in stems], axis=0).astype(
        np.float32
    )
