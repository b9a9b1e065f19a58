"""The room at another pace: stretched stems, each behind its strip, spread as they come, and every move at its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples
from stemstudio.mixing.mixdown import BehindStrips, Returns
from stemstudio.mixing.pace import Pace
from stemstudio.mixing.strips import strips_of
from stemstudio.mixing.upmix import RETURNS, Spread
from stemstudio.project.project import State
from stemstudio.project.room import Place

__all__ = ["SlowedStems", "spread_at"]


def spread_at(state: State, pace: Pace, start: int, stop: int) -> Spread:
    """How a project's stems are spread at a pace; the room ends where samples [start, stop) of the song end there."""
    spread = Spread.of(state)
    places = {stem: _at(place, pace) for stem, place in spread.places.items()}
    return replace(spread, places=places, length=pace.place(start) + pace.length(stop - start))


def _at(place: Place, pace: Pace) -> Place:
    move = place.move
    if move is None:
        return place
    times = {"start": move.start / pace.tempo, "stop": move.stop / pace.tempo}
    return place.model_copy(update={"move": move.model_copy(update=times)})


class SlowedStems:
    """A `Heard` of stretched blocks that follow each other, for ranges of which none begins before the last one.

    Only what the next range may ask for is held.  Before the first block there is silence.

    Parameters
    ----------
    blocks
        As `slowed` gives them, of all leaves.
    spread, pace, start
        As for `spread_at`.
    on_bad
        Called where there was something that is no number.
    """

    def __init__(
        self,
        state: State,
        spread: Spread,
        blocks: Iterator[tuple[Mapping[int, Samples], int]],
        pace: Pace,
        start: int,
        on_bad: Callable[[], None] = lambda: None,
    ) -> None:
        self._leaves = [leaf.id for leaf in state.leaves()]
        rate = spread.rate
        strips = strips_of(state.leaves(), state.mixture.channels, rate)
        self._behind = BehindStrips(strips, rate).going(start, pace.tempo)
        returns = Returns(strips, state.effects, rate, pace.tempo)
        self._give_back = returns.going(start) if returns.context else None
        self._blocks, self._on_bad = blocks, on_bad
        self._end = pace.place(start)
        self._first = max(0, self._end - spread.context)
        silence = np.zeros((2, self._end - self._first), dtype=np.float32)
        heard = self._leaves if self._give_back is None else [*self._leaves, RETURNS]
        self._held: dict[int, NDArray[np.float32]] = dict.fromkeys(heard, silence)

    def __call__(self, start: int, stop: int) -> dict[int, NDArray[np.float32]]:
        pieces = {stem: [sound[:, start - self._first :]] for stem, sound in self._held.items()}
        while self._end < stop:
            stretched, bad = next(self._blocks)
            if bad:
                self._on_bad()
            stems = [stretched[leaf] for leaf in self._leaves]
            for leaf, sound in zip(self._leaves, self._behind(stems), strict=True):
                pieces[leaf].append(sound)
            if self._give_back is not None:
                pieces[RETURNS].append(self._give_back(stems))
            self._end += stems[0].shape[1]
        self._first = start
        self._held = {stem: np.concatenate(sounds, axis=1) for stem, sounds in pieces.items()}
        return {stem: sound[:, : stop - start] for stem, sound in self._held.items()}
