"""Splicing: a selection of a stem taken apart by itself, and crossfaded into the split that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.pieces import Piece
from stemstudio.algorithms.spliced import Spliced
from stemstudio.algorithms.streaming import Playhead, Streaming, at_the_start
from stemstudio.audio.audio import Samples, Sound, Stretch
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.edit import Edit, Rows
from stemstudio.project.project import Change, Project, State
from stemstudio.project.rendering import StemSound, render_children
from stemstudio.project.stem import Split, Stem, in_common
from stemstudio.spectral.brushes import Box

RAMP = 0.05  # seconds of the crossfade at either end
SHORTEST = 0.05  # seconds of a selection that can be taken apart
ALIGNED = 65536  # what the recipe hears begins at a multiple of it, so that its frames are those of the song
ALIKE = 0.5  # correlation from which on two sounds count as the same stem
HEARD = 0.05  # correlation of an atom with a stem, below which it is in none
AT_ONCE = 8  # atoms whose sound is held in memory
COMPARED = 30  # seconds of a selection that are listened to for that


@dataclass(frozen=True)
class Place:
    """Where a selection lies, and what a recipe hears for it.

    Attributes
    ----------
    offset, length
        The samples that the recipe hears: the selection, and some of what is around it.
    start, stop
        Those of the selection.
    band
        In Hz; None for all frequencies.
    """

    offset: int
    length: int
    start: int
    stop: int
    band: tuple[float, float] | None

    def piece(self, recipe: Algorithm, estimates: Estimates, rate: int) -> Piece:
        """The selection, with what the recipe made of all that it heard."""
        ramp = min(round(RAMP * rate), (self.stop - self.start) // 2)
        return Piece(recipe, estimates, self.offset, self.length, self.start, self.stop, ramp, self.band)


@dataclass(frozen=True, eq=False)
class Found:
    """What came of a selection that was taken apart.

    Attributes
    ----------
    piece
        Its parts, at their place.
    stems
        Words for the stems that its parts make.
    owners
        For each part, which of those it is in; None for the residual.
    children
        For each of the stems, the child of the split that it goes on in; None for a new one.
    probabilities
        Whose each part probably is, as `edits.split` takes it; heeded where there was no split yet.
    """

    piece: Piece
    stems: tuple[str, ...]
    owners: tuple[int | None, ...]
    children: tuple[int | None, ...]
    probabilities: NDArray[np.float32] | None = None


def separate_range(
    state: State,
    stem: int,
    recipe: Algorithm,
    box: Box,
    progress: Progress,
    together: Mapping[str, str] | None = None,
    playhead: Playhead = at_the_start,
) -> Found:
    """Take a selection of a stem apart, with some of the sound around it, and find out which stems its parts are.

    Parameters
    ----------
    box
        The selection: its seconds; and its band, unless that reaches over all frequencies.
    together
        Stem by part, where parts are to be one stem.
    playhead
        The sample of the song that is wanted first, where the recipe hands on what it has.
    """
    piece = cut_out(StemSound(state, stem), recipe, box, progress.part(0.0, 0.9), playhead)
    found = _placed(state, stem, piece, together or {}, progress.part(0.9, 1.0))
    progress(1.0, "Done")
    return found


def cut_out(
    sound: Sound, recipe: Algorithm, box: Box, progress: Progress, playhead: Playhead = at_the_start
) -> Piece:
    """Take the sound of a selection apart, with some of what is around it."""
    place = place_of(recipe, box, sound.sample_rate, sound.length)
    heard = Stretch(sound, place.offset, place.length)
    if isinstance(recipe, Streaming):
        estimates: Estimates = recipe.run(heard, progress, lambda: playhead() - place.offset)
    else:
        estimates = recipe.run(heard, progress)
    return place.piece(recipe, estimates, sound.sample_rate)


def place_of(recipe: Algorithm, box: Box, rate: int, length: int) -> Place:
    """Where a selection lies in a sound of so many samples.

    Raises
    ------
    StemStudioError
        When the selection is shorter than a twentieth of a second, or outside the sound.
    """
    start, stop = max(0, round(box.start * rate)), min(length, round(box.stop * rate))
    if stop - start < SHORTEST * rate:
        raise StemStudioError(
            "The selection is too short to be taken apart.", "Select a twentieth of a second at least."
        )
    context = round(recipe.context * rate)
    offset = max(0, (start - context) // ALIGNED * ALIGNED)
    end = min(length, stop + context)
    nyquist = rate / 2
    everything = box.low <= 20.0 and box.high >= 0.95 * nyquist
    band = None if everything else (max(0.0, box.low), min(box.high, nyquist))
    return Place(offset, end - offset, start, stop, band)


def splice(project: Project, parent: int, found: Found, name: str = "") -> Edit:
    """Crossfade what was found into the split of a stem; the sound outside the selection stays bit for bit.

    A stem that is not split yet is split: the new stems hold the selection, the residual everything else. Where
    a child that was to be gone on with is no longer there, a new one takes its place.
    """
    state = project.state
    piece, recipe = found.piece, found.piece.recipe
    at = piece.start / state.mixture.sample_rate
    title = name or f"{recipe.called}, selection at {at:.1f} s"
    if parent not in state.splits:
        nothing = ByHand().run(state.mixture, Progress())
        estimates = Spliced(nothing, [piece])
        return edits.split(
            project,
            parent,
            recipe,
            estimates,
            stems=found.stems,
            owners=found.owners,
            probabilities=found.probabilities,
            name=title,
        )
    whole = state.splits[parent]
    estimates, owners, locked = _without_covered(whole, piece)
    children = {child.id for child in state.children(parent)}
    going_on = [child if child in children else None for child in found.children]
    made = new_stems(
        project, parent, [w for w, child in zip(found.stems, going_on, strict=True) if child is None]
    )
    fresh = iter(made)
    ids = [next(fresh).id if child is None else child for child in going_on]
    added = tuple(whole.residual if owner is None else ids[owner] for owner in found.owners)
    if estimates.atoms:  # suggestions move atoms, not what else there is
        locked |= {
            part
            for number, source in enumerate(estimates.sources)
            if not source.atoms
            for part in estimates.parts_of(number)
        }
    rows: Rows = {
        "stems": {stem.id: stem for stem in made},
        "splits": {parent: replace(whole, estimates=estimates, owners=owners + added, locked=locked)},
    }
    rate = state.mixture.sample_rate
    box = Box(start=piece.start / rate, stop=piece.stop / rate, low=0.0, high=rate / 2)
    heard = frozenset(edits.below(state, children) | {stem.id for stem in made})
    kinds = frozenset({"splits", "stems", "mixer"}) if made else frozenset({"splits"})
    return Edit(title, rows, Change(kinds, heard, box))


def alike(sounds: Sequence[Samples], others: Sequence[Samples], least: float = ALIKE) -> list[int | None]:
    """For every sound the other that is most like it, each taken once; None below a correlation of `least`.

    Parameters
    ----------
    sounds, others
        float32 (channels, samples) of one stretch.
    """
    if not sounds or not others:
        return [None] * len(sounds)
    from scipy.optimize import linear_sum_assignment

    table = correlation(sounds, others)
    found: list[int | None] = [None] * len(sounds)
    for row, column in zip(*linear_sum_assignment(table, maximize=True), strict=True):
        if table[row, column] >= least:
            found[row] = int(column)
    return found


def correlation(sounds: Sequence[Samples], others: Sequence[Samples]) -> NDArray[np.float64]:
    """⟨a, b⟩ / (|a| |b|) of every sound with every other one, over all channels; 0 for silence."""
    a = np.stack([sound.ravel() for sound in sounds]).astype(np.float64)
    b = np.stack([sound.ravel() for sound in others]).astype(np.float64)
    norms = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.divide(a @ b.T, norms, out=np.zeros_like(norms), where=norms > 1e-9)


def _placed(
    state: State, parent: int, piece: Piece, together: Mapping[str, str], progress: Progress
) -> Found:
    """Which stems the parts of a piece are: their namesakes, those that sound alike, else new ones.

    Where there are two stems that are all of the song, what is left belongs to one of them.
    """
    progress(0.0, "Finding the stems that go on")
    parts = piece.estimates.names
    split = state.splits.get(parent)
    if piece.estimates.atoms:
        return _placed_atoms(state, parent, piece, progress)
    words = [together.get(part, part) for part in parts]
    stems = tuple(dict.fromkeys(words))
    owners = tuple(stems.index(word) for word in words)
    if split is None:
        return Found(piece, stems, owners, (None,) * len(stems))
    children = [child for child in state.children(parent) if child.id != split.residual]
    found: list[int | None] = namesakes(stems, split, children)
    left = [place for place, child in enumerate(found) if child is None]
    free = [child.id for child in children if child.id not in found]
    pair = len(children) == 2 and not split.estimates.atoms and split.residual not in split.owners
    if left and (free or pair):
        start, stop = _compared(state, piece)
        groups = [[part for part, owner in enumerate(owners) if owner == place] for place in left]
        sounds = piece.render(StemSound(state, parent), groups, start, stop)
        progress(0.5)
        there = render_children(state, parent, start, stop)
        for place, match in zip(left, alike(list(sounds), [there[child] for child in free]), strict=True):
            found[place] = None if match is None else free[match]
        if pair:
            table = correlation(list(sounds), [there[child.id] for child in children])
            for place, row in zip(left, table, strict=True):
                if found[place] is None and row.max() > HEARD:
                    found[place] = children[int(row.argmax())].id
    return Found(piece, stems, owners, tuple(found))


def _placed_atoms(state: State, parent: int, piece: Piece, progress: Progress) -> Found:
    """Atoms go on in the stems that they sound like; where nothing is split yet they wait in the residual."""
    parts = piece.estimates.names
    split = state.splits.get(parent)
    children = [] if split is None else [c for c in state.children(parent) if c.id != split.residual]
    if not children:
        stems, own = piece.estimates.gathered()
        return Found(piece, stems, own, (None,) * len(stems))
    start, stop = _compared(state, piece)
    sound = StemSound(state, parent)
    there = render_children(state, parent, start, stop)
    owners: list[int | None] = []
    for first in range(0, len(parts), AT_ONCE):
        progress(first / len(parts), "Finding the stems that go on")
        atoms = [[atom] for atom in range(first, min(first + AT_ONCE, len(parts)))]
        table = correlation(
            list(piece.render(sound, atoms, start, stop)), [there[child.id] for child in children]
        )
        owners += [int(row.argmax()) if row.max() > HEARD else None for row in table]
    ids = [child.id for child in children]
    for atom, family in enumerate(piece.estimates.families or ()):
        named = None if family is None else by_name(family, children)
        if named is not None:  # a taught sound goes on in the stem of its name
            owners[atom] = ids.index(named)
    words = tuple(child.name for child in children)
    return Found(piece, words, tuple(owners), tuple(ids))


def namesakes(words: Sequence[str], split: Split, children: Sequence[Stem]) -> list[int | None]:
    """For each word the child of that name, or else the one that a part of that name is in, such as a band's drums."""
    within = {child.id for child in children}
    parts: dict[str, int] = {}
    for part, owner in zip(split.estimates.names, split.owners, strict=True):
        if owner in within:
            parts.setdefault(part.strip().casefold(), owner)
    named = (by_name(word, children) for word in words)
    return [
        parts.get(word.strip().casefold()) if child is None else child
        for word, child in zip(words, named, strict=True)
    ]


