"""Where the files live that ship with the program."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Path of a shipped file or folder, such as ``resource("demo/mix.flac")``.

    In an installed program the folder `resources` lies inside the package, in a checkout beside it.

    Raises
    ------
    FileNotFoundError
        If the program was installed without it.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "resources", package.parent / "resources"):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation of StemStudio")
