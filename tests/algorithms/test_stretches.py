"""Stretches that several ask for at once, when one of them is stopped."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from stemstudio.algorithms.stretches import Stretches
from stemstudio.progress import Cancelled, Progress, here, stoppable


def test_whoever_waits_goes_on_where_the_first_is_stopped() -> None:
    kept, progress = Stretches(), Progress()
    began, answers = threading.Event(), []

    def endless() -> np.ndarray:
        began.set()
        while True:
            here().check()

    def first() -> None:
        with stoppable(progress), pytest.raises(Cancelled):
            kept._one("stretch", endless)

    def second() -> None:
        began.wait()
        answers.append(kept._one("stretch", lambda: np.ones(3, dtype=np.float32)))

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    began.wait()
    progress.cancel()
    for thread in threads:
        thread.join(10)
    assert len(answers) == 1
    assert answers[0].sum() == 3


def test_whoever_waits_for_another_can_be_stopped() -> None:
    kept, progress = Stretches(), Progress()
    began, enough = threading.Event(), threading.Event()

    def slow() -> np.ndarray:
        began.set()
        enough.wait()
        return np.zeros(1, dtype=np.float32)

    thread = threading.Thread(target=lambda: kept._one("stretch", slow))
    thread.start()
    began.wait()
    progress.cancel()
    with stoppable(progress), pytest.raises(Cancelled):
        kept._one("stretch", slow)
    enough.set()
    thread.join()


def test_what_is_rendered_on_demand_tells_nobody_how_far_it_is() -> None:
    seen: list[float] = []
    progress = Progress(lambda fraction, _: seen.append(fraction))
    with stoppable(progress):
        here()(0.5, "far below")
        progress.cancel()
        with pytest.raises(Cancelled):
            here().check()
    here().check()
    assert seen == []
