"""Overlaid: stems that are not made of atoms, with what hints say laid over them where it was found to hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Estimates, Groups, frozen
from stemstudio.algorithms.made_of import held_arrays, held_record, restored
from stemstudio.algorithms.masking import Masking
from stemstudio.audio.audio import Excerpt, Sound
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse
from stemstudio.spectral.tiles import TILE, Patch, TileMask

Float = NDArray[np.float32]

LONGEST_NAME = 100
MOST_STEMS = 2000


class Overlaid(Estimates):
    """Estimates E_p of a parent P, and weights A_j for some stems.

    Part p of the base sounds as (1 − Σ A) E_p, and there is one more part A_j P for each of these stems: what hard paint
    does as well, and nothing is lost. Where all A are 0 the parts are the base's own, bit for bit.

    Parameters
    ----------
    base
        The estimates as they came.
    laid_on
        The grid of the weights.
    words
        A name for each stem that something is laid for.
    weights
        A, one mask a stem; in no bin do they add up to more than 1.
    """

    kind = "overlaid"

    def __init__(
        self, base: Estimates, laid_on: StftSettings, words: Sequence[str], weights: Sequence[TileMask]
    ) -> None:
        if isinstance(base, Overlaid):
            raise ValueError("what is laid over estimates holds what was laid over them before")
        if not 1 <= len(words) <= MOST_STEMS or len(words) != len(weights):
            raise ValueError(f"{len(weights)} masks do not fit {len(words)} stems")
        self.base, self.laid_on = base, laid_on
        self.words = tuple(word[:LONGEST_NAME] for word in words)
        self.weights = tuple(weights)
        self.names = (*base.names, *(f"{word} (hints)" for word in self.words))
        self.masking = base.masking

    @property
    def reach(self) -> int:
        return self.base.reach + 2 * self.laid_on.fft

    def made_of(self) -> Mapping[str, Estimates]:
        return {"base": self.base}

    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        parts, grid = len(self.base.names), self.laid_on
        own = [[part for part in group if part < parts] for group in groups]
        first, last = grid.frames_touching(start, stop, parent.length)
        laid = None
        if stop > start and any(mask.covers(first, last) for mask in self.weights):
            laid = np.stack([mask.read(Patch(0, grid.bins, first, last)) for mask in self.weights])
        if laid is None or not laid.any():
            return self.base.render(parent, own, start, stop, masking)
        # Stored in half precision, together they may be a little more than all.
        laid /= np.maximum(laid.sum(axis=0), 1)
        whole = laid.sum(axis=0)
        low, high = grid.samples_touched(first, last, parent.length)
        low, high = min(low, start), max(high, stop)
        waves = self.base.render(parent, own, low, high, masking)
        mixture = forward(parent, grid, first=first, last=last).values
        changes = np.empty((len(groups), *mixture.shape), dtype=np.complex64)
        for change, wave, group in zip(changes, waves, groups, strict=True):
            heard = Excerpt(wave, low, parent.sample_rate, parent.length)
            given = [laid[part - parts] for part in group if part >= parts]
            np.multiply(forward(heard, grid, first=first, last=last).values, -whole, out=change)
            if given:
                change += np.sum(given, axis=0) * mixture
        flat = changes.reshape(-1, *changes.shape[2:])
        sheet = Spectrogram(flat, grid, parent.sample_rate, first, parent.length)
        moved = inverse(sheet, start, stop).reshape(*waves.shape[:2], -1)
        return waves[..., start - low : stop - low] + moved

    def header(self) -> dict[str, Any]:
        return {
            "base": held_record(self.base),
            "grid": self.laid_on.model_dump(),
            "words": list(self.words),
            "tiles": [[list(key) for key in mask.tiles] for mask in self.weights],
        }

    def arrays(self) -> dict[str, Any]:
        own = {"weights": self._stored} if self._stored.size else {}
        return {**held_arrays(self), **own}

    @cached_property
    def _stored(self) -> NDArray[np.float16]:
        """All tiles beside each other."""
        tiles = [tile for mask in self.weights for tile in mask.tiles.values()]
        return np.asarray(frozen(np.hstack([np.zeros((TILE, 0), np.float16), *tiles])))

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Overlaid:
        base = restored(header["base"], arrays, "base", cls.kind)
        keys = [[(_place(row), _place(column)) for row, column in mask] for mask in header["tiles"]]
        count = sum(len(mask) for mask in keys)
        stored = arrays["weights"] if count else np.zeros((TILE, 0), np.float16)
        if tuple(stored.shape) != (TILE, count * TILE):
            raise ValueError(f"{count} tiles do not fit weights {tuple(stored.shape)}")
        places = iter(range(0, count * TILE, TILE))
        weights = [
            TileMask(
                {
                    key: np.array(stored[:, at : at + TILE], np.float16)
                    for key, at in zip(mask, places, strict=False)
                }
            )
            for mask in keys
        ]
        words = [str(word) for word in header["words"]]
        return cls(base, StftSettings.model_validate(header["grid"]), words, weights)


def _place(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError("a tile lies nowhere")
    return value
