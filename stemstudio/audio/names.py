"""File names as libsndfile takes them."""

from __future__ import annotations

import os
from pathlib import Path


def native(path: Path) -> str | bytes:
    """The name of a file for `soundfile`, which otherwise refuses names that are not valid text.

    Such names are common outside Windows: a folder copied from a machine that wrote them in Latin-1.
    """
    return str(path) if os.name == "nt" else os.fsencode(path)
