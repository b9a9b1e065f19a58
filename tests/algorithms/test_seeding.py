"""Atoms learned from the stems that somebody else made."""

from __future__ import annotations

import numpy as np
import pytest
import signals
from small_recipes import write_tiny_roformer

from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.seeding import Rest, seeded
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadRecipe, StemStudioError
from stemstudio.progress import Cancelled, Progress

RATE = 22050
RECIPE = NMF(components=24, iterations=40, fft=1024, hop=256)


def bled(stems: dict[str, Audio], leak: float) -> dict[str, Audio]:
    waves = np.stack([stem.samples for stem in stems.values()])
    others = waves.sum(axis=0) - waves
    found = (1 - leak) * waves + leak / (len(stems) - 1) * others
    return {name: Audio(wave, RATE) for name, wave in zip(stems, found, strict=True)}


def worth(stems, waves) -> float:
    ratios = [
        10 * np.log10((stem.samples**2).sum() / ((stem.samples - wave) ** 2).sum())
        for stem, wave in zip(stems.values(), waves, strict=True)
    ]
    return float(np.mean(ratios))


@pytest.fixture(scope="module")
def song():
    return signals.mixture(4.0, RATE)


@pytest.fixture(scope="module")
def found(song):
    mix, stems = song
    return seeded(RECIPE, mix, bled(stems, 0.3), Progress())


def test_every_atom_belongs_to_the_stem_that_it_was_learned_from(song, found):
    _, stems = song
    assert found.families == tuple(name for name in stems for _ in range(6))
    assert found.names[0] == "drums 1"
    assert found.gathered() == (tuple(stems), tuple(number for number in range(4) for _ in range(6)))


def test_stems_that_bleed_come_out_cleaner(song, found):
    mix, stems = song
    given = bled(stems, 0.3)
    groups = [[atom for atom, name in enumerate(found.families) if name == stem] for stem in stems]
    waves = found.render(mix, groups, 0, mix.length)
    assert worth(stems, waves) > worth(stems, [sound.samples for sound in given.values()]) + 1


def test_spectra_stay_as_learned_where_they_are_held(song):
    mix, stems = song
    recipe = RECIPE.model_copy(update={"hold_templates": True, "iterations": 10, "stereo": "shared"})
    held = seeded(recipe, mix, stems, Progress())
    alone = recipe.model_copy(update={"components": 6, "hold_templates": False}).run(
        stems["bass"], Progress()
    )
    np.testing.assert_allclose(held.templates[:, 6:12], alone.templates, atol=1e-6)
    assert held.held_templates == frozenset(range(24))


def test_what_one_stem_leaves_over_has_atoms_of_its_own(song):
    mix, stems = song
    found = seeded(RECIPE, mix, {"bass": stems["bass"]}, Progress())
    assert found.families == ("bass",) * 12 + (None,) * 12
    assert found.names[12] == "Rest 1"
    rest = Rest(mix, (stems["bass"],))
    np.testing.assert_allclose(
        rest.read(100, 200), (mix.samples - stems["bass"].samples)[:, 100:200], atol=1e-7
    )


def test_silent_stems_are_no_matter(song):
    mix, _ = song
    silent = Audio(np.zeros_like(mix.samples), RATE)
    found = seeded(RECIPE.model_copy(update={"iterations": 5}), mix, {"all": mix, "none": silent}, Progress())
    assert np.isfinite(found.templates).all()
    waves = found.render(mix, [range(12), range(12, 24)], 0, mix.length)
    assert np.abs(waves[1]).max() < 0.01 * np.abs(waves[0]).max()


def test_it_reports_and_stops(song):
    mix, stems = song
    told: list[float] = []
    handed: list[object] = []
    recipe = RECIPE.model_copy(update={"iterations": 5})
    seeded(recipe, mix, stems, Progress(lambda fraction, _: told.append(fraction), handed.append))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert all(len(each.names) == 24 for each in handed), "never the atoms of one stem alone"
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        seeded(recipe, mix, stems, progress)


def test_a_recipe_names_the_model(song, tmp_path, monkeypatch):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    write_tiny_roformer(tmp_path)
    recipe = NMF(seeds="tiny", components=8, iterations=5, fft=1024, hop=256)
    found = recipe.run(signals.mixture(1.0, 44100)[0], Progress())
    assert set(found.families) - {None} == {"vocals", "other"}
    with pytest.raises(StemStudioError, match="no model “nobody”"):
        NMF(seeds="nobody").run(song[0], Progress())
    with pytest.raises(BadRecipe, match="not both"):
        NMF.from_settings({"seeds": "tiny", "score": "a.mid"})
