"""Scores of stems with their places: a wrong place, other names, and odd input."""

import math

import numpy as np
import pytest

from stemstudio.errors import StemStudioError
from stemstudio.image_evaluation import image_scores


@pytest.fixture
def stems():
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal((2, 4000)).astype(np.float32) for name in ("vocals", "drums")}


def test_a_wrong_place_counts_as_such_and_not_as_interference(stems):
    moved = {name: stem * np.array([[1.0], [0.5]]) for name, stem in stems.items()}
    for score in image_scores(stems, moved).values():
        assert score.isr == pytest.approx(10 * math.log10(2 / 0.25), abs=0.2)
        assert score.sdr == pytest.approx(score.isr, abs=0.01)
        assert score.sir > 60
        assert score.estimate in stems


def test_shuffled_short_and_mono_stems_are_what_they_are(stems):
    best = image_scores(stems, {"a": stems["drums"], "b": stems["vocals"][:, :3000]}, match="best")
    assert best["vocals"].estimate == "b"
    assert best["drums"].as_json()["sdr"] is None  # infinite: nothing is wrong
    assert best["vocals"].sdr == pytest.approx(6, abs=0.5)
    mono = {name: np.repeat(stem[:1], 2, axis=0) for name, stem in stems.items()}
    noisy = {name: (stem[0] + 0.1 * stem[1])[None] for name, stem in stems.items()}
    both = {name: np.repeat(stem, 2, axis=0) for name, stem in noisy.items()}
    assert image_scores(mono, noisy) == image_scores(mono, both)


def test_what_cannot_be_scored_is_said(stems):
    with pytest.raises(StemStudioError, match="“drums” has 2 channels and others 3"):
        image_scores({"drums": stems["drums"]}, {"drums": np.zeros((3, 9))})
    with pytest.raises(StemStudioError, match="not numbers"):
        image_scores(stems, {**stems, "drums": stems["drums"] * np.nan})
