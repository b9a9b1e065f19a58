"""HPSS: what rings on (harmonic) and what strikes (percussive), told apart by medians along time and frequency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.framing import Framed, fft_parameter, hop_parameter
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.medians import in_parts, running_median
from stemstudio.audio.audio import Sound
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress, load
from stemstudio.spectral.stft import StftSettings, forward

Float = NDArray[np.float32]

NAMES = ("harmonic", "percussive")
BLOCK = 512  # frames worked on at a time


class HPSS(Framed):
    """Harmonic–percussive separation by median filtering; with a margin above 1, what is neither is the residual."""

    name: ClassVar[str] = "hpss"
    title: ClassVar[str] = "Harmonic and percussive (HPSS)"
    formerly: ClassVar[Mapping[str, str]] = {"power": "firmness"}
    summary: ClassVar[str] = (
        "Tells what rings on from what strikes, in seconds; what is neither can be set apart."
    )
    speed: ClassVar[float] = 60.0

    harmonic_length: float = parameter(
        0.4, "How long a sound must ring to count as harmonic", unit="s", gt=0.0, le=10.0
    )
    percussive_length: float = parameter(
        180.0,
        "How wide a sound must spread in frequency to count as percussive",
        unit="Hz",
        gt=0.0,
        le=10_000.0,
    )
    margin: float = parameter(
        1.0,
        "How clearly a sound must be one or the other; above 1, what is neither goes to the residual",
        ge=1.0,
        le=20.0,
    )
    mask: Literal["soft", "binary"] = parameter(
        "soft", "Share every bit of sound (soft), or give it to one side (binary)"
    )
    firmness: float = parameter(
        2.0, "How firmly the soft mask decides: higher is cleaner but rougher", gt=0.0, le=8.0, advanced=True
    )
    fft: int = fft_parameter()
    hop: int = hop_parameter()

    def lengths(self, sample_rate: int) -> tuple[int, int]:
        """The medians' lengths at a sample rate: frames along time, bins along frequency; the nearest odd numbers."""
        frames = _odd(self.harmonic_length * sample_rate / self.hop)
        return frames, min(_odd(self.percussive_length * self.fft / sample_rate), _odd(self.grid.bins))

    def run(self, signal: Sound, progress: Progress) -> Masks:
        """Shares H / (H + P) and P / (H + P) of the channels' mean power, and the masks that the recipe makes of them."""
        grid, frames = self.grid, self.grid.frames(signal.length)
        harmonic, percussive = self.lengths(signal.sample_rate)
        zeros = 0.5 if self.mask == "soft" and self.margin == 1.0 else 0.0
        values = scratch((2, frames, grid.bins), np.float16)
        progress(0.0, "transforming")
        half = harmonic // 2
        for first in range(0, frames, BLOCK):
            last = min(frames, first + BLOCK)
            # Mirroring at the song's ends reaches as far in as the window reaches out.
            low, high = max(0, first - half), min(frames, last + half)
            V = magnitude(signal, grid, low, high)
            progress((first + last) / (2 * frames), "looking for what rings and what strikes")
            cut = slice(first - low, last - low)
            shares = hpss_masks(
                V, harmonic, percussive, power=1.0, zeros=zeros, frames=cut, progress=progress
            )
            for part, share in zip(values, shares, strict=True):
                part[first:last] = share.T
            progress(last / frames, f"{last * grid.hop // signal.sample_rate} s done")
        progress(1.0)
        masking = Masking(kind=self.mask, firmness=self.firmness, margin=self.margin)
        return Masks(NAMES, grid, values.transpose(0, 2, 1), masking)


def hpss_masks(
    V: Float,
    harmonic: int,
    percussive: int,
    *,
    margin: float = 1.0,
    power: float = 2.0,
    zeros: float | None = None,
    frames: slice = slice(None),
    progress: Progress | None = None,
) -> tuple[Float, Float]:
    """Masks of the harmonic and the percussive part of a spectrogram.

    With H and P the medians of V along time and along frequency, the harmonic mask is H^p / (H^p + (βP)^p) and the
    percussive one P^p / (P^p + (βH)^p).

    Parameters
    ----------
    V
        Magnitudes, float32 (bins, frames).
    harmonic, percussive
        Lengths of the medians in frames and in bins, odd.
    margin
        β ≥ 1; above 1 the masks no longer add up to 1, and the rest is neither.
    power
        p > 0; infinity makes binary masks.
    zeros
        What either gets where both medians are 0: by default ½ where β is 1, and nothing where it is larger.
    frames
        Which frames of V the masks are wanted for; the others only lend their values to the medians.
    progress
        Asked between the steps whether to go on.

    Returns
    -------
    tuple of ndarray
        float32 (bins, frames), in [0, 1].

    References
    ----------
    FitzGerald 2010, "Harmonic/percussive separation using median filtering"; Driedger, Müller & Disch 2014,
    "Extending harmonic-percussive separation of audio signals", eq. 7 and 8.
    """
    progress = progress or Progress()
    load("stemstudio.algorithms.median_kernel", progress)
    from stemstudio.algorithms.median_kernel import share

    along_time = running_median(V.T, harmonic)[frames]
    progress.check()
    along_frequency = running_median(V[:, frames], percussive)
    progress.check()
    if np.isinf(power):
        zeros = 0.0
    elif zeros is None:
        zeros = 0.5 if margin == 1.0 else 0.0
    h, p = np.empty_like(along_time), np.empty_like(along_time)
    numbers = np.float32(margin), np.float32(power), np.float32(zeros)

    def masks(first: int, last: int) -> None:
        share(along_time, along_frequency, *numbers, first, last, h, p)

    in_parts(masks, len(h), h.size)
    return h.T, p.T


def magnitude(sound: Sound, grid: StftSettings, first: int, last: int) -> Float:
    """Root of the channels' mean power over frames [first, last), float32 (bins, last − first)."""
    values = forward(sound, grid, first=first, last=last).values
    power = np.square(values.real) + np.square(values.imag)
    root: Float = np.sqrt(power.mean(axis=0))
    return root


def _odd(length: float) -> int:
    """The odd number nearest to a length."""
    return max(1, 2 * round((length - 1) / 2) + 1)
