"""`stemstudio templates`: sounds taught on the command line, and a song taken apart with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemstudio.audio.audio import Audio


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of this test's own."""
    monkeypatch.setenv("STEMSTUDIO_TEMPLATES", str(tmp_path / "library"))
    return tmp_path / "library"


def learn(command: Any, references: Path, name: str, *more: object) -> Any:
    return command("templates", "learn", references / f"{name}.wav", "--name", name.title(), "--fft", 2048,
                   "--json", *more)  # fmt: skip


def test_a_sound_is_learned_listed_shown_renamed_shared_and_removed(
    command: Any, references: Path, tmp_path: Path, folder: Path
) -> None:
    assert "no templates yet" in command("templates", "list").stdout
    ran = learn(
        command, references, "drums", "--instrument", "kit", "--start", 0.5, "--stop", 1.5, "--atoms", 3
    )
    assert ran.code == 0
    told = ran.json
    assert (told["name"], told["instrument"], told["atoms"], told["fft"]) == ("Drums", "kit", 3, 2048)
    assert told["source"] == "drums.wav, 0.50–1.50 s"
    assert Path(told["file"]).parent == folder
    again = learn(command, references, "drums")
    assert again.code == 2
    assert "already" in again.sentence
    assert learn(command, references, "drums", "--overwrite", "--atoms", 2).json["atoms"] == 2
    assert list(command("templates", "list", "--json").json) == ["Drums"]
    assert "Drums" in command("templates", "list").stdout
    assert command("templates", "show", "drums").stdout.count("Hz") >= 5
    assert command("templates", "rename", "drums", "My kit", "--json").json["name"] == "My kit"
    shared = Path(command("templates", "export", "My kit", "--out", tmp_path / "kit", "--json").json["file"])
    assert shared == tmp_path / "kit.template"
    assert command("templates", "export", "My kit", "--out", tmp_path / "kit").code == 2
    assert command("templates", "remove", "my kit", "--json").json == {"removed": "My kit"}
    assert command("templates", "list", "--json").json == {}
    assert command("templates", "import", shared, "--json").json["atoms"] == 2
    assert "already" in command("templates", "import", shared).sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--name", "a,b"], "cannot be a template's name"),
        (["--name", "x", "--start", "9"], "The song ends at 4.0 s"),
        (["--name", "x", "--fft", "1000000"], "is not possible"),
        (["--name", "x", "--atoms", "100"], "1 to 64 atoms"),
        (["--name", "x", "--low", "900", "--high", "200"], "nothing between"),
    ],
)
def test_what_cannot_be_learned_is_said_in_one_sentence(
    command: Any, references: Path, words: list[str], sentence: str, folder: Path
) -> None:
    ran = command("templates", "learn", references / "drums.wav", *words)
    assert ran.code == 2
    assert sentence in ran.sentence
    assert not folder.exists()


def test_a_broken_file_in_the_library_is_told_and_no_more(
    command: Any, references: Path, folder: Path
) -> None:
    learn(command, references, "bass", "--atoms", 1)
    (folder / "x.template").write_bytes(b"broken")
    ran = command("templates", "list", "--json")
    assert list(ran.json) == ["Bass"]
    assert "“x.template” cannot be used" in ran.stderr
    assert "There are: Bass." in command("templates", "show", "kazoo").sentence


def test_a_song_is_taken_apart_with_taught_sounds(
    command: Any, known: tuple[Audio, dict[str, Audio]], song: Path, references: Path, tmp_path: Path
) -> None:
    """Every stem taught from its first half: each comes nearer to the truth than the song itself is."""
    for name in ("drums", "bass", "chords", "lead"):
        learn(command, references, name, "--stop", 2.0)
    words = ("--algorithm", "nmf", "--set", "templates=Drums, Bass, Chords, Lead", "--set", "hold_templates=yes",
             "--set", "fft=2048", "--set", "hop=512")  # fmt: skip
    out = tmp_path / "out"
    ran = command("separate", song, *words, "--assign", "templates", "--out", out, "--json")
    assert ran.code == 0
    assert set(ran.json["stems"]) == {"Drums", "Bass", "Chords", "Lead", "residual"}
    for name, true in known[1].items():
        wave = soundfile.read(out / f"{name.title()}.wav", always_2d=True)[0].T
        reached, mixed = (
            10 * np.log10((true.samples**2).sum() / ((true.samples - each) ** 2).sum())
            for each in (wave, known[0].samples)
        )
        assert reached > mixed + 6, name
    record = json.loads((out / "separation.json").read_text(encoding="utf-8"))
    assert record["assign"] == "templates"
    assert set(record["atoms"]) == {"Drums", "Bass", "Chords", "Lead"}


def test_nothing_said_gathers_atoms_by_what_was_taught(
    command: Any, song: Path, references: Path, tmp_path: Path
) -> None:
    learn(command, references, "drums", "--atoms", 4)
    words = ("--algorithm", "nmf", "--set", "templates=Drums", "--set", "free=6", "--set", "fft=2048", "--set", "hop=512",
             "--set", "iterations=10")  # fmt: skip
    ran = command("separate", song, *words, "--out", tmp_path / "out", "--json")
    assert set(ran.json["stems"]) == {"Drums", "residual"}
    missing = command(
        "separate", song, "--algorithm", "nmf", "--set", "templates=Kazoo", "--out", tmp_path / "no"
    )
    assert "There is no template “Kazoo”. There are: Drums." in missing.sentence
    without = command(
        "separate", song, "--algorithm", "nmf", "--assign", "templates", "--out", tmp_path / "no"
    )
    assert "No templates are used" in without.sentence
