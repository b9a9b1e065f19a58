"""Progress: what waits for work that cannot be stopped goes at once when it is asked to, and says what it waits for."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from stemstudio.algorithms import ALGORITHMS
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress, load, unhurried


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


def test_who_stops_does_not_wait_for_a_module_to_be_loaded(tmp_path, monkeypatch):
    (tmp_path / "slow_to_load.py").write_text("import time\ntime.sleep(1.5)\n")
    monkeypatch.syspath_prepend(tmp_path)
    progress = Progress()
    threading.Timer(0.1, progress.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        load("slow_to_load", progress)
    assert time.monotonic() - began < 0.6
    for thread in threading.enumerate():
        if thread.name == "unhurried":
            thread.join(5)


@pytest.mark.parametrize(
    ("algorithm", "module"),
    [("hpss", "median_kernel"), ("rpca", "rpca_kernel"), ("repet", "repet_kernels")],
)
def test_kernels_are_loaded_so_that_stopping_need_not_wait(monkeypatch, algorithm, module):
    def load_nothing(name, progress):
        asked.append(name)
        raise Cancelled

    asked: list[str] = []
    monkeypatch.setattr(f"stemstudio.algorithms.{algorithm}.load", load_nothing)
    kind = next(each for each in ALGORITHMS if each.name == algorithm)
    with pytest.raises(Cancelled):
        kind().run(Audio(np.ones((1, 9000), dtype=np.float32), 44100), Progress())
    assert asked == [f"stemstudio.algorithms.{module}"]
