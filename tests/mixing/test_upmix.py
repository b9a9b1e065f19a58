"""The upmix as it sounds: where stems go, that it does not depend on blocks, and that it folds down to the stereo mix."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import mixture

from stemstudio.mixing.folddown import FoldTable, folded
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.upmix import Heard, Spread, stem_matrix
from stemstudio.project.room import Move, Place, Room

RATE = 22050
SECONDS = 1.5
LENGTH = int(SECONDS * RATE)
ALL_OVER = {
    1: Place(azimuth=-70.0, width=40.0, ambience=0.7, lfe_db=-3.0),
    2: Place(azimuth=180.0, distance=0.6, ambience=1.0),
    3: Place(
        azimuth=-150.0, width=0.0, lfe_db=0.0, move=Move(azimuth=100.0, distance=0.2, start=0.3, stop=1.2)
    ),
    4: Place(width=0.0, divergence=0.3),
}


def band() -> dict[int, np.ndarray]:
    """Four stereo stems of the little song, one with a hall of its own."""
    stems = [stem.samples for stem in mixture(SECONDS, RATE)[1].values()]
    hall = 0.05 * np.random.default_rng(5).standard_normal((2, LENGTH))
    stems[1] = (stems[1] + hall).astype(np.float32)
    return dict(enumerate(stems, 1))


BAND = band()
STEREO = sum(stem.astype(np.float64) for stem in BAND.values())


def heard_of(stems: Mapping[int, np.ndarray]) -> Heard:
    return lambda start, stop: {number: stem[:, start:stop] for number, stem in stems.items()}


def spread(layout: str, places: Mapping[int, Place], **room: object) -> Spread:
    return Spread(Room(layout=layout, **room), places, RATE, LENGTH)


def decibels(part: np.ndarray, whole: np.ndarray) -> float:
    return float(10 * np.log10(np.square(part).sum() / np.square(whole).sum() + 1e-30))


@pytest.mark.parametrize("layout", ["quad", "5.0", "5.1", "5.1-side", "7.1"])
def test_a_fold_safe_upmix_nulls_against_the_stereo_mix(layout: str) -> None:
    """Reverb behind, stems behind, all around and moving: what folds down is the stereo mix all the same."""
    room = spread(layout, ALL_OVER, fold_safe=True)
    sound = room.render(heard_of(BAND), 0, LENGTH)
    assert decibels(folded(room.layout, sound) - STEREO, STEREO) < -120.0
    free = spread(layout, ALL_OVER).render(heard_of(BAND), 0, LENGTH)
    assert decibels(folded(room.layout, free) - STEREO, STEREO) > -20.0, "nothing was proven"
    behind = [n for n, speaker in enumerate(room.layout.speakers) if abs(speaker.azimuth or 0) > 90]
    assert decibels(sound[behind], sound) > -6.0, "it stayed in front"


@settings(max_examples=40)
@given(
    st.floats(-180, 180),
    st.floats(0, 1),
    st.floats(0, 180),
    st.floats(0, 1),
    st.sampled_from(sorted(LAYOUTS)),
)
def test_wherever_a_stem_is_put_fold_safe_holds(
    azimuth: float, distance: float, width: float, divergence: float, name: str
) -> None:
    place = Place(azimuth=azimuth, distance=distance, width=width, divergence=divergence)
    layout = LAYOUTS[name]
    matrix = stem_matrix(layout, place, fold_safe=True)
    if layout.keeps_stereo:
        np.testing.assert_allclose(layout.fold @ matrix, np.eye(2), atol=1e-9)
    assert np.abs(matrix).max() < 2.0


@pytest.mark.parametrize("fold_safe", [False, True])
def test_blocks_make_no_difference(fold_safe: bool) -> None:
    room = spread("5.1", ALL_OVER, fold_safe=fold_safe)
    whole = room.render(heard_of(BAND), 0, LENGTH)
    edges = [0, 1, 7000, 7001, 19_000, LENGTH]
    pieces = [room.render(heard_of(BAND), a, b) for a, b in pairwise(edges)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=2e-6)


def test_untouched_stems_are_the_stereo_mix_and_nothing_else() -> None:
    sound = spread("5.1", {}).render(heard_of(BAND), 0, LENGTH)
    np.testing.assert_allclose(sound[:2], STEREO, atol=1e-6)
    assert not sound[2:].any()


def test_only_lows_go_to_the_low_frequency_channel_ten_decibels_down() -> None:
    times = np.arange(LENGTH) / RATE
    for hertz, expected in ((40.0, 0.0), (120.0, -3.0), (240.0, -24.0)):
        tone = np.tile(np.sin(2 * np.pi * hertz * times), (2, 1)).astype(np.float32)
        sound = spread("5.1", {1: Place(lfe_db=0.0)}).render(heard_of({1: tone}), 0, LENGTH)
        # Played 10 dB louder than the others, it is as loud as the two in front together.
        level = decibels(sound[3, 4000:], tone[:, 4000:]) + 10.0
        assert level == pytest.approx(expected, abs=0.3), hertz
        # In step with the others: nothing is cancelled where both play.
        if hertz <= 120.0:
            assert np.corrcoef(sound[3, 4000:-4000], tone[0, 4000:-4000])[0, 1] > 0.999
        opted_out = spread("5.1", {1: Place(lfe_db=None)})
        assert not opted_out.render(heard_of({1: tone}), 0, LENGTH)[3].any()


def test_every_stem_goes_to_the_low_frequency_channel_unless_it_is_kept_out() -> None:
    sound = spread("5.1", {number: Place() for number in BAND}).render(heard_of(BAND), 0, LENGTH)
    np.testing.assert_allclose(sound[:2], STEREO, atol=1e-6)
    assert not np.delete(sound[2:], 1, axis=0).any()
    less = spread("5.1", {number: Place(lfe_db=None if number == 2 else 0.0) for number in BAND})
    alone = spread("5.1", {2: Place()}).render(heard_of({2: BAND[2]}), 0, LENGTH)
    assert alone[3].any()
    np.testing.assert_allclose(sound[3] - less.render(heard_of(BAND), 0, LENGTH)[3], alone[3], atol=1e-6)


def test_the_hall_goes_behind_and_the_source_stays_in_front() -> None:
    hall = np.random.default_rng(6).standard_normal((2, LENGTH)).astype(np.float32)
    tone = np.tile(np.sin(2 * np.pi * 440 * np.arange(LENGTH) / RATE), (2, 1)).astype(np.float32)
    behind = {}
    for name, stem in (("hall", hall), ("tone", tone)):
        sound = spread("5.1", {1: Place(ambience=1.0)}).render(heard_of({1: stem}), 0, LENGTH)
        behind[name] = decibels(sound[4:], sound)
        if name == "hall":
            assert abs(np.corrcoef(sound[4], hall[0])[0, 1]) < 0.5, "the same wave in front and behind"
    assert behind["hall"] > -3.0
    assert behind["tone"] < -60.0


def test_mono_songs_silence_and_songs_of_one_sample() -> None:
    mono = 0.1 * np.random.default_rng(0).standard_normal((1, LENGTH)).astype(np.float32)
    sound = spread("5.1", {1: Place(azimuth=180.0, ambience=1.0)}, fold_safe=True).render(
        heard_of({1: mono}), 0, LENGTH
    )
    np.testing.assert_allclose(folded(LAYOUTS["5.1"], sound), np.tile(mono, (2, 1)), atol=1e-6)
    for stem in (np.zeros((2, 1), np.float32), np.ones((2, 1), np.float32)):
        tiny = Spread(Room(), {1: Place(ambience=1.0, lfe_db=0.0)}, 8000, 1)
        assert np.isfinite(tiny.render(heard_of({1: stem}), 0, 1)).all()


def test_the_table_says_level_spectrum_and_null() -> None:
    noise = np.random.default_rng(8).standard_normal((2, LENGTH)).astype(np.float32)
    table = FoldTable(RATE)
    for start in range(0, LENGTH, 8000):
        block = noise[:, start : start + 8000]
        table.add("half", block, 0.5 * block)
        table.add("same", block, block)
        table.add("silent", 0 * block, 0 * block)
    half, same, silent = table.rows(LENGTH)
    assert half.stereo_db == pytest.approx(0.0, abs=0.1)
    assert (half.level_db, half.null_db) == pytest.approx((-6.02, -6.02), abs=0.01)
    assert half.spectrum_db == pytest.approx(-6.02, abs=0.01)
    assert half.octaves_db[-1] is None, "11 kHz is all there is"
    assert (same.level_db, same.null_db) == (0.0, -np.inf)
    assert (silent.stereo_db, silent.null_db, silent.level_db) == (-np.inf, -np.inf, 0.0)
