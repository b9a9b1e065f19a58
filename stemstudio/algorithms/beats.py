"""Beats and key of a song: when its beats are, which of them begin a bar, how fast it is, what key it is in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress

__all__ = ["KEYS", "Timing", "find_timing"]

KEYS = {
    "major": ("C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"),
    "minor": ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B"),
}
"""Names of the keys, as they are usually written, from C upwards."""
RATE = 22050
"""Hz at which a song is listened to."""
FFT, HOP, BANDS = 1024, 256, 64
CHROMA_FFT, CHROMA_HOP = 8192, 4096
FINE = 5
"""Steps of a semitone, so that a song which is out of tune has a key, too."""
LATE = 0.01
"""Seconds from where an onset shows in a window to where it is, measured on clicks."""
LOW_BANDS = 6
"""Bands of the lowest 150 Hz or so, where basses and kicks begin bars."""
METRE = 4
READ_SECONDS = 30
QUIETEST = 1e-4
"""Peak below which a song counts as silent."""
STEADY = 0.9
"""Share of the beats' own strength that a grid of one tempo must reach to be taken in their place."""
SURE = 0.05
"""Least correlation by which the best key must beat a flat profile to be named."""
# Temperley 2001, from the Kostka–Payne corpus: how often each note of the scale is heard in a key.
MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)


@dataclass(frozen=True)
class Timing:
    """What was found.

    Attributes
    ----------
    beats
        Seconds of the song, rising, from its start to its end; empty where nothing beats.
    one
        Which of the first beats begins a bar of `metre`.
    metre
        Beats a bar.
    key
        Such as "A minor"; "" where no key stands out.
    """

    beats: NDArray[np.float64]
    one: int
    metre: int
    key: str


def find_timing(sound: Sound, progress: Progress) -> Timing:
    """Find beats and key of a song.

    Beats follow the onsets of a mel spectrum by dynamic programming (Ellis 2007, librosa's `beat_track`); where a
    song keeps one tempo all through, they are an even grid.  Bars begin where the lows come in strongest.  The key
    is that whose profile (Temperley 2001) correlates best with the mean chroma.
    """
    onsets, lows, chroma, peak = _listen(sound, progress.part(0.0, 0.9))
    seconds = sound.length / sound.sample_rate
    if peak < QUIETEST or onsets.size < 16:
        return Timing(np.zeros(0), 0, METRE, "")
    progress(0.9, "finding the beats")
    frames = _beats(onsets)
    progress.check()
    one = _one(frames, lows)
    beats, before = _to_the_ends(frames * HOP / RATE + LATE, seconds)
    progress(1.0, "finding the beats")
    return Timing(beats, (one + before) % METRE, METRE, _key(chroma))


