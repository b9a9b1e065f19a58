"""Slowed: the stems of a project at another tempo or in another key, block after block, to be written."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from stemstudio.audio.audio import Samples
from stemstudio.audio.reading import finite
from stemstudio.mixing.pace import Pace
from stemstudio.mixing.stretching import Stretcher, reach
from stemstudio.progress import Progress, stoppable
from stemstudio.project.project import State
from stemstudio.project.rendering import render

__all__ = ["slowed"]

BLOCK_SECONDS = 4.0


def slowed(
    state: State,
    stems: Sequence[int],
    pace: Pace,
    progress: Progress,
    start: int = 0,
    stop: int | None = None,
    message: str = "Mixing",
) -> Generator[tuple[dict[int, Samples], int], None, None]:
    """Blocks of every stem, stretched: float32 (channels, n) by id, and how many samples were no numbers.

    What is no number in a stem becomes silence there.  Only as much of the song is held as a block needs.

    Parameters
    ----------
    start, stop
        Samples of the song, to its end by default, between which lies what is wanted.
    """
    rate, length = state.mixture.sample_rate, state.mixture.length
    around = reach(rate, pace.tempo, pace.semitones)
    begin = pace.place(start)
    end = begin + pace.length((length if stop is None else stop) - start)
    size = max(1, int(BLOCK_SECONDS * rate))
    stretchers: dict[int, Stretcher] = {}

    def stretch(stem: int, sound: Samples, first: int, low: int, high: int) -> Samples:
        progress.check()
        stretcher = stretchers.setdefault(stem, Stretcher(sound, rate, pace.tempo, pace.semitones))
        stretcher.take(sound, first)
        return stretcher.read(low, high)

    with ThreadPoolExecutor(min(4, cpu_count() or 1)) as pool:
        for low in range(begin, end, size):
            high = min(end, low + size)
            progress((low - begin) / (end - begin), message)
            first = max(0, int(low * pace.tempo) - around)
            last = min(length, int(high * pace.tempo) + around)
            bad, found = 0, {}
            with stoppable(progress):
                made = render(state, stems, first, last)
            for stem, sound in made.items():
                clean, count = finite(sound)
                bad += count
                found[stem] = pool.submit(stretch, stem, clean, first, low, high)
            yield {stem: future.result() for stem, future in found.items()}, bad
