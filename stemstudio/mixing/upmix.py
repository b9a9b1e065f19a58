"""Upmix: stereo stems spread over the loudspeakers of a room.

A `Spread` is the definition of the sound: it renders any range of samples, the same however the song is cut into
blocks.  The window plays what it renders, and `write_upmix` in `stemstudio.mixing.surround` puts it into files.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples
from stemstudio.audio.reading import finite
from stemstudio.mixing.ambience import REACH_SECONDS, ambience_of, decorrelated, velvet
from stemstudio.mixing.folddown import add_led, correction, folded, near
from stemstudio.mixing.layouts import HALF_POWER, LAYOUTS, Layout
from stemstudio.mixing.mixdown import BehindStrips, Returns
from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.panning import place_gains, way
from stemstudio.mixing.strips import strips_of
from stemstudio.project.project import State
from stemstudio.project.rendering import render
from stemstudio.project.room import Place, Room

__all__ = ["RETURNS", "RETURNS_NAME", "Heard", "Spread", "heard_stems", "stem_matrix"]

Float = NDArray[np.float32]
Gains = NDArray[np.float64]
Heard = Callable[[int, int], Mapping[int, Samples]]
"""Gives the stereo sound of every stem behind its strip, float32 (2, n) by stem id, over samples of the song."""
Each = Callable[[int, Samples, Float], None]

RETURNS, RETURNS_NAME = -1, "Reverb and delay"
"""What the effects of the mixer give back: one more stem, whose ambience is all around."""
RETURNED = Place(ambience=1.0, lfe_db=None)
NOWHERE = Place(lfe_db=None)
STEP = 512  # samples between two points of a moving stem's way; straight lines between them
BEHIND = Place(azimuth=180.0, width=140.0)  # where ambience belongs: sides at 110 degrees
AMBIENT_WEIGHTS = (
    1.0,
    3.0,
)  # of loudspeakers in front of and behind the listener, for its fold-safe correction
LFE_DB = -10.0  # the low-frequency channel is played 10 dB louder than the others
LFE_ORDER = 4
STEEPEST = 1.57  # just below half pi, where the tangent ends
LONG_SECONDS = 2.0  # from which several stems are spread at once
THREADS = max(1, min(4, os.cpu_count() or 1))


def heard_stems(state: State, on_bad: Callable[[], None] = lambda: None) -> Heard:
    """The leaves of a project as the mixer lets them be heard, each behind its strip, and what the effects give back.

    What is no number in a stem becomes silence there, and `on_bad` is called.
    """
    leaves = state.leaves()
    form = state.mixture
    strips = strips_of(leaves, form.channels, form.sample_rate)
    behind = BehindStrips(strips, form.sample_rate)
    returns = Returns(strips, state.effects, form.sample_rate)

    def sounds(start: int, stop: int) -> dict[int, Samples]:
        low = max(0, start - max(behind.context, returns.context))
        rendered = render(state, [leaf.id for leaf in leaves], low, stop)
        clean = [finite(rendered[leaf.id]) for leaf in leaves]
        if any(bad for _, bad in clean):
            on_bad()
        stems = [sound for sound, _ in clean]
        heard = dict(zip((leaf.id for leaf in leaves), behind.heard(stems, low), strict=True))
        if returns.context:
            heard[RETURNS] = returns.heard(stems, low)
        return {stem: sound[:, start - low :] for stem, sound in heard.items()}

    return sounds


def stem_matrix(layout: Layout, place: Place, *, fold_safe: bool, seconds: float = 0.0) -> Gains:
    """Gains (channels, 2) from a stem's left and right to the loudspeakers, ambience and low frequencies apart."""
    return np.asarray(_matrices(layout, place, np.array([seconds]), fold_safe)[0])


