"""A song taken apart at random, for tests of what is made of stems."""

from __future__ import annotations

import numpy as np

from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.hpss import HPSS
from stemstudio.audio.audio import Audio
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings

GRID = StftSettings(fft=1024, hop=256)


def taken_apart(audio: Audio, names: tuple[str, ...] = ("low", "high"), seed: int = 0) -> Project:
    """A song split by masks at random: stems that overlap in every bin, and a residual."""
    values = np.random.default_rng(seed).random((len(names), GRID.bins, GRID.frames(audio.length)))
    values /= values.sum(axis=0) * 1.25
    project = Project(audio, SongReference("song.wav", "0" * 64, "song"), GRID)
    estimates = Masks(names, GRID, values.astype(np.float16))
    edits.split(project, 0, HPSS(), estimates).do(project)
    return project


def leaves(project: Project) -> tuple[int, ...]:
    return tuple(leaf.id for leaf in project.state.leaves())
