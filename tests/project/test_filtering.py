"""The stems of a network told apart once more: by their places, or as atoms; names, colours and faders stay."""

from __future__ import annotations

import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.filtering import as_atoms, by_places, filterable, filtered
from stemstudio.project.history import History
from stemstudio.project.project import Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.stft import StftSettings

RATE = 22050


@pytest.fixture
def project():
    mix, stems = mixture(3.0, RATE)
    waves = np.stack([stem.samples for stem in stems.values()])
    bled = 0.7 * waves + 0.1 * (waves.sum(axis=0) - waves)
    made = Project(mix, SongReference("song.wav", "", "Song"), StftSettings(fft=1024, hop=256))
    edits.split(made, 0, HTDemucs(), Waveforms(list(stems), bled)).do(made)
    return made


def distortion(project) -> float:
    _, stems = mixture(3.0, RATE)
    found = render_leaves(project.state, 0, project.state.mixture.length)
    named = {project.state.stems[stem].name: wave for stem, wave in found.items()}
    total = np.sum(list(named.values()), axis=0)
    np.testing.assert_allclose(total, project.state.mixture.samples, atol=1e-5)
    return sum(float(np.square(named[name] - stem.samples).sum()) for name, stem in stems.items())


def test_by_their_places_stems_are_cleaner_and_stay_who_they_are(project):
    before, worse = project.state, distortion(project)
    history = History(project)
    history.do(filtered(before, 0, by_places(before, 0, Progress()), "Places"))
    assert distortion(project) < 0.5 * worse
    assert project.state.stems == before.stems
    assert project.state.splits[0].recipe == HTDemucs(iterations=1)
    history.undo()
    assert distortion(project) == worse


def test_as_atoms_every_stem_has_its_own(project):
    before, worse = project.state, distortion(project)
    recipe = NMF(components=24, iterations=30, fft=1024, hop=256)
    filtered(before, 0, as_atoms(before, 0, recipe, Progress()), "Atoms").do(project)
    assert distortion(project) < worse
    assert project.state.stems == before.stems
    split = project.state.splits[0]
    assert split.estimates.atoms
    names = [project.state.stems[owner].name for owner in split.owners]
    assert names == list(split.estimates.families)
    assert split.estimates.names[6] == "bass 1"
    moved = edits.assign(project.state, 0, {0: split.owners[6]}, "Give")
    assert moved is not None


def test_only_sounds_are_filtered(project):
    mix = project.state.mixture
    masks = HPSS().run(mix, Progress())
    edits.split(project, 0, HPSS(), masks).do(project)
    assert not filterable(project.state.splits[0])
    assert not filterable(None)
    with pytest.raises(StemStudioError, match="Only stems that a network made"):
        by_places(project.state, 0, Progress())
