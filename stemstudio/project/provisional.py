"""Provisional: a split that is still being made, laid over the project: seen and heard, but no step yet.

It is the split as it would be if the separation ended now: the finished stretches are pieces over nothing, each
faded in and out, and everywhere else the light is in the residual. So it is drawn, rendered and mixed like any other,
the stems add up, and keeping what is finished of a separation that was stopped is doing its edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Estimates, Waveforms
from stemstudio.algorithms.pieces import Piece
from stemstudio.algorithms.spliced import Spliced
from stemstudio.algorithms.streaming import Ranges, SoFar
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.edit import Edit
from stemstudio.project.project import Change, Project, State, with_rows
from stemstudio.project.splicing import RAMP
from stemstudio.project.stem import Split
from stemstudio.project.takes import Keep, put_together
from stemstudio.spectral.brushes import Box

LOOKS = frozenset({"stems", "mixer", "room"})


@dataclass(frozen=True, eq=False)
class Provisional:
    """A split that is still being made.

    Attributes
    ----------
    parent
        The stem that is being taken apart.
    instead
        Its split so far, if it has one: what this one will replace.
    edit
        The step that it would be now.
    done
        The stretches that are finished, in samples.
    settled
        Whether they are the answer's own.
    """

    parent: int
    instead: Split | None
    edit: Edit
    done: Ranges
    settled: bool = True

    @classmethod
    def of(
        cls, project: Project, parent: int, recipe: Algorithm, so_far: SoFar, together: Mapping[str, str]
    ) -> Provisional:
        """The first of a run: new stems, with ids that they will keep."""
        state = project.state
        stems, owners = put_together(so_far.estimates.names, together)
        estimates, every = _pieces(state, recipe, so_far, owners)
        edit = edits.split(project, parent, recipe, estimates, stems=stems, owners=every)
        return cls(parent, state.splits.get(parent), edit, so_far.done, so_far.settled)

    @property
    def called(self) -> str:
        """What takes it apart."""
        return self.split.recipe.called

    def wanted(self, state: State) -> int:
        """How many samples of it there will be at the end."""
        return state.mixture.length

    @property
    def split(self) -> Split:
        found: Split = self.edit.rows["splits"][self.parent]
        return found

    @property
    def stems(self) -> frozenset[int]:
        """Ids of the stems that it makes."""
        return frozenset(number for number, stem in self.edit.rows["stems"].items() if stem is not None)

    def fits(self, state: State) -> bool:
        """Whether the stem is still what it was when the run began."""
        return self.parent in state.stems and state.splits.get(self.parent) is self.instead

    def over(self, state: State) -> State:
        """The song as it would be with it."""
        return with_rows(state, self.edit.rows)

    def grown(self, state: State, so_far: SoFar) -> tuple[Provisional, Change]:
        """The same with more stretches, and what that changes: only where something is new."""
        one = self.split.owners[: len(so_far.estimates.names)]
        estimates, owners = _pieces(state, self.split.recipe, so_far, one)
        later = replace(self.split, estimates=estimates, owners=tuple(owners))
        change = Change(
            frozenset({"splits"}), self.stems, what_is_new(self.done, so_far.done, state.mixture.sample_rate)
        )
        return replace(self, edit=self._with(later), done=so_far.done), change

    def whole(self, estimates: Estimates, name: str) -> Edit:
        """The step at the end: the same stems, with the names and faders that they have by now."""
        owners = self.split.owners[: len(estimates.names)]
        return self._with(replace(self.split, estimates=estimates, owners=owners), name)

    def kept(self, keep: Keep, progress: Progress) -> Spliced:
        """What is finished of a run that was stopped, for `whole`, with large arrays on disk."""
        old = self.split.estimates
        assert isinstance(old, Spliced)
        pieces = []
        for number, piece in enumerate(old.pieces):
            part = progress.part(number / len(old.pieces), (number + 1) / len(old.pieces))
            pieces.append(replace(piece, estimates=keep(piece.estimates, part)))
        progress(1.0, "Done")
        return Spliced(old.base, pieces)

    def touches(self, edit: Edit) -> bool:
        """Whether an edit is about stems that are not there yet, or about what is being taken apart."""
        own = self.stems
        for table, rows in edit.rows.items():
            for key, row in rows.items():
                if table in ("splits", "paint", "stems") and key in own:
                    return True
                if table == "splits" and key == self.parent:
                    return True
                if getattr(row, "parent", None) == self.parent or getattr(row, "stem", None) in own:
                    return True
        return False

    def taking(self, edit: Edit) -> Provisional | None:
        """The same with another name, colour, fader or button of its stems; None where the edit does more."""
        stems = edit.rows.get("stems", {})
        if set(edit.rows) != {"stems"} or not edit.change.kinds <= LOOKS or not set(stems) <= self.stems:
            return None
        if None in stems.values():
            return None
        rows = {**self.edit.rows, "stems": {**self.edit.rows["stems"], **stems}}
        return replace(self, edit=replace(self.edit, rows=rows))

    def _with(self, split: Split, name: str = "") -> Edit:
        rows = {**self.edit.rows, "splits": {**self.edit.rows["splits"], self.parent: split}}
        return Edit(name or self.edit.name, rows, self.edit.change)


def _pieces(
    state: State, recipe: Algorithm, so_far: SoFar, owners: tuple[int, ...]
) -> tuple[Spliced, tuple[int, ...]]:
    """A piece a finished stretch, over nothing; and the owner of every part."""
    ramp = round(RAMP * state.mixture.sample_rate)
    found = so_far.estimates
    pieces = [
        Piece(
            recipe,
            Waveforms(found.names, found.waves[..., start:stop]),
            start,
            stop - start,
            start,
            stop,
            min(ramp, (stop - start) // 2),
        )
        for start, stop in so_far.done
    ]
    return Spliced(ByHand().run(state.mixture, Progress()), pieces), owners * len(pieces)


def what_is_new(before: Ranges, now: Ranges, rate: int) -> Box:
    """Where stretches sound different from before: the seconds of what came or went, with the fades beside it."""
    starts, stops = [], []
    for spans, others in ((now, before), (before, now)):
        for start, stop in (span for span in spans if span not in others):
            held = [span for span in others if start <= span[0] and span[1] <= stop]
            whole = any(span[0] <= start and stop <= span[1] for span in others)
            # What grew at one end only is new from its old end on; what became part of a longer one is told there.
            if not whole:
                starts.append(held[0][1] if held and held[0][0] == start else start)
                stops.append(held[-1][0] if held and held[-1][1] == stop else stop)
    low = min(starts, default=0) / rate - RAMP
    return Box(start=max(0.0, low), stop=max(stops, default=0) / rate + RAMP, low=0.0, high=rate / 2)
