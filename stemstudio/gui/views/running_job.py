"""The job that is running: how far it is, how long it still takes, Stop; and below it those that wait."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stemstudio.gui.elided import Elided
from stemstudio.gui.jobs import Job, Jobs
from stemstudio.gui.notation import time_text
from stemstudio.gui.steady import Elastic, SteadyBar
from stemstudio.gui.views.waiting_jobs import WaitingJobs


class RunningJob(QWidget):
    """Shows the first job of the queue; nothing at all while there is none."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self._began = 0.0
        self.bar = SteadyBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName("How far the job is")
        self.stop_button = QPushButton("Stop", self)
        self.stop_button.setToolTip("Stop this job; the song stays as it is, and finished parts can be kept")
        self.stop_button.clicked.connect(self.stop)
        self.words = Elided(parent=self)
        self.words.setProperty("role", "muted")
        self.waiting = WaitingJobs(jobs, self)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(Elastic(self.words, self))
        column.addWidget(self.waiting)
        self._timer = QTimer(self, interval=250)
        self._timer.timeout.connect(self._show)
        jobs.started.connect(self._next)
        jobs.ended.connect(self._next)
        self._next()

    def stop(self) -> None:
        """Ask the running job to stop."""
        if self._job is not None:
            self._job.stop()
            self._show()

    def _next(self, _job: object = None) -> None:
        queue = self._jobs.queue
        job = queue[0] if queue else None
        if job is not self._job:
            if self._job is not None:
                self._job.progressed.disconnect(self._show)
            self._job = job
            self._began = time.monotonic()
            if job is not None:
                job.progressed.connect(self._show)
        self.setVisible(job is not None)
        if job is None:
            self._timer.stop()
        else:
            self._timer.start()
            self._show()

    def _show(self, *_: object) -> None:
        job = self._job
        if job is None:
            return
        self.bar.setValue(round(1000 * job.fraction))
        gone = time_text(time.monotonic() - self._began)
        if job.stopping:
            words = "stopping…"
        else:
            left = job.seconds_left
            words = f"{100 * job.fraction:.0f} % · {gone} done"
            words += f" · {time_text(left)} left" if left is not None else ""
            words += f" · {job.message}" if job.message else ""
        self.stop_button.setEnabled(not job.stopping)
        self.words.setText(words)
        self.words.setToolTip(f"{job.title}: {words}")
