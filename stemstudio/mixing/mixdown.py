"""Mixdown: the mix of the stems block after block, by the very code that plays it.

Strips that are nothing but faders and pans are mixed without it, to the same bit, so that nobody waits for a compiler.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing import playstate
from stemstudio.mixing.effects import Lines, set_effects
from stemstudio.mixing.mixer import mix_block
from stemstudio.mixing.playstate import MAX_STEMS
from stemstudio.mixing.strips import Strips
from stemstudio.project.effects import Effects

__all__ = ["BehindStrips", "Mixdown", "Returns"]

Sound = NDArray[np.float32]

SETTLE_SECONDS = 0.5
"""In which filters forget how they began."""
AT_REST = (1.0, 0.0, 0.0, 1.0)  # gains of a strip that changes nothing


class Mixdown:
    """Mixes blocks that follow each other, from silence in all filters and effects.

    Parameters
    ----------
    strips
        What the strips do.
    effects
        Reverb and delay.
    rate
        Sample rate in Hz.
    start
        Where in the song the first block begins, in samples.
    tempo
        How many samples of the song pass in one of the stems: they may be slower or faster than the song.

    Raises
    ------
    ValueError
        If there are more stems than can be mixed.
    """

    def __init__(
        self, strips: Strips, effects: Effects, rate: float, start: int = 0, tempo: float = 1.0
    ) -> None:
        count = len(strips.gains)
        if count > MAX_STEMS:
            raise ValueError(f"at most {MAX_STEMS} stems can be mixed, not {count}")
        self._strips = strips  # its arrays are read by address
        if strips.simple:
            return
        from stemstudio.mixing.engine import connect, ready

        ready()
        self._state = playstate.new_state(rate)
        self._lines = Lines(self._state)
        self._place = float(start)
        self._tempo = tempo
        connect(self._state)
        set_effects(self._state, effects)
        s = self._state[0]
        s["stems"][0] = count
        s["tempo"][0] = tempo
        s["target"][0, :count] = strips.gains
        for place, (filters, curve) in enumerate(zip(strips.filters, strips.curves, strict=True)):
            s["filters"][0, place] = 0 if filters is None else filters.ctypes.data
            s["curve"][0, place] = 0 if curve is None else curve.ctypes.data

    def mix(self, stems: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Mix the next block.

        Parameters
        ----------
        stems
            One array a strip, shape (channels, n), channels 1 or 2.

        Returns
        -------
        ndarray of float32, shape (2, n)

        Raises
        ------
        ValueError
            If the number of stems is not that of the strips, or they differ in length.
        """
        count = len(self._strips.gains)
        if len(stems) != count:
            raise ValueError(f"{len(stems)} stems do not fit {count} strips")
        lengths = {stem.shape[-1] for stem in stems}
        if len(lengths) > 1:
            raise ValueError(f"stems differ in length: {sorted(lengths)}")
        if self._strips.simple:
            return mix_block(stems, self._strips.gains[:, [0, 3]])
        from stemstudio.mixing.native_mix import bounce

        s = self._state[0]
        length = lengths.pop() if lengths else 0
        held = [np.ascontiguousarray(stem, dtype=np.float32) for stem in stems]
        for place, stem in enumerate(held):
            s["stem_address"][0, place] = stem.ctypes.data
            s["stem_channels"][0, place] = stem.shape[0]
        s["length"][0] = length
        s["origin"][0] = round(self._place)
        s["position"] = 0
        mix = np.empty((2, length), dtype=np.float32)
        bounce.ctypes(
            self._state.ctypes.data,
            mix.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            length,
        )
        self._place += length * self._tempo
        return mix


class BehindStrips:
    """Each stem as its strip leaves it, for any range of the song: without what it sends to the effects.

    Attributes
    ----------
    context
        Samples before a range that its sound depends on.
    """

    def __init__(self, strips: Strips, rate: float) -> None:
        self._strips = strips
        self._rate = rate
        filtered = any(array is not None for array in strips.filters)
        self.context = round(SETTLE_SECONDS * rate) if filtered else 0

    def heard(self, stems: Sequence[Sound], start: int) -> list[Sound]:
        """The stems behind their strips, float32 (2, n); their first sample is the song's sample `start`."""
        if len(stems) != len(self._strips.gains):
            raise ValueError(f"{len(stems)} stems do not fit {len(self._strips.gains)} strips")
        return [self._behind(place, start)(stem) for place, stem in enumerate(stems)]

    def going(self, start: int, tempo: float = 1.0) -> Callable[[Sequence[Sound]], list[Sound]]:
        """What takes blocks of the stems that follow each other from a sample of the song, and gives theirs back."""
        each = [self._behind(place, start, tempo) for place in range(len(self._strips.gains))]
        return lambda stems: [behind(stem) for behind, stem in zip(each, stems, strict=True)]

    def _behind(self, place: int, start: int, tempo: float = 1.0) -> Callable[[Sound], Sound]:
        """What takes one stem's blocks and gives them back as its strip leaves them."""
        one = self._strips.only([place])
        gains, (filters,), (curve,) = one.gains[0, :4], one.filters, one.curves
        if not gains.any():
            return lambda stem: np.zeros((2, stem.shape[1]), dtype=np.float32)
        if filters is None and curve is None and tuple(gains) == AT_REST:
            return lambda stem: np.broadcast_to(stem, (2, stem.shape[1]))
        dry = Strips(np.array([[*gains, 0.0, 0.0]]), one.filters, one.curves)
        mixdown = Mixdown(dry, Effects(), self._rate, start, tempo)
        return lambda stem: mixdown.mix([stem])


class Returns:
    """What comes back from reverb and delay, for any range of the song.

    Attributes
    ----------
    context
        Samples before a range that its sound depends on, until nothing is left of a tail; 0 where nothing is sent.
    """

    def __init__(self, strips: Strips, effects: Effects, rate: float, tempo: float = 1.0) -> None:
        self._effects, self._rate, self._tempo = effects, rate, tempo
        self._senders = np.flatnonzero(strips.gains[:, 4:].any(axis=1)).tolist()
        self._strips = strips.only(self._senders)
        dry = self._strips.gains.copy()
        dry[:, 4:] = 0.0
        self._dry = Strips(dry, self._strips.filters, self._strips.curves)
        self.context = 0
        if self._senders:
            state = playstate.new_state(rate)
            set_effects(state, effects)
            self.context = int(state["effects_tail"][0])

    def heard(self, stems: Sequence[NDArray[np.float32]], start: int) -> NDArray[np.float32]:
        """The sound of the effects alone, float32 (2, n); the stems' first sample is the song's sample `start`."""
        return self.going(start)(stems)

    def going(self, start: int) -> Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]]:
        """What takes blocks of the stems that follow each other from a sample of the song, and gives back theirs."""
        mixed, dry = (
            Mixdown(strips, self._effects, self._rate, start, self._tempo)
            for strips in (self._strips, self._dry)
        )

        def give(stems: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
            sending = [stems[place] for place in self._senders]
            return mixed.mix(sending) - dry.mix(sending)

        return give
