"""Spliced: estimates in which some stretches were separated anew, each crossfaded in over what was there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Estimates, Groups, MaskEstimates, frozen
from stemstudio.algorithms.made_of import held_arrays, held_record, restored
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.pieces import FILTER, Piece, within_band
from stemstudio.audio.audio import Sound
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
MOST_PIECES = 1000


Rendered = Callable[[Estimates | Piece, Groups, int, int], Float]
"""Sound of groups of parts of estimates over a range, as `Estimates.render` answers it, the parent being known."""


class Spliced(Estimates):
    """Estimates, and pieces over some stretches of them; later pieces lie over earlier ones.

    The parts are those of the base followed by those of each piece. Part p of the base sounds as (1 − g) E_p where a
    piece has the gain g, and a piece's as g E_p: gains that add up to one, so that stems sum to the song as before,
    and outside the pieces everything is the base's own sound, bit for bit. A piece limited to a band does the same
    with the light of that band alone.

    Parameters
    ----------
    base
        The estimates for the whole of the parent.
    pieces
        In the order in which they were made.
    """

    kind = "spliced"

    def __init__(self, base: Estimates, pieces: Sequence[Piece]) -> None:
        if isinstance(base, Spliced):
            raise ValueError("pieces lie over estimates that have none")
        if any(isinstance(piece.estimates, Spliced) for piece in pieces):
            raise ValueError("a piece cannot hold pieces itself")
        self.base: Estimates = base
        self.pieces: tuple[Piece, ...] = tuple(pieces)
        sources = self.sources
        self.names = tuple(name for source in sources for name in source.names)
        starts = np.cumsum([0, *(len(source.names) for source in sources)])
        self._starts = tuple(int(start) for start in starts)
        with_atoms = [source for source in sources if source.atoms]
        self.atoms = bool(with_atoms)
        self.grid = with_atoms[0].grid if with_atoms else None
        if any(source.families for source in sources):
            self.families = tuple(
                family for source in sources for family in (source.families or (None,) * len(source.names))
            )
        masked = [source for source in sources if isinstance(source, MaskEstimates) and source.names]
        self.masking = masked[0].masking if masked else Masking()

    @property
    def sources(self) -> tuple[Estimates, ...]:
        """The estimates of the base and of every piece."""
        return (self.base, *(piece.estimates for piece in self.pieces))

    def parts_of(self, source: int) -> range:
        """Numbers of the parts that came with the base (0) or with a piece (1, 2, …)."""
        return range(self._starts[source], self._starts[source + 1])

    @property
    def reach(self) -> int:
        filters = 2 * FILTER.fft if any(piece.band is not None for piece in self.pieces) else 0
        return max(source.reach for source in self.sources) + filters

    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        def rendered(source: Estimates | Piece, own: Groups, low: int, high: int) -> Float:
            return source.render(parent, own, low, high, masking)

        return self.blended(rendered, parent, groups, start, stop)

    def blended(self, rendered: Rendered, parent: Sound, groups: Groups, start: int, stop: int) -> Float:
        """What `rendered` makes of the base, with what it makes of the pieces crossfaded in."""
        return self._below(len(self.pieces), rendered, parent, groups, start, stop)

    def shown_masks(
        self,
        groups: Groups,
        first: int,
        last: int,
        settings: StftSettings,
        length: int,
        *,
        rate: int,
        masking: Masking | None = None,
    ) -> Float | None:
        """Masks of groups over frames [first, last), to be looked at: those of the pieces laid over the base's.

        Returns
        -------
        ndarray or None
            float32 (groups, bins, frames); None where something there is no mask on the grid `settings`.
        """
        result = _masks(self.base, self._own(groups, 0), first, last, settings, masking)
        for number, piece in enumerate(self.pieces, 1):
            low = max(first, -(-piece.start // settings.hop))
            high = min(last, -(-piece.stop // settings.hop))
            if high <= low or result is None:
                continue
            ahead, odd = divmod(piece.offset, settings.hop)
            own = self._own(groups, number)
            masks = _masks(piece.estimates, own, low - ahead, high - ahead, settings, masking)
            if masks is None or odd:
                return None
            gain = piece.gain(low * settings.hop, (high - 1) * settings.hop + 1, length)[:: settings.hop]
            bins = slice(0, settings.bins)
            if piece.band is not None:
                per_hertz = settings.fft / rate
                bins = slice(int(np.ceil(piece.band[0] * per_hertz)), int(piece.band[1] * per_hertz) + 1)
            here = result[:, bins, low - first : high - first]
            here += gain * (masks[:, bins] - here)
        return result

    def touched(self, start: int, stop: int) -> bool:
        """Whether any piece is heard in samples [start, stop)."""
        return any(piece.start < stop and start < piece.stop for piece in self.pieces)

    def _below(
        self, count: int, rendered: Rendered, parent: Sound, groups: Groups, start: int, stop: int
    ) -> Float:
        """The base with the first `count` pieces over it."""
        # Nothing is heard of what lies below a piece that fills the whole range.
        lowest = max(
            (n for n in range(count) if self.pieces[n].fills(start, stop, parent.length)), default=-1
        )
        source = self.base if lowest < 0 else self.pieces[lowest]
        result = rendered(source, self._own(groups, lowest + 1), start, stop)
        if not self.touched(start, stop):
            return result
        result = result.copy()
        for number, piece in enumerate(self.pieces[:count]):
            if number <= lowest:
                continue
            low, high = max(start, piece.start), min(stop, piece.stop)
            if high <= low:
                continue
            own = self._own(groups, number + 1)
            gain = piece.gain(low, high, parent.length)
            here = result[..., low - start : high - start]
            if piece.band is None:
                here *= 1 - gain
                here += gain * rendered(piece, own, low, high)
                continue
            first, last = FILTER.frames_touching(low, high, parent.length)
            wide = FILTER.samples_touched(first, last, parent.length)
            wide = min(wide[0], low), max(wide[1], high)
            moved = rendered(piece, own, *wide) - self._below(number, rendered, parent, groups, *wide)
            here += gain * within_band(moved, piece.band, wide[0], parent, low, high)
        return result

    def _own(self, groups: Groups, source: int) -> list[list[int]]:
        """The parts of groups that belong to one of the sources, by its own numbers."""
        own = self.parts_of(source)
        return [[part - own.start for part in group if part in own] for group in groups]

    # what atoms are shown by, where some of the parts are atoms; the others are rows without light

    @cached_property
    def templates(self) -> Float:
        """float32 (bins, parts): W of base and pieces beside each other."""
        assert self.grid is not None
        shown = [
            self._shown(source, "templates", (self.grid.bins, len(source.names))) for source in self.sources
        ]
        return frozen(np.concatenate(shown, axis=1))  # type: ignore[no-any-return]

    @property
    def pans(self) -> Float | None:
        """Of every part, float32 (channels, parts), even where a source has none; None where no source has any."""
        found = [source.pans if isinstance(source, Factorization) else None for source in self.sources]
        counts = {len(pans) for pans in found if pans is not None}
        if len(counts) != 1:
            return None
        (channels,) = counts
        even = [np.full((channels, len(source.names)), 1 / channels, np.float32) for source in self.sources]
        return np.concatenate(
            [own if own is not None else flat for own, flat in zip(found, even, strict=True)], axis=1
        )

    @cached_property
    def activations(self) -> Float:
        """float32 (parts, frames): H of the base where no piece lies, and H of the pieces at their places."""
        assert self.grid is not None
        hop = self.grid.hop
        ends = [piece.offset // hop + self.grid.frames(piece.length) for piece in self.pieces]
        held = self.base.activations.shape[1] if isinstance(self.base, Factorization) else 0
        frames = max([*ends, held])
        result = np.zeros((len(self.names), frames), dtype=np.float32)
        base = self._shown(self.base, "activations", (len(self.base.names), frames))
        result[self.parts_of(0), : base.shape[1]] = base
        for number, piece in enumerate(self.pieces):
            gain = piece.gain(0, frames * hop, frames * hop)[::hop]
            if piece.band is None:
                result[: self.parts_of(number).stop] *= 1 - gain
            shape = (len(piece.estimates.names), self.grid.frames(piece.length))
            own = self._shown(piece.estimates, "activations", shape)
            first = round(piece.offset / hop)
            width = min(own.shape[1], frames - first)
            rows = result[self.parts_of(number + 1), first : first + width]
            rows += own[:, :width] * gain[first : first + width]
            result[self.parts_of(number + 1), first : first + width] = rows
        return frozen(result)  # type: ignore[no-any-return]

    def _shown(
        self, source: Estimates, what: Literal["templates", "activations"], shape: tuple[int, int]
    ) -> Float:
        """Templates or activations of atoms on the grid that is shown; zeros for what are none."""
        if not isinstance(source, Factorization) or source.grid != self.grid:
            return np.zeros(shape, dtype=np.float32)
        return source.templates if what == "templates" else source.activations

    # records

    def made_of(self) -> Mapping[str, Estimates]:
        return {("base" if number == 0 else f"piece {number}"): e for number, e in enumerate(self.sources)}

    def header(self) -> dict[str, Any]:
        return {
            "base": held_record(self.base),
            "pieces": [
                {
                    "recipe": piece.recipe.record(),
                    "estimates": held_record(piece.estimates),
                    "offset": piece.offset,
                    "length": piece.length,
                    "start": piece.start,
                    "stop": piece.stop,
                    "ramp": piece.ramp,
                    "band": None if piece.band is None else list(piece.band),
                }
                for piece in self.pieces
            ],
        }

    def arrays(self) -> dict[str, Any]:
        return held_arrays(self)

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Spliced:
        from stemstudio.algorithms import recipe_from_record

        told = list(header["pieces"])
        if not 1 <= len(told) <= MOST_PIECES:
            raise ValueError(f"there are {len(told)} pieces")
        pieces = []
        for number, record in enumerate(told, 1):
            band = record["band"]
            places = {key: _whole(record[key]) for key in ("offset", "length", "start", "stop", "ramp")}
            pieces.append(
                Piece(
                    recipe=recipe_from_record(record["recipe"]),
                    estimates=restored(record["estimates"], arrays, f"piece {number}", cls.kind),
                    band=None if band is None else (float(band[0]), float(band[1])),
                    **places,
                )
            )
        return cls(restored(header["base"], arrays, "base", cls.kind), pieces)


def _masks(
    source: Estimates, groups: Groups, first: int, last: int, settings: StftSettings, masking: Masking | None
) -> Float | None:
    """Masks of one source, own memory; None where it has none on this grid."""
    if not source.names:
        return np.zeros((len(groups), settings.bins, last - first), dtype=np.float32)
    if not isinstance(source, MaskEstimates) or source.grid != settings:
        return None
    if (masking or source.masking).kind == "wiener":
        return None
    return source.masks(groups, first, last, masking).copy()


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**40:
        raise ValueError("a place in the song is out of its range")
    return value
