"""Kit: drums of every make, from formulas with chance in all their numbers."""

from collections.abc import Callable

import numpy as np
from sketch.sound import (
    TAU,
    Chance,
    Signal,
    between,
    clock,
    ended,
    filtered,
    noise,
    panned,
    scaled,
)

TAKES = 3
"""How many strokes of a drum differ from each other."""


def _swept(t: Signal, low: float, high: float, fall: float) -> Signal:
    return np.sin(TAU * (low * t + (high - low) * fall * (1 - np.exp(-t / fall)))).astype(np.float32)


def _kick(chance: Chance) -> Callable[[Chance], Signal]:
    low, high = scaled(chance, 36, 75), scaled(chance, 90, 600)
    fall, decay = scaled(chance, 0.008, 0.07), scaled(chance, 0.05, 0.45)
    click, bright, drive = between(chance, 0, 0.8), scaled(chance, 1500, 7000), scaled(chance, 0.3, 6)
    long = decay * 4 + 0.05

    def stroke(again: Chance) -> Signal:
        t = clock(min(long, 1.2))
        body = _swept(t, low, high * between(again, 0.95, 1.05), fall) * np.exp(-t / decay)
        hit = filtered(noise(again, t.size), (300, bright), "bandpass") * np.exp(-t / 0.005)
        return np.tanh(drive * (body * np.minimum(t / 0.001, 1) + click * hit)) / np.tanh(drive)

    return stroke


def _snare(chance: Chance) -> Callable[[Chance], Signal]:
    pitch, bend = scaled(chance, 130, 320), between(chance, 1.0, 1.7)
    shell, ring = between(chance, 0.1, 0.9), scaled(chance, 0.03, 0.18)
    floor, roof = scaled(chance, 500, 3000), scaled(chance, 6000, 16000)
    rattle, snap = scaled(chance, 0.04, 0.25), between(chance, 0.2, 1.0)
    drive = scaled(chance, 0.3, 3)

    def stroke(again: Chance) -> Signal:
        t = clock(min(0.9, 5 * max(ring, rattle)))
        tone = _swept(t, pitch, pitch * bend, 0.02) * np.exp(-t / ring)
        tone += 0.5 * _swept(t, 1.78 * pitch, 2 * pitch, 0.02) * np.exp(-t / (0.6 * ring))
        wires = filtered(noise(again, t.size), (floor, roof), "bandpass")
        wires *= np.exp(-t / rattle) + snap * np.exp(-t / 0.008)
        return np.tanh(drive * (shell * tone + wires * 0.7) * np.minimum(t / 0.0006, 1))

    return stroke


def _clap(chance: Chance) -> Callable[[Chance], Signal]:
    centre, tail = scaled(chance, 900, 2600), scaled(chance, 0.05, 0.25)
    count, gap = int(chance.integers(2, 6)), between(chance, 0.006, 0.014)

    def stroke(again: Chance) -> Signal:
        t = clock(4 * tail + 0.1)
        level = sum(
            np.exp(-np.maximum(t - i * gap, 0) / 0.006) * (t >= i * gap) * between(again, 0.6, 1)
            for i in range(count)
        )
        level = level + (t >= count * gap) * np.exp(-np.maximum(t - count * gap, 0) / tail)
        hands = filtered(noise(again, t.size), (centre * 0.6, min(16000, centre * 3)), "bandpass", 1)
        return (hands * level).astype(np.float32)

    return stroke


def _metal(
    chance: Chance, short: float, long: float, floors: tuple[float, float]
) -> Callable[[Chance], Signal]:
    """Hi-hats and cymbals: inharmonic square waves and noise."""
    plates = np.array([2011.0, 3043.0, 3691.0, 4157.0, 5399.0, 7993.0]) * scaled(chance, 0.6, 1.6)
    plates *= chance.uniform(0.9, 1.1, 6)
    ring, decay, floor = between(chance, 0, 0.35), scaled(chance, short, long), scaled(chance, *floors)
    attack = scaled(chance, 0.0004, 0.004)
    roof = between(chance, 11000, 17000)

    def stroke(again: Chance) -> Signal:
        t = clock(min(3.0, 5 * decay))
        tone = sum(np.sign(np.sin(TAU * f * t + 0.3)) for f in plates)
        wave = filtered(ring * tone + noise(again, t.size), (floor, roof), "bandpass")
        return (0.6 * wave * np.exp(-t / decay) * np.minimum(t / attack, 1)).astype(np.float32)

    return stroke


