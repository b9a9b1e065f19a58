"""The metronome: clicks on the beats of a song, for whoever practises; none of it is ever exported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beats", "clicks", "count_in"]

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


def clicks(beats: Beats, rate: float) -> NDArray[np.float64]:
    """Return the metronome as the callback reads it, at any tempo.

    Returns
    -------
    ndarray of float64
        How many beats, and samples of a click; the weak click, the strong one; then pairs of the sample of the song
        at which a beat is, and 1 where it is a strong one.
    """
    tones = [_click(hertz, rate) for hertz in (WEAK_HZ, STRONG_HZ)]
    pairs = np.stack([beats.samples, beats.strong.astype(np.float64)], axis=1)
    return np.concatenate([[len(pairs), tones[0].size], *tones, pairs.ravel()]).astype(np.float64)


def count_in(seconds: float, beats: int, rate: float, gain: float = 1.0) -> NDArray[np.float32]:
    """Return `beats` clicks, each `seconds` after the one before, the first a strong one, and the wait for the next."""
    every = seconds * rate
    track = np.zeros(round(beats * every), dtype=np.float32)
    for beat in range(beats):
        place = round(beat * every)
        click = gain * _click(WEAK_HZ if beat else STRONG_HZ, rate)[: track.size - place]
        track[place : place + click.size] += click
    return track


def _click(hertz: float, rate: float) -> NDArray[np.float32]:
    """A short tone that dies away, at half of full scale."""
    time = np.arange(max(1, round(CLICK_SECONDS * rate))) / rate
    tone = np.sin(2 * np.pi * hertz * time) * np.exp(-time / 0.006) * np.minimum(1.0, time / 0.0005)
    fade = np.minimum(1.0, (CLICK_SECONDS - time) / 0.003)
    return (0.5 * tone * fade).astype(np.float32)
