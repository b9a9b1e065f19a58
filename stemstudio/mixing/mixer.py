"""From stems to what is heard: gains from faders, and the mix of a range of samples.

`mix_block` is the definition of the mix.  Export uses it directly; the audio
callback in `stemstudio.mixing.callback` does the same arithmetic in real time
and is tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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


def gain_of(level_db: float) -> float:
    """Return the factor of a level in dB; minus infinity gives 0."""
    return 0.0 if level_db == -math.inf else 10.0 ** (level_db / 20.0)


def decibels(gain: float) -> float:
    """Return the level in dB of a factor; 0 gives minus infinity."""
    return 20.0 * math.log10(gain) if gain > 0.0 else -math.inf


def heard(strips: Sequence[Strip]) -> list[bool]:
    """Tell for each stem whether mute and solo let it through.

    Any solo silences the stems without one; mute wins over solo.
    """
    solo = any(strip.solo for strip in strips)
    return [not strip.mute and (strip.solo or not solo) for strip in strips]


def stem_gains(strips: Sequence[Strip]) -> NDArray[np.float32]:
    """Return the left and right gain of every stem.

    Pan is a balance: at the centre both sides are at unity, so that an
    untouched mix equals the song exactly; turning to one side only lowers
    the other.

    Parameters
    ----------
    strips
        The leaves of the stem tree, in mixer order.

    Returns
    -------
    ndarray of float32, shape (stems, 2)
        Linear factors, left and right.

    Raises
    ------
    ValueError
        If a pan lies outside -1...1 or a gain is not a number.
    """
    gains = np.zeros((len(strips), 2), dtype=np.float32)
    for row, strip, audible in zip(gains, strips, heard(strips), strict=False):
        if not -1.0 <= strip.pan <= 1.0:
            raise ValueError(f"pan must lie between -1 and 1, not {strip.pan}")
        if math.isnan(strip.gain_db) or strip.gain_db == math.inf:
            raise ValueError(f"gain must be a level in dB, not {strip.gain_db}")
        if audible:
            gain = gain_of(strip.gain_db)
            row[:] = gain * min(1.0, 1.0 - strip.pan), gain * min(1.0, 1.0 + strip.pan)
    gains.flags.writeable = False
    return gains


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
