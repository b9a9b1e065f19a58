"""`stemstudio upmix`: a song, or a project as it was saved, into a file for more than two loudspeakers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stemstudio.audio.headers import channel_mask
from stemstudio.project.opening import open_project


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
    assert "All together" in ran.stdout
    assert "Channels: L R Ls Rs" in ran.stdout
    left, behind = (soundfile.read(tmp_path / f"room.{name}.flac")[0] for name in ("L", "Ls"))
    assert left.any()
    assert not behind.any(), "nobody has put anything there"
    assert saved.read_bytes() == before


def test_it_is_as_slow_and_as_low_as_it_is_practised(
    command: Any, saved: Path, song: Path, tmp_path: Path
) -> None:
    words = "upmix", saved, "--preset", "stage", "--fold-safe", "--speed", "0.8", "--key", "-2"
    ran = command(*words, "--out", tmp_path / "room.wav", "--json")
    assert ran.code == 0, ran.stderr
    assert soundfile.info(tmp_path / "room.wav").frames == -(-soundfile.info(song).frames * 10 // 8)
    assert all(row["null_db"] is None or row["null_db"] <= -60 for row in ran.json["fold_down"])
    assert "remix --tempo --key" in command(*words, "--out", tmp_path / "room.stems").sentence
    assert "0.25" in command("upmix", saved, "--speed", "0.1", "--out", tmp_path / "no.wav").stderr


def test_single_stems_are_put_in_places(command: Any, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "room.wav"
    ran = command(
        "upmix", saved, "--preset", "stage", "--place", "harmonic=110,1,0", "--ambience", "harmonic=0",
        "--move", "percussive=-90,0.5,1-2.5", "--place", "percussive=-30", "--diverge", "percussive=0.25",
        "--lfe", "percussive=-6", "--lfe", "harmonic=off", "--lfe", "residual=off", "--out", out, "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.stderr
    places = ran.json["places"]
    assert {**places["harmonic"], "divergence": 0.0} == {
        "azimuth": 110.0, "distance": 1.0, "width": 0.0, "divergence": 0.0, "lfe_db": None, "ambience": 0.0,
        "move": None,
    }  # fmt: skip
    percussive = places["percussive"]
    assert (percussive["azimuth"], percussive["divergence"], percussive["lfe_db"]) == (-30.0, 0.25, -6.0)
    assert percussive["move"] == {"azimuth": -90.0, "distance": 0.5, "start": 1.0, "stop": 2.5}
    assert places["residual"]["ambience"] == 1.0, "what was not said is as the preset has it"
    fold = {row["stem"]: row for row in ran.json["fold_down"]}
    assert fold["harmonic"]["null_db"] > -20.0, "from the right alone"
    sound = soundfile.read(out)[0].T
    left = np.square(sound[[0, 4]]).sum(axis=1)
    assert np.square(sound[5]).sum() > 2 * left[1], "where the harmonic part was put"


def test_a_room_is_kept_in_a_project(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "room.stems"
    words = ("--layout", "7.1", "--place", "harmonic=90", "--fold-safe", "--out", out)
    ran = command("upmix", saved, *words, "--json")
    assert ran.code == 0, ran.stderr
    assert (ran.json["layout"], ran.json["places"]["harmonic"]["azimuth"]) == ("7.1", 90.0)
    opened = open_project(out)
    state = opened.project.state
    assert (state.room.layout, state.room.fold_safe) == ("7.1", True)
    assert {leaf.name: leaf.place.azimuth for leaf in state.leaves()}["harmonic"] == 90.0
    opened.storage.close()
    assert "already" in command("upmix", saved, *words).sentence
    assert "--apart is for" in command("upmix", saved, *words, "--apart").sentence
    ran = command("upmix", song, "--layout", "quad", "--out", tmp_path / "new.stems")
    assert ran.stdout.strip() == str(tmp_path / "new.stems")
    made = open_project(tmp_path / "new.stems")
    assert made.project.state.room.layout == "quad"
    assert made.tags == {"title": "My Tune", "artist": "Nobody"}
    assert [leaf.name for leaf in made.project.state.leaves()] == ["harmonic", "percussive", "residual"]
    made.storage.close()


def test_places_that_cannot_be_are_one_sentence_before_anything_is_separated(
    command: Any, song: Path, saved: Path, tmp_path: Path
) -> None:
    for words, told in (
        (("--place", "harmonic"), "harmonic” has no “=” in its middle. Say it as in vocals=-30,0.8,40."),
        (("--place", "harmonic=left"), "“left” is not a number."),
        (("--place", "harmonic=270"), "azimuth cannot be 270.0"),
        (("--place", "harmonic=1,2"), "distance cannot be 2.0"),
        (("--place", "harmonic=1,1,1,1"), "more than three numbers"),
        (("--move", "harmonic=90,4-2"), "Nothing lies between 4 s and 2 s."),
        (("--move", "harmonic=90"), "has no “,” in its middle"),
        (("--lfe", "harmonic=-60"), "lfe_db cannot be -60.0"),
        (("--ambience", "harmonic=nan"), "“nan” is not a number."),
    ):
        ran = command("upmix", song, "--out", tmp_path / "room.wav", *words)
        assert ran.code == 2, words
        assert told in ran.sentence, words
    for words, told in (
        (("--lfe", "violin=off"), "There is no stem “violin”. There are: harmonic"),
        (("--lfe", "harmonic,percussive=off"), "names several stems. Say it for each of them."),
    ):
        ran = command("upmix", saved, "--out", tmp_path / "room.wav", *words)
        assert told in ran.stderr.splitlines()[-1]
    assert not (tmp_path / "room.wav").exists()


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
