"""Places become gains: from where a stem is heard, how loud, and without jumps on its way."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.mixing.layouts import LAYOUTS, Layout
from stemstudio.mixing.panning import direction_gains, heard_from, place_gains, side_gains, way
from stemstudio.project.room import Move, Place

MANY = [LAYOUTS[name] for name in ("quad", "5.0", "5.1", "7.1")]
ROUND = np.arange(-180.0, 180.0, 3.0)


def direction(gains: np.ndarray, layout: Layout) -> np.ndarray:
    """Where the sum of the loudspeakers' vectors points, in degrees."""
    vectors = [
        0.0 if each.azimuth is None else np.exp(1j * np.radians(each.azimuth)) for each in layout.speakers
    ]
    return np.degrees(np.angle(gains @ np.array(vectors)))


@pytest.mark.parametrize("layout", MANY, ids=lambda layout: layout.name)
def test_a_direction_is_heard_where_it_is_asked_for(layout: Layout) -> None:
    gains = direction_gains(layout, ROUND)
    off = (direction(gains, layout) - ROUND + 180.0) % 360.0 - 180.0
    assert np.abs(off).max() < 1e-6
    np.testing.assert_allclose(np.square(gains).sum(axis=-1), 1.0)
    assert gains.min() >= 0.0
    assert np.count_nonzero(gains, axis=-1).max() == 2
    if layout.lfe is not None:
        assert not gains[:, layout.lfe].any()


def test_a_loudspeaker_s_own_place_is_that_loudspeaker() -> None:
    layout = LAYOUTS["7.1"]
    for channel, speaker in enumerate(layout.speakers):
        if speaker.azimuth is not None:
            gains = direction_gains(layout, np.array(speaker.azimuth))
            np.testing.assert_allclose(gains, np.eye(layout.channels)[channel], atol=1e-9)


def test_two_loudspeakers_play_what_is_behind_as_if_it_were_in_front() -> None:
    stereo = LAYOUTS["stereo"]
    behind, front = (
        direction_gains(stereo, np.array([170.0, -100.0, 180.0])),
        direction_gains(stereo, np.array([10.0, -30.0, 0.0])),
    )
    np.testing.assert_allclose(behind, front, atol=1e-9)
    np.testing.assert_array_equal(direction_gains(LAYOUTS["mono"], ROUND), np.ones((len(ROUND), 1)))


@pytest.mark.parametrize("layout", MANY, ids=lambda layout: layout.name)
def test_an_untouched_stem_is_in_stereo(layout: Layout) -> None:
    gains = place_gains(layout, Place(), np.zeros(1))[0]
    np.testing.assert_allclose(gains, np.eye(layout.channels, 2), atol=1e-9)


@pytest.mark.parametrize("layout", MANY, ids=lambda layout: layout.name)
def test_what_is_in_the_middle_of_a_stem_keeps_its_power_anywhere(layout: Layout) -> None:
    distances = np.linspace(0.0, 1.0, len(ROUND))
    for width in (0.0, 70.0, 180.0):
        gains = side_gains(layout, ROUND, distances, width=width)
        np.testing.assert_allclose(np.square(gains.sum(axis=-1)).sum(axis=-1), 2.0)


def test_left_stays_left_in_front_and_behind() -> None:
    layout = LAYOUTS["5.1"]
    for azimuth in (0.0, 180.0):
        left, right = place_gains(layout, Place(azimuth=azimuth, width=100.0), np.zeros(1))[0].T
        assert direction(left, layout) < -5.0
        assert direction(right, layout) > 5.0


def test_a_stem_in_the_middle_of_the_room_is_all_around() -> None:
    layout = LAYOUTS["5.1"]
    gains = place_gains(layout, Place(distance=0.0), np.zeros(1))[0]
    playing = [n for n, speaker in enumerate(layout.speakers) if speaker.azimuth is not None]
    assert (np.square(gains[playing]).sum(axis=-1) > 0.05).all()
    assert abs(heard_from(layout, gains)) < 0.25
    assert abs(heard_from(layout, place_gains(layout, Place(width=0.0), np.zeros(1))[0])) == pytest.approx(
        1.0
    )


