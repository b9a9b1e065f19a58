"""Studio: what happens to a stem between its player and the mix: tone, drive, echoes, rooms, levels."""

import numpy as np
from scipy.signal import fftconvolve  # noqa: TID253 - not part of the program
from sketch.sound import RATE, TAU, Chance, Signal, between, filtered, scaled


def room(chance: Chance) -> Signal:
    """The answer of a room (2, n), of unit energy a side: first reflections, then noise that grows darker."""
    length = scaled(chance, 0.15, 3.0)
    n = int(min(3.0, 1.2 * length) * RATE)
    t = np.arange(n, dtype=np.float32) / RATE
    hiss = chance.standard_normal((2, n), dtype=np.float32)
    roof = scaled(chance, 2000, 12000)
    bright = filtered(hiss, (150, roof), "bandpass", 1) * np.exp(-6.9 * t / (0.5 * length))
    dark = filtered(hiss, (120, 0.3 * roof), "bandpass", 1) * np.exp(-6.9 * t / length)
    tail = (bright + 1.2 * dark) * np.minimum(t / 0.01, 1)
    for _ in range(int(chance.integers(0, 8))):
        tail[:, int(chance.integers(200, 3000)) % n] += 8 * chance.standard_normal(2)
    gap = int(between(chance, 0, 0.05) * RATE)
    tail = np.concatenate([np.zeros((2, gap)), tail], axis=1)
    return (tail / np.linalg.norm(tail, axis=1, keepdims=True)).astype(np.float32)


def in_room(dry: Signal, answer: Signal, wet: float) -> Signal:
    """Add a room, with dry lows."""
    hall = fftconvolve(filtered(dry, 180, "highpass", 1), answer, axes=1)[:, : dry.shape[1]]
    return (dry + wet * hall).astype(np.float32)


def toned(x: Signal, chance: Chance, strength: float) -> Signal:
    """A smooth curve of some dB over the spectrum, drawn at random."""
    n = x.shape[1]
    size = 1 << (n - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    points = np.geomspace(30, 20000, 9)
    curve = np.interp(np.log(np.maximum(hertz, 1)), np.log(points), chance.normal(0, strength, 9))
    spectrum = np.fft.rfft(x, size, axis=1) * (10 ** (curve / 20)).astype(np.float32)
    return np.fft.irfft(spectrum, size, axis=1)[:, :n].astype(np.float32)


def driven(x: Signal, amount: float) -> Signal:
    """Soft clipping, louder inside by `amount`, as loud outside."""
    loud = float(np.sqrt(np.mean(x * x))) + 1e-6
    y = np.tanh(amount * x / loud)
    return (y * loud / (float(np.sqrt(np.mean(y * y))) + 1e-6)).astype(np.float32)


def echoed(x: Signal, seconds: float, back: float, wet: float) -> Signal:
    """An echo that answers itself, now left, now right."""
    result, step = x.copy(), int(seconds * RATE)
    tap, gain = filtered(x, (250, 5000), "bandpass", 1), wet
    for i in range(1, 6):
        late = step * i
        if late >= x.shape[1] or gain < 0.02:
            break
        result[:, late:] += gain * tap[:: (-1 if i % 2 else 1), : x.shape[1] - late]
        gain *= back
    return result


def chorused(x: Signal, chance: Chance) -> Signal:
    """Beside itself a copy whose delay sways."""
    n = x.shape[1]
    rate, depth = between(chance, 0.1, 1.5), between(chance, 20, 120)
    at = np.arange(n)
    result = x.copy()
    for side in (0, 1):
        late = 400 + depth * np.sin(TAU * rate * at / RATE + side * np.pi / 2)
        result[side] += 0.7 * np.interp(at - late, at, x[side])
    return 0.7 * result


def pumped(x: Signal, beat: float, depth: float, start: float) -> Signal:
    """Ducked at every beat, as by a compressor that listens to the kick."""
    since = (np.arange(x.shape[1]) / RATE - start) % beat / beat
    return (x * (1 - depth * (1 - np.clip(since / 0.5, 0, 1)) ** 2)).astype(np.float32)


def squeezed(x: Signal, chance: Chance) -> Signal:
    """A compressor: what is louder than usual is made softer."""
    hop = 256
    frames = x.shape[1] // hop
    power = (x[:, : frames * hop] ** 2).reshape(2, frames, hop).mean((0, 2))
    level = np.sqrt(np.convolve(power, np.ones(12) / 12, "same")) + 1e-5
    usual = float(np.median(level[level > 1e-4])) if (level > 1e-4).any() else 1.0
    ratio = between(chance, 0.2, 0.7)
    gain = np.minimum(1.0, (level / usual) ** -ratio)
    return (x * np.interp(np.arange(x.shape[1]), np.arange(frames) * hop, gain)).astype(np.float32)


def treated(
    x: Signal, chance: Chance, answer: Signal, *, wet: float, beat: float, drive: float = 0.15
) -> Signal:
    """A stem as it comes to the mixing desk: some of all this, at random."""
    if not x.any():
        return x
    if chance.random() < 0.5:
        x = toned(x, chance, between(chance, 1, 5))
    if chance.random() < drive:
        x = driven(x, scaled(chance, 0.3, 5))
    if chance.random() < 0.3:
        x = squeezed(x, chance)
    if chance.random() < 0.15:
        x = chorused(x, chance)
    if chance.random() < 0.2:
        x = echoed(x, beat * float(chance.choice([0.5, 0.75, 1.0, 1.5])), between(chance, 0.2, 0.6), wet)
    if chance.random() < 0.8:
        x = in_room(x, answer, between(chance, 0, wet))
    return x
