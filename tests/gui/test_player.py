"""The player on a machine without sound: everything but the ear can follow."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.gui import player as player_module
from stemstudio.gui.player import Player
from stemstudio.mixing import output
from stemstudio.mixing.output import DeviceChoice, NoSound, SilentClock

RATE = 44100


@pytest.fixture(autouse=True)
def _no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sound device, whatever this machine has."""
    monkeypatch.setattr(output, "devices", list)
    monkeypatch.setattr(player_module, "devices", list)
    monkeypatch.setattr(player_module, "refresh_devices", lambda: None)


@pytest.fixture
def song() -> np.ndarray:
    return (0.3 * np.random.default_rng(4).standard_normal((2, 3 * RATE))).astype(np.float32)


@pytest.fixture
def player(qtbot, song):
    player = Player()
    player.load(song, RATE)
    player.set_stems([0.5 * song, 0.5 * song], None, np.ones((2, 2)))
    player.warm()
    qtbot.waitUntil(lambda: player.warmed, timeout=180_000)
    yield player
    player.close()


def test_without_a_device_the_playhead_still_moves_in_real_time(qtbot, player):
    assert player.devices() == []
    player.play()
    assert player.silent
    assert "No sound device was found." in player.device_note
    qtbot.wait(300)
    start = player.position
    qtbot.wait(500)
    assert player.position - start == pytest.approx(0.5 * RATE, abs=0.15 * RATE)
    assert player.meters().master_peak.min() > 0.5


def test_play_before_the_callback_is_compiled_starts_when_it_is(qtbot, song):
    player = Player()
    player.load(song, RATE)
    player.play()
    assert player.playing
    qtbot.waitUntil(lambda: player.position > 2000, timeout=60_000)
    player.close()


def test_toggle_pause_and_stop(qtbot, player):
    player.seek(RATE)
    player.toggle()
    assert player.playing
    qtbot.wait(200)
    player.toggle()
    assert not player.playing
    qtbot.wait(100)
    rest = player.position
    assert rest > RATE
    qtbot.wait(200)
    assert player.position == rest
    player.stop()
    assert player.position == 0


def test_end_of_the_song_is_told_and_play_starts_over(qtbot, player, song):
    player.seek(song.shape[1] - 5000)
    with qtbot.waitSignal(player.finished, timeout=3000):
        player.play()
    assert not player.playing
    player.play()
    qtbot.wait(100)
    assert 0 < player.position < RATE
    assert player.playing


def test_loop_keeps_the_playhead_inside(qtbot, player):
    player.set_loop(10_000, 16_000)
    player.seek(10_000)
    player.play()
    seen = []
    for _ in range(30):
        qtbot.wait(20)
        seen.append(player.position)
    assert min(seen) >= 10_000
    assert max(seen) <= 16_000
    assert np.any(np.diff(seen) < 0)


def test_audition_plays_the_selection_once_and_brings_everything_back(qtbot, player, song):
    player.set_loop(0, 50_000)
    player.set_source("original")
    with qtbot.waitSignal(player.finished, timeout=3000):
        player.audition(song[:, 60_000:70_000].copy(), 60_000)
        assert player.source == "audition"
        assert player.position == 60_000
        assert player.loop is None
    assert not player.playing
    assert player.source == "original"
    assert player.loop == (0, 50_000)


def test_a_loop_that_is_set_meanwhile_is_there_after_the_audition(qtbot, player, song):
    player.audition(song[:, 60_000:80_000].copy(), 60_000, loop=True)
    player.set_loop(0, 50_000)
    assert player.loop == (60_000, 80_000), "what is heard for itself does not reach there"
    player.end_audition()
    assert player.loop == (0, 50_000)
    player.audition(song[:, 60_000:80_000].copy(), 60_000, loop=True)
    player.clear_loop()
    player.end_audition()
    assert player.loop is None


def test_looped_audition_goes_on_until_it_is_ended(qtbot, player, song):
    player.audition(song[:, 60_000:66_000].copy(), 60_000, loop=True)
    qtbot.wait(500)
    assert player.playing
    assert 60_000 <= player.position <= 66_000
    player.end_audition()
    assert player.source == "stems"
    assert player.loop is None
    qtbot.wait(300)
    assert player.position > 66_000


