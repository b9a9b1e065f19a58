"""A player on a sound server with nothing but a null sink, and a tape that runs along on its monitor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from null_sink import Recording, SoundServer

from stemstudio.gui.player import Player


@pytest.fixture
def sound_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    """A running server to which PortAudio in this process connects."""
    for program in ("pulseaudio", "parec"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    server = SoundServer.in_a_folder()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.clear()


@pytest.fixture
def record(sound_server: SoundServer) -> Iterator[Callable[[], Recording]]:
    """Start a `Recording`."""
    running = []

    def start() -> Recording:
        running.append(Recording(sound_server))
        return running[-1]

    yield start
    for recording in running:
        recording.stop()


@pytest.fixture
def player(qtbot, sound_server: SoundServer) -> Iterator[Player]:
    """A player, warm, on the null sink."""
    player = Player()
    player.warm()
    qtbot.waitUntil(lambda: player.warmed, timeout=180_000)
    assert player.devices(), player.device_note
    player.open(None, "normal")
    yield player
    player.close()
