"""The feeder: keeps stretched copies of what is played ahead of the playhead, on a thread of its own.

At another tempo or in another key the deck plays copies of the song and its stems that are as long as they sound.
They are made here piece by piece, first where the playhead is, each buffer by itself; flags say which pieces are
there, and play waits where one is not.  Sound that changes in the song (`renew`) is stretched again and put in the
place of the old without a click.
"""

from __future__ import annotations

import _thread
import mmap
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.patching import Patches
from stemstudio.mixing.playstate import CHUNK, SEEK_BITS
from stemstudio.mixing.rooms import can_give_back, give_back, room
from stemstudio.mixing.stretching import Stretcher, reach, stretched_length

__all__ = ["Copies", "Feeder"]

AHEAD = 15.0
"""Seconds, as heard, that are kept ready before the playhead."""
ENOUGH = 0.06
"""Seconds that are waited for before play goes over to a stretched copy: the next are made meanwhile."""
NEAR = 1.5
"""Seconds of what could be switched to at any moment, such as the original song."""
KEPT = 60.0
"""Seconds on either side of the playhead beyond which memory is given back."""
THREADS = 2
BLEND_SECONDS = 0.02
"""Length of the blend where two runs meet: their phases differ."""


@dataclass(eq=False)
class Copies:
    """Stretched copies of some buffers that are heard together.

    Attributes
    ----------
    sources
        What they are made from, (channels, samples), in samples of the song.
    valid
        One flag a `CHUNK` of the sources: whether there is sound; None where there is everywhere.
    begin
        Sample of the stretched song at which the copies begin.
    buffers
        The copies.
    flags
        One flag a `CHUNK` of the stretched song: whether all of it is there, or lies outside the copies.
    """

    sources: tuple[NDArray[np.float32], ...]
    valid: NDArray[np.uint8] | None
    begin: int
    buffers: list[NDArray[np.float32]]
    memory: list[mmap.mmap]
    flags: NDArray[np.uint8]
    stale: NDArray[np.uint8]
    changes: int = 0
    stretchers: list[Stretcher] = field(default_factory=list)
    goes_on: int = -1

    @property
    def length(self) -> int:
        """Samples of the copies."""
        return int(self.buffers[0].shape[1])


