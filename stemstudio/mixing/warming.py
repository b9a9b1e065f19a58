"""Warming: the native code of the audio engine, compiled or loaded on a thread of its own, part by part."""

from __future__ import annotations

import logging
import threading

from stemstudio.mixing import output
from stemstudio.mixing.compiling import FIRST, STRETCHING, UNITS, compiled, load

_log = logging.getLogger(__name__)


class Warming:
    """How much of the engine is there.

    Attributes
    ----------
    error
        What a compiler raised; None while all is well.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._loaded: set[str] = set()

    def begin(self) -> None:
        """Begin; once is enough."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="warming the engine", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Leave off; compilers that run are ended."""
        self._closing.set()

    def _run(self) -> None:
        found = False
        try:
            for unit in compiled((*UNITS, STRETCHING), self._closing):
                load(unit)
                self._loaded.add(unit)
                if self.can_begin and not found:
                    found = True
                    output.fetch()
        except Exception as error:  # noqa: BLE001 - whatever a compiler raises, it is shown to the user
            _log.exception("the audio engine cannot be compiled")
            self.error = error

    @property
    def whole(self) -> bool:
        """Whether all that plays is there: stems, strips, effects and meters."""
        return self._loaded.issuperset(UNITS)

    @property
    def can_begin(self) -> bool:
        """Whether the song itself, at least, can be heard."""
        return self._loaded.issuperset(FIRST)
