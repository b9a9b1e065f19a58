"""Tempo maps: the tempi and bars of another program, so that its grid lies on the beats of a song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Passage", "tempo_map"]

TOLERANCE = 0.025  # seconds by which a bar may be beside the grid: beats are not found more exactly
SHORTEST_LEAD = (
    0.06  # seconds before the first bar that are worth a bar of their own: encoders put up to 50 ms there
)
SLOWEST, QUICKEST = 20.0, 666.0  # beats a minute that other programs can be set to
SIXTEENTHS = 4  # in a beat


@dataclass(frozen=True)
class Passage:
    """Bars of one tempo.

    Attributes
    ----------
    second
        At which it begins, with a bar.
    bpm
        Quarter notes a minute.
    beats, unit
        The metre: 3 and 4 for 3/4.
    """

    second: float
    bpm: float
    beats: int
    unit: int = 4


def tempo_map(
    bars: Sequence[float], metre: int, tempo: float, *, steady: bool = False
) -> tuple[Passage, ...]:
    """Passages from 0 on whose bars begin where those of the song do, to within `TOLERANCE`.

    What is before the first bar becomes a bar of its own: as many sixteenths as come nearest to the tempo. Where it is
    so little that it would be a scrap of a bar at an absurd tempo, the first bar begins at 0 and is that much slower.
    Passages are as long as they can be.

    Parameters
    ----------
    bars
        Seconds at which bars begin, rising.
    metre
        Beats a bar.
    tempo
        Beats a minute, where there is but one bar, or all are `steady`.
    """
    if not bars:
        return ()
    passages = _passages(bars, metre, tempo, steady)
    first = passages[0]
    if first.second < TOLERANCE:
        return (Passage(0.0, first.bpm, metre), *passages[1:])
    if first.second < SHORTEST_LEAD and len(bars) > 1:
        slower = Passage(0.0, min(max(60.0 * metre / bars[1], SLOWEST), QUICKEST), metre)
        return (slower, *_passages(bars[1:], metre, tempo, steady))
    return (*_lead(first), *passages)


def _passages(bars: Sequence[float], metre: int, tempo: float, steady: bool) -> list[Passage]:
    """From the first bar on."""
    passages: list[Passage] = []
    here = 0
    while not passages or (here < len(bars) - 1 and not steady):
        there = here if steady else _reach(bars, here)
        bpm = 60.0 * metre * (there - here) / (bars[there] - bars[here]) if there > here else tempo
        passages.append(Passage(bars[here], min(max(bpm, SLOWEST), QUICKEST), metre))
        here = there
    return passages


def _reach(bars: Sequence[float], here: int) -> int:
    """The last bar to which a straight line passes near all bars between."""
    least, most, reach = 0.0, float("inf"), here
    for bar in range(here + 1, len(bars)):
        count, after = bar - here, bars[bar] - bars[here]
        if least <= after / count <= most:
            reach = bar
        least = max(least, (after - TOLERANCE) / count)
        most = min(most, (after + TOLERANCE) / count)
        if least > most:
            break
    return reach


def _lead(first: Passage) -> list[Passage]:
    """What leads to the first bar: a short bar, then whole ones."""
    bar = SIXTEENTHS * first.beats
    count = max(1, round(first.second * first.bpm * SIXTEENTHS / 60.0))
    bpm = 60.0 / SIXTEENTHS * count / first.second
    short, unit = count % bar, 4 * SIXTEENTHS
    found = [Passage(first.second * short / count, bpm, first.beats)] if count >= bar else []
    if not short:
        return found
    while short % 2 == 0 and unit > 4:
        short, unit = short // 2, unit // 2
    return [Passage(0.0, bpm, short, unit), *found]
