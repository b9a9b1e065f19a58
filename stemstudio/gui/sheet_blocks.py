"""What goes into a block of the pyramids: levels, owners and masks of a range of frames, from a snapshot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemstudio.gui.look import Channel, View
from stemstudio.gui.pyramid import FLOOR_DB, SLOTS, STEP_DB, Pyramid, decibels, owner_codes, whole_owner
from stemstudio.project.opinions import Comparison, doubt
from stemstudio.project.project import State
from stemstudio.project.showing import levels, net_mask, part_masks
from stemstudio.project.stem import Split
from stemstudio.spectral.stft import StftSettings, analysis_window, forward
from stemstudio.spectral.tiles import Patch

Bytes = NDArray[np.uint8]
ALIKE = 0.25  # doubt up to which opinions count as one
INAUDIBLE_DB, FADE_DB = (
    -85.0,
    30.0,
)  # of full scale: doubt about less is not shown, and only little of it above
_POWER = (10.0 ** ((FLOOR_DB + STEP_DB * np.arange(256)) / 10)).astype(np.float32)
_POWER[0] = 0.0


def full_scale_power(grid: StftSettings) -> float:
    """Power that a sine of amplitude 1 has in its bin."""
    return float(analysis_window(grid).sum() / 2) ** 2


def level_block(state: State, channel: Channel, first: int, last: int) -> Bytes:
    """Levels of the mixture over frames [first, last): uint8 (bins, frames)."""
    values = forward(state.mixture, state.grid, first=first, last=last).values
    frames = values.transpose(0, 2, 1)  # as they lie in memory
    if channel != "mix":
        left, right = frames[0], frames[-1]
        chosen = {"left": left, "right": right}.get(channel)
        if chosen is None:
            chosen = (left + right) / 2 if channel == "mid" else (left - right) / 2
        frames = chosen[None]
    power = np.square(frames[0].real) + np.square(frames[0].imag)
    for other in frames[1:]:
        power += np.square(other.real) + np.square(other.imag)
    power /= np.float32(len(frames))
    return decibels(power, full_scale_power(state.grid)).T


def owner_block(state: State, slots: Sequence[tuple[int, int]], first: int, last: int) -> Bytes:
    """Owners over frames [first, last), as `owner_codes` has them; `slots` are the leaves and their numbers."""
    stems = [stem for stem, _ in slots]
    if len(stems) == 1:
        return np.full((state.grid.bins, last - first), whole_owner(slots[0][1]), dtype=np.uint8)
    numbers = np.array([slot for _, slot in slots], dtype=np.uint8)
    found: dict[int, NDArray[np.float32]] = {}
    shares = [net_mask(state, stem, first, last, found) for stem in stems]
    whole = [share for share in shares if share is not None]
    if len(whole) == len(stems):
        return owner_codes(numbers, np.stack(whole))
    return owner_codes(numbers, levels(state, stems, first, last))


def stem_block(state: State, stem: int, view: View, first: int, last: int) -> Bytes:
    """Levels of one stem, or its share of the mixture (0…255), over frames [first, last)."""
    if view == "stem":
        magnitudes = levels(state, [stem], first, last)[0]
        return decibels(np.square(magnitudes), full_scale_power(state.grid))
    share = net_mask(state, stem, first, last)
    if share is None:
        every = [leaf.id for leaf in state.leaves()]
        magnitudes = levels(state, every, first, last)
        share = magnitudes[every.index(stem)] / np.maximum(magnitudes.sum(axis=0), np.float32(1e-12))
    return (np.clip(share, 0.0, 1.0) * 255).astype(np.uint8)


def mask_block(state: State, parent: int, split: Split, atoms: Sequence[int], first: int, last: int) -> Bytes:
    """Share of the mixture that some atoms of a split have together, 1…255, over frames [first, last); 0 is unknown."""
    share = np.zeros((state.grid.bins, last - first), dtype=np.float32)
    known = [atom for atom in atoms if atom < len(split.owners)]
    masks = part_masks(state, split, [known], first, last)
    if masks is not None:
        above = net_mask(state, parent, first, last)
        share = masks[0] if above is None else masks[0] * above
    return (1 + np.clip(share, 0.0, 1.0) * 254).astype(np.uint8)


def paint_block(state: State, stem: int, first: int, last: int) -> Bytes:
    """Paint on a stem, 0…255, over frames [first, last)."""
    patch = Patch(0, state.grid.bins, first, last)
    if stem not in state.paint:
        return np.zeros(patch.shape, dtype=np.uint8)
    return (np.clip(state.paint[stem].read(patch), 0.0, 1.0) * 255).astype(np.uint8)


def doubt_block(comparisons: Sequence[Comparison], first: int, last: int) -> Bytes:
    """What opinions differ about, 0…255, over frames [first, last); what is hardly heard is no matter."""
    found, power = doubt(comparisons, first, last)
    heard = decibels(power, full_scale_power(comparisons[0].state.grid)).astype(np.float32)
    heard = np.clip((heard * STEP_DB + FLOOR_DB - INAUDIBLE_DB) / FADE_DB, 0.0, 1.0)
    # Two soft answers are never quite the same: what is a little different is no doubt.
    strength = np.clip((found - ALIKE) / (1 - ALIKE), 0.0, 1.0)
    return (strength * heard * 255).astype(np.uint8)


def dominant_slots(sheet: Pyramid, marks: Bytes, first: int, last: int, frames_per_mark: int) -> None:
    """Write the owner with the most power into the marks of frames [first, last)."""
    level = max(0, frames_per_mark.bit_length() - 1 - sheet.shift)
    start, stop = first // frames_per_mark, -(-last // frames_per_mark)
    cells = sheet.levels[min(level, len(sheet.levels) - 1)][:, start:stop]
    width = cells.shape[1]
    place = (cells & (SLOTS - 1)).astype(np.intp) + SLOTS * np.arange(width)
    power = np.bincount(place.ravel(), _POWER[cells >> 8].ravel(), minlength=SLOTS * width)
    marks[start : start + width] = power.reshape(width, SLOTS).argmax(axis=1)
