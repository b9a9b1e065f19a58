"""BeatGrid: when the beats of a song are and which begin its bars, as found, tapped or moved by hand; its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

LATEST = 1e6  # seconds
MOST_BEATS = 200_000
SLOWEST, QUICKEST = 20.0, 400.0  # beats a minute that a grid can be made of
SHORTEST = 1e-3  # seconds between two beats


class BeatGrid(BaseModel):
    """The beats of a song.

    Attributes
    ----------
    beats
        Seconds of the song, rising; empty where none were looked for or found.
    metre
        Beats a bar.
    one
        Which of the first `metre` beats begins a bar.
    key
        Such as "A minor"; "" where it is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    beats: tuple[float, ...] = ()
    metre: Annotated[int, Field(ge=1, le=16)] = 4
    one: Annotated[int, Field(ge=0, le=15)] = 0
    key: Annotated[str, Field(max_length=20)] = ""

    @model_validator(mode="after")
    def _goes_forward(self) -> BeatGrid:
        beats = np.asarray(self.beats, dtype=np.float64)
        if beats.size > MOST_BEATS:
            raise ValueError("there are more beats than any song has")
        if beats.size and not (beats[0] >= 0 and beats[-1] < LATEST and (np.diff(beats) >= SHORTEST).all()):
            raise ValueError("beats go back in time, or lie outside every song")
        return self

    def __bool__(self) -> bool:
        return len(self.beats) >= 2

    @classmethod
    def even(cls, bpm: float, first: float, seconds: float, metre: int = 4, key: str = "") -> BeatGrid:
        """Beats of one tempo all through a song; a bar begins at `first`."""
        step = 60.0 / min(max(bpm, SLOWEST), QUICKEST)
        before = int(first / step)
        beats = first + step * np.arange(-before, max(0, int((seconds - first) / step)) + 1)
        beats = beats[(beats >= 0) & (beats < max(seconds, first + 1e-9))]
        return cls(beats=tuple(beats.tolist()), metre=metre, one=before % metre, key=key)

    @property
    def times(self) -> NDArray[np.float64]:
        """The beats as an array."""
        return np.asarray(self.beats, dtype=np.float64)

    @property
    def bpm(self) -> float | None:
        """Beats a minute, as most beats have them."""
        return 60.0 / float(np.median(np.diff(self.times))) if self else None

    @property
    def strong(self) -> NDArray[np.bool_]:
        """Which beats begin a bar."""
        return np.asarray(np.arange(len(self.beats)) % self.metre == self.one % self.metre)

    def bar_of(self, beat: int) -> tuple[int, int]:
        """Number of the bar and of the beat in it, both from 1; beats before the first whole bar are in bar 0."""
        since = beat - self.one % self.metre
        return since // self.metre + 1, since % self.metre + 1

    def nearest(self, seconds: float) -> int:
        """Number of the beat nearest to a time."""
        return int(np.abs(self.times - seconds).argmin())

    def snapped(self, seconds: float) -> float:
        """The time of the nearest beat, or the time itself where there are no beats or they are further than one away."""
        if not self:
            return seconds
        number = self.nearest(seconds)
        near = self.beats[max(0, number - 1) : number + 2]
        widest = max(np.diff(near))
        return self.beats[number] if abs(self.beats[number] - seconds) <= widest else seconds

    def pace(self, seconds: float) -> float:
        """Seconds from beat to beat around a time."""
        if not self:
            return 0.5
        times = self.times
        number = int(np.clip(np.searchsorted(times, seconds, side="right") - 1, 0, times.size - 2))
        return float(times[number + 1] - times[number])

    def before(self, seconds: float, beats: int) -> float:
        """The time so many beats before another: on a beat where that one is, and 0 where the song has not begun."""
        if not self:
            return max(0.0, seconds - beats * self.pace(seconds))
        times = self.times
        wider = np.concatenate([[2 * times[0] - times[1]], times, [2 * times[-1] - times[-2]]])
        wanted = float(np.interp(seconds, wider, np.arange(wider.size))) - 1 - beats
        if wanted < 0:
            return max(0.0, float(times[0] + wanted * (times[1] - times[0])))
        return float(np.interp(wanted, np.arange(times.size), times))

    def bar_pace(self, seconds: float) -> float:
        """Seconds from beat to beat, on average over the bar that begins at the first beat from a time on."""
        times = self.times
        bar = times[times >= seconds - 1e-3][: self.metre + 1]
        return float(bar[-1] - bar[0]) / (bar.size - 1) if bar.size > 1 else self.pace(seconds)

    # Changes

    def doubled(self) -> BeatGrid:
        """Twice as many beats: one between any two."""
        times = self.times
        if times.size < 2 or 2 * times.size > MOST_BEATS or np.diff(times).min() < 4 * SHORTEST:
            return self
        last = times[-1] + 0.5 * (times[-1] - times[-2])
        beats = np.stack([times, np.append(0.5 * (times[1:] + times[:-1]), last)], axis=1).ravel()
        return self._with(beats, 2 * self.one)

    def halved(self) -> BeatGrid:
        """Every second beat, those kept that begin bars."""
        if len(self.beats) < 4:
            return self
        first = self.one % 2
        return self._with(self.times[first::2], (self.one - first) // 2)

    def evened(self, bpm: float, first: float, seconds: float) -> BeatGrid:
        """Beats of one tempo all through a song of `seconds`; a bar begins at `first`."""
        return BeatGrid.even(bpm, first, seconds, self.metre, self.key)

    def with_key(self, key: str) -> BeatGrid:
        """In another key; "" where it is not known."""
        return self.model_copy(update={"key": key})

    def with_one(self, beat: int) -> BeatGrid:
        """A bar begins at this beat."""
        return self.model_copy(update={"one": beat % self.metre})

    def with_metre(self, metre: int) -> BeatGrid:
        """Bars of so many beats, the first of them beginning where one does now."""
        return BeatGrid(beats=self.beats, metre=metre, one=self.one % self.metre % metre, key=self.key)

    def moved(self, beat: int, seconds: float) -> BeatGrid:
        """One beat elsewhere, between its neighbours."""
        times = self.times
        low = times[beat - 1] + SHORTEST * 2 if beat > 0 else 0.0
        high = times[beat + 1] - SHORTEST * 2 if beat + 1 < times.size else LATEST / 2
        times[beat] = min(max(seconds, low), max(low, high))
        return self._with(times, self.one)

    def shifted(self, seconds: float) -> BeatGrid:
        """All beats later by so much, those before the start left out."""
        times = self.times + seconds
        gone = int((times < 0).sum())
        return self._with(times[gone:], self.one - gone)

    def tapped(self, taps: Sequence[float], seconds: float) -> BeatGrid:
        """An even grid through taps along the song, of `seconds`; itself for fewer than three or uneven ones."""
        times = np.asarray(taps, dtype=np.float64)
        if times.size < 3:
            return self
        step = float(np.median(np.diff(times)))
        if not 60.0 / QUICKEST <= step <= 60.0 / SLOWEST:
            return self
        # A missed tap leaves a gap of two beats: numbers of beats, then the straight line through them.
        numbers = np.concatenate([[0.0], np.cumsum(np.maximum(1, np.rint(np.diff(times) / step)))])
        step, first = np.polyfit(numbers, times, 1)
        return BeatGrid.even(60.0 / step, max(0.0, float(first)), seconds, self.metre, self.key)

    def _with(self, beats: NDArray[np.float64], one: int) -> BeatGrid:
        return BeatGrid(beats=tuple(beats.tolist()), metre=self.metre, one=one % self.metre, key=self.key)
