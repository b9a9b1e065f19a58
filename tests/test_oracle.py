"""What masks made from the true stems reach: the figures that are known, and what must always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from signals import mixture

from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import scores
from stemstudio.oracle import KINDS, ceilings, masked
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings
from stemstudio.stem_folders import read_folder


def test_the_wiener_mask_reaches_the_known_figures(shared_audio):
    folder = shared_audio / "stems" / "everythingisfree" / "francium"
    references = read_folder(folder)
    mix = read_song(folder / "mix.flac")
    *_, (kind, sounds) = masked(mix, references, StftSettings(), 0, mix.length, Progress())
    assert kind == "wiener"
    known = {"drums": 21.0, "other": 11.3, "vocals": 15.1}
    for name, sound in zip(references, sounds, strict=True):
        true = references[name].samples.astype(float)
        sdr = 10 * np.log10(np.square(true).sum() / np.square(true - sound).sum())
        assert sdr == pytest.approx(known[name], abs=0.06)


def test_a_stem_alone_is_reached_exactly():
    mix, _ = mixture(seconds=1.0)
    for figures in ceilings(mix, {"all": mix}).values():
        assert figures["all"].sdr_plain > 120


def test_every_figure_has_a_ceiling():
    mix, stems = mixture(seconds=1.0)
    two = {"drums": stems["drums"], "band": Audio(mix.samples - stems["drums"].samples, mix.sample_rate)}
    for kind, figures in ceilings(mix, two).items():
        for score in figures.values():
            assert 5 < score.sdr <= min(score.sir, score.sar), kind
            assert score.si_sdr == pytest.approx(score.sdr_plain, abs=0.5)


def test_blocks_do_not_matter():
    mix, stems = mixture(seconds=3.0)

    def made(step: int) -> dict[str, np.ndarray]:
        pieces: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
        for start in range(0, mix.length, step):
            stop = min(start + step, mix.length)
            for kind, sounds in masked(mix, stems, StftSettings(), start, stop, Progress()):
                pieces[kind].append(sounds.copy())
        return {kind: np.concatenate(each, axis=-1) for kind, each in pieces.items()}

    whole = made(mix.length)
    for kind, sounds in made(44_100).items():
        np.testing.assert_allclose(sounds, whole[kind], atol=1e-6)
    np.testing.assert_allclose(whole["binary"].sum(axis=0), mix.samples, atol=1e-5)


def test_ceilings_are_scores_of_masked_stems_whatever_the_stems_lengths(monkeypatch):
    mix, stems = mixture(seconds=1.0)
    drums = stems["drums"].samples
    long = Audio(np.pad(drums, ((0, 0), (0, 5000))), mix.sample_rate)
    short = Audio(stems["bass"].samples[:, :40_000], mix.sample_rate)
    monkeypatch.setattr("stemstudio.oracle.BLOCK_SECONDS", 0.3)
    for references in ({"drums": long, "bass": stems["bass"]}, {"drums": stems["drums"], "bass": short}):
        found = ceilings(mix, references)
        truth = {name: stem.samples for name, stem in references.items()}
        for kind, sounds in masked(mix, references, StftSettings(), 0, mix.length, Progress()):
            for name, score in scores(truth, dict(zip(truth, sounds, strict=True))).items():
                assert found[kind][name].figures == pytest.approx(score.figures, abs=1e-3)
                assert found[kind][name].estimate == name


def test_silence_has_no_figure():
    mix, stems = mixture(seconds=1.0)
    stems = {"drums": stems["drums"], "nothing": Audio(np.zeros_like(mix.samples), mix.sample_rate)}
    for figures in ceilings(mix, stems).values():
        assert all(math.isnan(value) for value in figures["nothing"].figures.values())
        assert not math.isnan(figures["drums"].sdr_plain)


def test_stems_of_another_rate_are_refused():
    mix, _ = mixture(seconds=1.0)
    with pytest.raises(StemStudioError, match="22050"):
        ceilings(mix, {"slow": Audio(mix.samples, 22050)})
