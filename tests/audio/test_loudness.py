"""Loudness agrees with the compliance signals, with pyloudnorm, and with what can be calculated by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from signals import mixture

from stemstudio.audio.audio import Audio
from stemstudio.audio.levels import Levels, SoundMeter
from stemstudio.audio.loudness import TruePeakMeter, integrated_lufs
from stemstudio.audio.reading import read_song


@pytest.mark.parametrize(
    ("name", "lufs"),
    [("1770-2_Comp_AbsGateTest", -69.5), ("1770-2_Comp_RelGateTest", -10.0), ("sine_1000", -3.0523)],
)
def test_compliance_signals(shared_audio: Path, name: str, lufs: float) -> None:
    audio = read_song(shared_audio / "loudness" / f"{name}.wav")
    assert integrated_lufs(audio) == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize("rate", [11025, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_as_pyloudnorm_over_several_pieces(rate: int, channels: int) -> None:
    audio, _ = mixture(12.345, rate=rate, channels=channels)
    fading = Audio(audio.samples * np.linspace(1, 0, audio.length, dtype=np.float32), rate)
    reference = pyloudnorm.Meter(rate).integrated_loudness(fading.samples.T)
    assert integrated_lufs(fading) == pytest.approx(reference, abs=0.01)


def test_all_that_meters_say_of_a_compliance_signal_and_of_a_song(shared_audio: Path) -> None:
    sine = levels(read_song(shared_audio / "loudness" / "sine_1000.wav"))
    assert (sine.lufs, sine.momentary) == pytest.approx((-3.05, -3.05), abs=0.1)
    assert sine.short == -np.inf, "it is shorter than that"
    assert (sine.peak_db, sine.true_peak_db, sine.rms_db) == pytest.approx((0.0, 0.0, -3.01), abs=0.05)
    gated = levels(read_song(shared_audio / "loudness" / "1770-2_Comp_RelGateTest.wav"))
    assert gated.lufs == pytest.approx(-10.0, abs=0.1)
    song = read_song(shared_audio / "stems" / "everythingisfree" / "lithium" / "mix.flac")
    found = levels(song)
    assert found.lufs == pytest.approx(integrated_lufs(song), abs=1e-6)
    assert found.true_peak_db == pytest.approx(true_peak_db(song), abs=1e-3)
    assert found.rms_db == pytest.approx(20 * np.log10(np.sqrt(np.mean(np.square(song.samples)))), abs=1e-3)
    assert found.correlation == pytest.approx(np.corrcoef(song.samples)[0, 1], abs=1e-3)
    assert found.momentary > found.short > found.lufs
    words = str(found)
    assert "short-term" in words
    assert words.startswith(f"−{abs(found.lufs):.1f} LUFS")
    assert f"{found.true_peak_db:.1f} dBTP".replace("-", "−") in words
    assert f"RMS −{abs(found.rms_db):.1f} dBFS" in words


def levels(audio: Audio) -> Levels:
    """Of a sound in blocks of an odd size."""
    meter = SoundMeter(audio.sample_rate, audio.channels)
    for start in range(0, audio.length, 70_001):
        meter.take(audio.read(start, min(start + 70_001, audio.length)))
    return meter.finish()


def true_peak_db(audio: Audio) -> float:
    """Of a sound in one piece, by the meter alone."""
    meter = TruePeakMeter(audio.sample_rate, audio.channels)
    meter.take(audio.samples)
    return meter.finish()


def test_silence_mono_and_nothing_at_all_have_levels_too() -> None:
    for nothing in (np.zeros((2, 50_000), np.float32), np.zeros((2, 0), np.float32)):
        found = levels(Audio(nothing, 44100))
        assert (found.peak_db, found.true_peak_db, found.rms_db, found.short) == (-np.inf,) * 4
        assert found.correlation == 0.0
        assert "−∞ LUFS" in str(found)
    hardly = str(Levels(-0.02, -0.01, -3.0, -3.0, -3.0, -3.0, -0.004))
    assert "peak 0.0 dBFS, true peak 0.0 dBTP" in hardly
    assert hardly.endswith("correlation 0.00")
    noise = np.random.default_rng(0).standard_normal((1, 200_000)).astype(np.float32) * 0.1
    assert levels(Audio(noise, 44100)).correlation == 1.0
    assert levels(Audio(np.concatenate([noise, -noise]), 44100)).correlation == pytest.approx(-1.0)


def test_a_full_scale_sine_in_one_channel() -> None:
    time = np.arange(48000 * 3) / 48000
    sine = Audio(np.sin(2 * np.pi * 997 * time, dtype=np.float64).astype(np.float32)[None], 48000)
    assert integrated_lufs(sine) == pytest.approx(
        -3.01, abs=0.1
    )  # BS.1770-4; the tolerance is EBU Tech 3341's


def test_silence_and_less_than_a_blink_have_no_loudness() -> None:
    assert integrated_lufs(Audio(np.zeros((2, 100_000), np.float32), 44100)) == -np.inf
    assert integrated_lufs(Audio(np.ones((2, 10_000), np.float32), 44100)) == -np.inf
    assert true_peak_db(Audio(np.zeros((2, 100_000), np.float32), 44100)) == -np.inf


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_peak_between_two_samples_is_found(rate: int) -> None:
    # A sine at a quarter of the rate, sampled beside its peaks: the samples reach −3 dB, the sound 0 dB.
    time = np.arange(25 * rate)
    sine = np.sin(np.pi / 2 * time + np.pi / 4).astype(np.float32)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 1000).astype(np.float32)
    assert 20 * np.log10(np.abs(sine).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(Audio((sine * fade)[None], rate)) == pytest.approx(0.0, abs=0.1)


def test_the_true_peak_is_never_below_the_highest_sample() -> None:
    audio = Audio(np.random.default_rng(0).uniform(-1, 1, (2, 50_000)).astype(np.float32), 44100)
    assert true_peak_db(audio) >= 20 * np.log10(np.abs(audio.samples).max())
