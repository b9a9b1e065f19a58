"""Hanging up: whatever asks the model hub does so on a thread of its own, which is left as soon as somebody asks to stop.

A connection that stands still says nothing that a stop could be noticed at. So the caller goes at once, and the
connection is closed under the thread that waits for it, which then ends by itself.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from stemstudio.progress import Cancelled, Progress

T = TypeVar("T")

NOTICED = 0.05  # seconds until a stop is noticed
NAME = "hub"  # of the threads


def until_stopped(work: Callable[[], T], progress: Progress) -> T:
    """Do `work`, which talks to the hub through huggingface_hub; `Cancelled` at once when asked to stop."""
    progress.check()
    call = _Call(work)
    thread = threading.Thread(target=call.run, name=NAME, daemon=True)
    thread.start()
    while not call.over.wait(NOTICED):
        if progress.cancelled:
            call.hang_up()
            raise Cancelled
    thread.join()
    return call.answer()


class _Call(Generic[T]):
    """Work that is under way on a thread of its own, and the connection that it waits for."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.over = threading.Event()
        self._work = work
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._hung_up = False
        self._answers: list[T] = []
        self._error: Exception | None = None

    def run(self) -> None:
        _listen()
        _here.call = self
        try:
            self._answers.append(self._work())
        except Exception as error:  # noqa: BLE001 - raised again by `answer`, in the thread that waits
            self._error = error
        finally:
            _here.call = None
            self.over.set()

    def answer(self) -> T:
        if self._error is not None:
            raise self._error
        return self._answers[0]

    def hang_up(self) -> None:
        """Nobody waits any more: what is read ends here, and nothing else is asked."""
        with self._lock:
            self._hung_up = True
            if self._line is not None:
                with suppress(OSError):  # closed by the other side meanwhile
                    self._line.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        if self._hung_up:
            raise Cancelled

    def connected(self, line: socket.socket | None) -> None:
        with self._lock:
            self.check()
            self._line = line


_here = threading.local()  # which call this thread makes


def _listen() -> None:
    """Let the hub's client tell of every question and every connection."""
    from huggingface_hub import get_session

    client = get_session()
    hooks = client.event_hooks
    if _answered not in hooks["response"]:
        client.event_hooks = {
            "request": [*hooks["request"], _asked],
            "response": [*hooks["response"], _answered],
        }


def _asked(_request: Any) -> None:
    call = getattr(_here, "call", None)
    if call is not None:
        call.check()


def _answered(response: Any) -> None:
    call = getattr(_here, "call", None)
    if call is not None:
        stream = response.extensions.get("network_stream")
        call.connected(None if stream is None else stream.get_extra_info("socket"))
