"""`stemstudio info` says what a song or a project holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.opening import open_project
from stemstudio.project.practising import set_beats


def test_a_song(command: Any, song: Path) -> None:
    found = command("info", song, "--json").json
    assert (found["kind"], found["format"], found["codec"]) == ("song", "WAV", "FLOAT")
    assert (found["sample_rate"], found["channels"], found["duration"]) == (22050, 2, 4.0)
    assert found["tags"] == {"title": "My Tune", "artist": "Nobody"}
    assert found["cover"] is None
    words = command("info", song)
    assert words.stderr == ""
    assert "WAV (FLOAT), 22050 Hz, stereo, 0:04.0" in words.stdout
    assert "artist: Nobody" in words.stdout


def test_what_is_no_song(command: Any, tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear musician")
    ran = command("info", text)
    assert ran.code == 2
    assert "“letter.txt” cannot be opened" in ran.sentence


def test_beats_and_key_of_a_song_when_asked(command: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    sound = np.zeros(12 * 22050)
    for beat in np.arange(0.25, 11.9, 0.5):
        at = round(beat * 22050)
        sound[at : at + 500] += 0.4 * rng.standard_normal(500)
    path = tmp_path / "clicks.wav"
    soundfile.write(path, sound, 22050)
    found = command("info", path, "--beats", "--json").json["beats"]
    assert abs(found["bpm"] - 120) < 1
    assert found["metre"] == 4
    assert found["count"] == 24
    words = command("info", path, "--beats").stdout
    assert "120.0 beats a minute, 4 a bar" in words
    assert "beats" not in command("info", path, "--json").json


def test_beats_of_a_project_are_those_it_was_saved_with(command: Any, saved: Path) -> None:
    opened = open_project(saved)
    opened.history.do(set_beats(opened.project.state, BeatGrid.even(97, 0.5, 4.0, 3, "G minor"), "Tap"))
    opened.storage.save(saved)
    opened.storage.close()
    found = command("info", saved, "--beats", "--json").json["beats"]
    assert (round(found["bpm"]), found["metre"], found["key"]) == (97, 3, "G minor")