class Feeder:
    """Stretches what a deck plays.

    Parameters
    ----------
    state
        The deck's memory: the playhead and the loop are read from it.
    tempo, semitones
        As of `Stretcher`.
    """

    def __init__(self, state: NDArray[np.void], tempo: float, semitones: float) -> None:
        self.tempo, self.semitones = tempo, semitones
        self._state = state[0]
        self._rate = float(self._state["rate"])
        self._reach = reach(self._rate, tempo, semitones)
        self._blend = round(BLEND_SECONDS * self._rate)
        self._lock = threading.Lock()
        self._called = threading.Event()  # there may be something to do, elsewhere perhaps
        self._all: list[Copies] = []
        self._wanted: list[Copies] = []  # must be there, before those that only may be
        self._closing = False
        self._patches = Patches()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="stretching")
        self._ended = threading.Event()
        # `Thread.start` waits until the new thread runs: on a busy machine longer than a window may.
        _thread.start_new_thread(self._run, ())

    def close(self, *, join: bool = True) -> None:
        """Stop, after the piece in hand; what was made stays for whoever still has it."""
        self._closing = True
        self._called.set()
        if join:
            self._ended.wait()

    def hurry(self) -> None:
        """The playhead has jumped: what is there goes before what is being made."""
        self._called.set()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return not self._ended.is_set()

    # What is played

    def copies(
        self,
        sources: Sequence[NDArray[np.float32]],
        valid: NDArray[np.uint8] | None = None,
        start: int = 0,
        length: int | None = None,
    ) -> Copies:
        """Return copies of some buffers, begun at sample `start` of a song of `length` samples; the same ones again."""
        with self._lock:
            for known in self._all:
                if (
                    len(known.sources) == len(sources)
                    and all(a is b for a, b in zip(known.sources, sources, strict=True))
                    and known.valid is valid
                    and known.begin == round(start / self.tempo)
                ):
                    return known
        whole = stretched_length(sources[0].shape[1] if length is None else length, self.tempo)
        begin = round(start / self.tempo)
        rooms = [
            room(source.shape[0], min(stretched_length(source.shape[1], self.tempo), max(1, whole - begin)))
            for source in sources
        ]
        chunks = whole // CHUNK + 1
        copies = Copies(
            tuple(sources),
            valid,
            begin,
            [buffer for buffer, _ in rooms],
            [memory for _, memory in rooms],
            np.zeros(chunks, dtype=np.uint8),
            np.zeros(chunks, dtype=np.uint8),
        )
        copies.flags[: begin // CHUNK] = 1
        copies.flags[(begin + copies.length - 1) // CHUNK + 1 :] = 1
        return copies

    def want(self, wanted: Sequence[Copies], maybe: Sequence[Copies] = ()) -> None:
        """Feed these, the wanted ones first; let go of all others."""
        with self._lock:
            self._wanted = list(wanted)
            self._all = [*wanted, *(copies for copies in maybe if copies not in wanted)]
        self._called.set()

    def ready(self) -> bool:
        """Whether all that is wanted is there at the playhead, and long enough for the rest to follow."""
        position = self._position
        first, last = position // CHUNK, (position + int(ENOUGH * self._rate)) // CHUNK
        return all(copies.flags[first : last + 1].all() for copies in self._wanted)

    def renew(self, start: int, stop: int) -> None:
        """Samples [start, stop) of the song's stems sound different now."""
        with self._lock:
            for copies in self._all:
                if copies.begin == 0 and copies.valid is not None and copies.flags.any():
                    first = max(0, int((start - self._reach) / self.tempo)) // CHUNK
                    last = int((stop + self._reach) / self.tempo) // CHUNK + 1
                    copies.stale[first:last] = copies.flags[first:last]
                    copies.changes += 1
                    copies.goes_on = -1
        self._called.set()

    # Where we are

    @property
    def _position(self) -> int:
        """The sample of the stretched song that is read next, or will be once the deck has come to it."""
        s = self._state
        if s["seek_seen"] != s["seek_command"]:
            return int((int(s["seek_command"]) & ((1 << SEEK_BITS) - 1)) / self.tempo)
        return int(int(s["position"]) * float(s["tempo"][s["voice"]]) / self.tempo)

    @property
    def _read_next(self) -> int | None:
        s = self._state
        return self._position if s["playing"] or s["gate"] else None

    @property
    def _guard(self) -> int:
        return max(2 * int(self._state["largest_block"]), int(0.02 * self._rate))

    # The thread

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()

    def _work(self) -> None:
        while not self._closing:
            self._called.clear()
            with self._lock:
                task = self._next()
            if task is None:
                self._called.wait(0.01 if self._hungry() else 0.1)
            else:
                self._make(*task)
                self._give_back()
            self._patches.settle(self._read_next, self._guard)
        self._patches.settle(None, 0)
        self._pool.shutdown(cancel_futures=True)
        with self._lock:
            self._all, self._wanted = [], []  # given back to the system here, not on the window's thread

    def _near(self, chunk: int) -> bool:
        """Whether a chunk is heard soon."""
        here = self._position // CHUNK
        return here <= chunk <= here + int(NEAR * self._rate) // CHUNK

    def _hungry(self) -> bool:
        """Whether something is wanted whose song is not there yet."""
        return bool(self._wanted) and not self.ready()

    def _next(self) -> tuple[Copies, int, bool] | None:
        """The copies, and the chunk of them, to make next, and whether old sound is there; or None."""
        here = self._position // CHUNK
        near = int(NEAR * self._rate) // CHUNK + 1
        far = int(AHEAD * self._rate) // CHUNK + 1
        slot = int(self._state["loop_slot"])
        ranges = [(self._wanted, here, here + 2), (self._wanted, here, here + near)]
        if slot >= 0:
            begin = int(int(self._state["loop_start"][slot]) / self.tempo) // CHUNK
            ranges.append((self._wanted, begin, begin + near))
        ranges += [(self._all, here, here + near), (self._wanted, here, here + far)]
        if slot >= 0:
            ranges.append((self._all, begin, begin + near))
        for group, first, last in ranges:
            for copies in group:
                for old in (False, True):
                    wanting = copies.stale[first:last] if old else copies.flags[first:last] == 0
                    for chunk in first + np.flatnonzero(wanting):
                        if self._sourced(copies, int(chunk)):
                            return copies, int(chunk), old
        return None

    def _sourced(self, copies: Copies, chunk: int) -> bool:
        """Whether the song is there from which a chunk is made."""
        length = copies.sources[0].shape[1]
        first = max(0, int((chunk * CHUNK - copies.begin) * self.tempo) - self._reach)
        last = min(length, int(((chunk + 1) * CHUNK - copies.begin) * self.tempo) + self._reach)
        if copies.begin == 0 and last > int(self._state["ready"]):
            return False
        valid = copies.valid
        return valid is None or bool(valid[first // CHUNK : -(-last // CHUNK)].all())

    def _make(self, copies: Copies, chunk: int, old: bool) -> None:
        """Make one chunk, and blend it with what is there before and behind it."""
        start = max(0, chunk * CHUNK - copies.begin)
        stop = min(copies.length, (chunk + 1) * CHUNK - copies.begin)
        changes = copies.changes
        begin, end = start, stop
        if copies.goes_on != start:
            copies.stretchers = [
                Stretcher(source, self._rate, self.tempo, self.semitones) for source in copies.sources
            ]
            if start > 0 and copies.flags[chunk - 1]:
                begin = max(0, start - self._blend)
        if chunk + 1 < copies.flags.size and copies.flags[chunk + 1]:
            end = min(copies.length, stop + self._blend)
        # The native code runs without the interpreter's lock: stems are stretched side by side.
        reading = [self._pool.submit(stretcher.read, begin, end) for stretcher in copies.stretchers]
        while wait(reading, timeout=0.01).not_done:
            if self._closing or (self._called.is_set() and not self._near(chunk)):
                # Whoever closed it, or went elsewhere, needs the processor.
                for future in reading:
                    future.cancel()
                copies.goes_on = -1
                return
        new = [read.result() for read in reading]
        with self._lock:
            if changes != copies.changes and not old:
                return  # the song has changed meanwhile
            copies.goes_on = stop if changes == copies.changes else -1
            self._put(copies, new, begin, start, stop, end, fresh=not copies.flags[chunk])
            copies.flags[chunk] = 1
            if changes == copies.changes:
                copies.stale[chunk] = 0

    def _put(
        self,
        copies: Copies,
        new: list[NDArray[np.float32]],
        begin: int,
        start: int,
        stop: int,
        end: int,
        *,
        fresh: bool,
    ) -> None:
        rise = np.linspace(0.0, 1.0, start - begin, dtype=np.float32)
        fall = np.linspace(1.0, 0.0, end - stop, dtype=np.float32)
        for buffer, sound in zip(copies.buffers, new, strict=True):
            before, behind = buffer[:, begin:start], buffer[:, stop:end]
            sound[:, : start - begin] = before + rise * (sound[:, : start - begin] - before)
            sound[:, stop - begin :] = behind + fall * (sound[:, stop - begin :] - behind)
            if fresh:
                buffer[:, start:stop] = sound[:, start - begin : stop - begin]
        position = self._read_next
        if position is not None:
            position -= copies.begin
        blend = int(0.005 * self._rate)
        pieces = ((begin, start), (stop, end)) if fresh else ((begin, end),)
        for first, last in pieces:
            if last > first:
                part = [sound[:, first - begin : last - begin] for sound in new]
                self._patches.put(copies.buffers, part, first, position, self._guard, blend)

    def _give_back(self) -> None:
        """Give the memory of what lies far from the playhead and outside the loop back."""
        if not can_give_back():
            return
        here, far = self._position // CHUNK, int(KEPT * self._rate) // CHUNK
        slot = int(self._state["loop_slot"])
        with self._lock:
            for copies in self._all:
                size = copies.flags.size
                gone = copies.flags.astype(bool)
                gone[max(0, here - far) : here + far] = False
                gone[: copies.begin // CHUNK + 1] = False
                gone[(copies.begin + copies.length - 1) // CHUNK :] = False
                if slot >= 0:
                    first, last = (
                        int(int(self._state[name][slot]) / self.tempo) // CHUNK
                        for name in ("loop_start", "loop_stop")
                    )
                    gone[first : min(last + 1, size)] = False
                chunks = np.flatnonzero(gone)
                if chunks.size < far // 8 + 1:
                    continue
                copies.flags[chunks] = copies.stale[chunks] = 0
                for run in np.split(chunks, np.flatnonzero(np.diff(chunks) > 1) + 1):
                    start = int(run[0]) * CHUNK - copies.begin
                    stop = (int(run[-1]) + 1) * CHUNK - copies.begin
                    for buffer, memory in zip(copies.buffers, copies.memory, strict=True):
                        give_back(memory, buffer, start, stop)
