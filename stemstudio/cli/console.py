"""What commands say: what was asked for on stdout, how it goes on stderr; Ctrl-C stops cleanly."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from types import FrameType
from typing import Any

from stemstudio.progress import Progress

WRONG = 2
INTERRUPTED = 130


def answer(data: Any) -> None:
    """What was asked for, for machines: JSON on stdout, and then nothing else goes there."""
    print(json.dumps(data, indent=2, allow_nan=False), flush=True)  # ASCII: no console can garble it


def tell(sentence: str) -> None:
    """A line of what was asked for, on stdout."""
    print(sentence, flush=True)


def say(sentence: str) -> None:
    """A line on how it goes, or what is to be known about it, on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def complain(sentence: str) -> None:
    """What went wrong, as one line on stderr."""
    say(" ".join(sentence.split()))


def show_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False, whole: int = 1
) -> None:
    """A table of what was asked for, on stdout; with `numbers` all columns but the first stand to the right.

    Words in the first `whole` columns are never broken into lines.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(
            escape(heading),
            justify="right" if numbers and place else "left",
            no_wrap=place < whole,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(highlight=False).print(table)


@contextmanager
def working(title: str) -> Iterator[Progress]:
    """A progress for long work: a bar where stderr is a terminal, and `Cancelled` in the work after Ctrl-C.

    What libraries print meanwhile goes to stderr. A second Ctrl-C interrupts at once.
    """
    with _bar(title) as report, redirect_stdout(sys.stderr):
        progress = Progress(report, _said)
        with _stopping(progress):
            yield progress


def _said(found: object) -> None:
    """What the person should know while it goes on; all else that is handed on is for windows."""
    words = getattr(found, "words", None)
    if isinstance(words, str):
        say(words)


@contextmanager
def _bar(title: str) -> Iterator[Any]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Bar(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0)

        def report(fraction: float, message: str) -> None:
            bar.update(task, completed=fraction, description=message or title)

        yield report


@contextmanager
def _stopping(progress: Progress) -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if progress.cancelled:
            signal.default_int_handler(number, frame)
        progress.cancel()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
