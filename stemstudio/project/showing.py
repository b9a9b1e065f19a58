"""What a stem looks like, over a range of frames: its magnitudes, and its share of the mixture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Groups, MaskEstimates
from stemstudio.algorithms.spliced import Spliced
from stemstudio.audio.audio import Excerpt
from stemstudio.project.project import State
from stemstudio.project.rendering import render
from stemstudio.project.stem import MIXTURE, Split
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward
from stemstudio.spectral.tiles import Patch

Float = NDArray[np.float32]


def levels(
    state: State, stems: Iterable[int], first: int, last: int, settings: StftSettings | None = None
) -> Float:
    """Magnitudes of stems over frames [first, last) of the grid, mean of the channels' power.

    Where a stem is a mask on the same grid this is the formula itself; elsewhere its sound is rendered and
    transformed. A phase of a stem's own, which leaves its magnitudes nearly as they are, is not looked for.

    Returns
    -------
    ndarray
        float32 (stems, bins, frames).
    """
    grid = settings or state.grid
    wanted = list(stems)
    result = np.zeros((len(wanted), grid.bins, last - first), dtype=np.float32)
    cache: dict[int, Float] = {}
    mixture: Float | None = None
    sounding: dict[int, Float] = {}
    for row, stem in zip(result, wanted, strict=True):
        gain = net_mask(state, stem, first, last, cache) if grid == state.grid else None
        if gain is not None:
            if mixture is None:
                mixture = power_mean(forward(state.mixture, grid, first=first, last=last))
            row[:] = gain * mixture
        else:
            sounding[stem] = row
    if sounding:
        song = state.mixture
        low, high = grid.samples_touched(first, last, song.length)
        # Siblings are rendered together.
        for stem, sound in render(_with_the_mixtures_phase(state), sounding, low, high).items():
            piece = Excerpt(sound, low, song.sample_rate, song.length)
            sounding[stem][:] = power_mean(forward(piece, grid, first=first, last=last))
    return result


def net_mask(
    state: State, stem: int, first: int, last: int, cache: dict[int, Float] | None = None
) -> Float | None:
    """Share of the mixture that a stem has in every bin, where all its splits are masks on the project's grid.

    A phase of a stem's own leaves its magnitudes nearly as they are, so that its share is that of its mask.

    Returns
    -------
    ndarray or None
        float32 (bins, frames); None when an estimate on the way is not such a mask, or one that the Wiener filter makes.
    """
    if stem == MIXTURE:
        return np.ones((state.grid.bins, last - first), dtype=np.float32)
    found = cache if cache is not None else {}
    if stem in found:
        return found[stem]
    parent = state.stems[stem].parent
    assert parent is not None
    split = state.splits[parent]
    if split.masking.kind == "wiener":
        return None
    above = net_mask(state, parent, first, last, found)
    if above is None:
        return None
    children = [child.id for child in state.children(parent)]
    others = [child for child in children if child != split.residual]
    masks = part_masks(state, split, [split.parts_of(child) for child in others], first, last)
    if masks is None:
        return None
    shares = dict(zip(others, masks, strict=True))
    shares[split.residual] = np.maximum(1.0 - masks.sum(axis=0), 0.0)
    patch = Patch(0, state.grid.bins, first, last)
    paint = {
        child: state.paint[child].read(patch) for child in children if _covers(state, child, first, last)
    }
    if paint:
        kept = 1.0 - sum(paint.values())
        shares = {child: kept * share + paint.get(child, np.float32(0)) for child, share in shares.items()}
    for child, share in shares.items():
        found[child] = above * share
    return found[stem]


def part_masks(
    state: State, split: Split, groups: Groups, first: int, last: int, settings: StftSettings | None = None
) -> Float | None:
    """Share of a split stem that groups of its parts have, before any paint, where they are masks on the grid.

    Returns
    -------
    ndarray or None
        float32 (groups, bins, frames).
    """
    grid = settings or state.grid
    if isinstance(split.estimates, Spliced):
        mixture = state.mixture
        return split.estimates.shown_masks(
            groups,
            first,
            last,
            grid,
            mixture.length,
            rate=mixture.sample_rate,
            masking=split.own_masking,
        )
    if not isinstance(split.estimates, MaskEstimates) or split.estimates.grid != grid:
        return None
    return split.estimates.masks(groups, first, last, split.masking)


def power_mean(spectrogram: Spectrogram) -> Float:
    """Root of the channels' mean power, float32 (bins, frames)."""
    values = spectrogram.values
    if values.shape[0] == 1:
        return np.asarray(np.abs(values[0]))
    power = np.square(values.real) + np.square(values.imag)
    return np.asarray(np.sqrt(power.mean(axis=0)))


def _with_the_mixtures_phase(state: State) -> State:
    changed = {
        stem: replace(split, own_masking=split.masking.model_copy(update={"phase": "mixture"}))
        for stem, split in state.splits.items()
        if split.masking.phase != "mixture"
    }
    return replace(state, splits={**state.splits, **changed}) if changed else state


def _covers(state: State, stem: int, first: int, last: int) -> bool:
    return stem in state.paint and state.paint[stem].covers(first, last)
