"""What a stem sounds like, over a range.

Every stem is rendered from its parent by

    S_i = (1 − Σ_j A_j) · E_i + A_i · P

(P the parent, E_i the algorithm's estimate, A_i the paint), written as E_i plus a correction that is zero in every
frame without paint, so that untouched frames keep the algorithm's own output. The residual is what the others leave
of the parent, sample by sample: the stems add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Estimates, Groups, MaskEstimates
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.pieces import Piece
from stemstudio.algorithms.spliced import Spliced
from stemstudio.algorithms.stretches import Cut
from stemstudio.audio.audio import Excerpt, Samples, Sound
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import Box
from stemstudio.spectral.stft import Spectrogram, forward, inverse
from stemstudio.spectral.tiles import TILE, Patch, TileMask

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StemSound:
    """The sound of one stem of a snapshot, rendered when it is read.

    Equal to that of another snapshot where all that it is made of is the same.
    """

    state: State
    stem: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StemSound) and self._made_of == other._made_of

    def __hash__(self) -> int:
        return hash(self._made_of)

    @cached_property
    def _made_of(self) -> tuple[object, ...]:
        """Everything on the way from the mixture to this stem; what is frozen and large, by identity."""
        state = self.state
        made: list[object] = [_Same(state.mixture)]
        for stem in state.path(self.stem):
            parent = state.stems[stem].parent
            assert parent is not None
            split = state.splits[parent]
            made += [_Same(split.estimates), split.own_masking, split.owners, split.residual, stem]
            paint = [
                (child.id, _Same(state.paint[child.id]))
                for child in state.children(parent)
                if child.id in state.paint
            ]
            made += [*paint, state.grid] if paint else []
        return tuple(made)

    @property
    def sample_rate(self) -> int:
        return self.state.mixture.sample_rate

    @property
    def channels(self) -> int:
        return self.state.mixture.channels

    @property
    def length(self) -> int:
        return self.state.mixture.length

    def read(self, start: int, stop: int) -> Samples:
        """float32 (channels, stop − start); zeros outside the song."""
        if self.stem == MIXTURE:
            return self.state.mixture.read(start, stop)
        low, high = max(0, start), min(self.length, stop)
        padded = np.zeros((self.channels, max(0, stop - start)), dtype=np.float32)
        if high > low:
            parent = self.state.stems[self.stem].parent
            assert parent is not None
            padded[:, low - start : high - start] = render_children(self.state, parent, low, high)[self.stem]
        return padded


def render(state: State, stems: Iterable[int], start: int, stop: int) -> dict[int, Samples]:
    """Sound of some stems over samples [start, stop) of the song.

    Returns
    -------
    dict
        By stem id, float32 (channels, stop − start); siblings are rendered in one go.
    """
    wanted = list(stems)
    result: dict[int, Samples] = {}
    for stem in wanted:
        parent = state.stems[stem].parent
        if parent is None:
            result[stem] = state.mixture.read(start, stop)
        elif stem not in result:
            result.update(render_children(state, parent, start, stop))
    return {stem: result[stem] for stem in wanted}


def render_halves(
    state: State, stems: Sequence[int], start: int, middle: int, stop: int, other: Executor
) -> dict[int, Samples]:
    """As `render`, the samples from `middle` on made on another thread meanwhile: it is there in half the time."""
    later = other.submit(copy_context().run, render, state, stems, middle, stop)
    try:
        sooner = render(state, stems, start, middle)
    finally:
        wait((later,))
    rest = later.result()
    return {stem: np.concatenate([sound, rest[stem]], axis=1) for stem, sound in sooner.items()}


def render_leaves(state: State, start: int, stop: int) -> dict[int, Samples]:
    """Sound of every leaf over samples [start, stop), by stem id."""
    return render(state, [stem.id for stem in state.leaves()], start, stop)


def render_children(state: State, parent: int, start: int, stop: int) -> dict[int, Samples]:
    """Sound of every child of a stem over samples [start, stop) within the song, by stem id."""
    split = state.splits[parent]
    sound: Sound = state.mixture if parent == MIXTURE else StemSound(state, parent)
    children = [child.id for child in state.children(parent)]
    others = [child for child in children if child != split.residual]
    groups = [split.parts_of(child) for child in others]
    paint = {child: state.paint[child] for child in children if child in state.paint}

    def rendered(source: Estimates | Piece, parts: Groups, low: int, high: int) -> Float:
        return _rendered(state, source, parts, split.own_masking, sound, others, paint, (low, high))

    if isinstance(split.estimates, Spliced):
        estimates = split.estimates.blended(rendered, sound, groups, start, stop)
    else:
        estimates = rendered(split.estimates, groups, start, stop)
    result = dict(zip(others, estimates, strict=True))
    rest = sound.read(start, stop) - estimates.sum(axis=0)
    result[split.residual] = rest
    return result


def _rendered(
    state: State,
    source: Estimates | Piece,
    groups: Groups,
    masking: Masking | None,
    sound: Sound,
    others: list[int],
    paint: dict[int, TileMask],
    wanted: tuple[int, int],
) -> Float:
    """Groups of parts with the paint over them: float32 (groups, channels, samples)."""
    start, stop = wanted
    painted = _painted_frames(paint, *state.grid.frames_touching(start, stop, sound.length))
    if painted is None:
        return source.render(sound, groups, start, stop, masking)
    masked = isinstance(source, MaskEstimates) and (masking or source.masking).local
    if isinstance(source, MaskEstimates) and masked and source.grid == state.grid:
        return _render_masked(state, source, groups, masking, sound, others, paint, wanted)
    low, high = state.grid.samples_touched(*painted, sound.length)
    low, high = min(low, start), max(high, stop)
    wide = source.render(sound, groups, low, high, masking)
    estimates = wide[..., start - low : stop - low].copy()
    _add_paint(estimates, wide, low, state, sound, others, paint, painted, wanted)
    return estimates


def by_stretches(state: State) -> bool:
    """Whether masks of any split are worked out some seconds at a time, which takes far longer than to listen to them."""
    return any(split.masked and not split.masking.local for split in state.splits.values())


def dirty_range(state: State, box: Box | None) -> tuple[int, int]:
    """Samples [start, stop) whose sound a change within a box can touch."""
    if box is None:
        return 0, state.mixture.length
    rate, reach = state.mixture.sample_rate, state.grid.fft // 2
    # What is taken out of a painted stem is made from all that its own frames can see.
    reach += sum(split.estimates.reach for stem, split in state.splits.items() if stem != MIXTURE)
    reach += state.grid.fft * max(0, len(state.splits) - 1)
    for stem, split in state.splits.items():
        for source in split.estimates.within() if stem != MIXTURE else ():
            if not isinstance(source, MaskEstimates):
                continue
            masking = split.own_masking or source.masking
            if not masking.local:
                reach += Cut.of(source.grid, rate, state.mixture.length, masking).reach
    start, stop = int(box.start * rate) - reach, int(np.ceil(box.stop * rate)) + reach
    return max(0, start), min(state.mixture.length, max(0, stop))


class _Same:
    """Equal to what holds the very same object."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def _painted_frames(paint: dict[int, TileMask], first: int, last: int) -> tuple[int, int] | None:
    """The smallest range of frames within [first, last) that holds all the paint there; None without paint."""
    columns = {column for mask in paint.values() for _, column in mask.tiles}
    hit = [column for column in columns if column * TILE < last and (column + 1) * TILE > first]
    if not hit:
        return None
    return max(first, min(hit) * TILE), min(last, (max(hit) + 1) * TILE)


