"""Sounding: keeps the stems rendered around the playhead, in the buffers that the player mixes."""

from __future__ import annotations

import mmap
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import finite
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.mixing.mixdown import BehindStrips, Returns
from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.rooms import can_give_back, give_back, room
from stemstudio.mixing.strips import Strips, strips_of
from stemstudio.mixing.upmix import RETURNS
from stemstudio.progress import Cancelled, Progress, stoppable
from stemstudio.project.project import Change, State
from stemstudio.project.rendering import by_stretches, dirty_range, render, render_halves
from stemstudio.project.stem import MIXTURE

AHEAD = 20.0  # seconds kept rendered before the playhead comes to them
BEHIND = 2.0
NEAR = 1.0  # seconds on either side of the playhead that are rendered before all else
STEP = 2  # chunks rendered at a time: an edit that comes meanwhile waits for them
HALVED = 4  # chunks from which on two threads share what is waited for
NEAR_STEP = 8  # and near the playhead: all there is on one side of it, in one go
KEPT_BYTES = 600 * 2**20  # rendered sound kept before what lies far from the playhead is given back

FRESH, STALE, MISSING = 0, 1, 2


class Sounding(QObject):
    """Renders leaves chunk by chunk, what is at the playhead first.

    A chunk is *missing* (the player plays the mixture there), *stale* (the old sound plays on until the new is
    there) or *fresh*.

    Signals
    -------
    rendered(start, stop)
        The new sound of samples [start, stop) is in place. Sent by the rendering thread.
    laid_out()
        There are other buffers, for other stems or another song.
    strips_set()
        Faders, mute or solo may be different.
    """

    rendered = Signal(int, int)
    laid_out = Signal()
    strips_set = Signal()
    failed = Signal(object)

    def __init__(self, document: Document, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._player = player
        self._leaves: tuple[int, ...] = ()
        self._alone: int | None = None
        self._match = 1.0
        self._played = True  # whether the player has these buffers, and not a room made of them
        self._mixture: NDArray[np.float32] = np.zeros((1, 0), dtype=np.float32)  # what the player was given
        self._buffers: list[NDArray[np.float32]] = []
        self._maps: list[mmap.mmap] = []
        self._valid: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._status: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._seen_edit: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._generation = 0
        self._edits = 0
        self._lock = threading.Condition()
        self._state: State | None = None
        self._urgent: list[tuple[int, int]] = []
        self._closing = False
        self._rendering = Progress()  # of what is rendered just now
        self._settled = document.jobs.sound_settled
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.reading_changed.connect(self._reading)
        self._second = ThreadPoolExecutor(1, thread_name_prefix="rendering, second half")
        self._thread = threading.Thread(target=self._work, name="rendering", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop rendering and wait for the thread."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join()
        self._second.shutdown()

    @property
    def leaves(self) -> tuple[int, ...]:
        """Ids of the stems in the order the player has them."""
        return self._leaves

    def hear_alone(self, stem: int | None) -> None:
        """Let one leaf be heard alone, such as the one that is being painted; None for the mix again."""
        if stem != self._alone:
            self._alone = stem
            state = self._document.state
            if state is not None:
                self._set_gains(state)

    def set_match(self, gain_db: float) -> None:
        """Play the stems louder or softer, for a comparison; what is exported stays as it is."""
        self._match = gain_of(gain_db)
        state = self._document.state
        if state is not None:
            self._set_gains(state)

    def set_played(self, played: bool) -> None:
        """Let the player have the stems, or leave it to somebody who plays something made of them."""
        if played != self._played:
            with self._lock:
                self._played = played
            state = self._document.state
            if played and state is not None:
                self._give(state)

    @property
    def strips(self) -> Strips | None:
        """What the strips of all leaves do, as they are heard; None without a song."""
        return None if self._document.state is None else self._strips(self._document.state)

    @property
    def rings(self) -> int:
        """Samples after a change of a stem in which what is heard of it may be different: filters and tails."""
        state = self._state
        if state is None:
            return 0
        strips, rate = self._strips(state), state.mixture.sample_rate
        return max(BehindStrips(strips, rate).context, Returns(strips, state.effects, rate).context)

    def heard(self, start: int, stop: int) -> dict[int, NDArray[np.float32]] | None:
        """The stereo sound of every leaf behind its strip over samples [start, stop); None while some is missing."""
        with self._lock:
            state, leaves = self._state, self._leaves
            if state is None or not self._document.complete:
                return None
            strips, rate = self._strips(state), state.mixture.sample_rate
            behind, returns = BehindStrips(strips, rate), Returns(strips, state.effects, rate)
            low = max(0, start - behind.context)
            if self._buffers and not self._valid[low // CHUNK : -(-stop // CHUNK)].all():
                return None
            far = min(low, self._heard_from(start, returns.context)) if returns.context else low
            # Copied, so that nobody waits for filters and tails to be worked out.
            stems = [buffer[:, far:stop].copy() for buffer in self._buffers or [self._mixture]]
        sounds = behind.heard([stem[:, low - far :] for stem in stems], low)
        heard = {leaf: sound[:, start - low :] for leaf, sound in zip(leaves, sounds, strict=True)}
        if returns.context:
            heard[RETURNS] = returns.heard(stems, far)[:, start - far :]
        return heard

    def _heard_from(self, start: int, context: int) -> int:
        """From where on, at most so many samples before `start`, all is rendered: tails begin there as after a seek."""
        first, last = max(0, start - context) // CHUNK, start // CHUNK
        if not self._buffers:
            return first * CHUNK
        missing = np.flatnonzero(self._valid[first : last + 1] == 0)
        return min(start, (first + int(missing[-1]) + 1 if missing.size else first) * CHUNK)

    # what the document says

    def _opened(self) -> None:
        self._player.pause()
        state = self._document.state
        if state is not None:
            self._load(state)

    def _reading(self) -> None:
        state = self._document.state
        if state is None:
            return
        self._player.set_ready(self._document.ready_samples)
        if self._document.complete:
            with self._lock:
                self._lock.notify_all()

    def _changed(self, change: Change) -> None:
        state = self._document.state
        assert state is not None
        if "song" in change.kinds:
            self._load(state)
            return
        leaves = tuple(leaf.id for leaf in state.leaves())
        if leaves != self._leaves:
            self._lay_out(state, leaves)
        elif change.sounds:
            self._mark(state, *dirty_range(state, change.box))
            if "masks" in change.kinds:
                self._rendering.cancel()  # a stretch of the masks before would be waited for in vain
        with self._lock:
            self._state = state
        self._set_gains(state)

    def _load(self, state: State) -> None:
        """Another song, or the same in another array."""
        position, playing = self._player.position, self._player.playing
        mixture = state.mixture
        samples = mixture.samples if isinstance(mixture, Audio) else mixture.read(0, mixture.length)
        # A song that turned out shorter than its file said is a cut of a longer buffer.
        samples = np.ascontiguousarray(samples)
        same = self._state is not None and self._state.stems.get(MIXTURE) is state.stems.get(MIXTURE)
        self._mixture = samples
        self._player.load(samples, state.mixture.sample_rate)
        self._player.set_ready(self._document.ready_samples)
        self._lay_out(state, tuple(leaf.id for leaf in state.leaves()))
        if same:
            self._player.seek(min(position, samples.shape[1]))
            if playing:
                self._player.play()

    def _lay_out(self, state: State, leaves: tuple[int, ...]) -> None:
        """New buffers for these leaves; those that only the mixture would fill are not kept at all."""
        length, channels = state.mixture.length, state.mixture.channels
        chunks = -(-length // CHUNK)
        split = MIXTURE in state.splits
        with self._lock:
            self._generation += 1
            self._urgent.clear()
            self._state = state
            self._leaves = leaves
            self._status = np.full(chunks, MISSING, dtype=np.uint8)
            self._seen_edit = np.zeros(chunks, dtype=np.int64)
            self._valid = np.zeros(max(1, chunks), dtype=np.uint8)
            rooms = [room(channels, length) for _ in leaves] if split else []
            self._buffers = [buffer for buffer, _ in rooms]
            self._maps = [memory for _, memory in rooms]
            if self._played:
                self._give(state)
            self._lock.notify_all()
        self.laid_out.emit()

    def _give(self, state: State) -> None:
        """Let the player play what is here."""
        if self._buffers:
            self._player.set_stems(self._buffers, self._valid, self._strips(state).scaled(self._match))
        else:
            everywhere = np.ones(max(1, self._valid.size), dtype=np.uint8)
            self._player.set_stems([self._mixture], everywhere, self._strips(state).scaled(self._match))

    def _mark(self, state: State, start: int, stop: int) -> None:
        """Samples [start, stop) sound different now."""
        first, last = start // CHUNK, -(-stop // CHUNK)
        with self._lock:
            self._edits += 1
            if self._buffers:
                self._settled.clear()  # the thread sets it again once it has looked
            self._seen_edit[first:last] = self._edits
            part = self._status[first:last]
            part[part == FRESH] = STALE
            self._state = state
            if stop - start <= 4 * state.mixture.sample_rate:
                self._urgent.append((first, last))
            self._lock.notify_all()

    def _set_gains(self, state: State) -> None:
        if self._played:
            self._player.set_gains(self._strips(state).scaled(self._match))
        self._player.set_effects(state.effects)
        self.strips_set.emit()

    def _strips(self, state: State) -> Strips:
        strips = [state.stems[leaf] for leaf in self._leaves]
        if self._alone in self._leaves:
            strips = [replace(strip, solo=strip.id == self._alone, solo_safe=False) for strip in strips]
        return strips_of(strips, state.mixture.channels, state.mixture.sample_rate)

    # the rendering thread

    def _work(self) -> None:
        while True:
            with self._lock:
                task = None
                while not self._closing and (task := self._next()) is None:
                    self._settled.set()
                    self._lock.wait(0.1)
                if self._closing:
                    self._settled.set()
                    return
                assert task is not None
                assert self._state is not None
                first, last, urgent = task
                (self._settled.clear if urgent else self._settled.set)()
                state, leaves, generation = self._state, self._leaves, self._generation
                edits = self._edits
                self._rendering = now = Progress()
            start, stop = first * CHUNK, min(last * CHUNK, state.mixture.length)
            middle = (first + last) // 2 * CHUNK
            try:
                with stoppable(now):
                    if urgent and last - first >= HALVED:
                        sounds = render_halves(state, leaves, start, middle, stop, self._second)
                    else:
                        sounds = render(state, leaves, start, stop)
            except Exception as error:  # noqa: BLE001 - shown by the window; the stretch keeps its old sound
                if now.cancelled:
                    continue
                if not isinstance(error, Cancelled):  # by the end of the project that it belongs to
                    self.failed.emit(error)
                with self._lock:
                    if generation == self._generation:
                        self._status[first:last] = FRESH
                continue
            clean = [
                finite(sounds[leaf])[0] for leaf in leaves
            ]  # filters would never forget what is no number
            with self._lock:
                if generation != self._generation:
                    continue
                self._put(first, last, start, clean)
                part = slice(first, last)
                self._status[part][self._seen_edit[part] <= edits] = FRESH
            self.rendered.emit(start, stop)

    def _next(self) -> tuple[int, int, bool] | None:
        """The chunks [first, last) to render next, and whether somebody is listening there; or None."""
        state = self._state
        if state is None or not self._buffers or not self._document.complete:
            return None
        while self._urgent:
            first, last = self._urgent.pop(0)
            if (self._status[first:last] == STALE).any() and last - first <= 64:
                return first, last, True
        rate = state.mixture.sample_rate
        position = self._player.position
        here, near = position // CHUNK, int(NEAR * rate)
        loop = self._player.loop
        # What is worked out by stretches is heard as soon as one of them is there.
        near_step = STEP if by_stretches(state) else NEAR_STEP
        ranges = [
            (here, -(-(position + near) // CHUNK), near_step, True),
            ((position - near) // CHUNK, here, near_step, True),
            (here, here + int(AHEAD * rate) // CHUNK, STEP, False),
        ]
        if loop is not None:
            ranges.append((loop[0] // CHUNK, -(-loop[1] // CHUNK), STEP, False))
        ranges.append((here - int(BEHIND * rate) // CHUNK, here, STEP, False))
        for low, high, step, listening in ranges:
            low, high = max(0, low), min(self._status.size, high)
            wanting = np.flatnonzero(self._status[low:high] != FRESH)
            if wanting.size:
                first = low + int(wanting[0])
                return first, min(first + step, high), listening
        return None

    # under the lock, on the rendering thread: what is heard does not wait for the window to be drawn

    def _put(self, first: int, last: int, start: int, sounds: list[NDArray[np.float32]]) -> None:
        valid = self._valid[first:last]
        if valid.any() and self._played:
            self._player.replace(sounds, start)
        else:
            for buffer, sound in zip(self._buffers, sounds, strict=True):
                buffer[:, start : start + sound.shape[1]] = sound
        valid[:] = 1
        self._give_back()

    def _give_back(self) -> None:
        """Give the memory of chunks far from the playhead back, when much is held."""
        state = self._state
        if state is None or not self._buffers:
            return
        per_chunk = CHUNK * 4 * self._buffers[0].shape[0] * len(self._buffers)
        held = np.flatnonzero(self._valid)
        surplus = held.size - KEPT_BYTES // per_chunk
        if surplus <= max(STEP, held.size // 50) or not can_give_back():
            return
        here = self._player.position // CHUNK
        loop = self._player.loop
        far = held[np.argsort(-np.abs(held - here))]
        if loop is not None:
            far = far[(far * CHUNK < loop[0]) | (far * CHUNK >= loop[1])]
        gone = np.sort(far[:surplus])
        self._status[gone] = MISSING
        self._valid[gone] = 0
        runs = np.split(gone, np.flatnonzero(np.diff(gone) > 1) + 1)
        for run in runs:
            for buffer, memory in zip(self._buffers, self._maps, strict=True):
                give_back(memory, buffer, int(run[0]) * CHUNK, (int(run[-1]) + 1) * CHUNK)
