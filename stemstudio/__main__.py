"""`python -m stemstudio` and the `stemstudio` command."""

from __future__ import annotations

import io
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def main() -> None:
    """Run the command line; leaves the process with its exit code."""
    from stemstudio.cli.program import run

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without our dashes still shows the help
    leave(run(sys.argv[1:]))


def leave(code: int) -> NoReturn:
    """End the process, at once where a thread is still loading what nobody waits for any more.

    Python would break that thread off in the midst of a library's own code, and many a library aborts then.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError):  # there is none, or whoever read it has gone
                stream.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
