"""The sounds of an export: rendered block by block in one pass, measured, and given to all their files side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import tee
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.parameters import counted
from stemstudio.audio.audio import Samples
from stemstudio.audio.loudness import LoudnessMeter, load_meter
from stemstudio.audio.reading import finite
from stemstudio.mixing.mixdown import Mixdown, Returns
from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.order import RETURNS, ExportOrder, Key, Part
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.mixing.plan import channels_of
from stemstudio.mixing.slowed import slowed
from stemstudio.mixing.slowed_room import SlowedStems, spread_at
from stemstudio.mixing.strips import strips_of
from stemstudio.mixing.upmix import Heard, Spread, heard_stems
from stemstudio.progress import Progress, stoppable
from stemstudio.project.project import State
from stemstudio.project.rendering import render
from stemstudio.project.stem import MIXTURE

__all__ = ["Resampled", "Sink", "gains_of", "no_numbers", "rendered", "write_sounds"]

BLOCK_SECONDS = 2.0  # stopping waits for one at most
STEM_SECONDS = 30.0  # of all stems' sound in a block, which is shorter when there are many
SHORTEST_BLOCK = 0.5  # seconds: every block is transformed with some sound around it
AHEAD = 3  # blocks that wait to be written
PIECE = 2**15  # samples a channel that are written between two looks whether to stop
WAITING = 0.05  # seconds from one such look to the next
THREADS = max(2, min(4, os.cpu_count() or 2))


class Sink(Protocol):
    """What takes blocks (channels, n) in order: a `SoundWriter`, a stream of a package."""

    def write(self, block: Samples) -> None: ...


class Resampled:
    """A sink of another sample rate: exactly `length` samples reach it, whatever the filter makes of the last ones."""

    def __init__(self, sink: Sink, rate: int, wanted: int, channels: int, length: int) -> None:
        import soxr

        self._sink, self._left, self._channels = sink, length, channels
        self._stream = soxr.ResampleStream(rate, wanted, channels, dtype="float32", quality="VHQ")

    def write(self, block: Samples) -> None:
        self._give(self._stream.resample_chunk(np.ascontiguousarray(block.T)))

    def close(self) -> None:
        """Let out what the filter still holds."""
        nothing = np.zeros((0, self._channels), dtype=np.float32)
        self._give(self._stream.resample_chunk(nothing, last=True))
        self._give(np.zeros((self._left, self._channels), dtype=np.float32))

    def _give(self, samples: Any) -> None:
        samples = samples[: self._left]
        self._left -= len(samples)
        if len(samples):
            self._sink.write(np.ascontiguousarray(samples.T))


def rendered(
    state: State,
    parts: Sequence[Part],
    start: int,
    stop: int,
    progress: Progress,
    message: str,
    pace: Pace = AS_RECORDED,
) -> Iterator[tuple[int, dict[Key, Samples], int]]:
    """Blocks of every part: where each begins, float32 (channels, n) by key, and how many samples were no numbers.

    What is no number in a stem becomes silence there, and does not silence the others. At another pace the song is
    what its stems make together, and a block begins where it is at that pace.
    """
    leaves = state.leaves()
    form = state.mixture
    strips = strips_of(leaves, form.channels, form.sample_rate)
    mixed = any(part.key == "mix" for part in parts)
    mixdown = Mixdown(strips, state.effects, form.sample_rate, start, pace.tempo) if mixed else None
    wanted = tuple(dict.fromkeys(stem for part in parts for stem in part.stems))
    sending = next((part.stems for part in parts if part.key == RETURNS), ())
    give_back = None
    if sending:
        own = strips.only([place for place, leaf in enumerate(leaves) if leaf.id in sending])
        give_back = Returns(own, state.effects, form.sample_rate, pace.tempo).going(start)
    spread = Spread.of(state)
    heard_by: Heard = heard_stems(state)
    in_the_room = any(part.key == "upmix" or part.speaker is not None for part in parts)
    if pace.changed:
        stretched: Stretched = slowed(
            state, [leaf.id for leaf in leaves], pace, progress, start, stop, message
        )
        if in_the_room:  # which hears some of what comes next
            stretched, ahead = tee(stretched)
            spread = spread_at(state, pace, start, stop)
            heard_by = SlowedStems(state, spread, ahead, pace, start)
        blocks = _at_pace(state, wanted, stretched, pace.place(start))
    else:
        blocks = _as_recorded(state, wanted, start, stop, progress, message)
    for low, stems, song, bad in blocks:
        sounds: dict[Key, Samples] = {}
        if in_the_room:
            with stoppable(progress):
                upmix = spread.render(heard_by, low, low + song.shape[1], lambda *_: progress.check())
        for part in parts:
            if mixdown is not None and part.key == "mix":
                heard = mixdown.mix([stems[leaf.id] for leaf in leaves])
                sounds["mix"] = heard[: channels_of(state, part)]
            elif give_back is not None and part.key == RETURNS:
                sounds[RETURNS] = give_back([stems[stem] for stem in sending])
            elif part.speaker is not None:
                sounds[part.key] = upmix[part.speaker : part.speaker + 1]
            elif part.key == "upmix":
                sounds["upmix"] = upmix
            elif part.rest or len(part.stems) != 1:
                total = _sum(stems, part.stems, song.shape)
                sounds[part.key] = (song - total if part.rest else total).astype(np.float32)
            else:
                sounds[part.key] = stems[part.stems[0]]
        yield low, sounds, bad


Blocks = Iterator[tuple[int, Mapping[int, Samples], Samples, int]]
"""Where each begins, stems, the song, and how many samples were no numbers."""
Stretched = Iterator[tuple[dict[int, Samples], int]]


def _as_recorded(
    state: State, wanted: Sequence[int], start: int, stop: int, progress: Progress, message: str
) -> Blocks:
    families = [len(state.children(parent)) for parent in state.splits]  # siblings are rendered together
    seconds = max(SHORTEST_BLOCK, STEM_SECONDS / max(len(wanted), *families, 1))
    size = max(1, int(min(BLOCK_SECONDS, seconds) * state.mixture.sample_rate))
    for low in range(start, stop, size):
        high = min(stop, low + size)
        progress((low - start) / (stop - start), message)
        with stoppable(progress):
            made = render(state, wanted, low, high)
        clean = {stem: finite(sound) for stem, sound in made.items()}
        stems = {stem: sound for stem, (sound, _) in clean.items()}
        yield low, stems, state.mixture.read(low, high), sum(count for _, count in clean.values())


def _at_pace(state: State, wanted: Sequence[int], stretched: Stretched, low: int) -> Blocks:
    """Every leaf is stretched by itself; all else is what leaves make together."""
    leaves = {stem: tuple(leaf.id for leaf in state.leaves(stem)) for stem in (MIXTURE, *wanted)}
    for sounds, bad in stretched:
        shape = sounds[leaves[MIXTURE][0]].shape
        made = {stem: _sum(sounds, own, shape).astype(np.float32) for stem, own in leaves.items()}
        yield low, made, made[MIXTURE], bad
        low += shape[1]


def no_numbers(bad: int) -> list[str]:
    """What a person should know of so many samples of stems that were no numbers; nothing where all were."""
    if not bad:
        return []
    return [
        f"{counted(bad, 'samples')} of stems {'was no number' if bad == 1 else 'were no numbers'} and became silence."
    ]


def _sum(sounds: Mapping[int, Samples], stems: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.float64]:
    total = np.zeros(shape)
    for stem in stems:
        total += sounds[stem]
    return total


def gains_of(
    state: State, order: ExportOrder, parts: Sequence[Part], start: int, stop: int, progress: Progress
) -> dict[Key, float]:
    """The factor for each part that brings it, or the loudest of all, to the level that was ordered."""
    if order.gain == "keep" or not parts:
        return {part.key: 1.0 for part in parts}
    loudness = order.gain.endswith("loudness")
    if loudness:
        load_meter(progress.part(0.0, 0.0))
    peaks: dict[Key, float] = {part.key: 0.0 for part in parts}
    meters = {
        part.key: LoudnessMeter(state.mixture.sample_rate, channels_of(state, part))
        for part in parts
        if loudness
    }
    for _, sounds, _ in rendered(state, parts, start, stop, progress, "Measuring levels", order.pace):
        for key, sound in sounds.items():
            if loudness:
                meters[key].take(sound)
            else:
                peaks[key] = max(peaks[key], float(np.max(np.abs(sound), initial=0.0)))
    if loudness:
        levels = {key: gain_of(meter.integrated) for key, meter in meters.items()}
        target = gain_of(order.lufs)
    else:
        levels, target = peaks, gain_of(order.peak_db)
    if order.gain.startswith("common"):
        levels = dict.fromkeys(levels, max(levels.values()))
    return {key: target / level if level > 0 else 1.0 for key, level in levels.items()}


def write_sounds(
    state: State,
    parts: Sequence[Part],
    sinks: Mapping[Key, Sink],
    start: int,
    stop: int,
    progress: Progress,
    checked: Sequence[Key] = (),
    pace: Pace = AS_RECORDED,
) -> tuple[float, int]:
    """All parts in one pass, their encoders working while the next block is rendered.

    Parameters
    ----------
    checked
        Stems among the parts that make up the song, as it was recorded.

    Returns
    -------
    float, int
        The peak of song − Σ `checked`; how many samples of stems were no numbers.
    """
    rest, bad = 0.0, 0
    with Filling(sinks, progress) as filling:
        blocks = rendered(state, parts, start, stop, progress, "Rendering and writing", pace)
        for low, sounds, count in blocks:
            bad += count
            filling.give(sounds)
            if checked:
                length = sounds[checked[0]].shape[1]
                left = state.mixture.read(low, low + length).astype(np.float64)
                for stem in checked:
                    left -= sounds[stem]
                rest = max(rest, float(np.max(np.abs(left), initial=0.0)))
        filling.finish()
        progress.check()
    return rest, bad


class Filling:
    """Threads that fill sinks side by side; each gets its blocks in their order, and few of them wait.

    Leaving the `with` block before `finish` leaves out what still waits; once `progress` is to stop nothing more is
    written.
    """

    def __init__(self, sinks: Mapping[Key, Sink], progress: Progress) -> None:
        self._sinks, self._progress = sinks, progress
        self._pool = ThreadPoolExecutor(max(1, min(THREADS, len(sinks))))
        self._blocks: dict[Key, deque[Samples]] = {key: deque() for key in sinks}
        self._locks = {key: Lock() for key in sinks}
        self._rounds: deque[list[Future[None]]] = deque()

    def __enter__(self) -> Filling:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def give(self, sounds: Mapping[Key, Samples]) -> None:
        """Take the next block of every sink, once there is room; what went wrong with one before is raised."""
        while len(self._rounds) >= AHEAD:
            self._await_one()
        for key, sound in sounds.items():
            self._blocks[key].append(sound)
        self._rounds.append([self._pool.submit(self._write_next, key) for key in sounds])

    def finish(self) -> None:
        """Wait until all is written."""
        while self._rounds:
            self._await_one()

    def _await_one(self) -> None:
        writes = self._rounds.popleft()
        while wait(writes, WAITING).not_done:
            self._progress.check()
        for write in writes:
            write.result()

    def _write_next(self, key: Key) -> None:
        with self._locks[key]:
            block = self._blocks[key].popleft()
            for start in range(0, block.shape[1], PIECE):
                self._progress.check()
                self._sinks[key].write(block[:, start : start + PIECE])
