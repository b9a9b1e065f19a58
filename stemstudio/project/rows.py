"""Writing rows of the project's tables into a database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stemstudio.algorithms.estimates import Estimates
from stemstudio.project.arrays import pieces
from stemstudio.project.project import SINGLE, State
from stemstudio.project.records import SplitRecord, StemRecord, StrokeRecord, packed
from stemstudio.spectral.tiles import Tile, TileMask

Rows = Mapping[str, Mapping[int, Any]]
Tiles = dict[int, dict[tuple[int, int], Tile | None]]
Kept = Callable[[sqlite3.Connection, Estimates], dict[str, int]]


def write_rows(connection: sqlite3.Connection, rows: Rows, tiles: Tiles, kept: Kept) -> None:
    """Put new values in, None taking a row away; `kept` says under which numbers the arrays of estimates lie."""
    for number, stem in rows.get("stems", {}).items():
        _put(connection, "stems", "id", number, stem and StemRecord.of(stem).model_dump_json())
    for number, split in rows.get("splits", {}).items():
        record = split and SplitRecord.of(split, kept(connection, split.estimates)).model_dump_json()
        _put(connection, "splits", "stem", number, record)
    for number, stroke in rows.get("strokes", {}).items():
        _put(connection, "strokes", "number", number, stroke and StrokeRecord.of(stroke).model_dump_json())
    for name in SINGLE:
        if name in rows:
            write_meta(connection, name, rows[name][0].model_dump_json())
    for stem, changed in tiles.items():
        for (row, column), tile in changed.items():
            if tile is None:
                connection.execute(
                    'DELETE FROM tiles WHERE stem = ? AND "row" = ? AND "column" = ?', (stem, row, column)
                )
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?)", (stem, row, column, packed(tile))
                )


def changed_tiles(old: Mapping[int, TileMask], new: Mapping[int, TileMask | None]) -> Tiles:
    """The tiles that differ, by stem and place; None where there is none any more."""
    tiles: Tiles = {}
    for stem, mask in new.items():
        after, before = mask or TileMask(), old.get(stem, TileMask())
        tiles[stem] = {key: after.tiles.get(key) for key in after.changed_tiles(before)}
    return tiles


def rows_of(state: State) -> tuple[dict[str, dict[int, Any]], Tiles]:
    """Everything in a state, as rows for an empty database."""
    rows: dict[str, dict[int, Any]] = {
        "stems": dict(state.stems),
        "splits": dict(state.splits),
        "strokes": dict(state.strokes),
        "grid": {0: state.grid},
        "melody": {0: state.melody},
        "room": {0: state.room},
        "effects": {0: state.effects},
        "snapshots": {0: state.snapshots},
        "beats": {0: state.beats},
        "practice": {0: state.practice},
    }
    return rows, changed_tiles({}, state.paint)


def step_record(rows: Rows, arrays: Callable[[Estimates], Mapping[str, int]]) -> str:
    """What an edit put where, as JSON: recipes with their seeds, strokes, owners; tiles follow from the strokes."""
    parts: dict[str, list[str]] = {}
    for table, values in rows.items():
        for number, value in values.items():
            if value is None or table == "paint":
                text = "null"
            elif table == "stems":
                text = StemRecord.of(value).model_dump_json()
            elif table == "splits":
                text = SplitRecord.of(value, arrays(value.estimates)).model_dump_json()
            elif table == "strokes":
                text = StrokeRecord.of(value).model_dump_json()
            else:
                text = value.model_dump_json()
            parts.setdefault(table, []).append(f'"{number}":{text}')
    return "{" + ",".join(f'"{table}":{{{",".join(values)}}}' for table, values in parts.items()) + "}"


def write_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Put one of the single values in, as JSON."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def write_array(
    connection: sqlite3.Connection,
    array: Any,
    written: Callable[[int], None] | None = None,
    mended: Callable[[int], None] | None = None,
) -> int:
    """Write an array and return its number; `written(bytes)` is called after every chunk.

    A file with values that are no numbers would be taken for a damaged one: they become 0, and `mended` hears how many.
    """
    shape = json.dumps([int(size) for size in array.shape])
    dtype = array.dtype.newbyteorder("<")
    number = connection.execute(
        "INSERT INTO arrays (dtype, shape) VALUES (?, ?)", (array.dtype.name, shape)
    ).lastrowid
    assert number is not None
    for place, piece in pieces(array):
        good = np.isfinite(piece)
        if not good.all():
            piece = np.where(good, piece, piece.dtype.type(0))
            if mended is not None:
                mended(int(good.size - np.count_nonzero(good)))
        data = piece.astype(dtype, copy=False).tobytes()
        connection.execute("INSERT INTO chunks VALUES (?, ?, ?)", (number, place, data))
        if written is not None:
            written(len(data))
    return number


def _put(connection: sqlite3.Connection, table: str, key: str, number: int, text: str | None) -> None:
    # Table and key are words of this module, never of a file.
    if text is None:
        connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (number,))
    else:
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (number, text))
