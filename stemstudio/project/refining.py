"""Refining: splits learn from the hints painted on their stems.

A factorisation goes on from where it is: its atoms, who has them, their number but for those that are split. Any other
split is first made of atoms: a few for the spectrum of every stem as it is now, found with a kept seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.hint_start import hint_start
from stemstudio.algorithms.nmf.hints import STRENGTH, Hint, hinted_updates
from stemstudio.algorithms.nmf.recipe import MOST_COMPONENTS, NMF
from stemstudio.algorithms.nmf.solver import Fit
from stemstudio.algorithms.nmf.spectrum import Float, spectrum
from stemstudio.algorithms.nmf.starts import random_start
from stemstudio.progress import Progress
from stemstudio.project.edits import Edit, below
from stemstudio.project.hints import FOLLOWED, LaidHint, laid_hints, lessons, outcome, unlearned
from stemstudio.project.project import Change, State
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import Split

SILENT = 1e-3  # of the whole: a stem with less gets no atoms of its own
EMPTIED = 0.05  # of its activation: an atom that is left with less is replaced by its twin


@dataclass(frozen=True)
class Lesson:
    """How to learn from hints.

    Attributes
    ----------
    strength
        λ of `hinted_updates`: how firmly others are kept off hinted light.
    iterations
        Rounds of updates.
    atoms
        For each stem of a split that is not made of atoms yet, at most.
    seed
        Of those.
    """

    strength: float = STRENGTH
    iterations: int = 30
    atoms: int = 24
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Refined:
    """What a split has become.

    Attributes
    ----------
    parent
        The stem that is split.
    before
        The split that was refined.
    recipe, estimates, owners
        As `Split` has them; the first atoms are those of `before`, if that was a factorisation.
    learned
        Numbers of the hints it has been taught.
    """

    parent: int
    before: Split
    recipe: Algorithm
    estimates: Factorization
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
    sound = StemSound(state, parent)
    estimates, recipe = split.estimates, split.recipe
    if isinstance(estimates, Factorization):
        begun, owners, work = estimates, list(split.owners), progress
        exponent = float(getattr(recipe, "exponent", 1.0))
    else:
        begun, owners = _made_of_atoms(state, parent, lesson, progress.part(0.0, 0.6))
        recipe = NMF(
            components=max(1, len(owners)),
            iterations=lesson.iterations,
            seed=lesson.seed,
            fft=begun.grid.fft,
            hop=begun.grid.hop,
            mask_exponent=begun.mask_exponent,
        )
        exponent, work = recipe.exponent, progress.part(0.6, 1.0)
    laid = [hint for hint in laid_hints(state, begun.grid) if parent in lessons(state, hint.stem)]
    if not laid or not owners:
        return None
    V = spectrum(sound, begun.grid, exponent, work.part(0.0, 0.1))
    hints = [Hint(lessons(state, hint.stem)[parent], hint.patch, hint.weights) for hint in laid]
    W, H = begun.templates, _fitting(begun.activations, V.shape[1])
    if (
        begun.pans is not None and V.any()
    ):  # its V is the sum over the channels; the level is all that differs
        V *= np.float32(float(W.sum(axis=0) @ H.sum(axis=1)) / float(V.sum(dtype=np.float64)))
    own = begun is estimates
    room = max(0, MOST_COMPONENTS - W.shape[1])
    start = hint_start(
        V, W, H, owners, hints, held=split.locked if own else (), room=room, progress=work.part(0.1, 0.15)
    )
    many = len(start.stems)
    fit = hinted_updates(
        V,
        start.templates,
        start.activations,
        start.stems,
        hints,
        strength=lesson.strength,
        iterations=lesson.iterations,
        progress=work.part(0.15, 1.0),
        fixed_templates=np.isin(np.arange(many), list(begun.held_templates)),
        fixed_activations=np.isin(np.arange(many), list(begun.held_activations)),
    )
    estimates, owners = _settled(begun, fit, list(start.stems), start.twin_of)
    return Refined(parent, split, recipe, estimates, tuple(owners), frozenset(hint.number for hint in laid))


def _made_of_atoms(
    state: State, parent: int, lesson: Lesson, progress: Progress
) -> tuple[Factorization, list[int]]:
    """Atoms for each child of a split as it sounds now, and whose they are."""
    grid = state.grid
    children = state.children(parent)
    count = max(1, min(lesson.atoms, MOST_COMPONENTS // max(1, len(children))))
    templates, activations, owners, loudness = [], [], [], []
    for place, child in enumerate(children):
        own = progress.part(place / len(children), (place + 1) / len(children))
        V = spectrum(StemSound(state, child.id), grid, 1.0, own.part(0.0, 0.4))
        loudness.append(float(V.sum(dtype=np.float64)))
        if loudness[-1] <= SILENT * max(loudness):
            continue
        W, H = random_start(V, count, lesson.seed)
        fit = fast_updates(V, W, H, iterations=lesson.iterations, progress=own.part(0.4, 1.0))
        templates.append(fit.templates)
        activations.append(fit.activations)
        owners += [child.id] * count
    if not owners:
        empty = np.zeros((grid.bins, 0), dtype=np.float32), np.zeros((0, state.frames), dtype=np.float32)
        return Factorization(*empty, grid), []
    return Factorization(np.concatenate(templates, axis=1), np.concatenate(activations), grid), owners


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
    """The refined split; `present` is the one it replaces, whose atoms may have been moved while it was refined."""
    owners = list(result.owners)
    if isinstance(result.before.estimates, Factorization):
        for atom, (then, now) in enumerate(zip(result.before.owners, present.owners, strict=True)):
            if then != now:
                owners[atom] = now
    if children is not None:
        owners = [owner if owner in children else present.residual for owner in owners]
    held = present.locked if isinstance(result.before.estimates, Factorization) else frozenset()
    return replace(
        present,
        recipe=result.recipe,
        estimates=result.estimates,
        owners=tuple(owners),
        locked=held,
        learned=present.learned | result.learned,
    )


def _fitting(activations: Float, frames: int) -> Float:
    """Activations over all frames of V: cut, or silent where they end early."""
    held = activations[:, :frames]
    return np.pad(held, ((0, 0), (0, frames - held.shape[1])))
