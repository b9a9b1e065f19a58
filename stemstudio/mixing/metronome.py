"""The metronome: clicks on the beats of a song, for whoever practises; none of it is ever exported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.rooms import room

__all__ = ["Beats", "click_track", "count_in"]

CLICK_SECONDS = 0.03
STRONG_HZ, WEAK_HZ = 1600.0, 1066.0


@dataclass(frozen=True, eq=False)
class Beats:
    """Where clicks go.

    Attributes
    ----------
    samples
        Of the song, rising.
    strong
        Which of them begin a bar.
    """

    samples: NDArray[np.float64]
    strong: NDArray[np.bool_]


def click_track(beats: Beats, length: int, rate: float, tempo: float = 1.0) -> NDArray[np.float32]:
    """Return clicks, shape (length,), on the beats of a song that is played at a tempo."""
    track: NDArray[np.float32] = room(1, length)[0][0]
    clicks = _click(WEAK_HZ, rate), _click(STRONG_HZ, rate)
    for sample, strong in zip(beats.samples, beats.strong, strict=True):
        place = round(sample / tempo)
        if 0 <= place < length:
            end = min(length, place + clicks[0].size)
            track[place:end] = clicks[int(strong)][: end - place]
    return track


def count_in(seconds: float, beats: int, rate: float, gain: float = 1.0) -> NDArray[np.float32]:
    """Return `beats` clicks, each `seconds` after the one before, the first a strong one, and the wait for the next."""
    every = seconds * rate
    places = np.arange(beats, dtype=np.float64) * every
    strong = np.arange(beats) == 0
    return np.float32(gain) * click_track(Beats(places, strong), round(beats * every), rate)


def _click(hertz: float, rate: float) -> NDArray[np.float32]:
    """A short tone that dies away, at half of full scale."""
    time = np.arange(max(1, round(CLICK_SECONDS * rate))) / rate
    tone = np.sin(2 * np.pi * hertz * time) * np.exp(-time / 0.006) * np.minimum(1.0, time / 0.0005)
    fade = np.minimum(1.0, (CLICK_SECONDS - time) / 0.003)
    return (0.5 * tone * fade).astype(np.float32)
