"""Stretching: sound slower or faster at its own pitch, higher or lower at its own tempo, in pieces of any length.

A phase vocoder with identity phase locking (Laroche and Dolson 1999) on a fixed grid of output frames, each of which
is cut from the song at the place that sounds there, and again one hop earlier: the difference of their phases is
exact at any tempo.  Around every attack the song runs at its own speed and the phases are its own (Röbel 2003 gives
the reasons), so that a hit comes out as it went in, at its very place; what lies between two attacks is stretched
the more.

Two runs over the same place differ in phases only, and agree from the next attack on.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress

__all__ = ["KEY_RANGE", "TEMPO_RANGE", "Stretcher", "reach", "stretched", "stretched_length", "warm"]

TEMPO_RANGE = (0.25, 2.0)
KEY_RANGE = (-12.0, 12.0)
"""Semitones."""
WINDOW_SECONDS = 0.09
ONSET_HOP = 0.002
"""Seconds between the places that are looked at for attacks."""
LOUDER = 0.7
"""log10 of the power ratio from which a rise is an attack: 7 dB."""
APART = 0.05
"""Seconds in which only the steepest rise counts."""
BACK_SECONDS = 0.03
_TAPS, _PHASES = 32, 512


def stretched_length(length: int, tempo: float) -> int:
    """Samples of a song of `length` samples at a tempo."""
    return max(0, math.ceil(length / tempo))


def warm() -> None:
    """Compile the native code, or load it from disk, for sound that may be written to and for sound that may not."""
    for writeable in (True, False):
        sound = np.zeros((1, 2000), dtype=np.float32)
        sound.flags.writeable = writeable
        stretched(sound, 8000, 0.8, 1.0)


def reach(rate: float, tempo: float, semitones: float) -> int:
    """Samples of a song, on either side of a place, on which its stretched sound may depend."""
    return _span(rate, tempo / 2.0 ** (semitones / 12)) + 2 * _window(rate)[1].size + int(3 * APART * rate)


def _span(rate: float, speed: float) -> int:
    """Samples of a song, on either side of a place, in which attacks matter to how it runs there."""
    return int((1 + 3 * max(1.0, speed)) * _window(rate)[1].size)


def stretched(
    samples: NDArray[np.float32],
    rate: float,
    tempo: float,
    semitones: float,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Return sound, shape (channels, samples), at another tempo and in another key; itself at 1 and 0."""
    if tempo == 1.0 and semitones == 0.0:
        return samples
    stretcher = Stretcher(samples, rate, tempo, semitones)
    out = np.empty((samples.shape[0], stretched_length(samples.shape[1], tempo)), dtype=np.float32)
    step = max(1, int(rate))
    for start in range(0, out.shape[1], step):
        stop = min(start + step, out.shape[1])
        out[:, start:stop] = stretcher.read(start, stop)
        if progress is not None:
            progress(stop / out.shape[1])
    return out


