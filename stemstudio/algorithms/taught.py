"""Taught: stems that are not made of atoms, with what hints taught laid over them as a correction.

Two factorisations of the same sound say how its light is shared between the stems: one as the stems are, one as hints
want it. Only where the two differ does light move, out of the stems that should have less, into those that should have
more. Everything else is the stems' own sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Estimates, Groups
from stemstudio.algorithms.made_of import held_arrays, held_record, restored
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Excerpt, Sound
from stemstudio.spectral.stft import Spectrogram, forward, inverse

Float = NDArray[np.float32]

SURE = np.float32(
    1e-2
)  # added to shares that are divided by: what is next to nothing does not move for no reason
STILL = np.float32(
    0.05
)  # of share: what a stem gains by less is no lesson, but the atoms going on by themselves
LONGEST_NAME = 100
MOST_STEMS = 2000


class Taught(Estimates):
    """Estimates E_p, each part in a stem j(p), and a correction by the shares s_j before and s'_j after learning.

    Only stems that were hinted at gain: u_j = max(0, s'_j − s_j − ε). As much is taken from those whose share has
    fallen, d_j = max(0, s_j − s'_j), in proportion: part p of the base sounds as (1 − l_j(p)) E_p with
    l_j = d_j / s_j · Σ u / Σ d. What is taken away, R = Σ_p l_j(p) E_p, with the same of what no part has, goes to one
    more part for each stem, in proportion to u_j. Nothing is lost.

    Parameters
    ----------
    base
        The estimates as they came.
    before, after
        Factorisations of the parent on one grid.
    words
        A name for each stem.
    stems_of
        For each part of the base, the number of its stem; for each atom of `before`; and of `after`.
    residual
        The number of the stem that has what no part has.
    hinted
        Numbers of the stems that hints were for.
    """

    kind = "taught"

    def __init__(
        self,
        base: Estimates,
        before: Factorization,
        after: Factorization,
        words: Sequence[str],
        stems_of: tuple[Sequence[int], Sequence[int], Sequence[int]],
        residual: int,
        hinted: Sequence[int],
    ) -> None:
        if isinstance(base, Taught):
            raise ValueError("what was taught lies over estimates that were not")
        if before.grid != after.grid:
            raise ValueError("the factorisations before and after are on different grids")
        self.base, self.before, self.after = base, before, after
        self.words = tuple(words)
        self.stems_of = tuple(tuple(int(stem) for stem in stems) for stems in stems_of)
        self.residual = residual
        self.hinted = tuple(sorted(set(hinted)))
        sizes = (len(base.names), len(before.names), len(after.names))
        if tuple(len(stems) for stems in self.stems_of) != sizes:
            raise ValueError("stems do not fit the parts or the atoms")
        if not all(
            0 <= stem < len(self.words) for stems in (*self.stems_of, (residual, *hinted)) for stem in stems
        ):
            raise ValueError("a stem is named that is not there")
        self.names = (*base.names, *(f"{word} (hints)" for word in self.words))
        self.masking = base.masking

    @property
    def reach(self) -> int:
        return self.base.reach + 2 * self.after.grid.fft

    def made_of(self) -> Mapping[str, Estimates]:
        return {"base": self.base, "before": self.before, "after": self.after}

    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        parts, grid = len(self.base.names), self.after.grid
        own = [[part for part in group if part < parts] for group in groups]
        first, last = grid.frames_touching(start, stop, parent.length)
        losses, given = self.flow(first, last)
        result = self.base.render(parent, own, start, stop, masking)
        if not losses.any() or stop <= start:
            return result
        low, high = grid.samples_touched(first, last, parent.length)
        low, high = min(low, start), max(high, stop)
        waves = self.base.render(parent, [[part] for part in range(parts)], low, high, masking)
        left = parent.read(low, high) - waves.sum(axis=0)
        corrections = np.zeros((len(groups), parent.channels, grid.bins, last - first), dtype=np.complex64)
        removed = np.zeros(corrections.shape[1:], dtype=np.complex64)
        group_of = {part: number for number, group in enumerate(groups) for part in group}
        for part, wave in enumerate([*waves, left]):
            stem = self.stems_of[0][part] if part < parts else self.residual
            loss = losses[stem]
            if not loss.any():
                continue
            heard = forward(
                Excerpt(wave, low, parent.sample_rate, parent.length), grid, first=first, last=last
            )
            taken = loss * heard.values
            removed += taken
            if part < parts and part in group_of:
                corrections[group_of[part]] -= taken
        for stem in range(len(self.words)):
            if parts + stem in group_of:
                corrections[group_of[parts + stem]] += given[stem] * removed
        flat = corrections.reshape(-1, *corrections.shape[2:])
        sheet = Spectrogram(flat, grid, parent.sample_rate, first, parent.length)
        return result + inverse(sheet, start, stop).reshape(result.shape)

    def flow(self, first: int, last: int) -> tuple[Float, Float]:
        """What each stem loses of its light over frames [first, last), and which share of what is free it gets.

        Returns
        -------
        tuple
            float32 (stems, bins, frames) each, in [0, 1]; the second sums to 1 where anything is free.
        """
        before, after = (
            found.masks(
                [[atom for atom, own in enumerate(stems) if own == stem] for stem in range(len(self.words))],
                first,
                last,
            )
            for found, stems in zip((self.before, self.after), self.stems_of[1:], strict=True)
        )
        gains = np.zeros_like(before)
        hinted = list(self.hinted)
        gains[hinted] = np.maximum(after[hinted] - before[hinted] - STILL, 0)
        falls = np.maximum(before - after, 0)
        gained, fallen = gains.sum(axis=0), falls.sum(axis=0)
        # Where a model is silent it says nothing, and everybody keeps what they have.
        moving = (gained > 0) & (before.sum(axis=0) > 0.5) & (after.sum(axis=0) > 0.5)
        scale = np.where(moving, np.minimum(gained / np.maximum(fallen, SURE), 1), np.float32(0))
        losses = np.minimum(scale * falls / (before + SURE), 1)
        given = np.where(moving, gains / np.where(moving, gained, 1), np.float32(0))
        return losses.astype(np.float32), given.astype(np.float32)

    def header(self) -> dict[str, Any]:
        return {
            **{word: held_record(held) for word, held in self.made_of().items()},
            "words": list(self.words),
            "stems_of": [list(stems) for stems in self.stems_of],
            "residual": self.residual,
            "hinted": list(self.hinted),
        }

    def arrays(self) -> dict[str, Any]:
        return held_arrays(self)

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Taught:
        base, before, after = (
            restored(header[word], arrays, word, cls.kind) for word in ("base", "before", "after")
        )
        if not isinstance(before, Factorization) or not isinstance(after, Factorization):
            raise ValueError("what was taught is not made of atoms")
        words = [str(word)[:LONGEST_NAME] for word in header["words"]]
        if not 1 <= len(words) <= MOST_STEMS:
            raise ValueError(f"{len(words)} stems were taught")
        parts, then, now = header["stems_of"]
        hinted = [int(stem) for stem in header["hinted"]]
        return cls(base, before, after, words, (parts, then, now), int(header["residual"]), hinted)
