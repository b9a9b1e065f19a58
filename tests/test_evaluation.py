"""Scores of stems against true ones: by hand and on odd input; see test_evaluate_command for the published ones."""

import json

import numpy as np
import pytest

from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Score, scores
from stemstudio.image_evaluation import image_scores


@pytest.fixture
def stems():
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal((2, 8000)).astype(np.float32) for name in ("vocals", "drums", "bass")}


def test_plain_and_scale_invariant_sdr_by_hand():
    t = np.arange(44100)
    # a sine and a cosine of whole periods: orthogonal, of equal energy
    s, e = np.sin(2 * np.pi * 100 * t / 44100)[None], np.cos(2 * np.pi * 100 * t / 44100)[None]
    score = scores({"a": s}, {"a": 0.5 * (s + 0.1 * e)})["a"]
    # |s|² / |0.5 s − 0.05 e|² = 1 / (0.25 + 0.0025); the scale does not matter to SI-SDR: 1 / 0.01
    assert score.sdr_plain == pytest.approx(-10 * np.log10(0.2525), abs=1e-9)
    assert score.si_sdr == pytest.approx(20, abs=1e-9)


def test_all_channels_count_in_plain_sdr_and_their_mean_in_bss_eval(stems):
    vocals = stems["vocals"]
    # the error cancels in the mean of the channels
    noise = 0.1 * np.random.default_rng(1).standard_normal(8000)
    score = scores({"vocals": vocals}, {"vocals": vocals + np.stack([noise, -noise])})["vocals"]
    error = 2 * np.sum(noise**2)
    assert score.sdr_plain == pytest.approx(
        10 * np.log10(np.sum(vocals.astype(float) ** 2) / error), abs=1e-3
    )
    assert score.sdr > 60


def test_best_match_finds_the_shuffled_stems_and_ignores_the_rest(stems):
    rng = np.random.default_rng(2)
    heard = {name: stem + 0.2 * rng.standard_normal(stem.shape) for name, stem in stems.items()}
    shuffled = {
        "one": heard["bass"],
        "residual": rng.standard_normal((2, 8000)),
        "two": heard["vocals"],
        "three": heard["drums"],
    }
    best = scores(stems, shuffled, match="best")
    assert list(best) == ["vocals", "drums", "bass"]
    by_name = scores(stems, heard)
    assert [score.estimate for score in best.values()] == ["two", "three", "one"]
    for name, score in best.items():
        assert score.figures == pytest.approx(by_name[name].figures, abs=1e-9)


def test_same_names_belong_together_and_the_rest_to_what_is_nearest(stems):
    """Even where another stem is nearer to a true one than that of its name."""
    estimates = {"Drums": stems["drums"] + 2 * stems["bass"], "voice": stems["vocals"] + 0.1 * stems["drums"]}
    found = scores(stems, estimates, match="either")
    assert {name: score.estimate for name, score in found.items()} == {"vocals": "voice", "drums": "Drums"}
    assert found["vocals"].sdr_plain == pytest.approx(20, abs=0.5)
    assert found["drums"].sdr_plain == pytest.approx(-6, abs=0.5)
    assert scores(stems, stems, match="either") == scores(stems, stems)
    assert scores(stems, {}, match="either") == {}


def test_best_match_goes_by_interference_as_bss_eval_does():
    """Noise in an estimate makes it no less its source's."""

    def clicks(first, second, artefact):
        signal = np.zeros((1, 15000))
        signal[0, [1000, 6000, 12000]] = first, second, artefact
        return signal

    references = {"a": clicks(1, 0, 0), "b": clicks(0, 1, 0)}
    heard = {"noisy": clicks(1, 10 ** (-10 / 20), 10), "clean": clicks(1, 10 ** (-8 / 20), 0)}
    for measure in (scores, image_scores):
        best = measure(references, heard, match="best")
        assert {name: score.estimate for name, score in best.items()} == {"a": "noisy", "b": "clean"}
        assert best["a"].sir == pytest.approx(10, abs=1e-6)
        assert best["b"].sir == pytest.approx(-8, abs=1e-6)


