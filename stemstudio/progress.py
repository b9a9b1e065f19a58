"""How long work reports how far it is, and how it is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TypeVar

T = TypeVar("T")

NOTICED = 0.05
"""Seconds until somebody who waits for work that cannot be stopped notices that he is to stop."""


class Cancelled(Exception):
    """Raised inside long work when somebody asked it to stop."""


class Progress:
    """What long work reports to, and is stopped through.

    Long work is a plain function `(inputs, progress) -> result`. It calls `progress(fraction, message)` as it goes
    on; the call raises `Cancelled` once `cancel()` has been called from any thread.

    Parameters
    ----------
    report
        Called with the fraction done, in [0, 1] and never falling, and a few words; in the worker's thread.
    hand_on
        Called with intermediate results (finished segments, atoms so far) as they come; in the worker's thread.
    """

    def __init__(
        self,
        report: Callable[[float, str], None] | None = None,
        hand_on: Callable[[object], None] | None = None,
    ) -> None:
        self._report = report
        self._hand_on = hand_on
        self._cancelled = threading.Event()
        self._start = 0.0
        self._span = 1.0
        self._reached = 0.0
        self._parent: Progress | None = None
        self._silent = False

    def __call__(self, fraction: float, message: str = "") -> None:
        """Report `fraction` (clamped to [0, 1] and never falling); raise `Cancelled` if asked to stop."""
        self.check()
        self._reached = max(self._reached, min(1.0, max(0.0, fraction)))
        if self._silent:
            return
        if self._parent is not None:
            self._parent(self._start + self._span * self._reached, message)
        elif self._report is not None:
            self._report(self._reached, message)

    def check(self) -> None:
        """Raise `Cancelled` if asked to stop; cheap enough for inner loops."""
        if self.cancelled:
            raise Cancelled

    def hand_on(self, result: object) -> None:
        """Pass an intermediate result to whoever is waiting for it."""
        self.check()
        if self._hand_on is not None:
            self._hand_on(result)
        elif self._parent is not None:
            self._parent.hand_on(result)

    def cancel(self) -> None:
        """Ask the work to stop; may be called from any thread."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._cancelled.is_set() or (self._parent is not None and self._parent.cancelled)

    def part(self, start: float, stop: float, hand_on: Callable[[object], None] | None = None) -> Progress:
        """A progress for one step of the work: its 0…1 is this one's `start`…`stop`.

        What the step hands on goes to `hand_on`, or to whoever is waiting for what this one hands on.
        """
        step = Progress(hand_on=hand_on)
        step._parent, step._start, step._span = self, start, stop - start
        return step

    def watched(self) -> Progress:
        """A progress that stops with this one and reports to nobody."""
        step = self.part(0.0, 1.0)
        step._silent = True
        return step


def unhurried(work: Callable[[], T], progress: Progress, message: str = "") -> T:
    """Do what cannot be stopped midway, such as loading a library, on a thread of its own, and return its answer.

    Who waits for it goes at once when asked to stop, and the work comes to its end by itself.
    """
    progress(0.0, message)
    answer: list[T] = []
    failed: list[Exception] = []
    over = threading.Event()

    def run() -> None:
        try:
            answer.append(work())
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that waits
            failed.append(error)
        finally:
            over.set()

    threading.Thread(target=run, name="unhurried", daemon=True).start()
    while not over.wait(NOTICED):
        progress.check()
    for error in failed:
        raise error
    return answer[0]


def load(module: str, progress: Progress) -> None:
    """Load a module that is slow the first time, such as a kernel to be compiled; who is asked to stop goes at once."""
    unhurried(lambda: import_module(module), progress.watched())


_HERE: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def stoppable(progress: Progress) -> Iterator[None]:
    """Within this, what is rendered on this thread stops with `progress`; never across a `yield`."""
    token = _HERE.set(progress.watched())
    try:
        yield
    finally:
        _HERE.reset(token)


def here() -> Progress:
    """What may stop the work that this thread is at: for what is made on demand, far below who ordered it."""
    return _HERE.get() or Progress()
