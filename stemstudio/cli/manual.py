"""`stemstudio help`: the pages of help, the same that the window shows."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from stemstudio.cli.console import show_table, tell

WIDTH = 100  # columns, beyond which lines are hard to read


def manual(
    name: Annotated[str | None, typer.Argument(help="Page to read; without it, a list of all.")] = None,
) -> None:
    """Read what a separator is good for, and what its parameters do to the sound.

    Pages go to stdout, so that they can be read in a pager: stemstudio help hpss | less.
    """
    from stemstudio.manual import CHAPTERS, page

    if name is not None:
        show_page(page(name).text)
        return
    for chapter, names in CHAPTERS:
        show_table((chapter, ""), [(each, page(each).title) for each in names])
        tell("")
    tell("“stemstudio help NAME” shows a page.")


def show_page(text: str) -> None:
    """A page on stdout: set in type on a terminal, as it is written for anything else."""
    if not sys.stdout.isatty():
        print(text.rstrip())
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(highlight=False)
    words = re.sub(r"\[([^\]]*)\]\(\w+\.md\)", r"\1", text)  # links lead to files that nobody sees
    console.print(Markdown(words), width=min(WIDTH, console.width))
