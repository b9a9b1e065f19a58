"""What masks made from the true stems reach: the figures that are known, and what must always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from signals import mixture

from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import read_folder
from stemstudio.oracle import ceilings


def test_the_wiener_mask_reaches_the_known_figures(shared_audio):
    folder = shared_audio / "stems" / "everythingisfree" / "francium"
    reached = ceilings(read_song(folder / "mix.flac"), read_folder(folder))["wiener"]
    known = {"drums": 21.0, "other": 11.3, "vocals": 15.1}
    assert reached == pytest.approx(known, abs=0.06)


def test_a_stem_alone_is_reached_exactly():
    mix, _ = mixture(seconds=1.0)
    for figures in ceilings(mix, {"all": mix}).values():
        assert figures["all"] > 120


def test_blocks_do_not_matter(monkeypatch):
    mix, stems = mixture(seconds=3.0)
    whole = ceilings(mix, stems)
    monkeypatch.setattr("stemstudio.oracle.BLOCK_SECONDS", 1)
    for kind, figures in ceilings(mix, stems).items():
        assert figures == pytest.approx(whole[kind], abs=1e-3)


def test_silence_has_no_figure():
    mix, stems = mixture(seconds=1.0)
    stems = {**stems, "nothing": Audio(np.zeros_like(mix.samples), mix.sample_rate)}
    assert all(math.isnan(figures["nothing"]) for figures in ceilings(mix, stems).values())


def test_stems_of_another_rate_are_refused():
    mix, _ = mixture(seconds=1.0)
    with pytest.raises(StemStudioError, match="22050"):
        ceilings(mix, {"slow": Audio(mix.samples, 22050)})
