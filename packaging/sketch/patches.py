"""Patches: pitched instruments, from synthesizers to strings, keys, guitars and brass, each a throw of dice."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sketch.sound import (
    HIGHEST,
    RATE,
    TAU,
    Chance,
    Signal,
    between,
    clock,
    cycle,
    ended,
    envelope,
    filtered,
    frequency,
    noise,
    panned,
    played,
    scaled,
)

Play = Callable[[float, float, float, Chance], Signal]
"""(pitch, velocity 0…1, seconds held, chance) → stereo (2, n)."""


class Range(NamedTuple):
    """What an instrument is to be good for."""

    brightest: float
    slow: float


LOW = Range(4000.0, 0.1)
MIDDLE = Range(16000.0, 1.0)
STEPS = 6
"""Periods of different brightness that a moving filter is made of."""


def _harmonics(chance: Chance, count: int) -> NDArray[np.float64]:
    """Strengths of the harmonics of some wave."""
    k = np.arange(1, count + 1)
    kind = int(chance.integers(8))
    if kind == 0:
        strengths = 1.0 / k
    elif kind == 1:
        strengths = (k % 2) / k
    elif kind == 2:
        strengths = (k % 2) / k**2.0
    elif kind == 3:
        width = between(chance, 0.08, 0.45)
        strengths = np.abs(np.sin(np.pi * k * width)) / k
    elif kind == 4:
        strengths = np.zeros(count)
        for bar in (1, 2, 3, 4, 6, 8, 10, 12, 16):
            if bar <= count:
                strengths[bar - 1] = chance.random() ** 1.5
        strengths[0] += 0.3
    elif kind == 5:
        strengths = chance.random(count) / k ** between(chance, 0.6, 1.8)
        strengths[0] = 1.0
    elif kind == 6:
        strengths = np.exp(-k / scaled(chance, 1.5, 8))
    else:
        strengths = 1.0 / k ** between(chance, 0.8, 2.2)
    return strengths


def _body(chance: Chance) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
    """Resonances of a body: dB over Hz, the same for every note."""
    centres = np.array([scaled(chance, 120, 6000) for _ in range(int(chance.integers(0, 5)))])
    heights = chance.uniform(-10, 9, centres.size)
    widths = chance.uniform(0.15, 0.8, centres.size)

    def gain(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
        octaves = np.log2(np.maximum(hertz, 20))
        total = np.zeros(len(hertz))
        for centre, height, width in zip(centres, heights, widths, strict=True):
            total += height * np.exp(-(((octaves - np.log2(centre)) / width) ** 2))
        return np.asarray(10 ** (total / 20))

    return gain


def wave(chance: Chance, span: Range = MIDDLE) -> Play:
    """Subtractive: a wave, several voices beside each other, and a filter that moves."""
    shape, body = _harmonics(chance, 600), _body(chance)
    phases = chance.uniform(0, TAU, 600) if chance.random() < 0.5 else np.zeros(600)
    opened, closed = sorted(scaled(chance, 250, span.brightest) for _ in range(2))[::-1]
    slope = between(chance, 1, 4)
    sweep = scaled(chance, 0.03, 1.2)
    attack = scaled(chance, 0.002, 0.4 * span.slow + 0.005) if chance.random() < 0.5 else 0.004
    decay, sustain, release = scaled(chance, 0.05, 2), between(chance, 0, 1), scaled(chance, 0.03, 0.6)
    voices = int(chance.choice([1, 1, 2, 3, 5])) if span.slow > 0.5 else int(chance.choice([1, 1, 1, 2]))
    detune, width = between(chance, 2, 22), between(chance, 0, 0.9)
    sway, sway_rate = between(chance, 0, 0.25) * (chance.random() < 0.4), between(chance, 3, 7)
    sub = between(chance, 0, 0.8) * (chance.random() < 0.3)
    kept: dict[float, Signal] = {}

    def cycles(pitch: float) -> Signal:
        found = kept.get(pitch)
        if found is None:
            hertz = float(frequency(pitch)) * np.arange(1, min(600, max(2, int(HIGHEST / frequency(pitch)))))
            base = shape[: hertz.size] * body(hertz)
            cuts = np.geomspace(closed, opened, STEPS)
            found = np.stack(
                [cycle(base / np.sqrt(1 + (hertz / cut) ** (2 * slope)), phases) for cut in cuts]
            )
            kept[pitch] = found
        return found

    def play(pitch: float, velocity: float, held: float, again: Chance) -> Signal:
        n = max(64, int((held + release) * RATE))
        t = np.arange(n, dtype=np.float32) / RATE
        level = envelope(n, held, attack, decay, sustain, release)
        bright = (STEPS - 1) * np.clip(np.exp(-t / sweep) * (0.4 + 0.6 * velocity), 0, 1)
        tables, both = cycles(pitch), np.zeros((2, n), np.float32)
        for voice in range(voices):
            apart = (voice / (voices - 1) * 2 - 1) if voices > 1 else 0.0
            hertz = float(frequency(pitch + apart * detune / 100))
            moving = hertz * 2 ** (sway * np.sin(TAU * sway_rate * t) / 12) if sway else hertz
            one = played(tables, moving, bright, n, between(again, 0, 1))
            both += panned(one, apart * width)
        if sub:
            both += sub * np.sin(TAU * float(frequency(pitch - 12)) * t)
        return ended(velocity * both * level / np.sqrt(voices), 0.005)

    return play


def pluck(chance: Chance, span: Range = MIDDLE) -> Play:
    """Strings and keys: each partial dies on its own, the high ones first, and may lie beside the harmonic."""
    body = _body(chance)
    point, stiff = between(chance, 0.06, 0.5), scaled(chance, 1e-5, 8e-4)
    slow, fast = scaled(chance, 0.25, 3.0), between(chance, 0.05, 0.7)
    tilt, bright = between(chance, 0.5, 1.6), scaled(chance, 4, 30)
    knock, release = between(chance, 0, 0.25), scaled(chance, 0.03, 0.3)
    width, beat = between(chance, 0, 0.5), between(chance, 0, 2.5)

    def play(pitch: float, velocity: float, held: float, again: Chance) -> Signal:
        n = max(64, int(min(held + release, 4.0) * RATE))
        t = np.arange(n, dtype=np.float32) / RATE
        f0 = float(frequency(pitch))
        count = int(min(28, max(3, min(HIGHEST, span.brightest * 2) / f0)))
        k = np.arange(1, count + 1)
        hertz = k * f0 * np.sqrt(1 + stiff * k * k)
        strengths = np.abs(np.sin(np.pi * k * point)) / k**tilt * np.exp(-k / (bright * (0.3 + velocity)))
        strengths *= body(hertz)
        turns = again.uniform(0, TAU, (2, count)) * width
        both = np.zeros((2, n), np.float32)
        for i in range(count):
            if hertz[i] > HIGHEST or strengths[i] < 1e-4:
                continue
            alive = min(n, int(RATE * 7 * slow / (1 + fast * i)))
            until = t[:alive]
            fall = strengths[i] * np.exp(-until * ((1 + fast * i) / slow))
            if beat:
                fall = fall * (1 - 0.3 * np.sin(np.pi * beat * until) ** 2)
            angle = TAU * hertz[i] * until
            both[0, :alive] += fall * np.sin(angle + turns[0, i])
            if width > 0.1:
                both[1, :alive] += fall * np.sin(angle + turns[1, i])
        if width <= 0.1:
            both[1] = both[0]
        hit = noise(again, min(n, 2000))
        both[:, : hit.size] += knock * velocity * hit * np.exp(-t[: hit.size] / 0.008)
        level = np.minimum(t / 0.0015, 1) * np.exp(-np.maximum(t - held, 0) / (release / 3))
        return ended(velocity * both * level, 0.008)

    return play


def modulated(chance: Chance, span: Range = MIDDLE) -> Play:
    """Frequency modulation: electric pianos, bells, glassy and growling basses."""
    ratio = (
        float(chance.choice([0.5, 1, 1, 1, 2, 3, 4, 1.41, 3.5]))
        if span.slow > 0.5
        else float(chance.choice([0.5, 1, 1, 2]))
    )
    index, settle = scaled(chance, 0.4, 5), scaled(chance, 0.05, 1.0)
    floor, feed = between(chance, 0, 0.5), between(chance, 0, 0.4)
    attack, decay, sustain = scaled(chance, 0.002, 0.03), scaled(chance, 0.2, 2.5), between(chance, 0, 0.7)
    release, tine = scaled(chance, 0.05, 0.4), between(chance, 0, 0.4) * (chance.random() < 0.5)
    detune = between(chance, 0, 6)

    def play(pitch: float, velocity: float, held: float, _: Chance) -> Signal:
        n = max(64, int((held + release) * RATE))
        t = np.arange(n, dtype=np.float32) / RATE
        depth = index * (0.3 + 0.7 * velocity) * (floor + (1 - floor) * np.exp(-t / settle))
        depth = np.minimum(depth, span.brightest / float(frequency(pitch)) / ratio)
        level, sides = envelope(n, held, attack, decay, sustain, release), []
        for side in (-1, 1):
            turn = TAU * float(frequency(pitch + side * detune / 100)) * t
            inner = np.sin(ratio * turn + feed * np.sin(ratio * turn))
            tone = np.sin(turn + depth * inner)
            if tine:
                tone = tone + tine * np.exp(-t / 0.1) * np.sin(7 * turn)
            sides.append(tone)
        return ended((velocity * level * np.stack(sides)).astype(np.float32), 0.005)

    return play


def blown(chance: Chance, span: Range = MIDDLE) -> Play:
    """Brass, reeds, flutes and bowed strings: brightness follows the breath, vibrato comes late, air is heard."""
    shape, body = _harmonics(chance, 300), _body(chance)
    attack, release = scaled(chance, 0.015, 0.25 * span.slow + 0.02), scaled(chance, 0.05, 0.3)
    closed, opened = scaled(chance, 300, 1200), scaled(chance, 1500, span.brightest)
    air, floor = between(chance, 0, 0.15), scaled(chance, 500, 4000)
    vibrato, rate = between(chance, 0, 0.45), between(chance, 4, 6.5)
    scoop, players = between(chance, 0, 1.5), int(chance.choice([1, 1, 2, 3]))

    def play(pitch: float, velocity: float, held: float, again: Chance) -> Signal:
        n = max(64, int((held + release) * RATE))
        t = np.arange(n, dtype=np.float32) / RATE
        base = float(frequency(pitch))
        hertz = base * np.arange(1, max(2, min(300, int(HIGHEST / base))))
        tables = np.stack(
            [
                cycle(shape[: hertz.size] * body(hertz) / (1 + (hertz / cut) ** 4), np.zeros(300))
                for cut in np.geomspace(closed, opened, STEPS)
            ]
        )
        level = envelope(n, held, attack, 0.5, 0.8, release)
        both = np.zeros((2, n), np.float32)
        for player in range(players):
            late = 0.15 + between(again, 0, 0.2)
            bend = (
                vibrato * np.clip((t - late) / 0.3, 0, 1) * np.sin(TAU * rate * between(again, 0.9, 1.1) * t)
            )
            bend = bend - scoop * np.exp(-t / 0.03) + between(again, -0.06, 0.06) * (players > 1)
            one = played(
                tables,
                base * 2 ** (bend / 12),
                (STEPS - 1) * level * (0.3 + 0.7 * velocity),
                n,
                between(again, 0, 1),
            )
            both += panned(one, (player - (players - 1) / 2) * 0.5)
        if air > 0.02:
            both += air * filtered(noise(again, n), (floor, 12000), "bandpass", 1)
        return ended(velocity * both * level / players, 0.01)

    return play


def struck(chance: Chance, span: Range = MIDDLE) -> Play:
    """Bells, mallets and glass: few partials, none a harmonic of the other."""
    count = int(chance.integers(3, 8))
    ratios = np.concatenate([[1.0], np.sort(chance.uniform(1.5, 9, count - 1))])
    strengths = chance.random(count) * np.exp(-ratios / 4)
    strengths[0] = 1.0
    falls = scaled(chance, 0.08, 1.6) / ratios ** between(chance, 0.2, 1.2)
    hit = between(chance, 0, 0.2)

    def play(pitch: float, velocity: float, held: float, again: Chance) -> Signal:
        t = clock(min(3.0, held + 4 * float(falls[0])))
        f0 = float(frequency(pitch))
        tone = np.zeros(t.size, np.float32)
        for ratio, strength, fall in zip(ratios, strengths, falls, strict=True):
            if ratio * f0 < min(HIGHEST, span.brightest * 3):
                tone += strength * np.exp(-t / fall) * np.sin(TAU * ratio * f0 * t)
        tone[:1500] += hit * noise(again, t.size)[:1500] * np.exp(-t[:1500] / 0.004)
        return ended(panned(velocity * tone * np.minimum(t / 0.001, 1), 0.0), 0.02)

    return play


def harmony(chance: Chance) -> Play:
    """Something that plays chords or lines in the middle."""
    maker = chance.choice([0, 0, 0, 1, 1, 1, 2, 2, 3, 4])
    return (wave, pluck, modulated, blown, struck)[int(maker)](chance)


def bass(chance: Chance) -> Play:
    """Something that plays the lowest line, in the middle of the picture."""
    maker = int(chance.choice([0, 0, 0, 1, 1, 1, 2]))
    play = (wave, pluck, modulated)[maker](chance, LOW)
    spread = 0.0 if chance.random() < 0.7 else between(chance, 0, 0.6)
    sine = between(chance, 0.2, 1.0) if chance.random() < 0.35 else 0.0

    def centred(pitch: float, velocity: float, held: float, again: Chance) -> Signal:
        sound = play(pitch, velocity, held, again)
        middle = sound.mean(axis=0)
        if sine:
            t = np.arange(middle.size, dtype=np.float32) / RATE
            level = np.minimum(t / 0.004, 1) * np.exp(-np.maximum(t - held, 0) / 0.03)
            middle = middle + sine * velocity * level * np.sin(TAU * float(frequency(pitch)) * t)
        return ended((middle + spread * (sound - middle)).astype(np.float32), 0.01)

    return centred
