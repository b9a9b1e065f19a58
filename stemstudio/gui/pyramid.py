"""Pyramid: the sheet of light at every zoom, as small numbers ready to be drawn.

A cell of a `packed` pyramid is `level << 8 | owner`: the level in half decibels, and in the low byte who owns the
bin. So the maximum over cells is the brightest light together with the stem that owns it, and one gather serves both.

A pyramid is a cache for drawing: a worker writes blocks of it while the window reads. A reader may meet a block that
is half new; the signal that follows has it drawn again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.scratch import scratch
from stemstudio.errors import StemStudioError

BLOCK = 512  # frames that are filled at a time; no coarser column spans more
FLOOR_DB = -120.0
STEP_DB = 0.5
SLOTS = 32  # owners that a cell can name; 0 is nobody
SHARES = 8
ROOM = 170_000_000  # cells of the finest level; a longer song is held at fewer bins and columns
Cells = NDArray[Any]


class Pyramid:
    """Maxima over 2, 4, 8 … frames of a sheet of bins × frames.

    Attributes
    ----------
    bins, frames
        Of the sheet.
    starts
        First bin of every stored row: rows are bins, except that of a very long song the upper ones share rows.
    shift
        A column of level k spans 2 ** (k + shift) frames.
    levels
        uint16 (rows, columns) arrays, packed, or uint8 ones with a level alone; finest first.
    """

    def __init__(self, bins: int, frames: int, *, packed: bool, room: int = ROOM) -> None:
        self.bins, self.frames = bins, frames
        self.starts = np.arange(bins)
        self.shift = 0
        columns = max(1, -(-frames // BLOCK)) * BLOCK
        if bins * columns > room and bins > 512:
            self.starts = _folded(bins)
        while self.rows * (columns >> self.shift) > room and self.shift < 5:
            self.shift += 1
        self.packed = packed
        kind = np.uint16 if packed else np.uint8
        sizes = [columns >> level for level in range(self.shift, 10)]
        self.levels: list[Cells] = _rooms(self.rows, sizes, np.dtype(kind))

    @property
    def rows(self) -> int:
        return len(self.starts)

    @property
    def nbytes(self) -> int:
        return sum(level.nbytes for level in self.levels)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle bin of every row."""
        stops = np.append(self.starts[1:], self.bins)
        return (self.starts + stops - 1) / 2

    def widened(self, frames: int) -> Pyramid:
        """The same cells in a pyramid for another number of frames."""
        other = Pyramid(self.bins, frames, packed=self.packed)
        if (other.shift, other.rows) == (self.shift, self.rows):
            for new, old in zip(other.levels, self.levels, strict=True):
                held = min(new.shape[1], old.shape[1])
                new[:, :held] = old[:, :held]
        return other

    def aligned(self, first: int, last: int) -> tuple[int, int]:
        """The frames [first, last) widened to whole columns of the finest level."""
        unit = 1 << self.shift
        return first // unit * unit, min(-(-last // unit) * unit, self.levels[0].shape[1] * unit)

    def put_levels(self, first: int, values: NDArray[np.uint8], owner: int | None = None) -> None:
        """Write levels (bins, frames) from frame `first` on, a multiple of a column; owners stay, or become one."""
        cells = np.ascontiguousarray(self._stored(values))  # turned over once, as bytes
        start = first >> self.shift
        view = self.levels[0][:, start : start + cells.shape[1]]
        if self.packed and owner is not None:
            np.add(cells * np.uint16(256), np.uint16(owner), out=view)
        elif self.packed:
            view[...] = (cells.astype(np.uint16) << 8) | (view & 0xFF)
        else:
            view[...] = cells
        self._raise(start, start + cells.shape[1])

    def put_owners(self, first: int, codes: NDArray[np.uint8]) -> None:
        """Write owners (bins, frames) from frame `first` on, a multiple of a column; levels stay."""
        cells = self._stored(codes)
        start = first >> self.shift
        view = self.levels[0][:, start : start + cells.shape[1]]
        view[...] = (view & 0xFF00) | cells
        self._raise(start, start + cells.shape[1])

    def cell(self, bin_number: int, frame: int) -> int:
        """What is stored at a bin and a frame."""
        row = int(np.searchsorted(self.starts, bin_number, side="right")) - 1
        column = frame >> self.shift
        level = self.levels[0]
        if not (0 <= row < level.shape[0] and 0 <= column < level.shape[1]):
            return 0
        return int(level[row, column])

    def _stored(self, values: Cells) -> Cells:
        if self.rows != self.bins:
            values = np.maximum.reduceat(values, self.starts, axis=0)
        for _ in range(self.shift):
            if values.shape[1] % 2:
                values = np.concatenate([values, values[:, -1:]], axis=1)
            values = np.maximum(values[:, 0::2], values[:, 1::2])
        return values

    def _raise(self, start: int, stop: int) -> None:
        for finer, coarser in zip(self.levels, self.levels[1:], strict=False):
            start, stop = start // 2, -(-stop // 2)
            coarser[:, start:stop] = np.maximum(
                finer[:, 2 * start : 2 * stop : 2], finer[:, 2 * start + 1 : 2 * stop : 2]
            )


