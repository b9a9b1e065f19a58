"""Playback as it leaves the machine: a null sink's recording against the mix that was asked for."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from null_sink import waited
from numpy.typing import NDArray

from stemstudio.mixing.metronome import Beats
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.mixer import mix_block
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.strips import strips_of
from stemstudio.project.effects import Effects, Equaliser
from stemstudio.project.stem import Stem

pytestmark = pytest.mark.playback

RATE = 44100
FADE = 220
LENGTH = 12 * RATE
STARVED = 0.05  # seconds a sound server has to wait on a busy machine; on an idle one a few ms


@pytest.fixture(scope="module")
def stems() -> list[NDArray[np.float32]]:
    """A voice-like sweep, a mono pulse and noise; no two places of the song are alike."""
    rng = np.random.default_rng(11)
    at = np.arange(LENGTH) / RATE
    sweep = 0.2 * np.sin(2 * np.pi * (110 * at + 20 * at**2))
    pulse = 0.2 * np.sin(2 * np.pi * 55 * at) * (np.sin(2 * np.pi * 2 * at) > 0)
    return [
        np.ascontiguousarray(np.stack([sweep, 0.5 * sweep]), dtype=np.float32),
        np.ascontiguousarray(pulse[None], dtype=np.float32),
        (0.05 * rng.standard_normal((2, LENGTH))).astype(np.float32),
    ]


@pytest.fixture
def loaded(player, stems):
    """The player with song and stems on."""
    put_on(player, stems)
    return player


def found_at(recording: NDArray, pattern: NDArray) -> int:
    """The frame of the recording at which `pattern`, (2, samples), begins."""
    size = 1 << (recording.shape[1] + pattern.shape[1]).bit_length()
    match = np.fft.irfft(np.fft.rfft(recording[0], size) * np.fft.rfft(pattern[0], size).conj(), size)
    return int(match[: recording.shape[1]].argmax())


def again_if_starved(test: Callable[..., None]) -> Callable[..., None]:
    """Measure again, twice at most, where the test failed while the machine had no processor for sound."""

    @functools.wraps(test)
    def measured(*, loaded, stems, sound_server, **fixtures) -> None:
        for _ in range(3):
            put_on(loaded, stems)
            dry, hungry = loaded.meters().underflows, waited(sound_server.process.pid)
            try:
                return test(loaded=loaded, stems=stems, **fixtures)
            except AssertionError:
                late = waited(sound_server.process.pid) - hungry
                if late < STARVED and loaded.meters().underflows == dry:
                    raise
        return pytest.skip(f"too busy a machine for sound: its server waited {late:.2f} s for a processor")

    # pytest asks for what the test names, and for the server.
    named = inspect.signature(test)
    extra = inspect.Parameter("sound_server", inspect.Parameter.KEYWORD_ONLY)
    measured.__signature__ = named.replace(parameters=[*named.parameters.values(), extra])  # type: ignore[attr-defined]
    return measured


def put_on(player, stems) -> None:
    """Load the song and its stems."""
    player.load(mix_block(stems, np.ones((3, 2))), RATE)
    player.set_stems(stems, None, np.ones((3, 2)))


def play_for(qtbot, player, seconds: float) -> None:
    """Play on the device for so long, the window's loop turning."""
    player.play()
    assert not player.silent, player.device_note
    qtbot.wait(int(1000 * seconds))


@again_if_starved
def test_recording_is_the_mix_with_pan_and_mute(qtbot, loaded, record, stems):
    gains = np.array([[1.0, 0.3], [0.0, 0.0], [0.5, 1.0]])  # panned left, muted, panned right
    loaded.set_gains(gains)
    tape = record()
    play_for(qtbot, loaded, 2.0)
    loaded.pause()
    qtbot.wait(200)
    sound = tape.stop()
    expected = mix_block(stems, gains, 0, int(1.5 * RATE))
    start = found_at(sound, expected[:, FADE : FADE + 20_000]) - FADE
    heard = sound[:, start : start + expected.shape[1]]
    np.testing.assert_allclose(heard[:, FADE:], expected[:, FADE:], atol=1e-6)
    assert not sound[:, : start - 1].any()
    assert not sound[:, -2000:].any()


