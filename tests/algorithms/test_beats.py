"""Beats, tempo and key of songs that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemstudio.algorithms.beats import find_timing
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.progress import Cancelled, Progress

RATE = 22050
_NOTES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "audio"


def clicks(beats: np.ndarray, seconds: float, strong: int = -1) -> Audio:
    """Noise bursts; every fourth, from `strong` on, with a thump."""
    rng = np.random.default_rng(1)
    sound = 1e-4 * rng.standard_normal(round(seconds * RATE))
    burst = np.exp(-np.arange(1000) / 150) * rng.standard_normal(1000)
    thump = 0.5 * np.sin(2 * np.pi * 70 * np.arange(1000) / RATE) * np.exp(-np.arange(1000) / 300)
    for number, beat in enumerate(beats):
        at = round(beat * RATE)
        hit = 0.2 * burst + (thump if number % 4 == strong else 0.0)
        sound[at : at + 1000] += hit[: sound.size - at]
    return Audio(sound[None].astype(np.float32), RATE)


@pytest.mark.parametrize("bpm", [66, 97.3, 128, 172])
def test_clicks_are_found_where_they_are(bpm):
    true = np.arange(0.37, 20, 60 / bpm)
    found = find_timing(clicks(true, 20, strong=2), Progress())
    assert 60 / np.median(np.diff(found.beats)) == pytest.approx(bpm, rel=2e-3)
    late = [found.beats[np.abs(found.beats - beat).argmin()] - beat for beat in true]
    assert np.abs(late).max() < 0.015
    assert np.median(np.abs(late)) < 0.006
    begins = found.beats[np.arange(found.beats.size) % 4 == found.one]
    assert np.abs(begins - true[2]).min() < 0.015


def test_a_tempo_that_drifts_is_followed():
    steps = 0.5 * (1 + 0.12 * np.sin(np.arange(60) / 9))
    true = 0.4 + np.concatenate([[0.0], np.cumsum(steps)])
    found = find_timing(clicks(true, float(true[-1]) + 0.4), Progress())
    late = np.array([np.abs(found.beats - beat).min() for beat in true[2:-2]])
    assert np.mean(late < 0.03) > 0.85


def chords(roots: list[tuple[str, bool]], tuning: float) -> Audio:
    time = np.arange(RATE // 2) / RATE
    pieces = []
    for root, minor in roots:
        base = 130.81 * 2 ** ((_NOTES.index(root) + tuning) / 12)
        steps = (0, 3 if minor else 4, 7, 12)
        tones = (base * 2 ** (step / 12) * part for step in steps for part in (1, 2, 3))
        pieces.append(sum(np.sin(2 * np.pi * tone * time) * np.exp(-2 * time) for tone in tones))
    return Audio((0.02 * np.tile(np.concatenate(pieces), 5))[None].astype(np.float32), RATE)


@pytest.mark.parametrize("tuning", [0.0, 0.4])
@pytest.mark.parametrize(
    ("key", "roots"),
    [
        ("E♭ major", [("E♭", False), ("A♭", False), ("B♭", False), ("E♭", False)]),
        ("F♯ minor", [("F♯", True), ("B", True), ("C♯", False), ("F♯", True)]),
    ],
)
def test_a_cadence_tells_its_key_however_it_is_tuned(key, roots, tuning):
    assert find_timing(chords(roots, tuning), Progress()).key == key


@pytest.mark.parametrize("samples", [0, 10, 3000, 100_000])
def test_silence_has_no_beats_and_no_key(samples):
    found = find_timing(Audio(np.zeros((2, samples), np.float32), 48000), Progress())
    assert not found.beats.size
    assert found.key == ""


def test_it_can_be_stopped():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        find_timing(clicks(np.arange(1.0, 5.0), 5.0), progress)


@pytest.mark.skipif(not SHARED.exists(), reason="no real audio here")
@pytest.mark.parametrize(
    ("song", "bpm"),
    [
        ("stems/everythingisfree/sodium_a/mix.flac", 140.0),
        ("stems/everythingisfree/francium/mix.flac", 128.0),
        ("songs/librosa/Kevin_MacLeod_-_Vibe_Ace.hq.ogg", 130.0),
    ],
)
def test_the_tempo_of_real_songs(song, bpm):
    found = find_timing(read_song(SHARED / song), Progress())
    steps = np.diff(found.beats)
    assert 60 / np.median(steps) == pytest.approx(bpm, rel=0.005)
    assert np.ptp(steps) < 0.002  # made to a click: an even grid
