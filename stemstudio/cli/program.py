"""The program's commands, and what becomes of an error: one sentence on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from stemstudio.cli.algorithms import algorithms
from stemstudio.cli.console import INTERRUPTED, WRONG, complain
from stemstudio.cli.evaluate import evaluate
from stemstudio.cli.export import export
from stemstudio.cli.info import info
from stemstudio.cli.manual import manual
from stemstudio.cli.models import models
from stemstudio.cli.refine import refine
from stemstudio.cli.remix import remix
from stemstudio.cli.rework import atoms
from stemstudio.cli.separate import separate
from stemstudio.cli.templates import templates
from stemstudio.cli.upmix import upmix
from stemstudio.cli.window import window
from stemstudio.errors import StemStudioError, out_of_memory
from stemstudio.progress import Cancelled

HELP = """Take a song apart, hear it, mend it, export it.

With a song, a project or nothing at all, the window opens."""


class SongOrCommand(TyperGroup):
    """A first word that is no command is a song or a project for the window."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h", "--version")):
            args = ["window", *args]
        return super().parse_args(ctx, args)


def program() -> typer.Typer:
    """All commands, in the order of the help."""
    app = typer.Typer(
        cls=SongOrCommand,
        help=HELP,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # its panels cost as much time as all the rest
        subcommand_metavar="[SONG | PROJECT] [--demo]  |  COMMAND …",
        options_metavar="",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_options)
    app.command(hidden=True)(window)
    for command in (algorithms, separate, refine, evaluate, remix, export, upmix, info):
        app.command(options_metavar="[OPTIONS]")(command)
    app.add_typer(atoms(), name="atoms", options_metavar="")
    app.add_typer(templates(), name="templates", options_metavar="")
    app.add_typer(models(), name="models", options_metavar="")
    app.command("help", options_metavar="[OPTIONS]")(manual)
    return app


def run(args: Sequence[str]) -> int:
    """Run one command.

    Returns
    -------
    int
        0 good, 2 wrong use or bad input, 130 interrupted.
    """
    try:
        code = program()(args=list(args), prog_name="stemstudio", standalone_mode=False)
    except StemStudioError as error:
        complain(str(error))
        return WRONG
    except ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "stemstudio"
        complain(f"{_sentence(error)} “{where} --help” says what is possible.")
        return WRONG
    except (Cancelled, KeyboardInterrupt):
        complain("Stopped; nothing was left behind.")
        return INTERRUPTED
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        complain("There is not enough memory for this. Close other programs, or take a shorter stretch.")
        return WRONG
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        sys.stdout = None
        return 0
    if code == INTERRUPTED:  # typer's own way of saying that Ctrl-C came
        complain("Stopped; nothing was left behind.")
    return code if isinstance(code, int) else 0


def _sentence(error: ClickException) -> str:
    words = error.format_message().replace("Value error, ", "").strip()
    return words if words.endswith((".", "?", "!")) else f"{words}."


def _options(
    version: bool = typer.Option(
        False,
        "--version",
        callback=lambda wanted: _say_version() if wanted else None,
        is_eager=True,
        help="Say the version and leave.",
    ),
) -> None:
    """What can be said before any command."""


def _say_version() -> None:
    from stemstudio import __version__

    print(f"stemstudio {__version__}")
    raise typer.Exit
