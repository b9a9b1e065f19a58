"""TileMask: a sparse sheet of weights over bins and frames, in read-only float16 tiles.

A mask is immutable: an edit makes a new one that shares every untouched tile, so keeping the old one for undo
costs only the tiles that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

TILE = 256
Tile = NDArray[np.float16]


@dataclass(frozen=True)
class Patch:
    """A box of bins [bin0, bin1) and frames [frame0, frame1)."""

    bin0: int
    bin1: int
    frame0: int
    frame1: int

    @property
    def empty(self) -> bool:
        return self.bin1 <= self.bin0 or self.frame1 <= self.frame0

    @property
    def shape(self) -> tuple[int, int]:
        return max(0, self.bin1 - self.bin0), max(0, self.frame1 - self.frame0)

    def union(self, other: Patch) -> Patch:
        if self.empty or other.empty:
            return other if self.empty else self
        return Patch(
            min(self.bin0, other.bin0),
            max(self.bin1, other.bin1),
            min(self.frame0, other.frame0),
            max(self.frame1, other.frame1),
        )


class TileMask:
    """Weights in [0, 1], zero wherever there is no tile.

    Parameters
    ----------
    tiles
        float16 (256, 256) arrays by (tile row, tile column); they are made read-only.
    """

    __slots__ = ("_tiles",)

    def __init__(self, tiles: Mapping[tuple[int, int], Tile] | None = None) -> None:
        self._tiles = dict(tiles or {})
        for tile in self._tiles.values():
            tile.flags.writeable = False

    @property
    def tiles(self) -> Mapping[tuple[int, int], Tile]:
        return MappingProxyType(self._tiles)

    @property
    def nbytes(self) -> int:
        return len(self._tiles) * TILE * TILE * 2

    def __bool__(self) -> bool:
        return bool(self._tiles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TileMask):
            return NotImplemented
        keys = self._tiles.keys() | other._tiles.keys()
        blank = np.zeros((TILE, TILE), dtype=np.float16)
        return all(
            mine is theirs or np.array_equal(mine, theirs)
            for mine, theirs in ((self._tiles.get(key, blank), other._tiles.get(key, blank)) for key in keys)
        )

    __hash__ = None  # type: ignore[assignment]

    def covers(self, frame0: int, frame1: int) -> bool:
        """Whether any tile lies in the frames [frame0, frame1)."""
        low, high = frame0 // TILE, -(-frame1 // TILE)
        return any(low <= column < high for _, column in self._tiles)

    def read(self, patch: Patch) -> NDArray[np.float32]:
        """Weights of a box, float32 (bins, frames)."""
        result = np.zeros(patch.shape, dtype=np.float32)
        for key, inside, outside in _overlaps(patch):
            tile = self._tiles.get(key)
            if tile is not None:
                result[outside] = tile[inside]
        return result

    def with_box(self, patch: Patch, weights: NDArray[np.float32]) -> TileMask:
        """A mask with a box replaced; tiles that become all zero are dropped."""
        tiles = dict(self._tiles)
        for key, inside, outside in _overlaps(patch):
            old = tiles.get(key)
            piece = weights[outside]
            if old is None and not piece.any():
                continue
            tile = np.zeros((TILE, TILE), dtype=np.float16) if old is None else old.copy()
            tile[inside] = piece
            if tile.any():
                tiles[key] = tile
            else:
                tiles.pop(key, None)
        return TileMask(tiles)

    def plus(self, other: TileMask) -> TileMask:
        """The sum of two masks."""
        tiles = dict(self._tiles)
        for key, tile in other._tiles.items():
            mine = tiles.get(key)
            tiles[key] = tile if mine is None else np.minimum(mine + tile, np.float16(1))
        return TileMask(tiles)

    def changed_tiles(self, other: TileMask) -> set[tuple[int, int]]:
        """Keys of the tiles that are not the same objects in both."""
        keys = self._tiles.keys() | other._tiles.keys()
        return {key for key in keys if self._tiles.get(key) is not other._tiles.get(key)}


def _overlaps(patch: Patch) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice]]]:
    """Tiles under a box: key, the part of the tile, the part of the box."""
    if patch.empty:
        return
    for row in range(patch.bin0 // TILE, -(-patch.bin1 // TILE)):
        for column in range(patch.frame0 // TILE, -(-patch.frame1 // TILE)):
            low_bin, high_bin = max(patch.bin0, row * TILE), min(patch.bin1, (row + 1) * TILE)
            low_frame, high_frame = max(patch.frame0, column * TILE), min(patch.frame1, (column + 1) * TILE)
            inside = (
                slice(low_bin - row * TILE, high_bin - row * TILE),
                slice(low_frame - column * TILE, high_frame - column * TILE),
            )
            outside = (
                slice(low_bin - patch.bin0, high_bin - patch.bin0),
                slice(low_frame - patch.frame0, high_frame - patch.frame0),
            )
            yield (row, column), inside, outside
