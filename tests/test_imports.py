"""What starting up may not pay for: neither the first picture of the window nor `--help` fetches the heavy libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "librosa", "demucs", "numba", "sklearn", "scipy.signal", "fast_bss_eval", "pyloudnorm"}
SAY = """
import json, sys
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
WINDOW = (
    """
from stemstudio.gui.application import make_application
application = make_application()
from stemstudio.gui.main_window import MainWindow
window = MainWindow()
window.show()
application.processEvents()
assert not window.grab().isNull()
"""
    + SAY
)
HELP = (
    """
from stemstudio.cli.program import run
assert run(["--help"]) == 0
"""
    + SAY
)


def modules_after(program: str) -> set[str]:
    """Names of all that is imported once the program has run in a process of its own."""
    program += "import os; sys.stdout.flush(); sys.stderr.flush(); os._exit(0)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize(("program", "needed"), [(WINDOW, "PySide6.QtWidgets"), (HELP, "typer")])
def test_start_up_fetches_nothing_heavy(program, needed):
    modules = modules_after(program)
    assert needed in modules
    assert not HEAVY & modules


def test_help_knows_no_window_and_no_arrays():
    assert not {"PySide6", "pyqtgraph", "numpy", "pydantic"} & modules_after(HELP)
