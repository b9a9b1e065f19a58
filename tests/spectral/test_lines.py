"""Melodies as lines, the comb of their overtones, and the ridges that a line snaps to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stemstudio.algorithms.melody import Melody
from stemstudio.spectral.brushes import Box, Selection, patch_of, weights
from stemstudio.spectral.combs import CombStroke, comb
from stemstudio.spectral.lines import PitchLine, line_of_pitch, pitch_at, redrawn, simplified
from stemstudio.spectral.ridges import pitch_near
from stemstudio.spectral.stft import StftSettings

RATE = 44100
GRID = StftSettings()
TIMES = np.arange(0, 12, 0.01)


def line(*runs):
    return PitchLine(runs=runs)


FLAT = line(((1.0, 200.0), (5.0, 200.0)), ((6.0, 400.0), (8.0, 400.0)))


def test_pitch_runs_straight_between_points_and_rests_between_stretches():
    found = line(((1.0, 100.0), (2.0, 400.0)), ((3.0, 50.0), (4.0, 50.0))).at(
        np.array([0.9, 1.0, 1.5, 2.0, 2.5, 3.5, 4.0, 4.1])
    )
    np.testing.assert_allclose(found, [0, 100, 200, 400, 0, 50, 50, 0], rtol=1e-5)


def test_a_point_of_0_hz_ends_the_line_before():
    found = pitch_at([(0, 220), (1, 220), (2, 0), (3, 110)], np.array([0.5, 1.5, 2.0, 2.5, 3.0]))
    np.testing.assert_allclose(found, [220, 220, 0, 0, 0], rtol=1e-6)
    assert not pitch_at([(1.0, 220.0)], TIMES).any()


def test_drawing_over_a_stretch_changes_only_that_stretch():
    drawn = FLAT.drawn(((2.0, 300.0), (3.0, 300.0)))
    assert len(drawn.runs) == 2, "it goes on from what it touches"
    before, after = FLAT.at(TIMES), drawn.at(TIMES)
    inside = (TIMES >= 2.0) & (TIMES <= 3.0)
    np.testing.assert_allclose(after[inside], 300, rtol=1e-5)
    apart = (TIMES < 1.995) | (TIMES > 3.005)
    np.testing.assert_allclose(after[apart], before[apart], rtol=1e-5)


def test_drawing_beside_a_stretch_leaves_a_rest():
    drawn = FLAT.drawn(((9.0, 300.0), (10.0, 300.0)))
    assert len(drawn.runs) == 3
    assert drawn.at(np.array([8.5]))[0] == 0
    assert FLAT.drawn(((9.0, 300.0),)) == FLAT
    assert FLAT.drawn(((9.0, 300.0), (9.001, 300.0))) == FLAT, "a click is no stretch"


def test_erasing_makes_a_rest():
    erased = FLAT.erased(2.0, 7.0)
    np.testing.assert_allclose(erased.at(np.array([1.5, 2.5, 6.5, 7.5])), [200, 0, 0, 400], rtol=1e-5)
    assert FLAT.erased(0.0, 20.0) == PitchLine()
    assert FLAT.erased(3.0, 3.0) == FLAT
    np.testing.assert_array_equal(FLAT.within(2.0, 3.0).at(TIMES) > 0, (TIMES >= 2.0) & (TIMES <= 3.0))


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.floats(0, 10),
            st.floats(0.001, 4),
            st.floats(20, 2000),
            st.floats(20, 2000),
        ),
        max_size=12,
    )
)
def test_whatever_is_drawn_and_erased_is_a_line(steps):
    made = PitchLine()
    for erase, start, length, low, high in steps:
        if erase:
            made = made.erased(start, start + length)
            assert not made.at(np.array([start + length / 2])).any()
        else:
            made = made.drawn(((start, low), (start + length, high)))
            if length > 0.02:
                middle = made.at(np.array([start + length / 2]))[0]
                assert middle == pytest.approx(np.sqrt(low * high), rel=1e-3)
    assert PitchLine.model_validate_json(made.model_dump_json(), strict=True) == made
    if made:
        np.testing.assert_allclose(pitch_at(made.points, TIMES), made.at(TIMES))
        recipe = Melody(track=made.track)
        given_times = made.at(TIMES)
        told = pitch_at(recipe.points, TIMES)
        assert np.mean((told > 0) != (given_times > 0)) < 0.01
        both = (told > 0) & (given_times > 0)
        assert (
            np.quantile(np.abs(np.log2(told[both] / given_times[both])), 0.9) < 1e-2 if both.any() else True
        )


@pytest.mark.parametrize(
    "runs",
    [
        (((1.0, 200.0),),),
        (((2.0, 200.0), (1.0, 200.0)),),
        (((1.0, 200.0), (2.0, 200.0)), ((1.5, 200.0), (3.0, 200.0))),
        (((1.0, 0.0), (2.0, 200.0)),),
        (((1.0, 200.0), (1e9, 200.0)),),
        (((1.0, float("nan")), (2.0, 200.0)),),
    ],
)
def test_what_is_no_melody_is_refused(runs):
    with pytest.raises(ValidationError):
        PitchLine(runs=runs)


def test_the_pointer_may_go_back_over_what_it_drew():
    path, last = [], None
    for place in [(1.0, 100.0), (2.0, 110.0), (3.0, 120.0), (2.5, 130.0), (1.5, 140.0), (2.0, 150.0)]:
        path, last = redrawn(path, last, place), place
    assert [point[0] for point in path] == sorted({point[0] for point in path})
    assert dict(path)[2.0] == 150.0
    assert dict(path)[3.0] == 120.0


def test_a_measured_pitch_becomes_a_line_of_few_points():
    seconds = np.arange(0, 10, 0.02)
    vibrato = 330 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5 * seconds))
    vibrato[(seconds > 4) & (seconds < 5)] = 0
    vibrato[seconds > 8] = 440
    found = line_of_pitch(seconds, vibrato)
    assert len(found.runs) == 2
    assert sum(len(run) for run in found.runs) < 0.9 * (vibrato > 0).sum()
    assert len([point for point in found.runs[1] if point[0] > 8.1]) <= 2, "a held note needs its ends alone"
    sung = vibrato > 0
    assert np.abs(1200 * np.log2(found.at(seconds)[sung] / vibrato[sung])).max() < 6.1
    assert not line_of_pitch(seconds, np.zeros_like(seconds))
    assert simplified([(0.0, 100.0), (1.0, 100.0), (2.0, 100.0)]) == ((0.0, 100.0), (2.0, 100.0))


def test_a_comb_stroke_has_its_teeth_on_the_overtones():
    stroke = CombStroke(points=((1.0, 400.0), (2.0, 400.0)), width=40.0, partials=3, lobe=20.0, strength=0.5)
    hertz = np.arange(0, 2000, 5, dtype=np.float32)
    found = stroke.at(np.array([0.5, 1.5], dtype=np.float32), hertz)
    assert not found[:, 0].any()
    assert set(hertz[found[:, 1] == 0.5]) >= {400.0, 800.0, 1200.0}
    assert not found[np.abs((hertz + 200) % 400 - 200) > 45, 1].any()
    assert not found[hertz > 1300].any()


@pytest.mark.parametrize(
    "settings", [GRID, StftSettings(fft=1024, hop=256), StftSettings(fft=16384, hop=4096)]
)
def test_a_stroke_lies_inside_its_box_on_every_grid(settings):
    stroke = CombStroke(
        points=((0.5, 220.0), (1.0, 330.0), (1.2, 0.0), (1.5, 110.0), (2.0, 110.0)),
        width=60.0,
        partials=7,
        lobe=2 * RATE / settings.fft,
        strength=1.0,
    )
    frames = settings.frames(3 * RATE)
    patch, inside = weights(stroke, settings, RATE, frames)
    assert patch == patch_of(stroke.box, settings, RATE, frames)
    seconds = np.arange(frames, dtype=np.float32) * settings.hop / RATE
    hertz = np.arange(settings.bins, dtype=np.float32) * RATE / settings.fft
    all_of_it = stroke.at(seconds, hertz)
    assert all_of_it.sum() == pytest.approx(inside.sum(), rel=1e-4), "nothing of it lies outside its box"
    assert inside.max() == 1
    assert inside.min() >= 0


def test_a_selection_limits_a_comb():
    selection = Selection().combined("replace", Box(start=1.2, stop=1.4, low=0, high=500))
    stroke = CombStroke(
        points=((1.0, 400.0), (2.0, 400.0)), width=40.0, partials=3, lobe=20.0, strength=1.0, within=selection
    )
    found = stroke.at(np.array([1.1, 1.3], dtype=np.float32), np.array([400, 800], dtype=np.float32))
    assert found.tolist() == [[0, 1], [0, 0]]


def test_silence_has_no_comb():
    assert not comb(np.zeros(3, dtype=np.float32), np.arange(10, dtype=np.float32), 40, 5, 20.0).any()
    rest = CombStroke(points=((0.0, 0.0), (1.0, 0.0)), width=40.0, partials=3, lobe=20.0, strength=1.0)
    assert not weights(rest, GRID, RATE, 100)[1].any()


@pytest.mark.parametrize("pitch", [82.4, 110.0, 221.3, 440.0, 1318.5])
@pytest.mark.parametrize("off", [-60, -25, 0, 40])
def test_a_line_snaps_to_the_tone_near_it(pitch, off):
    time = np.arange(4096) / RATE
    tone = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 9) if n * pitch < 15_000)
    noise = 0.003 * np.random.default_rng(0).standard_normal(4096)
    magnitudes = np.abs(np.fft.rfft((tone + noise) * np.hanning(4096)))
    found = pitch_near(magnitudes, RATE / 4096, pitch * 2 ** (off / 1200))
    assert abs(1200 * np.log2(found / pitch)) < 8


def test_where_nothing_stands_out_the_line_stays():
    rng = np.random.default_rng(1)
    assert pitch_near(np.zeros(2049), 10.77, 220.0) == 220.0
    assert pitch_near(np.ones(2049), 10.77, 220.0) == 220.0
    away = [
        abs(1200 * np.log2(pitch_near(np.abs(rng.standard_normal(2049)) + 1.0, 10.77, 440.0) / 440.0))
        for _ in range(40)
    ]
    assert max(away) <= 70.0
    assert np.mean(away) < 5