def _shaker(chance: Chance) -> Callable[[Chance], Signal]:
    floor, width = scaled(chance, 2500, 7000), scaled(chance, 0.01, 0.05)

    def stroke(again: Chance) -> Signal:
        t = clock(8 * width)
        grain = filtered(noise(again, t.size), (floor, min(16500, floor * 3)), "bandpass")
        return (grain * (t / width) * np.exp(1 - t / width) * 0.7).astype(np.float32)

    return stroke


def _tom(chance: Chance, pitch: float) -> Callable[[Chance], Signal]:
    decay, bend, stick = scaled(chance, 0.07, 0.3), between(chance, 1.1, 1.9), between(chance, 0.05, 0.5)

    def stroke(again: Chance) -> Signal:
        t = clock(5 * decay)
        skin = _swept(t, pitch, bend * pitch, 0.03) * np.exp(-t / decay)
        skin += 0.3 * _swept(t, 1.59 * pitch, 2 * pitch, 0.05) * np.exp(-t / (0.4 * decay))
        hit = filtered(noise(again, t.size), (400, 4000), "bandpass") * np.exp(-t / 0.007)
        return ((skin + stick * hit) * np.minimum(t / 0.001, 1)).astype(np.float32)

    return stroke


def _block(chance: Chance) -> Callable[[Chance], Signal]:
    """Rim shots, wood blocks, cow bells, congas: a few short resonances."""
    pitch, decay = scaled(chance, 220, 2400), scaled(chance, 0.012, 0.09)
    ratios = np.array([1.0, between(chance, 1.3, 1.7), between(chance, 2.1, 2.9)])

    def stroke(again: Chance) -> Signal:
        t = clock(6 * decay)
        tone = sum(np.sin(TAU * pitch * r * t) * np.exp(-t * r / decay) / r for r in ratios)
        hit = filtered(noise(again, t.size), (600, 9000), "bandpass") * np.exp(-t / 0.003)
        return ((tone + 0.4 * hit) * np.minimum(t / 0.0005, 1)).astype(np.float32)

    return stroke


def kit(chance: Chance) -> dict[str, list[Signal]]:
    """A drum kit: for each drum some strokes (2, n), where it stands and as loud as it is."""
    low = scaled(chance, 70, 110)
    makers: dict[str, tuple[Callable[[Chance], Signal], float, float]] = {
        "kick": (_kick(chance), between(chance, 0.7, 1.1), 0.0),
        "snare": (
            _clap(chance) if chance.random() < 0.2 else _snare(chance),
            between(chance, 0.4, 0.9),
            between(chance, -0.1, 0.1),
        ),
        "clap": (_clap(chance), between(chance, 0.3, 0.7), between(chance, -0.2, 0.2)),
        "hat": (
            _metal(chance, 0.008, 0.05, (3500, 9500)),
            between(chance, 0.15, 0.5),
            between(chance, -0.5, 0.5),
        ),
        "open": (
            _metal(chance, 0.07, 0.3, (3500, 9000)),
            between(chance, 0.15, 0.45),
            between(chance, -0.5, 0.5),
        ),
        "ride": (
            _metal(chance, 0.15, 0.6, (2500, 6000)),
            between(chance, 0.1, 0.3),
            between(chance, -0.6, 0.6),
        ),
        "crash": (
            _metal(chance, 0.3, 0.9, (1500, 5000)),
            between(chance, 0.25, 0.6),
            between(chance, -0.6, 0.6),
        ),
        "shaker": (_shaker(chance), between(chance, 0.1, 0.35), between(chance, -0.7, 0.7)),
        "block": (_block(chance), between(chance, 0.15, 0.5), between(chance, -0.7, 0.7)),
        "low": (_tom(chance, low), between(chance, 0.5, 0.9), between(chance, -0.6, 0.0)),
        "mid": (_tom(chance, low * 1.45), between(chance, 0.5, 0.9), between(chance, -0.3, 0.3)),
        "high": (_tom(chance, low * 2.0), between(chance, 0.4, 0.8), between(chance, 0.0, 0.6)),
    }
    return {
        name: [panned(ended(gain * stroke(chance)), pan) for _ in range(TAKES)]
        for name, (stroke, gain, pan) in makers.items()
    }
