"""The application: starts Qt, shows the window, and only then fetches what is heavy."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QApplication

from stemstudio import __version__

DIALOGS = (
    "export",
    "help_window",
    "keyboard",
    "compare_by_ear",
    "several_songs",
    "template_library",
    "learn_template",
    "trained_models",
    "true_stems",
)
TURN = 0.001  # seconds a thread may keep Python to itself: a fifth of the default, as sound and picture wait for it


def start(path: Path | None = None, demo: bool = False) -> int:
    """Run the window until it is closed; the exit code."""
    application = make_application()
    # Ctrl+C in the terminal ends the program at once, and the next start offers the work back; Python's own way
    # would raise KeyboardInterrupt inside whatever Qt calls next, where it is lost.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from stemstudio.gui.dialogs.error import Reporter
    from stemstudio.gui.garbage import Garbage
    from stemstudio.gui.main_window import MainWindow

    Garbage(application)
    window = MainWindow()
    reporter = Reporter(window)
    window.show()
    QTimer.singleShot(0, window, lambda: _after_first_picture(window, path, demo))
    code = application.exec()
    reporter.end()
    return code


def make_application() -> QApplication:
    """The one QApplication, named so that settings and data find their folders."""
    QCoreApplication.setOrganizationName("StemStudio")
    QCoreApplication.setApplicationName("StemStudio")
    QCoreApplication.setApplicationVersion(__version__)
    sys.setswitchinterval(TURN)
    present = QApplication.instance()
    return present if isinstance(present, QApplication) else QApplication(sys.argv[:1])


def _after_first_picture(window: object, path: Path | None, demo: bool) -> None:
    from stemstudio.gui.main_window import MainWindow

    assert isinstance(window, MainWindow)
    window.begin(path, demo)
    threading.Thread(target=fetch, name="fetching libraries", daemon=True).start()


def fetch() -> None:
    """Import what the first separation, picture and dialogs need, while the person is still looking."""
    from stemstudio.gui import colouring

    colouring.fetch()
    import scipy.fft
    import scipy.ndimage  # noqa: F401

    import stemstudio.algorithms.ambience_kernel
    import stemstudio.algorithms.median_kernel
    import stemstudio.algorithms.nmf.recipe
    import stemstudio.spectral.phase_kernel
    import stemstudio.spectral.wiener_kernel  # noqa: F401
    from stemstudio.gui.views import picture

    picture.fetch()
    for name in DIALOGS:
        importlib.import_module(f"stemstudio.gui.dialogs.{name}")
    from stemstudio.gui.dialogs import help_pages

    help_pages.fetch()
