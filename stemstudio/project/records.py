"""Rows of a project as JSON, and back again with every value checked."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from stemstudio.algorithms import ESTIMATES, recipe_from_record
from stemstudio.algorithms.estimates import Estimates, Waveforms
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.algorithms.spliced import Spliced
from stemstudio.algorithms.taught import Taught
from stemstudio.project.chances import Chances
from stemstudio.project.project import PaintStroke, SongReference, State
from stemstudio.project.room import Place
from stemstudio.project.snapshots import StripRecord, strip_values
from stemstudio.project.stem import MIXTURE, Split, Stem
from stemstudio.spectral.strokes import Stroke
from stemstudio.spectral.tiles import TILE, Tile

# What values of stored arrays may be, by the kind of the estimates: waveforms reach 120 dB above full scale.
BOUNDS = {"waveforms": (-1e6, 1e6), "masks": (0.0, 1.0), "overlaid": (0.0, 1.0)}
ANY = (-1e30, 1e30)
FURTHEST = 1e7  # seconds or Hz that a stroke may reach

Number = Annotated[int, Field(ge=0, lt=2**53)]
Chance = Annotated[float, Field(ge=0, le=1)]
Word = Annotated[str, Field(max_length=500)]
Model = TypeVar("Model", bound=BaseModel)


class Record(BaseModel):
    """A row as it lies in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SongRecord(Record):
    """Where the song came from, and what it is recognised by."""

    path: Annotated[str, Field(max_length=10_000)]
    relative: Annotated[str, Field(max_length=10_000)] = ""
    sha256: Annotated[str, Field(max_length=64)]
    title: Word
    channels_taken: Annotated[str, Field(max_length=50)] = "all"
    size: Number = 0

    @property
    def reference(self) -> SongReference:
        return SongReference(self.path, self.sha256, self.title, self.channels_taken)


class SoundRecord(Record):
    """The form of the song's sound, known before it is decoded."""

    sample_rate: Annotated[int, Field(ge=100, le=1_000_000)]
    channels: Annotated[int, Field(ge=1, le=64)]
    length: Annotated[int, Field(ge=0, le=2**34)]


class StemRecord(StripRecord):
    """A stem with its strip."""

    name: Word
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    parent: Number | None
    position: float
    place: Place = Place(lfe_db=None)  # before there were rooms, there was no low-frequency channel

    @classmethod
    def of(cls, stem: Stem) -> StemRecord:
        return cls(
            name=stem.name[:500],
            colour=stem.colour,
            parent=stem.parent,
            position=float(stem.position),
            place=stem.place,
            **strip_values(stem),
        )

    def stem(self, number: int) -> Stem:
        return Stem(
            number, self.name, self.colour, self.parent, self.position, place=self.place, **self.fields()
        )


class ChancesRecord(Record):
    """Whose each part of a split probably is: the stems, and by part how probable each of them is."""

    stems: Annotated[list[Number], Field(max_length=2000)]
    parts: Annotated[list[list[Chance]], Field(max_length=100_000)]

    @classmethod
    def of(cls, chances: Chances) -> ChancesRecord:
        # A suggestion that went wrong is no reason why a project could not be saved.
        sound = np.clip(np.nan_to_num(chances.probabilities), 0, 1)
        # The shortest decimals that are the same float32 again.
        parts = [[float(str(p)) for p in row] for row in sound]
        return cls(stems=list(chances.stems), parts=parts)

    def chances(self, estimates: Estimates) -> Chances:
        """What it says of these estimates; ValueError where it is not about as many parts."""
        if {len(row) for row in self.parts} - {len(self.stems)}:
            raise ValueError("chances are not of as many stems for every part")
        found = np.array(self.parts, dtype=np.float32).reshape(len(self.parts), len(self.stems))
        found.flags.writeable = False
        return Chances(estimates, tuple(self.stems), found)


class SplitRecord(Record):
    """How a stem was taken apart; `arrays` are the numbers of the large arrays by name."""

    recipe: dict[str, JsonValue]
    kind: Word
    header: dict[str, JsonValue]
    arrays: dict[str, Number]
    owners: Annotated[list[Number], Field(max_length=100_000)]
    residual: Number
    locked: Annotated[list[Number], Field(max_length=100_000)]
    learned: Annotated[list[Number], Field(max_length=1_000_000)] = []
    masking: dict[str, JsonValue] | None = None
    chances: ChancesRecord | None = None

    @classmethod
    def of(cls, split: Split, arrays: Mapping[str, int]) -> SplitRecord:
        return cls(
            recipe=split.recipe.record(),
            kind=split.estimates.kind,
            header=split.estimates.header(),
            arrays=dict(arrays),
            owners=list(split.owners),
            residual=split.residual,
            locked=sorted(split.locked),
            learned=sorted(split.learned),
            masking=None if split.own_masking is None else split.own_masking.record(),
            chances=None if split.chances is None else ChancesRecord.of(split.chances),
        )

    def split(self, array: Callable[[int, tuple[float, float]], Any], sound: SoundRecord) -> Split:
        """The split, with its arrays as `array(number, bounds)` gives them; ValueError where anything does not fit."""
        recipe = recipe_from_record(self.recipe)
        estimates = stored_estimates(self.kind, self.header, self.arrays, array, sound)
        if any(part >= len(self.owners) for part in self.locked):
            raise ValueError("parts are locked that are not there")
        return Split(
            recipe,
            estimates,
            tuple(self.owners),
            self.residual,
            frozenset(self.locked),
            frozenset(self.learned),
            None if self.masking is None else Masking.model_validate(self.masking),
            None if self.chances is None else self.chances.chances(estimates),
        )


