"""Scores window by window: which windows there are, which of them count, and who is whose."""

import numpy as np
import pytest

from stemstudio.errors import StemStudioError
from stemstudio.evaluation import scores
from stemstudio.framewise_evaluation import framewise
from stemstudio.image_evaluation import image_scores
from stemstudio.progress import Cancelled, Progress


@pytest.fixture
def stems():
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal((2, 5000)).astype(np.float32) for name in ("vocals", "drums")}


@pytest.fixture
def heard(stems):
    """Each with more of the other in it the later it is."""
    rising = np.linspace(0.01, 0.5, 5000)
    return {
        "vocals": stems["vocals"] + rising * stems["drums"],
        "drums": stems["drums"] + rising * stems["vocals"],
    }


@pytest.mark.parametrize("measure", [scores, image_scores])
def test_windows_are_scored_as_if_each_were_the_whole(stems, heard, measure):
    found = framewise(measure, stems, heard, window=2000, hop=1200)
    course = found["vocals"]
    assert course.starts == (0, 1200, 2400)
    for start, window in zip(course.starts, course.windows, strict=True):
        cut = [{name: each[:, start : start + 2000] for name, each in of.items()} for of in (stems, heard)]
        assert window == measure(*cut)["vocals"]
    assert course.figures["sdr"] == course.windows[1].sdr
    assert course.counted == 3


def test_a_window_counts_only_where_every_stem_sounds(stems, heard):
    heard["drums"][:, 1000:2000] = 0
    stems["vocals"][:, 3000:4000] = 0
    found = framewise(scores, stems, heard, window=1000, hop=1000)
    for course in found.values():
        assert [np.isnan(window.sdr_plain) for window in course.windows] == [False, True, False, True, False]
        assert course.counted == 3
        assert course.figures["sdr"] == course.windows[2].sdr
    stems["drums"][:] = 0
    silent = framewise(image_scores, stems, heard, window=1000, hop=1000)["vocals"]
    assert silent.counted == 0
    assert silent.as_json() == dict.fromkeys(("sdr", "isr", "sir", "sar"))


def test_an_end_that_fills_no_window_is_left_out_and_a_short_song_is_one(stems, heard):
    assert len(framewise(scores, stems, heard, window=1000, hop=1000)["drums"].starts) == 5
    assert len(framewise(scores, stems, heard, window=1001, hop=1000)["drums"].starts) == 4
    for window, hop in ((4000, 2000), (9000, 1)):
        course = framewise(scores, stems, heard, window=window, hop=hop)["drums"]
        assert course.starts == (0,)
        assert course.windows == (scores(stems, heard)["drums"],)
    shorter = {name: each[:, :3500] for name, each in heard.items()}
    assert len(framewise(scores, stems, shorter, window=1000, hop=1000)["drums"].starts) == 5


def test_who_is_whose_is_found_once_for_the_song(stems, heard):
    """Even where a window alone would say otherwise."""
    heard["vocals"][:, :1000], heard["drums"][:, :1000] = heard["drums"][:, :1000], heard["vocals"][:, :1000]
    renamed = {"a": heard["drums"], "b": heard["vocals"], "rest": heard["vocals"][:1] * 0.1}
    best = framewise(scores, stems, renamed, window=1000, hop=1000, match="best")
    assert [course.estimate for course in best.values()] == ["b", "a"]
    assert best["vocals"].windows[0].sdr_plain < 0 < best["vocals"].windows[1].sdr_plain
    named = framewise(scores, stems, heard, window=1000, hop=1000)
    assert best["vocals"].figures == pytest.approx(named["vocals"].figures)


def test_stems_that_lack_are_named_as_they_are_without_windows(stems, heard):
    for references, estimates in ((stems, {"Vocals": heard["vocals"]}), ({}, heard)):
        said = []
        for way in (scores, lambda *of: framewise(scores, *of, window=1000, hop=1000)):
            with pytest.raises(StemStudioError) as refused:
                way(references, estimates)
            said.append(refused.value.sentence)
        assert said[0] == said[1]


def test_windows_and_hops_of_nothing_are_refused_and_it_reports_and_stops(stems, heard):
    for window, hop in ((0, 10), (10, 0)):
        with pytest.raises(ValueError, match="is none"):
            framewise(scores, stems, heard, window=window, hop=hop)
    seen = []

    def report(fraction, message):
        seen.append(fraction)
        if fraction > 0.5:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        framewise(scores, stems, heard, window=1000, hop=1000, match="best", progress=progress)
    assert seen == sorted(seen)
    assert 0.5 < seen[-1] < 0.9