@dataclass(frozen=True)
class Spread:
    """How the stems of a song are spread over loudspeakers.

    Attributes
    ----------
    room
        The loudspeakers.
    places
        Where each stem is, by its id; those without a place are as in stereo alone.
    rate, length
        Sample rate of the song in Hz, and its samples.
    """

    room: Room
    places: Mapping[int, Place] = field(default_factory=dict)
    rate: int = 44100
    length: int = 0

    @classmethod
    def of(cls, state: State) -> Spread:
        """As a project has it."""
        places = {leaf.id: leaf.place for leaf in state.leaves()}
        if any(max(leaf.reverb_db, leaf.delay_db) > -math.inf for leaf in state.leaves()):
            places[RETURNS] = RETURNED
        return cls(state.room, places, state.mixture.sample_rate, state.mixture.length)

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.room.layout]

    @property
    def context(self) -> int:
        """Samples before and after a range that its sound depends on."""
        lfe = self.layout.lfe is not None and any(place.lfe_db is not None for place in self.places.values())
        ambience = self._has_back and any(place.ambience > 0.0 for place in self.places.values())
        return int(REACH_SECONDS * self.rate) if lfe or ambience else 0

    def render(self, heard: Heard, start: int, stop: int, each: Each | None = None) -> Samples:
        """Samples [start, stop) of every channel.

        Parameters
        ----------
        heard
            What is spread.
        each
            Called for every stem with its id, its stereo sound and what it sounds like in the room, (channels, n), but
            for the low-frequency channel, which is made of all together.

        Returns
        -------
        ndarray of float32, shape (channels, stop - start)
        """
        low, high = max(0, start - self.context), min(self.length, stop + self.context)
        mix = np.zeros((self.layout.channels, stop - start), dtype=np.float32)
        sounds = {
            stem: np.broadcast_to(sound, (2, sound.shape[1])) for stem, sound in heard(low, high).items()
        }

        def spread(stem: int) -> Float:
            return self._stem(self.places.get(stem, NOWHERE), sounds[stem], low, start, stop)

        with ExitStack() as stack:
            owns: Iterable[Float] = map(spread, sounds)
            if len(sounds) > 1 and stop - start > LONG_SECONDS * self.rate:
                pool = ThreadPoolExecutor(min(THREADS, len(sounds)), thread_name_prefix="spreading")
                stack.callback(pool.shutdown, cancel_futures=True)
                owns = pool.map(spread, sounds)
            for (stem, sound), own in zip(sounds.items(), owns, strict=True):
                if each is not None:
                    each(stem, sound[:, start - low : stop - low], own)
                mix += own
        lfe = self.layout.lfe
        if lfe is not None:
            mix[lfe] = self._lows(sounds, start - low, stop - low)
        return mix

    def _stem(self, place: Place, sound: Samples, low: int, start: int, stop: int) -> Float:
        """One stem in the room over [start, stop), from its sound that begins at sample `low`."""
        cut = slice(start - low, stop - low)
        own = np.zeros((self.layout.channels, stop - start), dtype=np.float32)
        if not sound.any():
            return own
        direct = sound[:, cut]
        if place.ambience > 0.0 and self._has_back:
            ambience = ambience_of(sound, self.rate, low)
            ambience *= np.float32(place.ambience)
            behind = ambience[:, cut]
            direct = direct - behind
            self._add_behind(own, ambience, cut)
            if self.room.fold_safe:
                add_led(own, self._ambient_correction, behind - folded(self.layout, own))
        points = self._points(place, start, stop)
        matrices = _matrices(self.layout, place, points / self.rate, self.room.fold_safe)
        if len(points) == 1:
            add_led(own, matrices[0], direct)
        else:
            _add_moving(own, matrices, points, direct, start)
        return own

    def _lows(self, sounds: Mapping[int, Samples], start: int, stop: int) -> Float:
        """The low-frequency channel over [start, stop) of these sounds."""
        total = np.zeros(max((sound.shape[1] for sound in sounds.values()), default=stop), dtype=np.float32)
        for stem, sound in sounds.items():
            level = self.places.get(stem, NOWHERE).lfe_db
            if level is not None:
                total += np.float32(HALF_POWER * gain_of(level + LFE_DB)) * (sound[0] + sound[1])
        if not total.any():
            return total[start:stop]
        return _low_passed(total, self.room.crossover, self.rate)[start:stop]

    def _add_behind(self, own: Float, ambience: Float, cut: slice) -> None:
        """Add a cut of the ambience where it belongs, from every loudspeaker in another wave."""
        for number, gains in enumerate(place_gains(self.layout, BEHIND, np.zeros(1))[0]):
            if gains.any():
                channel = np.zeros((1, ambience.shape[1]), dtype=np.float32)
                add_led(channel, gains[None], ambience)
                own[number] += decorrelated(channel[0], velvet(number, self.rate))[cut]

    def _points(self, place: Place, start: int, stop: int) -> NDArray[np.int64]:
        """The samples at which gains are worked out: one where nothing moves, else multiples of STEP around the range."""
        move = place.move
        if move is None or stop <= move.start * self.rate or start >= move.stop * self.rate:
            return np.array([start])
        return np.arange(start // STEP, -(-stop // STEP) + 1) * STEP

    @property
    def _has_back(self) -> bool:
        return any(abs(speaker.azimuth or 0.0) > 90.0 for speaker in self.layout.speakers)

    @property
    def _ambient_correction(self) -> Gains:
        front, back = AMBIENT_WEIGHTS
        weights = [back if abs(speaker.azimuth or 0.0) >= 90.0 else front for speaker in self.layout.speakers]
        return np.asarray(correction(self.layout, np.array([weights]))[0])


def _matrices(layout: Layout, place: Place, seconds: Gains, fold_safe: bool) -> Gains:
    """The gains (times, channels, 2) of a stem at some times of the song."""
    matrices = place_gains(layout, place, seconds)
    if fold_safe:
        turned = correction(layout, near(layout, way(place, seconds)[0]))
        matrices = matrices + turned @ (np.eye(2) - layout.fold @ matrices)
    return matrices


def _add_moving(own: Float, matrices: Gains, points: NDArray[np.int64], sound: Float, start: int) -> None:
    """Add sound (2, n) from sample `start` on by matrices (points, channels, 2), going straight between them."""
    times = np.arange(start, start + sound.shape[1])
    for row, lines in zip(own, matrices.transpose(1, 2, 0), strict=True):
        for line, column in zip(lines, sound, strict=True):
            if line.any():
                row += np.interp(times, points, line).astype(np.float32) * column


@lru_cache(maxsize=8)
def _low_pass(size: int, crossover: float, rate: int) -> Float:
    """Gains of a Butterworth filter of fourth order at the frequencies of a real transform, bilinear.

    It has no phase: the lows that the other loudspeakers play as well are in step with it. With the phase of a causal
    one, which is half a turn at the crossover, they would cancel each other there.
    """
    turn = np.pi * np.fft.rfftfreq(size)
    ratio = np.tan(np.minimum(turn, STEEPEST)) / np.tan(np.pi * min(crossover / rate, 0.45))
    return np.asarray(1.0 / np.sqrt(1.0 + ratio ** (2 * LFE_ORDER)), dtype=np.float32)


def _low_passed(sound: Float, crossover: float, rate: int) -> Float:
    import scipy.fft

    size = scipy.fft.next_fast_len(len(sound) + int(REACH_SECONDS * rate), real=True)
    product = scipy.fft.rfft(sound, size) * _low_pass(size, crossover, rate)
    return np.asarray(scipy.fft.irfft(product, size)[: len(sound)])
