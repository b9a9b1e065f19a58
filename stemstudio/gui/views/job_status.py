"""The upper right corner: what is running, how far it is, how long it will take, and Stop."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenuBar, QToolButton, QWidget

from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.gui.steady import Steady, SteadyBar


class JobStatus(QWidget):
    """Shows the heavy job that runs; empty while there is none."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._job: Job | None = None
        self._title = QLabel(self)
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._bar = SteadyBar(self)
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(180, 8)
        self._bar.setAccessibleName("How far the job is")
        self._left = Steady("100 % · 888:88 left", self)
        self._stop = QToolButton(self)
        self._stop.setText("Stop")
        self._stop.setToolTip("Stop this job; the song stays as it is, and finished parts can be kept.")
        self._stop.setAccessibleName("Stop the running job")
        self._stop.clicked.connect(self._stop_job)
        kept = self._stop.sizePolicy()
        kept.setRetainSizeWhenHidden(
            True
        )  # the menu bar is as high without a job, so that nothing moves when one begins
        self._stop.setSizePolicy(kept)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 12, 2)
        row.setSpacing(10)
        for widget in (self._title, self._bar, self._left, self._stop):
            row.addWidget(widget)
        document.jobs.started.connect(self._next)
        document.jobs.ended.connect(self._next)
        self._next()

    def _next(self, _job: object = None) -> None:
        queue = self._document.jobs.queue
        job = queue[0] if queue else None
        if job is not self._job:
            if self._job is not None:
                self._job.progressed.disconnect(self._progressed)
            self._job = job
            if job is not None:
                job.progressed.connect(self._progressed)
        for widget in (self._title, self._bar, self._left, self._stop):
            widget.setVisible(job is not None)
        if job is not None:
            waiting = f" · {len(queue) - 1} waiting" if len(queue) > 1 else ""
            self._title.setText(job.title + waiting)
            self._progressed(job.fraction, job.message)
        self._take_room()

    def _take_room(self) -> None:
        """Have the menu bar make its corner as wide as all this is now, which it does only when it is resized."""
        bar = self.parentWidget()
        if isinstance(bar, QMenuBar):
            QCoreApplication.sendEvent(bar, QResizeEvent(bar.size(), bar.size()))

    def _progressed(self, fraction: float, message: str) -> None:
        job = self._job
        if job is None:
            return
        self._bar.setValue(round(1000 * fraction))
        left = job.seconds_left
        words = f"{100 * fraction:.0f} %"
        if job.stopping:
            words = "stopping…"
        elif left is not None:
            words += f" · {int(left) // 60}:{int(left) % 60:02d} left"
        self._left.setText(words)
        self._bar.setToolTip(message)

    def _stop_job(self) -> None:
        if self._job is not None:
            self._job.stop()
            self._left.setText("stopping…")
