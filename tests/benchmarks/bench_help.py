"""How soon `stemstudio --help` answers, against importing typer alone.

`pytest tests/benchmarks/bench_help.py -s` prints the figures.
"""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 9
LIMIT = 3.0


def test_help_answers_soon() -> None:
    spent: dict[str, list[float]] = {"help": [], "typer": []}
    commands = {"help": ["-m", "stemstudio", "--help"], "typer": ["-c", "import typer"]}
    for _ in range(ROUNDS + 1):
        for name, words in commands.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            spent[name].append(time.perf_counter() - begun)
    best = {name: min(times[1:]) for name, times in spent.items()}  # the first fills the disk's cache
    print(
        f"\n--help {best['help']:.3f} s, import typer {best['typer']:.3f} s: {best['help'] / best['typer']:.2f} ×"
    )
    assert best["help"] <= LIMIT * best["typer"]
