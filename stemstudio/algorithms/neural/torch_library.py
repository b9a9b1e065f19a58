"""Torch's library: opened so that the window goes on meanwhile."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

CARDS = ("cuda", "hip", "xpu")


def opened() -> Path | None:
    """Open the largest part of torch before it is imported for the first time; the file, or None where that is left to it.

    Python lets no other thread go on while it imports a library: nearly half a second for this one. A foreign function
    does let them, and what it has opened is found there by the import. Left alone are other systems than Linux, and a
    torch for graphics cards, whose parts want to be opened in an order of their own.
    """
    found = importlib.util.find_spec("torch") if "torch" not in sys.modules else None
    if found is None or found.origin is None or not sys.platform.startswith("linux"):
        return None
    folder = Path(found.origin).parent / "lib"
    library = folder / "libtorch_cpu.so"
    if not library.is_file() or any((folder / f"libtorch_{kind}.so").exists() for kind in CARDS):
        return None
    opens = ctypes.CDLL(None).dlopen
    opens.restype = ctypes.c_void_p
    opens.argtypes = (ctypes.c_char_p, ctypes.c_int)
    return library if opens(os.fsencode(library), os.RTLD_LAZY) else None
