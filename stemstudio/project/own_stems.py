"""A song whose file brings its stems along: they become its children, under their own names and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.own_stems import OwnStems
from stemstudio.audio.stem_streams import StemEntry
from stemstudio.project import edits
from stemstudio.project.edit import Edit
from stemstudio.project.project import Project
from stemstudio.project.stem import MIXTURE


def with_own_stems(
    project: Project, recipe: OwnStems, estimates: Estimates, entries: Sequence[StemEntry]
) -> Edit:
    """Split the song into the stems of its file; what they leave of it is the residual."""
    edit = edits.split(project, MIXTURE, recipe, estimates, name=recipe.called)
    stems = edit.rows["stems"]
    *made, rest = sorted(stems.values(), key=lambda stem: stem.position)
    for stem, entry in zip(made, entries, strict=True):
        if entry.colour:
            stems[stem.id] = replace(stem, colour=entry.colour)
    if any(stem.name == rest.name for stem in made):
        stems[rest.id] = replace(rest, name=f"{rest.name} of the file")
    return edit
