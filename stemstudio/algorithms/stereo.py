"""Stereo: what comes from one place between the loudspeakers, told apart by a window on the pan histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.framing import Framed, fft_parameter, hop_parameter
from stemstudio.audio.audio import Sound
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings, forward

Float = NDArray[np.float32]

NAMES = ("inside", "outside")
BLOCK = 256  # frames worked on at a time
TINY = np.float32(1e-20)


class Stereo(Framed):
    """What is panned into a window, and what is not; by default the centre, where voices usually are."""

    name: ClassVar[str] = "stereo"
    title: ClassVar[str] = "By place in the stereo (centre)"
    summary: ClassVar[str] = (
        "Takes what comes from one place between left and right, at first the middle, where voices usually are."
    )
    speed: ClassVar[float] = 100.0

    centre: float = parameter(
        0.0, "Where the wanted sound is: −1 is left, 0 the middle, 1 right", ge=-1.0, le=1.0
    )
    width: float = parameter(
        0.3, "How wide the window is: 2 spans everything from left to right", gt=0.0, le=2.0
    )
    softness: float = parameter(
        0.3,
        "How gently the window's edges fall: 0 cuts hard, 1 falls over as much again as the window is wide",
        ge=0.0,
        le=1.0,
    )
    strictness: float = parameter(
        0.7,
        "How far both sides must move together: higher keeps reverb and wide sounds out of the middle",
        ge=0.0,
        le=1.0,
    )
    lowest: float = parameter(
        0.0,
        "Below this pitch everything counts as outside, so that bass and kick stay with the band",
        unit="Hz",
        ge=0.0,
        le=2000.0,
    )
    highest: float = parameter(
        24_000.0,
        "Above this pitch everything counts as outside",
        unit="Hz",
        ge=100.0,
        le=96_000.0,
        advanced=True,
    )
    fft: int = fft_parameter()
    hop: int = hop_parameter()

    def run(self, signal: Sound, progress: Progress) -> Masks:
        """Masks of what is inside and outside the window, the same for both channels, so that sounds keep their place."""
        grid, frames = self.grid, self.grid.frames(signal.length)
        values = scratch((2, frames, grid.bins), np.float16)
        pitches = np.arange(grid.bins) * signal.sample_rate / grid.fft
        heard = (pitches >= self.lowest) & (pitches <= self.highest)
        for first in range(0, frames, BLOCK):
            progress(first / frames, "looking where sounds come from")
            last = min(frames, first + BLOCK)
            X = forward(signal, grid, first=first, last=last).values.transpose(0, 2, 1)
            left, right = sides(X)
            progress((first + last) / (2 * frames), "looking where sounds come from")
            inside = pan_window(pan_of(left, right), self.centre, self.width, self.softness)
            if self.strictness:
                inside *= 1 - np.float32(self.strictness) * disagreement(left, right)
            inside[:, ~heard] = 0
            values[0, first:last] = inside
            values[1, first:last] = 1 - inside
        progress(1.0)
        return Masks(NAMES, grid, values.transpose(0, 2, 1))


@dataclass(frozen=True, eq=False)
class PanHistogram:
    """How much sound comes from where.

    Attributes
    ----------
    places
        Middles of the histogram's steps, float32, from −1 (left) to 1 (right).
    energy
        Share of the whole energy in each step, float32, read-only; all 0 for silence.
    """

    places: Float
    energy: Float


def pan_histogram(
    signal: Sound,
    progress: Progress | None = None,
    *,
    start: int = 0,
    stop: int | None = None,
    steps: int = 101,
    grid: StftSettings | None = None,
) -> PanHistogram:
    """Energy by place between left and right over samples [start, stop).

    Parameters
    ----------
    signal
        One channel is all in the middle; of more than two, the even ones are left and the odd ones right.
    progress
        Told how far it is.
    start, stop
        Range of samples; the whole sound by default.
    steps
        Of the histogram; an odd number has one for the very middle.
    grid
        How to cut sound into frames.
    """
    progress, grid = progress or Progress(), grid or StftSettings()
    stop = signal.length if stop is None else stop
    begin, end = grid.frames_touching(start, stop, signal.length)
    energy = np.zeros(steps)
    for first in range(begin, end, BLOCK):
        progress((first - begin) / (end - begin), "looking where sounds come from")
        X = forward(signal, grid, first=first, last=min(end, first + BLOCK)).values.transpose(0, 2, 1)
        left, right = sides(X)
        place = np.minimum(((pan_of(left, right) + 1) * (steps / 2)).astype(np.intp), steps - 1)
        power = np.abs(left) ** 2 + np.abs(right) ** 2
        energy += np.bincount(place.ravel(), weights=power.ravel(), minlength=steps)
    progress(1.0)
    shares = (energy / max(float(energy.sum()), float(TINY))).astype(np.float32)
    places = ((np.arange(steps) + 0.5) * (2 / steps) - 1).astype(np.float32)
    for array in (shares, places):
        array.flags.writeable = False
    return PanHistogram(places, shares)


def sides(X: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Left and right of a spectrogram (channels, …); a single channel is on both sides."""
    if X.shape[0] <= 2:
        return X[0], X[-1]
    return X[0::2].sum(axis=0), X[1::2].sum(axis=0)


def pan_of(left: NDArray[np.complex64], right: NDArray[np.complex64]) -> Float:
    """Where each bin's sound is panned: (4/π) · atan(|R| / |L|) − 1, from −1 (left) over 0 to 1 (right); silence is at 0.

    Gains of cos θ and sin θ, the constant-power pan, come out as 4 θ / π − 1.
    """
    one, other = np.abs(left), np.abs(right)
    place: Float = np.arctan2(other, one)
    place *= np.float32(4 / np.pi)
    place -= 1
    place[(one <= TINY) & (other <= TINY)] = 0
    return place


def pan_window(place: Float, centre: float, width: float, softness: float) -> Float:
    """1 within ± width/2 of the centre, falling to 0 as a raised cosine over softness · width beyond; same shape."""
    away = np.abs(place - np.float32(centre))
    away -= np.float32(width / 2 + 1e-6)
    if softness == 0:
        hard: Float = (away <= 0).astype(np.float32)
        return hard
    away *= np.float32(np.pi / (softness * width))
    np.clip(away, 0, np.float32(np.pi), out=away)
    window: Float = np.cos(away, out=away)
    window += 1
    window *= np.float32(0.5)
    return window


def disagreement(left: NDArray[np.complex64], right: NDArray[np.complex64]) -> Float:
    """How far two channels are from moving together, in [0, 1].

    (1 − cos Δφ) / 2 · 2 |L R| / (|L|² + |R|²): 0 in phase, 1 against each other at the same level; where one side
    is silent its phase says nothing, and it is 0.

    References
    ----------
    Avendano & Jot 2004, "A frequency-domain approach to multichannel upmix": the similarity measure.
    """
    product = left * right.conj()
    apart = np.abs(product)
    apart -= product.real
    power = left.real**2 + left.imag**2 + right.real**2 + right.imag**2
    apart /= np.maximum(power, TINY)
    share: Float = np.clip(apart, 0, 1, out=apart)
    return share
