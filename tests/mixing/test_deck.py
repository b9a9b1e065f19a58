"""The deck's bookkeeping: where the sound is, and how long buffers are kept."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from stemstudio.mixing.deck import Deck

RATE = 44100


@pytest.fixture
def deck(mixture) -> Deck:
    deck = Deck(RATE)
    deck.load(mixture, RATE)
    return deck


def test_playhead_is_behind_the_callback_by_the_latency(deck, tape):
    recorder = tape(deck, 441, latency=0.1)
    deck.play()
    recorder.run(RATE)
    assert deck.position == RATE
    assert deck.sounding(recorder.now) == pytest.approx(RATE - 0.1 * RATE, abs=1)


def test_playhead_is_smooth_between_blocks_and_never_runs_back(deck, tape):
    rng = np.random.default_rng(2)
    recorder = tape(deck, 1024, latency=0.1)
    deck.play()
    seen = []
    for _ in range(60):
        recorder.latency = 0.1 + rng.uniform(-0.005, 0.005)  # devices jitter
        recorder.run(1024)
        seen += [deck.sounding(recorder.now + step / RATE) for step in (0, 300, 600)]
    assert np.diff(seen[30:]).min() >= 0
    expected = [1024 * (1 + block) - 4410 + step for block in range(60) for step in (0, 300, 600)]
    assert np.abs(np.array(seen) - expected)[30:].max() < 150


def test_playhead_waits_for_late_sound_and_does_not_run_back(deck, tape):
    recorder = tape(deck, 512, latency=0.05)
    deck.play()
    seen = []
    for block in range(120):
        if block == 60:
            recorder.latency = 0.12  # the device ran dry
        recorder.run(512)
        seen.append(deck.sounding(recorder.now))
    assert np.diff(seen).min() >= 0
    assert seen[-1] == pytest.approx(120 * 512 - 0.12 * RATE, abs=2)


def test_playhead_stays_inside_the_loop(deck, tape):
    recorder = tape(deck, 512, latency=0.05)
    start, stop = deck.set_loop(10_000, 13_000)
    deck.seek(start)
    deck.play()
    seen = []
    for _ in range(200):
        recorder.run(100)
        seen.append(deck.sounding(recorder.now))
    heard = seen[40:]
    assert min(heard) >= start
    assert max(heard) < stop
    wraps = np.flatnonzero(np.diff(heard) < 0)
    assert len(wraps) >= 4
    assert np.all(np.abs(np.diff(wraps) - 30) <= 1)  # every 3000 samples, in steps of 100


def test_seek_shows_at_once_and_then_follows_the_sound(deck, tape):
    recorder = tape(deck, 512, latency=0.05)
    deck.play()
    recorder.run(20_480)
    deck.seek(60_000)
    assert deck.sounding(recorder.now) == 60_000
    recorder.run(512)
    assert deck.sounding(recorder.now) == 60_000
    recorder.run(10 * 512)
    assert deck.sounding(recorder.now) == pytest.approx(60_000 + 11 * 512 - 2205, abs=2)


def test_playhead_rests_in_pause(deck, tape):
    recorder = tape(deck, 512, latency=0.05)
    deck.play()
    recorder.run(10_240)
    deck.pause()
    recorder.run(10_240)
    assert deck.sounding(recorder.now) == deck.position == 10_240 + 220


def test_everything_works_before_any_device(deck, stems):
    deck.set_stems(stems, None, np.ones((3, 2)))
    deck.seek(1234)
    deck.play()
    assert deck.playing
    assert deck.position == 1234 == deck.sounding(0.0)
    deck.pause()
    assert not deck.playing


def test_buffers_live_until_the_callback_let_go_of_them(deck, mixture, tape):
    freed_by: list[int] = []

    def put_on() -> weakref.ref:
        stem = mixture.copy()
        deck.set_stems([stem], None, np.ones((1, 2)))
        weakref.finalize(stem, lambda: freed_by.append(threading.get_ident()))
        return weakref.ref(stem)

    recorder = tape(deck, 64)
    deck.play()
    recorder.run(1000)
    first = put_on()
    recorder.run(1000)
    second = put_on()
    deck.tend()
    gc.collect()
    assert first() is not None  # no block has been made since: it may be read
    recorder.run(64)
    deck.tend()
    gc.collect()
    assert first() is not None  # still fading out
    recorder.run(512)
    deck.tend()
    gc.collect()
    deadline = time.monotonic() + 5.0
    while not freed_by and time.monotonic() < deadline:
        time.sleep(0.001)
    assert first() is None
    assert second() is not None
    assert freed_by != [threading.get_ident()], (
        "the system takes back minutes of sound: nobody may wait for that"
    )


def test_many_changes_between_two_blocks_end_with_the_last(deck, mixture, tape):
    recorder = tape(deck)
    deck.play()
    recorder.run(1024)
    for level in np.linspace(0.1, 0.9, 17):
        deck.set_stems([(level * mixture).astype(np.float32)], None, np.ones((1, 2)))
    for _ in range(20):
        recorder.run(512)
        deck.tend()
    at = deck.position
    np.testing.assert_allclose(recorder.run(512), 0.9 * mixture[:, at : at + 512], atol=1e-6)


@pytest.mark.parametrize(
    "buffer",
    [
        np.zeros((2, 88200)),
        np.zeros(88200, np.float32),
        np.zeros((3, 88200), np.float32),
        np.zeros((88200, 2), np.float32).T,
        np.zeros((2, 88199), np.float32),
    ],
)
def test_buffers_that_the_callback_cannot_read_are_refused(deck, buffer):
    with pytest.raises(ValueError, match=r"expected|contiguous|fit"):
        deck.set_stems([buffer], None, np.ones((1, 2)))


def test_twin_is_at_the_same_place_with_the_same_sound(deck, stems, tape):
    deck.set_stems(stems, None, np.full((3, 2), 0.5))
    deck.set_loop(1000, 60_000)
    recorder = tape(deck)
    deck.play()
    recorder.run(5120)
    twin = deck.twin()
    assert (twin.position, twin.loop, twin.playing) == (deck.position, deck.loop, True)
    a, b = recorder.run(5120), tape(twin).run(5120)
    np.testing.assert_array_equal(a[:, 220:], b[:, 220:])


def test_going_from_one_private_buffer_to_another_keeps_the_place_and_does_not_click(deck, mixture, tape):
    start, length = 20_000, 30_000
    time = np.arange(start, start + length) / RATE
    one = np.ascontiguousarray(0.3 * np.sin(2 * np.pi * 220 * time)[None], dtype=np.float32)
    other = np.ascontiguousarray(0.3 * np.sin(2 * np.pi * 330 * time)[None], dtype=np.float32)
    recorder = tape(deck, 512)
    deck.set_audition(one, start, only=True)
    deck.set_loop(start, start + length)
    deck.seek(start)
    deck.play()
    before = recorder.run(10_240)
    deck.set_audition(other, start, only=True)
    after = recorder.run(10_240)
    sound = np.concatenate([before, after], axis=1)
    np.testing.assert_allclose(before[0, 1000:], one[0, 1000:10_240], atol=1e-6)
    fade = round(0.02 * RATE)
    np.testing.assert_allclose(after[0, fade:], other[0, 10_240 + fade : 20_480], atol=1e-6)
    steepest = 2 * np.pi * 330 / RATE * 0.3
    assert np.abs(np.diff(sound[0, 9_000:12_000])).max() < steepest + 0.6 / 220
    # Not even a moment of silence: the level never falls by more than the two can cancel.
    assert all(np.abs(sound[0, at : at + 200]).max() > 0.1 for at in range(9_000, 12_000, 50))
