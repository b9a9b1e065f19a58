"""Voices: singers that are only a source, a throat and some consonants, each with a body and manners of its own."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sketch.sound import (
    RATE,
    TAU,
    Chance,
    Signal,
    between,
    cycle,
    frequency,
    noise,
    panned,
    played,
    scaled,
    wander,
)

HOP, FRAME = 256, 1024
CONTROL = RATE / HOP

# Formants: (Hz, dB, width in Hz) of a grown man; others are scaled.
VOWELS = np.array(
    [
        ((730, 0, 90), (1090, -5, 110), (2440, -16, 170), (3400, -20, 220), (4500, -30, 300)),
        ((530, 0, 80), (1840, -10, 120), (2480, -14, 170), (3500, -20, 220), (4500, -32, 300)),
        ((270, 0, 60), (2290, -15, 120), (3010, -16, 180), (3700, -20, 230), (4600, -32, 300)),
        ((570, 0, 80), (840, -5, 100), (2410, -22, 170), (3300, -26, 220), (4500, -36, 300)),
        ((300, 0, 70), (870, -12, 100), (2240, -26, 170), (3200, -32, 220), (4500, -40, 300)),
        ((660, 0, 90), (1720, -8, 120), (2410, -14, 170), (3500, -20, 220), (4500, -32, 300)),
        ((490, 0, 80), (1350, -9, 110), (1690, -13, 140), (3300, -24, 220), (4500, -34, 300)),
        ((640, 0, 90), (1190, -8, 110), (2390, -18, 170), (3400, -24, 220), (4500, -34, 300)),
    ],
    np.float64,
)
CLOSED = np.array(
    ((250, -4, 80), (1100, -26, 180), (2300, -34, 220), (3300, -40, 260), (4500, -52, 300)), np.float64
)
# Consonants: (seconds, band of the noise in Hz, its level, how far the voice goes on through it).
CONSONANTS = (
    (0.0, (1000, 2000), 0.0, 1.0),
    (0.0, (1000, 2000), 0.0, 1.0),
    (0.07, (1000, 2000), 0.0, 0.35),
    (0.06, (1000, 2000), 0.0, 0.5),
    (0.11, (5000, 14000), 0.8, 0.0),
    (0.10, (2500, 8000), 0.8, 0.0),
    (0.08, (1500, 12000), 0.25, 0.0),
    (0.07, (3500, 9000), 0.35, 0.5),
    (0.03, (2500, 9000), 1.0, 0.0),
    (0.03, (1200, 4500), 1.0, 0.0),
    (0.03, (500, 3000), 0.7, 0.0),
    (0.05, (800, 5000), 0.25, 0.2),
)


class Sung(NamedTuple):
    """One syllable: when, how long, in seconds, and which pitch."""

    start: float
    length: float
    pitch: float


def _smoothed(x: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """Every control is eased by a window as long: a mouth cannot jump."""
    width = max(1, int(seconds * CONTROL))
    window = np.hanning(width + 2)[1:-1]
    window /= window.sum()
    padded = np.concatenate([np.repeat(x[:1], width, 0), x, np.repeat(x[-1:], width, 0)])
    flat = padded.reshape(len(padded), -1)
    eased = np.stack([np.convolve(column, window, "same") for column in flat.T], 1)
    return eased[width:-width].reshape(x.shape)


class Singer:
    """A voice: its size, its register, its roughness and its manners."""

    def __init__(self, chance: Chance) -> None:
        self.size = scaled(chance, 0.9, 1.35)
        self.centre = between(chance, 48, 74)
        self.tilt = between(chance, 0.7, 2.0)
        self.breath = scaled(chance, 0.01, 0.25)
        self.sharp = scaled(chance, 0.15, 1.5)
        self.vibrato = between(chance, 0, 0.7) * (chance.random() < 0.75)
        self.rate = between(chance, 4.5, 6.5)
        self.late = between(chance, 0.05, 0.4)
        self.glide = scaled(chance, 0.004, 0.12)
        self.scoop = between(chance, -2, 1.0)
        self.fall = between(chance, 0, 3) * (chance.random() < 0.3)
        self.rough = between(chance, 0, 0.6) * (chance.random() < 0.3)
        self.drift = scaled(chance, 0.02, 0.18)
        self.speaks = chance.random() < 0.15
        self.whisper = chance.random() < 0.03
        self.vowels = chance.permutation(len(VOWELS))[: int(chance.integers(2, len(VOWELS) + 1))]
        self.singer_formant = between(chance, 0, 12)

    def sing(self, notes: Sequence[Sung], n: int, chance: Chance) -> Signal:
        """A take: mono (n,)."""
        frames = n // HOP + 2
        steps = np.arange(frames) / CONTROL
        pitch = np.full(frames, notes[0].pitch if notes else 60.0)
        level, hiss = np.zeros(frames), np.zeros(frames)
        band = np.zeros((frames, 2))
        band[:] = (3000, 8000)
        mouth = np.tile(CLOSED, (frames, 1, 1))
        previous = notes[0].pitch + self.scoop if notes else 60.0
        for note in notes:
            begin, end = int(note.start * CONTROL), int((note.start + note.length) * CONTROL)
            begin, tail = max(0, begin), min(frames, end + int(0.12 * CONTROL))
            if begin >= frames or tail - begin < 3:
                continue
            here = slice(begin, tail)
            since = steps[here] - note.start
            long, bounds, loud, through = CONSONANTS[int(chance.integers(len(CONSONANTS)))]
            long *= between(chance, 0.7, 1.4)
            sway = self.vibrato * np.clip((since - self.late) / 0.25, 0, 1)
            sway = sway * np.sin(TAU * self.rate * between(chance, 0.93, 1.07) * since)
            start = previous if chance.random() < 0.6 else note.pitch + self.scoop
            glide = (start - note.pitch) * np.exp(-((np.maximum(since, 0) / self.glide) ** 1.3))
            drop = self.fall * np.clip((since - note.length + 0.1) / 0.15, 0, 1)
            melody = note.pitch + glide + sway - drop
            if self.speaks:
                melody = (
                    melody + between(chance, -3, 3) - between(chance, 0, 9) * since / max(note.length, 0.1)
                )
            pitch[here] = melody
            vowel = VOWELS[self.vowels[int(chance.integers(len(self.vowels)))]]
            if note.length > 0.35 and chance.random() < 0.3:
                other = VOWELS[self.vowels[int(chance.integers(len(self.vowels)))]]
                turn = np.clip(since / note.length * 2 - 0.5, 0, 1)[:, None, None]
                mouth[here] = vowel + (other - vowel) * turn
            else:
                mouth[here] = vowel
            shut = since < long
            mouth[here][shut] = CLOSED if through else vowel
            voiced = np.where(shut, through, 1.0) * between(chance, 0.6, 1.0)
            voiced = voiced * np.clip((note.length + 0.06 - since) / 0.08, 0, 1)
            level[here] = voiced * (1 - between(chance, 0, 0.4) * np.clip(since / 1.5, 0, 1))
            burst = since < (long if long > 0.04 else 0.015)
            hiss[here] = np.where(shut & burst, loud, 0.0) * between(chance, 0.5, 1.2)
            band[here] = np.array(bounds) * between(chance, 0.85, 1.2)
            previous = note.pitch
        return self._voiced(pitch, level, hiss, band, mouth, n, chance)

    def _voiced(
        self,
        pitch: NDArray[np.float64],
        level: NDArray[np.float64],
        hiss: NDArray[np.float64],
        band: NDArray[np.float64],
        mouth: NDArray[np.float64],
        n: int,
        chance: Chance,
    ) -> Signal:
        frames = len(pitch)
        level, mouth = _smoothed(level, 0.03), _smoothed(mouth, 0.045)
        pitch = _smoothed(pitch, 0.015) + self.drift * wander(chance, frames, 900)
        controls = np.arange(frames) * HOP
        at = np.arange(n)
        hertz = frequency(np.interp(at, controls, pitch))
        k = np.arange(1, 400)
        tables = np.stack([cycle(k ** -(self.tilt + steep) / 1.0, np.zeros(k.size)) for steep in (0.9, 0.0)])
        # High notes have fewer harmonics: those above half the rate would fold back.
        top = HOP_SAFE / max(80.0, float(np.percentile(hertz, 98)))
        if top < 400:
            few = k[: max(2, int(top))]
            tables = np.stack(
                [cycle(few ** -(self.tilt + steep), np.zeros(few.size)) for steep in (0.9, 0.0)]
            )
        effort = np.interp(at, controls, level).astype(np.float32)
        source = played(tables, hertz, effort, n, between(chance, 0, 1))
        if self.rough:
            source *= 1 + self.rough * np.sin(np.pi * np.cumsum(hertz) / RATE * 2).astype(np.float32)
            source *= 1 + 0.5 * self.rough * wander(chance, n, 70)
        air = noise(chance, n)
        if self.whisper:
            source = 0.5 * air
        driven = source * effort + self.breath * air * effort
        sung = self._through(driven, mouth, pitch)
        gain = np.interp(at, controls, _smoothed(hiss, 0.012)).astype(np.float32)
        if gain.max() > 0:
            sung = sung + self.sharp * _band(air * gain, band)
        return sung.astype(np.float32)

    def _through(self, source: Signal, mouth: NDArray[np.float64], pitch: NDArray[np.float64]) -> Signal:
        """Shape a source by formants that move."""
        bins = np.arange(FRAME // 2 + 1) * (RATE / FRAME)
        centre = mouth[:, :, 0] * self.size
        centre[:, 0] = np.maximum(centre[:, 0], frequency(pitch))
        gains = 10 ** (mouth[:, :, 1] / 20)
        gains[:, 2:4] *= 10 ** (self.singer_formant / 20)
        total = np.zeros((len(mouth), bins.size), np.float32)
        for formant in range(mouth.shape[1]):
            width = mouth[:, formant, 2] * 1.3
            away = (bins[None] - centre[:, formant, None]) / width[:, None]
            total += (gains[:, formant, None] / np.sqrt(1 + away * away)).astype(np.float32)
        return _shaped(source, total)


HOP_SAFE = 16000.0
"""Hz up to which a throat's source sounds."""


