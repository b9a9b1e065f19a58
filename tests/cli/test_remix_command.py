"""`stemstudio remix`: a project's mix with other settings of its mixer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stemstudio.project.opening import open_project


def sound(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def test_faders_are_laid_over_what_was_saved(command: Any, saved: Path, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "mix.wav"
    ran = command("remix", saved, "--gain", "percussive=0", "--out", out, "--json")
    assert ran.code == 0, ran.stderr
    np.testing.assert_allclose(sound(out), sound(song), atol=1e-6)  # the saved −6 dB are taken back
    assert ran.json["strips"]["percussive"]["gain_db"] == 0.0
    assert -60 < ran.json["lufs"] < 0

    ran = command("remix", saved, "--mute", "percussive,residual", "--out", tmp_path / "alone.wav")
    assert ran.code == 0, ran.stderr
    assert "LUFS" in ran.stderr
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
        (("--out", tmp_path / "mix.doc"), "not a format"),
    ):
        ran = command("remix", saved, "--out", out, *words)
        assert ran.code == 2, words
        assert told in ran.sentence, words
    assert not out.exists()
    out.write_bytes(b"kept")
    assert "already" in command("remix", saved, "--out", out).sentence
    assert out.read_bytes() == b"kept"


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
