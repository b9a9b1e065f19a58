"""Where W and H of a recipe begin: by chance, from the song's patterns, from notes, templates or a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stemstudio.algorithms.nmf.factorization import LONGEST_NAME
from stemstudio.algorithms.nmf.informed import Start, harmonic_start, taught_start, with_free_atoms
from stemstudio.algorithms.nmf.score import Note, read_score, within
from stemstudio.algorithms.nmf.score_start import score_start
from stemstudio.algorithms.nmf.spectrum import Float
from stemstudio.algorithms.nmf.starts import nndsvd_start, random_start
from stemstudio.algorithms.nmf.template_library import TemplateLibrary
from stemstudio.algorithms.streaming import Said
from stemstudio.audio.audio import Sound, Stretch, begins_at
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress

if TYPE_CHECKING:
    from stemstudio.algorithms.nmf.recipe import NMF

MOST_COMPONENTS = 256


def beginning(recipe: NMF, V: Float, sound: Sound, components: int, progress: Progress) -> Start:
    """Where W and H begin, for V of a sound. Files are read here and nowhere else: a recipe may come from a stranger."""
    sample_rate = sound.sample_rate
    taught = TemplateLibrary().resolve(recipe.templates) if recipe.templates.strip() else ()
    if recipe.score:
        informed = score_start(
            V,
            _heard_notes(Path(recipe.score), sound, progress),
            recipe.grid,
            sample_rate,
            tolerance=recipe.tolerance,
            onsets=recipe.onsets,
            exponent=recipe.exponent,
            taught=taught,
            family=Path(recipe.score).stem[:LONGEST_NAME].strip() or None,
            progress=progress,
        )
    elif taught:
        informed = taught_start(V, taught, recipe.grid, sample_rate, recipe.exponent)
    elif recipe.start == "harmonic":
        informed = harmonic_start(V, recipe.grid, sample_rate, recipe.lowest, recipe.highest, recipe.exponent)
    elif recipe.start == "nndsvd":
        return Start.free(*nndsvd_start(V, components, recipe.seed, progress))
    else:
        return Start.free(*random_start(V, components, recipe.seed))
    given = np.ones(len(informed.fixed_templates), dtype=np.bool_)
    informed = replace(
        informed,
        fixed_templates=given & recipe.hold_templates,
        settled=informed.settled or (bool(taught) and not recipe.hold_templates),
        fixed_activations=given & (recipe.hold_activations and bool(recipe.score)),
    )
    if recipe.free:
        informed = with_free_atoms(V, informed, recipe.free, recipe.seed, recipe.beta, progress)
    atoms = informed.templates.shape[1]
    if atoms > MOST_COMPONENTS:
        raise BadRecipe(
            f"That would be {atoms} atoms, and there can be {MOST_COMPONENTS} at most.",
            "Take fewer templates, a smaller range of notes, fewer free atoms, or a score with fewer different notes.",
        )
    return informed


def _heard_notes(score: Path, sound: Sound, progress: Progress) -> Sequence[Note]:
    """The notes of a score of the whole song that the sound, which may be a stretch of it, can have."""
    notes = read_score(score)
    start = begins_at(sound)
    heard = within(notes, start, sound.length / sound.sample_rate)
    if not heard:
        raise BadRecipe(
            f"The score “{score.name}” has no note in this stretch of the song, from {start:.1f} s on.",
            "Select where it has notes, or leave the score out.",
        )
    late = sum(note.start >= start + sound.length / sound.sample_rate for note in notes)
    if late and not isinstance(sound, Stretch):
        progress.hand_on(
            Said(
                f"{late} of {len(notes)} notes of “{score.name}” come after the end of the song: is it in its tempo?"
            )
        )
    return heard