def test_divergence_takes_the_centre_away_and_leaves_the_fold_down_as_it_is() -> None:
    layout = LAYOUTS["5.1"]
    for divergence in (0.0, 0.5, 1.0):
        gains = place_gains(layout, Place(width=0.0, divergence=divergence), np.zeros(1))[0]
        assert gains[2].sum() == pytest.approx(np.sqrt(2) * (1.0 - divergence))
        np.testing.assert_allclose((layout.fold @ gains).sum(axis=1), 1.0)


def test_a_stem_walks_straight_across_the_floor() -> None:
    place = Place(azimuth=-90.0, move=Move(azimuth=90.0, start=1.0, stop=3.0))
    azimuth, distance = way(place, np.array([0.0, 1.0, 1.5, 2.5, 3.0, 9.0]))
    np.testing.assert_allclose(azimuth, [-90, -90, -90, 90, 90, 90])
    np.testing.assert_allclose(distance, [1, 1, 0.5, 0.5, 1, 1])
    gains = place_gains(LAYOUTS["5.1"], place, np.linspace(0.9, 3.1, 2000))
    assert np.abs(np.diff(gains, axis=0)).max() < 0.02, "a jump on the way"


def test_masks_name_the_loudspeakers_in_their_order() -> None:
    assert {name: layout.mask for name, layout in LAYOUTS.items()} == {
        "mono": 0x4, "stereo": 0x3, "quad": 0x33, "5.0": 0x37, "5.1": 0x3F, "5.1-side": 0x60F, "7.1": 0x63F,
    }  # fmt: skip
    for layout in LAYOUTS.values():
        bits = [speaker.bit for speaker in layout.speakers]
        assert bits == sorted(set(bits))


# Channel masks as Microsoft's documentation of WAVE_FORMAT_EXTENSIBLE lists them, front left the lowest bit.
MICROSOFT = ("L", "R", "C", "LFE", "back L", "back R", "L of C", "R of C", "back C", "side L", "side R")
STANDS_AT = {
    "quad": ("L", "R", "back L", "back R"),
    "5.0": ("L", "R", "C", "back L", "back R"),
    "5.1": ("L", "R", "C", "LFE", "back L", "back R"),
    "5.1-side": ("L", "R", "C", "LFE", "side L", "side R"),
    "7.1": ("L", "R", "C", "LFE", "back L", "back R", "side L", "side R"),
}


@pytest.mark.parametrize("name", STANDS_AT)
def test_channels_are_in_the_order_of_the_masks_bits(name: str) -> None:
    """What a reader that knows only the mask takes each channel for is what is played into it."""
    layout = LAYOUTS[name]
    by_mask = [word for bit, word in enumerate(MICROSOFT) if layout.mask >> bit & 1]
    assert by_mask == list(STANDS_AT[name])
    for word, speaker in zip(by_mask, layout.speakers, strict=True):
        assert (speaker.azimuth is None) == (word == "LFE")
        assert np.sign(speaker.azimuth or 0.0) == {"L": -1, "R": 1}.get(word[-1], 0)
        if word in ("back L", "back R", "side L", "side R"):
            assert abs(speaker.azimuth or 0.0) >= 90.0
    if name == "7.1":
        turns = dict(zip(by_mask, (abs(each.azimuth or 0.0) for each in layout.speakers), strict=True))
        assert turns["back L"] > turns["side L"]


@pytest.mark.parametrize("layout", MANY, ids=lambda layout: layout.name)
def test_gains_are_those_of_vector_bases_inverted_by_the_book(layout: Layout) -> None:
    """Pulkki 1997, eqs. 6-9: of all bases of two neighbours the one whose gains are not negative, at power 1."""
    ring = sorted((each.azimuth, n) for n, each in enumerate(layout.speakers) if each.azimuth is not None)

    def towards(degrees: float) -> np.ndarray:
        return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])

    for azimuth in np.random.default_rng(7).uniform(-180.0, 180.0, 60):
        expected = np.zeros(layout.channels)
        for (one, first), (two, second) in zip(ring, ring[1:] + ring[:1], strict=True):
            pair = towards(azimuth) @ np.linalg.inv(np.stack([towards(one), towards(two)]))
            if pair.min() >= 0.0:
                expected[[first, second]] = pair / np.sqrt(pair @ pair)
        np.testing.assert_allclose(direction_gains(layout, azimuth), expected, atol=1e-9)
