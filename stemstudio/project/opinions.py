"""Opinions: other answers to whose the sound of a stem is; each a state of the song in which it is split that way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.spliced import Spliced
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound
from stemstudio.project.showing import levels
from stemstudio.project.stem import Split
from stemstudio.project.takes import Answer, take_of
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]

SAMPLED = 24  # places of the song that are looked at to find which stems of two opinions are the same
FRAMES = 16  # of each
TINY = np.float32(1e-20)


@dataclass(frozen=True, eq=False)
class Opinion:
    """Another answer.

    Attributes
    ----------
    title
        Whose it is: "htdemucs", "Atoms (NMF), as it was".
    stem
        What is split.
    state
        The song, with that split in it; its grid may be another one by now.
    """

    title: str
    stem: int
    state: State

    @property
    def split(self) -> Split:
        return self.state.splits[self.stem]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the stems, the residual last."""
        return tuple(child.name for child in self.state.children(self.stem))

    def sounds(self) -> dict[str, Sound]:
        """The stems by name, without the residual."""
        children = self.state.children(self.stem)
        return {
            child.name: StemSound(self.state, child.id)
            for child in children
            if child.id != self.split.residual
        }


@dataclass(frozen=True, eq=False)
class Remembered:
    """What it takes to have an opinion again: the answer itself, without paint and without what its stems were split into.

    Attributes
    ----------
    title
        Of the opinion.
    answer
        How it splits the stem.
    masking
        How its masks are made, where somebody said so.
    before
        Whether it is how the stem was split before, rather than what somebody was asked for.
    """

    title: str
    answer: Answer
    masking: Masking | None = None
    before: bool = False

    @classmethod
    def of(cls, opinion: Opinion, *, before: bool = False) -> Remembered:
        split, stem = opinion.split, opinion.stem
        children = {child.id: child.name for child in opinion.state.children(stem)}
        children.pop(split.residual, None)
        places = {child: place for place, child in enumerate(children)}
        owners = tuple(places.get(owner) for owner in split.owners)
        answer = Answer(stem, split.recipe, split.estimates, tuple(children.values()), owners)
        return cls(opinion.title, answer, split.own_masking, before)

    def opinion(self, state: State) -> Opinion:
        """The opinion of the song as it is; its stem must be there."""
        stem = self.answer.stem
        found = take_of(state, self.answer).state
        split = replace(found.splits[stem], own_masking=self.masking)
        return Opinion(self.title, stem, replace(found, splits={**found.splits, stem: split}))


def shares(
    state: State, stem: int, first: int, last: int, grid: StftSettings | None = None
) -> tuple[Float, Float]:
    """Whose the light of a split stem is, on some grid; that of the project if None.

    Returns
    -------
    shares
        float32 (children, bins, frames), the residual last: each child's share of the power of all; 0 where all are
        silent.
    power
        float32 (bins, frames): of all together.
    """
    found = levels(state, [child.id for child in state.children(stem)], first, last, grid)
    np.square(found, out=found)
    power = found.sum(axis=0)
    found /= np.maximum(power, TINY)
    return found, power