def _listen(
    sound: Sound, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Onset strengths of all bands and of the low ones, a frame each; the mean chroma; and the loudest sample."""
    from librosa.filters import chroma as chroma_filters
    from librosa.filters import mel as mel_filters

    mel = mel_filters(sr=RATE, n_fft=FFT, n_mels=BANDS).astype(np.float32)
    wheel = chroma_filters(sr=RATE, n_fft=CHROMA_FFT, n_chroma=12 * FINE).astype(np.float32)
    loudest = 0.0
    tail: NDArray[np.float32] = np.zeros(FFT // 2, dtype=np.float32)
    slow: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
    levels: list[NDArray[np.float32]] = []
    chroma = np.zeros(12 * FINE)
    for piece in _pieces(sound, progress):
        loudest = max(loudest, float(np.abs(piece).max(initial=0.0)))
        tail = np.concatenate([tail, piece])
        slow = np.concatenate([slow, piece])
        power = _powers(tail, FFT, HOP)
        levels.append(power @ mel.T)
        tail = tail[HOP * len(power) :]
        power = _powers(slow, CHROMA_FFT, CHROMA_HOP)
        # Each moment counts alike, however loud.
        notes = np.sqrt(power) @ wheel.T
        strength = notes.sum(axis=1, keepdims=True)
        chroma += (notes / np.maximum(strength, 1e-3))[strength[:, 0] > 1e-3].sum(axis=0)
        slow = slow[CHROMA_HOP * len(power) :]
    powers = np.concatenate(levels) if levels else np.zeros((0, BANDS), np.float32)
    decibels = 10 * np.log10(np.maximum(powers, 1e-10))
    decibels = np.maximum(decibels, decibels.max(initial=-100.0) - 80.0)
    rises = np.maximum(0.0, np.diff(decibels, axis=0, prepend=decibels[:1]))
    return (
        rises.mean(axis=1).astype(np.float64),
        rises[:, :LOW_BANDS].mean(axis=1).astype(np.float64),
        chroma,
        loudest,
    )


def _pieces(sound: Sound, progress: Progress) -> Iterator[NDArray[np.float32]]:
    """The song in mono at `RATE`, piece by piece."""
    import soxr

    rate, length = sound.sample_rate, sound.length
    stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="MQ")
    step = READ_SECONDS * rate
    for start in range(0, max(1, length), step):
        stop = min(length, start + step)
        progress(start / max(1, length), "listening")
        mono = np.ascontiguousarray(sound.read(start, stop).mean(axis=0), dtype=np.float32)
        yield stream.resample_chunk(mono, last=stop >= length)


def _powers(samples: NDArray[np.float32], fft: int, hop: int) -> NDArray[np.float32]:
    """Power spectra of whole windows, shape (frames, bins)."""
    from scipy.fft import rfft

    if samples.size < fft:
        return np.zeros((0, fft // 2 + 1), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, fft)[::hop]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fft) / fft)).astype(np.float32)
    powers = []
    for begin in range(0, len(frames), 1024):
        spectra = rfft(frames[begin : begin + 1024] * window)
        powers.append(spectra.real**2 + spectra.imag**2)
    return np.concatenate(powers)


def _beats(onsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frames of the beats, between frames too."""
    from librosa.beat import beat_track

    _, found = beat_track(onset_envelope=onsets, sr=RATE, hop_length=HOP, trim=False)
    frames = np.asarray(found, dtype=np.float64)
    if frames.size < 4:
        return frames
    even = _even(onsets, float(np.median(np.diff(frames))))
    if _strength(onsets, even) >= STEADY * _strength(onsets, frames):
        return even
    return np.asarray([_summit(onsets, frame) for frame in frames])


def _even(onsets: NDArray[np.float64], period: float) -> NDArray[np.float64]:
    """The even grid, of about that period, that meets the strongest onsets."""
    smooth = np.convolve(onsets, (0.25, 0.5, 0.25), "same")
    places = np.arange(onsets.size, dtype=np.float64)

    def best(periods: NDArray[np.floating], phases: NDArray[np.floating]) -> tuple[float, float]:
        scores = {
            (wide, phase): np.interp(np.arange(phase * wide, onsets.size, wide), places, smooth).mean()
            for wide in periods
            for phase in phases
        }
        return max(scores, key=lambda key: scores[key])

    # A step in the period that moves the last beat by no more than two frames; coarse phases, then fine ones.
    beats = onsets.size / period
    steps = np.arange(-60, 61)
    wide, phase = best(period * (1 + 0.02 * steps / 60), np.arange(0, 1, 1 / 12))
    for finer in (2.0, 0.4):
        around = wide + np.arange(-5, 6) * finer / beats
        wide, phase = best(around, phase + np.arange(-5, 6) * finer / (5 * wide))
    first = (phase % 1.0) * wide
    return np.arange(first, onsets.size, wide)


def _strength(onsets: NDArray[np.float64], frames: NDArray[np.float64]) -> float:
    """Mean of the strongest onset within a frame of each beat."""
    places = np.rint(frames).astype(np.int64)
    near = [onsets[np.clip(places + by, 0, onsets.size - 1)] for by in (-1, 0, 1)]
    return float(np.max(near, axis=0).mean()) if places.size else 0.0


def _summit(onsets: NDArray[np.float64], frame: float) -> float:
    """The place of the peak near a frame, by a parabola through three values."""
    low = max(1, int(frame) - 2)
    high = min(onsets.size - 1, int(frame) + 3)
    if high <= low:
        return frame
    peak = low + int(np.argmax(onsets[low:high]))
    left, middle, right = onsets[peak - 1], onsets[peak], onsets[min(peak + 1, onsets.size - 1)]
    bend = left - 2 * middle + right
    return peak + (float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0)


def _one(frames: NDArray[np.float64], lows: NDArray[np.float64]) -> int:
    """Which of the first beats begins a bar: where the lows come in strongest."""
    if frames.size < 2 * METRE:
        return 0
    places = np.rint(frames).astype(np.int64)
    near = np.max([lows[np.clip(places + by, 0, lows.size - 1)] for by in (-1, 0, 1)], axis=0)
    return int(np.argmax([near[phase::METRE].mean() for phase in range(METRE)]))


def _to_the_ends(beats: NDArray[np.float64], seconds: float) -> tuple[NDArray[np.float64], int]:
    """Beats going on at the same pace to the start and the end of the song; and how many came before."""
    beats = beats[(beats >= 0) & (beats < seconds)]
    if beats.size < 2:
        return np.zeros(0), 0
    steps = np.diff(beats)
    ahead, behind = float(np.median(steps[:8])), float(np.median(steps[-8:]))
    before = np.arange(1, int(beats[0] / ahead) + 1)[::-1]
    after = np.arange(1, int(max(0.0, seconds - 1e-6 - beats[-1]) / behind) + 1)
    whole = np.concatenate([beats[0] - before * ahead, beats, beats[-1] + after * behind])
    return np.maximum(whole, 0.0), before.size


def _key(chroma: NDArray[np.float64]) -> str:
    """The name of the key whose profile fits best; "" where none does."""
    # Where in the semitone the notes of this song lie.
    tuned = max(range(-(FINE // 2), FINE // 2 + 1), key=lambda by: (np.roll(chroma, -by)[::FINE] ** 2).sum())
    chroma = np.sum([np.roll(chroma, -tuned - by)[::FINE] for by in (-1, 0, 1)], axis=0)
    if not chroma.any() or np.ptp(chroma) < 1e-3 * chroma.mean():
        return ""
    scores = {
        f"{note} {mode}": float(np.corrcoef(np.roll(profile, step), chroma)[0, 1])
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for step, note in enumerate(KEYS[mode])
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > SURE else ""
