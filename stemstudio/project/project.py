"""Project: the mixture, the tree of stems, the paint, and who listens to their changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Any, Literal

from stemstudio.audio.audio import Sound
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.effects import Effects
from stemstudio.project.practice import Practice
from stemstudio.project.room import Room
from stemstudio.project.snapshots import Snapshots
from stemstudio.project.stem import MIXTURE, Split, Stem
from stemstudio.spectral.brushes import Box
from stemstudio.spectral.lines import PitchLine
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.strokes import AnyStroke
from stemstudio.spectral.tiles import TileMask

SINGLE = (
    "grid",
    "melody",
    "room",
    "effects",
    "snapshots",
    "beats",
    "practice",
)  # tables of one row, number 0


@dataclass(frozen=True)
class SongReference:
    """Where the song came from.

    Attributes
    ----------
    path, sha256
        Of the file; the hash recognises it after a move.
    title
        What to call it.
    channels_taken
        "all", "downmix", or a pair such as "1,2": what was taken of a file with more channels.
    """

    path: str
    sha256: str
    title: str
    channels_taken: str = "all"


@dataclass(frozen=True)
class PaintStroke:
    """A stroke on the sheet: whose light it takes to whom.

    Attributes
    ----------
    stem
        The leaf that is painted.
    erase
        Whether it takes paint away instead of laying it on.
    stroke
        The shape, in seconds and Hz.
    mode
        "hard" moves the light itself; "hint" only says whose it is, for `refining` to learn from.
    """

    stem: int
    erase: bool
    stroke: AnyStroke
    mode: Literal["hard", "hint"] = "hard"


@dataclass(frozen=True, eq=False)
class State:
    """Everything a project holds at one moment; a snapshot that any thread may read.

    Attributes
    ----------
    mixture
        The song's sound.
    stems
        By id; 0 is the mixture itself.
    splits
        By the id of the stem that was split.
    strokes
        Strokes by their number, in order.
    paint
        The weights A of ARCHITECTURE's formula, by the id of the stem, on `grid`.
    grid
        The STFT settings that paint lies on and the spectrogram shows.
    melody
        The line that was drawn with the harmonics tool, or found.
    room
        The loudspeakers that the stems are spread over.
    effects
        The reverb and the delay that strips send to.
    snapshots
        Other settings of the mixer, to be compared with this one.
    beats
        When the song's beats are, and its key.
    practice
        How it is played to practise: tempo, key, metronome.
    """

    mixture: Sound
    grid: StftSettings
    stems: Mapping[int, Stem]
    splits: Mapping[int, Split] = field(default_factory=dict)
    strokes: Mapping[int, PaintStroke] = field(default_factory=dict)
    paint: Mapping[int, TileMask] = field(default_factory=dict)
    melody: PitchLine = field(default_factory=PitchLine)
    room: Room = field(default_factory=Room)
    effects: Effects = field(default_factory=Effects)
    snapshots: Snapshots = field(default_factory=Snapshots)
    beats: BeatGrid = field(default_factory=BeatGrid)
    practice: Practice = field(default_factory=Practice)

    def children(self, stem: int) -> tuple[Stem, ...]:
        """Children of a stem, in order; the residual last."""
        found = [child for child in self.stems.values() if child.parent == stem]
        residual = self.splits[stem].residual if stem in self.splits else None
        return tuple(sorted(found, key=lambda child: (child.id == residual, child.position, child.id)))

    def leaves(self, below: int = MIXTURE) -> tuple[Stem, ...]:
        """The stems that are not split any further, in order: what the mixer shows."""
        return tuple(self._leaves(below))

    def _leaves(self, stem: int) -> Iterator[Stem]:
        if stem not in self.splits:
            yield self.stems[stem]
            return
        for child in self.children(stem):
            yield from self._leaves(child.id)

    def path(self, stem: int) -> tuple[int, ...]:
        """Ids from just below the mixture down to a stem."""
        ids: list[int] = []
        current: int | None = stem
        while current is not None and current != MIXTURE:
            ids.append(current)
            current = self.stems[current].parent
        return tuple(reversed(ids))

    def is_residual(self, stem: int) -> bool:
        parent = self.stems[stem].parent
        return parent is not None and parent in self.splits and self.splits[parent].residual == stem

    @property
    def frames(self) -> int:
        return self.grid.frames(self.mixture.length)


@dataclass(frozen=True)
class Change:
    """What an edit did.

    Attributes
    ----------
    kinds
        Of: "stems" (tree, names, colours), "mixer" (strips, effects, snapshots), "splits" (who owns which part),
        "masks" (how they are made of the parts), "paint", "hints", "grid", "melody", "room" (loudspeakers, places
        of stems), "beats", "practice" (tempo, key, metronome), "song".
    stems
        Ids of the stems whose sound or look is different.
    box
        The time and frequency range in which sound is different; None for everywhere.
    """

    kinds: frozenset[str]
    stems: frozenset[int] = frozenset()
    box: Box | None = None

    @property
    def sounds(self) -> bool:
        """Whether any stem's own sound is different (not just its strip in the mixer)."""
        return bool(self.kinds & {"splits", "masks", "paint", "song"})

    def union(self, other: Change) -> Change:
        box = None
        if self.box is not None and other.box is not None:
            box = Box(
                start=min(self.box.start, other.box.start),
                stop=max(self.box.stop, other.box.stop),
                low=min(self.box.low, other.box.low),
                high=max(self.box.high, other.box.high),
            )
        return Change(self.kinds | other.kinds, self.stems | other.stems, box)


