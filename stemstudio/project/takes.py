"""Takes: what recipes make of a stem, kept beside the song to be heard and compared before one is put into it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.parameters import counted
from stemstudio.algorithms.streaming import Playhead, Streaming, at_the_start
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.edit import Edit
from stemstudio.project.project import Change, Project, SongReference, State
from stemstudio.project.rendering import StemSound
from stemstudio.project.splicing import Found, separate_range, splice
from stemstudio.spectral.brushes import Box

STEMS_OF_ATOMS = 4  # into which atoms are gathered, where the stem is not split yet

Keep = Callable[[Estimates, Progress], Estimates]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a recipe made of a stem, ready to be put into the song.

    Attributes
    ----------
    stem
        What was taken apart.
    recipe
        By what.
    estimates
        Its parts.
    stems
        Words for the stems that the parts make.
    owners
        For each part, which of those it is in; None for the residual.
    found
        Where it was a selection that was taken apart: its parts at their place.
    seconds
        How long it took.
    """

    stem: int
    recipe: Algorithm
    estimates: Estimates
    stems: tuple[str, ...]
    owners: tuple[int | None, ...]
    found: Found | None = None
    seconds: float = 0.0

    def edit(self, project: Project, name: str = "") -> Edit:
        """The step that puts it into the song."""
        if self.found is not None:
            return splice(project, self.stem, self.found, name)
        return edits.split(
            project, self.stem, self.recipe, self.estimates, stems=self.stems, owners=self.owners, name=name
        )

    def kept(self, keep: Keep, progress: Progress) -> Answer:
        """The same with its arrays on disk, where they are large."""
        estimates = keep(self.estimates, progress)
        found = self.found
        if found is not None:
            found = replace(found, piece=replace(found.piece, estimates=estimates))
        return replace(self, estimates=estimates, found=found)


@dataclass(frozen=True, eq=False)
class Take:
    """An answer, and the song as it would be with it.

    Attributes
    ----------
    title
        What it is: the recipe, and what of it is not as delivered.
    answer
        What the recipe made.
    state
        A snapshot of the song in which it is put in; nothing else hears of it.
    """

    title: str
    answer: Answer
    state: State


def answer_of(
    state: State,
    stem: int,
    recipe: Algorithm,
    progress: Progress,
    *,
    together: Mapping[str, str] | None = None,
    box: Box | None = None,
    gather: bool = False,
    playhead: Playhead = at_the_start,
) -> Answer:
    """Take a stem, or a selection of it, apart.

    Parameters
    ----------
    together
        Stem by part, where parts are to be one stem.
    box
        The selection; None for all of the stem.
    gather
        Whether atoms are gathered into stems by their timbre, where nothing else says whose they are; otherwise they
        wait in the residual.
    playhead
        The sample that is wanted first, where the recipe hands on what it has.
    """
    began = time.monotonic()
    if box is not None:
        found = separate_range(state, stem, recipe, box, progress.part(0.0, 0.95), together, playhead)
        answer = Answer(stem, recipe, found.piece.estimates, found.stems, found.owners, found)
    else:
        sound, part = StemSound(state, stem), progress.part(0.0, 0.95)
        if isinstance(recipe, Streaming):
            estimates: Estimates = recipe.run(sound, part, playhead)
        else:
            estimates = recipe.run(sound, part)
        if estimates.atoms:
            answer = Answer(stem, recipe, estimates, *estimates.gathered())
        else:
            answer = Answer(stem, recipe, estimates, *put_together(estimates.names, together or {}))
    if gather and not answer.stems and isinstance(answer.estimates, Factorization):
        progress(0.95, "Gathering the atoms into stems")
        answer = _gathered(state, answer, answer.estimates)
    progress(1.0, "Done")
    return replace(answer, seconds=time.monotonic() - began)


def put_together(
    parts: Sequence[str], together: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Words for the stems that parts make, and for each part the number of its stem."""
    words = [together.get(part, part) for part in parts]
    stems = tuple(dict.fromkeys(words))
    return stems, tuple(stems.index(word) for word in words)


def take_of(state: State, answer: Answer) -> Take:
    """The take that an answer makes of the song as it is."""
    aside = Project(state.mixture, SongReference("", "", ""), state.grid)
    rows: dict[str, dict[int, Any]] = {
        "stems": dict(state.stems),
        "splits": dict(state.splits),
        "strokes": dict(state.strokes),
        "paint": dict(state.paint),
    }
    aside.put(rows, Change(frozenset({"stems"})))
    answer.edit(aside).do(aside)
    return Take(described(answer.recipe), answer, aside.state)


def described(recipe: Algorithm, most: int = 3) -> str:
    """A recipe in a line: what it is called, and the parameters that are not as delivered."""
    changed = []
    told = ("model", "members", "stems") if recipe.called != recipe.title else ()
    for parameter in recipe.parameters():
        value = getattr(recipe, parameter.name)
        if value == parameter.default or parameter.name in told:
            continue
        words = parameter.label.lower() if parameter.label != parameter.label.upper() else parameter.label
        if isinstance(value, bool) or (parameter.unit == "times" and value == 0):
            changed.append(words if value else f"no {words}")
        else:
            shown = f"{value:g}" if isinstance(value, float) else str(value)[:40]
            shown = counted(shown, parameter.unit)
            # "7 atoms" is more than "components 7 atoms"
            changed.append(shown if parameter.unit in ("atoms", "rounds") else f"{words} {shown}")
    more = f" and {len(changed) - most} more" if len(changed) > most else ""
    return " · ".join([recipe.called, *changed[:most]]) + more


def _gathered(state: State, answer: Answer, atoms: Factorization) -> Answer:
    """Atoms in as many stems as there are now, or four; by their timbre."""
    from stemstudio.algorithms.alike import by_likeness

    split = state.splits.get(answer.stem)
    now = len(state.children(answer.stem)) - 1 if split is not None else 0
    count = min(now or STEMS_OF_ATOMS, max(1, len(atoms.names)))
    labels = by_likeness(atoms, count, state.mixture.sample_rate)
    stems = tuple(labels.names[:count])
    found = answer.found
    if found is not None:
        found = replace(found, stems=stems, owners=labels.owners, children=(None,) * count)
    return replace(answer, stems=stems, owners=labels.owners, found=found)
