"""Large arrays inside a project file, read by range without the rest."""

from __future__ import annotations

import itertools
import json
import math
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Cancelled
from stemstudio.project.database import connect

CHUNK = 2**17  # values a chunk holds, about
NARROWEST = 64  # columns of a chunk, at least
CACHE = 32 * 2**20  # bytes
DTYPES = ("float16", "float32", "float64", "int32", "uint8")


def blocks(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """How the last two axes of an array are cut: rows, columns of a chunk, and the number of chunks along each."""
    rows, columns = (shape[-2] if len(shape) > 1 else 1), shape[-1]
    high = max(1, min(rows, CHUNK // NARROWEST * 16))
    wide = max(1, min(columns, max(NARROWEST, CHUNK // high)))
    return high, wide, -(-rows // high), -(-columns // wide)


def pieces(array: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """Chunks of an array (or of what slices like one), with their numbers."""
    shape = tuple(int(size) for size in array.shape)
    high, wide, down, across = blocks(shape)
    for lead, index in enumerate(itertools.product(*(range(size) for size in shape[:-2]))):
        sheet = array[index] if index else array
        for i, j in itertools.product(range(down), range(across)):
            columns = slice(j * wide, (j + 1) * wide)
            piece = sheet[i * high : (i + 1) * high, columns] if len(shape) > 1 else sheet[columns]
            yield (lead * down + i) * across + j, np.ascontiguousarray(piece)


class Reader:
    """Reads chunks of a project file from any thread: a connection each, and a small cache.

    Whoever still reads when the project is closed gets `Cancelled`: nobody waits for the answer any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._closed = False
        self._connections: list[tuple[sqlite3.Connection, threading.Lock]] = []
        self._cache: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._cached = 0

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """This thread's own connection, which cannot write; it stays open until the block is left."""
        found: tuple[sqlite3.Connection, threading.Lock] | None = getattr(self._local, "connection", None)
        if found is None:
            with self._lock:
                if self._closed:
                    raise Cancelled
                found = (connect(self._path), threading.Lock())
                self._connections.append(found)
            found[0].execute("PRAGMA query_only = ON")
            self._local.connection = found
        connection, in_use = found
        with in_use:
            if self._closed:
                raise Cancelled
            yield connection

    def chunk(self, array: int, number: int, dtype: str) -> NDArray[Any]:
        """The values of a chunk, flat and read-only."""
        key = (array, number)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        with self.connection() as connection:
            row = connection.execute("SELECT data FROM chunks WHERE array = ? AND number = ?", key).fetchone()
        if row is None:
            raise KeyError(f"array {array} has no chunk {number}")
        values = np.frombuffer(row[0], dtype=np.dtype(dtype).newbyteorder("<"))
        with self._lock:
            if key not in self._cache:
                self._cache[key] = values
                self._cached += values.nbytes
            while self._cached > CACHE and len(self._cache) > 1:
                self._cached -= self._cache.popitem(last=False)[1].nbytes
        return values

    def close(self) -> None:
        """End it, once what is being read just now is there."""
        with self._lock:
            self._closed = True
            connections, self._connections = self._connections, []
            self._cache.clear()
        for connection, in_use in connections:
            with in_use:
                connection.close()


class StoredArray:
    """A read-only array in a project file.

    Slicing it along any axis gives an ndarray and reads only the chunks that are touched; an integer index alone
    gives another `StoredArray`, so that `waves[part][..., start:stop]` reads a range.
    """

    def __init__(
        self, reader: Reader, array: int, dtype: str, shape: tuple[int, ...], lead: tuple[int, ...] = ()
    ) -> None:
        self._reader = reader
        self._whole = shape
        self._lead = lead
        self.array = array
        self.dtype = np.dtype(dtype)
        self.shape = shape[len(lead) :]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes it takes on disk; none of them in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)

    def __getitem__(self, key: Any) -> Any:
        keys = list(key) if isinstance(key, tuple) else [key]
        if len(keys) < self.ndim and all(isinstance(k, (int, np.integer)) for k in keys):
            lead = tuple(_within(int(k), size) for k, size in zip(keys, self.shape, strict=False))
            return StoredArray(self._reader, self.array, self.dtype.name, self._whole, self._lead + lead)
        dots = [place for place, k in enumerate(keys) if k is Ellipsis]
        at = dots[0] if dots else len(keys)
        keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + len(dots))
        if len(keys) != self.ndim or len(dots) > 1:
            raise IndexError(f"{key!r} does not fit an array of shape {self.shape}")
        spans = [range(at, at + 1) for at in self._lead]
        squeeze: list[Any] = [0] * len(self._lead)
        for k, size in zip(keys, self.shape, strict=True):
            if isinstance(k, slice):
                spans.append(range(size)[k])
                squeeze.append(slice(None))
            else:
                at = _within(int(k), size)
                spans.append(range(at, at + 1))
                squeeze.append(0)
        return self._read(spans)[tuple(squeeze)]

    def _read(self, spans: list[range]) -> NDArray[Any]:
        """Values at the spans; the last two axes are read without gaps, then thinned where a step asks for it."""
        dense = [*spans[:-2], *(_dense(span) for span in spans[-2:])]
        result = np.empty([len(span) for span in dense], dtype=self.dtype)
        sheets = result[None] if len(spans) == 1 else result
        rows = dense[-2] if len(spans) > 1 else range(1)
        for places in itertools.product(*(range(len(span)) for span in spans[:-2])):
            number = 0
            for place, span, size in zip(places, spans[:-2], self._whole[:-2], strict=True):
                number = number * size + span[place]
            self._read_sheet(number, rows, dense[-1], sheets[places] if places else sheets)
        for axis in range(max(0, len(spans) - 2), len(spans)):
            if spans[axis].step != 1 and len(spans[axis]):
                result = np.take(result, np.asarray(spans[axis]) - dense[axis].start, axis)
        return result

    def _read_sheet(self, lead: int, rows: range, columns: range, out: NDArray[Any]) -> None:
        """Fill `out` from rows × columns (without gaps) of one sheet of the last two axes."""
        if not out.size:
            return
        high, wide, down, across = blocks(self._whole)
        total_rows, total_columns = (self._whole[-2] if len(self._whole) > 1 else 1), self._whole[-1]
        for i in range(rows.start // high, -(-rows.stop // high)):
            top, bottom = max(rows.start, i * high), min(rows.stop, (i + 1) * high)
            for j in range(columns.start // wide, -(-columns.stop // wide)):
                left, right = max(columns.start, j * wide), min(columns.stop, (j + 1) * wide)
                flat = self._reader.chunk(self.array, (lead * down + i) * across + j, self.dtype.name)
                chunk = flat.reshape(min(high, total_rows - i * high), min(wide, total_columns - j * wide))
                out[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] = (
                    chunk[top - i * high : bottom - i * high, left - j * wide : right - j * wide]
                )


def stored(
    reader: Reader,
    connection: sqlite3.Connection,
    array: int,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> StoredArray:
    """An array of a file; ValueError unless all of it is there, and every value a number within the bounds."""
    row = connection.execute("SELECT dtype, shape FROM arrays WHERE id = ?", (array,)).fetchone()
    if row is None or row[0] not in DTYPES or not isinstance(row[1], str) or len(row[1]) > 200:
        raise ValueError("an array is missing")
    dtype = np.dtype(row[0]).newbyteorder("<")
    try:
        shape = json.loads(row[1])
    except json.JSONDecodeError:
        shape = None
    if (
        not isinstance(shape, list)
        or not 1 <= len(shape) <= 4
        or not all(type(size) is int and 0 < size < 2**40 for size in shape)
    ):
        raise ValueError("an array has no proper shape")
    high, wide, down, across = blocks(shape)
    rows = shape[-2] if len(shape) > 1 else 1
    count = math.prod(shape[:-2]) * down * across
    held = connection.execute("SELECT count(*) FROM chunks WHERE array = ?", (array,)).fetchone()[0]
    if held != count:
        raise ValueError("a part of an array is missing")
    cursor = connection.execute("SELECT number, data FROM chunks WHERE array = ? ORDER BY number", (array,))
    for expected, (number, data) in enumerate(cursor):
        i, j = expected // across % down, expected % across
        size = min(high, rows - i * high) * min(wide, shape[-1] - j * wide) * dtype.itemsize
        if number != expected or not isinstance(data, bytes) or len(data) != size:
            raise ValueError("a part of an array is damaged")
        values = np.frombuffer(data, dtype=dtype)
        if not (values.min() >= bounds[0] and values.max() <= bounds[1]):
            raise ValueError("an array holds values that cannot be")
    return StoredArray(reader, array, row[0], tuple(shape))


def _within(index: int, size: int) -> int:
    if not -size <= index < size:
        raise IndexError(f"index {index} is outside 0…{size - 1}")
    return index % size


def _dense(span: range) -> range:
    """The smallest range without gaps around a span."""
    return range(min(span[0], span[-1]), max(span[0], span[-1]) + 1) if len(span) else range(0)
