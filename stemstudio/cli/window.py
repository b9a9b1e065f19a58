"""`stemstudio [SONG | PROJECT]`: the window, once it is sure that there can be one."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from stemstudio.errors import StemStudioError, UnreadableSong

NEEDS_DISPLAY = ("", "xcb", "wayland", "wayland-egl")
COMMANDS = ("algorithms", "separate", "evaluate", "export", "info")


def window(
    songs: Annotated[list[str] | None, typer.Argument(metavar="[SONG | PROJECT]")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Open the demo song.")] = False,
) -> None:
    """Open the window."""
    path = _checked(songs or [], demo)
    if no_display():
        raise StemStudioError(
            "There is no display to open the window on.",
            "Without one, use the command line, for example: "
            "stemstudio separate song.wav --algorithm nmf --assign timbre:4 --out stems",
        )
    from stemstudio.gui.application import start

    raise typer.Exit(start(path, demo=demo))


def no_display() -> bool:
    """Whether Qt would find no screen and take the process down with it."""
    if sys.platform in ("win32", "darwin"):
        return False
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] not in NEEDS_DISPLAY:
        return False
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _checked(songs: list[str], demo: bool) -> Path | None:
    """The one song or project, if there is such a file."""
    if songs and not Path(songs[0]).exists():
        near = difflib.get_close_matches(songs[0], COMMANDS, 1)
        if near:
            raise StemStudioError(
                f"“{songs[0]}” is neither a file nor a command.", f"Did you mean “stemstudio {near[0]}”?"
            )
    if len(songs) > 1:
        raise StemStudioError(f"One song at a time, not {len(songs)}.", "Give the path of one.")
    if songs and demo:
        raise StemStudioError("Give a song or --demo, not both.")
    if not songs:
        return None
    path = Path(songs[0])
    try:
        if not path.exists():
            raise UnreadableSong(path, "there is no such file", "“stemstudio --help” lists the commands.")
        if path.is_dir():
            raise UnreadableSong(path, "it is a folder", "Open one of the songs in it.")
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadableSong(path, "it is empty")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableSong(path, reason.lower()) from error
    return path.absolute()
