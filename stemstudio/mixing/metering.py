"""Meters of the mix: loudness after ITU-R BS.1770 from tenths of a second, and what true peak and correlation need."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.filters import high_pass, high_shelf
from stemstudio.mixing.mixer import decibels
from stemstudio.mixing.playstate import PEAK_PHASES, PEAK_TAPS, STEPS

__all__ = ["Loudness", "Meters", "correlation", "prepare", "read_meters"]

_OFFSET = -0.691
_GATE, _BELOW = -70.0, 0.1  # LUFS; −10 LU as a factor
_BLOCK, _SHORT = 4, 30  # tenths of a second
_CELLS = 0.05  # dB to which integrated loudness keeps its blocks apart


@dataclass(frozen=True, slots=True)
class Meters:
    """What was heard since the meters were last read.

    Attributes
    ----------
    stem_peak, stem_rms
        Shape (stems, 2), linear, behind the faders; no stems while a room is played: it is mixed elsewhere.
    master_peak, master_rms
        Shape (2,), linear, as delivered.
    null_db
        Peak of mixture - sum of stems at unity, in dB re full scale; None where no stems were played.
    null_applies
        Whether a null says anything: stems that were stretched, or spread over a room, do not add up to the song.
    underflows
        How often the device ran dry since the deck was made, by its own word or by its clock.
    true_peak
        Largest value of the mix between its samples, linear, before the master volume.
    momentary, short, integrated
        Loudness of the mix in LUFS, before the master volume: of the last 0.4 s, the last 3 s, and since it was
        last forgotten.  −inf for silence.
    correlation
        Of left and right, −1 to 1; 0 in silence.
    """

    stem_peak: NDArray[np.float64]
    stem_rms: NDArray[np.float64]
    master_peak: NDArray[np.float64]
    master_rms: NDArray[np.float64]
    null_db: float | None
    underflows: int
    true_peak: float = 0.0
    momentary: float = -math.inf
    short: float = -math.inf
    integrated: float = -math.inf
    correlation: float = 0.0
    null_applies: bool = True


def prepare(state: NDArray[np.void]) -> None:
    """Give a state the filters that its rate needs: the K filter, and the one that looks between samples."""
    s = state[0]
    rate = float(s["rate"])
    s["weighting"] = high_shelf(rate, 1500.0, 4.0), high_pass(rate, 38.0, 0.5)
    # Phase p finds the value p/4 after the middle sample: a sinc under Kaiser's window.
    place = np.arange(PEAK_TAPS) - PEAK_TAPS // 2 + 1 - np.arange(PEAK_PHASES)[:, None] / PEAK_PHASES
    window = np.i0(8.0 * np.sqrt(np.clip(1 - (place / (PEAK_TAPS / 2)) ** 2, 0, None))) / np.i0(8.0)
    taps = np.sinc(place) * window
    s["peak_taps"] = taps / taps.sum(axis=1, keepdims=True)


def read_meters(
    state: NDArray[np.void], stems: int | None, loudness: Loudness, *, null_applies: bool = True
) -> Meters:
    """Read the meters of a state, and start them afresh.

    Parameters
    ----------
    stems
        How many have meters; None while a room is played.
    loudness
        What has been heard so far, up to date.
    null_applies
        See `Meters`.
    """
    s = state[0]
    null = float(s["null_peak"])
    meters = Meters(
        stem_peak=s["stem_peak"][: stems or 0].copy(),
        stem_rms=np.sqrt(s["stem_square"][: stems or 0]),
        master_peak=s["master_peak"].copy(),
        master_rms=np.sqrt(s["master_square"]),
        null_db=None if null < 0 or stems is None else decibels(null),
        underflows=int(max(s["underflows"], s["gaps"])),
        true_peak=float(s["true_peak"]),
        momentary=loudness.momentary,
        short=loudness.short,
        integrated=loudness.integrated,
        correlation=correlation(s["cross"]),
        null_applies=null_applies,
    )
    s["true_peak"] = 0.0
    s["stem_peak"][:] = 0.0
    s["master_peak"][:] = 0.0
    s["null_peak"] = -1.0
    return meters


def correlation(cross: NDArray[np.float64]) -> float:
    """Correlation of left and right from their sums of products; 0 in silence, 1 for mono."""
    power = math.sqrt(cross[0] * cross[2])
    return float(np.clip(cross[1] / power, -1.0, 1.0)) if power > 1e-12 else 0.0


class Loudness:
    """Momentary, short-term and integrated loudness of what has been played.

    Attributes
    ----------
    momentary, short, integrated
        In LUFS; −inf for silence, or while too little was heard.
    """

    def __init__(self) -> None:
        self.momentary = self.short = self.integrated = -math.inf
        self._seen = 0
        self._recent: list[float] = []
        # Blocks are counted in cells of the loudness scale, so that an hour needs no more room than a minute.
        self._counts = np.zeros(round(-_GATE / _CELLS) + 2000, dtype=np.int64)
        self._powers = np.zeros(self._counts.size)

    def read(self, state: NDArray[np.void], *, mono: bool = False) -> None:
        """Take in the tenths of a second that were measured since the last call.

        `mono` is for a song with one channel, which is played on both sides and counts once.
        """
        s = state[0]
        if s["loudness_forget"] != s["loudness_forgot"]:
            return  # what is there is of the time before
        count = int(s["steps_count"])
        first = max(self._seen, count - STEPS + 8)
        if first == count:
            return
        new = s["steps"][np.arange(first, count) % STEPS] * (0.5 if mono else 1.0)
        self._seen = count
        self.take(new.tolist(), float(s["rate"]))

    def take(self, steps: list[float], rate: float) -> None:
        """Take in energies of further tenths of a second, both sides together."""
        for step in steps:
            self._recent = [*self._recent[1 - _SHORT :], step]
            if len(self._recent) >= _BLOCK:
                power = sum(self._recent[-_BLOCK:]) / (0.1 * _BLOCK * rate)
                self.momentary = lufs(power)
                if self.momentary > _GATE:
                    cell = min(int((self.momentary - _GATE) / _CELLS), self._counts.size - 1)
                    self._counts[cell] += 1
                    self._powers[cell] += power
            if len(self._recent) == _SHORT:
                self.short = lufs(sum(self._recent) / (0.1 * _SHORT * rate))
        self.integrated = self._integrated()

    def _integrated(self) -> float:
        if not self._counts.any():
            return -math.inf
        gate = self._powers.sum() / self._counts.sum() * _BELOW
        means = np.divide(self._powers, self._counts, out=np.zeros_like(self._powers), where=self._counts > 0)
        kept = means > gate
        return lufs(self._powers[kept].sum() / self._counts[kept].sum())


def lufs(power: float) -> float:
    """Loudness of a mean square behind the K filter."""
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf
