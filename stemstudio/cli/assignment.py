"""Which atoms make a stem, as the command line says it: atoms, timbre:N, stems:DIR, model:NAME and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates, PartSound
from stemstudio.algorithms.labelling import UNSURE, Labels
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Sound, Stretch
from stemstudio.cli.console import say
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress

WAYS = (
    "Say atoms, timbre:N (such as timbre:4), rhythm:N, either without a number, stems:DIR, model:NAME (such as "
    "model:htdemucs) or templates."
)
MOST_STEMS = 64
Assigned = tuple[Sequence[str], Sequence[int | None], NDArray[np.float32] | None]
LIKENESSES: tuple[Literal["timbre", "rhythm"], ...] = ("timbre", "rhythm")


@dataclass(frozen=True)
class Assignment:
    """One way of gathering atoms into stems.

    Attributes
    ----------
    kind
        Each atom a stem; stems of what sounds alike, or at like times; what comes nearest to given stems; whose a
        network says it is; each taught sound, and each drum or track of a score, a stem.
    stems
        How many, for "timbre" and "rhythm"; None finds out.
    folder
        Of the given stems.
    model
        Name of the network.
    said
        Whether somebody asked for it; otherwise it is ours.
    """

    kind: Literal["atoms", "timbre", "rhythm", "stems", "model", "templates"]
    stems: int | None = None
    folder: Path = Path()
    model: str = ""
    said: bool = True

    def __str__(self) -> str:
        number = "" if self.stems is None else f":{self.stems}"
        if self.kind == "model":
            return f"model:{self.model}"
        return f"{self.kind}:{self.folder}" if self.kind == "stems" else f"{self.kind}{number}"


def parse_assignment(words: str | None) -> Assignment:
    """Understand what `WAYS` says; four stems by timbre if nothing is said."""
    if words is None:
        return Assignment("timbre", 4, said=False)
    word, colon, value = words.partition(":")
    if word in ("atoms", "templates") and not value:
        return Assignment("atoms" if word == "atoms" else "templates")
    kind = next((kind for kind in LIKENESSES if kind == word), None)
    if kind is not None:
        if not colon:
            return Assignment(kind)
        if value.isdecimal() and 1 <= int(value) <= MOST_STEMS:
            return Assignment(kind, int(value))
        raise StemStudioError(
            f"“{words}” does not say how many stems, from 1 to {MOST_STEMS}.",
            f"Say it as in --assign {kind}:4, or --assign {kind} to find out.",
        )
    if word == "stems" and value:
        folder = Path(value).expanduser()
        if not folder.is_dir():
            raise StemStudioError(
                f"There is no folder “{folder}”.", "Give the folder that the true stems are in."
            )
        return Assignment("stems", folder=folder)
    if word == "model" and value:
        return Assignment("model", model=value)
    raise StemStudioError(f"“{words}” is no way of assigning atoms.", WAYS)


def check(how: Assignment, recipe: Algorithm) -> None:
    """Refuse, before any work, to assign atoms that there will not be."""
    if how.said and not recipe.atoms:
        raise StemStudioError(
            f"{recipe.title} makes stems and no atoms, so there is nothing to assign.", "Leave out --assign."
        )
    if how.kind == "model":
        from stemstudio.algorithms.neural.by_name import recipe_named

        recipe_named(how.model)
    if how.kind == "templates" and not (isinstance(recipe, NMF) and (recipe.templates or recipe.score)):
        raise StemStudioError(
            "No templates are used, so there is nothing to assign by.",
            "Name some as in --set templates=Kick,Snare, or a score as in --set score=song.mid.",
        )


def assigned(how: Assignment, estimates: Estimates, mixture: Sound, progress: Progress) -> Assigned:
    """Names of the stems, for every part the number of its stem or None for the residual, and how probable each is.

    Parts that are no atoms are stems already.
    """
    if not estimates.atoms:
        return estimates.names, range(len(estimates.names)), None
    if how.kind == "atoms" or not isinstance(estimates, Factorization):
        return estimates.names, range(len(estimates.names)), None
    if how.kind == "stems":
        return *_by_stems(how.folder, estimates, mixture, progress), None
    if how.kind == "model":
        return _by_model(how.model, estimates, mixture, progress)
    if how.kind == "templates" or (not how.said and estimates.families is not None):
        return *estimates.gathered(), None
    from stemstudio.algorithms.alike import by_likeness

    if not how.said:
        say("Atoms are gathered into 4 stems by timbre; --assign says it otherwise.")
    labels = by_likeness(estimates, how.stems, mixture.sample_rate, likeness=how.kind)
    if how.stems is None:
        say(f"Found {len(labels.names)} stems by {how.kind}: {', '.join(labels.names)}.")
    _say_doubt(labels)
    return labels.names, labels.owners, labels.probabilities


def _by_model(name: str, estimates: Factorization, mixture: Sound, progress: Progress) -> Assigned:
    from stemstudio.algorithms.labelling import by_stems
    from stemstudio.algorithms.neural.by_name import recipe_named

    stems = recipe_named(name).run(mixture, progress.part(0.0, 0.9))
    sounds = {part: PartSound(mixture, stems, number) for number, part in enumerate(stems.names)}
    labels = by_stems(estimates, mixture, sounds, progress.part(0.9, 1.0))
    _say_doubt(labels)
    without = [name for number, name in enumerate(labels.names) if number not in labels.owners]
    if without:
        say(f"No atom is mostly of {' or of '.join(without)}, so there is silence in that.")
    return labels.names, labels.owners, labels.probabilities


def _say_doubt(labels: Labels) -> None:
    if labels.doubtful:
        say(
            f"{labels.doubtful} of {len(labels.owners)} atoms could be of several stems: the best has less than "
            f"{UNSURE:.0%}."
        )


def _by_stems(
    folder: Path, estimates: Factorization, mixture: Sound, progress: Progress
) -> tuple[list[str], list[int | None]]:
    from stemstudio.algorithms.labelling import by_references
    from stemstudio.stem_folders import read_folder

    references = read_folder(folder, progress=progress.part(0.0, 0.3))
    for name, reference in references.items():
        if reference.sample_rate != mixture.sample_rate:
            raise StemStudioError(
                f"The stem “{name}” has {reference.sample_rate} Hz and the song {mixture.sample_rate} Hz.",
                "Give stems of the song's own rate.",
            )
        if reference.channels not in (1, mixture.channels):
            raise StemStudioError(
                f"The stem “{name}” has {reference.channels} channels and the song {mixture.channels}.",
                "Give stems with the song's own channels.",
            )
    names = list(references)
    there: dict[str, Sound] = dict(references)
    if isinstance(mixture, Stretch):
        there = {name: Stretch(sound, mixture.start, mixture.length) for name, sound in references.items()}
    owners = by_references(estimates, mixture, there, progress.part(0.3, 1.0))
    return names, [None if owner is None else names.index(owner) for owner in owners]
