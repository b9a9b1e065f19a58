"""What strips cost: eight stems with equalisers and sends, played and bounced.

`pytest tests/benchmarks/bench_mixer.py -s` prints the figures.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from stemstudio.mixing.deck import Deck
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.strips import Strips, strips_of
from stemstudio.project.effects import Effects, Equaliser
from stemstudio.project.stem import Stem

RATE = 44100
BLOCK = 1024
EQUALISER = Equaliser(low_cut=60.0, low=3.0, mid=-4.0, high=5.0, high_cut=15_000.0)
FULL = [
    Stem(
        number,
        f"stem {number}",
        "#ffffff",
        0,
        gain_db=-3.0,
        pan=0.2,
        width=1.2,
        equaliser=EQUALISER,
        reverb_db=-12.0,
        delay_db=-15.0,
        envelope=((1.0, 1.0), (3.0, 0.5)),
    )
    for number in range(8)
]


def stems(seconds: float) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal((2, int(seconds * RATE)))).astype(np.float32) for _ in FULL]


def block_seconds(strips: Strips) -> float:
    """Median time of a block."""
    from stemstudio.mixing.callback import callback

    sounds = stems(20.0)
    deck = Deck(RATE)
    deck.load(np.sum(sounds, axis=0), RATE)
    deck.set_stems(sounds, None, strips)
    deck.lead_in = 0.0
    deck.running = True
    deck.play()
    output = np.zeros((BLOCK, 2), np.float32)
    times = (ctypes.c_double * 3)()
    spent = []
    for block in range(600):
        times[1] = times[2] = block * BLOCK / RATE
        begun = time.perf_counter()
        callback.ctypes(
            None,
            output.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            BLOCK,
            times,
            0,
            deck.state.ctypes.data,
        )
        spent.append(time.perf_counter() - begun)
    return float(np.median(spent))


def test_block_with_everything_on_is_a_small_part_of_its_time():
    plain = block_seconds(Strips.plain(np.ones((8, 2))))
    full = block_seconds(strips_of(FULL, 2, RATE))
    own = BLOCK / RATE
    print(
        f"\n8 stems, a block of {1e6 * own:.0f} µs: plain {1e6 * plain:.0f} µs, with five filters, both sends and a "
        f"curve each {1e6 * full:.0f} µs ({100 * full / own:.1f} % of one core)"
    )
    assert full < 0.1 * own


def test_bounce_is_fifty_times_faster_than_play():
    seconds = 30.0
    sounds = stems(seconds)
    best = np.inf
    for _ in range(3):
        mixdown = Mixdown(strips_of(FULL, 2, RATE), Effects(), RATE)
        begun = time.thread_time()
        mixdown.mix(sounds)
        best = min(best, time.thread_time() - begun)
    print(f"\n8 stems with everything on: {seconds / best:.0f} × as fast as play on one core")
    assert seconds / best > 50


def test_first_compilation_takes_as_long_as_this(tmp_path):
    times = []
    for _ in range(2):
        code = (
            "import time; begun = time.time(); from stemstudio.mixing.compiling import FIRST, compiled, load\n"
            "for unit in compiled():\n"
            "    load(unit)\n"
            "    if unit in (FIRST[-1], 'native_meters'): print(time.time() - begun)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        times.append([float(line) for line in done.stdout.split()])
    (song, whole), (song_again, again) = times
    print(
        f"\nAt the first start the song is heard after {song:.1f} s and its stems after {whole:.1f} s "
        f"({os.cpu_count()} cores); from then on after {song_again:.2f} and {again:.2f} s"
    )
    assert song < 0.8 * whole
    assert again < 0.2 * whole


@pytest.mark.timeout(200)
@pytest.mark.playback
def test_no_underflow_in_a_minute_with_everything_on(qtbot, monkeypatch):
    from null_sink import Recording, SoundServer

    from stemstudio.gui.player import Player

    if shutil.which("pulseaudio") is None or shutil.which("parec") is None:
        pytest.skip("pulseaudio is not installed")
    server = SoundServer.in_a_folder()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            sum(range(2000))

    player = Player()
    player.warm()
    qtbot.waitUntil(lambda: player.warmed, timeout=180_000)
    player.devices()
    player.open(None, "high")
    sounds, strips = stems(65.0), strips_of(FULL, 2, RATE)
    player.load(np.sum(sounds, axis=0), RATE)
    player.set_stems(sounds, None, strips)
    # Without a listener the null sink asks for two seconds at once when it begins, which no stream has: a gap of its own.
    tape = Recording(server)
    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        player.play()
        qtbot.wait(60_000)
        assert not player.silent
        underflows = player.meters().underflows
        player.pause()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        player.close()
        sound = tape.stop()
        server.clear()
    bounced = Mixdown(strips, Effects(), RATE).mix([stem[:, : 59 * RATE] for stem in sounds])
    first = int(np.flatnonzero(sound[0])[0])
    apart = float(np.abs(sound[:, first + 220 : first + 59 * RATE] - bounced[:, 220:]).max())
    print(
        f"\n60 s under load: {underflows} underflows; "
        f"the recording and the bounce are {20 * np.log10(apart + 1e-12):.0f} dB apart"
    )
    assert underflows == 0
    assert apart < 10 ** (-90 / 20)
