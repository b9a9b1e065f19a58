"""The short-time Fourier transform: forward and exact inverse, whole or by range.

Frames are centred: frame m sees the samples around `m · hop`, zeros where the sound has none, so that frames and
samples keep fixed positions however small a range is asked for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stemstudio.audio.audio import Sound

WORKERS = max(1, min(8, os.cpu_count() or 1))
THREADED_FROM = 1000  # frames
BLOCK = 64  # frames transformed at a time: their windowed copy stays within the cache

Window = Literal["hann", "hamming", "blackman"]


class StftSettings(BaseModel):
    """How sound is cut into frames.

    Attributes
    ----------
    fft
        Frame length in samples, a multiple of 2 · hop.
    hop
        Distance of frames in samples.
    window
        Shape of the analysis window; the synthesis window is the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fft: int = Field(4096, ge=64, le=65536, description="Length of a frame in samples")
    hop: int = Field(1024, ge=16, le=32768, description="Samples from one frame to the next")
    window: Window = "hann"

    @model_validator(mode="after")
    def _overlaps_evenly(self) -> StftSettings:
        if self.fft % 2 or self.fft % self.hop or self.fft // self.hop < 2:
            raise ValueError(
                f"the frame length {self.fft} must be at least twice the hop {self.hop}, and a multiple of it"
            )
        return self

    @property
    def bins(self) -> int:
        return self.fft // 2 + 1

    def frames(self, length: int) -> int:
        """Number of frames that cover `length` samples."""
        return -(-length // self.hop) + 1

    def frames_touching(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """The range of frames [first, last) whose window reaches into samples [start, stop)."""
        half = self.fft // 2
        first = max(0, (start - half) // self.hop + 1)
        last = min(self.frames(length), -(-(stop + half) // self.hop))
        return first, max(first, last)

    def samples_touched(self, first: int, last: int, length: int) -> tuple[int, int]:
        """The range of samples [start, stop) that the frames [first, last) reach."""
        half = self.fft // 2
        return max(0, first * self.hop - half), max(0, min(length, (last - 1) * self.hop + half))


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Complex STFT frames of a stretch of sound.

    Attributes
    ----------
    values
        complex64 (channels, bins, frames), read-only.
    settings
        How the frames were cut.
    sample_rate
        Of the sound, in Hz.
    first
        Number of the first frame held here.
    length
        Samples of the whole sound.
    """

    values: NDArray[np.complex64]
    settings: StftSettings
    sample_rate: int
    first: int
    length: int

    def __post_init__(self) -> None:
        self.values.flags.writeable = False

    @property
    def last(self) -> int:
        return self.first + int(self.values.shape[-1])

    @property
    def magnitude(self) -> NDArray[np.float32]:
        return np.abs(self.values)


def forward(sound: Sound, settings: StftSettings, *, first: int = 0, last: int | None = None) -> Spectrogram:
    """STFT of the frames [first, last) of a sound.

    Parameters
    ----------
    sound
        Read by range; only the samples under these frames are touched.
    settings
        How to cut.
    first, last
        Range of frames; all by default.

    Returns
    -------
    Spectrogram
        complex64 (channels, bins, last − first), laid out frame by frame in memory.
    """
    import scipy.fft

    if last is None:
        last = settings.frames(sound.length)
    window = analysis_window(settings)
    n_frames = max(0, last - first)
    result = np.empty((sound.channels, n_frames, settings.bins), dtype=np.complex64)
    half = settings.fft // 2

    def transform(begin: int, samples: NDArray[np.float32]) -> None:
        frames = np.lib.stride_tricks.sliding_window_view(samples, settings.fft, axis=-1)[:, :: settings.hop]
        result[:, begin : begin + frames.shape[1]] = scipy.fft.rfft(frames * window, axis=-1, workers=alone)

    with _several(n_frames) as (pool, alone):
        waiting: deque[Future[None]] = deque()
        for begin in range(0, n_frames, BLOCK):
            end = min(n_frames, begin + BLOCK)
            start = (first + begin) * settings.hop - half
            # Read here: a sound may be made on demand, and in its own order.
            samples = sound.read(start, start + (end - begin - 1) * settings.hop + settings.fft)
            if pool is None:
                transform(begin, samples)
                continue
            waiting.append(pool.submit(transform, begin, samples))
            if len(waiting) > 2 * WORKERS:
                waiting.popleft().result()
        for future in waiting:
            future.result()
    return Spectrogram(result.transpose(0, 2, 1), settings, sound.sample_rate, first, sound.length)


def inverse(spectrogram: Spectrogram, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Samples [start, stop) from STFT frames: least-squares overlap-add, exact for unchanged frames.

    Parameters
    ----------
    spectrogram
        Must hold every frame that touches [start, stop), see `StftSettings.frames_touching`.
    start, stop
        Range of samples; the whole sound by default.

    Returns
    -------
    ndarray
        float32 (channels, stop − start).

    Raises
    ------
    ValueError
        When frames that touch the range are missing.

    References
    ----------
    Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", eq. 6.
    """
    settings = spectrogram.settings
    if stop is None:
        stop = spectrogram.length
    first, last = settings.frames_touching(start, stop, spectrogram.length)
    if first < spectrogram.first or last > spectrogram.last:
        raise ValueError(
            f"samples {start}…{stop} need frames {first}…{last}, not {spectrogram.first}…{spectrogram.last}"
        )
    values = spectrogram.values[..., first - spectrogram.first : last - spectrogram.first]
    summed = overlap_add(values, settings)
    weight = _window_sums(settings, first, last)
    offset = first * settings.hop - settings.fft // 2
    cut = slice(start - offset, stop - offset)
    return summed[:, cut] / weight[cut]


def overlap_add(values: NDArray[np.complex64], settings: StftSettings) -> NDArray[np.float32]:
    """Windowed inverse frames laid over each other, not yet divided by the sum of the squared windows.

    Parameters
    ----------
    values
        complex64 (channels, bins, frames).

    Returns
    -------
    ndarray
        float32 (channels, (frames − 1) · hop + fft).
    """
    import scipy.fft

    channels, _, n_frames = values.shape
    hop, overlap = settings.hop, settings.fft // settings.hop
    window = analysis_window(settings)
    summed = np.zeros((channels, n_frames + overlap - 1, hop), dtype=np.float32)

    def add(channel: slice) -> None:
        for begin in range(0, n_frames, BLOCK):
            block = values[channel, :, begin : begin + BLOCK].transpose(0, 2, 1)
            frames = scipy.fft.irfft(block, n=settings.fft, axis=-1, workers=alone)
            frames *= window
            pieces = frames.reshape(*frames.shape[:2], overlap, hop)
            for part in range(overlap):
                summed[channel, begin + part : begin + part + pieces.shape[1]] += pieces[:, :, part]

    with _several(n_frames if channels > 1 else 0) as (pool, alone):
        if pool is None:
            add(slice(None))
        else:
            list(pool.map(add, [slice(channel, channel + 1) for channel in range(channels)]))
    return summed.reshape(channels, (n_frames + overlap - 1) * hop)


@contextmanager
def _several(n_frames: int) -> Iterator[tuple[ThreadPoolExecutor | None, int]]:
    """Threads for many frames, each of which takes the whole way of its block; and how many a transform may have."""
    if n_frames < THREADED_FROM or WORKERS == 1:
        yield None, WORKERS
        return
    with ThreadPoolExecutor(WORKERS) as pool:
        yield pool, 1


@lru_cache(maxsize=16)
def analysis_window(settings: StftSettings) -> NDArray[np.float32]:
    """The periodic window of the settings, float32 (fft,), read-only."""
    phase = 2 * np.pi * np.arange(settings.fft) / settings.fft
    coefficients = {"hann": (0.5, 0.5, 0.0), "hamming": (0.54, 0.46, 0.0), "blackman": (0.42, 0.5, 0.08)}
    a0, a1, a2 = coefficients[settings.window]
    window = (a0 - a1 * np.cos(phase) + a2 * np.cos(2 * phase)).astype(np.float32)
    window.flags.writeable = False
    return window


def _window_sums(settings: StftSettings, first: int, last: int) -> NDArray[np.float32]:
    """Sum of squared windows under frames [first, last), float32 ((last − first − 1) · hop + fft,)."""
    overlap = settings.fft // settings.hop
    pieces = (analysis_window(settings).astype(np.float64) ** 2).reshape(overlap, settings.hop)
    sums = np.zeros((max(0, last - first) + overlap - 1, settings.hop))
    for part in range(overlap):
        sums[part : part + last - first] += pieces[part]
    return np.maximum(sums, 1e-8).reshape(-1).astype(np.float32)
