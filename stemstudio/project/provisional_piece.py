"""A selection that is still being taken apart: its finished stretches, laid over the split that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Estimates, Waveforms
from stemstudio.algorithms.pieces import Piece
from stemstudio.algorithms.spliced import Spliced
from stemstudio.algorithms.streaming import Ranges, SoFar
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.edit import Edit, Rows
from stemstudio.project.project import Change, Project, State
from stemstudio.project.provisional import Provisional, what_is_new
from stemstudio.project.splicing import RAMP, Place, namesakes, new_stems
from stemstudio.project.stem import Split
from stemstudio.project.takes import put_together
from stemstudio.spectral.brushes import Box


@dataclass(frozen=True, eq=False, kw_only=True)
class ProvisionalPiece(Provisional):
    """The same for a selection: everywhere else the stems sound as they do.

    Parts go on in the stems of their name; whether others sound like one that is there is found out at the end, and
    until then they are stems of their own.

    Attributes
    ----------
    place
        The selection.
    by
        What takes it apart.
    owners
        For each part, the id of the stem that it is in.
    """

    place: Place
    by: Algorithm
    owners: tuple[int, ...]

    @classmethod
    def within(
        cls,
        project: Project,
        parent: int,
        recipe: Algorithm,
        so_far: SoFar,
        together: Mapping[str, str],
        place: Place,
    ) -> ProvisionalPiece | None:
        """The first of a run; None while nothing of the selection itself is finished."""
        state = project.state
        words, numbers = put_together(so_far.estimates.names, together)
        done, whole = _inside(so_far.done, place), state.splits.get(parent)
        if not done:
            return None
        pieces = _pieces(recipe, so_far, done, place, state.mixture.sample_rate)
        if whole is None:
            estimates = Spliced(ByHand().run(state.mixture, Progress()), pieces)
            every = numbers * len(pieces)
            edit = edits.split(project, parent, recipe, estimates, stems=words, owners=every)
            owners = edit.rows["splits"][parent].owners[: len(numbers)]
            return cls(parent, None, edit, done, so_far.settled, place=place, by=recipe, owners=owners)
        children = [child for child in state.children(parent) if child.id != whole.residual]
        known = dict(zip(words, namesakes(words, whole, children), strict=True))
        fresh = [word for word, child in known.items() if child is None]
        made = dict(zip(fresh, new_stems(project, parent, fresh), strict=True))
        ids = [made[word].id if word in made else known[word] for word in words]
        owners = tuple(number for each in numbers if (number := ids[each]) is not None)
        rows: Rows = {
            "stems": {stem.id: stem for stem in made.values()},
            "splits": {parent: _over(whole, pieces, owners)},
        }
        rate = state.mixture.sample_rate
        box = Box(start=place.start / rate, stop=place.stop / rate, low=0.0, high=rate / 2)
        heard = _children(state, parent) | frozenset(rows["stems"])
        kinds = frozenset({"splits", "stems", "mixer"}) if made else frozenset({"splits"})
        edit = Edit(recipe.called, rows, Change(kinds, heard, box))
        return cls(parent, whole, edit, done, so_far.settled, place=place, by=recipe, owners=owners)

    @property
    def called(self) -> str:
        return self.by.called

    def wanted(self, state: State) -> int:
        return self.place.stop - self.place.start

    def grown(self, state: State, so_far: SoFar) -> tuple[ProvisionalPiece, Change]:
        rate, done = state.mixture.sample_rate, _inside(so_far.done, self.place)
        pieces = _pieces(self.by, so_far, done, self.place, rate)
        if self.instead is None:
            estimates = Spliced(ByHand().run(state.mixture, Progress()), pieces)
            later = replace(self.split, estimates=estimates, owners=self.owners * len(pieces))
        else:
            later = _over(self.instead, pieces, self.owners)
        heard = _children(state, self.parent) | self.stems
        change = Change(frozenset({"splits"}), heard, what_is_new(self.done, done, rate))
        return replace(self, edit=self._with(later), done=done), change

    def whole(self, estimates: Estimates, name: str) -> Edit:
        """The step that what is finished would be: `estimates` are those of the split so far."""
        return self._with(replace(self.split, estimates=estimates), name)

    def touches(self, edit: Edit) -> bool:
        """Whether an edit is about stems that are not there yet; what is there may be worked on."""
        own = self.stems
        return any(
            (table in ("splits", "paint", "stems") and key in own) or getattr(row, "stem", None) in own
            for table, rows in edit.rows.items()
            for key, row in rows.items()
        )


def _over(whole: Split, pieces: Sequence[Piece], owners: tuple[int, ...]) -> Split:
    """A split with some more pieces over it."""
    old = whole.estimates
    base, before = (old.base, old.pieces) if isinstance(old, Spliced) else (old, ())
    estimates = Spliced(base, [*before, *pieces])
    return replace(whole, estimates=estimates, owners=whole.owners + owners * len(pieces))


def _children(state: State, parent: int) -> frozenset[int]:
    return edits.below(state, [child.id for child in state.children(parent)])


def _inside(done: Ranges, place: Place) -> Ranges:
    """The finished stretches of what the recipe hears, as far as they lie in the selection; in samples of the song."""
    found = [
        (max(place.start, place.offset + start), min(place.stop, place.offset + stop)) for start, stop in done
    ]
    return tuple((start, stop) for start, stop in found if start < stop)


def _pieces(recipe: Algorithm, so_far: SoFar, done: Ranges, place: Place, rate: int) -> list[Piece]:
    """A piece a finished stretch."""
    ramp, found = round(RAMP * rate), so_far.estimates
    return [
        Piece(
            recipe,
            Waveforms(found.names, found.waves[..., start - place.offset : stop - place.offset]),
            start,
            stop - start,
            start,
            stop,
            min(ramp, (stop - start) // 2),
            place.band,
        )
        for start, stop in done
    ]