@again_if_starved
def test_recording_is_the_bounce_with_everything_on(qtbot, loaded, record, stems):
    fields = {"equaliser": Equaliser(low_cut=100.0, mid=6.0, high=-6.0), "envelope": ((0.2, 1.0), (1.0, 0.5))}
    strips = strips_of(
        [
            Stem(1, "bass", "#ffffff", 0, width=1.5, reverb_db=-6.0, **fields),
            Stem(2, "lead", "#ffffff", 0, pan=0.5, delay_db=-6.0),
            Stem(3, "hiss", "#ffffff", 0, flip=True, mutes=((0.5, 0.8),)),
        ],
        2,
        RATE,
    )
    loaded.set_gains(strips)
    loaded.set_effects(Effects(delay_ms=120.0))
    tape = record()
    play_for(qtbot, loaded, 2.0)
    loaded.pause()
    qtbot.wait(200)
    sound = tape.stop()
    length = int(1.5 * RATE)
    bounced = Mixdown(strips, Effects(delay_ms=120.0), RATE).mix([stem[:, :length] for stem in stems])
    start = found_at(sound, bounced[:, FADE : FADE + 20_000]) - FADE
    difference = sound[:, start + FADE : start + length] - bounced[:, FADE:]
    assert 20 * np.log10(np.abs(difference).max() + 1e-12) < -90


@again_if_starved
def test_mute_is_heard_within_100_ms_and_does_not_click(qtbot, loaded, record, stems):
    song = (0.5 * np.sin(2 * np.pi * 220 * np.arange(LENGTH) / RATE)).astype(np.float32)[None]
    loaded.load(song, RATE)
    loaded.set_stems([song.copy()], None, np.ones((1, 2)))
    tape = record()
    play_for(qtbot, loaded, 1.0)
    moved = time.monotonic()
    loaded.set_gains(np.zeros((1, 2)))
    qtbot.wait(500)
    arrivals = np.array(tape.arrivals)
    sound = tape.stop()
    silent_from = int(np.flatnonzero(sound[0])[-1])
    arrived = arrivals[np.searchsorted(arrivals[:, 1], silent_from), 0]
    assert 0 < arrived - moved < 0.1
    assert np.abs(np.diff(sound)).max() < 0.5 * 2 * np.pi * 220 / RATE + 0.5 / FADE


@again_if_starved
def test_loop_is_continuous(qtbot, loaded, record, stems):
    start, stop = loaded.set_loop(RATE, RATE + 20_011)
    loaded.seek(start)
    tape = record()
    play_for(qtbot, loaded, 2.5)
    loaded.pause()
    sound = tape.stop()
    turn = mix_block(stems, np.ones((3, 2)), start, stop)
    first = found_at(sound[:, : RATE + 20_000], turn[:, FADE:]) - FADE
    for time_round in range(3):
        begin = first + time_round * turn.shape[1]
        np.testing.assert_allclose(sound[:, begin + FADE : begin + turn.shape[1]], turn[:, FADE:], atol=1e-6)


