"""Known mixtures: sounds made of stems that a test has in hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Audio

BEAT = 0.5  # seconds
PANS = {"drums": 0.0, "bass": 0.0, "chords": -0.5, "lead": 0.4}


def mixture(
    seconds: float = 2.0, rate: int = 44100, channels: int = 2, seed: int = 0
) -> tuple[Audio, dict[str, Audio]]:
    """A little song and its stems: drums (noise bursts), bass (a low sine), chords (held triads), lead (with vibrato).

    The mix is the exact float32 sum of the stems in the order of the dict, and stays below full scale. The same
    `seed` gives the same samples; stereo stems are panned, further channels repeat the first two.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    voices = {
        "drums": 0.30 * _drums(time, rng),
        "bass": 0.20 * _bass(time),
        "chords": 0.15 * _chords(time),
        "lead": 0.15 * _lead(time),
    }
    stems = {name: _placed(voice, PANS[name], channels) for name, voice in voices.items()}
    mix = np.zeros((channels, len(time)), np.float32)
    for stem in stems.values():
        mix += stem
    return Audio(mix, rate), {name: Audio(stem, rate) for name, stem in stems.items()}


def _placed(voice: NDArray[np.float64], pan: float, channels: int) -> NDArray[np.float32]:
    gains = [1.0] if channels == 1 else [min(1.0, 1.0 - pan), min(1.0, 1.0 + pan)]
    return np.stack([voice * gains[index % len(gains)] for index in range(channels)]).astype(np.float32)


def _drums(time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.uniform(-1, 1, len(time)) * np.exp(-40.0 * (time % (BEAT / 2)))


def _bass(time: NDArray[np.float64]) -> NDArray[np.float64]:
    pitch = np.where((time / (4 * BEAT)).astype(int) % 2 == 0, 55.0, 73.42)
    return np.sin(2 * np.pi * pitch * time) * np.exp(-2.0 * (time % BEAT))


def _chords(time: NDArray[np.float64]) -> NDArray[np.float64]:
    first = (time / (2 * BEAT)).astype(int) % 2 == 0
    a_minor = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 261.63, 329.63))
    d_minor = sum(np.sin(2 * np.pi * pitch * time) for pitch in (293.66, 349.23, 440.0))
    return np.where(first, a_minor, d_minor) / 3


def _lead(time: NDArray[np.float64]) -> NDArray[np.float64]:
    # 6 Hz vibrato, a third of a semitone deep, on A5.
    phase = 2 * np.pi * 880.0 * time + 880.0 * 0.02 / 6.0 * np.sin(2 * np.pi * 6.0 * time)
    tone = sum(np.sin(n * phase) / n for n in (1, 2, 3))
    return tone * np.minimum(1.0, 20.0 * (time % (2 * BEAT))) / 1.9
