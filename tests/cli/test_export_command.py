"""`stemstudio export` and `info` on a project that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemstudio.algorithms.nmf.atoms_file import read_atoms
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.loudness import integrated_lufs
from stemstudio.audio.reading import read_song, song_hash
from stemstudio.audio.stem_streams import read_entries
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.project import Project, SongReference
from stemstudio.project.storage import Storage
from stemstudio.spectral.stft import StftSettings


def read(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64")[0]


def test_all_stems_of_a_project(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    ran = command("export", saved, "--out", tmp_path / "out", "--json")
    assert ran.code == 0
    files = ran.json["files"]
    assert {name: Path(path).name for name, path in files.items()} == {
        name: f"My Tune - {name}.wav" for name in ("harmonic", "percussive", "residual")
    }
    assert np.abs(read(song) - sum(read(path) for path in files.values())).max() < 1e-6
    assert ran.json["null_db"] <= -120
    assert "already" in command("export", saved, "--out", tmp_path / "out").sentence


def test_the_mix_as_heard_and_chosen_stems(command: Any, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = command("export", saved, "--out", out, "--mix", "--stems", "Harmonic,percussive", "--stems", "residual",
                  "--template", "{stem}", "--json")  # fmt: skip
    assert set(ran.json["files"]) == {"harmonic", "percussive", "residual", "mix"}
    expected = (
        read(out / "harmonic.wav")
        + 10 ** (-6 / 20) * read(out / "percussive.wav")
        + read(out / "residual.wav")
    )
    np.testing.assert_allclose(read(out / "mix.wav"), expected, atol=1e-6)
    only = command("export", saved, "--out", tmp_path / "mix", "--mix", "--format", "flac", "--json")
    assert list(only.json["files"]) == ["mix"]
    wrong = command("export", saved, "--out", tmp_path / "no", "--stems", "kazoo")
    assert "There is no stem “kazoo”. There are: harmonic, percussive, residual." in wrong.sentence


def test_one_gain_for_all(command: Any, saved: Path, tmp_path: Path) -> None:
    ran = command("export", saved, "--out", tmp_path / "out", "--peak", "-1", "--json")
    peaks = {name: np.abs(read(path)).max() for name, path in ran.json["files"].items()}
    assert max(peaks.values()) == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    assert ran.json["null_db"] <= -110


def test_a_song_that_moved_is_asked_for(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    (tmp_path / "own.wav").rename(tmp_path / "elsewhere.wav")
    out = tmp_path / "out"
    ran = command("export", saved, "--out", out)
    assert ran.code == 2
    assert "--song PATH" in ran.sentence
    other = tmp_path / "other.wav"
    soundfile.write(other, np.zeros((100, 2)), 22050)
    assert command("export", saved, "--out", out, "--song", other).code == 2
    assert not out.exists()
    assert command("export", saved, "--out", out, "--song", tmp_path / "elsewhere.wav").code == 0
    assert len(list(out.iterdir())) == 3


def test_nothing_is_left_in_the_data_folder(command: Any, saved: Path, home: Path, tmp_path: Path) -> None:
    before = sorted(path for path in home.rglob("project.db"))
    command("export", saved, "--out", tmp_path / "out")
    assert sorted(path for path in home.rglob("project.db")) == before


def test_info_says_what_a_project_holds(command: Any, saved: Path) -> None:
    found = command("info", saved, "--json").json
    assert found["kind"] == "project"
    assert found["song"]["title"] == "My Tune"
    assert {stem["name"] for stem in found["stems"]} == {"Mixture", "harmonic", "percussive", "residual"}
    assert found["splits"][0]["recipe"]["algorithm"] == "hpss"
    words = command("info", saved)
    assert words.stderr == ""
    assert "  harmonic" in words.stdout


def test_a_file_that_only_looks_like_a_project(command: Any, tmp_path: Path) -> None:
    fake = tmp_path / "fake.stems"
    fake.write_bytes(b"SQLite format 3\0" + bytes(200))
    for words in (("info", fake), ("export", fake, "--out", tmp_path / "out")):
        ran = command(*words)
        assert ran.code == 2
        assert "fake.stems" in ran.sentence
    assert not (tmp_path / "out").exists()


def test_the_atoms_of_a_project_are_written_too(
    command: Any, saved: Path, song: Path, tmp_path: Path, home: Path
) -> None:
    audio = read_song(song)
    project = Project(audio, SongReference(str(song), song_hash(song), "Atoms"), StftSettings())
    history = History(project)
    storage = Storage.create(project, history)
    recipe = NMF(components=3, iterations=3)
    history.do(edits.split(project, 0, recipe, recipe.run(audio, Progress())))
    path = storage.save(tmp_path / "atoms.stems")
    found = project.state.splits[0].estimates
    storage.close()
    ran = command("export", path, "--out", tmp_path / "out", "--atoms", tmp_path / "kept.npz", "--json")
    assert ran.code == 0
    assert ran.json["atoms_file"] == str(tmp_path / "kept.npz")
    np.testing.assert_array_equal(read_atoms(tmp_path / "kept.npz").templates, found.arrays()["templates"])
    refused = command("export", saved, "--out", tmp_path / "other", "--atoms", tmp_path / "no.npz")
    assert refused.code == 2
    assert "no atoms of a whole stem" in refused.sentence
    assert not (tmp_path / "no.npz").exists()


def test_a_group_and_the_song_without_a_stem(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = command("export", saved, "--out", out, "--without", "percussive", "--group", "both=harmonic, percussive",
                  "--template", "{stem}", "--start", "1", "--stop", "2", "--json")  # fmt: skip
    assert set(ran.json["files"]) == {"without percussive", "both"}
    assert read(out / "both.wav").shape == (22050, 2)
    assert ran.json["null_db"] is None
    wrong = command("export", saved, "--out", tmp_path / "no", "--group", "instrumental")
    assert "No stem is called a voice here" in wrong.sentence
    assert (
        "There is no stem “kazoo”"
        in command("export", saved, "--out", tmp_path, "--without", "kazoo").sentence
    )


def test_packages_and_data(command: Any, saved: Path, tmp_path: Path) -> None:
    daw = tmp_path / "daw" / "Mine.dawproject"
    ran = command("export", saved, "--as", "dawproject,report", "--out", daw, "--tempo", "100", "--json")
    assert sorted(path.name for path in daw.parent.iterdir()) == ["Mine.dawproject", "My Tune - report.json"]
    assert ran.json["null_db"] <= -120
    assert command("export", saved, "--as", "rpp", "--out", tmp_path / "rpp", "--format", "flac").code == 0
    assert {path.suffix for path in (tmp_path / "rpp").iterdir()} == {".flac", ".rpp"}
    deck = command(
        "export", saved, "--as", "stem-mp4", "--subtype", "alac", "--out", tmp_path / "d.stem.mp4", "--json"
    )
    assert list(deck.json["files"].values()) == [str(tmp_path / "d.stem.mp4")]
    assert [entry.name for entry in read_entries(tmp_path / "d.stem.mp4")][:2] == ["harmonic", "percussive"]
    data = command("export", saved, "--as", "labels", "--as", "masks", "--out", tmp_path / "data", "--json")
    assert set(data.json["files"]) == {"labels", "masks"}
    for words, sentence in (
        (
            ("--as", "kazoo"),
            "Nothing is written as “kazoo”. There are: folder, stem-mp4, dawproject, rpp, atoms",
        ),
        (("--as", "rpp,dawproject"), "rpp and dawproject are not written in one go."),
        (("--as", "atoms"), "There are no atoms to write."),
        (("--peak", "-1", "--lufs", "-14"), "--peak and --lufs exclude each other."),
        (("--each",), "--each needs a level."),
        (("--start", "3", "--stop", "3"), "The range to be written is empty."),
    ):
        ran = command("export", saved, "--out", tmp_path / "no", *words)
        assert ran.code == 2
        assert sentence in ran.sentence
    assert not (tmp_path / "no").exists()


def test_another_rate_and_loudness(command: Any, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = command("export", saved, "--out", out, "--mix", "--rate", "44100", "--lufs", "-20", "--json")
    (path,) = ran.json["files"].values()
    assert soundfile.info(path).samplerate == 44100
    assert integrated_lufs(read_song(path)) == pytest.approx(-20, abs=0.1)
    each = command("export", saved, "--out", out, "--peak", "-3", "--each", "--json")
    peaks = {
        name: np.abs(read(path)).max() for name, path in each.json["files"].items() if name != "residual"
    }
    assert list(peaks.values()) == pytest.approx([10 ** (-3 / 20)] * 2, rel=1e-4)


def test_stems_at_another_tempo_and_key(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = command(
        "export", saved, "--out", out, "--stems", "percussive", "--speed", "1.5", "--key", "3", "--json"
    )
    (path,) = ran.json["files"].values()
    assert Path(path).name == "My Tune - percussive (tempo 150 %, key +3).wav"
    assert soundfile.info(path).frames == -(-soundfile.info(song).frames * 2 // 3)
    assert command("export", saved, "--out", out, "--speed", "3").code == 2


def test_a_song_that_brings_its_stems_gives_them_out(
    command: Any, saved: Path, song: Path, tmp_path: Path
) -> None:
    deck = tmp_path / "deck.stem.mp4"
    assert command("export", saved, "--as", "stem-mp4", "--subtype", "alac", "--out", deck).code == 0
    told = command("info", deck, "--json").json
    assert [stem["name"] for stem in told["stems"]] == ["harmonic", "percussive", "residual", "empty"]
    assert "brings its stems: harmonic, percussive, residual, empty" in command("info", deck).stdout
    ran = command("export", deck, "--out", tmp_path / "out", "--template", "{stem}", "--json")
    assert {"harmonic", "percussive"} <= set(ran.json["files"])
    assert ran.json["null_db"] <= -120
    info = soundfile.info(tmp_path / "out" / "harmonic.wav")
    assert (info.samplerate, info.channels) == (44100, 2)
    room = command(
        "upmix", deck, "--layout", "quad", "--lfe", "percussive=off", "--out", tmp_path / "q.wav", "--json"
    )
    assert "Separated by" not in room.stderr, "its own stems are those that are spread"
    assert {"harmonic", "percussive"} <= set(room.json["places"])
    damaged = tmp_path / "damaged.stem.mp4"
    damaged.write_bytes(deck.read_bytes()[:100_000])
    told = command("export", damaged, "--out", tmp_path / "no").sentence
    assert told.startswith("“damaged.stem.mp4” brings no stems along: it is damaged")
    wrong = command("export", song, "--out", tmp_path / "no")
    assert wrong.code == 2
    assert "Tune.wav" in wrong.sentence
