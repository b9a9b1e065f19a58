"""Jobs: long work off the GUI thread, with progress, time left and a stop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.neural.conditions import give_memory_back
from stemstudio.algorithms.neural.parameters import GETTING_READY
from stemstudio.progress import Cancelled, Progress

Work = Callable[[Progress], Any]
REPORTS_PER_SECOND = 20


class Job(QObject):
    """One piece of long work.

    Signals
    -------
    progressed(fraction, message)
        At most 20 times a second.
    handed_on(result)
        An intermediate result.
    done(result), failed(error), stopped()
        One of them, once, at the end.
    """

    progressed = Signal(float, str)
    handed_on = Signal(object)
    done = Signal(object)
    failed = Signal(object)
    stopped = Signal()
    ended = Signal()

    def __init__(self, title: str, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.fraction = 0.0
        self.message = ""
        self.running = False
        self.over = False
        self.future: Future[None] | None = None
        self._work = work
        self._progress = Progress(self._report, self.handed_on.emit)
        self._recent: deque[tuple[float, float]] = deque()
        self._last_report = 0.0

    def stop(self) -> None:
        """Ask the work to stop; it does within 0.3 s."""
        self._progress.cancel()

    @property
    def stopping(self) -> bool:
        return self._progress.cancelled

    @property
    def seconds_left(self) -> float | None:
        """From the progress of the last 15 seconds; None while that says nothing yet, such as while a network is loaded."""
        recent = tuple(self._recent)
        if len(recent) < 2:
            return None
        (t0, f0), (t1, f1) = recent[0], recent[-1]
        if f1 - f0 < 1e-3 or t1 - t0 < 0.3:
            return None
        return (1.0 - f1) * (t1 - t0) / (f1 - f0)

    def run(self) -> None:
        """Do the work in the calling thread, and say how it ended."""
        self.running = True
        try:
            self._progress.check()
            result = self._work(self._progress)
        except Cancelled:
            self.stopped.emit()
        except Exception as error:  # noqa: BLE001 - whatever it is, the window hears of it: `failed` opens a dialog
            self.failed.emit(error)
        else:
            self.done.emit(result)
        finally:
            self.running, self.over = False, True
            self.ended.emit()

    def _report(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        self.fraction, self.message = fraction, message or self.message
        self._recent.append((now, fraction))
        if self.message in GETTING_READY:
            self._recent.clear()
        while self._recent and now - self._recent[0][0] > 15.0:
            self._recent.popleft()
        if now - self._last_report >= 1 / REPORTS_PER_SECOND or fraction >= 1.0:
            self._last_report = now
            self.progressed.emit(fraction, self.message)


class Jobs(QObject):
    """One worker for heavy jobs, one after another; a few threads for drawing and rendering.

    Attributes
    ----------
    sound_settled
        Not set while the sound around the playhead is being made anew: drawing waits for it, a moment at most.

    Signals
    -------
    started(job), ended(job)
        Of heavy jobs, for the progress display.
    unheard(error)
        A job failed that nobody gave a `failed` for.
    """

    started = Signal(object)
    ended = Signal(object)
    unheard = Signal(object)
    _returned = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # A job may go only when its worker has come back from the last signal that it emits.
        self._returned.connect(self._let_go)
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="heavy")
        self._light = ThreadPoolExecutor(4, thread_name_prefix="light")
        self._open: set[Job] = set()
        self._queue: list[Job] = []
        self._closed = False
        self.sound_settled = threading.Event()
        self.sound_settled.set()

    @property
    def queue(self) -> tuple[Job, ...]:
        """Heavy jobs that run or wait, in order."""
        return tuple(self._queue)

    def run(
        self,
        title: str,
        work: Work,
        done: Callable[[Any], None],
        *,
        failed: Callable[[Exception], None] | None = None,
        stopped: Callable[[], None] | None = None,
        handed_on: Callable[[Any], None] | None = None,
        heavy: bool = True,
    ) -> Job:
        """Start `work(progress)` on a worker; the callbacks are called on the GUI thread.

        After `close` nothing is started any more: the job is over before it began.
        """
        job = Job(title, work, self)
        if self._closed:
            job.over = True
            return job
        job.done.connect(done)
        job.failed.connect(self.unheard if failed is None else failed)
        if stopped is not None:
            job.stopped.connect(stopped)
        if handed_on is not None:
            job.handed_on.connect(handed_on)
        job.ended.connect(lambda: self._forget(job))
        self._open.add(job)
        if heavy:
            self._queue.append(job)
            self.started.emit(job)
        job.future = self._heavy.submit(_run_heavy, job) if heavy else self._light.submit(job.run)
        job.future.add_done_callback(lambda _: self._returned.emit(job))
        return job

    def stop(self, job: Job) -> None:
        """Ask a job to stop; one that still waits for its turn is gone at once."""
        job.stop()
        if job.future is not None and not job.over and job.future.cancel():
            job.over = True
            job.stopped.emit()
            job.ended.emit()

    def close(self) -> None:
        """Stop everything and wait for it."""
        self._closed = True
        self.sound_settled.set()
        for job in tuple(self._open):
            job.stop()
            if job.future is not None and job.future.cancel():
                job.over = True
        self._heavy.shutdown(wait=True, cancel_futures=True)
        self._light.shutdown(wait=True, cancel_futures=True)

    def _forget(self, job: Job) -> None:
        self._open.discard(job)
        if job in self._queue:
            self._queue.remove(job)
            self.ended.emit(job)

    def _let_go(self, job: Job) -> None:
        job.deleteLater()


def _run_heavy(job: Job) -> None:
    """Run it, and then let others have its memory: hundreds of megabytes of weights would stay with the window."""
    job.run()
    give_memory_back()
