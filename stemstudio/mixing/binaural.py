"""Headphones: loudspeakers around a listener, as they reach the two ears of a round head.

The head-related transfer functions are our own, computed and not measured: a sphere that shadows high frequencies on
the far side, and the time that sound takes around it (Brown & Duda 1998, "A structural model for binaural sound
synthesis", eqs. 1-4; Woodworth's formula for the delay).  Ears sit a little behind the middle, which tells front from
back, as far as a sphere can.  All is equalised for the mean of all directions, so that a song keeps its colour.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples
from stemstudio.mixing.layouts import HALF_POWER, LAYOUTS, Layout
from stemstudio.mixing.mixer import gain_of

__all__ = ["ears", "reach", "to_headphones"]

HEAD = 0.0875  # radius in metres
SOUND = 343.0  # metres a second
EARS = (-100.0, 100.0)  # degrees
DEEPEST_SHADOW = 150.0  # degrees from the ear
LEAST_LEVEL = 0.1  # there, at high frequencies
MARGIN_SECONDS = 0.0012  # of a response before the earliest sound, for what is between samples
RESPONSE_SECONDS = 0.0055
LFE_DB = 10.0  # that loudspeakers of low frequencies are louder by


def to_headphones(layout: Layout, channels: NDArray[np.floating], rate: int) -> Samples:
    """What the ears hear of channels (channels, n): float32 (2, n), the first and last `reach` samples incomplete."""
    import scipy.fft

    responses = ears(layout.name, rate)
    early, length = _early(rate), channels.shape[1]
    size = scipy.fft.next_fast_len(length + responses.shape[-1], real=True)
    spectra = scipy.fft.rfft(np.asarray(channels, dtype=np.float32), size)
    filters = scipy.fft.rfft(responses, size)
    heard = scipy.fft.irfft(np.einsum("cef,cf->ef", filters, spectra), size)
    return np.asarray(heard[:, early : early + length], dtype=np.float32)


def reach(rate: int) -> int:
    """Samples before and after a moment that its sound on headphones depends on."""
    return round(RESPONSE_SECONDS * rate)


@lru_cache(maxsize=16)
def ears(layout: str, rate: int) -> NDArray[np.float32]:
    """Responses (channels, 2 ears, samples) of a layout.

    The low-frequency channel reaches both ears alike, 10 dB louder.
    """
    length = reach(rate)
    size = 2 * length
    omega = 2.0 * np.pi * np.fft.rfftfreq(size, 1.0 / rate)
    late = HALF_POWER * np.exp(-1j * omega * _early(rate) / rate)
    around = np.abs([_at_the_ear(omega, angle) for angle in range(0, 360, 10)])
    even = 1.0 / np.sqrt(np.square(around).mean(axis=0))
    spectra = [
        late
        * (gain_of(LFE_DB) if speaker.azimuth is None else even * _at_the_ear(omega, speaker.azimuth - ear))
        for speaker in LAYOUTS[layout].speakers
        for ear in EARS
    ]
    return np.fft.irfft(spectra, size)[:, :length].astype(np.float32).reshape(-1, 2, length)


def _early(rate: int) -> int:
    """By how many samples responses are late."""
    return round((MARGIN_SECONDS + HEAD / SOUND) * rate)


def _at_the_ear(omega: NDArray[np.floating], angle: float) -> NDArray[np.complex128]:
    """Response at an ear to sound from `angle` degrees away from its axis, earlier or later than at the head's middle."""
    angle = abs((angle + 180.0) % 360.0 - 180.0)
    shadow = (1.0 + LEAST_LEVEL / 2.0) + (1.0 - LEAST_LEVEL / 2.0) * np.cos(
        np.radians(angle / DEEPEST_SHADOW * 180.0)
    )
    scaled = 1j * omega * HEAD / (2.0 * SOUND)
    around = np.radians(angle)
    delay = HEAD / SOUND * (-np.cos(around) if angle < 90.0 else around - np.pi / 2.0)
    return np.asarray((1.0 + shadow * scaled) / (1.0 + scaled) * np.exp(-1j * omega * delay))
