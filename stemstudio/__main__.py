"""`python -m stemstudio` and the `stemstudio` command."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line; leaves the process with its exit code."""
    from stemstudio.cli.program import run

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without our dashes still shows the help
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
