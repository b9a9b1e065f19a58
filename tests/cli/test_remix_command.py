"""`stemstudio remix`: a project's mix with other settings of its mixer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemstudio.audio.loudness import integrated_lufs
from stemstudio.audio.reading import read_song
from stemstudio.project.opening import open_project
from stemstudio.project.project import State


def sound(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def test_faders_are_laid_over_what_was_saved(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "mix.wav"
    ran = command("remix", saved, "--gain", "percussive=0", "--out", out, "--json")
    assert ran.code == 0, ran.stderr
    np.testing.assert_allclose(sound(out), sound(song), atol=1e-6)  # the saved −6 dB are taken back
    assert ran.json["strips"]["percussive"]["gain_db"] == 0.0
    assert -60 < ran.json["lufs"] <= ran.json["momentary"] < 0
    assert ran.json["true_peak_db"] >= ran.json["peak_db"]
    assert ran.json["rms_db"] == pytest.approx(10 * np.log10(np.mean(sound(out) ** 2)), abs=0.01)
    assert -1 <= ran.json["correlation"] <= 1

    ran = command("remix", saved, "--mute", "percussive,residual", "--out", tmp_path / "alone.wav")
    assert ran.code == 0, ran.stderr
    assert "LUFS" in ran.stdout
    command("export", saved, "--stems", "harmonic", "--out", tmp_path)
    np.testing.assert_allclose(
        sound(tmp_path / "alone.wav"), sound(tmp_path / "My Tune - harmonic.wav"), atol=1e-6
    )


def test_everything_a_strip_has_can_be_said_and_kept_in_a_project(
    command: Any, saved: Path, tmp_path: Path
) -> None:
    out = tmp_path / "remixed.stems"
    words = (
        *("--afresh", "--pan", "harmonic=-0.5", "--width", "harmonic=0.2", "--flip", "residual"),
        *("--eq", "percussive.high=+3", "--eq", "percussive.low_cut=80", "--eq", "percussive.low_cut=off"),
        *("--reverb", "harmonic=-12", "--delay", "percussive=off", "--effects", "reverb-seconds=2.5"),
        *(
            "--silence",
            "harmonic=1-1.5",
            "--envelope",
            "percussive=0:0,2:-6,3:off",
            "--solo-safe",
            "residual",
        ),
    )
    ran = command("remix", saved, *words, "--out", out)
    assert ran.code == 0, ran.stderr
    opened = open_project(out)
    try:
        leaves = {leaf.name: leaf for leaf in opened.project.state.leaves()}
        effects = opened.project.state.effects
    finally:
        opened.storage.close()
    harmonic, percussive, residual = leaves["harmonic"], leaves["percussive"], leaves["residual"]
    assert (harmonic.pan, harmonic.width, harmonic.reverb_db) == (-0.5, 0.2, -12.0)
    assert harmonic.mutes == ((1.0, 1.5),)
    assert percussive.gain_db == 0.0
    assert (percussive.equaliser.high, percussive.equaliser.low_cut) == (3.0, None)
    assert percussive.envelope == ((0.0, 1.0), (2.0, pytest.approx(0.5012, abs=1e-4)), (3.0, 0.0))
    assert residual.flip
    assert residual.solo_safe
    assert effects.reverb_seconds == 2.5

    mixed = command("remix", out, "--mixer", "A", "--out", tmp_path / "mix.flac")
    assert mixed.code == 0, mixed.stderr
    again = command("export", out, "--mix", "--stems", "harmonic", "--out", tmp_path, "--format", "flac")
    assert again.code == 0, again.stderr
    assert np.abs(sound(tmp_path / "mix.flac") - sound(tmp_path / "My Tune - mix.flac")).max() < 1e-5


def kept(path: Path) -> State:
    """What lies in a project."""
    opened = open_project(path)
    opened.storage.close()
    return opened.project.state


def test_everything_can_be_taken_back(command: Any, saved: Path, tmp_path: Path) -> None:
    on, off = tmp_path / "on.stems", tmp_path / "off.stems"
    words = ("--mute", "--solo", "--solo-safe", "--flip")
    switched = [part for word in words for part in (word, "harmonic,percussive")]
    said = ("--eq", "harmonic.mid=6", "--envelope", "harmonic=1:-6", "--silence", "harmonic=0-3")
    assert command("remix", saved, *switched, *said, "--tempo", "0.8", "--out", on).code == 0
    harmonic = next(leaf for leaf in kept(on).leaves() if leaf.name == "harmonic")
    assert (harmonic.mute, harmonic.solo, harmonic.solo_safe, harmonic.flip) == (True,) * 4
    back = [part for word in words for part in (word, "harmonic,percussive=off")]
    said = ("--eq", "harmonic=flat", "--envelope", "harmonic=none", "--hear", "harmonic=1-2")
    ran = command("remix", on, *back, *said, "--tempo", "1", "--out", off)
    assert ran.code == 0, ran.stderr
    harmonic = next(leaf for leaf in kept(off).leaves() if leaf.name == "harmonic")
    assert (harmonic.mute, harmonic.solo, harmonic.solo_safe, harmonic.flip) == (False,) * 4
    assert harmonic.equaliser.flat
    assert harmonic.envelope == ()
    assert harmonic.mutes == ((0.0, 1.0), (2.0, 3.0))
    assert kept(off).practice.tempo == 1.0
    assert command("remix", off, "--hear", "harmonic=all", "--out", off, "--overwrite").code == 0
    assert not any(leaf.mutes for leaf in kept(off).leaves())


def test_another_mixer_is_begun_and_compared_at_one_loudness(
    command: Any, saved: Path, song: Path, tmp_path: Path
) -> None:
    two = tmp_path / "two.stems"
    ran = command("remix", saved, "--mixer", "B", "--gain", "harmonic=-12", "--out", two)
    assert ran.code == 0, ran.stderr
    assert kept(two).snapshots.current == "B"
    assert kept(two).snapshots.of("A") is not None
    wanted = integrated_lufs(read_song(song))
    for letter in "AB":
        out = tmp_path / f"{letter}.wav"
        ran = command("remix", two, "--mixer", letter, "--match", "--out", out, "--json")
        assert ran.code == 0, ran.stderr
        assert integrated_lufs(read_song(out)) == pytest.approx(wanted, abs=0.1)
        assert ran.json["lufs"] == pytest.approx(wanted, abs=0.1)


def test_practice_and_beats_are_kept_in_a_project(command: Any, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "practice.stems"
    words = ("--practice", "click=on", "--practice", "count_in=2", "--practice", "pre_roll=1", "--key", "3")
    words += ("--practice", "loop=0.5-1.25")
    beats = (
        "--beats",
        "even=120@0.25",
        "--beats",
        "metre=3",
        "--beats",
        "bar=1.3",
        "--beats",
        "key=f# minor",
    )
    ran = command("remix", saved, *words, *beats, "--beats", "move=1.8", "--out", out)
    assert ran.code == 0, ran.stderr
    state = kept(out)
    assert (state.practice.click, state.practice.count_in, state.practice.pre_roll) == (True, 2, 1)
    assert state.practice.semitones == 3
    assert state.practice.loop == (0.5, 1.25)
    assert state.beats.beats[:4] == pytest.approx((0.25, 0.75, 1.25, 1.8))
    assert (state.beats.metre, state.beats.one, state.beats.key) == (3, 2, "F♯ minor")
    again = command("remix", out, "--beats", "half", "--practice", "click=off", "--out", out, "--overwrite")
    assert again.code == 0, again.stderr
    assert kept(out).beats.beats[0] == 0.25
    assert not kept(out).practice.click
    assert kept(out).practice.count_in == 2
    assert kept(out).practice.loop == (0.5, 1.25)
    straight = command("remix", out, "--practice", "loop=off", "--out", out, "--overwrite", "--json")
    assert straight.code == 0, straight.stderr
    assert kept(out).practice.loop is None
    assert straight.json["practice"]["count_in"] == 2
    assert straight.json["beats"]["key"] == "F♯ minor"


def test_what_cannot_be_is_one_sentence(command: Any, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "mix.wav"
    for words, told in (
        (("--gain", "flute=-3"), "There are: harmonic, percussive, residual"),
        (("--gain", "harmonic"), "harmonic"),
        (("--gain", "harmonic=loud"), "not a number"),
        (("--pan", "harmonic=2"), "pan cannot be 2"),
        (("--width", "harmonic=-1"), "width cannot be"),
        (("--eq", "harmonic.presence=2"), "It has: low_cut"),
        (("--eq", "harmonic.mid=99"), "mid cannot be 99"),
        (("--effects", "room=2"), "They have: reverb_seconds"),
        (("--effects", "delay_ms=0"), "delay_ms cannot be 0"),
        (("--silence", "harmonic=3-2"), "Nothing lies between"),
        (("--envelope", "harmonic=3"), "10:0"),
        (("--mixer", "D"), "There is: A"),
        (("--practice", "click=on"), "Say --out FILE.stems"),
        (("--match", "--out", tmp_path / "loud.stems"), "--match is for a sound file"),
        (("--practice", "tempo=2", "--out", tmp_path / "x.stems"), "It has: click"),
        (("--practice", "count_in=9", "--out", tmp_path / "x.stems"), "count_in cannot be 9"),
        (("--practice", "loop=5-4", "--out", tmp_path / "x.stems"), "Nothing lies between"),
        (("--practice", "loop=all", "--out", tmp_path / "x.stems"), "12.5-20"),
        (("--beats", "bar=1", "--out", tmp_path / "x.stems"), "--beats find"),
        (("--beats", "swing", "--out", tmp_path / "x.stems"), "Say find"),
        (("--beats", "key=H dur", "--out", tmp_path / "x.stems"), "is no key"),
        (("--out", tmp_path / "mix.doc"), "not a format"),
    ):
        ran = command("remix", saved, "--out", out, *words)
        assert ran.code == 2, words
        assert told in ran.sentence, words
    assert not out.exists()
    out.write_bytes(b"kept")
    assert "already" in command("remix", saved, "--out", out).sentence
    assert out.read_bytes() == b"kept"
    out.unlink()
    out.mkdir()
    for words in ((), ("--overwrite",)):
        assert "a folder of that name" in command("remix", saved, "--out", out, *words).sentence


def test_slower_and_lower(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "slow.wav"
    ran = command(
        "remix", saved, "--tempo", "0.8", "--key", "-2", "--mute", "percussive,residual", "--out", out
    )
    assert ran.code == 0, ran.stderr
    whole = sound(song)
    slow = sound(out)
    assert slow.shape == (whole.shape[0], round(whole.shape[1] / 0.8))
    command("remix", saved, "--mute", "percussive,residual", "--out", tmp_path / "same.wav")
    same = sound(tmp_path / "same.wav")

    def pitch(samples: np.ndarray) -> float:
        middle = samples[0, samples.shape[1] // 4 : samples.shape[1] // 2]
        power = np.abs(np.fft.rfft(middle * np.hanning(middle.size), 8 * middle.size))
        return float(power.argmax() / (8 * middle.size))

    assert 12 * np.log2(pitch(slow) / pitch(same)) == pytest.approx(-2, abs=0.1)
    assert np.sqrt(np.mean(slow**2)) == pytest.approx(np.sqrt(np.mean(same**2)), rel=0.15)

    kept = tmp_path / "slow.stems"
    assert command("remix", saved, "--tempo", "0.8", "--key", "-2", "--out", kept).code == 0
    opened = open_project(kept)
    assert (opened.project.state.practice.tempo, opened.project.state.practice.semitones) == (0.8, -2)
    opened.storage.close()


@pytest.mark.parametrize("words", [("--tempo", "3"), ("--key", "13"), ("--tempo", "nan")])
def test_a_tempo_or_key_out_of_range_is_refused(
    command: Any, saved: Path, tmp_path: Path, words: Any
) -> None:
    assert command("remix", saved, *words, "--out", tmp_path / "no.wav").code == 2
    assert not (tmp_path / "no.wav").exists()