class Stretcher:
    """One sound at another tempo and in another key, read piece by piece.

    Parameters
    ----------
    source
        Shape (channels, samples), float32; may be written to while it is read elsewhere.
    rate
        Sample rate in Hz.
    tempo
        1 is as played, 0.5 half as fast.
    semitones
        0 is as played, 12 an octave higher.
    """

    def __init__(self, source: NDArray[np.float32], rate: float, tempo: float, semitones: float) -> None:
        if not TEMPO_RANGE[0] <= tempo <= TEMPO_RANGE[1]:
            raise ValueError(f"a tempo from {TEMPO_RANGE[0]} to {TEMPO_RANGE[1]} is possible, not {tempo}")
        if not KEY_RANGE[0] <= semitones <= KEY_RANGE[1]:
            raise ValueError(f"up to 12 semitones up or down are possible, not {semitones}")
        self._source, self._rate = source, rate
        self._first = 0  # the song's sample that the source begins with
        self._pitch = 2.0 ** (semitones / 12)
        self._speed = tempo / self._pitch  # song samples a sample before pitch is changed
        self._hop, self._window = _window(rate)
        self._back = round(BACK_SECONDS * rate)
        self._onset_hop = max(1, round(ONSET_HOP * rate))
        channels, bins = source.shape[0], self._window.size // 2 + 1
        self._last = np.zeros((channels, bins), dtype=np.complex64)
        self._turns = np.ones(bins, dtype=np.complex64)
        self._next: int | None = None  # the sample that a run goes on with
        self._frame = 0  # the next frame of it
        self._made: NDArray[np.float32] = np.zeros((channels, 0), dtype=np.float32)
        self._made_from = 0  # the sample, before pitch is changed, that `_made` begins with

    def take(self, source: NDArray[np.float32], first: int) -> None:
        """Go on with another stretch of the same sound, which begins with its sample `first`; see `reach`."""
        self._source, self._first = source, first

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return samples [start, stop) of the stretched sound.

        It goes on smoothly where the last piece ended, or up to `BACK_SECONDS` before that.
        """
        hop, size = self._hop, self._window.size
        margin = 0 if self._pitch == 1.0 else _TAPS // 2 + 1
        low = math.floor(start * self._pitch) - margin
        high = math.ceil(stop * self._pitch) + margin
        if self._next is None or not self._next - self._back <= start <= self._next:
            self._made_from = low
            self._made = np.zeros((self._source.shape[0], 0), dtype=np.float32)
            self._frame = (low - size // 2) // hop
            self._next = None
        last = -(-(high + size // 2) // hop)
        self._make(last)
        begin = low - self._made_from
        if margin == 0:
            out = self._made[:, begin : begin + stop - start].copy()
        else:
            from stemstudio.mixing.stretch_kernels import read_between

            out = np.empty((self._source.shape[0], stop - start), dtype=np.float32)
            first = start * self._pitch - self._made_from
            read_between(self._made, first, self._pitch, _sinc(self._pitch), out)
        self._next = stop
        kept = max(self._made_from, math.floor((stop - self._back) * self._pitch) - margin)
        self._made = self._made[:, kept - self._made_from :].copy()
        self._made_from = kept
        return out

    def _make(self, last: int) -> None:
        """Make all frames before number `last`."""
        from scipy.fft import irfft, rfft

        from stemstudio.mixing.stretch_kernels import add_frames, cut_frames, turn_phases

        hop, size = self._hop, self._window.size
        numbers = np.arange(self._frame, last, dtype=np.int64)
        if not numbers.size:
            return
        centres, fresh = self._places(numbers * hop)
        if self._next is None:
            fresh[0] = True
        channels = self._source.shape[0]
        centres -= self._first
        frames = np.empty((2, numbers.size, channels, size), dtype=np.float32)
        cut_frames(self._source, centres, self._window, frames[0])
        cut_frames(self._source, centres - hop, self._window, frames[1])
        spectra = rfft(frames, axis=-1)
        turn_phases(spectra[0], spectra[1], self._last, self._turns, fresh)
        whole = irfft(spectra[0], n=size, axis=-1)
        # Frame k covers samples k·hop − size/2 … k·hop + size/2.
        begin, end = self._frame * hop - size // 2, (last - 1) * hop + size - size // 2
        base = min(begin, self._made_from)
        room = np.zeros((channels, max(end, self._made_from + self._made.shape[1]) - base), dtype=np.float32)
        at = self._made_from - base
        room[:, at : at + self._made.shape[1]] = self._made
        add_frames(whole, self._window, hop, room[:, begin - base :])
        self._made = np.ascontiguousarray(room[:, at:])
        self._frame = last

    def _places(self, out: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The song's samples that sound at samples `out` before pitch is changed; and where its own phases begin."""
        speed, size = self._speed, self._window.size
        straight = np.rint(out * speed).astype(np.int64)
        span = _span(self._rate, speed)
        onsets = self._onsets(int(straight[0]) - span, int(straight[-1]) + span)
        if not onsets.size or speed == 1.0:
            return straight, np.zeros(out.size, dtype=np.bool_)
        # Room on either side of an attack that runs at the song's own speed: less where the next is near.
        gaps = np.diff(onsets, prepend=onsets[0] - 10 * span, append=onsets[-1] + 10 * span)
        free = 0.45 * min(1.0, 1.0 / speed) * gaps
        before = np.minimum(size / 2 + self._hop, free[:-1])
        after = np.minimum(size / 2, free[1:])
        where = onsets / speed
        # On both sides the song gets back to where it should be, before the next attack if there is time.
        back = size * max(1.0, 1.0 / speed - 1.0)
        heard = np.stack([where - before - back, where - before, where + after, where + after + back], axis=1)
        song = heard * speed
        song[:, 1], song[:, 2] = onsets - before, onsets + after
        kept = np.ones(heard.shape, dtype=np.bool_)
        kept[:-1, 3] = kept[1:, 0] = heard[:-1, 3] < heard[1:, 0]
        heard, song = heard[kept], song[kept]
        places = np.where((out < heard[0]) | (out > heard[-1]), out * speed, np.interp(out, heard, song))
        index = np.searchsorted(where - before, out, side="right") - 1
        into = out - (where - before)[np.maximum(index, 0)]
        fresh = (index >= 0) & (into < self._hop)
        # Within an attack frames lie exactly a hop apart, not a rounded one.
        shift = np.rint(onsets - where).astype(np.int64)[np.maximum(index, 0)]
        locked = (index >= 0) & (into < (before + after)[np.maximum(index, 0)])
        return np.where(locked, out + shift, np.rint(places).astype(np.int64)), fresh

    def _onsets(self, start: int, stop: int) -> NDArray[np.float64]:
        """Attacks between samples of the source: where it gets 7 dB louder within a few milliseconds."""
        from stemstudio.mixing.stretch_kernels import find_attacks

        hop = self._onset_hop
        reach = int(APART * self._rate) // hop
        first = start // hop - reach
        count = -(-stop // hop) + reach - first
        found: NDArray[np.int64] = find_attacks(
            self._source, first * hop - self._first, count, hop, 10, 4, reach, 1e-7, LOUDER
        )
        return (found + self._first).astype(np.float64)


@lru_cache(4)
def _window(rate: float) -> tuple[int, NDArray[np.float32]]:
    """The hop, and a window whose squares add up to 1 at that hop."""
    hop = _quick_to_transform(max(8, round(WINDOW_SECONDS * rate / 4)))
    size = 4 * hop
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return hop, (window * math.sqrt(2.0 / 3.0)).astype(np.float32)


def _quick_to_transform(least: int) -> int:
    """The next number with no other factors than 2, 3 and 5; of scipy's own the window's thread would wait for."""
    size = least
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1


@lru_cache(8)
def _sinc(pitch: float) -> NDArray[np.float32]:
    """Windowed sincs for reading between samples; for a higher pitch they cut off what would fold back."""
    cut = 0.97 * min(1.0, 1.0 / pitch)
    offsets = np.arange(_TAPS) - _TAPS // 2 + 1 - np.arange(_PHASES + 1)[:, None] / _PHASES
    shape = np.kaiser(4096, 9.0)
    window = np.interp(np.abs(offsets) / (_TAPS / 2), np.linspace(0, 1, 2048), shape[2048:], right=0.0)
    table = cut * np.sinc(cut * offsets) * window
    even: NDArray[np.float32] = (table / table.sum(axis=1, keepdims=True)).astype(np.float32)
    return even
