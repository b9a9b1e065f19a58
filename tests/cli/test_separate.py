"""`stemstudio separate`: from a song to stems that add up to it, and `evaluate` on the result."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from signals import mixture
from small_recipes import write_tiny_roformer, write_tiny_weights

from stemstudio.algorithms.nmf.atoms_file import read_atoms
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import probe, read_song, song_hash
from stemstudio.audio.writing import write_audio

NMF = (
    "--algorithm",
    "nmf",
    "--set",
    "components=8",
    "--set",
    "iterations=30",
    "--set",
    "fft=1024",
    "--set",
    "hop=256",
)


def null(song: Path, stems: Iterable[str | Path]) -> float:
    """20 log₁₀ of the peak of song − Σ stems, from the files."""
    left = soundfile.read(song, dtype="float64")[0]
    for stem in stems:
        left = left - soundfile.read(stem, dtype="float64")[0]
    return 20 * float(np.log10(max(np.abs(left).max(), 1e-20)))


def test_hpss_takes_a_song_apart_without_losing_any_of_it(command: Any, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    ran = command("separate", song, "--algorithm", "hpss", "--set", "margin=2", "--out", out, "--json")
    assert ran.code == 0
    answer = ran.json
    assert list(answer) == ["stems", "recipe", "null_db", "seconds", "duration"]
    assert answer["stems"] == {
        name: str(out / f"{name}.wav") for name in ("harmonic", "percussive", "residual")
    }
    assert null(song, answer["stems"].values()) <= -120
    assert answer["null_db"] == pytest.approx(null(song, answer["stems"].values()), abs=0.1)
    assert answer["duration"] == 4.0
    assert answer["recipe"]["margin"] == 2.0
    for path in answer["stems"].values():
        assert soundfile.info(path).subtype == "FLOAT"
        assert np.abs(soundfile.read(path)[0]).max() > 1e-3
        assert probe(path).tags.artist == "Nobody"
    record = json.loads((out / "separation.json").read_text(encoding="utf-8"))
    assert record["song"]["sha256"] == song_hash(song)
    assert record["recipe"] == answer["recipe"]
    assert record["stems"]["harmonic"] == "harmonic.wav"
    assert record["residual"] == "residual"
    assert sorted(path.name for path in out.iterdir()) == [
        "harmonic.wav", "percussive.wav", "residual.wav", "separation.json",
    ]  # fmt: skip


def test_nmf_by_the_true_stems_comes_near_them(
    command: Any, song: Path, references: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    textbook = ("--set", "solver=multiplicative", "--set", "iterations=200")
    words = (
        "--algorithm",
        "nmf",
        "--set",
        "components=16",
        "--set",
        "fft=2048",
        "--set",
        "hop=512",
        *textbook,
    )
    ran = command("separate", song, *words, "--assign", f"stems:{references}", "--out", out, "--json")
    assert ran.code == 0
    assert set(ran.json["stems"]) == {"drums", "bass", "chords", "lead", "residual"}
    assert null(song, ran.json["stems"].values()) <= -120
    record = json.loads((out / "separation.json").read_text(encoding="utf-8"))
    assert len(record["atoms"]) == 16
    assert set(record["atoms"]) <= set(record["stems"])
    scores = command("evaluate", "--reference", references, "--estimate", out, "--json").json
    assert list(scores) == ["bass", "chords", "drums", "lead"]
    assert set(scores["bass"]) == {"estimate", "sdr", "sir", "sar", "si_sdr", "sdr_plain"}
    assert min(score["sdr_plain"] for score in scores.values()) > 3.0
    table = command("evaluate", "--reference", references, "--estimate", out)
    assert table.stderr == ""
    assert f"{scores['bass']['sdr']:.2f}" in table.stdout


def test_stems_are_found_under_other_names(command: Any, references: Path, tmp_path: Path) -> None:
    for place, name in enumerate(("lead", "drums", "chords", "bass")):
        (tmp_path / f"{place}.wav").write_bytes((references / f"{name}.wav").read_bytes())
    best = command(
        "evaluate", "--reference", references, "--estimate", tmp_path, "--match", "best", "--json"
    ).json
    assert all(score["sdr_plain"] is None for score in best.values())  # infinite: nothing is wrong
    named = command("evaluate", "--reference", references, "--estimate", tmp_path, "--json")
    assert named.code == 2
    assert "no estimate of “bass”" in named.sentence


def test_every_atom_a_stem(command: Any, song: Path, tmp_path: Path) -> None:
    ran = command("separate", song, *NMF, "--assign", "atoms", "--out", tmp_path / "out", "--json")
    names = [f"Atom {number}" for number in range(1, 9)]
    assert list(ran.json["stems"]) == [*names, "residual"]
    assert null(song, ran.json["stems"].values()) <= -120


def test_stems_by_timbre_and_four_of_them_if_nothing_is_said(
    command: Any, song: Path, tmp_path: Path
) -> None:
    two = command("separate", song, *NMF, "--assign", "timbre:2", "--out", tmp_path / "two", "--json")
    assert len(two.json["stems"]) == 3
    assert two.stderr == ""
    four = command("separate", song, *NMF, "--out", tmp_path / "four", "--json")
    assert len(four.json["stems"]) == 5
    assert "--assign" in four.stderr
    for ran in (two, four):
        assert null(song, ran.json["stems"].values()) <= -120


def test_stems_by_rhythm_and_as_many_as_there_seem_to_be(command: Any, song: Path, tmp_path: Path) -> None:
    three = command("separate", song, *NMF, "--assign", "rhythm:3", "--out", tmp_path / "three", "--json")
    assert len(three.json["stems"]) == 4
    found = command("separate", song, *NMF, "--assign", "timbre", "--out", tmp_path / "found", "--json")
    names = [name for name in found.json["stems"] if name != "residual"]
    assert 2 <= len(names) <= 8
    assert f"Found {len(names)} stems by timbre: {', '.join(names)}." in found.stderr
    for words in ("timbre:", "rhythm:0", "rhythm:x"):
        refused = command("separate", song, *NMF, "--assign", words, "--out", tmp_path / "none")
        assert refused.code == 2
        assert "how many stems" in refused.sentence


def test_atoms_are_labelled_by_a_network(
    command: Any, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    words = ("separate", song, *NMF, "--assign", "model:tiny", "--out", tmp_path / "out", "--json")
    write_tiny_roformer(tmp_path)
    ran = command(*words, "--stop", "2")
    assert set(ran.json["stems"]) == {"vocals", "other", "residual"}
    record = json.loads((tmp_path / "out" / "separation.json").read_text(encoding="utf-8"))
    assert record["assign"] == "model:tiny"
    assert len(record["atoms"]) == 8
    assert null(song, ran.json["stems"].values()) <= -120
    assert [max(each, key=each.get) for each in record["chances"]] == record["atoms"]
    assert all(sum(each.values()) == pytest.approx(1.0, abs=1e-5) for each in record["chances"])
    silent = {"vocals", "other"} - set(record["atoms"])
    assert silent, "the tiny network has no idea"
    for stem in ("vocals", "other"):
        assert (f"of {stem}" in ran.stderr.partition("No atom is mostly ")[2]) == (stem in silent)
    missing = command("separate", song, *NMF, "--assign", "model:htdemucs", "--out", tmp_path / "none")
    assert missing.code == 2
    assert "models download htdemucs" in missing.stderr
    assert not (tmp_path / "none").exists()


def test_the_same_seed_gives_the_same_files(command: Any, song: Path, tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        command("separate", song, *NMF, "--set", f"seed={seed}", "--out", tmp_path / folder)
    # WAV files of floats tell the second in which they were written; their sound is all the same.
    first, same, other = (
        [
            soundfile.read(path, dtype="float32")[0].tobytes()
            for path in sorted((tmp_path / folder).glob("*.wav"))
        ]
        for folder in "abc"
    )
    assert len(first) == 5
    assert first == same
    assert first != other


@pytest.mark.parametrize(
    ("format", "subtype", "most"), [("flac", "24", -110.0), ("wav", "16", -75.0), ("ogg", "q8", 0.0)]
)
def test_other_formats(
    command: Any, song: Path, tmp_path: Path, format: str, subtype: str, most: float
) -> None:
    ran = command(
        "separate",
        song,
        "--algorithm",
        "hpss",
        "--out",
        tmp_path,
        "--format",
        format,
        "--subtype",
        subtype,
        "--json",
    )
    stems = ran.json["stems"]
    assert {Path(path).suffix for path in stems.values()} == {f".{format}"}
    assert {read_song(path).length for path in stems.values()} == {4 * 22050}
    assert null(song, stems.values()) < most


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--algorithm", "magic"], "There is no algorithm “magic”"),
        (["--algorithm", "nmf", "--set", "components=0"], "components"),
        (["--algorithm", "nmf", "--set", "components=many"], "components"),
        (["--algorithm", "nmf", "--set", "colour=red"], "has no parameter “colour”"),
        (["--algorithm", "nmf", "--set", "components"], "which parameter gets which value"),
        (["--algorithm", "nmf", "--assign", "luck"], "“luck” is no way of assigning atoms"),
        (["--algorithm", "nmf", "--assign", "timbre:0"], "how many stems"),
        (["--algorithm", "nmf", "--assign", "timbre:lots"], "how many stems"),
        (["--algorithm", "nmf", "--assign", "stems:nowhere"], "There is no folder “nowhere”"),
        (["--algorithm", "nmf", "--assign", "model:nobody"], "There is no model “nobody”"),
        (["--algorithm", "hpss", "--assign", "atoms"], "nothing to assign"),
        (["--algorithm", "hpss", "--format", "doc"], "not a format that can be written"),
        (["--algorithm", "hpss", "--subtype", "99"], "cannot be written as “99”"),
        (["--algorithm", "hpss", "--format", "opus"], "Opus cannot keep a sample rate of 22050 Hz"),
    ],
)
def test_what_is_not_possible_is_said_and_nothing_is_written(
    command: Any, song: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    ran = command("separate", song, *words, "--out", tmp_path / "out", "--json")
    assert ran.code == 2
    assert sentence in ran.sentence
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_silently(command: Any, song: Path, tmp_path: Path) -> None:
    words = ("separate", song, "--algorithm", "hpss", "--out", tmp_path)
    (tmp_path / "percussive.wav").write_bytes(b"precious")
    assert "percussive.wav" in command(*words).sentence
    assert [path.name for path in tmp_path.iterdir()] == ["percussive.wav"]
    assert command(*words, "--overwrite").code == 0
    assert "separation.json" in command(*words).sentence


def test_the_song_itself_is_never_written_over(command: Any, song: Path, tmp_path: Path) -> None:
    here = tmp_path / "harmonic.wav"
    here.write_bytes(song.read_bytes())
    ran = command("separate", here, "--algorithm", "hpss", "--out", tmp_path, "--overwrite")
    assert ran.code == 2
    assert "it is the song itself" in ran.sentence
    assert here.read_bytes() == song.read_bytes()


def test_masks_are_made_as_asked(command: Any, song: Path, tmp_path: Path) -> None:
    sounds = {}
    for name, words in {
        "soft": (),
        "binary": ("--mask", "binary", "--mask", "margin=1.5"),
        "wiener": ("--mask", "kind=wiener", "--mask", "phase=misi", "--mask", "phase-iterations=2"),
    }.items():
        out = tmp_path / name
        ran = command("separate", song, "--algorithm", "hpss", *words, "--out", out, "--json")
        assert ran.code == 0
        assert null(song, ran.json["stems"].values()) <= -120
        sounds[name] = soundfile.read(out / "percussive.wav")[0]
        masks = json.loads((out / "separation.json").read_text(encoding="utf-8"))["masks"]
        assert masks["kind"] == name
    assert masks == {
        "kind": "wiener", "firmness": masks["firmness"], "margin": 1.0, "iterations": 1, "phase": "misi",
        "phase_iterations": 2,
    }  # fmt: skip
    assert np.abs(sounds["binary"] - sounds["soft"]).max() > 1e-3
    assert np.abs(sounds["wiener"] - sounds["soft"]).max() > 1e-3


@pytest.mark.parametrize(
    ("algorithm", "words", "expected"),
    [
        ("hpss", ("--mask", "hard"), "kind"),
        ("hpss", ("--mask", "margin=0.5"), "margin"),
        ("hpss", ("--mask", "=2"), "--mask margin=2"),
        ("hpss", ("--mask", "blur=2"), "no parameter “blur”"),
        ("hpss2", ("--mask", "binary"), "without masks"),
    ],
)
def test_impossible_masks_are_refused_before_any_work(
    command: Any, song: Path, tmp_path: Path, algorithm: str, words: tuple[str, ...], expected: str
) -> None:
    ran = command("separate", song, "--algorithm", algorithm, *words, "--out", tmp_path / "out")
    assert ran.code == 2
    assert expected in ran.sentence
    assert not (tmp_path / "out").exists()


def test_more_than_two_channels_are_asked_about(command: Any, tmp_path: Path) -> None:
    surround = tmp_path / "surround.wav"
    audio = mixture(1.0, 22050, channels=6)[0]
    write_audio(
        surround,
        Audio(audio.samples * np.arange(1, 7, dtype=np.float32)[:, None], 22050),
        format="wav",
        subtype="float",
    )
    words = ("separate", surround, "--algorithm", "hpss", "--json", "--out")
    assert "--channels downmix" in command(*words, tmp_path / "no").sentence
    ran = command(*words, tmp_path / "pair", "--channels", "3+4")
    total = sum(soundfile.read(path)[0] for path in ran.json["stems"].values())
    expected = audio.samples[2:4] * np.array([[3], [4]], dtype=np.float32)
    np.testing.assert_allclose(np.asarray(total).T, expected, atol=1e-5)
    record = json.loads((tmp_path / "pair" / "separation.json").read_text(encoding="utf-8"))
    assert record["song"]["channels_taken"] == "3+4"
    assert "no channel 9" in command(*words, tmp_path / "no", "--channels", "1+9").sentence


@pytest.mark.slow
def test_a_real_song_by_its_true_stems(command: Any, shared_audio: Path, tmp_path: Path) -> None:
    folder = shared_audio / "stems" / "everythingisfree" / "francium"
    words = ("--algorithm", "nmf", "--set", "components=64", "--assign", f"stems:{folder}")
    ran = command("separate", folder / "mix.flac", *words, "--out", tmp_path, "--json")
    assert ran.json["null_db"] <= -120
    assert null(folder / "mix.flac", ran.json["stems"].values()) <= -120
    scores = command("evaluate", "--reference", folder, "--estimate", tmp_path, "--json").json
    assert scores["vocals"]["sdr_plain"] >= 4.5
    assert scores["drums"]["sdr_plain"] >= 10.5
    assert scores["other"]["sdr_plain"] >= 2.5


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_names_that_are_no_valid_text(command: Any, song: Path, tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"gar\xe7on.wav")
    strange.write_bytes(song.read_bytes())
    out = tmp_path / os.fsdecode(b"\xe9t\xe9")
    ran = command("separate", strange, "--algorithm", "hpss", "--out", out, "--json")
    assert ran.code == 0
    assert ran.json["stems"]["harmonic"] == str(out / "harmonic.wav")
    assert json.loads((out / "separation.json").read_text(encoding="utf-8"))["song"]["path"] == str(strange)
    assert command("info", strange, "--json").json["duration"] == 4.0


def test_some_seconds_alone_are_taken_apart_and_the_rest_stays_in_the_residual(
    command: Any, song: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = command(
        "separate", song, "--algorithm", "hpss", "--start", "1", "--stop", "2.5", "--out", out, "--json"
    )
    assert ran.code == 0
    assert ran.json["selection"] == [1.0, 2.5]
    assert null(song, ran.json["stems"].values()) <= -120
    sounds = {name: soundfile.read(path)[0] for name, path in ran.json["stems"].items()}
    rate = soundfile.info(song).samplerate
    for name in ("harmonic", "percussive"):
        assert np.abs(sounds[name][: rate - 1]).max() == 0
        assert np.abs(sounds[name][round(2.5 * rate) + 1 :]).max() == 0
        assert np.abs(sounds[name][round(1.2 * rate) : round(2.3 * rate)]).max() > 1e-3
    assert np.array_equal(sounds["residual"][:rate], soundfile.read(song)[0][:rate])


def test_atoms_of_some_seconds_are_gathered_as_those_of_a_song(
    command: Any, song: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = command("separate", song, *NMF, "--stop", "2", "--assign", "timbre:2", "--out", out, "--json")
    assert ran.code == 0
    assert len(ran.json["stems"]) == 3
    assert null(song, ran.json["stems"].values()) <= -120


@pytest.mark.parametrize("range_", [("--start", "9"), ("--start", "2", "--stop", "1"), ("--stop", "0.01")])
def test_a_range_without_sound_is_refused(command: Any, song: Path, tmp_path: Path, range_: Any) -> None:
    ran = command("separate", song, "--algorithm", "hpss", *range_, "--out", tmp_path / "out")
    assert ran.code == 2
    assert not list((tmp_path / "out").glob("*"))


def test_atoms_are_written_and_another_run_starts_from_them(command: Any, song: Path, tmp_path: Path) -> None:
    atoms = tmp_path / "mine"
    first = command("separate", song, *NMF, "--out", tmp_path / "one", "--atoms", atoms, "--json")
    assert first.code == 0
    assert first.json["atoms_file"] == str(tmp_path / "mine.npz")
    found = read_atoms(tmp_path / "mine.npz")
    assert len(found.names) == 8
    again = tmp_path / "again.npz"
    more = ("--set", f"given={atoms}.npz", "--set", "fixed_templates=1-3,8", "--set", "fixed_activations=all")
    second = command("separate", song, *NMF, *more, "--out", tmp_path / "two", "--atoms", again, "--json")
    assert second.code == 0
    kept = read_atoms(again)
    np.testing.assert_allclose(kept.activations, found.activations, rtol=1e-5)
    np.testing.assert_allclose(kept.templates[:, [0, 1, 2, 7]], found.templates[:, [0, 1, 2, 7]], rtol=1e-5)
    assert np.abs(kept.templates[:, 4] - found.templates[:, 4]).max() > 1e-5
    refused = command("separate", song, *NMF, "--out", tmp_path / "three", "--atoms", atoms)
    assert refused.code == 2
    assert "mine.npz" in refused.sentence


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((*NMF, "--set", "given=nowhere.npz"), "“nowhere.npz” cannot be used: it is not there"),
        ((*NMF, "--set", "fixed_templates=1-"), "“1-” is no atom"),
        ((*NMF, "--atoms", "x", "--start", "1"), "some seconds alone"),
        (("--algorithm", "hpss", "--atoms", "x"), "no atoms to write"),
    ],
)
def test_atoms_that_cannot_be_had_are_refused_in_a_sentence(
    command: Any, song: Path, tmp_path: Path, more: Any, words: str
) -> None:
    ran = command("separate", song, *more, "--out", tmp_path / "out")
    assert ran.code == 2
    assert words in ran.sentence
    assert not (tmp_path / "out").exists()


def test_several_songs_come_into_a_folder_each(command: Any, song: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / song.name
    other.parent.mkdir()
    other.write_bytes(song.read_bytes())
    missing = tmp_path / "missing.wav"
    out = tmp_path / "out"
    ran = command("separate", song, missing, other, "--algorithm", "hpss", "--out", out, "--json")
    assert ran.code == 2
    first, second, third = ran.json
    assert "missing.wav" in second["error"]
    assert "1 of 3 songs could not be taken apart" in ran.stderr
    for found, folder in ((first, song.stem), (third, f"{song.stem} 2")):
        assert {Path(path).parent for path in found["stems"].values()} == {out / folder}
        assert null(song, found["stems"].values()) <= -120
    assert (
        "of one song"
        in command(
            "separate", song, other, "--algorithm", "nmf", "--out", out, "--atoms", tmp_path / "a.npz"
        ).sentence
    )


def test_device_and_precision_are_settings_of_networks(command: Any, song: Path, tmp_path: Path) -> None:
    words = ("separate", song, "--out", tmp_path / "out", "--precision", "double")
    assert "double" in command(*words, "--algorithm", "htdemucs").sentence
    assert "no parameter" in command(*words, "--algorithm", "hpss").sentence


def test_some_seconds_by_a_network(command: Any, song: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    write_tiny_weights(tmp_path)
    words = ("--algorithm", "htdemucs", "--device", "cpu", "--start", "1", "--stop", "2")
    ran = command("separate", song, *words, "--out", tmp_path / "out", "--json")
    assert ran.code == 0
    assert ran.json["recipe"]["device"] == "cpu"
    stems = ran.json["stems"]
    assert null(song, stems.values()) <= -120
    vocals, rate = soundfile.read(stems["vocals"])
    assert np.abs(vocals[int(1.2 * rate) : int(1.8 * rate)]).max() > 1e-5
    assert not vocals[: rate - 1].any()
    assert not vocals[2 * rate :].any()
