"""`stemstudio upmix`: a song, or a project as it was saved, into a file for more than two loudspeakers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stemstudio.audio.headers import channel_mask


def test_a_song_is_separated_and_put_on_a_stage(command: Any, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "room.wav"
    ran = command(
        "upmix", song, "--layout", "5.1", "--preset", "stage", "--fold-safe", "--out", out, "--json"
    )
    assert ran.code == 0, ran.stderr
    assert "Separated by Harmonic and percussive" in ran.stderr
    told = ran.json
    assert told["channels"] == ["L", "R", "C", "LFE", "Ls", "Rs"]
    assert told["channel_mask"] == "0x3F"
    assert channel_mask(out) == 0x3F
    sound, before = soundfile.read(out)[0], soundfile.read(song)[0]
    folded = sound[:, :2] + np.sqrt(0.5) * (sound[:, [2]] + sound[:, 4:])
    assert np.abs(folded - before).max() < 1e-6
    assert all(row["null_db"] is None or row["null_db"] <= -60 for row in told["fold_down"])
    assert [row["stem"] for row in told["fold_down"]] == [
        "harmonic",
        "percussive",
        "residual",
        "All together",
    ]
    assert "already" in command("upmix", song, "--out", out).sentence


def test_a_project_is_spread_as_it_was_saved(command: Any, saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    ran = command("upmix", saved, "--layout", "quad", "--apart", "--out", tmp_path / "room.flac")
    assert ran.code == 0, ran.stderr
    assert "All together" in ran.stderr
    assert "Channels: L R Ls Rs" in ran.stderr
    left, behind = (soundfile.read(tmp_path / f"room.{name}.flac")[0] for name in ("L", "Ls"))
    assert left.any()
    assert not behind.any(), "nobody has put anything there"
    assert saved.read_bytes() == before


def test_what_cannot_be_is_one_sentence(command: Any, song: Path, tmp_path: Path) -> None:
    for words, told in (
        (("--layout", "22.2"), "There are: mono, stereo, quad"),
        (("--preset", "cinema"), "There are: stage, band, karaoke"),
        (("--crossover", "200"), "80 to 120 Hz"),
        (("--out", tmp_path / "room.mp3"), "at most 2 channels"),
        (("--out", tmp_path / "room.doc"), "not a format"),
    ):
        ran = command("upmix", song, "--algorithm", "stereo", "--out", tmp_path / "room.wav", *words)
        assert ran.code == 2, words
        assert told in ran.stderr.splitlines()[-1]
        assert ran.stdout == ""
    assert list(tmp_path.iterdir()) == []
