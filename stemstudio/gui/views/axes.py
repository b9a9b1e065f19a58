"""Where the lines of the time and frequency axes lie, and what is written at them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stemstudio.gui.notation import A4, hertz_of, hertz_text, note_of, time_text
from stemstudio.gui.viewport import Axis, Viewport, scale

STEPS = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    1800,
    3600,
)
LINEAR = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(slots=True)
class Mark:
    """A line of an axis.

    Attributes
    ----------
    place
        In pixels from the left or from the top.
    strong, weak
        What is written there: the word first, the number beside it; empty for none.
    main
        Whether it is one of the few lines that go through the whole picture.
    """

    place: float
    strong: str
    weak: str
    main: bool


def time_marks(viewport: Viewport, width: int, room: float) -> list[Mark]:
    """Marks of the time axis, labelled ones at least `room` pixels apart, with short ones between."""
    return _time_marks(viewport.start, viewport.stop, width, room)


@lru_cache(maxsize=8)
def _time_marks(start: float, stop: float, width: int, room: float) -> list[Mark]:
    """While a song plays, the same are asked for 60 times a second."""
    span = max(stop - start, 1e-9)
    step = next((step for step in STEPS if step / span * width >= room), STEPS[-1])
    parts = 5 if step >= 0.005 and step not in (2, 0.02, 0.2, 120) else 4
    small = step / parts
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
    marks = []
    for number in range(max(0, math.floor(start / small)), math.ceil(stop / small) + 1):
        seconds, main = number * small, number % parts == 0
        words = time_text(seconds, decimals) if main else ""
        marks.append(Mark((seconds - start) / (stop - start) * width, words, "", main))
    return marks


def frequency_marks(viewport: Viewport, height: int, room: float) -> list[Mark]:
    """Marks of the frequency axis from the top down, labelled ones at least `room` pixels apart."""
    return _frequency_marks(viewport.low, viewport.high, viewport.axis, height, room)


@lru_cache(maxsize=8)
def _frequency_marks(low: float, high: float, axis: Axis, height: int, room: float) -> list[Mark]:
    """Every view of a frame asks for the same marks."""
    first = max(0, math.ceil(69 + 12 * math.log2(max(low, 1.0) / A4) - 1e-9))
    last = math.floor(69 + 12 * math.log2(max(high, 1.0) / A4) + 1e-9)
    if axis == "linear" or last - first < 2:
        return _linear_marks(low, high, axis, height, 1.6 * room)
    notes = list(range(first, last + 1))
    places = _places(np.array([hertz_of(note) for note in notes]), low, high, axis, height)
    semitones = -np.gradient(places)
    shown = [
        note % 12 == 9 or gap * (3 if note % 12 in (0, 4) else 1) >= room
        for note, gap in zip(notes, semitones, strict=True)
    ]
    taken: list[float] = []
    marks = []
    for note, place, there in sorted(
        zip(notes, places, shown, strict=True), key=lambda each: each[0] % 12 != 9
    ):
        main = note % 12 == 9
        if there and all(abs(place - other) >= room for other in taken):
            taken.append(place)
            hertz = hertz_of(note)
            marks.append(Mark(place, note_of(hertz)[0], hertz_text(hertz), main))
        elif main:
            marks.append(Mark(place, "", "", True))
    return sorted(marks, key=lambda mark: mark.place)


def _linear_marks(low: float, high: float, axis: Axis, height: int, room: float) -> list[Mark]:
    span = max(high - low, 1e-9)
    step = next((step for step in LINEAR if step / span * height >= room), LINEAR[-1])
    hertz = [float(number * step) for number in range(math.floor(high / step), math.ceil(low / step) - 1, -1)]
    places = _places(np.array(hertz), low, high, axis, height)
    notes = [note_of(each)[0] if 20 <= each < 16000 else "" for each in hertz]
    written = [f"{each:.0f}" if step < 100 and each < 10000 else hertz_text(each) for each in hertz]
    return [Mark(*each, True) for each in zip(places, notes, written, strict=True)]


def _places(hertz: np.ndarray, low: float, high: float, axis: Axis, height: int) -> list[float]:
    bottom, top = float(scale(low, axis)), float(scale(high, axis))
    return [float(place) for place in (top - np.asarray(scale(hertz, axis))) / (top - bottom) * height]
