"""Reworking: the atoms of a split improved, drawn anew, split, merged or deleted, be they of the stem or of selections.

Every function answers what `edits.refactorise` wants: new estimates, and for each of their parts the number of the one
it comes from. Parts that are not worked on stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.given import Part
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.spliced import Spliced
from stemstudio.audio.audio import Sound, Stretch
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.edit import Edit
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import MIXTURE, Split

if TYPE_CHECKING:
    from stemstudio.algorithms.nmf.rework import Reworked

Keep: TypeAlias = Callable[[Estimates, Progress], Estimates]

NO_ATOMS = "Only atoms that Atoms (NMF) found can be worked on."


@dataclass(frozen=True, eq=False)
class Place:
    """Atoms that were found together.

    Attributes
    ----------
    source
        0 for those of the whole stem, else the number of the piece that holds them.
    recipe
        What found them.
    atoms
        What it found.
    parts
        Their numbers among all parts of the split.
    """

    source: int
    recipe: NMF
    atoms: Factorization
    parts: range

    def own(self, parts: Collection[int]) -> list[int]:
        """Those of some parts that are its atoms, by its own numbers."""
        return [part - self.parts.start for part in sorted(set(parts)) if part in self.parts]


@dataclass(frozen=True, eq=False)
class ReworkedSplit:
    """A split after some work on its atoms.

    Attributes
    ----------
    estimates
        Its parts.
    origins
        For each of them the part it comes from; None for one that is new.
    recipe
        What the split is the result of now.
    """

    estimates: Estimates
    origins: tuple[int | None, ...]
    recipe: Algorithm

    def edit(self, state: State, parent: int, name: str) -> Edit:
        """The step that puts it in."""
        whose = "" if parent == MIXTURE else f" of {state.stems[parent].name}"
        return edits.refactorise(state, parent, self.estimates, self.origins, f"{name}{whose}", self.recipe)

    def kept(self, keep: Keep, progress: Progress) -> ReworkedSplit:
        """The same with its arrays on disk, where they are large."""
        return replace(self, estimates=keep(self.estimates, progress))


def places(split: Split) -> tuple[Place, ...]:
    """Where a split has atoms that can be worked on: in the whole stem, and in selections that were taken apart."""
    found = split.estimates
    if not isinstance(found, Spliced):
        whole = (split.recipe, found, range(len(found.names)))
        sources = [whole]
    else:
        recipes = [split.recipe, *(piece.recipe for piece in found.pieces)]
        sources = [
            (recipe, source, found.parts_of(number))
            for number, (recipe, source) in enumerate(zip(recipes, found.sources, strict=True))
        ]
    return tuple(
        Place(number, recipe, source, parts)
        for number, (recipe, source, parts) in enumerate(sources)
        if isinstance(recipe, NMF) and isinstance(source, Factorization)
    )


def kept_atoms(split: Split, selected: Collection[int]) -> frozenset[int]:
    """Atoms that stay when others are drawn anew: the locked ones, or the selected ones where none is locked."""
    atoms = {part for place in places(split) for part in place.parts}
    return frozenset(split.locked & atoms or atoms.intersection(selected))


def drawn_anew(split: Split, kept: Collection[int]) -> int:
    """How many atoms would be drawn anew beside those that are kept."""
    return sum(len(place.parts) - len(place.own(kept)) for place in places(split) if place.own(kept))


def go_on(state: State, parent: int, rounds: int, progress: Progress) -> ReworkedSplit:
    """More rounds for all atoms, from where they are."""
    from stemstudio.algorithms.nmf import rework

    def work(place: Place, sound: Sound, progress: Progress) -> Reworked:
        return rework.go_on(place.recipe, place.atoms, sound, rounds, progress)

    return _worked(state, parent, places(state.splits[parent]), work, progress)


def hold(
    state: State, parent: int, atoms: Collection[int], part: Part, on: bool, progress: Progress
) -> ReworkedSplit:
    """Atoms whose sound or times stay as they are in whatever rounds come, or may change again."""
    from stemstudio.algorithms.nmf import rework

    def work(place: Place, _sound: Sound, _progress: Progress) -> Reworked:
        return rework.hold(place.recipe, place.atoms, place.own(atoms), part, on)

    return _worked(state, parent, _holding(state, parent, atoms), work, progress)


def held(split: Split, part: Part) -> frozenset[int]:
    """Atoms whose sound ("templates") or times ("activations") stay as they are."""
    return frozenset(
        place.parts.start + atom
        for place in places(split)
        for atom in (place.atoms.held_templates if part == "templates" else place.atoms.held_activations)
    )


def draw_anew(
    state: State,
    parent: int,
    kept: Collection[int],
    progress: Progress,
    seed: int | None = None,
    part: Part = "both",
) -> ReworkedSplit:
    """All others found anew beside the atoms that are kept; a selection of which none is kept stays as it is.

    With `part` only what the others sound like, or only when they sound, is found anew. `seed` is by default the next after the one that found them.
    """
    from stemstudio.algorithms.nmf import rework

    concerned = [
        place for place in places(state.splits[parent]) if 0 < len(place.own(kept)) < len(place.parts)
    ]
    if not concerned:
        raise StemStudioError(
            "There is nothing to draw anew: all atoms are kept, or none.",
            "Lock or select the atoms that are to stay.",
        )

    def work(place: Place, sound: Sound, progress: Progress) -> Reworked:
        other = (place.recipe.seed + 1) % 2**31 if seed is None else seed
        return rework.draw_anew(place.recipe, place.atoms, sound, place.own(kept), other, progress, part)

    return _worked(state, parent, concerned, work, progress)


def split_atom(state: State, parent: int, atom: int, progress: Progress) -> ReworkedSplit:
    """An atom taken apart into two."""
    from stemstudio.algorithms.nmf import rework

    def work(place: Place, sound: Sound, progress: Progress) -> Reworked:
        (own,) = place.own([atom])
        return rework.split(place.recipe, place.atoms, sound, own, place.recipe.seed, progress)

    return _worked(state, parent, _holding(state, parent, [atom]), work, progress)


def merge(state: State, parent: int, atoms: Collection[int], progress: Progress) -> ReworkedSplit:
    """Several atoms made one."""
    from stemstudio.algorithms.nmf import merging

    concerned = _holding(state, parent, atoms)
    if len(concerned) > 1:
        raise StemStudioError(
            "These atoms were not found together: some belong to a selection that was taken apart alone.",
            "Merge those of the selection, or the others.",
        )

    def work(place: Place, _sound: Sound, _progress: Progress) -> Reworked:
        return merging.merge(place.recipe, place.atoms, place.own(atoms))

    return _worked(state, parent, concerned, work, progress)


def delete(state: State, parent: int, atoms: Collection[int], progress: Progress) -> ReworkedSplit:
    """The others without some atoms."""
    from stemstudio.algorithms.nmf import merging

    def work(place: Place, _sound: Sound, _progress: Progress) -> Reworked:
        return merging.delete(place.recipe, place.atoms, place.own(atoms))

    return _worked(state, parent, _holding(state, parent, atoms), work, progress)


def _holding(state: State, parent: int, atoms: Collection[int]) -> list[Place]:
    """The places of some atoms; an error where one of them has none."""
    found = [place for place in places(state.splits[parent]) if place.own(atoms)]
    if sum(len(place.own(atoms)) for place in found) < len(set(atoms)):
        raise StemStudioError(NO_ATOMS)
    return found


def _worked(
    state: State,
    parent: int,
    concerned: Collection[Place],
    work: Callable[[Place, Sound, Progress], Reworked],
    progress: Progress,
) -> ReworkedSplit:
    """The split with what the work makes of some of its places."""
    split, whole = state.splits[parent], StemSound(state, parent)
    if not concerned:
        raise StemStudioError(NO_ATOMS)
    found = split.estimates
    done = {}
    for count, place in enumerate(concerned):
        sound: Sound = whole
        if isinstance(found, Spliced) and place.source:
            piece = found.pieces[place.source - 1]
            sound = Stretch(whole, piece.offset, piece.length)
        share = progress.part(count / len(concerned), (count + 1) / len(concerned))
        share.check()
        done[place.source] = work(place, sound, share)
    recipe = done[0].recipe if 0 in done else split.recipe
    if not isinstance(found, Spliced):
        return ReworkedSplit(done[0].estimates, done[0].origins, recipe)
    origins: list[int | None] = []
    for number in range(len(found.sources)):
        parts = found.parts_of(number)
        own = done[number].origins if number in done else range(len(parts))
        origins += [None if origin is None else parts[origin] for origin in own]
    pieces = [
        replace(piece, estimates=done[number].estimates, recipe=done[number].recipe)
        if number in done
        else piece
        for number, piece in enumerate(found.pieces, 1)
    ]
    base: Estimates = done[0].estimates if 0 in done else found.base
    return ReworkedSplit(Spliced(base, pieces), tuple(origins), recipe)
