"""What tells how far a job is changes many times a second: it paints nothing else, and lays nothing out anew."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget
from small_projects import song

from stemstudio.gui.jobs import Job
from stemstudio.gui.steady import SteadyBar
from stemstudio.gui.views.job_status import JobStatus
from stemstudio.gui.views.running_job import RunningJob


class Painted(QWidget):
    """Counts how often it is painted."""

    count = 0

    def paintEvent(self, _event):
        self.count += 1


class LaidOut(QObject):
    """Counts how often what it watches is laid out anew."""

    count = 0

    def eventFilter(self, _watched, event):
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


def test_a_step_of_a_bar_does_not_paint_what_waits_elsewhere(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    bar, other = SteadyBar(window), Painted(window)
    other.setMinimumSize(60, 40)
    column = QVBoxLayout(window)
    column.addWidget(bar)
    column.addWidget(other)
    window.show()
    qtbot.waitUntil(lambda: other.count > 0, timeout=2000)
    QApplication.processEvents()
    before = other.count
    other.update()
    bar.setValue(50)
    assert bar.value() == 50
    assert other.count == before
    QApplication.processEvents()
    assert other.count == before + 1
    assert bar.updatesEnabled()


def test_words_of_a_running_job_move_nothing(qtbot):
    document = song()
    window = QMainWindow()
    qtbot.addWidget(window)
    status, running = JobStatus(document, window), RunningJob(document.jobs, window)
    window.menuBar().setCornerWidget(status)
    window.setCentralWidget(running)
    window.show()
    job = Job("Four stems · song", lambda progress: None, document.jobs)
    document.jobs._queue.append(job)
    document.jobs.started.emit(job)
    qtbot.wait(50)
    watcher = LaidOut()
    for widget in (window, window.menuBar(), status, running):
        widget.installEventFilter(watcher)
    for step in range(1, 6):
        job._recent.extend([(0.0, 0.0), (1.5 * step, 0.13 * step)])
        job.fraction = 0.13 * step
        job.progressed.emit(job.fraction, f"{37 * step} of 285 s done" * step)
        QApplication.processEvents()
    assert watcher.count == 0
    assert running.words.text().startswith("65 %")
    document.jobs._forget(job)
    document.jobs.close()
