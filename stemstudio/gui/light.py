"""Light: keeps the pyramids of the open song filled, a block at a time in the background, the visible part first.

Layers: `sheet` (level and owner of every bin), `single` (level or mask of the target stem, while a view asks for
it) and `atoms` (mask of the selected atoms). What is there stays until its successor is, so nothing flickers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import QObject, Signal

from stemstudio.gui.document import Document
from stemstudio.gui.look import Look
from stemstudio.gui.pyramid import BLOCK, ROOM, SLOTS, Pyramid
from stemstudio.gui.sheet_blocks import dominant_slots, level_block, mask_block, owner_block, stem_block
from stemstudio.progress import Progress
from stemstudio.project.project import Change, State

PIECE = 256  # frames of owners made in one go
MARK = 16  # frames a mark of `dominant` stands for
LayerName = Literal["levels", "owners", "single", "atoms"]
ORDER: tuple[LayerName, ...] = ("levels", "atoms", "single", "owners")


@dataclass
class Waiting:
    """The frames of a layer that are to be made, by block."""

    ranges: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, first: int, last: int) -> None:
        for block in range(first // BLOCK, -(-last // BLOCK)):
            low, high = max(first, block * BLOCK), min(last, (block + 1) * BLOCK)
            old = self.ranges.get(block, (low, high))
            self.ranges[block] = (min(low, old[0]), max(high, old[1]))

    def take(self, block: int, most: int) -> tuple[int, int]:
        first, last = self.ranges.pop(block)
        if last - first > most:
            self.ranges[block] = (first + most, last)
            last = first + most
        return first, last

    def touches(self, first: int, last: int) -> bool:
        return any(low < last and high > first for low, high in self.ranges.values())


class Light(QObject):
    """The pyramids of the open song.

    Attributes
    ----------
    sheet, single, atoms
        Pyramids, or None: packed levels and owners; the target's level or mask; the mask of the selected atoms.
    slots
        The number that cells name a stem by, by the stem's id.
    dominant
        uint8: the slot of the stem with the most power in every 16 frames; 0 where that is not known yet.

    Signals
    -------
    renewed()
        The pyramids are other ones.
    filled(first, last)
        These frames look different now.
    hues_changed()
        Slots or colours of stems are different.
    """

    renewed = Signal()
    filled = Signal(int, int)
    hues_changed = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent or document)
        self.document = document
        self.sheet: Pyramid | None = None
        self.single: Pyramid | None = None
        self.atoms: Pyramid | None = None
        self.slots: dict[int, int] = {}
        self.dominant = np.zeros(0, dtype=np.uint8)
        self.playhead: Callable[[], float] = lambda: 0.0  # seconds; the window says where
        self._waiting: dict[LayerName, Waiting] = {}
        self._running: tuple[int, LayerName, int, int] | None = None
        self._generation = 0
        self._look = document.look
        self._leaves: tuple[int, ...] = ()
        document.opened.connect(self.restart)
        document.samples_ready.connect(self._samples_ready)
        document.reading_changed.connect(self._reading_changed)
        document.changed.connect(self._changed)
        document.look_changed.connect(self._look_changed)
        document.target_changed.connect(self._target_changed)
        document.atoms_changed.connect(self._atoms_changed)
        self.restart()

    # what is there

    def stem_in(self, slot: int) -> int | None:
        """Id of the stem that cells call `slot`."""
        return next((stem for stem, number in self.slots.items() if number == slot), None)

    def colours(self) -> dict[int, str]:
        """Colour of every slot."""
        state = self.document.state
        return (
            {}
            if state is None
            else {s: state.stems[i].colour for i, s in self.slots.items() if i in state.stems}
        )

    def current(self, first: int, last: int) -> bool:
        """Whether owners of the frames [first, last) are up to date."""
        if self._running is not None and self._running[1] == "owners":
            _, _, begin, end = self._running
            if begin < last and end > first:
                return False
        waiting = self._waiting.get("owners")
        return waiting is None or not waiting.touches(first, last)

    @property
    def idle(self) -> bool:
        """Whether all that can be made has been made."""
        return self._running is None and self._next() is None

    @property
    def frames_ready(self) -> int:
        """Frames whose samples are all there."""
        state, document = self.document.state, self.document
        if state is None:
            return 0
        if document.complete:
            return state.frames
        return max(0, (document.ready_samples - state.grid.fft // 2) // state.grid.hop)

    # what happens

    def restart(self) -> None:
        """Another song, or another grid: start with empty pyramids."""
        self._generation += 1
        self._running = None
        self._waiting = {layer: Waiting() for layer in ORDER}
        state = self.document.state
        self.single = self.atoms = None
        self.slots, self._leaves = {}, ()
        self._known = 0
        if state is None:
            self.sheet, self.dominant = None, np.zeros(0, dtype=np.uint8)
        else:
            self.sheet = Pyramid(state.grid.bins, state.frames, packed=True)
            self.dominant = np.zeros(-(-state.frames // MARK) + BLOCK, dtype=np.uint8)
            self._take_slots(state)
        self.renewed.emit()
        self._arrange_single()
        self._atoms_changed()
        self._offer()

    def _samples_ready(self, _start: int, _stop: int) -> None:
        self._offer()

    def _reading_changed(self) -> None:
        self._offer()

    def _changed(self, change: Change) -> None:
        state = self.document.state
        assert state is not None
        if "grid" in change.kinds:
            self.restart()
            return
        if "song" in change.kinds and self.sheet is not None and state.frames != self.sheet.frames:
            self._resize(state)
        if "stems" in change.kinds or "splits" in change.kinds:
            self._take_slots(state)
        if change.kinds & {"splits", "paint"}:
            first, last = self._frames_of(state, change)
            for layer in ("owners", "single", "atoms"):
                self._await(layer, first, last)  # type: ignore[arg-type]
        self._run()

    def _look_changed(self, look: Look) -> None:
        before, self._look = self._look, look
        if before.channel != look.channel:
            self._await("levels", 0, self._known)
        if before.view != look.view:
            self._arrange_single()
        self._run()

    def _target_changed(self, _stem: int) -> None:
        self._await("single", 0, self._known)
        self._run()

    def _atoms_changed(self) -> None:
        state, document = self.document.state, self.document
        wanted = state is not None and bool(document.atoms) and document.atom_split is not None
        if not wanted or state is None:
            if self.atoms is not None:
                self.atoms = None
                self.renewed.emit()
            self._waiting["atoms"] = Waiting()
            return
        if self.atoms is None or self.atoms.frames != state.frames:
            self.atoms = Pyramid(state.grid.bins, state.frames, packed=False, room=ROOM // 2)
            self.renewed.emit()
        self._await("atoms", 0, self._known)
        self._run()

    # inside

    def _arrange_single(self) -> None:
        state = self.document.state
        if state is None or self._look.view not in ("stem", "mask"):
            self.single = None
            self._waiting["single"] = Waiting()
        else:
            self.single = Pyramid(state.grid.bins, state.frames, packed=False, room=ROOM // 2)
            self._await("single", 0, self._known)
        self.renewed.emit()
        self._run()

    def _resize(self, state: State) -> None:
        assert self.sheet is not None
        self._generation += 1
        if self._running is not None:
            _, layer, first, last = self._running
            self._running = None
            self._await(layer, first, last)
        self.sheet = self.sheet.widened(state.frames)
        self._known = min(self._known, state.frames)
        marks = np.zeros(-(-state.frames // MARK) + BLOCK, dtype=np.uint8)
        held = min(len(marks), len(self.dominant))
        marks[:held] = self.dominant[:held]
        self.dominant = marks
        self._arrange_single()
        self._atoms_changed()

    def _take_slots(self, state: State) -> None:
        """Give every leaf a number; those of stems that are gone are used again when none is free."""
        leaves = tuple(leaf.id for leaf in state.leaves())
        for leaf in leaves:
            if leaf not in self.slots:
                taken = set(self.slots.values())
                free = next((slot for slot in range(1, SLOTS) if slot not in taken), None)
                if free is None:
                    gone = [stem for stem in self.slots if stem not in leaves]
                    free = self.slots.pop(gone[0]) if gone else 1 + leaf % (SLOTS - 1)
                self.slots[leaf] = free
        if leaves != self._leaves:
            self._leaves = leaves
            self._await("owners", 0, self._known)
        self.hues_changed.emit()

    def _frames_of(self, state: State, change: Change) -> tuple[int, int]:
        """The frames that a change touches."""
        if change.box is None:
            return 0, self._known
        per_second = state.mixture.sample_rate / state.grid.hop
        spread = (
            state.grid.fft // state.grid.hop
        )  # a stem that is not a mask on this grid is heard through it
        first = int(change.box.start * per_second) - spread
        last = int(np.ceil(change.box.stop * per_second)) + spread + 1
        return max(0, first), min(self._known, max(0, last))

    def _offer(self) -> None:
        """Take up the frames that have become ready."""
        state = self.document.state
        if state is None or self.sheet is None:
            return
        ready = min(self.frames_ready, self.sheet.frames)
        if not self.document.complete:
            ready = ready // BLOCK * BLOCK
        if ready > self._known:
            known, self._known = self._known, ready
            for layer in ORDER:
                self._await(layer, known, ready)
        self._run()

    def _await(self, layer: LayerName, first: int, last: int) -> None:
        held = {"single": self.single, "atoms": self.atoms}.get(layer, self.sheet)
        if held is not None and last > first:
            first, last = held.aligned(first, last)
            self._waiting[layer].add(first, last)

    def _next(self) -> tuple[LayerName, int] | None:
        """What to make next: what is on screen first, from there outwards and from the playhead onwards."""
        state = self.document.state
        if state is None:
            return None
        per_second = state.mixture.sample_rate / state.grid.hop
        view = self.document.viewport
        left, right, head = (seconds * per_second for seconds in (view.start, view.stop, self.playhead()))
        best: tuple[float, float, int] | None = None
        found: tuple[LayerName, int] | None = None
        for rank, layer in enumerate(ORDER):
            for block, (first, last) in self._waiting[layer].ranges.items():
                away = max(left - last, first - right, 0.0)
                behind = abs((first + last) / 2 - head) * (1.0 if last > head else 1.5)
                order = (away, rank * 1e6 + behind, block)
                if best is None or order < best:
                    best, found = order, (layer, block)
        return found

    def _run(self) -> None:
        """Start the next piece unless one is being made: the other thread of the pool is for the sound."""
        following = None if self._running is not None else self._next()
        if following is None:
            return
        layer, block = following
        first, last = self._waiting[layer].take(block, BLOCK if layer == "levels" else PIECE)
        self._running = (self._generation, layer, first, last)
        self.document.jobs.run(
            f"Drawing {layer}",
            self._work(layer, first, last),
            self._made,
            failed=self._failed,
            heavy=False,
        )

    def _work(self, layer: LayerName, first: int, last: int) -> Callable[[Progress], tuple[int, int, int]]:
        """The piece of work, with all it needs taken along."""
        document, generation = self.document, self._generation
        state, look, sheet, dominant = document.state, self._look, self.sheet, self.dominant
        single, atoms, target = self.single, self.atoms, document.target
        assert state is not None
        assert sheet is not None
        stop = min(last, state.frames)
        slots = [(leaf.id, self.slots[leaf.id]) for leaf in state.leaves()]
        split, chosen, parent = document.atom_split, document.atoms, document.atoms_of

        def work(_progress: Progress) -> tuple[int, int, int]:
            made: Any
            if layer == "levels":
                sheet.put_levels(first, level_block(state, look.channel, first, stop))
            elif layer == "owners":
                sheet.put_owners(first, owner_block(state, slots, first, stop))
            elif layer == "single" and single is not None:
                made = stem_block(state, target, look.view, first, stop)
                single.put_levels(first, made)
            elif atoms is not None and split is not None and parent is not None:
                atoms.put_levels(first, mask_block(state, parent, split, chosen, first, stop))
            if layer in ("levels", "owners"):
                dominant_slots(sheet, dominant, first, stop, MARK)
            return generation, first, last

        return work

    def _made(self, result: tuple[int, int, int]) -> None:
        generation, first, last = result
        if generation != self._generation:
            return
        self._running = None
        self._run()
        self.filled.emit(first, last)

    def _failed(self, error: Exception) -> None:
        self._running = None
        self._run()
        raise error