def _render_masked(
    state: State,
    estimates: MaskEstimates,
    groups: Groups,
    masking: Masking | None,
    sound: Sound,
    others: list[int],
    paint: dict[int, TileMask],
    wanted: tuple[int, int],
) -> Float:
    """Masks and paint on the same grid: (1 − Σ A) M_i + A_i is one mask, float32 (others, channels, samples)."""
    grid = state.grid
    first, last = grid.frames_touching(*wanted, sound.length)
    masks = estimates.channel_masks(groups, first, last, masking)
    _paint_over(
        masks, others, {child: mask.read(Patch(0, grid.bins, first, last)) for child, mask in paint.items()}
    )
    parent = forward(sound, grid, first=first, last=last).values
    values = masks * parent[None]
    flat = values.reshape(-1, *values.shape[2:])
    sheet = Spectrogram(flat, grid, sound.sample_rate, first, sound.length)
    return inverse(sheet, *wanted).reshape(len(groups), sound.channels, wanted[1] - wanted[0])


def _paint_over(masks: Float, stems: list[int], weights: dict[int, Float]) -> None:
    """(1 − Σ A) M_i + A_i, in place on own masks (stems, …, bins, frames), only where there is paint."""
    total = np.asarray(sum(weights.values()))
    bins, frames = np.flatnonzero(total.any(axis=1)), np.flatnonzero(total.any(axis=0))
    if not frames.size:
        return
    box = slice(bins[0], bins[-1] + 1), slice(frames[0], frames[-1] + 1)
    masks[..., box[0], box[1]] *= 1.0 - total[box]
    for mask, stem in zip(masks, stems, strict=True):
        if stem in weights:
            mask[..., box[0], box[1]] += weights[stem][box]


def _add_paint(
    estimates: Float,
    wide: Float,
    low: int,
    state: State,
    sound: Sound,
    others: list[int],
    paint: dict[int, TileMask],
    painted: tuple[int, int],
    wanted: tuple[int, int],
) -> None:
    """Add A_i P − (Σ A) E_i to every estimate (own arrays, in place), over the painted frames."""
    first, last = painted
    grid, length = state.grid, sound.length
    patch = Patch(0, grid.bins, first, last)
    weights = {child: mask.read(patch) for child, mask in paint.items()}
    total = sum(weights.values())
    parent = forward(sound, grid, first=first, last=last).values
    start = max(wanted[0], first * grid.hop - grid.fft // 2)
    stop = min(wanted[1], (last - 1) * grid.hop + grid.fft // 2)
    if stop <= start:
        return
    every_first, every_last = grid.frames_touching(start, stop, length)
    for row, estimate, child in zip(estimates, wide, others, strict=True):
        piece = Excerpt(estimate, low, sound.sample_rate, length)
        own = forward(piece, grid, first=first, last=last).values
        correction = -total * own
        if child in weights:
            correction += weights[child] * parent
        values = np.zeros((sound.channels, grid.bins, every_last - every_first), dtype=np.complex64)
        values[..., first - every_first : last - every_first] = correction
        sheet = Spectrogram(values, grid, sound.sample_rate, every_first, length)
        row[:, start - wanted[0] : stop - wanted[0]] += inverse(sheet, start, stop)
