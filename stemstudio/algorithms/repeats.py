"""Repeats: where a song sounds again as it does under a stroke, and so where the stroke holds as well.

A stroke over one clap says whose that clap is. Every frame of it, with what is around it in time and pitch, is compared
with all frames of the song: what the stem has there and what the others have, as the stems are. Where both look alike
the same fault has happened again, and the stroke is laid there too, the more firmly the more alike they are. Frames that
are louder than twice the stroke hold something else as well and get less. Elsewhere nothing is laid, so that nothing
else can jump.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.hints import Hint
from stemstudio.progress import Progress
from stemstudio.spectral.tiles import Patch, TileMask

Float = NDArray[np.float32]

AROUND = 3  # frames to either side that must look alike as well
WIDER = 0.25  # octaves to either side of the stroke that must
UNLIKE, ALIKE = 0.9, 0.98  # cosines of square roots of magnitudes: nothing below, the whole stroke above
LOUDER = 2.0  # times the sum of magnitudes under the stroke: what a frame may have at most to get all of it
LEAST = 0.02  # of weight: less is nothing
MOST_FRAMES = 256  # of a stroke that are looked for
BLOCK = 1024  # frames of the song at a time


def repeated(
    sheets: Mapping[int, Sequence[Float]],
    hints: Sequence[Hint],
    *,
    firmness: float = 1.0,
    progress: Progress | None = None,
) -> dict[int, TileMask]:
    """Hints laid where they were painted, and wherever the song sounds like that again.

    Under a stroke w is as painted. A frame t whose cosine with frame τ of the stroke is c(τ, t) gets max_τ s(c) w(τ),
    with s from 0 at 0.9 to 1 at 0.98. What was painted comes before what only is like it; repeats of strokes for
    several stems share a bin where they would add up to more than 1.

    Parameters
    ----------
    sheets
        For each stem that is hinted at, magnitudes (bins, frames) that must look alike: its own, and those of the rest.
    hints
        What is known.
    firmness
        In [0, 1]: what the weights are multiplied by.

    Returns
    -------
    dict
        The weights of each of these stems; they add up to 1 at most.
    """
    progress = progress or Progress()
    masks = {stem: TileMask() for stem in sheets}
    wanted = [
        _Stroke(hint, sheets[hint.stem]) for hint in hints if hint.stem in sheets and not hint.patch.empty
    ]
    if not wanted:
        progress(1.0)
        return masks
    bins, frames = next(iter(sheets.values()))[0].shape
    for first in range(0, frames, BLOCK):
        last = min(frames, first + BLOCK)
        painted = {stem: np.zeros((bins, last - first), np.float32) for stem in masks}
        echoes = {stem: np.zeros((bins, last - first), np.float32) for stem in masks}
        for number, stroke in enumerate(wanted):
            progress(
                (first + (last - first) * number / len(wanted)) / frames, "looking for repeats of the hints"
            )
            rows = slice(stroke.patch.bin0, stroke.patch.bin1)
            stroke.add_to(painted[stroke.stem][rows], first, last)
            stroke.echo_in(echoes[stroke.stem][rows], sheets[stroke.stem], first, last)
        _fit(list(painted.values()), np.float32(1))
        for stem, own in painted.items():
            np.maximum(echoes[stem] - own, 0, out=echoes[stem])
        _fit(list(echoes.values()), 1 - np.sum(list(painted.values()), axis=0))
        for stem, own in painted.items():
            weights = np.float32(firmness) * (own + echoes[stem])
            weights[weights < LEAST] = 0
            masks[stem] = masks[stem].with_box(Patch(0, bins, first, last), weights)
    progress(1.0)
    return masks


class _Stroke:
    """A hint, and what its frames look like."""

    def __init__(self, hint: Hint, sheets: Sequence[Float]) -> None:
        self.stem, self.patch = hint.stem, hint.patch
        self.weights = hint.weights.astype(np.float32)
        frames = np.flatnonzero(self.weights.max(axis=0) > LEAST)
        if len(frames) > MOST_FRAMES:
            frames = frames[np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(int)]
        self._columns = frames
        wider = 2.0**WIDER
        self._band = slice(int(self.patch.bin0 / wider), int(np.ceil(self.patch.bin1 * wider)))
        near = np.arange(-AROUND, AROUND + 1)
        around = (self.patch.frame0 + frames)[:, None] + near
        looked_at, places = np.unique(around, return_inverse=True)
        self._places = places.reshape(around.shape)
        self._look = np.concatenate([_roots(sheet, self._band, looked_at) for sheet in sheets])
        self._norm = np.square(self._look).sum(axis=0)[self._places].sum(axis=1)

    def add_to(self, sheet: Float, first: int, last: int) -> None:
        """The stroke itself in frames [first, last) of the song, over what is there."""
        low, high = max(first, self.patch.frame0), min(last, self.patch.frame1)
        if high > low:
            there = sheet[:, low - first : high - first]
            there += (1 - there) * self.weights[:, low - self.patch.frame0 : high - self.patch.frame0]

    def echo_in(self, sheet: Float, sheets: Sequence[Float], first: int, last: int) -> None:
        """The stroke where frames [first, last) of the song look like its own, where that is more than is there."""
        if not self._norm.any():
            return
        wide = np.arange(first - AROUND, last + AROUND)
        heard = np.concatenate([_roots(each, self._band, wide) for each in sheets])
        products = self._look.T @ heard
        energy = np.square(heard).sum(axis=0)
        count = last - first
        norm = sum(energy[lag : lag + count] for lag in range(2 * AROUND + 1))
        dots = sum(products[self._places[:, lag], lag : lag + count] for lag in range(2 * AROUND + 1))
        own = self._norm[:, None]
        alike = np.asarray(dots) / np.sqrt(np.maximum(own * norm, 1e-20))
        alike = np.clip((alike - UNLIKE) / (ALIKE - UNLIKE), 0, 1)
        alike *= np.minimum(1, LOUDER * own / np.maximum(norm, 1e-20))
        for column, found in zip(self._columns, alike, strict=True):
            there = np.flatnonzero(found > LEAST)
            if there.size:
                laid = self.weights[:, column, None] * found[there]
                sheet[:, there] = np.maximum(sheet[:, there], laid)


def _roots(sheet: Float, band: slice, frames: NDArray[np.intp]) -> Float:
    """Square roots of magnitudes in a band, float32 (bins, frames); 0 before the first and after the last frame."""
    inside = (frames >= 0) & (frames < sheet.shape[1])
    found = np.sqrt(sheet[band][:, np.clip(frames, 0, sheet.shape[1] - 1)])
    return np.asarray(found * inside, dtype=np.float32)


def _fit(tables: Sequence[Float], room: Float | np.float32) -> None:
    """Scale weights, in place, so that in no bin they add up to more than there is room for."""
    scale = np.minimum(1, room / np.maximum(sum(tables), 1e-20))
    for table in tables:
        table *= scale
