"""What a project file holds, read and checked to the last value before anything is made of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import numpy as np
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from stemstudio.audio.audio import Samples
from stemstudio.errors import BadProject, BadRecipe
from stemstudio.project import database
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.effects import Effects
from stemstudio.project.practice import Practice
from stemstudio.project.project import PaintStroke, State
from stemstudio.project.records import (
    SongRecord,
    SoundRecord,
    SplitRecord,
    StemRecord,
    StrokeRecord,
    check_tree,
    unpacked,
)
from stemstudio.project.room import Room
from stemstudio.project.snapshots import Snapshots
from stemstudio.project.stem import MIXTURE, Split, Stem
from stemstudio.project.take_records import OpinionRecord, OpinionsRecord, TakeRecord, TakesRecord
from stemstudio.spectral.lines import PitchLine
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.tiles import TILE, Tile, TileMask

MOST_STEMS = 2000
MOST_ROWS = 1_000_000
MOST_TILES = 32_768  # different ones: 4 GiB of paint
JSON = TypeAdapter(dict[str, JsonValue])
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Silence:
    """Stands for the song until it is decoded: its form, without its sound."""

    sample_rate: int
    channels: int
    length: int

    def read(self, start: int, stop: int) -> Samples:
        """Zeros."""
        return np.zeros((self.channels, max(0, stop - start)), dtype=np.float32)


@dataclass(frozen=True)
class EarlierStep:
    """A step from an earlier session: shown, but it cannot be undone any more."""

    name: str
    time: str


@dataclass
class Contents:
    """What a project file holds, large arrays aside."""

    song: SongRecord
    sound: SoundRecord
    grid: StftSettings
    stems: dict[int, Stem]
    splits: dict[int, SplitRecord]
    strokes: dict[int, PaintStroke]
    melody: PitchLine
    room: Room
    effects: Effects
    snapshots: Snapshots
    beats: BeatGrid
    practice: Practice
    takes: list[TakeRecord]
    opinions: list[OpinionRecord]
    steps: tuple[EarlierStep, ...]
    view: dict[str, Any]
    tags: dict[str, str]
    next_id: int


def read_contents(connection: sqlite3.Connection) -> Contents:
    """Everything but arrays and paint; ValueError and the like where it is not as we write it."""
    meta = dict(connection.execute("SELECT key, value FROM meta LIMIT 100"))
    song = _record(SongRecord, meta.get("song"), "song")
    sound = _record(SoundRecord, meta.get("sound"), "sound")
    grid = StftSettings.model_validate_json(_text(meta.get("grid"), "grid"), strict=True)
    stems = {
        number: _record(StemRecord, text, "stem").stem(number)
        for number, text in _rows(connection, "stems", MOST_STEMS)
    }
    splits = {
        number: _record(SplitRecord, text, "split")
        for number, text in _rows(connection, "splits", MOST_STEMS)
    }
    strokes = {
        number: _record(StrokeRecord, text, "stroke").paint_stroke()
        for number, text in _rows(connection, "strokes", MOST_ROWS)
    }
    melody = PitchLine.model_validate_json(_text(meta.get("melody", "{}"), "melody"), strict=True)
    room = Room.model_validate_json(_text(meta.get("room", "{}"), "room"), strict=True)
    effects = Effects.model_validate_json(_text(meta.get("effects", "{}"), "effects"))
    snapshots = Snapshots.model_validate_json(_text(meta.get("snapshots", "{}"), "snapshots"))
    beats = BeatGrid.model_validate_json(_text(meta.get("beats", "{}"), "beats"), strict=True)
    practice = Practice.model_validate_json(_text(meta.get("practice", "{}"), "practice"), strict=True)
    takes = _record(TakesRecord, meta.get("takes", "{}"), "takes").takes
    opinions = _record(OpinionsRecord, meta.get("opinions", "{}"), "opinions").opinions
    silence = Silence(sound.sample_rate, sound.channels, sound.length)
    owners = cast("dict[int, Split]", splits)  # the tree needs their owners and residuals alone
    check_tree(State(silence, grid, MappingProxyType(stems), owners, strokes))
    steps = tuple(
        EarlierStep(_text(name, "step")[:500], _text(time, "step")[:50])
        for name, time in connection.execute(
            "SELECT name, time FROM edits WHERE done != 0 ORDER BY number LIMIT ?", (MOST_ROWS,)
        )
    )
    view = JSON.validate_json(_text(meta.get("view", "{}"), "view"))
    tags = {
        key: value
        for key, value in JSON.validate_json(_text(meta.get("tags", "{}"), "tags")).items()
        if isinstance(value, str)
    }
    next_id = int(_text(meta.get("next_id", "1"), "number"))
    if not 0 <= next_id < 2**53:
        raise ValueError("a number is out of its range")
    return Contents(
        song=song,
        sound=sound,
        grid=grid,
        stems=stems,
        splits=splits,
        strokes=strokes,
        melody=melody,
        room=room,
        effects=effects,
        snapshots=snapshots,
        beats=beats,
        practice=practice,
        takes=takes,
        opinions=opinions,
        steps=steps,
        view=view,
        tags=tags,
        next_id=next_id,
    )


def read_paint(connection: sqlite3.Connection, contents: Contents) -> dict[int, TileMask]:
    """The paint of every stem; equal tiles share their memory.

    What lies beyond the song is left out: a song that turned out shorter than it first seemed can have such paint.
    """
    frames = contents.grid.frames(contents.sound.length)
    tiles: dict[int, dict[tuple[int, int], Tile]] = {}
    seen: dict[object, Tile] = {}
    for stem, row, column, data in connection.execute('SELECT stem, "row", "column", data FROM tiles'):
        if not all(type(value) is int and value >= 0 for value in (stem, row, column)):
            raise ValueError("a piece of paint is damaged")
        if stem not in contents.stems or stem == MIXTURE:
            raise ValueError("paint belongs to a stem that is not there")
        if row * TILE >= contents.grid.bins:
            raise ValueError("paint lies higher than any sound")
        if column * TILE >= frames:
            continue
        if data not in seen:
            if len(seen) == MOST_TILES:
                raise ValueError("there is more paint than any song can have")
            seen[data] = unpacked(data)
        tiles.setdefault(stem, {})[row, column] = seen[data]
    return {stem: TileMask(own) for stem, own in tiles.items()}


@contextmanager
def complaints(path: Path) -> Iterator[None]:
    """Whatever is wrong with a stranger's data, as one sentence."""
    try:
        yield
    except BadProject:
        raise
    except BadRecipe as error:
        raise BadProject(
            f"“{path.name}” cannot be opened: {error.sentence}", "Update StemStudio and try again."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        words = [part for part in first["loc"] if isinstance(part, str)]
        what = f"“{words[-1][:40]}”" if words else "something in it"
        raise database.damaged(path, f"{what} is missing or has a value that is not possible") from None
    except (
        sqlite3.Error,
        KeyError,
        TypeError,
        ArithmeticError,
        RecursionError,
        MemoryError,
        AttributeError,
    ) as error:
        raise database.damaged(path, "something in it is missing or not what it should be") from error
    except ValueError as error:
        raise database.damaged(path, str(error)[:200].rstrip(".") or "a value is out of its range") from None


def _rows(connection: sqlite3.Connection, table: str, most: int) -> Iterator[tuple[int, object]]:
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT {most + 1}")
    for count, (number, text) in enumerate(cursor):
        if count == most:
            raise ValueError(f"it holds more than {most} {table}")
        if type(number) is not int or not 0 <= number < 2**53:
            raise ValueError(f"a number among its {table} is out of its range")
        yield number, text


def _record(kind: type[T], text: object, what: str) -> T:
    return kind.model_validate_json(_text(text, what))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"its {what} is missing or damaged")
    return value
