"""A deck at another tempo and in another key: what is heard, where we are, loops, edits, clicks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from stemstudio.mixing.deck import Deck
from stemstudio.mixing.metronome import Beats, count_in
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.stretching import stretched

RATE = 44100
TEMPO = 0.8
SECONDS = 6


@pytest.fixture(scope="module")
def parts() -> list[np.ndarray]:
    """Two stems: a low tone, and a hit every half second."""
    at = np.arange(SECONDS * RATE) / RATE
    low = (0.3 * np.sin(2 * np.pi * 110 * at)).astype(np.float32)[None]
    hits = np.zeros_like(low)
    for hit in np.arange(0.25, SECONDS, 0.5):
        begin = round(hit * RATE)
        hits[0, begin : begin + 2000] = 0.4 * np.exp(-np.arange(2000) / 300)[: hits.shape[1] - begin]
    return [low, hits]


@pytest.fixture
def deck(parts):
    deck = Deck(RATE)
    deck.load(np.ascontiguousarray(parts[0] + parts[1]), RATE)
    deck.set_stems(parts, None, np.ones((2, 2)))
    yield deck
    deck.close()


def fed(deck: Deck) -> None:
    """Wait until the copies are made from the playhead to the end (a tape is quicker than any feeder); switch to them."""
    deadline = time.monotonic() + 10
    here = int(deck.position / deck.tempo) // CHUNK
    while not all(copies.flags[here:].all() for copies in deck._feeder._wanted):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    deck.tend()


def test_a_closed_deck_begins_no_thread(deck):
    deck.set_stretch(TEMPO, 0.0)
    fed(deck)
    feeder = deck._feeder
    deck.close()
    deck.set_stretch(1.5, 0.0)
    assert not feeder.alive
    assert deck._feeder is None


def test_a_change_while_it_plays_goes_on_from_the_same_place(deck, parts, tape):
    recorder = tape(deck)
    deck.play()
    recorder.run(RATE)
    deck.set_stretch(TEMPO, 0.0)
    fed(deck)
    assert deck.position == pytest.approx(RATE, abs=2)
    heard = recorder.run(2 * RATE)
    assert deck.stretched
    expected = stretched(parts[1], RATE, TEMPO, 0.0)[0]
    begun = round(RATE / TEMPO)
    # The hits are where they belong; the low tone has its own phase.
    found = np.flatnonzero(np.abs(np.diff(heard[0])) > 0.2)
    wanted = np.flatnonzero(np.abs(np.diff(expected[begun : begun + 2 * RATE])) > 0.2)
    assert found.size == wanted.size
    assert np.abs(found - wanted).max() <= 88
    assert deck.position == pytest.approx(RATE + TEMPO * 2 * RATE, abs=3)


def test_tempo_1_again_is_the_song_bit_for_bit(deck, parts, tape):
    recorder = tape(deck)
    deck.set_stretch(0.5, 3.0)
    deck.play()
    fed(deck)
    recorder.run(RATE)
    deck.set_stretch(1.0, 0.0)
    recorder.run(1024)
    begin = deck.position
    heard = recorder.run(RATE)
    np.testing.assert_array_equal(heard[0], (parts[0] + parts[1])[0, begin : begin + RATE])


def test_play_waits_for_what_is_not_stretched_yet_and_goes_on_by_itself(deck, tape):
    recorder = tape(deck)
    deck.set_stretch(TEMPO, 0.0)
    deck.seek(2 * RATE)
    deck.play()
    fed(deck)
    recorder.run(2048)
    copies = deck._feeder._wanted[0]
    with deck._feeder._lock:  # the thread is held up
        here = int(deck.state["position"][0]) // CHUNK
        copies.flags[here + 1 :] = 0
        held = recorder.run(4 * CHUNK)
        assert deck.waiting
        assert not held[:, -CHUNK:].any()
        assert np.abs(np.diff(held[0])).max() < 0.45  # it fades away: no click but the hits themselves
        stopped = deck.position
    fed(deck)
    assert recorder.run(RATE).any()
    assert deck.position > stopped


def test_seeks_loops_and_the_playhead_are_in_the_time_of_the_song(deck, tape):
    recorder = tape(deck)
    deck.set_stretch(TEMPO, 0.0)
    deck.set_loop(RATE, 2 * RATE)
    deck.seek(RATE + RATE // 2)
    assert deck.position == pytest.approx(1.5 * RATE, abs=1)
    deck.play()
    fed(deck)
    recorder.run(round(0.25 * RATE / TEMPO))
    assert deck.position == pytest.approx(1.75 * RATE, abs=3)
    assert deck.sounding(recorder.now) == pytest.approx(1.75 * RATE - 0.05 * TEMPO * RATE, abs=600)
    recorder.run(round(0.5 * RATE / TEMPO))
    assert deck.position == pytest.approx(1.25 * RATE, abs=5)


def test_the_seam_of_a_loop_does_not_click(deck, parts, tape):
    recorder = tape(deck)
    deck.set_gains(np.array([[1.0, 1.0], [0.0, 0.0]]))  # the low tone alone
    deck.set_stretch(TEMPO, 2.0)
    deck.set_loop(RATE, 2 * RATE)
    deck.seek(RATE)
    deck.play()
    fed(deck)
    heard = recorder.run(round(3.5 * RATE / TEMPO))[0]
    smooth = 2 * np.pi * 110 * 2 ** (2 / 12) / RATE * 0.3
    assert np.abs(np.diff(heard)).max() < smooth + 2 * 0.3 / 220
    level = [np.abs(piece).max() for piece in np.array_split(heard[2000:], 200)]
    assert min(level) > 0.1


def test_the_end_is_reached_and_play_stops(deck, tape):
    recorder = tape(deck)
    deck.set_stretch(2.0, 0.0)
    deck.seek(round((SECONDS - 0.5) * RATE))
    deck.play()
    fed(deck)
    recorder.run(RATE // 2)
    assert not deck.playing
    assert deck.finished == 1
    assert deck.position == pytest.approx(SECONDS * RATE, abs=2)


def test_faders_move_stretched_stems_at_once(deck, tape):
    recorder = tape(deck)
    deck.set_stretch(TEMPO, 0.0)
    deck.play()
    fed(deck)
    recorder.run(8000)
    deck.set_gains(np.array([[0.0, 0.0], [0.0, 0.0]]))
    recorder.run(512)
    assert not recorder.run(RATE).any()


def test_stretched_stems_are_not_said_to_miss_the_song(deck, tape):
    recorder = tape(deck)
    deck.play()
    recorder.run(RATE)
    assert deck.meters().null_db < -120
    deck.set_stretch(TEMPO, 0.0)
    fed(deck)
    recorder.run(512)
    deck.meters()
    recorder.run(RATE)
    assert deck.meters().null_db is None


def test_the_original_is_stretched_too(deck, parts, tape):
    recorder = tape(deck)
    deck.set_gains(np.zeros((2, 2)))
    deck.set_stretch(TEMPO, 0.0)
    deck.set_source("original")
    deck.play()
    fed(deck)
    heard = recorder.run(2 * RATE)
    expected = stretched(np.ascontiguousarray(parts[0] + parts[1]), RATE, TEMPO, 0.0)[0, : 2 * RATE]
    np.testing.assert_allclose(heard[0, 300:], expected[300:], atol=1e-3)


def test_a_private_buffer_is_stretched_and_lies_where_it_should(deck, tape):
    recorder = tape(deck)
    beep = np.zeros((1, RATE), np.float32)
    beep[0, RATE // 2] = 0.9
    deck.set_stretch(TEMPO, 0.0)
    deck.set_audition(beep, 2 * RATE, only=True)
    deck.seek(2 * RATE)
    deck.play()
    fed(deck)
    heard = recorder.run(round(RATE / TEMPO))
    assert abs(int(np.abs(heard[0]).argmax()) - round(0.5 * RATE / TEMPO)) < 100
    recorder.run(4000)
    assert not deck.playing


def test_sound_that_changes_is_heard_stretched_without_a_click(deck, parts, tape):
    live = [part.copy() for part in parts]
    valid = np.ones(SECONDS * RATE // CHUNK + 1, np.uint8)
    deck.set_stems(live, valid, np.array([[1.0, 1.0], [0.0, 0.0]]))
    deck.set_stretch(TEMPO, 0.0)
    recorder = tape(deck)
    deck.play()
    fed(deck)
    before = recorder.run(RATE)
    live[0][:, RATE : 4 * RATE] *= 0.5
    deck.renew(RATE, 4 * RATE)
    copies = deck._feeder._wanted[0]
    deadline = time.monotonic() + 10
    while copies.stale[int(deck.position / TEMPO) // CHUNK :].any():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    after = recorder.run(round(5.5 * RATE))
    heard = np.concatenate([before, after], axis=1)[0]
    assert np.abs(np.diff(heard)).max() < 2 * np.pi * 110 / RATE * 0.3 + 0.3 / 220
    new = heard[round(2 * RATE / TEMPO) : round(3 * RATE / TEMPO)]
    assert np.abs(new).max() == pytest.approx(0.15, rel=0.05)
    assert np.abs(heard[round(4.5 * RATE / TEMPO) : round(4.9 * RATE / TEMPO)]).max() == pytest.approx(
        0.3, rel=0.05
    )


@pytest.mark.parametrize("rate", [8000, 192_000])
@pytest.mark.parametrize("length", [1, 10, 9000])
def test_a_song_of_no_length_to_speak_of_plays_to_its_end(rate, length, tape):
    song = (0.5 * np.sin(np.arange(length) / 20)).astype(np.float32)[None]
    deck = Deck(rate)
    deck.load(song, rate)
    deck.set_stems([song.copy()], None, np.ones((1, 2)))
    recorder = tape(deck)
    deck.set_stretch(0.25, 12.0)
    deck.play()
    deadline = time.monotonic() + 10
    heard = []
    while deck.playing:
        assert time.monotonic() < deadline
        deck.tend()
        heard.append(recorder.run(512))
        time.sleep(0.001)
    deck.close()
    sound = np.concatenate(heard, axis=1)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 1.0


# Metronome


def test_clicks_are_on_the_beats_at_any_tempo_and_in_no_meter_of_a_stem(deck, tape):
    beats = Beats(np.arange(8) * 0.5 * RATE, np.arange(8) % 4 == 0)
    deck.set_gains(np.zeros((2, 2)))
    deck.set_metronome(beats)
    deck.set_click_gain(1.0)
    deck.set_stretch(TEMPO, 5.0)
    recorder = tape(deck)
    deck.play()
    fed(deck)
    recorder.run(512)  # the level of the click comes up
    deck.seek(0)
    heard = recorder.run(round(3.9 * RATE / TEMPO))[0]
    for beat in beats.samples[1:7]:
        place = round(beat / TEMPO)
        assert np.abs(heard[place - 500 : place - 2]).max() == 0.0
        assert np.abs(heard[place : place + 500]).max() > 0.3
    assert not deck.meters().stem_peak.any()
    deck.set_click_gain(0.0)
    recorder.run(512)
    assert not recorder.run(RATE).any()


def test_the_first_beat_of_a_bar_clicks_higher_and_clicks_end_with_the_song(deck, tape):
    deck.set_gains(np.zeros((2, 2)))
    end = SECONDS * RATE
    deck.set_metronome(Beats(np.array([22050.0, 44100.0, end - 100.0]), np.array([True, False, False])))
    deck.set_click_gain(1.0)
    recorder = tape(deck)
    deck.play()
    track = recorder.run(end + RATE)[0]
    crossings = [np.diff(np.signbit(track[at : at + 800])).sum() for at in (22050, 44100)]
    assert crossings[0] == pytest.approx(1.5 * crossings[1], rel=0.1)
    assert track[end - 100 : end].any()
    assert not track[end:].any()


def test_a_count_in_comes_before_play_and_not_again(deck, parts, tape):
    recorder = tape(deck)
    clicks = count_in(0.25, 4, RATE)
    assert clicks.shape == (RATE,)
    assert deck.counting == 0
    deck.play(clicks)
    assert deck.counting == RATE, "asked for, and not taken up yet"
    heard = recorder.run(RATE // 2)[0]
    assert deck.counting == RATE // 2
    heard = np.concatenate([heard, recorder.run(2 * RATE - RATE // 2)[0]])
    assert deck.counting == 0
    np.testing.assert_allclose(heard[:RATE], clicks, atol=1e-6)
    np.testing.assert_allclose(heard[RATE + 300 :], (parts[0] + parts[1])[0, 300:RATE], atol=1e-6)
    assert deck.position == RATE
    deck.pause()
    recorder.run(1000)
    deck.play()
    assert recorder.run(1000)[0, 400:].any()
    assert deck.position > RATE


def test_a_count_in_is_heard_from_a_device_that_is_opened_for_it(deck, parts, tape):
    clicks = count_in(0.25, 4, RATE)
    deck.play(clicks)  # nobody calls the callback yet: the first play, or one after a long pause
    heard = tape(deck).run(RATE + 1000)[0]
    np.testing.assert_allclose(heard[:RATE], clicks, atol=1e-6)
    np.testing.assert_allclose(heard[RATE + 300 :], (parts[0] + parts[1])[0, 300:1000], atol=1e-6)


def test_pause_ends_a_count_in(deck, tape):
    recorder = tape(deck)
    deck.play(count_in(0.25, 4, RATE))
    recorder.run(RATE // 2)
    deck.pause()
    assert deck.counting == 0
    recorder.run(512)
    assert not recorder.run(RATE).any()
    assert deck.position == 0


def test_strips_have_meters_at_any_tempo_and_a_null_does_not_apply(deck, tape):
    recorder = tape(deck)
    assert deck.meters().null_applies
    deck.set_stretch(TEMPO, 2.0)
    deck.play()
    fed(deck)
    recorder.run(RATE)
    meters = deck.meters()
    assert not meters.null_applies
    assert meters.stem_peak[0].min() == pytest.approx(0.3, rel=0.1)
    assert meters.stem_rms[0].min() == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


# Seeking


def test_a_jump_away_is_made_before_what_was_being_made(deck, tape):
    recorder = tape(deck)
    deck.set_stretch(TEMPO, 0.0)
    feeder = deck._feeder
    fed(deck)
    with feeder._lock:
        copies = feeder._wanted[0]
        copies.flags[:] = 0
    deck.play()
    recorder.run(512)
    deck.seek(round(4.5 * RATE))
    here = int(4.5 * RATE / TEMPO) // CHUNK
    deadline = time.monotonic() + 5
    while not copies.flags[here]:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert np.flatnonzero(copies.flags[:here]).size <= here // 2  # not all that lies before
    recorder.run(2048)
    assert deck.position > 4.5 * RATE
