"""Slowed: the stems of a project at another tempo or in another key, block after block, for a mix that is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stemstudio.audio.audio import Samples
from stemstudio.audio.reading import finite
from stemstudio.mixing.stretching import Stretcher, reach, stretched_length
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import render

__all__ = ["slowed"]

BLOCK_SECONDS = 10.0


def slowed(
    state: State, stems: Sequence[int], tempo: float, semitones: float, progress: Progress
) -> Iterator[tuple[dict[int, Samples], int]]:
    """Blocks of every stem, stretched: float32 (channels, n) by id, and how many samples were no numbers.

    What is no number in a stem becomes silence there.  Only as much of the song is held as a block needs.
    """
    rate, length = state.mixture.sample_rate, state.mixture.length
    around = reach(rate, tempo, semitones)
    total = stretched_length(length, tempo)
    size = max(1, int(BLOCK_SECONDS * rate))
    stretchers: dict[int, Stretcher] = {}
    for start in range(0, total, size):
        stop = min(total, start + size)
        progress(start / total, "Mixing")
        first = max(0, int(start * tempo) - around)
        last = min(length, int(stop * tempo) + around)
        bad, sounds = 0, {}
        for stem, sound in render(state, stems, first, last).items():
            clean, count = finite(sound)
            bad += count
            stretcher = stretchers.setdefault(stem, Stretcher(clean, rate, tempo, semitones))
            stretcher.take(clean, first)
            sounds[stem] = stretcher.read(start, stop)
            progress.check()
        yield sounds, bad
