"""Which large arrays of estimates lie in the working copy, under which numbers, and how they get there."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.made_of import behind
from stemstudio.algorithms.streaming import Said
from stemstudio.errors import UnwritableFile
from stemstudio.progress import Progress
from stemstudio.project import database
from stemstudio.project.arrays import Reader, StoredArray
from stemstudio.project.rows import write_array

BATCH = 8 * 2**20  # bytes of an array that one transaction takes
ON_DISK = 16 * 2**20  # bytes from which on estimates are read from disk rather than held in memory


class KeptArrays:
    """The arrays of a working copy, by the estimates they belong to.

    Parameters
    ----------
    path
        Of the working copy.
    reader
        For estimates that are read from it.
    lock
        Held by everybody during every transaction.
    """

    def __init__(self, path: Path, reader: Reader, lock: threading.Lock) -> None:
        self._path = path
        self._reader = reader
        self._lock = lock
        self._naming = threading.Lock()
        self._keeping = 0
        self._numbers: weakref.WeakKeyDictionary[Estimates, dict[str, int]] = weakref.WeakKeyDictionary()

    def numbers(self, estimates: Estimates) -> dict[str, int] | None:
        """Numbers of the arrays of estimates in the working copy, if they are there."""
        with self._naming:
            return self._numbers.get(estimates)

    def known(self, estimates: Estimates, numbers: dict[str, int]) -> None:
        """The arrays of these estimates are in the working copy, under these numbers."""
        for word, held in estimates.made_of().items():
            self.known(held, behind(word, numbers))
        with self._naming:
            self._numbers[estimates] = numbers

    def keep(self, estimates: Estimates, progress: Progress) -> Estimates:
        """Write the arrays of estimates in many short transactions; equal estimates, read from disk where large.

        What is no number becomes 0, and whoever waits is told. What they are made of and is here already stays where it is.
        """
        if self.numbers(estimates) is not None:
            return estimates
        there = {
            f"{word}/{name}": number
            for word, held in estimates.made_of().items()
            for name, number in (self.numbers(held) or {}).items()
        }
        arrays = {name: array for name, array in estimates.arrays().items() if name not in there}
        total = max(1, sum(array.nbytes for array in arrays.values()))
        mended: list[int] = []
        connection = database.connect(self._path)
        with self._naming:
            self._keeping += 1
        try:
            database.journal(connection)
            numbers = there | self._write_in_batches(connection, arrays, total, progress, mended.append)
        except (sqlite3.Error, OSError) as error:
            way_on = "Free some space on this disk and try again."
            raise UnwritableFile(self._path, str(error), way_on) from None
        finally:
            connection.close()
            with self._naming:
                self._keeping -= 1
        self.known(estimates, numbers)
        if mended:
            progress.hand_on(
                Said(f"{sum(mended):,} values of the result were no numbers and became silence.")
            )
        if total < ON_DISK and not mended:
            return estimates
        on_disk = {
            name: StoredArray(self._reader, numbers[name], array.dtype.name, tuple(array.shape))
            for name, array in arrays.items()
        }
        kept = type(estimates).from_record(estimates.header(), {**estimates.arrays(), **on_disk})
        self.known(kept, numbers)
        return kept

    def sweep(self, connection: sqlite3.Connection) -> None:
        """Drop arrays that no split, no take, no opinion, no step of the history and no snapshot refers to any more."""
        with self._naming:
            if self._keeping:
                return
            wanted = {number for numbers in self._numbers.values() for number in numbers.values()}
        wanted |= arrays_wanted(connection)
        for (number,) in connection.execute("SELECT id FROM arrays").fetchall():
            if number not in wanted:
                connection.execute("DELETE FROM chunks WHERE array = ?", (number,))
                connection.execute("DELETE FROM arrays WHERE id = ?", (number,))

    def _write_in_batches(
        self,
        connection: sqlite3.Connection,
        arrays: Mapping[str, Any],
        total: int,
        progress: Progress,
        mended: Callable[[int], None],
    ) -> dict[str, int]:
        """Write arrays in many short transactions, so that strokes painted meanwhile need not wait."""
        done = waiting = 0

        def written(size: int) -> None:
            nonlocal done, waiting
            done, waiting = done + size, waiting + size
            if waiting >= BATCH:
                waiting = 0
                connection.execute("COMMIT")
                self._lock.release()
                try:
                    time.sleep(0.001)  # lets the writer have its turn
                    progress(done / total, "Keeping the result")
                finally:
                    self._lock.acquire()
                connection.execute("BEGIN IMMEDIATE")

        with self._lock:
            connection.execute("BEGIN IMMEDIATE")
            try:
                numbers = {
                    name: write_array(connection, array, written, mended) for name, array in arrays.items()
                }
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        progress(1.0, "Keeping the result")
        return numbers


def arrays_wanted(connection: sqlite3.Connection) -> set[int]:
    """Numbers of the arrays that splits, takes and opinions in a database refer to."""
    records = [json.loads(text) for (text,) in connection.execute("SELECT value FROM splits")]
    for (text,) in connection.execute("SELECT value FROM meta WHERE key = 'takes'"):
        records += json.loads(text).get("takes", [])
    for (text,) in connection.execute("SELECT value FROM meta WHERE key = 'opinions'"):
        records += [opinion["answer"] for opinion in json.loads(text).get("opinions", [])]
    return {number for record in records for number in record["arrays"].values()}


class Fresh:
    """What a transaction made, to be believed once it is committed: it may be rolled back and run again."""

    def __init__(self, kept: KeptArrays) -> None:
        self.step: tuple[Future[int], int] | None = None
        self._kept = kept
        self._numbers: dict[Estimates, dict[str, int]] = {}

    def keep(self, connection: sqlite3.Connection, estimates: Estimates) -> dict[str, int]:
        """Numbers of the arrays of estimates; written now unless they are there."""
        numbers = self._kept.numbers(estimates) or self._numbers.get(estimates)
        if numbers is None:
            numbers = {
                f"{word}/{name}": number
                for word, source in estimates.made_of().items()
                for name, number in self.keep(connection, source).items()
            }
            for name, array in estimates.arrays().items():
                if name not in numbers:
                    numbers[name] = write_array(connection, array)
            self._numbers[estimates] = numbers
        return numbers

    def clear(self) -> None:
        self._numbers.clear()

    def settle(self) -> None:
        for estimates, numbers in self._numbers.items():
            self._kept.known(estimates, numbers)
        if self.step is not None:
            self.step[0].set_result(self.step[1])