def _band(source: Signal, band: NDArray[np.float64]) -> Signal:
    bins = np.arange(FRAME // 2 + 1) * (RATE / FRAME)
    low, high = band[:, :1], band[:, 1:]
    gains = 1 / np.sqrt(1 + (low / np.maximum(bins, 20)) ** 6) / np.sqrt(1 + (bins / high) ** 6)
    return _shaped(source, gains.astype(np.float32))


def _shaped(source: Signal, gains: NDArray[np.float32]) -> Signal:
    """Multiply the short-time spectrum of a sound by gains (frames, bins)."""
    n = source.size
    count = min(len(gains), n // HOP + 1)
    padded = np.concatenate([np.zeros(FRAME // 2, np.float32), source, np.zeros(FRAME + HOP, np.float32)])
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][:count]
    spectra = np.fft.rfft(pieces * window, axis=1) * gains[:count]
    waves = np.fft.irfft(spectra, FRAME, axis=1).astype(np.float32) * window
    result = np.zeros(count * HOP + FRAME, np.float32)
    for part in range(FRAME // HOP):
        rows = waves[:, part * HOP : (part + 1) * HOP].reshape(-1)
        result[part * HOP : part * HOP + rows.size] += rows
    found = result[FRAME // 2 :][:n] / 1.5
    return np.pad(found, (0, n - found.size)) if found.size < n else found


def singing(notes: Sequence[Sung], n: int, chance: Chance) -> Signal:
    """A lead voice, sometimes doubled, sometimes with others above or below it: stereo (2, n)."""
    singer = Singer(chance)
    shift = 12 * round((singer.centre - np.mean([note.pitch for note in notes])) / 12) if notes else 0
    lead = [note._replace(pitch=note.pitch + shift) for note in notes]
    result = panned(singer.sing(lead, n, chance), between(chance, -0.15, 0.15))
    if chance.random() < 0.25:
        for side in (-1, 1):
            take = [note._replace(start=note.start + between(chance, -0.02, 0.03)) for note in lead]
            result += between(chance, 0.2, 0.7) * panned(
                singer.sing(take, n, chance), side * between(chance, 0.3, 1)
            )
    if chance.random() < 0.25:
        apart = int(chance.choice([-5, -3, 4, 7, 12, -12]))
        other = singer if chance.random() < 0.5 else Singer(chance)
        take = [
            note._replace(pitch=note.pitch + apart, start=note.start + between(chance, -0.02, 0.03))
            for note in lead
        ]
        result += between(chance, 0.2, 0.6) * panned(other.sing(take, n, chance), between(chance, -0.8, 0.8))
    return result
