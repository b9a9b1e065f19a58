"""From stems to what is heard: the numbers that a strip's fader, pan, width and sends come to, and the plainest mix.

What a whole mix sounds like is defined by native code (`stemstudio.mixing.native_strips`), for playing and for export
alike.  `mix_block` is the same for strips that have only a fader and a pan, and the native code is tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.playstate import GAINS
from stemstudio.project.effects import Equaliser

__all__ = ["Strip", "decibels", "gain_of", "heard", "mix_block", "null_decibels", "stem_gains"]


class Strip(Protocol):
    """What the mixer needs to know of a stem."""

    @property
    def gain_db(self) -> float:
        """Fader position in dB; minus infinity is silence."""

    @property
    def pan(self) -> float:
        """Balance, -1 (left) to 1 (right)."""

    @property
    def mute(self) -> bool:
        """Whether the stem is switched off."""

    @property
    def solo(self) -> bool:
        """Whether only this stem, and others with solo, are to be heard."""

    @property
    def solo_safe(self) -> bool:
        """Whether it is heard whichever stems have solo."""

    @property
    def width(self) -> float:
        """Width of the stereo picture, 0 (mono) to 2; 1 leaves it."""

    @property
    def flip(self) -> bool:
        """Whether the phase is turned over."""

    @property
    def reverb_db(self) -> float:
        """Send to the reverb in dB; minus infinity is nothing."""

    @property
    def delay_db(self) -> float:
        """Send to the delay in dB; minus infinity is nothing."""

    @property
    def equaliser(self) -> Equaliser:
        """What its filters do."""

    @property
    def mutes(self) -> tuple[tuple[float, float], ...]:
        """Stretches (start, stop) in seconds in which it is silent."""

    @property
    def envelope(self) -> tuple[tuple[float, float], ...]:
        """Points (second, factor) of its volume curve."""


def gain_of(level_db: float) -> float:
    """Return the factor of a level in dB; minus infinity gives 0."""
    return 0.0 if level_db == -math.inf else 10.0 ** (level_db / 20.0)


def decibels(gain: float) -> float:
    """Return the level in dB of a factor; 0 gives minus infinity."""
    return 20.0 * math.log10(gain) if gain > 0.0 else -math.inf


def heard(strips: Sequence[Strip]) -> list[bool]:
    """Tell for each stem whether mute and solo let it through.

    Any solo silences the stems without one, except those that are safe from it; mute wins over solo.
    """
    solo = any(strip.solo for strip in strips)
    return [not strip.mute and (strip.solo or strip.solo_safe or not solo) for strip in strips]


def stem_gains(strips: Sequence[Strip], channels: int = 2) -> NDArray[np.float64]:
    """Return the factors of every strip.

    At rest both sides are at unity, so that an untouched mix equals the song exactly.  The pan of a stereo stem is a
    balance: turning to one side only lowers the other.  That of a mono stem keeps the power, √2 cos and √2 sin of
    the angle: it gains 3 dB where it stands alone.  Width scales the side, (L − R) / 2, before the pan.

    Parameters
    ----------
    strips
        The leaves of the stem tree, in mixer order.
    channels
        Of the stems.

    Returns
    -------
    ndarray of float64, shape (stems, 6)
        Left to left, right to left, left to right, right to right, to the reverb, to the delay.  A mono stem is the
        left to the left side and the right to the right one.

    Raises
    ------
    ValueError
        If a pan or width is out of its range or a level is not a number.
    """
    gains = np.zeros((len(strips), GAINS))
    for row, strip, audible in zip(gains, strips, heard(strips), strict=False):
        if not -1.0 <= strip.pan <= 1.0:
            raise ValueError(f"pan must lie between -1 and 1, not {strip.pan}")
        if not 0.0 <= strip.width <= 2.0:
            raise ValueError(f"width must lie between 0 and 2, not {strip.width}")
        for level in (strip.gain_db, strip.reverb_db, strip.delay_db):
            if math.isnan(level) or level == math.inf:
                raise ValueError(f"gain must be a level in dB, not {level}")
        if not audible:
            continue
        gain = gain_of(strip.gain_db) * (-1.0 if strip.flip else 1.0)
        left, right = (balance if channels > 1 else constant_power)(strip.pan)
        same, other = ((1 + strip.width) / 2, (1 - strip.width) / 2) if channels > 1 else (1.0, 0.0)
        row[:4] = gain * left * same, gain * left * other, gain * right * other, gain * right * same
        row[4:] = gain_of(strip.reverb_db), gain_of(strip.delay_db)
    gains.flags.writeable = False
    return gains


def balance(pan: float) -> tuple[float, float]:
    """Factors of the sides of a stereo stem."""
    return min(1.0, 1.0 - pan), min(1.0, 1.0 + pan)


def constant_power(pan: float) -> tuple[float, float]:
    """Factors of a mono stem on both sides: at the centre 1, their squares always 2."""
    if pan == 0.0:
        return 1.0, 1.0
    angle = (pan + 1.0) * math.pi / 4
    return math.sqrt(2.0) * math.cos(angle), math.sqrt(2.0) * math.sin(angle)


def mix_block(
    stems: Sequence[NDArray[np.float32]],
    gains: NDArray[np.floating],
    start: int = 0,
    stop: int | None = None,
    *,
    master: float = 1.0,
) -> NDArray[np.float32]:
    """Mix a range of samples of all stems to stereo.

    Sums in float64, in the order of the stems, and rounds once.

    Parameters
    ----------
    stems
        One array a stem, shape (channels, samples), channels 1 or 2.
        A mono stem goes to both sides.
    gains
        Shape (stems, 2): the left and right factor of each stem.
    start, stop
        Range in samples; `stop` None is the end.
    master
        Factor on the sum.

    Returns
    -------
    ndarray of float32, shape (2, stop - start)

    Raises
    ------
    ValueError
        If the number of gains is not that of the stems, or the stems differ in length.
    """
    if np.shape(gains) != (len(stems), 2):
        raise ValueError(f"expected gains of shape {(len(stems), 2)}, not {np.shape(gains)}")
    lengths = {stem.shape[-1] for stem in stems}
    if len(lengths) > 1:
        raise ValueError(f"stems differ in length: {sorted(lengths)}")
    length = lengths.pop() if lengths else 0
    begin, end, _ = slice(start, stop).indices(length)
    mix = np.zeros((2, max(0, end - begin)), dtype=np.float64)
    for stem, pair in zip(stems, gains, strict=False):
        for side in (0, 1):
            if pair[side] != 0.0:
                mix[side] += stem[side % stem.shape[0], begin:end] * np.float64(pair[side])
    return (mix * master).astype(np.float32)


def null_decibels(
    mixture: NDArray[np.float32], stems: Sequence[NDArray[np.float32]], *, block: int = 1 << 20
) -> float:
    """Return the peak of mixture - sum of stems in dB re full scale; minus infinity when they agree exactly.

    Arrays have shape (channels, samples); a mono stem counts for every channel of the mixture.
    """
    peak = 0.0
    for begin in range(0, mixture.shape[-1], block):
        rest = mixture[:, begin : begin + block].astype(np.float64)
        for stem in stems:
            rest -= stem[:, begin : begin + block]
        peak = max(peak, float(np.max(np.abs(rest), initial=0.0)))
    return decibels(peak)
