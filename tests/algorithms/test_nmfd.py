"""Drums apart: the recipe, its one-shots and its estimates."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from stemstudio.algorithms.nmf.convolutive_factorization import ConvolutiveFactorization
from stemstudio.algorithms.nmf.drums import NMFD
from stemstudio.algorithms.nmf.one_shots import BadOneShots, one_shot_templates
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

RATE = 44100
GRID = StftSettings(fft=2048, hop=512)


def stroke(kind: str) -> np.ndarray:
    t = np.arange(int(0.15 * RATE)) / RATE
    if kind == "kick":
        return 0.6 * np.sin(2 * np.pi * (60 * t + 6 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.06)
    noise = np.random.default_rng(5).standard_normal(len(t))
    return 0.2 * np.diff(noise, prepend=0) * np.exp(-t / 0.03)


def loop() -> tuple[Audio, dict[str, np.ndarray]]:
    parts = {}
    for kind, times in (("kick", (0.1, 0.6, 1.1, 1.6)), ("hat", (0.1, 0.35, 0.85, 1.1, 1.35, 1.85))):
        wave = np.zeros(int(2.2 * RATE))
        for time in times:
            at = int(time * RATE)
            wave[at : at + len(stroke(kind))] += stroke(kind)
        parts[kind] = wave
    return Audio(sum(parts.values()).astype(np.float32)[None].copy(), RATE), parts


def write_one_shots(folder):
    for kind in ("kick", "hat"):
        (folder / kind).mkdir()
        wave = np.concatenate([np.zeros(3000), stroke(kind)])
        soundfile.write(folder / kind / "one.wav", wave, RATE, subtype="FLOAT")
    return folder


def sdr(true, estimate):
    return 10 * np.log10((true**2).sum() / ((true - estimate) ** 2).sum())


def test_drums_are_found_from_one_shots_and_from_nothing(tmp_path):
    sound, parts = loop()
    told = NMFD(components=0, one_shots=str(write_one_shots(tmp_path)), iterations=30).run(sound, Progress())
    assert told.names == ("hat", "kick")
    for name, wave in zip(told.names, told.render(sound, [[0], [1]], 0, sound.length), strict=True):
        assert sdr(parts[name], wave[0]) >= 12.0, name
    blind = NMFD(components=2, iterations=60).run(sound, Progress())
    assert blind.names == ("Drum 1", "Drum 2")
    waves = blind.render(sound, [[0], [1]], 0, sound.length)[:, 0]
    best = max(min(sdr(parts["kick"], waves[a]), sdr(parts["hat"], waves[b])) for a, b in ((0, 1), (1, 0)))
    assert best >= 8.0


def test_one_shots_begin_where_the_stroke_does_and_can_be_held(tmp_path):
    folder = write_one_shots(tmp_path)
    names, W = one_shot_templates(folder, GRID, RATE, 10, 1.0, Progress())
    assert names == ("hat", "kick")
    np.testing.assert_allclose(W.sum(axis=(0, 1)), 1, rtol=1e-5)
    assert W[:3].sum() > W[5:].sum()
    found = NMFD(
        components=1, one_shots=str(folder), length=10 * 512 / RATE, hold_templates=False, iterations=5
    ).run(loop()[0], Progress())
    assert found.names == ("hat", "kick", "Drum 1")
    held = NMFD(
        components=0, one_shots=str(folder), length=10 * 512 / RATE, hold_templates=True, iterations=5
    ).run(loop()[0], Progress())
    np.testing.assert_allclose(held.templates, W, rtol=1e-4, atol=1e-9)


def test_drums_beside_the_one_shots_are_free_and_the_others_stay_near_them(tmp_path):
    folder = str(write_one_shots(tmp_path))
    _, W = one_shot_templates(tmp_path, GRID, RATE, 17, 1.0, Progress())
    away = {}
    for closeness in (0.0, 10.0):
        recipe = NMFD(components=1, one_shots=folder, iterations=10, closeness=closeness)
        found = recipe.run(loop()[0], Progress()).templates
        away[closeness] = np.abs(found[:, :, :2] - W).sum(), found[:, :, 2]
    assert away[10.0][0] < 0.1 * away[0.0][0]
    chance = NMFD(components=1, one_shots=folder, iterations=1, closeness=10.0).run(loop()[0], Progress())
    assert np.abs(away[10.0][1] - chance.templates[:, :, 2]).sum() > 0.05, "the free one goes on learning"


def test_one_shots_of_another_sample_rate_sound_the_same(tmp_path):
    found = []
    for rate in (RATE, RATE // 2):
        folder = tmp_path / str(rate)
        folder.mkdir()
        soundfile.write(folder / "kick.wav", stroke("kick")[:: RATE // rate], rate, subtype="FLOAT")
        names, W = one_shot_templates(folder, GRID, RATE, 6, 1.0, Progress())
        assert names == ("kick",)
        found.append(W)
    np.testing.assert_allclose(found[1], found[0], atol=0.05 * found[0].max())


def test_folders_without_drums_are_refused_when_the_work_begins(tmp_path):
    recipe = NMFD.from_settings({"one_shots": str(tmp_path / "nowhere")})
    with pytest.raises(BadOneShots, match="no such folder"):
        recipe.run(loop()[0], Progress())
    with pytest.raises(BadOneShots, match="no recordings"):
        NMFD(one_shots=str(tmp_path)).run(loop()[0], Progress())
    soundfile.write(tmp_path / "silent.wav", np.zeros(4000), RATE)
    with pytest.raises(BadOneShots, match="silent"):
        NMFD(one_shots=str(tmp_path)).run(loop()[0], Progress())


def test_settings_that_cannot_be_are_refused_in_words():
    with pytest.raises(BadRecipe, match="nothing to look for"):
        NMFD.from_settings({"components": 0})
    with pytest.raises(BadRecipe, match="longer step"):
        NMFD(length=1.0, hop=16, fft=64).run(loop()[0], Progress())


def test_records_that_do_not_fit_together_are_refused():
    found = NMFD(components=2, iterations=2).run(loop()[0], Progress())
    header, arrays = found.header(), found.arrays()
    for change in (
        {"names": ["one"]},
        {"mask_exponent": 0.0},
        {"mask_exponent": 99},
        {"grid": {"fft": 1024, "hop": 256}},
    ):
        with pytest.raises(ValueError):  # noqa: PT011  (each says something else)
            ConvolutiveFactorization.from_record({**header, **change}, arrays)
    for change in (
        {"templates": arrays["templates"][0]},
        {"templates": -arrays["templates"] - 1},
        {"activations": arrays["activations"] * np.float32(np.nan)},
        {"activations": np.full_like(arrays["activations"], 3e38)},
        {"activations": arrays["activations"][:1]},
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            ConvolutiveFactorization.from_record(header, {**arrays, **change})


def test_masks_of_all_drums_add_up_and_the_exponent_sharpens_them():
    sound, _ = loop()
    found = NMFD(components=3, iterations=10).run(sound, Progress())
    masks = found.masks([[0], [1]], 5, 60)
    assert masks.shape == (2, GRID.bins, 55)
    assert (masks >= 0).all()
    assert masks.sum(axis=0).max() <= 1 + 1e-5
    whole = found.masks([[0], [1], [2]], 0, 60).sum(axis=0)
    assert ((np.abs(whole - 1) < 1e-5) | (whole == 0)).all()
    sharper = ConvolutiveFactorization(found.names, found.templates, found.activations, GRID, 4.0)
    spread = [
        np.abs(each.masks([[0]], 0, 60) - 0.5)[each.masks([[0]], 0, 60) > 0].mean()
        for each in (found, sharper)
    ]
    assert spread[1] > spread[0]


@pytest.mark.parametrize("loop_name", ["808", "Funky"])
def test_real_drum_loops_come_apart(shared_audio, loop_name):
    folder = shared_audio / "stems" / "drums"
    sounds = {}
    for part in ("Mixture", "hihat", "kick", "snare"):
        samples, rate = soundfile.read(
            folder / f"runningExample_{loop_name}{part.capitalize()}.wav", dtype="float32", always_2d=True
        )
        sounds[part] = Audio(np.ascontiguousarray(samples.T), rate)
    mix = sounds.pop("Mixture")
    found = NMFD(components=0, one_shots=str(folder)).run(mix, Progress())
    assert found.names == ("hihat", "kick", "snare")
    waves = found.render(mix, [[0], [1], [2]], 0, mix.length)
    scores = {
        name: sdr(true.samples.astype(float), wave)
        for (name, true), wave in zip(sounds.items(), waves, strict=True)
    }
    before = {name: sdr(true.samples.astype(float), mix.samples) for name, true in sounds.items()}
    for name in sounds:
        assert scores[name] >= before[name] + 2.0, (scores, before)


def test_a_free_drum_finds_the_one_that_has_no_one_shots(shared_audio, tmp_path):
    folder = shared_audio / "stems" / "drums"
    for part in ("snare", "hihat"):
        (tmp_path / part).symlink_to(folder / part, target_is_directory=True)
    mix, kick = (read_song(folder / f"runningExample_808{part}.wav") for part in ("Mixture", "Kick"))
    found = NMFD(components=1, one_shots=str(tmp_path)).run(mix, Progress())
    assert found.names == ("hihat", "snare", "Drum 1")
    assert sdr(kick.samples.astype(float), found.render(mix, [[2]], 0, mix.length)[0]) >= 30
