"""Light: keeps the pyramids of the open song filled, a block at a time in the background, the visible part first.

Layers: `sheet` (level and owner of every bin), `single` (level or mask of the target stem, while a view asks for
it) and `overlay` (mask of the selected atoms, the target's paint where hues do not show it, or doubt). What is there stays
until its successor is, so nothing flickers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, Signal

from stemstudio.gui.document import Document
from stemstudio.gui.look import Look
from stemstudio.gui.opinions import opinions_of
from stemstudio.gui.pyramid import BLOCK, ROOM, SLOTS, Pyramid, whole_owner
from stemstudio.gui.sheet_blocks import (
    dominant_slots,
    doubt_block,
    level_block,
    mask_block,
    owner_block,
    paint_block,
    stem_block,
)
from stemstudio.gui.unmade_frames import ORDER, LayerName, UnmadeFrames
from stemstudio.progress import Progress
from stemstudio.project.opinions import Comparison
from stemstudio.project.project import Change, State
from stemstudio.project.rendering import by_stretches

LEVELS_AT_ONCE = 2
SOUND_FIRST = 0.1  # seconds that the sound of an edit may keep its picture waiting
STRETCH_FIRST = 5.0  # and where it is worked out by stretches, which the picture would be made of as well
PIECE = 256  # frames made in one go, except levels
STRIDE = 64  # frames of owners after which it is asked again whether sound is to be made first
GRAIN = 64  # frames by which a song that is being decoded appears
MARK = 16  # frames a mark of `dominant` stands for
Overlay = Literal["", "atoms", "paint", "doubt"]
Made = tuple[int, tuple[LayerName, int, int]]


class Light(QObject):
    """The pyramids of the open song.

    Attributes
    ----------
    sheet, single, overlay
        Pyramids, or None: packed levels and owners; the target's level or mask; what `overlay_shows` says.
    slots
        The number that cells name a stem by, by the stem's id.
    dominant
        uint8: the slot of the stem with the most power in every 16 frames; 0 where that is not known yet.
    playhead
        Says which second sounds now.

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
        self.overlay: Pyramid | None = None
        self.overlay_shows: Overlay = ""
        self.slots: dict[int, int] = {}
        self.dominant = np.zeros(0, dtype=np.uint8)
        self.playhead: Callable[[], float] = lambda: 0.0
        self._opinions = opinions_of(document)
        self._compared: tuple[Comparison, ...] = ()
        self._unmade = UnmadeFrames()
        self._running: list[tuple[LayerName, int, int]] = []
        self._generation = 0
        self._known = 0
        self._look = document.look
        self._leaves: tuple[int, ...] = ()
        self._hues: tuple[tuple[int, ...], dict[int, str]] = ((), {})
        document.opened.connect(self.restart)
        document.samples_ready.connect(self._offer)
        document.reading_changed.connect(self._offer)
        document.changed.connect(self._changed)
        document.look_changed.connect(self._look_changed)
        document.target_changed.connect(self._target_changed)
        document.atoms_changed.connect(self._atoms_changed)
        self._opinions.changed.connect(self._opinions_changed)
        self.restart()

    # what is there

    def colours(self) -> dict[int, str]:
        """Colour of every slot."""
        state = self.document.state
        if state is None:
            return {}
        return {slot: state.stems[stem].colour for stem, slot in self.slots.items() if stem in state.stems}

    def current(self, first: int, last: int) -> bool:
        """Whether the frames [first, last) are drawn as the project has them now."""
        return not self._touched(first, last) and not any(
            self._unmade.touches(layer, first, last) for layer in ORDER
        )

    @property
    def idle(self) -> bool:
        """Whether all that can be made has been made."""
        return not self._running and self._unmade.nearest(0, 0, 0) is None

    # what happens

    def restart(self) -> None:
        """Another song, or another grid: start with empty pyramids."""
        self._generation += 1
        self._running, self._unmade = [], UnmadeFrames()
        self.single = self.overlay = None
        self.overlay_shows = ""
        self.slots, self._leaves, self._known = {}, (), 0
        state = self.document.state
        if state is None:
            self.sheet, self.dominant = None, np.zeros(0, dtype=np.uint8)
        else:
            self.sheet = Pyramid(state.grid.bins, state.frames, packed=True)
            self.dominant = np.zeros(-(-state.frames // MARK) + BLOCK, dtype=np.uint8)
            self._take_slots(state)
        self._arrange_single()
        self._arrange_overlay()
        self.renewed.emit()
        self._offer()

    def _changed(self, change: Change) -> None:
        state = self.document.state
        assert state is not None
        if "grid" in change.kinds:
            self.restart()
            return
        if "song" in change.kinds and self.sheet is not None and state.frames != self.sheet.frames:
            self._resize(state)
        if change.kinds & {"stems", "splits"}:
            self._take_slots(state)
        self._arrange_overlay()
        if change.kinds & {"splits", "masks", "paint"}:
            first, last = self._frames_of(state, change)
            self._await("owners", first, last)
            self._await("single", first, last)
            self._await("overlay", first, last)
        self._run()

    def _look_changed(self, look: Look) -> None:
        before, self._look = self._look, look
        if before.channel != look.channel:
            self._await("levels", 0, self._known)
        if before.view != look.view:
            self._arrange_single()
            self._arrange_overlay()
            self.renewed.emit()
        self._run()

    def _target_changed(self, _stem: int) -> None:
        self._arrange_overlay()
        self._await("single", 0, self._known)
        if self.overlay_shows == "paint":
            self._await("overlay", 0, self._known)
        self._run()

    def _atoms_changed(self) -> None:
        self._arrange_overlay()
        self._await("overlay", 0, self._known)
        self._run()

    def _opinions_changed(self) -> None:
        if self._compared is self._opinions.comparisons:
            return
        self._compared = self._opinions.comparisons
        self._arrange_overlay()
        if self.overlay_shows == "doubt":
            self._await("overlay", 0, self._known)
        self._run()

    # inside

    def _arrange_single(self) -> None:
        """Have a pyramid of one stem as long as a view shows one."""
        state = self.document.state
        self._unmade.clear("single")
        self.single = None
        if state is not None and self._look.view in ("stem", "mask"):
            self.single = Pyramid(state.grid.bins, state.frames, packed=False, room=ROOM // 2)
            self._await("single", 0, self._known)

    def _arrange_overlay(self) -> None:
        """Have a pyramid of the overlay as long as there is one to show."""
        document, state = self.document, self.document.state
        shows: Overlay = ""
        if state is not None and self._look.view == "doubt":
            shows = "doubt" if self._compared else ""
        elif state is not None and document.atoms and document.atom_split is not None:
            shows = "atoms"
        elif state is not None and self._look.view in ("mixture", "stem") and document.target in state.paint:
            shows = "paint"
        same = shows == self.overlay_shows and (
            self.overlay is None or (state is not None and self.overlay.frames == state.frames)
        )
        if same:
            return
        self.overlay_shows, self.overlay = shows, None
        self._unmade.clear("overlay")
        if state is not None and shows:
            self.overlay = Pyramid(state.grid.bins, state.frames, packed=False, room=ROOM // 2)
            self._await("overlay", 0, self._known)
        self.renewed.emit()

    def _resize(self, state: State) -> None:
        """The song turned out longer or shorter than it was said to be."""
        assert self.sheet is not None
        self._generation += 1
        self._known = min(self._known, state.frames)
        for piece in self._running:
            self._await(*piece)
        self._running = []
        self.sheet = self.sheet.widened(state.frames)
        marks = np.zeros(-(-state.frames // MARK) + BLOCK, dtype=np.uint8)
        held = min(len(marks), len(self.dominant))
        marks[:held] = self.dominant[:held]
        self.dominant = marks
        self._arrange_single()
        self.renewed.emit()

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
        hues = (leaves, self.colours())
        if hues != self._hues:
            self._hues = hues
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

    def _offer(self, *_: object) -> None:
        """Take up the frames that have become ready."""
        document, state = self.document, self.document.state
        if state is None or self.sheet is None:
            return
        ready = state.frames
        if not document.complete:
            ready = max(0, (document.ready_samples - state.grid.fft // 2) // state.grid.hop) // GRAIN * GRAIN
        ready = min(ready, self.sheet.frames)
        if ready > self._known:
            known, self._known = self._known, ready
            for layer in ORDER:
                if layer != "owners" or len(self._leaves) > 1:  # one owner comes with the levels
                    self._await(layer, known, ready)
        self._run()

    def _await(self, layer: LayerName, first: int, last: int) -> None:
        held = {"single": self.single, "overlay": self.overlay}.get(layer, self.sheet)
        if held is not None and last > first:
            self._unmade.add(layer, *held.aligned(first, last))

    def _touched(self, first: int, last: int) -> bool:
        """Whether any of these frames is being made."""
        return any(begin < last and end > first for _, begin, end in self._running)

    def _run(self) -> None:
        """Start the next pieces: two of levels at a time, else one, as the other thread of the pool is for the sound."""
        document, state = self.document, self.document.state
        if state is None:
            return
        per_second = state.mixture.sample_rate / state.grid.hop
        view = document.viewport
        place = [seconds * per_second for seconds in (view.start, view.stop, self.playhead())]
        while len(self._running) < LEVELS_AT_ONCE:
            following = self._unmade.nearest(*place)
            if following is None:
                return
            layer, block = following
            both = layer == "levels" and all(running[0] == "levels" for running in self._running)
            if self._running and (not both or self._touched(block * BLOCK, (block + 1) * BLOCK)):
                return
            first, last = self._unmade.take(layer, block, BLOCK if layer == "levels" else PIECE)
            self._running.append((layer, first, last))
            work = self._work(state, layer, first, last)
            document.jobs.run(f"Drawing {layer}", work, self._made, failed=self._failed, heavy=False)

    def _work(self, state: State, layer: LayerName, first: int, last: int) -> Callable[[Progress], Made]:
        """The piece of work, with all it needs taken along."""
        document, generation, look = self.document, self._generation, self._look
        sheet, single, overlay, dominant = self.sheet, self.single, self.overlay, self.dominant
        shows, target = self.overlay_shows, document.target
        split, chosen, parent = document.atom_split, document.atoms, document.atoms_of
        opinions = self._opinions.now(state) if shows == "doubt" else ()
        slots = [(leaf.id, self.slots[leaf.id]) for leaf in state.leaves()]
        only = whole_owner(slots[0][1]) if len(slots) == 1 else None
        stop = min(last, state.frames)
        patience = STRETCH_FIRST if by_stretches(state) else SOUND_FIRST
        assert sheet is not None

        def work(_progress: Progress) -> Made:
            if layer != "owners":
                document.jobs.sound_settled.wait(patience)
            if layer == "levels":
                sheet.put_levels(first, level_block(state, look.channel, first, stop), only)
            elif layer == "owners":
                for begin in range(first, stop, STRIDE):
                    document.jobs.sound_settled.wait(patience)
                    sheet.put_owners(begin, owner_block(state, slots, begin, min(stop, begin + STRIDE)))
            elif layer == "single" and single is not None:
                single.put_levels(first, stem_block(state, target, look.view, first, stop))
            elif layer == "overlay" and overlay is not None and opinions:
                overlay.put_levels(first, doubt_block(opinions, first, stop))
            elif layer == "overlay" and overlay is not None and shows == "paint":
                overlay.put_levels(first, paint_block(state, target, first, stop))
            elif (
                layer == "overlay"
                and overlay is not None
                and shows == "atoms"
                and split
                and parent is not None
            ):
                overlay.put_levels(first, mask_block(state, parent, split, chosen, first, stop))
            if layer in ("levels", "owners"):
                dominant_slots(sheet, dominant, first, stop, MARK)
            return generation, (layer, first, last)

        return work

    def _made(self, result: Made) -> None:
        generation, piece = result
        if generation == self._generation:
            self._running.remove(piece)
            self._run()
            self.filled.emit(piece[1], piece[2])

    def _failed(self, error: Exception) -> None:
        self._running = []
        self._run()
        raise error
