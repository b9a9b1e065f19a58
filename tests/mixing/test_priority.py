"""Threads that deliver sound go first, where this is allowed, and no others."""

from __future__ import annotations

import _thread
import os
import sys
import threading

import pytest

from stemstudio.mixing.priority import NICE, going_first


def may_go_first() -> bool:
    """Whether this system lets us."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    except OSError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="other systems see to it themselves")
def test_native_threads_that_begin_meanwhile_go_first_and_python_threads_do_not():
    allowed, numbers, seen, stop = [], {}, threading.Semaphore(0), threading.Event()

    def live(name: str) -> None:
        numbers[name] = threading.get_native_id()
        if name == "asked":
            allowed.append(may_go_first())
        seen.release()
        stop.wait()

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    threads = [threading.Thread(target=live, args=(name,)) for name in ("asked", "python")]
    try:
        threads[0].start()
        _thread.start_new_thread(live, ("earlier",))
        for _ in range(2):
            seen.acquire()
        with going_first():
            threads[1].start()
            _thread.start_new_thread(live, ("native",))  # as good as one: `threading` does not know it
            for _ in range(2):
                seen.acquire()
        niceness = {name: os.getpriority(os.PRIO_PROCESS, number) for name, number in numbers.items()}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert niceness["native"] == (NICE if allowed[0] else before)
    assert niceness["python"] == niceness["earlier"] == before
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