def test_best_match_of_a_single_reference_is_the_one_with_least_distortion(stems):
    vocals = stems["vocals"]
    estimates = {"far": stems["drums"], "near": vocals + 0.1 * stems["bass"], "silent": 0 * vocals}
    score = scores({"vocals": vocals}, estimates, match="best")["vocals"]
    assert score.sdr_plain == pytest.approx(20, abs=0.5)
    assert score.sir == np.inf


def test_best_match_with_a_silent_reference_keeps_the_others_right(stems):
    references = {"silent": np.zeros((2, 8000), np.float32), **stems}
    estimates = {"w": stems["bass"], "x": stems["drums"], "y": 0.01 * stems["bass"], "z": stems["vocals"]}
    best = scores(references, estimates, match="best")
    assert best["vocals"].si_sdr > 60
    assert best["drums"].si_sdr > 60
    assert best["bass"].si_sdr > 60
    assert best["silent"].as_json() == dict.fromkeys(("sdr", "sir", "sar", "si_sdr", "sdr_plain"))


def test_silent_estimate(stems):
    score = scores(stems, {**stems, "bass": 0 * stems["bass"]})["bass"]
    assert score.as_json() == {"sdr": None, "sir": None, "sar": None, "si_sdr": None, "sdr_plain": 0.0}


def test_missing_end_counts_as_silence_and_surplus_is_cut(stems):
    vocals = stems["vocals"]
    short = scores({"vocals": vocals}, {"vocals": vocals[:, :6000]})["vocals"]
    lost = np.sum(vocals[:, 6000:].astype(float) ** 2)
    assert short.sdr_plain == pytest.approx(10 * np.log10(np.sum(vocals.astype(float) ** 2) / lost), abs=1e-9)
    rng = np.random.default_rng(3)
    near = vocals + 0.1 * rng.standard_normal(vocals.shape)
    longer = np.concatenate([near, rng.standard_normal((2, 1000))], axis=1)
    assert scores({"vocals": vocals}, {"vocals": longer}) == scores({"vocals": vocals}, {"vocals": near})


def test_mono_estimate_counts_as_the_same_on_both_sides(stems):
    reference = np.repeat(stems["vocals"][:1], 2, axis=0)
    mono = 0.9 * reference[:1]
    assert scores({"v": reference}, {"v": mono}) == scores(
        {"v": reference}, {"v": np.repeat(mono, 2, axis=0)}
    )


def test_inputs_stay_as_they_are(stems):
    for stem in stems.values():
        stem.flags.writeable = False
    scores(stems, stems)


def test_json_knows_neither_infinity_nor_nan():
    text = json.dumps(Score(np.inf, -np.inf, np.nan, 1.5, 0.0).as_json(), allow_nan=False)
    assert json.loads(text) == {"sdr": None, "sir": None, "sar": None, "si_sdr": 1.5, "sdr_plain": 0.0}


@pytest.mark.parametrize(
    ("change", "match", "words"),
    [
        (lambda e: e.pop("bass"), "name", "“bass”"),
        (lambda e: e.pop("bass"), "best", "3 reference stems and only 2"),
        (lambda e: e.update(bass=np.full((2, 8000), np.nan)), "name", "“bass”"),
        (lambda e: e.update(bass=np.zeros((3, 8000))), "name", "2 channels as a reference and 3"),
    ],
)
def test_what_cannot_be_scored_is_said(stems, change, match, words):
    estimates = dict(stems)
    change(estimates)
    with pytest.raises(StemStudioError, match=words):
        scores(stems, estimates, match=match)


def test_progress_rises_to_the_end(stems):
    from stemstudio.progress import Progress

    seen = []
    scores(stems, stems, progress=Progress(lambda fraction, message: seen.append(fraction)))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