def by_name(word: str, children: Iterable[Stem]) -> int | None:
    """Id of the stem of that name."""
    wanted = word.strip().casefold()
    return next((child.id for child in children if child.name.strip().casefold() == wanted), None)


def _compared(state: State, piece: Piece) -> tuple[int, int]:
    return piece.start, min(piece.stop, piece.start + COMPARED * state.mixture.sample_rate)


def _without_covered(whole: Split, piece: Piece) -> tuple[Spliced, tuple[int, ...], frozenset[int]]:
    """The split's estimates with the piece over them, less the pieces that lie under it; owners and locked parts."""
    old = whole.estimates
    if not isinstance(old, Spliced):
        return Spliced(old, [piece]), whole.owners, whole.locked
    kept = [number for number, other in enumerate(old.pieces, 1) if not piece.covers(other)]
    parts = [part for number in (0, *kept) for part in old.parts_of(number)]
    owners = tuple(whole.owners[part] for part in parts)
    locked = frozenset(place for place, part in enumerate(parts) if part in whole.locked)
    return Spliced(old.base, [*(old.pieces[number - 1] for number in kept), piece]), owners, locked


def new_stems(project: Project, parent: int, words: Sequence[str]) -> list[Stem]:
    """Stems that a split stem gets in addition, with what the strips of its parts have in common."""
    state = project.state
    siblings = [child for child in state.children(parent) if not state.is_residual(child.id)]
    first = max((child.position for child in siblings), default=-1.0) + 1
    colours = edits.fresh_colours([stem.colour for stem in state.stems.values()], len(words))
    strip = in_common(state.leaves(parent), state.stems[parent])
    made: list[Stem] = []
    for place, (word, colour) in enumerate(zip(words, colours, strict=True)):
        name = edits.unique_name(state, word, also=[stem.name for stem in made])
        made.append(Stem(project.new_id(), name, colour, parent, first + place, **strip))
    return made
