"""Writer: one thread that puts changes into a working copy, in order, a transaction each."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from stemstudio.errors import StemStudioError, UnwritableFile

Job = Callable[[sqlite3.Connection], object]
RETRY = 2.0  # seconds


class Writer:
    """Takes changes from any thread at once, and writes them one after the other.

    A transaction that fails (the disk is full) is reported once and tried again until it succeeds; nothing is
    dropped, and nothing that came later overtakes it.

    Parameters
    ----------
    connection
        To the working copy; the writer's own from now on.
    path
        Of the working copy, for messages.
    lock
        Held during every transaction; others that write to the same file take it too.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: threading.Lock) -> None:
        self.on_problem: Callable[[StemStudioError | None], None] | None = None
        self.problem: StemStudioError | None = None
        self.bug: StemStudioError | None = None
        self._connection = connection
        self._path = path
        self._lock = lock
        self._wake = threading.Condition()
        self._queue: deque[tuple[Job, Callable[[], None] | None]] = deque()
        self._asked = self._written = self._failures = 0
        self._hurry = False
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="project writer", daemon=True)
        self._thread.start()

    def write(self, job: Job, after: Callable[[], None] | None = None) -> None:
        """Have `job(connection)` run in a transaction of its own, after all those before it; then `after()`."""
        with self._wake:
            if self._stopping:
                raise RuntimeError("the project is closed")
            self._queue.append((job, after))
            self._asked += 1
            self._wake.notify_all()

    def write_if_open(self, job: Job) -> None:
        """Like `write`, for those who may come too late: once stopped, nothing happens."""
        with self._wake:
            if not self._stopping:
                self.write(job)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything asked for so far is written; raises why it cannot be."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._wake:
            ticket, failures = self._asked, self._failures
            self._hurry = True
            self._wake.notify_all()
            while self._written < ticket:
                if self._failures > failures and self.problem is not None:
                    raise self.problem
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise UnwritableFile(
                        self._path, "the disk does not answer", "Save the project somewhere else."
                    )
                self._wake.wait(left)
            if self.bug is not None:
                raise self.bug

    def stop(self) -> None:
        """Write what is waiting if it can be written, and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._stopping)
                if not self._queue:
                    return
                job, after = self._queue[0]
            try:
                error = self._attempt(job)
            except Exception as bug:  # noqa: BLE001
                # A defect of ours, not of the disk: trying again would not help, and silence would lose work.
                error = StemStudioError(
                    "The last step could not be kept for recovery.", "Save the project now."
                )
                error.__cause__ = bug
                self._dropped(error)
                continue
            if error is None:
                if after is not None:
                    after()
                self._done()
            elif not self._failed(error):
                return

    def _attempt(self, job: Job) -> StemStudioError | None:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                job(self._connection)
                self._connection.execute("COMMIT")
            except (sqlite3.Error, OSError, StemStudioError) as error:
                self._roll_back()
                return UnwritableFile(
                    self._path,
                    getattr(error, "strerror", None) or str(error),
                    "Free some space on this disk, or save the project on another one; nothing is lost while it is open.",
                )
            except BaseException:
                self._roll_back()
                raise
        return None

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                return  # SQLite has rolled it back by itself

    def _dropped(self, error: StemStudioError) -> None:
        with self._wake:
            self._queue.popleft()
            self.bug = error
            self._written += 1
            self._wake.notify_all()
        if self.on_problem is not None:
            self.on_problem(error)

    def _done(self) -> None:
        with self._wake:
            self._queue.popleft()
            self._written += 1
            was, self.problem = self.problem, None
            self._hurry = self._hurry and bool(self._queue)
            self._wake.notify_all()
        if was is not None and self.on_problem is not None:
            self.on_problem(None)

    def _failed(self, error: StemStudioError) -> bool:
        """Tell about it the first time, wait; False when there is no point in trying again."""
        first = self.problem is None
        with self._wake:
            self.problem = error
            self._failures += 1
            self._hurry = False
            self._wake.notify_all()
        if first and self.on_problem is not None:
            self.on_problem(error)
        with self._wake:
            if self._stopping:
                return False
            self._wake.wait_for(lambda: self._stopping or self._hurry, RETRY)
            return True
