"""What was heard is kept: asked for once, forgotten where it changed, and never more than there is room for."""

from __future__ import annotations

import numpy as np

from stemstudio.mixing.kept import Kept
from stemstudio.mixing.playstate import CHUNK

LENGTH = 10 * CHUNK + 100


class Band:
    """Two stems; counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.waves = {
            n: np.random.default_rng(n).standard_normal((2, LENGTH)).astype(np.float32) for n in (1, 2)
        }

    def __call__(self, start: int, stop: int) -> dict[int, np.ndarray]:
        self.asked.append((start, stop))
        return {n: wave[:, start:stop] for n, wave in self.waves.items()}


def test_a_range_is_asked_for_once_and_given_as_it_is():
    band = Band()
    kept = Kept(band, LENGTH)
    for start, stop in ((CHUNK + 5, 3 * CHUNK - 7), (2 * CHUNK, 2 * CHUNK + 9), (9 * CHUNK + 3, LENGTH)):
        for stem, sound in kept(start, stop).items():
            np.testing.assert_array_equal(sound, band.waves[stem][:, start:stop])
    assert band.asked == [(CHUNK, 3 * CHUNK), (9 * CHUNK, LENGTH)]
    kept(2 * CHUNK, 5 * CHUNK)
    assert band.asked[2:] == [(3 * CHUNK, 5 * CHUNK)], "only what was wanting"


def test_what_changed_is_asked_for_again():
    band = Band()
    kept = Kept(band, LENGTH)
    kept(0, 4 * CHUNK)
    band.waves[1] = band.waves[1] + 1
    kept.forget(1, 2)
    np.testing.assert_array_equal(kept(CHUNK, 2 * CHUNK)[1], band.waves[1][:, CHUNK : 2 * CHUNK])
    assert band.asked[1:] == [(CHUNK, 2 * CHUNK)]
    del band.waves[2]
    assert set(kept(CHUNK, 2 * CHUNK)) == {1, 2}
    kept.forget(2)
    assert set(kept(CHUNK, 4 * CHUNK)) == {1}, "stems that are no more do not come back with those that are"
    kept.forget()
    assert set(kept(0, CHUNK)) == {1}


def test_a_change_while_it_is_asked_is_not_lost():
    band = Band()
    kept = Kept(lambda start, stop: (kept.forget(), band(start, stop))[1], LENGTH)
    kept(0, CHUNK)
    kept(0, CHUNK)
    assert len(band.asked) == 2


def test_only_what_is_near_is_kept():
    band = Band()
    kept = Kept(band, LENGTH, most_bytes=3 * 2 * 2 * 4 * CHUNK)
    for chunk in range(6):
        kept(chunk * CHUNK, (chunk + 1) * CHUNK)
    kept(3 * CHUNK, 6 * CHUNK)
    assert len(band.asked) == 6
    kept(0, CHUNK)
    assert len(band.asked) == 7
