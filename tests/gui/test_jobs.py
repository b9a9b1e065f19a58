"""Long work leaves the window free, reports, stops, and says how it ended."""

from __future__ import annotations

import platform
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.neural.parameters import LOADING, RESAMPLING
from stemstudio.gui.jobs import Job, Jobs


@pytest.fixture
def jobs(qtbot):
    jobs = Jobs()
    yield jobs
    jobs.close()


def test_work_runs_elsewhere_and_answers_here(qtbot, jobs):
    seen: dict[str, int] = {}

    def work(progress):
        seen["work"] = threading.get_ident()
        progress.hand_on("half")
        return 7

    answers: list[object] = []
    jobs.run(
        "Work", work, lambda answer: answers.append((answer, threading.get_ident())), handed_on=answers.append
    )
    qtbot.waitUntil(lambda: len(answers) == 2, timeout=5000)
    assert answers[0] == "half"
    assert answers[1] == (7, threading.get_ident())
    assert seen["work"] != threading.get_ident()


def test_heavy_jobs_wait_for_each_other(qtbot, jobs):
    running: list[int] = []
    most: list[int] = []

    def work(progress):
        running.append(1)
        most.append(len(running))
        time.sleep(0.05)
        running.pop()

    ended: list[object] = []
    for number in range(3):
        jobs.run(f"Job {number}", work, ended.append)
    assert [job.title for job in jobs.queue] == ["Job 0", "Job 1", "Job 2"]
    qtbot.waitUntil(lambda: len(ended) == 3, timeout=5000)
    assert max(most) == 1
    qtbot.waitUntil(lambda: jobs.queue == (), timeout=1000)


def test_progress_never_falls_and_tells_the_time_left(qtbot, jobs):
    seen: list[float] = []

    def work(progress):
        for step in range(60):
            progress(step / 60)
            progress(step / 120)  # a careless report of less
            time.sleep(0.02)

    job = jobs.run("Work", work, lambda _: None)
    job.progressed.connect(lambda fraction, _: seen.append(fraction))
    qtbot.waitUntil(lambda: job.fraction > 0.6, timeout=10_000)
    left = job.seconds_left
    assert left is not None
    assert 0 < left < 10
    with qtbot.waitSignal(job.done, timeout=10_000):
        pass
    assert seen == sorted(seen)


def test_the_time_left_is_that_of_computing_not_of_loading(monkeypatch):
    clock, left = [0.0], []
    monkeypatch.setattr("stemstudio.gui.jobs.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def work(progress):
        for fraction, words in ((0.0, LOADING), (0.02, LOADING), (0.03, ""), (0.04, RESAMPLING)):
            progress(fraction, words)
            left.append(job.seconds_left)
            clock[0] += 4.0
        for second in range(11):
            progress(0.05 + 0.95 * second / 40, f"{second} of 40 s")
            left.append(job.seconds_left)
            clock[0] += 1.0

    job = Job("Four stems", work)
    job.run()
    assert left[:5] == [None] * 5
    assert left[5:] == pytest.approx([40 - second for second in range(1, 11)])


def test_stop_ends_the_work(qtbot, jobs):
    stopped: list[bool] = []

    def work(progress):
        for step in range(100_000):
            progress(step / 100_000)
            time.sleep(0.001)

    job = jobs.run(
        "Work", work, lambda _: pytest.fail("it was stopped"), stopped=lambda: stopped.append(True)
    )
    qtbot.waitUntil(lambda: job.fraction > 0, timeout=5000)
    job.stop()
    assert job.stopping
    qtbot.waitUntil(lambda: bool(stopped), timeout=1000)


def test_a_job_that_waits_is_gone_at_once(qtbot, jobs):
    go = threading.Event()
    told: list[str] = []
    first = jobs.run("First", lambda progress: go.wait(5), lambda _: told.append("first done"))
    second = jobs.run(
        "Second",
        lambda progress: pytest.fail("started"),
        lambda _: pytest.fail("done"),
        stopped=lambda: told.append("second stopped"),
    )
    qtbot.waitUntil(lambda: first.running, timeout=5000)
    jobs.stop(second)
    assert told == ["second stopped"]
    assert jobs.queue == (first,)
    jobs.stop(second)
    go.set()
    qtbot.waitUntil(lambda: jobs.queue == (), timeout=5000)
    assert told == ["second stopped", "first done"]


def test_an_error_arrives_as_it_is(qtbot, jobs):
    errors: list[Exception] = []

    def work(progress):
        raise ValueError("no good")

    jobs.run("Work", work, lambda _: None, failed=errors.append)
    qtbot.waitUntil(lambda: bool(errors), timeout=5000)
    assert str(errors[0]) == "no good"


def test_closing_ends_what_runs_and_what_waits(qtbot):
    jobs = Jobs()

    def work(progress):
        while True:
            progress(0.5)
            time.sleep(0.01)

    first = jobs.run("First", work, lambda _: pytest.fail("done"))
    second = jobs.run("Second", lambda progress: pytest.fail("started"), lambda _: pytest.fail("done"))
    qtbot.waitUntil(lambda: first.running, timeout=5000)
    jobs.close()
    assert first.over
    assert second.over


def test_after_closing_nothing_starts(qtbot):
    jobs = Jobs()
    jobs.close()
    job = jobs.run("Late", lambda progress: pytest.fail("started"), lambda _: None)
    assert job.over


def test_twenty_thousand_signals_leave_the_process_alive(qtbot):
    """Some versions of the Qt bindings lose a reference at each emission and die after some thousands."""

    class Emitter(QObject):
        fired = Signal(int)

    class Receiver(QObject):
        total = 0

        def take(self, number: int) -> None:
            self.total += number

    emitter, receiver = Emitter(), Receiver()
    emitter.fired.connect(receiver.take)
    for _ in range(20_000):
        emitter.fired.emit(1)
    assert receiver.total == 20_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is asked of Linux")
def test_what_a_job_needed_goes_back_to_the_system(qtbot, jobs):
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc keeps what is free")

    def held() -> int:
        return psutil.Process().memory_info().rss // 2**20

    def work(progress):
        rows = [bytearray(b"1" * 60_000) for _ in range(3500)]
        most.append(held())
        return rows[-1]  # above all the others, which no heap could give back by getting shorter

    most: list[int] = []
    kept: list[object] = []
    before = held()
    jobs.run("Work", work, kept.append)
    qtbot.waitUntil(lambda: len(kept) == 1 and held() - before < 60, timeout=3000)
    assert most[0] - before > 150