@dataclass(frozen=True, eq=False)
class Comparison:
    """The stems as they are beside another opinion of them.

    Attributes
    ----------
    state
        The song as it is.
    opinion
        The other.
    own, other
        For each child here and there, the residual last, which of the common stems it belongs to.
    """

    state: State
    opinion: Opinion
    own: tuple[int, ...]
    other: tuple[int, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the common stems: those of the side that has fewer."""
        mine = tuple(child.name for child in self.state.children(self.opinion.stem))
        return mine if len(mine) <= len(self.opinion.names) else self.opinion.names

    def split_light(self, first: int, last: int) -> tuple[Float, Float, Float]:
        """Shares of the common stems here and there, (stems, bins, frames) each, and the power here, (bins, frames)."""
        stem, size = self.opinion.stem, len(self.names)
        mine, power = shares(self.state, stem, first, last)
        theirs, _ = shares(self.opinion.state, stem, first, last, self.state.grid)
        return _gathered(mine, self.own, size), _gathered(theirs, self.other, size), power


def compared(state: State, opinion: Opinion, progress: Progress | None = None) -> Comparison:
    """Find out which stems of an opinion are which of ours.

    Those of one name are the same. Of the others, each one on the side that has more stems belongs to the one of the other
    side with which it shares the most light.
    """
    progress = progress or Progress()
    stem = opinion.stem
    mine = [child.name for child in state.children(stem)]
    theirs = list(opinion.names)
    mine[-1] = theirs[-1] = ""  # whatever the residuals are called, they are what is left over
    fewer_here = len(mine) <= len(theirs)
    few, many = (mine, theirs) if fewer_here else (theirs, mine)
    known = {_word(name): number for number, name in enumerate(few)}
    belongs = [known.get(_word(name)) for name in many]
    if None in belongs:
        overlap = np.zeros((len(many), len(few)))
        frames = state.frames
        places = np.unique(np.linspace(0, max(0, frames - FRAMES), SAMPLED).astype(int))
        for number, first in enumerate(places):
            progress(number / len(places), "comparing the stems")
            last = min(frames, int(first) + FRAMES)
            here, power = shares(state, stem, int(first), last)
            there, _ = shares(opinion.state, stem, int(first), last, state.grid)
            rows, columns = (there, here) if fewer_here else (here, there)
            weighted = (rows * power).reshape(len(many), -1)
            overlap += weighted @ columns.reshape(len(few), -1).T
        belongs = [
            int(overlap[row].argmax()) if found is None else found for row, found in enumerate(belongs)
        ]
    many_to = tuple(int(number) for number in belongs if number is not None)
    same = tuple(range(len(few)))
    progress(1.0)
    return Comparison(state, opinion, same if fewer_here else many_to, many_to if fewer_here else same)


def doubt(comparisons: Sequence[Comparison], first: int, last: int) -> tuple[Float, Float]:
    """How much the opinions differ from the stems as they are, in every bin.

    d = ½ Σ_j |a_j − b_j|, the distance in total variation of the shares a that the stems have from those b of another
    opinion: 0 where both give the light to the same stems alike, 1 where they give it to different ones. The mean of
    several opinions.

    Returns
    -------
    doubt, power
        float32 (bins, frames) each: d in [0, 1], 0 where all is silent; the power of the stems together.
    """
    total: Float | None = None
    for comparison in comparisons:
        mine, theirs, power = comparison.split_light(first, last)
        distance = differing(mine, theirs)
        total = distance if total is None else total + distance
    if total is None:
        raise ValueError("there is no opinion to differ from")
    return total / np.float32(len(comparisons)), power


def differing(mine: Float, theirs: Float) -> Float:
    """½ Σ_j |a_j − b_j| of shares (stems, …), at most 1."""
    distance = np.abs(mine - theirs).sum(axis=0)
    return np.asarray(np.minimum(distance / np.float32(2), np.float32(1)))


def _gathered(found: Float, belongs: Sequence[int], size: int) -> Float:
    if tuple(belongs) == tuple(range(size)):
        return found
    result = np.zeros((size, *found.shape[1:]), dtype=np.float32)
    for row, number in zip(found, belongs, strict=True):
        result[number] += row
    return result


def _another_answer(before: Split, now: Split) -> bool:
    """Whether a split is more than the one before, gone on with: taught by hints, its atoms worked on, its places told apart.

    What somebody mended is no opinion to hold against the mending. A split that goes on keeps its residual.
    """
    return now.estimates is not before.estimates and (
        now.residual != before.residual
        or type(now.recipe) is not type(before.recipe)
        or _pieces(now) > _pieces(before)
    )


def _pieces(split: Split) -> int:
    """How many selections were separated anew."""
    return len(split.estimates.pieces) if isinstance(split.estimates, Spliced) else 0


def _word(name: str) -> str:
    return name.strip().casefold()


@dataclass
class Earlier:
    """How stems were split before, as far as that was another answer: the last few of each stem."""

    most: int = 3
    _held: dict[int, list[Opinion]] = field(default_factory=dict)

    def saw(self, before: State, after: State) -> bool:
        """A step was done; whether it replaced the answer of any stem."""
        found = False
        for stem, split in before.splits.items():
            now = after.splits.get(stem)
            if stem in after.stems and (now is None or _another_answer(split, now)):
                held = self._held.setdefault(stem, [])
                held[:] = [each for each in held if each.split.estimates is not split.estimates]
                held.append(Opinion(f"{split.recipe.called}, as it was", stem, before))
                del held[: -self.most]
                found = True
        return found

    def of(self, state: State, stem: int) -> tuple[Opinion, ...]:
        """Those of a stem that are not as it is now, the latest first."""
        now = state.splits.get(stem)
        held = reversed(self._held.get(stem, ()))
        return tuple(each for each in held if now is None or each.split.estimates is not now.estimates)

    def every(self) -> tuple[Opinion, ...]:
        """Of all stems, the latest of each last."""
        return tuple(each for held in self._held.values() for each in held)

    def put_back(self, opinions: Sequence[Opinion]) -> None:
        """These were there when the song was saved, the latest of a stem last."""
        for each in opinions:
            held = self._held.setdefault(each.stem, [])
            held.append(each)
            del held[: -self.most]

    def forget(self) -> None:
        self._held.clear()
