"""A room on as many loudspeakers: each channel leaves the machine where its loudspeaker is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from null_sink import Recording, SoundServer

from stemstudio.gui.player import Player
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.output import output_order
from stemstudio.mixing.strips import Strips

pytestmark = pytest.mark.playback

RATE = 44100
# In the order of files, which is not that of ALSA.
PLACES = ("front-left", "front-right", "front-center", "lfe", "rear-left", "rear-right")


@pytest.fixture
def six(qtbot, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Player, SoundServer]]:
    """A player on a null sink with six channels."""
    for program in ("pulseaudio", "parec"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    server = SoundServer.in_a_folder(PLACES)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    player = Player()
    player.warm()
    qtbot.waitUntil(lambda: player.warmed, timeout=180_000)
    yield player, server
    player.close()
    server.clear()


def test_every_channel_comes_out_of_its_loudspeaker(qtbot, six):
    player, server = six
    layout = LAYOUTS["5.1"]
    device = player.set_channels(layout.channels)
    assert device is not None, player.device_note
    order = output_order([speaker.bit for speaker in layout.speakers], device)
    level = 0.1 * np.arange(1, 7, dtype=np.float32)
    room = np.repeat(level[:, None], 3 * RATE, axis=1)
    player.load(np.zeros((2, 3 * RATE), np.float32), RATE)
    player.set_stems([np.ascontiguousarray(room[order])], None, Strips.plain(np.ones((1, 2))), spread=True)
    tape = Recording(server)
    player.play()
    assert not player.silent, player.device_note
    qtbot.wait(900)
    player.pause()
    qtbot.wait(100)
    heard = np.abs(tape.stop()).max(axis=1)
    np.testing.assert_allclose(heard, level, atol=1e-5)