def test_seek_out_of_an_audition_ends_it(qtbot, player, song):
    player.audition(song[:, 60_000:80_000].copy(), 60_000)
    player.seek(65_000)
    assert player.source == "audition"
    player.seek(10_000)
    assert player.source == "stems"
    qtbot.wait(200)
    assert player.playing
    assert 10_000 < player.position < 40_000


def test_second_audition_remembers_what_was_before_the_first(qtbot, player, song):
    player.set_loop(0, 50_000)
    player.audition(song[:, :6000].copy(), 0, loop=True)
    player.audition(song[:, 9000:15_000].copy(), 9000)
    player.end_audition()
    assert (player.source, player.loop) == ("stems", (0, 50_000))


def test_before_the_last_edit_is_heard_in_place(qtbot, player, song):
    player.play()
    qtbot.wait(200)
    at = player.position
    player.audition(np.zeros_like(song), 0, over=True)
    qtbot.wait(200)
    assert player.playing
    assert at < player.position < at + RATE
    player.meters()
    qtbot.wait(100)
    assert player.meters().master_peak.max() == 0.0
    player.end_audition()
    qtbot.wait(100)
    assert player.meters().master_peak.max() > 0.5


@pytest.mark.parametrize("playing", [False, True])
def test_replaced_sound_is_in_the_stems_soon(qtbot, player, song, playing):
    stems = [np.zeros_like(song), np.zeros_like(song)]
    player.set_stems(stems, None, np.ones((2, 2)))
    if playing:
        player.play()
        qtbot.wait(200)
    new = [song[:, 5000:60_000], -song[:, 5000:60_000]]
    player.replace(new, 5000)
    if not playing:
        np.testing.assert_array_equal(stems[0][:, 5000:60_000], new[0])
    qtbot.waitUntil(lambda: np.array_equal(stems[1][:, 5000:60_000], new[1]), timeout=2000)
    assert not stems[0][:, :5000].any()
    assert not stems[0][:, 60_000:].any()


def test_song_at_another_rate(qtbot, player):
    player.play()
    qtbot.wait(100)
    slow = np.zeros((1, 8000 * 3), dtype=np.float32)
    player.load(slow, 8000)
    assert player.position == 0
    assert not player.playing
    player.play()
    qtbot.wait(500)
    assert player.position == pytest.approx(4000, abs=1600)


def test_stream_that_hangs_is_noticed_and_play_goes_on(qtbot, player, monkeypatch):
    player.play()
    qtbot.wait(1200)
    player.set_gains(np.full((2, 2), 0.5))
    before = player.position
    monkeypatch.setattr(type(player._output), "alive", True)  # it says so, but no block comes any more
    player._output._stop.set()
    with qtbot.waitSignal(player.device_lost, timeout=5000):
        pass
    qtbot.wait(300)
    assert player.playing
    assert before + 0.2 * RATE < player.position < before + 2.5 * RATE


def test_device_that_never_answers_is_abandoned_with_its_memory(qtbot, player, monkeypatch):
    player.play()
    qtbot.wait(200)
    monkeypatch.setattr(player._output, "close", lambda *, lost=False: False)
    deck, hung = player._deck, player._output
    before = player.position
    hung._stop.set()  # its thread ends, so that it is seen at once
    with qtbot.waitSignal(player.device_lost, timeout=5000):
        pass
    assert player._deck is not deck
    qtbot.wait(300)
    assert player.playing
    assert player.position > before
    player.set_gains(np.zeros((2, 2)))
    qtbot.wait(100)
    player.meters()
    qtbot.wait(100)
    assert player.meters().master_peak.max() == 0.0


def test_device_that_refuses_the_rate_is_said(qtbot, player, monkeypatch):
    wanted = DeviceChoice("Box [ALSA]", "Box", 3, 2, 48000.0, False)

    def refuse(deck, device, latency, channels):
        raise NoSound("“Box” does not play at 44100 Hz.", "Choose another sound device.")

    monkeypatch.setattr(player_module, "devices", lambda: [wanted])
    monkeypatch.setattr(player_module, "SoundDevice", refuse)
    player.open(wanted)
    player.play()
    assert player.device_note == "“Box” does not play at 44100 Hz. Choose another sound device."
    assert isinstance(player._output, SilentClock)


def test_without_portaudio_there_is_one_sentence(qtbot, monkeypatch):
    def missing():
        raise NoSound("This machine has no PortAudio library, so nothing can be heard.", "Install it.")

    monkeypatch.setattr(player_module, "devices", missing)
    player = Player()
    assert player.devices() == []
    assert "PortAudio" in player.device_note
