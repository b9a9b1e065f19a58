"""Practising: how soon another tempo is heard, what stretching eight stems costs, how long finding beats takes.

`pytest tests/benchmarks/bench_practice.py -s` prints the figures.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from stemstudio.algorithms.beats import find_timing
from stemstudio.audio.audio import Audio
from stemstudio.mixing.deck import Deck
from stemstudio.mixing.metronome import Beats
from stemstudio.mixing.output import SilentClock
from stemstudio.mixing.stretching import Stretcher, warm
from stemstudio.progress import Progress

RATE = 44100
STEMS = 8


@pytest.fixture(scope="module")
def stems() -> list[NDArray[np.float32]]:
    """Eight stereo stems of half a minute: chords with hits on them."""
    rng = np.random.default_rng(5)
    at = np.arange(30 * RATE) / RATE
    made = []
    for stem in range(STEMS):
        tone = sum(np.sin(2 * np.pi * 55 * (stem + 2) * part * at) / part for part in range(1, 8))
        hits = (at * 4 % 1 < 0.02) * rng.standard_normal(at.size)
        made.append(np.stack([0.05 * tone + 0.1 * hits, 0.04 * tone + 0.1 * hits]).astype(np.float32))
    return made


@pytest.mark.parametrize(("tempo", "semitones"), [(0.8, 0.0), (1.0, -2.0), (0.5, 3.0)])
def test_stretching_eight_stems_takes_a_part_of_one_core(stems, tempo, semitones):
    warm()
    seconds = 8.0
    stretchers = [Stretcher(stem, RATE, tempo, semitones) for stem in stems]
    begun = time.process_time()
    for start in range(0, int(seconds * RATE), 8192):
        for stretcher in stretchers:
            stretcher.read(start, start + 8192)
    share = (time.process_time() - begun) / seconds
    print(f"\n{STEMS} stereo stems at {tempo} ×, {semitones:+.0f} semitones: {100 * share:.0f} % of one core")
    assert share < 0.5


@pytest.fixture
def playing(stems):
    """A deck that plays eight stems to nowhere, in real time."""
    from stemstudio.mixing.engine import ready

    ready()
    warm()
    deck = Deck(RATE)
    deck.load(np.sum(stems, axis=0, dtype=np.float32), RATE)
    deck.set_stems(stems, None, np.ones((STEMS, 2)))
    deck.set_metronome(Beats(np.arange(0, 30 * RATE, RATE / 2), np.arange(60) % 4 == 0))
    clock = SilentClock(deck)
    deck.running = True
    clock.start()
    deck.play()
    yield deck
    clock.close()
    deck.running = False
    deck.close()


def test_another_tempo_is_there_soon_and_the_window_does_not_wait(playing):
    deck, took, held = playing, [], []
    for turn in range(12):
        time.sleep(0.3)
        begun = time.perf_counter()
        deck.set_stretch(0.8 + 0.01 * turn, float(turn % 3))
        held.append(1000 * (time.perf_counter() - begun))
        number = None
        while number is None or int(deck.state["taken"][0]) < number:
            looked = time.perf_counter()
            deck.tend()
            held.append(1000 * (time.perf_counter() - looked))
            number = None if deck._pending else int(deck.state["wanted"][0])
            time.sleep(0.001)
        took.append(1000 * (time.perf_counter() - begun))
    print(
        f"\nAnother tempo of {STEMS} stems is played after {np.median(took):.0f} ms, {max(took):.0f} at most; "
        f"the window is held for {max(held):.1f} ms at most. "
        "To that comes what the window waits (20 ms at most) and the delay of the device"
    )
    assert np.median(took) < 150
    assert max(held) < 16


def test_a_seek_to_what_is_not_stretched_yet_is_heard_soon(playing):
    deck, took = playing, []
    for turn in range(12):
        deck.set_stretch(0.7 + 0.02 * turn, 0.0)
        while deck._pending or int(deck.state["taken"][0]) < int(deck.state["wanted"][0]):
            deck.tend()
            time.sleep(0.001)
        time.sleep(0.1)  # the feeder is busy ahead of the playhead
        begun, place = time.perf_counter(), (8 + 1.5 * turn) * RATE
        deck.seek(round(place))
        while (
            deck.waiting
            or deck.state["seek_seen"][0] != deck.state["seek_command"][0]
            or deck.position <= place
        ):
            time.sleep(0.001)
        took.append(1000 * (time.perf_counter() - begun))
    print(
        f"\nA jump to where nothing is stretched plays after {np.median(took):.0f} ms, {max(took):.0f} at most"
    )
    assert np.median(took) < 150


def test_finding_beats_in_five_minutes():
    rng = np.random.default_rng(1)
    sound = 0.01 * rng.standard_normal((2, 300 * RATE)).astype(np.float32)
    for beat in np.arange(0.3, 299, 60 / 124):
        at = round(beat * RATE)
        sound[:, at : at + 800] += 0.3 * rng.standard_normal(800)
    song = Audio(sound, RATE)
    find_timing(Audio(np.ascontiguousarray(sound[:, : 10 * RATE]), RATE), Progress())  # imports
    begun = time.perf_counter()
    found = find_timing(song, Progress())
    took = time.perf_counter() - begun
    print(f"\nBeats and key of five minutes: {took:.1f} s")
    assert 60 / np.median(np.diff(found.beats)) == pytest.approx(124, rel=1e-3)
    assert took < 30
