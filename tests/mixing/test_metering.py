"""The meters of the mix while it plays, beside the measurements of whole files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from stemstudio.audio.audio import Audio
from stemstudio.audio.loudness import TruePeakMeter, integrated_lufs
from stemstudio.audio.reading import read_song
from stemstudio.mixing.deck import Deck
from stemstudio.mixing.metering import Meters

RATE = 48000


def played(tape, samples: np.ndarray, rate: int = RATE, seconds: float | None = None) -> tuple[Deck, Meters]:
    """A song played from its start, and what the meters say then; the largest true peak of all."""
    deck = Deck(rate)
    deck.load(np.ascontiguousarray(samples, dtype=np.float32), rate)
    deck.set_source("original")
    deck.play()
    recorder = tape(deck, 4096)
    left = samples.shape[1] if seconds is None else int(seconds * rate)
    peak = 0.0
    while left > 0:
        left -= recorder.run(min(left, 10 * rate)).shape[1]
        meters = deck.meters()
        peak = max(peak, meters.true_peak)
    return deck, Meters(**{**{name: getattr(meters, name) for name in meters.__slots__}, "true_peak": peak})


@pytest.mark.parametrize(
    ("name", "lufs"),
    [("1770-2_Comp_AbsGateTest", -69.5), ("1770-2_Comp_RelGateTest", -10.0), ("sine_1000", -3.05)],
)
def test_integrated_loudness_of_compliance_signals(tape, shared_audio: Path, name: str, lufs: float) -> None:
    audio = read_song(shared_audio / "loudness" / f"{name}.wav")
    _, meters = played(tape, audio.samples, audio.sample_rate)
    assert meters.integrated == pytest.approx(lufs, abs=0.1)
    assert meters.integrated == pytest.approx(integrated_lufs(audio), abs=0.05)


def test_loudness_and_true_peak_of_a_song_are_those_of_its_file(tape, shared_audio: Path) -> None:
    audio = read_song(shared_audio / "stems" / "everythingisfree" / "lithium" / "mix.flac")
    deck, meters = played(tape, audio.samples, audio.sample_rate)
    assert meters.integrated == pytest.approx(integrated_lufs(audio), abs=0.05)
    whole = TruePeakMeter(audio.sample_rate, audio.channels)
    whole.take(audio.samples)
    assert 20 * math.log10(meters.true_peak) == pytest.approx(whole.finish(), abs=0.15)
    deck.set_master(0.1)  # the volume for listening changes nothing of it
    deck.seek(0)
    deck.play()
    deck.forget_loudness()
    tape(deck, 4096).run(audio.length)
    assert deck.meters().integrated == pytest.approx(meters.integrated, abs=0.05)


def test_momentary_and_short_loudness_follow_the_last_seconds(tape) -> None:
    time = np.arange(8 * RATE) / RATE
    tone = np.tile(10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * time), (2, 1))  # EBU Tech 3341: −23 LUFS
    tone[:, 5 * RATE :] *= 0.1
    _, early = played(tape, tone, seconds=4.9)
    assert early.momentary == pytest.approx(-23.0, abs=0.1)
    assert early.short == pytest.approx(-23.0, abs=0.1)
    _, late = played(tape, tone, seconds=6.0)
    assert late.momentary == pytest.approx(-43.0, abs=0.1)
    assert late.short == pytest.approx(-24.7, abs=0.2)  # two of its three seconds were loud
    assert late.integrated == pytest.approx(-23.0, abs=0.2)  # the gate leaves the soft second out


def test_true_peak_between_samples_is_found(tape) -> None:
    time = np.arange(RATE)
    tone = np.tile(0.5 * np.sin(2 * np.pi * time / 4 + np.pi / 4), (2, 1))  # no sample is higher than 0.354
    _, meters = played(tape, tone)
    assert meters.master_peak.max() < 0.36
    assert meters.true_peak == pytest.approx(0.5, rel=0.02)


def test_correlation_tells_mono_wide_and_turned_over(tape) -> None:
    noise = np.random.default_rng(0).standard_normal((2, RATE)).astype(np.float32) * 0.1
    for other, expected in ((noise[0], 1.0), (noise[1], 0.0), (-noise[0], -1.0)):
        _, meters = played(tape, np.stack([noise[0], other]))
        assert meters.correlation == pytest.approx(expected, abs=0.1)
    _, silent = played(tape, np.zeros((2, RATE)))
    assert (silent.correlation, silent.integrated, silent.true_peak) == (0.0, -math.inf, 0.0)


def test_not_finite_song_does_not_spoil_the_meters(tape) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 2 * RATE)).astype(np.float32) * 0.1
    noise[:, 100:110] = np.nan
    noise[:, 200] = np.inf
    _, meters = played(tape, noise)
    clean = Audio(np.nan_to_num(noise, posinf=0.0), RATE)
    assert meters.integrated == pytest.approx(integrated_lufs(clean), abs=0.1)
    assert math.isfinite(meters.true_peak)
