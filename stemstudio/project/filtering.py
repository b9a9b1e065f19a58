"""Filtering: stems that there are, told apart once more, by their places or by atoms; the stems themselves stay."""

from __future__ import annotations

from dataclasses import replace

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project.edit import Edit
from stemstudio.project.edits import below
from stemstudio.project.project import Change, State
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import Split


def filterable(split: Split | None) -> bool:
    """Whether a split is of sounds, as networks make them, rather than of masks or atoms."""
    return split is not None and isinstance(split.estimates, Waveforms) and bool(split.estimates.names)


def by_places(state: State, parent: int, progress: Progress) -> Split:
    """The split after one more round of the filter that looks for the stems' places between the loudspeakers."""
    from stemstudio.algorithms.neural.places import placed

    split = state.splits[parent]
    if not isinstance(split.estimates, Waveforms):
        raise StemStudioError(
            "Only stems that a network made can be filtered by their places.",
            "For all others the Masks panel has the Wiener filter.",
        )
    estimates = placed(StemSound(state, parent), split.estimates, 1, progress)
    recipe = split.recipe
    rounds = getattr(recipe, "iterations", None)
    if rounds is not None:
        recipe = recipe.model_copy(update={"iterations": min(10, rounds + 1)})
    return replace(split, recipe=recipe, estimates=estimates)


def as_atoms(state: State, parent: int, recipe: NMF, progress: Progress) -> Split:
    """The stems as atoms: learned from each of them as it sounds now, fitted to the whole, each in its stem."""
    from stemstudio.algorithms.nmf.seeding import seeded

    split = state.splits[parent]
    children = [child for child in state.children(parent) if child.id != split.residual]
    sounds = {str(child.id): StemSound(state, child.id) for child in children}
    found = seeded(recipe, StemSound(state, parent), sounds, progress)
    named = {str(child.id): child.name for child in children}
    families = found.families or (None,) * len(found.names)
    owners = tuple(split.residual if family is None else int(family) for family in families)
    estimates = found.changed(
        families=tuple(None if family is None else named[family] for family in families),
        names=tuple(
            f"{'Rest' if family is None else named[family]} {name.rpartition(' ')[2]}"
            for family, name in zip(families, found.names, strict=True)
        ),
    )
    return Split(recipe, estimates, owners, split.residual)


def filtered(state: State, parent: int, split: Split, name: str) -> Edit:
    """The step that puts it in the place of the split that it was made of."""
    heard = below(state, [child.id for child in state.children(parent)])
    return Edit(name, {"splits": {parent: split}}, Change(frozenset({"splits"}), heard))