@again_if_starved
def test_the_metronome_clicks_on_the_beats(qtbot, loaded, record, stems):
    beats = np.array([0.35, 0.72, 1.1, 1.4]) * RATE
    loaded.set_metronome(Beats(beats, np.array([True, False, False, True])), 1.0)
    tape = record()
    play_for(qtbot, loaded, 1.8)
    loaded.pause()
    qtbot.wait(100)
    sound = tape.stop()
    loaded.set_metronome(None, 0.0)
    song = mix_block(stems, np.ones((3, 2)), 0, int(1.5 * RATE))
    start = found_at(sound, song[:, FADE:12_000]) - FADE
    clicks = np.abs(sound[0, start : start + song.shape[1]] - song[0]) > 0.02
    clicks[:FADE] = False
    found = np.flatnonzero(clicks)
    begun = found[np.diff(found, prepend=-RATE) > RATE // 10]
    assert begun.size == beats.size
    assert np.abs(begun - beats).max() < 50  # as exactly as the song itself


@again_if_starved
def test_takes_follow_each_other_in_place_without_a_gap(qtbot, loaded, record, stems):
    start, length = RATE, 2 * RATE
    song = mix_block(stems, np.ones((3, 2)), start, start + length)
    takes = [np.ascontiguousarray(0.5 * song), np.ascontiguousarray(-0.5 * song[::-1])]
    tape = record()
    loaded.audition(takes[0], start, loop=True)
    play_for(qtbot, loaded, 0.7)
    moved = time.monotonic()
    loaded.audition(takes[1], start, loop=True, instead=True)
    qtbot.wait(500)
    loaded.end_audition()
    loaded.pause()
    arrivals = np.array(tape.arrivals)
    sound = tape.stop()
    first = found_at(sound, takes[0][:, FADE : FADE + 20_000]) - FADE
    heard = sound[:, first : first + RATE]
    one, other = takes[0][:, :RATE], takes[1][:, :RATE]
    is_one = np.abs(heard - one).max(axis=0) < 1e-6
    is_other = np.abs(heard - other).max(axis=0) < 1e-6
    switched = int(np.flatnonzero(~is_one[FADE:])[0]) + FADE
    arrived = arrivals[np.searchsorted(arrivals[:, 1], first + switched), 0]
    assert arrived - moved < 0.15
    # What comes after the short fade is the other take, at the very sample it would have reached by itself.
    assert is_other[switched + round(0.02 * RATE) : switched + RATE // 4].all()


@again_if_starved
def test_playhead_is_where_the_sound_is(qtbot, loaded, record, stems):
    tape = record()
    play_for(qtbot, loaded, 0.5)
    seen = []
    while len(seen) < 60:
        qtbot.wait(17)
        seen.append((time.monotonic(), loaded.position))
    loaded.pause()
    arrivals = np.array(tape.arrivals)
    sound = tape.stop()
    song = mix_block(stems, np.ones((3, 2)), 0, RATE)
    start = found_at(sound, song[:, FADE:20_000]) - FADE
    # The piece that came with the least delay tells when the sink played frame 0.
    zero = (arrivals[:, 0] - arrivals[:, 1] / RATE).min()
    errors = np.array([position - ((at - zero) * RATE - start) for at, position in seen])
    block = int(loaded._deck.state["largest_block"][0])
    assert np.abs(errors).max() < block, f"block {block}, errors {errors.min():.0f}...{errors.max():.0f}"
    assert np.diff([position for _, position in seen]).min() > 0


@again_if_starved
def test_stems_rendered_while_they_play_are_heard_without_a_gap(qtbot, loaded, record, stems):
    song = mix_block(stems, np.ones((3, 2)))
    empty = [np.zeros_like(stem) for stem in stems]
    valid = np.zeros(-(-LENGTH // CHUNK), dtype=np.uint8)
    loaded.set_stems(empty, valid, np.ones((3, 2)))
    tape = record()
    loaded.play()
    for chunk in range(6, 30):
        qtbot.wait(60)
        for buffer, stem in zip(empty, stems, strict=True):
            buffer[:, chunk * CHUNK : (chunk + 1) * CHUNK] = stem[:, chunk * CHUNK : (chunk + 1) * CHUNK]
        valid[chunk] = 1
    qtbot.wait(500)
    sound = tape.stop()
    start = found_at(sound[:, : 2 * RATE], song[:, FADE:30_000]) - FADE
    heard = sound[:, start + FADE : start + int(1.6 * RATE)]
    np.testing.assert_allclose(heard, song[:, FADE : int(1.6 * RATE)], atol=1e-6)


@again_if_starved
def test_no_underflow_while_python_and_numpy_are_busy(qtbot, loaded, record, stems):
    before = loaded.meters().underflows
    stop = threading.Event()

    def busy() -> None:
        total = 0
        while not stop.is_set():
            total += sum(range(2000))

    def numbers() -> None:
        rng = np.random.default_rng(0)
        while not stop.is_set():
            matrix = rng.standard_normal((300, 300))
            np.linalg.svd(matrix @ matrix)

    threads = [threading.Thread(target=work) for work in (busy, busy, numbers)]
    loaded.open(None, "high")  # a test machine has no real-time priority to give to sound
    tape = record()
    for thread in threads:
        thread.start()
    try:
        play_for(qtbot, loaded, 8.0)
        loaded.pause()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    qtbot.wait(300)
    sound = tape.stop()
    assert loaded.meters().underflows == before
    song = mix_block(stems, np.ones((3, 2)), 0, int(7.5 * RATE))
    start = found_at(sound, song[:, FADE:20_000]) - FADE
    np.testing.assert_allclose(sound[:, start + FADE : start + song.shape[1]], song[:, FADE:], atol=1e-6)


def test_device_that_disappears_is_told_and_play_goes_on_silently(qtbot, loaded, sound_server, record):
    record()  # without a listener the null sink begins with a block of two seconds
    play_for(qtbot, loaded, 1.2)
    at = loaded.position
    assert at > RATE // 2
    with qtbot.waitSignal(loaded.device_lost, timeout=8000) as lost:
        sound_server.stop()
    assert "default" in lost.args[0]
    assert "silently" in lost.args[0]
    assert loaded.silent
    assert loaded.playing
    before, began = loaded.position, time.monotonic()
    assert at < before < at + 9 * RATE
    qtbot.wait(500)
    assert loaded.position - before == pytest.approx((time.monotonic() - began) * RATE, abs=0.2 * RATE)


@pytest.mark.parametrize("latency", ["low", "high", 0.08])
def test_latency_can_be_chosen_while_playing(qtbot, loaded, record, latency):
    record()
    play_for(qtbot, loaded, 0.4)
    at = loaded.position
    loaded.open(None, latency)
    qtbot.wait(400)
    assert loaded.position > at
    assert not loaded.silent
    assert loaded._output.latency == pytest.approx(
        {"low": 0.0087, "high": 0.15}.get(latency, latency), abs=0.03
    )


def test_device_that_is_not_there_is_said_and_the_default_taken(qtbot, loaded, record):
    record()
    loaded.open("Studio monitors [ALSA]")
    play_for(qtbot, loaded, 0.3)
    assert "Studio monitors" in loaded.device_note
    assert loaded.device is not None
    assert loaded.position > 0


@again_if_starved
def test_another_key_is_heard_within_150_ms_without_a_click(qtbot, loaded, record, stems):
    song = (0.5 * np.sin(2 * np.pi * 220 * np.arange(LENGTH) / RATE)).astype(np.float32)[None]
    loaded.load(song, RATE)
    loaded.set_stems([song.copy() for _ in range(4)], None, np.full((4, 2), 0.25))
    tape = record()
    play_for(qtbot, loaded, 1.0)
    moved = time.monotonic()
    loaded.set_stretch(0.8, 7.0)
    qtbot.wait(1000)
    arrivals = np.array(tape.arrivals)
    place = loaded.position / RATE
    now = time.monotonic()
    sound = tape.stop()[0]
    loaded.set_stretch(1.0, 0.0)
    crossings = np.flatnonzero(np.diff(np.signbit(sound)))
    # Half a turn of 330 Hz rather than of 220, four times running.
    quick = np.diff(crossings) < 0.5 * RATE / 270
    changed = crossings[np.flatnonzero(np.convolve(quick, np.ones(4), "valid") == 4)[0]]
    arrived = arrivals[np.searchsorted(arrivals[:, 1], changed), 0]
    assert 0 < arrived - moved < 0.15
    assert np.abs(np.diff(sound)).max() < 0.5 * 2 * np.pi * 330 / RATE + 1.0 / FADE
    assert place == pytest.approx(1.0 + 0.8 * (now - moved), abs=0.25)
    settled = sound[changed + 2000 : changed + 2000 + 16384]
    power = np.abs(np.fft.rfft(settled * np.hanning(settled.size), 8 * settled.size))
    heard = power.argmax() * RATE / (8 * settled.size)
    assert 1200 * np.log2(heard / 220) == pytest.approx(700, abs=5)
