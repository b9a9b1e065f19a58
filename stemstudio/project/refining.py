"""Refining: splits learn from the hints painted on their stems.

A factorisation goes on from where it is: its atoms, who has them, their number but for those that are split. What is not
made of atoms keeps its sound, and the hints are laid over it wherever it sounds again as it does under them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.hints import Hint
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.solver import Fit
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.progress import Progress
from stemstudio.project.corrections import Lesson, correction, learned
from stemstudio.project.edit import Edit
from stemstudio.project.edits import below
from stemstudio.project.hints import FOLLOWED, LaidHint, laid_hints, lessons, outcome, unlearned
from stemstudio.project.project import Change, State
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import Split

EMPTIED = 0.05  # of its activation: an atom that is left with less is replaced by its twin


@dataclass(frozen=True, eq=False)
class Refined:
    """What a split has become.

    Attributes
    ----------
    parent
        The stem that is split.
    before
        The split that was refined.
    estimates, owners
        As `Split` has them; the first parts are those of `before`.
    learned
        Numbers of the hints it has been taught.
    """

    parent: int
    before: Split
    estimates: Factorization | Overlaid
    owners: tuple[int, ...]
    learned: frozenset[int]


def refine(
    state: State, progress: Progress | None = None, lesson: Lesson | None = None, *, again: bool = False
) -> tuple[Refined, ...]:
    """Teach every split the hints that concern it and that it does not know yet.

    These are the splits right above the hinted stems; and those further up which give the light to another branch.

    Parameters
    ----------
    state
        A snapshot.
    lesson
        How; as delivered by default.
    again
        Also teach splits that know all their hints already.

    Returns
    -------
    tuple
        Splits that are different, the outermost first.
    """
    progress, lesson = progress or Progress(), lesson or Lesson()
    progress(0.0, "looking at the hints")
    hints = laid_hints(state)
    if not again:
        fresh = {hint.number for hint in unlearned(state, hints)}
    else:
        fresh = {hint.number for hint in hints}
    parents = _concerned(state, [hint for hint in hints if hint.number in fresh], progress)
    done: list[Refined] = []
    for place, parent in enumerate(parents):
        share = progress.part(place / len(parents), (place + 1) / len(parents))
        result = _refined(state, parent, lesson, share)
        if result is not None:
            done.append(result)
            state = replace(state, splits={**state.splits, parent: _split(result, result.before)})
    progress(1.0)
    return tuple(done)


def refined(state: State, results: Sequence[Refined], name: str = "") -> Edit | None:
    """Put refined splits in the place of those they were made of; None where these are there no more.

    Atoms that were given to other stems in the meantime stay with them; stems, names, gains and paint are kept.
    """
    splits: dict[int, Split] = {}
    taught: set[int] = set()
    touched: set[int] = set()
    for result in results:
        present = state.splits.get(result.parent)
        if present is None or present.estimates is not result.before.estimates:
            continue
        splits[result.parent] = _split(result, present, {child.id for child in state.children(result.parent)})
        taught |= result.learned - result.before.learned
        touched.update(child.id for child in state.children(result.parent))
    if not splits:
        return None
    words = "hints" if not taught else "1 hint" if len(taught) == 1 else f"{len(taught)} hints"
    return Edit(
        name or f"Refine from {words}",
        {"splits": splits},
        Change(frozenset({"splits"}), below(state, touched)),
    )


def _concerned(state: State, hints: Sequence[LaidHint], progress: Progress) -> list[int]:
    """Splits that the hints should be taught, the outermost first."""
    found: set[int] = set()
    for hint in hints:
        *above, last = [parent for parent in lessons(state, hint.stem) if parent in state.splits]
        found.add(last)
        found.update(
            parent
            for parent in above
            if parent not in found and outcome(state, parent, hint, None, progress).share < FOLLOWED
        )
    return sorted(found, key=lambda parent: (len(state.path(parent)), parent))


def _refined(state: State, parent: int, lesson: Lesson, progress: Progress) -> Refined | None:
    """One split, taught all the hints that concern it."""
    split = state.splits[parent]
    begun = split.estimates
    grid = begun.grid if isinstance(begun, Factorization) else state.grid
    assert grid is not None
    laid = [hint for hint in laid_hints(state, grid) if parent in lessons(state, hint.stem)]
    hints = [Hint(lessons(state, hint.stem)[parent], hint.patch, hint.weights) for hint in laid]
    if not laid:
        return None
    estimates: Factorization | Overlaid
    if isinstance(begun, Factorization):
        exponent = split.recipe.exponent if isinstance(split.recipe, NMF) else 1.0
        V = spectrum(StemSound(state, parent), grid, exponent, progress.part(0.0, 0.1))
        if begun.pans is not None and V.any():
            # Its V is the sum over the channels; from the mean power only the level differs.
            model = begun.templates.sum(axis=0) @ begun.activations.sum(axis=1)
            V *= np.float32(float(model) / float(V.sum(dtype=np.float64)))
        start, fit = learned(
            V, begun, split.owners, hints, lesson, progress.part(0.1, 1.0), held=split.locked
        )
        estimates, owners = _settled(begun, fit, list(start.stems), start.twin_of)
    else:
        corrected = correction(state, parent, hints, lesson, progress)
        if corrected is None:
            return None
        estimates, owners = corrected
    return Refined(parent, split, estimates, tuple(owners), frozenset(hint.number for hint in laid))


def _settled(
    begun: Factorization, fit: Fit, owners: list[int], twin_of: Sequence[int]
) -> tuple[Factorization, list[int]]:
    """The atoms learned; an atom whose twin took nearly all of it becomes the twin, so that it has simply moved."""
    W, H = fit.templates.copy(), np.ascontiguousarray(fit.activations)
    first = len(owners) - len(twin_of)
    weight = H.sum(axis=1, dtype=np.float64)
    kept = list(range(len(owners)))
    for atom in dict.fromkeys(twin_of):
        twins = [first + place for place, origin in enumerate(twin_of) if origin == atom]
        best = max(twins, key=lambda twin: weight[twin])
        whole = weight[atom] + weight[twins].sum()
        if weight[atom] <= EMPTIED * whole:
            W[:, atom], H[atom], owners[atom] = W[:, best], H[best], owners[best]
            kept.remove(best)
        kept = [each for each in kept if each not in twins or each == best or weight[each] > EMPTIED * whole]
        if best in kept and weight[best] <= EMPTIED * whole:
            kept.remove(best)
    origins = [*range(first), *twin_of]
    names = [begun.names[each] if each < first else f"{begun.names[origins[each]]} (hint)" for each in kept]
    fields = {
        "templates": np.ascontiguousarray(W[:, kept]),
        "activations": np.ascontiguousarray(H[kept]),
        "costs": fit.costs,
        "names": names if begun.named else None,
    }
    if begun.pans is not None:
        fields["pans"] = begun.pans[:, [origins[each] for each in kept]]
    return begun.changed(**fields), [owners[each] for each in kept]


def _split(result: Refined, present: Split, children: set[int] | None = None) -> Split:
    """The refined split; `present` is the one it replaces, whose parts may have been moved while it was refined."""
    owners = list(result.owners)
    for part, (then, now) in enumerate(zip(result.before.owners, present.owners, strict=True)):
        if then != now:
            owners[part] = now
    if children is not None:
        owners = [owner if owner in children else present.residual for owner in owners]
    return replace(
        present,
        estimates=result.estimates,
        owners=tuple(owners),
        learned=present.learned | result.learned,
    )
