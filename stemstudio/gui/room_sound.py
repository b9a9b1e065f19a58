"""RoomSound: lets the room be heard while it is set up, rendered from the stems just ahead of the playhead."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal

from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.sounding import FRESH, MISSING, STALE, Sounding
from stemstudio.mixing.hearing import Ear, Listening
from stemstudio.mixing.kept import Kept
from stemstudio.mixing.layouts import LAYOUTS, Layout
from stemstudio.mixing.levels import Levels
from stemstudio.mixing.output import DeviceChoice, output_order
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.rooms import can_give_back, give_back, room
from stemstudio.mixing.strips import Strips
from stemstudio.mixing.upmix import Spread
from stemstudio.progress import Cancelled
from stemstudio.project.effects import Effects

AHEAD = 15.0  # seconds kept rendered before the playhead comes to them
KEPT_BYTES = 200 * 2**20
FIRST_STEP, STEP = 2, 4  # chunks rendered in one go at the playhead, and further on
NOBODY_CAN = "{layout} needs {channels} outputs, and {device} has {has}. Choose another sound output, or listen on headphones."


class RoomSound(QObject):
    """Renders the room for one way of listening to it, and has the player play that in place of the stems.

    Attributes
    ----------
    ear
        How the room is listened to; None for the stereo mix.

    Signals
    -------
    ear_changed
        The room is listened to in another way.
    refused(words)
        The sound output has too few channels for the loudspeakers: a sentence, with a way on.
    rendered(start, stop)
        The new sound of samples [start, stop) is in place. Sent by the rendering thread.
    """

    ear_changed = Signal()
    refused = Signal(str)
    rendered = Signal(int, int)
    failed = Signal(object)

    def __init__(
        self, document: Document, player: Player, sounding: Sounding, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.ear: Ear | None = None
        self._document, self._player, self._sounding = document, player, sounding
        self._listening: Listening | None = None
        self._order: list[int] = []
        self._strips: Strips | None = None
        self._effects = Effects()
        self._heard = Kept(self._ask, 0)
        self._rings = 0
        self._buffer: NDArray[np.float32] = np.zeros((2, 0), dtype=np.float32)
        self._memory: mmap.mmap | None = None
        self._valid: NDArray[np.uint8] = np.zeros(1, dtype=np.uint8)
        self._status: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._edits = 0
        self._seen_edit: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._levels = Levels(0, 0, 44100.0)
        self._lock = threading.Condition()
        self._closing = False
        player.stem_levels = lambda position: self._levels.read(position)
        sounding.laid_out.connect(self._laid_out)
        sounding.strips_set.connect(self._look)
        # On the thread that renders stems: what is heard does not wait for the window.
        sounding.rendered.connect(self._stems_rendered, Qt.ConnectionType.DirectConnection)
        player.state_changed.connect(self._player_changed)
        self._thread = threading.Thread(target=self._work, name="rendering the room", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop rendering and wait for the thread."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join()

    def set_ear(self, ear: Ear | None) -> None:
        """Listen to the room in another way, or to the stereo mix; says so where the device cannot."""
        if ear == self.ear:
            return
        if ear == "loudspeakers" and not self._outputs():
            self.ear_changed.emit()
            return
        with self._lock:
            self._listening = None  # the thread leaves the player alone from here on
        self.ear = ear
        if ear != "loudspeakers":
            self._player.set_channels(2)
        self._sounding.set_played(ear is None)
        self._laid_out()
        self.ear_changed.emit()

    def _outputs(self) -> bool:
        """Open as many outputs as the room has loudspeakers."""
        state = self._document.state
        if state is None:
            return False
        layout = LAYOUTS[state.room.layout]
        device = self._player.set_channels(layout.channels)
        if device is None:
            self._refuse(layout, self._player.device or next(iter(self._player.devices()), None))
            return False
        self._order = output_order([speaker.bit for speaker in layout.speakers], device)
        return True

    def _refuse(self, layout: Layout, device: DeviceChoice | None) -> None:
        words = NOBODY_CAN.format(
            layout=layout.words,
            channels=layout.channels,
            device="this machine" if device is None else f"“{device.label}”",
            has="none" if device is None else device.channels,
        )
        self._document.said.emit(words)
        self.refused.emit(words)

    # what the others say

    def _laid_out(self) -> None:
        """Other stems, another song, or another way to listen: all is rendered anew."""
        state = self._document.state
        with self._lock:
            self._listening = None
        if state is None or self.ear is None:
            return
        listening = Listening(Spread.of(state), self.ear)
        length = state.mixture.length
        chunks = max(1, -(-length // CHUNK))
        with self._lock:
            self._edits += 1
            self._listening, self._strips, self._effects = listening, self._sounding.strips, state.effects
            self._heard, self._rings = Kept(self._ask, length), self._sounding.rings
            self._status = np.full(chunks, MISSING, dtype=np.uint8)
            self._seen_edit = np.full(chunks, self._edits, dtype=np.int64)
            self._valid = np.zeros(chunks, dtype=np.uint8)
            self._buffer, self._memory = room(listening.channels, length)
            self._levels = Levels(len(self._sounding.leaves), length, state.mixture.sample_rate)
            self._player.set_stems([self._buffer], self._valid, np.ones((1, 2)), spread=True)
            self._lock.notify_all()

    def _look(self) -> None:
        """Something was changed: is the room different?"""
        state = self._document.state
        if state is None or self._listening is None or self.ear is None:
            return
        listening, strips = Listening(Spread.of(state), self.ear), self._sounding.strips
        before = self._listening
        if listening == before and strips == self._strips and state.effects == self._effects:
            return
        if listening.spread.length != before.spread.length:
            return  # the song is being put on again, which will be said
        if listening.spread.layout != before.spread.layout:
            if self.ear == "loudspeakers" and not self._outputs():
                self.set_ear("fold-down")
                return
            if listening.channels != before.channels:
                self._laid_out()
                return
        with self._lock:
            if strips != self._strips or state.effects != self._effects:
                self._heard.forget()
                self._rings = self._sounding.rings
            self._listening, self._strips, self._effects = listening, strips, state.effects
            self._mark(0, self._status.size)

    def _stems_rendered(self, start: int, stop: int) -> None:
        with self._lock:
            if self._listening is None:
                return
            around, stop = self._listening.context, stop + self._rings
            self._heard.forget(start // CHUNK, -(-stop // CHUNK))
            self._mark(max(0, start - around) // CHUNK, -(-(stop + around) // CHUNK))

    def _mark(self, first: int, last: int) -> None:
        """Under the lock: chunks [first, last) sound different now."""
        self._edits += 1
        self._seen_edit[first:last] = self._edits
        part = self._status[first:last]
        part[part == FRESH] = STALE
        self._lock.notify_all()

    def _player_changed(self) -> None:
        """A device that came in the place of another may have fewer outputs."""
        device, listening = self._player.device, self._listening
        if self.ear != "loudspeakers" or device is None or listening is None:
            return
        if device.channels < listening.channels:
            self._refuse(listening.spread.layout, device)
            self.set_ear("fold-down")

    # the rendering thread

    def _work(self) -> None:
        while True:
            with self._lock:
                task = None
                while not self._closing and (task := self._next()) is None:
                    self._lock.wait(0.1)
                if self._closing:
                    return
                assert task is not None
                first, last = task
                listening, edits, buffer, kept = self._listening, self._edits, self._buffer, self._heard
                assert listening is not None
            start, stop = first * CHUNK, min(last * CHUNK, buffer.shape[1])
            behind: list[NDArray[np.float32]] = []

            def heard(low: int, high: int) -> Mapping[int, NDArray[np.float32]]:
                sounds = kept(low, high)  # noqa: B023
                behind[:] = [sounds[leaf][:, start - low : stop - low] for leaf in self._sounding.leaves]  # noqa: B023
                return sounds

            try:
                sound = listening.render(heard, start, stop)
            except _NotYet:
                with self._lock:
                    self._lock.wait(0.02)
                continue
            except Exception as error:  # noqa: BLE001 - shown by the window; the stretch keeps its old sound
                if not isinstance(error, Cancelled):  # by the end of the project that it belongs to
                    self.failed.emit(error)
                with self._lock:
                    if buffer is self._buffer:
                        self._status[first:last] = FRESH
                continue
            with self._lock:
                if buffer is not self._buffer or self._listening is None:
                    continue
                part = slice(first, last)
                self._status[part][self._seen_edit[part] <= edits] = FRESH
                self._levels.take(behind, start)
                self._put(part, start, sound[self._order] if self.ear == "loudspeakers" else sound)
            self.rendered.emit(start, stop)

    def _ask(self, start: int, stop: int) -> dict[int, NDArray[np.float32]]:
        sounds = self._sounding.heard(start, stop)
        if sounds is None:
            raise _NotYet
        return sounds

    def _next(self) -> tuple[int, int] | None:
        """Chunks [first, last) to render next: at the playhead first, then in the loop, then ahead."""
        if self._listening is None or not self._document.complete:
            return None
        here = self._player.position // CHUNK
        ahead = int(AHEAD * self._listening.spread.rate) // CHUNK
        ranges = [(here, here + FIRST_STEP, FIRST_STEP), (here, here + ahead // 4, STEP)]
        loop = self._player.loop
        if loop is not None:
            ranges.append((loop[0] // CHUNK, -(-loop[1] // CHUNK), STEP))
        ranges.append((here - STEP, here + ahead, STEP))
        for low, high, step in ranges:
            low, high = max(0, low), min(self._status.size, high)
            wanting = np.flatnonzero(self._status[low:high] != FRESH)
            if wanting.size:
                first = low + int(wanting[0])
                return first, min(first + step, high)
        return None

    def _put(self, part: slice, start: int, sound: NDArray[np.float32]) -> None:
        """Under the lock: put sound in the player's place for it."""
        valid = self._valid[part]
        if valid.any() and self._player.plays(self._buffer):
            self._player.replace([sound], start)
        else:
            self._buffer[:, start : start + sound.shape[1]] = sound
        valid[:] = 1
        self._give_back()

    def _give_back(self) -> None:
        """Give the memory of chunks far from the playhead back, when much is held."""
        held = np.flatnonzero(self._valid)
        most = KEPT_BYTES // (CHUNK * 4 * self._buffer.shape[0])
        if held.size <= most + STEP or self._memory is None or not can_give_back():
            return
        here, loop = self._player.position // CHUNK, self._player.loop
        far = held[np.argsort(-np.abs(held - here))][: held.size - most]
        for chunk in far.tolist():
            if loop is None or not loop[0] <= chunk * CHUNK < loop[1]:
                self._status[chunk], self._valid[chunk] = MISSING, 0
                give_back(self._memory, self._buffer, chunk * CHUNK, (chunk + 1) * CHUNK)


class _NotYet(Exception):
    """The stems are not rendered there."""
