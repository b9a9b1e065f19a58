"""Kept: what was heard of the stems near the playhead, so that a stem that is only moved needs no new filters and tails."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.upmix import Heard

__all__ = ["Kept"]

MOST_BYTES = 96 * 2**20


class Kept:
    """A `Heard` that asks another one only for chunks that it has not kept.

    Any thread may call it, and any may make it forget.

    Parameters
    ----------
    heard
        What is asked.
    length
        Samples of the song.
    most_bytes
        From which chunks far from the last range are dropped.
    """

    def __init__(self, heard: Heard, length: int, most_bytes: int = MOST_BYTES) -> None:
        self._heard, self._length, self._most = heard, length, most_bytes
        self._chunks: dict[int, Mapping[int, NDArray[np.float32]]] = {}
        self._lock = threading.Lock()
        self._forgotten = 0

    def __call__(self, start: int, stop: int) -> Mapping[int, Samples]:
        first, last = start // CHUNK, -(-stop // CHUNK)
        with self._lock:
            forgotten = self._forgotten
            found = {chunk: self._chunks[chunk] for chunk in range(first, last) if chunk in self._chunks}
        wanting = [chunk for chunk in range(first, last) if chunk not in found]
        if wanting:
            # In one go, to the last that is wanting: a tail has to be run up to only once.
            found.update(self._ask(wanting[0], wanting[-1] + 1))
            self._keep(found, forgotten, (first + last) // 2)
        if len({frozenset(sounds) for sounds in found.values()}) > 1:
            return self._heard(start, stop)  # the stems have just become others
        cut = slice(start - first * CHUNK, stop - first * CHUNK)
        return {
            stem: np.concatenate([found[chunk][stem] for chunk in range(first, last)], axis=1)[:, cut]
            for stem in next(iter(found.values()), {})
        }

    def forget(self, first: int = 0, last: int | None = None) -> None:
        """Forget chunks [first, last), all that come after `first` by default."""
        with self._lock:
            self._forgotten += 1
            for chunk in [each for each in self._chunks if each >= first and (last is None or each < last)]:
                del self._chunks[chunk]

    def _ask(self, first: int, last: int) -> dict[int, Mapping[int, NDArray[np.float32]]]:
        sounds = self._heard(first * CHUNK, min(last * CHUNK, self._length))
        return {
            chunk: {
                stem: np.ascontiguousarray(sound[:, (chunk - first) * CHUNK : (chunk + 1 - first) * CHUNK])
                for stem, sound in sounds.items()
            }
            for chunk in range(first, last)
        }

    def _keep(
        self, found: Mapping[int, Mapping[int, NDArray[np.float32]]], forgotten: int, here: int
    ) -> None:
        """Keep what was asked for, unless something was forgotten meanwhile."""
        with self._lock:
            if forgotten != self._forgotten:
                return
            self._chunks.update(found)
            each = sum(sound.nbytes for sound in next(iter(found.values())).values())
            surplus = len(self._chunks) - self._most // max(1, each)
            if surplus > 0:
                far = sorted(self._chunks, key=lambda chunk: -abs(chunk - here))
                for chunk in far[:surplus]:
                    del self._chunks[chunk]
