"""Areas of free shape, and the wand that finds them."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from stemstudio.spectral.brushes import Box, Selection, SelectionFill, SelectionStep, box_around, weights
from stemstudio.spectral.outlines import Wand, inside_outline
from stemstudio.spectral.stft import StftSettings

SECONDS = np.arange(0, 10, 0.05)
HERTZ = np.geomspace(50, 8000, 160)
TRIANGLE = ((2.0, 100.0), (8.0, 100.0), (5.0, 3200.0))


def test_a_triangle_holds_what_lies_in_it():
    inside = inside_outline(TRIANGLE, SECONDS, HERTZ)
    for seconds, hertz, expected in [
        (5.0, 1000.0, True), (2.5, 1000.0, False), (7.5, 1000.0, False), (3.0, 120.0, True), (5.0, 90.0, False),
        (5.0, 4000.0, False), (1.0, 200.0, False), (9.0, 200.0, False),
    ]:  # fmt: skip
        got = inside[np.abs(HERTZ - hertz).argmin(), np.abs(SECONDS - seconds).argmin()]
        assert got == expected, (seconds, hertz)
    share = inside.mean() / ((6 / 10) * (5 / np.log2(160)) / 2)
    assert share == pytest.approx(1, abs=0.05), "its area in time and octaves"


def test_the_way_round_and_the_first_point_do_not_matter():
    one = inside_outline(TRIANGLE, SECONDS, HERTZ)
    assert np.array_equal(one, inside_outline(TRIANGLE[::-1], SECONDS, HERTZ))
    assert np.array_equal(one, inside_outline((*TRIANGLE[1:], TRIANGLE[0]), SECONDS, HERTZ))
    assert np.array_equal(one[::-1], inside_outline(TRIANGLE, SECONDS, HERTZ[::-1]))


def test_an_outline_of_a_box_is_the_box():
    box = Box(start=2.02, stop=7.02, low=200.0, high=3000.0)
    corners = ((box.start, box.low), (box.stop, box.low), (box.stop, box.high), (box.start, box.high))
    drawn = Selection().combined("replace", box_around(corners), corners)
    boxed = Selection().combined("replace", box)
    assert np.array_equal(drawn.weights(SECONDS, HERTZ), boxed.weights(SECONDS, HERTZ))
    assert drawn.bounds == boxed.bounds


def test_outlines_are_added_taken_away_and_intersected():
    whole = Selection().combined("replace", Box(start=0.0, stop=10.0, low=0.0, high=9000.0))
    inside = inside_outline(TRIANGLE, SECONDS, HERTZ)
    box = box_around(TRIANGLE)
    taken = whole.combined("subtract", box, TRIANGLE).weights(SECONDS, HERTZ) > 0
    assert np.array_equal(taken, ~inside)
    kept = whole.combined("intersect", box, TRIANGLE)
    assert np.array_equal(kept.weights(SECONDS, HERTZ) > 0, inside)
    assert kept.bounds == box


def test_a_selection_of_before_has_boxes_alone():
    step = {"how": "add", "box": {"start": 0.0, "stop": 1.0, "low": 0.0, "high": 10.0}}
    assert SelectionStep.model_validate(step).outline == ()
    with pytest.raises(ValidationError):
        SelectionStep.model_validate({**step, "outline": [[0.0, float("nan")], [1.0, 1.0], [1.0, 2.0]]})
    with pytest.raises(ValidationError):
        SelectionStep.model_validate({**step, "outline": [[0.0, 1.0]] * 30_000})
    drawn = Selection().combined("replace", box_around(TRIANGLE), TRIANGLE)
    assert Selection.model_validate_json(drawn.model_dump_json(), strict=True) == drawn


@pytest.mark.parametrize("grid", [StftSettings(), StftSettings(fft=1024, hop=256)])
def test_it_is_laid_on_any_grid(grid):
    fill = SelectionFill(
        selection=Selection().combined("replace", box_around(TRIANGLE), TRIANGLE), strength=0.5
    )
    patch, laid = weights(fill, grid, 44100, grid.frames(441_000))
    assert set(np.unique(laid)) == {0.0, 0.5}
    area = (laid > 0).sum() * (grid.hop / 44100) * (44100 / grid.fft)
    # ∫ over the triangle in Hz: width falls evenly with the octave.
    octaves = np.linspace(0, 5, 2001)
    expected = np.trapezoid(6 * (1 - octaves / 5) * 100 * 2**octaves * np.log(2), octaves)
    assert area == pytest.approx(expected, rel=0.05)
    assert not patch.empty


def blob() -> np.ndarray:
    """Levels in dB: a line of 0 dB that glides up over frames 10…30, with skirts of −20 dB, over a floor of −60 dB."""
    levels = np.full((100, 60), -60.0)
    for frame in range(10, 31):
        middle = 20 + frame
        levels[middle - 2 : middle + 3, frame] = -20.0
        levels[middle, frame] = 0.0
    levels[80, 40:50] = 0.0
    return levels


@pytest.mark.parametrize(("tolerance", "width"), [(6.0, 1), (25.0, 5)])
def test_the_wand_follows_what_hangs_together(tolerance, width):
    levels = blob()
    wand = Wand(lambda first, last: levels[:, first:last], 60, 20, 40, 50)
    spans = wand.spans(tolerance)
    assert set(spans) == set(range(10, 31)), "a glide of a bin a frame hangs together"
    assert {high - low for low, high in spans.values()} == {width}
    assert all(low <= 20 + frame < high for frame, (low, high) in spans.items())


def test_the_wand_s_outline_holds_its_bins_and_no_other():
    levels = blob()
    wand = Wand(lambda first, last: levels[:, first:last], 60, 20, 40, 50)
    hop, spacing = 0.01, 50.0
    outline = wand.outline(25.0, hop, spacing)
    inside = inside_outline(outline, np.arange(60) * hop, np.arange(100) * spacing)
    assert not inside[80].any(), "as loud, but somewhere else"
    expected = np.zeros_like(inside)
    for frame, (low, high) in wand.spans(25.0).items():
        expected[low:high, frame] = True
    assert np.mean(inside[:, 10:31] != expected[:, 10:31]) < 0.01
    assert not inside[:, :10].any()
    assert not inside[:, 31:].any()


def test_the_wand_stops_at_its_reach_and_at_the_ends_of_the_song():
    levels = np.zeros((20, 30))
    wand = Wand(lambda first, last: levels[:, first:last], 30, 2, 5, 6)
    assert sorted(wand.spans(3.0)) == list(range(9))
    assert set(wand.spans(3.0).values()) == {(0, 20)}