def decibels(power: NDArray[np.float32], reference: float) -> NDArray[np.uint8]:
    """Levels as stored, from power; `reference` is the power that a full-scale sine has in its bin."""
    floor = np.float32(10 ** (FLOOR_DB / 10))
    quiet = np.maximum(power / np.float32(reference), floor)
    steps = np.log10(quiet, out=quiet)
    steps *= np.float32(10 / STEP_DB)
    steps += np.float32(0.5 - FLOOR_DB / STEP_DB)
    return np.minimum(steps, np.float32(255), out=steps).astype(np.uint8)


def level_db(level: int) -> float:
    """dBFS of a stored level."""
    return FLOOR_DB + STEP_DB * level


def owner_codes(slots: NDArray[np.uint8], magnitudes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Who owns each bin, and by how much.

    Parameters
    ----------
    slots
        uint8 (stems,): the number of each stem, 1…31.
    magnitudes
        float32 (stems, bins, frames), or shares.

    Returns
    -------
    ndarray
        uint8 (bins, frames): `share << 5 | slot`, the share from 0 (1/8) to 7 (all); 0 where all is silent.
    """
    best = magnitudes[0].copy()
    total = magnitudes[0].copy()
    codes = np.full(best.shape, slots[0], dtype=np.uint8)
    for slot, magnitude in zip(slots[1:], magnitudes[1:], strict=True):
        total += magnitude
        np.copyto(codes, slot, where=magnitude > best)
        np.maximum(best, magnitude, out=best)
    share = best / np.maximum(total, np.float32(1e-12))
    codes |= np.minimum(share * np.float32(SHARES), np.float32(SHARES - 1)).astype(np.uint8) << 5
    codes[total <= 0] = 0
    return codes


def whole_owner(slot: int) -> int:
    """What `owner_codes` says where one stem has all the light."""
    return SHARES - 1 << 5 | slot


def _folded(bins: int) -> NDArray[np.intp]:
    """Rows of a long song: each bin of the lower quarter, then every second, then every fourth."""
    quarter, half = bins // 4, bins // 2
    return np.concatenate([np.arange(quarter), np.arange(quarter, half, 2), np.arange(half, bins, 4)])


def _rooms(rows: int, sizes: list[int], kind: np.dtype[Any]) -> list[Cells]:
    """Zeros: in memory, or, of a long recording, on disk if there is room for them."""
    try:
        whole = scratch((rows * sum(sizes),), kind)
    except StemStudioError:  # one looks at a song on a full disk, too
        whole = np.zeros(rows * sum(sizes), dtype=kind)
    rooms, offset = [], 0
    for size in sizes:
        rooms.append(whole[offset : offset + rows * size].reshape(rows, size))
        offset += rows * size
    return rooms
