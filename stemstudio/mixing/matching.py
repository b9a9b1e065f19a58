"""How loud mixers are beside the song, so that they can be compared by ear without the louder one winning."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stemstudio.audio.loudness import LoudnessMeter, load_meter
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.strips import strips_of
from stemstudio.progress import Progress
from stemstudio.project.effects import Effects
from stemstudio.project.project import State
from stemstudio.project.rendering import render
from stemstudio.project.stem import Stem

__all__ = ["Mixer", "loudness_of_mixers", "matching_gain_db"]

EXCERPTS, EXCERPT_SECONDS = 8, 4.0
MOST_DB = 12.0

Mixer = tuple[tuple[Stem, ...], Effects]
"""Strips of all leaves, in their order, and the effects."""


def loudness_of_mixers(
    state: State, mixers: Sequence[Mixer], progress: Progress | None = None
) -> tuple[float, list[float]]:
    """Integrated loudness of the song and of its mixes, from the same excerpts all over it.

    Returns
    -------
    float, list of float
        In LUFS: of the song, and of each mixer.
    """
    progress = progress or Progress()
    form = state.mixture
    leaves = [leaf.id for leaf in state.leaves()]
    load_meter(progress)
    song = LoudnessMeter(form.sample_rate, form.channels)
    meters = [LoudnessMeter(form.sample_rate, 2) for _ in mixers]
    spans = excerpts(form.length, form.sample_rate)
    for place, (start, stop) in enumerate(spans):
        progress(place / len(spans), "Measuring how loud the mixers are")
        sounds = render(state, leaves, start, stop)
        song.take(form.read(start, stop))
        for (strips, effects), meter in zip(mixers, meters, strict=True):
            numbers = strips_of(strips, form.channels, form.sample_rate)
            mix = Mixdown(numbers, effects, form.sample_rate, start).mix([sounds[leaf] for leaf in leaves])
            meter.take(mix)
    progress(1.0)
    both = 10 * math.log10(2) if form.channels == 1 else 0.0  # mono sounds from both sides
    return song.integrated + both, [meter.integrated for meter in meters]


def matching_gain_db(song: float, mix: float) -> float:
    """The gain with which a mix is as loud as the song; within reason, and none for silence."""
    if not math.isfinite(song) or not math.isfinite(mix):
        return 0.0
    return min(max(song - mix, -MOST_DB), MOST_DB)


def excerpts(length: int, rate: float) -> list[tuple[int, int]]:
    """Stretches [start, stop) of a song that stand for all of it; a short song is one stretch."""
    size = int(EXCERPT_SECONDS * rate)
    if length <= EXCERPTS * size:
        return [(0, length)]
    step = (length - size) / (EXCERPTS - 1)
    return [(round(place * step), round(place * step) + size) for place in range(EXCERPTS)]
