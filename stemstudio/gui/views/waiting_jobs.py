"""The jobs that wait for their turn, in order, each with a cross that takes it out of the queue."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QToolButton, QWidget

from stemstudio.gui.elided import Elided
from stemstudio.gui.jobs import Job, Jobs

MOST = 4  # rows; how many more there are is said


class WaitingJobs(QWidget):
    """A row a waiting job; nothing at all while none waits."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.rows: list[tuple[Elided, QToolButton]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(0, 1)
        jobs.started.connect(self._show)
        jobs.ended.connect(self._show)
        self._show()

    def _show(self, _job: object = None) -> None:
        waiting = self._jobs.queue[1:]
        for words, cross in self.rows:
            words.deleteLater()
            cross.deleteLater()
        self.rows = [self._row(place, job) for place, job in enumerate(waiting[:MOST])]
        if len(waiting) > MOST and self.rows:
            words = self.rows[-1][0]
            words.setText(f"{words.text()}, and {len(waiting) - MOST} more")
        self.setVisible(bool(waiting))

    def _row(self, place: int, job: Job) -> tuple[Elided, QToolButton]:
        words = Elided(f"{'Next' if place == 0 else 'Then'}: {job.title}", self)
        words.setProperty("role", "muted")
        words.setToolTip(job.title)
        cross = QToolButton(self)
        cross.setText("✕")
        cross.setProperty("flat", True)
        cross.setToolTip("Take this one out of the queue")
        cross.setAccessibleName(f"Take {job.title} out of the queue")
        cross.clicked.connect(lambda: self._jobs.stop(job))
        self._grid.addWidget(words, place, 0)
        self._grid.addWidget(cross, place, 1)
        words.show()
        cross.show()
        return words, cross
