"""The list of steps in the working copy: what was done to the project, in order, undone steps marked."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timezone

from stemstudio.project.edit import Edit
from stemstudio.project.history import Step
from stemstudio.project.kept_arrays import Fresh
from stemstudio.project.rows import step_record


class StepList:
    """Knows under which number each edit of this session stands in the list, once it was written."""

    def __init__(self) -> None:
        self._numbers: weakref.WeakKeyDictionary[Edit, Future[int]] = weakref.WeakKeyDictionary()

    def taken(self, step: Step | None, fresh: Fresh) -> Callable[[sqlite3.Connection], None]:
        """What a step changes in the list, to be done in the transaction that writes its rows; nothing for None."""
        if step is None:
            return lambda connection: None
        if step.kind in ("undone", "redone"):
            return self._marked(step)
        return self._added(step, fresh)

    def _marked(self, step: Step) -> Callable[[sqlite3.Connection], None]:
        number, done = self._numbers.get(step.edit), int(step.kind == "redone")

        def mark(connection: sqlite3.Connection) -> None:
            if number is not None:
                connection.execute("UPDATE edits SET done = ? WHERE number = ?", (done, number.result(0)))

        return mark

    def _added(self, step: Step, fresh: Fresh) -> Callable[[sqlite3.Connection], None]:
        edit, now = step.edit, datetime.now(timezone.utc).isoformat(timespec="seconds")
        place: Future[int] = Future()
        replaced = self._numbers.get(step.merged_from) if step.merged_from is not None else None
        self._numbers[edit] = place

        def add(connection: sqlite3.Connection) -> None:
            record = step_record(edit.rows, lambda estimates: fresh.keep(connection, estimates))
            if replaced is not None:
                number = replaced.result(0)
                connection.execute(
                    "UPDATE edits SET name = ?, time = ?, record = ? WHERE number = ?",
                    (edit.name, now, record, number),
                )
            else:
                connection.execute("DELETE FROM edits WHERE done = 0")
                number = (
                    connection.execute(
                        "INSERT INTO edits (name, time, done, record) VALUES (?, ?, 1, ?)",
                        (edit.name, now, record),
                    ).lastrowid
                    or 0
                )
            fresh.step = (place, number)

        return add
