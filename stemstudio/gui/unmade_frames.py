"""UnmadeFrames: which frames of which layer of the picture are still to be made, and which of them first."""

from __future__ import annotations

from typing import Literal

from stemstudio.gui.pyramid import BLOCK

LayerName = Literal["levels", "overlay", "single", "owners"]
ORDER: tuple[LayerName, ...] = ("levels", "overlay", "single", "owners")


class UnmadeFrames:
    """Frames that are to be made, by layer and block."""

    def __init__(self) -> None:
        self._ranges: dict[LayerName, dict[int, tuple[int, int]]] = {layer: {} for layer in ORDER}

    def add(self, layer: LayerName, first: int, last: int) -> None:
        """The frames [first, last) of a layer are to be made."""
        ranges = self._ranges[layer]
        for block in range(first // BLOCK, -(-last // BLOCK)):
            low, high = max(first, block * BLOCK), min(last, (block + 1) * BLOCK)
            old = ranges.get(block, (low, high))
            ranges[block] = (min(low, old[0]), max(high, old[1]))

    def clear(self, layer: LayerName) -> None:
        """Nothing of a layer is to be made any more."""
        self._ranges[layer].clear()

    def touches(self, layer: LayerName, first: int, last: int) -> bool:
        """Whether any of the frames [first, last) of a layer waits."""
        return any(low < last and high > first for low, high in self._ranges[layer].values())

    def take(self, layer: LayerName, block: int, most: int) -> tuple[int, int]:
        """At most `most` frames of a block; they wait no longer."""
        first, last = self._ranges[layer].pop(block)
        if last - first > most:
            self._ranges[layer][block] = (first + most, last)
            last = first + most
        return first, last

    def nearest(self, left: float, right: float, head: float) -> tuple[LayerName, int] | None:
        """Layer and block to make next: what lies in the frames left…right first, then outwards.

        Among those levels come before owners, and what lies at the playhead `head` or after it before what lies
        farther off.
        """
        best: tuple[float, float, int] | None = None
        found: tuple[LayerName, int] | None = None
        for rank, layer in enumerate(ORDER):
            for block, (first, last) in self._ranges[layer].items():
                away = max(left - last, first - right, 0.0)
                behind = abs((first + last) / 2 - head) * (1.0 if last > head else 1.5)
                order = (away, rank * 1e9 + behind, block)
                if best is None or order < best:
                    best, found = order, (layer, block)
        return found
