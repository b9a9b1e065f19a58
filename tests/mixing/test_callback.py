"""What the audio callback delivers, sample by sample, called without any device."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.mixing.deck import Deck
from stemstudio.mixing.mixer import mix_block
from stemstudio.mixing.playstate import CHUNK

RATE = 44100
FADE = 220
RAMP = 441
ONES = np.ones((3, 2), dtype=np.float32)


def biggest_jump(sound: np.ndarray) -> float:
    """The largest step between neighbouring samples: what is heard as a click."""
    return float(np.abs(np.diff(sound, axis=1)).max())


@pytest.fixture
def deck(mixture, stems) -> Deck:
    deck = Deck(RATE)
    deck.load(mixture, RATE)
    deck.set_stems(stems, None, ONES)
    return deck


@pytest.fixture
def smooth() -> Deck:
    """A song of one slow sine, so that any click stands out; its stem is the song."""
    time = np.arange(4 * RATE) / RATE
    song = np.ascontiguousarray(np.tile(0.8 * np.sin(2 * np.pi * 100 * time), (2, 1)), dtype=np.float32)
    deck = Deck(RATE)
    deck.load(song, RATE)
    deck.set_stems([song.copy()], None, np.ones((1, 2)))
    return deck


SMOOTHEST = 0.8 * 2 * np.pi * 100 / RATE  # the sine's own largest step
CLICK_FREE = SMOOTHEST + 2 * 0.8 / FADE  # plus what a fade of 5 ms between two such sines adds


@pytest.mark.parametrize("block", [64, 512, 1000, 4096])
def test_mix_is_that_of_mix_block(deck, stems, tape, block):
    gains = np.array([[0.5, 1.0], [0.0, 0.7], [1.25, 0.1]], dtype=np.float32)
    deck.set_gains(gains)
    deck.play()
    out = tape(deck, block).run(RATE)
    expected = mix_block(stems, gains, 0, RATE)
    np.testing.assert_array_equal(out[:, FADE:], expected[:, FADE:])
    assert np.all(np.abs(out[:, :FADE]) <= np.abs(expected[:, :FADE]) + 1e-7)


def test_untouched_mix_is_the_song(deck, mixture, tape):
    deck.play()
    out = tape(deck).run(RATE)
    assert np.abs(out - mixture[:, :RATE])[:, FADE:].max() < 1e-7


def test_original_is_the_song_bit_for_bit(deck, mixture, tape):
    deck.set_source("original")
    deck.set_gains(0.3 * ONES)
    deck.play()
    np.testing.assert_array_equal(tape(deck).run(RATE)[:, FADE:], mixture[:, FADE:RATE])


def test_paused_deck_is_silent_and_stays(deck, tape):
    recorder = tape(deck)
    deck.seek(1000)
    assert not recorder.run(5000).any()
    assert deck.position == 1000


def test_gain_moves_on_a_straight_line_and_arrives(smooth, tape):
    recorder = tape(smooth, 300)
    smooth.play()
    recorder.run(3000)
    smooth.set_gains(np.array([[0.0, 0.5]]))
    out = recorder.run(3000)
    song = smooth.programme.mixture[:, 3000:6000].astype(float)
    steps = np.minimum(np.arange(1, 3001), RAMP) / RAMP
    np.testing.assert_allclose(out[0], song[0] * (1 - steps), atol=1e-6)
    np.testing.assert_allclose(out[1], song[1] * (1 - 0.5 * steps), atol=1e-6)
    assert not out[0, RAMP:].any()


def test_gains_dragged_all_the_time_never_click(smooth, tape):
    rng = np.random.default_rng(3)
    recorder = tape(smooth, 128)
    smooth.play()
    heard = [recorder.run(1024)]
    for _ in range(300):
        smooth.set_gains(rng.uniform(0, 1, (1, 2)))
        smooth.set_master(rng.uniform(0.2, 1))
        heard.append(recorder.run(128))
    assert biggest_jump(np.concatenate(heard, axis=1)) < SMOOTHEST + 2 * 0.8 / RAMP


def test_master_arrives_exactly(deck, mixture, tape):
    recorder = tape(deck)
    deck.set_source("original")
    deck.play()
    recorder.run(1000)
    deck.set_master(0.5)
    recorder.run(1000)
    np.testing.assert_array_equal(recorder.run(1000), mixture[:, 2000:3000] * np.float32(0.5))


def test_play_pause_seek_never_click(smooth, tape):
    rng = np.random.default_rng(5)
    recorder = tape(smooth, 256)
    heard = []
    for turn in range(200):
        (smooth.play, smooth.pause, smooth.play)[turn % 3]()
        if turn % 2:
            smooth.seek(int(rng.integers(0, smooth.length)))
        heard.append(recorder.run(int(rng.integers(50, 1500))))
    out = np.concatenate(heard, axis=1)
    assert np.abs(out).max() > 0.7
    assert biggest_jump(out) < CLICK_FREE


def test_pause_is_silent_after_a_fade_and_play_goes_on_there(smooth, tape):
    recorder = tape(smooth)
    smooth.play()
    recorder.run(2000)
    smooth.pause()
    assert not recorder.run(2000)[:, FADE:].any()
    assert smooth.position == 2000 + FADE
    smooth.play()
    out = recorder.run(2000)
    np.testing.assert_array_equal(out[:, FADE:], smooth.programme.mixture[:, 2000 + 2 * FADE : 4000 + FADE])


def test_loop_repeats_to_the_sample(deck, stems, tape):
    start, stop = deck.set_loop(10_000, 15_001)
    deck.seek(start)
    deck.play()
    turn = stop - start
    out = tape(deck, 700).run(4 * turn)
    expected = mix_block(stems, ONES, start, stop)
    for pass_ in range(4):
        heard = out[:, pass_ * turn : (pass_ + 1) * turn]
        np.testing.assert_array_equal(heard[:, FADE:], expected[:, FADE:])


@pytest.mark.parametrize("stop", [30_011, 4 * RATE])
def test_loop_never_clicks(smooth, tape, stop):
    start, stop = smooth.set_loop(stop - 4_321, stop)
    smooth.seek(start)
    smooth.play()
    out = tape(smooth).run(5 * (stop - start))
    assert np.abs(out).max() > 0.7
    assert biggest_jump(out) < CLICK_FREE


def test_seek_to_just_before_the_loop_end_keeps_the_loop_in_time(smooth, tape):
    start, stop = smooth.set_loop(20_000, 30_000)
    recorder = tape(smooth, 64)
    smooth.seek(start)
    smooth.play()
    recorder.run(1024)
    smooth.seek(stop - 100)  # the fade of the seek is still on when the loop ends
    recorder.run(1024)
    assert smooth.position == start + 1024 - 100


def test_loop_behind_the_playhead_takes_it_in(smooth, tape):
    recorder = tape(smooth)
    smooth.seek(100_000)
    smooth.play()
    recorder.run(1024)
    smooth.set_loop(20_000, 40_000)
    recorder.run(1024)
    assert 20_000 < smooth.position < 40_000


def test_very_short_loop_is_lengthened(smooth, tape):
    start, stop = smooth.set_loop(5000, 5001)
    assert stop - start == 4 * FADE
    smooth.seek(start)
    smooth.play()
    assert biggest_jump(tape(smooth).run(5000)) < CLICK_FREE
    assert start <= smooth.position <= stop


def test_end_of_the_song_stops_without_a_click(smooth, tape):
    recorder = tape(smooth)
    smooth.seek(smooth.length - 5000)
    smooth.play()
    out = recorder.run(8000)
    assert biggest_jump(out) < CLICK_FREE
    assert not out[:, 5000:].any()
    assert (smooth.playing, smooth.finished, smooth.position) == (False, 1, smooth.length)


def test_what_is_not_decoded_yet_is_waited_for(smooth, tape):
    recorder = tape(smooth)
    smooth.set_ready(10_000)
    smooth.play()
    out = recorder.run(20_000)
    assert smooth.playing
    assert smooth.waiting
    assert smooth.position == 10_000
    assert not out[:, 10_000:].any()
    smooth.set_ready(smooth.length)
    more = recorder.run(5_000)
    assert not smooth.waiting
    np.testing.assert_array_equal(more[:, FADE:], smooth.programme.mixture[:, 10_000 + FADE : 15_000])
    assert biggest_jump(np.concatenate([out, more], axis=1)) < CLICK_FREE


def test_song_is_heard_where_stems_are_not_rendered(smooth, tape):
    song = smooth.programme.mixture
    valid = np.array([1, 0, 1] + [1] * 20, dtype=np.uint8)
    stem = 0.5 * song
    stem[:, CHUNK : 2 * CHUNK] = 7.0  # nothing of this may ever be heard
    smooth.set_stems([stem], valid, np.ones((1, 2)))
    smooth.play()
    out = tape(smooth, 333).run(3 * CHUNK)
    np.testing.assert_array_equal(out[:, FADE : CHUNK - FADE], stem[:, FADE : CHUNK - FADE])
    np.testing.assert_array_equal(out[:, CHUNK : 2 * CHUNK], song[:, CHUNK : 2 * CHUNK])
    np.testing.assert_array_equal(out[:, 2 * CHUNK + FADE :], stem[:, 2 * CHUNK + FADE : 3 * CHUNK])
    assert biggest_jump(out) < CLICK_FREE


def test_stems_that_become_ready_are_heard_from_then_on(smooth, tape):
    song = smooth.programme.mixture
    valid = np.zeros(-(-smooth.length // CHUNK), dtype=np.uint8)
    smooth.set_stems([0.5 * song], valid, np.ones((1, 2)))
    recorder = tape(smooth)
    smooth.play()
    np.testing.assert_array_equal(recorder.run(2000)[:, FADE:], song[:, FADE:2000])
    valid[:] = 1
    out = recorder.run(2000)
    np.testing.assert_allclose(out[:, FADE:], 0.5 * song[:, 2000 + FADE : 4000], atol=1e-7)


def test_sources_and_stems_change_without_a_click(smooth, tape):
    song = smooth.programme.mixture
    recorder = tape(smooth, 200)
    smooth.play()
    heard = []
    for turn in range(60):
        if turn % 3 == 0:
            smooth.set_source("original")
        elif turn % 3 == 1:
            smooth.set_source("stems")
        else:
            count = 1 + turn % 4
            smooth.set_stems([song * np.float32(0.2)] * count, None, np.ones((count, 2)))
        heard.append(recorder.run(700))
        smooth.tend()
    out = np.concatenate(heard, axis=1)
    assert np.abs(out).max() > 0.7
    assert biggest_jump(out) < CLICK_FREE


def test_audition_of_a_selection_lines_up_and_ends_with_it(deck, tape):
    rng = np.random.default_rng(0)
    buffer = rng.standard_normal((2, 9000)).astype(np.float32)
    recorder = tape(deck)
    deck.set_audition(buffer, 30_000, only=True)
    deck.seek(30_000)
    deck.play()
    out = recorder.run(12_000)
    np.testing.assert_array_equal(out[:, FADE : 9000 - FADE], buffer[:, FADE:-FADE])
    assert not out[:, 9000:].any()
    assert not deck.playing
    assert deck.finished == 1


def test_audition_over_the_stems_goes_on_around_it(deck, mixture, tape):
    buffer = np.zeros((1, 5000), dtype=np.float32)
    deck.set_audition(buffer, 10_000, only=False)
    deck.play()
    out = tape(deck).run(30_000)
    assert np.abs(out - mixture[:, :30_000])[:, FADE:10_000].max() < 1e-7
    assert not out[:, 10_000 + FADE : 15_000 - FADE].any()
    assert np.abs(out - mixture[:, :30_000])[:, 15_000 + FADE :].max() < 1e-7


def test_meters_show_what_is_heard(deck, stems, tape):
    gains = np.array([[0.5, 0.25], [1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    deck.set_gains(gains)
    deck.play()
    recorder = tape(deck)
    out = recorder.run(RATE)
    meters = deck.meters()
    np.testing.assert_allclose(meters.stem_peak[0], [0.125, 0.0625], rtol=1e-3)
    np.testing.assert_allclose(meters.stem_peak[1], [0.2, 0.0], rtol=1e-3)
    np.testing.assert_allclose(meters.stem_rms[0], np.array([0.125, 0.0625]) / np.sqrt(2), rtol=0.05)
    np.testing.assert_array_equal(meters.stem_peak[2], 0.0)
    np.testing.assert_allclose(meters.master_peak, np.abs(out).max(axis=1), rtol=1e-6)
    deck.pause()
    recorder.run(10 * RATE)
    deck.meters()
    silent = deck.meters()
    assert not silent.stem_peak.any()
    assert not silent.master_peak.any()
    assert silent.stem_rms.max() < 1e-4
    assert silent.null_db is None


def test_null_meter_tells_how_far_the_stems_miss_the_song(deck, stems, mixture, tape):
    deck.set_gains(0.1 * ONES)  # faders do not matter to it
    deck.play()
    recorder = tape(deck)
    recorder.run(10_000)
    assert deck.meters().null_db < -140
    wrong = stems[0].copy()
    wrong[0, 20_000] += 0.01
    deck.set_stems([wrong, *stems[1:]], None, ONES)
    recorder.run(20_000)
    assert deck.meters().null_db == pytest.approx(-40, abs=0.01)


def test_fresh_stream_begins_with_silence_and_loses_nothing(deck, mixture, tape):
    recorder = tape(deck)
    deck.running = False
    deck.lead_in = 0.03
    deck.running = True
    deck.seek(5000)
    deck.play()
    out = recorder.run(5000)
    assert not out[:, :1323].any()
    np.testing.assert_allclose(out[:, 1323 + FADE :], mixture[:, 5000 + FADE : 10_000 - 1323], atol=1e-7)


def test_hushed_deck_fades_and_holds_its_place(smooth, tape):
    recorder = tape(smooth)
    smooth.play()
    before = recorder.run(2000)
    assert not smooth.hushed
    smooth.hush()
    after = recorder.run(2000)
    assert smooth.hushed
    assert smooth.playing
    assert smooth.position == 2000 + FADE
    assert not after[:, FADE:].any()
    assert biggest_jump(np.concatenate([before, after], axis=1)) < CLICK_FREE


def test_gap_that_the_device_does_not_tell_of_is_counted(deck, tape):
    recorder = tape(deck)
    deck.play()
    recorder.run(5120)
    recorder.latency += 0.05  # the next block sounds later than the last one ended
    recorder.run(5120)
    assert deck.meters().underflows == 1


def test_underflows_are_counted_while_playing(deck, tape):
    recorder = tape(deck)
    recorder.run(100, flags=4)
    deck.play()
    recorder.run(512)
    recorder.run(512, flags=4)
    assert deck.meters().underflows == 1


def test_mono_device_gets_both_sides(deck, mixture, tape):
    deck.state["channels_out"] = 1
    deck.play()
    out = tape(deck).run(4000)
    np.testing.assert_allclose(out[0, FADE:], mixture[:, FADE:4000].mean(axis=0), atol=1e-6)


def test_sixty_four_stems(tape):
    rng = np.random.default_rng(1)
    stems = list(rng.standard_normal((64, 2, 20_000)).astype(np.float32))
    gains = rng.uniform(0, 1, (64, 2)).astype(np.float32)
    deck = Deck(RATE)
    deck.load(np.zeros((2, 20_000), np.float32), RATE)
    deck.set_stems(stems, None, gains)
    deck.play()
    np.testing.assert_array_equal(tape(deck).run(10_000)[:, FADE:], mix_block(stems, gains, FADE, 10_000))


def test_a_room_goes_to_outputs_of_its_own_and_fades_with_the_rest(tape):
    """Six channels, each on its output; at a seek and at the end all of them fade alike."""
    room = np.stack([np.full(RATE, 0.1 * (n + 1), np.float32) for n in range(6)])
    deck = Deck(RATE)
    deck.load(np.zeros((2, RATE), np.float32), RATE)
    deck.set_stems([room], None, np.ones((1, 2)), spread=True)
    deck.state["channels_out"] = 8
    out = tape(deck)
    deck.play()
    sound = out.run(4096)
    np.testing.assert_allclose(sound[:6, 1000:], room[:, 1000:4096], rtol=1e-6)
    assert not sound[6:].any()
    np.testing.assert_allclose(
        sound[:6] / sound[0], room[:, :4096] / room[0, 0], rtol=1e-5
    )  # one gate for all
    deck.set_master(0.5)
    out.run(4096)
    np.testing.assert_allclose(out.run(512)[:6], 0.5 * room[:, :512], rtol=1e-6)
    louder = np.ascontiguousarray(2.0 * room)
    deck.set_stems([louder], None, np.ones((1, 2)), spread=True)
    change = out.run(1024)
    assert np.abs(np.diff(change[5])).max() < 0.01, "a click"
    np.testing.assert_allclose(change[:6, -1], 0.5 * louder[:, 0], rtol=1e-6)
    assert deck.meters().stem_peak.size == 0
    deck.set_stems([louder[:2]], None, np.ones((1, 2)))
    out.run(1024)
    assert not out.run(512)[2:].any()
    with pytest.raises(ValueError, match="one stem"):
        deck.set_stems([room, room], None, np.ones((2, 2)), spread=True)
