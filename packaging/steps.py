"""What dev.py tells while it works: a line a step with its time, and one sentence where it has to stop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Stop(Exception):
    """Ends the program with one sentence."""


class Steps:
    """Tells what is being done and how long it took, a line each, on the error stream."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def call(
        self,
        text: str,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """Run `command` into `log` under the line `text`; its exit code."""
        began = time.monotonic()
        live = sys.stderr.isatty()
        print(f"{text} …", end="" if live else "\n", file=sys.stderr, flush=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
            try:
                while True:
                    try:
                        code = process.wait(1.0)
                        break
                    except subprocess.TimeoutExpired:
                        if live:
                            print(f"\r{text} … {elapsed(began)} ", end="", file=sys.stderr, flush=True)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        result = "done" if code == 0 else "failed"
        print(
            f"\r{text} … {elapsed(began)}, {result}" if live else f"  {result}, {elapsed(began)}",
            file=sys.stderr,
        )
        return code


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, indented."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:])


def elapsed(began: float) -> str:
    """The time since `began`, as people say it."""
    seconds = time.monotonic() - began
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
