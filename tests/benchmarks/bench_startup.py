"""How soon the window is painted and `--help` answers, against importing their libraries alone.

`python tests/benchmarks/bench_startup.py [--json]`: whole processes, in turns, medians.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from statistics import median

from measuring import Goal, private_home, report

ROUNDS = 9
WINDOW = """
from stemstudio.gui.application import make_application
application = make_application()
from stemstudio.gui.main_window import MainWindow
window = MainWindow()
window.show()
while not window.windowHandle().isExposed() or window.sheet.spectrogram.visibleRegion().isEmpty():
    application.processEvents()
application.processEvents()
import os, sys
heavy = {"torch", "librosa", "demucs", "numba"} & sys.modules.keys()
sys.stdout.flush()
os._exit(len(heavy))  # what comes after the first picture is not part of the time
"""
COMMANDS = {
    "window": ["-c", WINDOW],
    "window's libraries": ["-c", "import PySide6.QtWidgets, pyqtgraph"],
    "help": ["-m", "stemstudio", "--help"],
    "typer": ["-c", "import typer"],
}


def main() -> int:
    home = private_home()
    spent: dict[str, list[float]] = {name: [] for name in COMMANDS}
    try:
        for turn in range(ROUNDS + 1):
            for name, words in COMMANDS.items():
                begun = time.perf_counter()
                quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                subprocess.run([sys.executable, *words], check=True, env=os.environ, **quiet)
                if turn:  # the first fills the disk's cache
                    spent[name].append(time.perf_counter() - begun)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    took = {name: median(times) for name, times in spent.items()}
    least = {name: min(times) for name, times in spent.items()}
    goals = [
        Goal("window painted", took["window"], 2.5, took["window's libraries"]),
        Goal("--help", took["help"], 3.0, took["typer"]),
    ]
    best = least["window"] / least["window's libraries"], least["help"] / least["typer"]
    return report(goals, [f"ratio of the best: window {best[0]:.2f}, --help {best[1]:.2f}"])


if __name__ == "__main__":
    sys.exit(main())
