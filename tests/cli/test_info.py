"""`stemstudio info` says what a song or a project holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_a_song(command: Any, song: Path) -> None:
    found = command("info", song, "--json").json
    assert (found["kind"], found["format"], found["codec"]) == ("song", "WAV", "FLOAT")
    assert (found["sample_rate"], found["channels"], found["duration"]) == (22050, 2, 4.0)
    assert found["tags"] == {"title": "My Tune", "artist": "Nobody"}
    assert found["cover"] is None
    words = command("info", song)
    assert words.stdout == ""
    assert "WAV (FLOAT), 22050 Hz, stereo, 0:04.0" in words.stderr
    assert "artist: Nobody" in words.stderr


def test_what_is_no_song(command: Any, tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear musician")
    ran = command("info", text)
    assert ran.code == 2
    assert "“letter.txt” cannot be opened" in ran.sentence