class StrokeRecord(Record):
    """A stroke."""

    stem: Number
    erase: bool
    stroke: Stroke
    mode: Literal["hard", "hint"] = "hard"

    @classmethod
    def of(cls, stroke: PaintStroke) -> StrokeRecord:
        return cls(stem=stroke.stem, erase=stroke.erase, stroke=stroke.stroke, mode=stroke.mode)

    def paint_stroke(self) -> PaintStroke:
        """The stroke; ValueError where it reaches further than any song."""
        if self.stroke.shape == "brush":
            reach = max(max(abs(seconds), abs(hertz)) for seconds, hertz in self.stroke.points)
            if reach > FURTHEST or self.stroke.width > FURTHEST or self.stroke.height > 100:
                raise ValueError("a stroke is larger than any song")
            _ = self.stroke.box
        elif self.stroke.shape == "comb":
            times = [seconds for seconds, _ in self.stroke.points]
            if max(map(abs, times)) > FURTHEST or times != sorted(times):
                raise ValueError("a melody is longer than any song, or goes back in time")
            if not all(0 <= hertz <= FURTHEST for _, hertz in self.stroke.points):
                raise ValueError("a melody is higher than any sound")
        return PaintStroke(self.stem, self.erase, self.stroke, self.mode)


def stored_estimates(
    kind: str,
    header: Mapping[str, Any],
    numbers: Mapping[str, int],
    array: Callable[[int, tuple[float, float]], Any],
    sound: SoundRecord,
) -> Estimates:
    """Estimates of a record; ValueError where their arrays, as `array(number, bounds)` gives them, do not fit the song."""
    if kind not in ESTIMATES:
        raise ValueError(f"it holds parts of an unknown kind, “{kind[:40]}”")
    kinds = dict(_kinds(kind, header))
    arrays = {
        name: array(number, BOUNDS.get(kinds.get(name.rpartition("/")[0], ""), ANY))
        for name, number in numbers.items()
    }
    estimates = ESTIMATES[kind].from_record(header, arrays)
    for held in estimates.within():
        if isinstance(held, Waveforms) and held.waves.shape[1] != sound.channels:
            raise ValueError("a stem does not fit the song")
    if isinstance(estimates, Spliced):
        # A song may have turned out a little shorter than it was when a piece of it was taken apart.
        furthest = sound.length + 10 * sound.sample_rate
        if any(piece.offset + piece.length > furthest for piece in estimates.pieces):
            raise ValueError("a selection that was taken apart lies beyond the song")
    for name, pans in arrays.items():
        if name.rpartition("/")[2] == "pans" and pans.shape[0] != sound.channels:
            raise ValueError("the pans of the atoms do not fit the song")
    return estimates


def _kinds(kind: str, header: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The kind of estimates by the word before their arrays' names, "" for those of the record itself."""
    yield "", kind
    held: dict[str, Mapping[str, Any]] = {}
    if kind == Spliced.kind:
        held["base"] = header["base"]
        held.update(
            {f"piece {number}": piece["estimates"] for number, piece in enumerate(header["pieces"], 1)}
        )
    elif kind == Overlaid.kind:
        held["base"] = header["base"]
    elif kind == Taught.kind:
        held.update({word: header[word] for word in ("base", "before", "after")})
    for word, told in held.items():
        for below, own in _kinds(told["kind"], told["header"]):
            yield (f"{word}/{below}" if below else word), own


def packed(tile: Tile) -> bytes:
    """A tile as it lies in the file."""
    return zlib.compress(np.ascontiguousarray(tile, dtype="<f2").tobytes(), 1)


def unpacked(data: object) -> Tile:
    """A tile from the file; ValueError unless it is one whole tile of weights."""
    size = TILE * TILE * 2
    if not isinstance(data, bytes):
        raise ValueError("a piece of paint is damaged")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, size + 1)
    except zlib.error:
        raise ValueError("a piece of paint is damaged") from None
    if len(raw) != size or not inflater.eof:
        raise ValueError("a piece of paint is damaged")
    tile = np.frombuffer(raw, dtype="<f2").reshape(TILE, TILE).astype(np.float16)
    if not (tile >= 0).all() or not (tile <= 1).all():
        raise ValueError("paint is stronger than full strength, or not a number")
    return tile


def check_tree(state: State) -> None:
    """ValueError unless the stems are one tree, and everything that points to a stem points to one that is there."""
    root = state.stems.get(MIXTURE)
    if root is None or root.parent is not None:
        raise ValueError("the mixture is missing")
    for number in state.stems:
        seen: set[int] = set()
        current: int | None = number
        while current is not None and current != MIXTURE:
            if current in seen:
                raise ValueError("the stems go round in a circle")
            seen.add(current)
            parent = state.stems[current].parent if current in state.stems else None
            if parent is None or parent not in state.stems or parent not in state.splits:
                raise ValueError(f"the stem that stem {current} was split from is missing")
            if len(seen) > 64:
                raise ValueError("stems are split more than 64 times over")
            current = parent
    for parent, split in state.splits.items():
        if parent not in state.stems:
            raise ValueError("a stem that was split is missing")
        children = {child.id for child in state.children(parent)}
        if split.residual not in children or not children.issuperset(split.owners):
            raise ValueError("parts belong to stems that are not there")
    for stroke in state.strokes.values():
        if stroke.stem not in state.stems:
            raise ValueError("a stroke belongs to a stem that is not there")
