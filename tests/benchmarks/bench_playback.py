"""Playback while everything else works: a minute on a null sink, and what a block of mixing costs.

`pytest tests/benchmarks/bench_playback.py -s` prints the figures.
"""

from __future__ import annotations

import ctypes
import shutil
import threading
import time

import numpy as np
import pytest
from null_sink import Recording, SoundServer

from stemstudio.gui.player import Player
from stemstudio.mixing.deck import Deck

RATE = 44100


@pytest.mark.parametrize("stems", [8, 64])
def test_block_of_mixing_is_a_small_part_of_its_time(stems):
    from stemstudio.mixing.callback import callback

    rng = np.random.default_rng(0)
    deck = Deck(RATE)
    deck.load(rng.standard_normal((2, 20 * RATE)).astype(np.float32), RATE)
    deck.set_stems([0.1 * deck.programme.mixture for _ in range(stems)], None, np.ones((stems, 2)))
    deck.lead_in = 0.0
    deck.running = True
    deck.play()
    output = np.zeros((1024, 2), np.float32)
    times = (ctypes.c_double * 3)()
    spent = []
    for block in range(800):
        times[1] = times[2] = block * 1024 / RATE
        begun = time.perf_counter()
        callback.ctypes(
            None,
            output.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            1024,
            times,
            0,
            deck.state.ctypes.data,
        )
        spent.append(time.perf_counter() - begun)
    median = float(np.median(spent))
    print(f"\n{stems} stereo stems: {1e6 * median:.0f} µs of a block of {1e6 * 1024 / RATE:.0f} µs")
    assert median < 0.1 * 1024 / RATE


@pytest.mark.timeout(200)
@pytest.mark.playback
def test_no_underflow_in_a_minute_of_work(qtbot, monkeypatch):
    if shutil.which("pulseaudio") is None or shutil.which("parec") is None:
        pytest.skip("pulseaudio is not installed")
    server = SoundServer.in_a_folder()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    stop = threading.Event()

    def busy() -> None:
        total = 0
        while not stop.is_set():
            total += sum(range(2000))

    def factorise() -> None:
        rng = np.random.default_rng(0)
        v, w, h = rng.random((513, 2000)), rng.random((513, 16)), rng.random((16, 2000))
        while not stop.is_set():
            h *= (w.T @ (v / (w @ h))) / w.sum(0)[:, None]
            w *= ((v / (w @ h)) @ h.T) / h.sum(1)

    def transform() -> None:
        frames = np.random.default_rng(0).standard_normal((500, 4096)).astype(np.float32)
        while not stop.is_set():
            np.fft.rfft(frames)

    player = Player()
    player.warm()
    qtbot.waitUntil(lambda: player.warmed, timeout=180_000)
    player.devices()
    player.open(None, "high")
    song = (0.1 * np.random.default_rng(1).standard_normal((2, 65 * RATE))).astype(np.float32)
    player.load(song, RATE)
    player.set_stems([song * np.float32(0.25)] * 4, None, np.ones((4, 2)))
    tape = Recording(server)
    threads = [threading.Thread(target=work) for work in (busy, busy, factorise, transform)]
    for thread in threads:
        thread.start()
    try:
        player.play()
        qtbot.wait(60_000)
        player.pause()
        assert not player.silent
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        player.close()
        sound = tape.stop()
        server.clear()
    underflows = player.meters().underflows
    first = int(np.flatnonzero(sound[0])[0])
    heard = sound[:, first + 220 : first + 59 * RATE]
    exact = float(np.abs(heard - song[:, 220 : 220 + heard.shape[1]]).max())
    print(f"\n60 s: {underflows} underflows, largest difference to the mix {exact:.1e}")
    assert underflows == 0
    assert exact < 1e-6
