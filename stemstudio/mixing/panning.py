"""Panning: from the place of a stem to the gain of every loudspeaker.

Vector base amplitude panning between the two loudspeakers beside a direction (Pulkki 1997), at constant power; a
stem that is near the listener is spread over a range of directions (multiple-direction amplitude panning, Pulkki
1999). A stem has a left and a right side, each of which is panned.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.layouts import Layout
from stemstudio.project.room import Place

Gains = NDArray[np.float64]
DIRECTIONS = 48  # that a stem is spread over: at most 7.5 degrees apart
FLAT = 1e-9
HALVES = np.array([[-0.5j], [0.5j]])  # places that are spread over the left and the right half of the room


def direction_gains(layout: Layout, azimuth: NDArray[np.floating], *, centre: bool = True) -> Gains:
    """Gains of sounds that come from some directions.

    Parameters
    ----------
    azimuth
        Degrees, any shape.
    centre
        False leaves the centre loudspeaker out.

    Returns
    -------
    ndarray of float64, shape (…, channels)
        Not negative, the squares of each direction add up to 1. Where no two loudspeakers have a direction between
        them, such as behind the listener in stereo, it is mirrored to the front, and what is beyond the outermost
        loudspeaker comes from it.
    """
    angles = np.asarray(azimuth, dtype=np.float64)
    gains = np.zeros((*angles.shape, layout.channels))
    left_out = None if centre else layout.centre
    ring = sorted(
        (speaker.azimuth, channel)
        for channel, speaker in enumerate(layout.speakers)
        if speaker.azimuth is not None and channel != left_out
    )
    if len(ring) == 1:
        gains[..., ring[0][1]] = 1.0
        return gains
    places = np.array([place for place, _ in ring])
    widest = np.diff(places, append=places[0] + 360.0)
    if widest.max() >= 180.0:  # all stand in front
        angles = _wrapped(angles)
        angles = np.where(np.abs(angles) > 90.0, np.sign(angles) * 180.0 - angles, angles)
        angles = np.clip(angles, places[0], places[-1])
    turned = np.mod(angles - places[0], 360.0)
    before = np.searchsorted(places - places[0], turned, side="right") - 1
    arc = widest[before]
    into = np.radians(turned - (places - places[0])[before])
    channels = np.array([channel for _, channel in ring])
    # The inverse of the base of two unit vectors, `arc` apart, applied to a third.
    first, second = np.sin(np.radians(arc) - into), np.sin(into)
    first, second = np.where(np.abs(first) < FLAT, 0.0, first), np.where(np.abs(second) < FLAT, 0.0, second)
    power = np.hypot(first, second)
    np.put_along_axis(gains, channels[before][..., None], (first / power)[..., None], axis=-1)
    after = channels[(before + 1) % len(ring)]
    np.put_along_axis(gains, after[..., None], (second / power)[..., None], axis=-1)
    return gains


def side_gains(
    layout: Layout,
    azimuth: NDArray[np.floating],
    distance: NDArray[np.floating],
    *,
    width: float,
    divergence: float = 0.0,
) -> Gains:
    """Gains of the two sides of a stem, along its way.

    On the circle the sides lie to the left and right of the stem's place as a listener sees it who faces the front: at
    the side of the room they come together, and left stays left behind. The nearer the stem, the more its left side
    fills the left half of the room and its right side the right half, until it is all around.

    Parameters
    ----------
    azimuth, distance
        Shape (times,), as in `Place`.
    width, divergence
        As in `Place`.

    Returns
    -------
    ndarray of float64, shape (times, channels, 2)
        What is in the middle of the stem (the same in left and right) keeps its power, wherever it is.
    """
    azimuth, distance = np.broadcast_arrays(np.atleast_1d(azimuth), np.atleast_1d(distance))
    half = 0.5 * width * np.cos(np.radians(azimuth))
    directions = np.stack([azimuth - half, azimuth + half], axis=-1)[..., None]  # (times, sides, 1)
    if not np.all(distance >= 1.0):
        near = distance[:, None, None]
        at = near * np.exp(1j * np.radians(directions)) + (1.0 - near) * HALVES
        steps = (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS * 2.0 - 1.0
        directions = np.degrees(np.angle(at)) + 180.0 * (1.0 - np.abs(at)) * steps
    gains = _at_one_power(direction_gains(layout, directions))
    if layout.centre is not None and divergence > 0.0:
        # In equal parts of the wave, and not of its power: what folds down stays the same.
        without = _at_one_power(direction_gains(layout, directions, centre=False))
        gains = (1.0 - divergence) * gains + divergence * without
    return gains


def _at_one_power(gains: Gains) -> Gains:
    """Gains (times, sides, directions, channels) as those of the sides, (times, channels, sides), the middle at unity."""
    sides = np.sqrt(np.square(gains).mean(axis=-2)).swapaxes(-1, -2)
    middle = np.linalg.norm(sides.sum(axis=-1), axis=-1)
    return np.asarray(sides * (np.sqrt(2.0) / middle)[:, None, None])


def place_gains(layout: Layout, place: Place, seconds: NDArray[np.floating]) -> Gains:
    """Gains of a stem's left and right side at some times of the song: float64 (times, channels, 2)."""
    azimuth, distance = way(place, seconds)
    return side_gains(layout, azimuth, distance, width=place.width, divergence=place.divergence)


def way(place: Place, seconds: NDArray[np.floating]) -> tuple[Gains, Gains]:
    """Azimuth in degrees and distance of a stem at some times of the song: straight across the floor."""
    times = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
    if place.move is None:
        return np.full(times.shape, place.azimuth), np.full(times.shape, place.distance)
    move = place.move
    share = np.clip((times - move.start) / (move.stop - move.start), 0.0, 1.0)
    here = place.distance * np.exp(1j * np.radians(place.azimuth))
    there = move.distance * np.exp(1j * np.radians(move.azimuth))
    at = (1.0 - share) * here + share * there
    azimuth = np.where(np.abs(at) > FLAT, np.degrees(np.angle(at)), place.azimuth)
    return azimuth, np.abs(at)


def heard_from(layout: Layout, gains: Gains) -> complex:
    """Where a stem is heard from: the mean of the loudspeakers' places, weighted by the power that each has of it.

    Parameters
    ----------
    gains
        Shape (channels, 2).

    Returns
    -------
    complex
        Its argument is the direction, 0 in front and positive to the right; its size is 1 for a single loudspeaker
        and 0 for all around.
    """
    placed = [n for n, speaker in enumerate(layout.speakers) if speaker.azimuth is not None]
    turns = np.radians([layout.speakers[n].azimuth or 0.0 for n in placed])
    power = np.square(gains[placed]).sum(axis=-1)
    return complex((power * np.exp(1j * turns)).sum() / max(float(power.sum()), FLAT))


def _wrapped(angles: Gains) -> Gains:
    """The same directions within −180…180."""
    return np.mod(angles + 180.0, 360.0) - 180.0
