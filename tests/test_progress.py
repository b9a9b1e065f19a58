"""Progress: what waits for work that cannot be stopped goes at once when it is asked to, and says what it waits for."""

from __future__ import annotations

import threading
import time

import pytest

from stemstudio.progress import Cancelled, Progress, unhurried


def test_who_waits_for_a_library_goes_at_once() -> None:
    told: list[tuple[float, str]] = []
    progress = Progress(lambda fraction, message: told.append((fraction, message)))
    loaded, done = threading.Event(), threading.Event()

    def load() -> None:
        progress.cancel()
        assert loaded.wait(10)
        done.set()

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        unhurried(load, progress, "Loading")
    assert time.monotonic() - begun < 0.3
    assert told == [(0.0, "Loading")]
    assert not done.is_set()
    loaded.set()
    assert done.wait(10)


def test_what_was_waited_for_is_there_and_its_errors_are_told() -> None:
    done: list[str] = []
    unhurried(lambda: done.append("loaded"), Progress())
    assert done == ["loaded"]
    assert unhurried(lambda: 7, Progress()) == 7

    def fail() -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        unhurried(fail, Progress())