Listener = Callable[[Change], None]
RowListener = Callable[[Mapping[str, Mapping[int, Any]]], None]


def with_rows(state: State, values: Mapping[str, Mapping[int, Any]]) -> State:
    """A state with values in its tables, None taking a row away."""
    tables = {}
    for table, rows in values.items():
        if table in SINGLE:
            tables[table] = rows[0]
            continue
        kept = dict(getattr(state, table))
        for key, value in rows.items():
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = value
        tables[table] = MappingProxyType(kept)
    return replace(state, **tables)


class Project:
    """The song as the musician has cut it. Only an `Edit` changes it, on one thread.

    Attributes
    ----------
    state
        The present snapshot.
    song
        Where the song came from.
    view
        How the window looks at it (zoom, playhead, selection …): kept, but not an edit.
    revision
        Counts the changes.
    """

    def __init__(self, mixture: Sound, song: SongReference, grid: StftSettings) -> None:
        root = Stem(MIXTURE, "Mixture", "#c9cede", None)
        self.song = song
        self.view: dict[str, Any] = {}
        self.revision = 0
        self._state = State(mixture, grid, {MIXTURE: root})
        self._listeners: list[Listener] = []
        self._row_listeners: list[RowListener] = []
        self._held: list[Change] | None = None
        self._next_id = 1

    @property
    def state(self) -> State:
        return self._state

    def new_id(self) -> int:
        """An id that no stem or stroke of this project ever had."""
        taken = max([0, *self._state.stems, *self._state.strokes])
        self._next_id = max(self._next_id, taken + 1)
        self._next_id += 1
        return self._next_id - 1

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(change)` after every change; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def next_id(self) -> int:
        """What `new_id` will answer next, at least."""
        return self._next_id

    def skip_ids(self, next_id: int) -> None:
        """Never answer ids below `next_id`: they were given away in an earlier session."""
        self._next_id = max(self._next_id, next_id)

    def listen_rows(self, listener: RowListener) -> Callable[[], None]:
        """Call `listener(values)` with the rows that were put, before anybody hears of the change: for storage."""
        self._row_listeners.append(listener)
        return lambda: self._row_listeners.remove(listener)

    def put(self, values: Mapping[str, Mapping[int, Any]], change: Change) -> None:
        """Put values into the tables of the state, None taking a row away: for `Edit` and storage alone."""
        self._state = with_rows(self._state, values)
        self.revision += 1
        for row_listener in tuple(self._row_listeners):
            row_listener(values)
        if self._held is not None:
            self._held.append(change)
            return
        for listener in tuple(self._listeners):
            listener(change)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Whoever listens hears of all changes made inside as of one: between them, nothing is looked at."""
        held: list[Change] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            if held:
                change = reduce(Change.union, held)
                for listener in tuple(self._listeners):
                    listener(change)

    def set_mixture(self, mixture: Sound) -> None:
        """Replace the song's sound: when decoding has finished, or the file was found again."""
        self._state = replace(self._state, mixture=mixture)
        self.revision += 1
        for listener in tuple(self._listeners):
            listener(Change(frozenset({"song"})))
