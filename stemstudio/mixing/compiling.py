"""Compiling: the engine's units are made ready on disk, side by side, by processes of their own.

Native code is compiled once for a machine and kept beside its source, or in the user's cache where that cannot be
written to.  The folder's name holds a hash of all sources that go into it: numba looks only at the file of a compiled
function, not at those it calls from elsewhere.  Compilers run outside this process because they would hold the
interpreter's lock, and with it the window, for seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

__all__ = ["FIRST", "STRETCHING", "UNITS", "compiled", "folder", "load", "on_disk"]

FIRST = ("callback", "native_mix")
"""Without these nothing is heard; with them, the song as it is."""
UNITS = (*FIRST, "native_strips", "native_effects", "native_meters")
"""All that plays and mixes, what is needed first before the rest."""
STRETCHING = "stretch_kernels"
SOURCES = ("callback", "native", "native_*", "playstate", "stretch_kernels")
KEPT = 4
"""Folders of other sources that stay: of programs that are installed beside this one."""
PROCESSES = 4
_HERE = Path(__file__).resolve().parent
_GIVEN_UP = 600.0  # seconds after which a compiler is no longer waited for


@lru_cache(1)
def folder() -> Path | None:
    """Where compiled code of these very sources is kept; None where nothing can be written."""
    import platformdirs

    taken = hashlib.sha256()
    for path in sorted({path for name in SOURCES for path in _HERE.glob(f"{name}.py")}):
        taken.update(path.read_bytes())
    name = f"native-{taken.hexdigest()[:16]}"
    given = os.environ.get("NUMBA_CACHE_DIR")
    cache = Path(platformdirs.user_cache_dir("stemstudio", appauthor=False))
    for parent in [Path(given)] if given else [_HERE / "__pycache__", cache]:
        kept = parent / name
        with contextlib.suppress(OSError):
            kept.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=kept).close()
            kept.touch()
            _let_go(parent, kept)
            return kept
    return None


def _let_go(parent: Path, kept: Path) -> None:
    """Remove what was compiled from older sources, but for the last few."""
    others = [path for path in parent.glob("native-*") if path != kept]
    with contextlib.suppress(OSError):
        others.sort(key=lambda path: path.stat().st_mtime)
        for old in others[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def on_disk(unit: str) -> bool:
    """Whether a unit was compiled by this Python before."""
    kept = folder()
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return kept is not None and any(kept.rglob(f"{unit}.*{version}*.nbi"))


def compiled(
    units: Sequence[str] = UNITS, stop: threading.Event | None = None, processes: int = PROCESSES
) -> Iterator[str]:
    """Yield each of the units, in order, when it is on disk, or has to be compiled by whoever imports it.

    Parameters
    ----------
    stop
        Ends the compilers, and then the units, once it is set.
    processes
        Compilers that run at a time, at most; never more than there are cores.
    """
    stop = threading.Event() if stop is None else stop
    missing = [unit for unit in units if not on_disk(unit)]
    apart = folder() is not None and bool(sys.executable) and not getattr(sys, "frozen", False)
    workers = max(1, min(processes, os.cpu_count() or 1))
    with ThreadPoolExecutor(workers, thread_name_prefix="compiling") as pool:
        made = {unit: pool.submit(_compile, unit, stop) for unit in missing} if apart and workers > 1 else {}
        try:
            for unit in units:
                if unit in made:
                    made[unit].result()
                if stop.is_set():
                    return
                yield unit
        finally:
            if any(not future.done() for future in made.values()):
                stop.set()


def _compile(unit: str, stop: threading.Event) -> None:
    """Have another process compile a unit; where it fails, the import in this one does, and tells why."""
    if stop.is_set():
        return
    paths = [str(_HERE.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, unit],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    deadline = time.monotonic() + _GIVEN_UP
    while process.poll() is None:
        if stop.wait(0.05) or time.monotonic() > deadline:
            process.kill()
            process.wait()


def load(unit: str) -> None:
    """Have a unit in this process, from disk where it is there."""
    if unit == STRETCHING:
        from stemstudio.mixing.stretching import warm

        warm()
    else:
        importlib.import_module(f"stemstudio.mixing.{unit}")


if __name__ == "__main__":
    import gc

    gc.disable()  # a compiler makes little garbage and many objects
    for name in sys.argv[1:] or compiled((*UNITS, STRETCHING)):
        load(name)
