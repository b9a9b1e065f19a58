"""What opens the window, and with what."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stemstudio.cli.window import no_display


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path | None, bool]]:
    """What the window was asked to open, instead of a window."""
    calls: list[tuple[Path | None, bool]] = []
    stand_in = ModuleType("stemstudio.gui.application")

    def start(path: Path | None = None, demo: bool = False) -> int:
        calls.append((path, demo))
        return 7

    stand_in.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stemstudio.gui.application", stand_in)
    return calls


def test_nothing_a_song_or_the_demo_opens_the_window(
    command: Any, song: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(song.parent)
    codes = [command(*words).code for words in ([], [song.name], ["--demo"])]
    assert started == [(None, False), (song, False), (None, True)]
    assert codes == [7, 7, 7]  # the window's own exit code is the program's


def test_a_song_called_like_a_command_is_opened_by_its_path(
    command: Any, tmp_path: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "info").write_bytes(b"sound")
    monkeypatch.chdir(tmp_path)
    command("./info")
    assert started == [(tmp_path / "info", False)]


def test_what_cannot_be_opened_opens_no_window(
    command: Any, song: Path, tmp_path: Path, started: list[Any]
) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    for words, sentence in (
        ((empty,), "it is empty"),
        ((tmp_path / "none.wav",), "there is no such file"),
        ((tmp_path,), "it is a folder"),
        ((song, song), "One song at a time"),
        ((song, "--demo"), "not both"),
    ):
        ran = command(*words)
        assert ran.code == 2
        assert sentence in ran.sentence
    assert started == []


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, True),
        ({"QT_QPA_PLATFORM": "xcb"}, True),
        ({"QT_QPA_PLATFORM": "offscreen"}, False),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600"}, False),
        ({"DISPLAY": ":0"}, False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, False),
    ],
)
def test_a_display_is_looked_for_where_qt_looks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], missing: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert no_display() is missing
