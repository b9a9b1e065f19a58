"""How the demo song sounds: drums, bass, electric piano, pad and a singing voice, made from formulas alone.

Every function returns float64 samples at `RATE` and uses only what it is given, so a note sounds the same wherever
and whenever it is rendered. Noise comes from the generator passed in.
"""

from collections.abc import Callable

import numpy as np
from demo_song.score import Syllable
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt  # noqa: TID253 - not part of the program

Signal = NDArray[np.float64]

RATE = 44100
_TAU = 2 * np.pi


def frequency(pitch: float | Signal) -> Signal:
    """Hz of a MIDI pitch."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch) - 69) / 12))


def filtered(x: Signal, band: float | tuple[float, float], kind: str, order: int = 2) -> Signal:
    """Butterworth filter along the last axis."""
    return np.asarray(sosfilt(butter(order, band, kind, fs=RATE, output="sos"), x))


def _seconds(length: float) -> Signal:
    return np.arange(int(length * RATE)) / RATE


def _ended(x: Signal, seconds: float) -> Signal:
    """Fade the last `seconds` of a note out, so that it stops without a click."""
    n = min(x.size, int(seconds * RATE))
    x[x.size - n :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, n + 1) / n)
    return x


def _swept(t: Signal, low: float, high: float, fall: float) -> Signal:
    """Sine whose pitch drops from `high` to `low` Hz with the time constant `fall`."""
    return np.sin(_TAU * (low * t + (high - low) * fall * (1 - np.exp(-t / fall))))


def kick(velocity: float, rng: np.random.Generator) -> Signal:
    """Bass drum: a falling sine and a soft beater."""
    t = _seconds(0.36)
    body = _swept(t, 50.0, 165.0 + 60 * velocity, 0.028) * np.exp(-t / 0.10) * np.minimum(t / 0.0012, 1)
    beater = filtered(rng.standard_normal(t.size), (900, 3200), "bandpass") * np.exp(-t / 0.0045)
    return _ended(velocity * (body + 0.30 * velocity * beater), 0.05)


def snare(velocity: float, rng: np.random.Generator) -> Signal:
    """Snare drum: two shell modes and the rattle of the wires; soft strokes are darker."""
    t = _seconds(0.30)
    shell = _swept(t, 188.0, 260.0, 0.02) * np.exp(-t / 0.07)
    shell += 0.5 * _swept(t, 336.0, 380.0, 0.02) * np.exp(-t / 0.04)
    wires = filtered(rng.standard_normal(t.size), (1400, 4500 + 5500 * velocity), "bandpass")
    wires *= 0.75 * np.exp(-t / (0.035 + 0.055 * velocity)) + 0.5 * np.exp(-t / 0.008)
    return _ended(velocity**1.2 * (0.55 * shell + 0.85 * wires) * np.minimum(t / 0.0006, 1), 0.04)


def _metal(t: Signal, rng: np.random.Generator, floor: float) -> Signal:
    """Cymbal: six inharmonic square waves and noise, above `floor` Hz."""
    plates = (2011.0, 3043.0, 3691.0, 4157.0, 5399.0, 7993.0)
    ring = sum(np.sign(np.sin(_TAU * f * t + 0.3)) for f in plates)
    return filtered(0.083 * ring + 0.6 * rng.standard_normal(t.size), (floor, 15500.0), "bandpass")


def hat(velocity: float, rng: np.random.Generator) -> Signal:
    """Closed hi-hat."""
    t = _seconds(0.09)
    return _ended(0.5 * velocity * _metal(t, rng, 7200) * np.exp(-t / (0.010 + 0.014 * velocity)), 0.03)


def open_hat(velocity: float, rng: np.random.Generator) -> Signal:
    """Open hi-hat."""
    t = _seconds(0.30)
    return _ended(0.45 * velocity * _metal(t, rng, 6600) * np.exp(-t / 0.12), 0.06)


def crash(velocity: float, rng: np.random.Generator) -> Signal:
    """Crash cymbal."""
    t = _seconds(1.9)
    return _ended(0.42 * velocity * _metal(t, rng, 3600) * np.exp(-t / 0.42) * np.minimum(t / 0.003, 1), 0.4)


def tom(velocity: float, rng: np.random.Generator, pitch: float) -> Signal:
    """Tom of `pitch` Hz."""
    t = _seconds(0.5)
    skin = _swept(t, pitch, 1.6 * pitch, 0.03) * np.exp(-t / 0.14)
    skin += 0.3 * _swept(t, 1.6 * pitch, 2 * pitch, 0.02) * np.exp(-t / 0.05)
    stick = filtered(rng.standard_normal(t.size), (500, 3500), "bandpass") * np.exp(-t / 0.008)
    return _ended(velocity * (0.9 * skin + 0.25 * stick) * np.minimum(t / 0.001, 1), 0.08)


KIT: dict[str, tuple[Callable[..., Signal], float, float, dict[str, float]]] = {
    "kick": (kick, 1.0, 0.0, {}),
    "snare": (snare, 0.85, -0.05, {}),
    "hat": (hat, 0.50, 0.35, {}),
    "open": (open_hat, 0.50, 0.35, {}),
    "crash": (crash, 0.60, -0.45, {}),
    "high": (tom, 0.65, 0.40, {"pitch": 175.0}),
    "mid": (tom, 0.70, 0.0, {"pitch": 128.0}),
    "floor": (tom, 0.80, -0.40, {"pitch": 88.0}),
}
"""Drum name: (sound, level, pan from -1 left to 1 right, further arguments)."""


def bass(pitch: int, velocity: float, held: float) -> Signal:
    """Plucked bass string of `held` seconds: partials of a string plucked at a fifth of its length, high ones die first."""
    t = _seconds(held + 0.09)
    f0 = float(frequency(pitch))
    tone = np.zeros(t.size)
    for k in range(1, 25):
        f = k * f0 * np.sqrt(1 + 1.2e-4 * k * k)
        strength = np.sin(np.pi * k * 0.2) / k * np.exp(-k / (3.0 + 7.0 * velocity))
        tone += strength * np.exp(-t * (0.9 + 0.35 * k)) * np.sin(_TAU * f * t)
    return _ended(velocity * np.tanh(1.6 * tone) * np.minimum(t / 0.004, 1), 0.08)


def electric_piano(pitch: int, velocity: float, held: float) -> Signal:
    """Frequency-modulated electric piano, stereo (2, n): body and tine, the two sides detuned by a few cents."""
    t = _seconds(held + 0.22)
    f0 = float(frequency(pitch))
    decay = np.exp(-t / (1.9 * (262.0 / f0) ** 0.4)) * np.minimum(t / 0.003, 1)
    sides = []
    for cents in (-3.5, 3.5):
        f = f0 * 2 ** (cents / 1200)
        index = (0.35 + 1.5 * velocity) * np.exp(-t / 0.55)
        body = np.sin(_TAU * f * t + index * np.sin(_TAU * f * t))
        tine = np.sin(_TAU * f * t + 0.9 * velocity * np.exp(-t / 0.10) * np.sin(_TAU * 13.98 * f * t))
        sides.append(_ended(velocity * decay * (0.75 * body + 0.35 * tine), 0.20))
    return np.stack(sides)


_PAD_CYCLE = sum(np.sin(_TAU * k * np.arange(4097) / 4096) / k**1.6 for k in range(1, 11))


def pad(pitch: int, held: float) -> Signal:
    """Soft strings, stereo (2, n): two slightly detuned waves a side, slow to come and to go."""
    t = _seconds(held + 0.5)
    f0 = float(frequency(pitch))
    swell = np.minimum(t / 0.45, 1) ** 1.5 * np.clip((held + 0.5 - t) / 0.5, 0, 1)
    sides = []
    for detune in ((-7.0, 2.5), (-2.0, 7.5)):
        waves = (f0 * 2 ** (cents / 1200) * t + 0.13 * cents for cents in detune)
        sides.append(swell * sum(np.interp(w % 1.0 * 4096, np.arange(4097), _PAD_CYCLE) for w in waves))
    return np.stack(sides)


# Formants as (Hz, dB, bandwidth in Hz), after the usual tables for an alto, with brighter upper formants.
_VOWELS = {
    "a": ((800, 0, 110), (1180, -4, 130), (2850, -15, 190), (3800, -20, 230), (4950, -32, 300)),
    "e": ((430, 0, 90), (1700, -12, 130), (2700, -16, 190), (3500, -22, 230), (4950, -34, 300)),
    "o": ((470, 0, 100), (860, -5, 120), (2800, -20, 190), (3700, -25, 230), (4950, -38, 300)),
    "u": ((340, 0, 90), (740, -9, 110), (2550, -26, 190), (3500, -30, 230), (4950, -42, 300)),
    "closed": ((260, -6, 90), (1150, -24, 180), (2500, -32, 220), (3400, -38, 260), (4950, -50, 300)),
}
# How a syllable opens: (seconds of closure, level while closed, noise of the release).
_ONSETS = {"": (0.0, 1.0, 0.0), "l": (0.05, 0.40, 0.0), "n": (0.06, 0.30, 0.0), "m": (0.07, 0.30, 0.0)}
_ONSETS |= {"d": (0.035, 0.08, 0.5), "h": (0.03, 0.20, 0.25)}
_CONTROL = 64
"""Samples between two settings of the voice's formants."""


def voice(notes: list[Syllable], beat: float, n: int, rng: np.random.Generator) -> Signal:
    """Sing `notes` into `n` samples, `beat` seconds a beat.

    A harmonic source whose partials are weighted by five moving formants; pitch glides from note to note, vibrato
    grows on held notes, slow wander keeps it alive, breath noise follows the level.
    """
    steps = np.arange(0, n + _CONTROL, _CONTROL) / RATE
    pitch = np.full(steps.size, float(notes[0].pitch))
    level, breath = np.zeros(steps.size), np.zeros(steps.size)
    shape = np.tile(np.array(_VOWELS["closed"], float), (steps.size, 1, 1))
    sung_to, previous = -1.0, notes[0].pitch - 2.0
    for note in notes:
        start, end = note.beat * beat, (note.beat + note.length) * beat
        if start >= steps[-1]:
            break
        legato = start - sung_to < 0.02
        closure, closed_level, burst = _ONSETS[note.onset]
        here = steps >= start
        since = steps[here] - start
        glide_from, glide = (previous, 0.045) if legato else (note.pitch - 1.2, 0.035)
        vibrato = 0.42 * np.clip((since - 0.16) / 0.28, 0, 1) * np.sin(_TAU * 5.4 * since)
        pitch[here] = note.pitch + (glide_from - note.pitch) * np.exp(-((since / glide) ** 1.5)) + vibrato
        opening = np.clip((since - 0.5 * closure) / (0.03 + closure), 0, 1)[:, None, None]
        vowel, closed = np.array(_VOWELS[note.vowel], float), np.array(_VOWELS["closed"], float)
        begins = shape[here][0] if legato and not note.onset else closed
        shape[here] = begins + (vowel - begins) * opening
        open_level = closed_level + (1 - closed_level) * opening[:, 0, 0]
        attack = 1.0 if legato else np.clip(since / 0.05, 0, 1)
        held = end - start
        fade = np.clip((held + 0.09 - since) / 0.12, 0, 1) ** 1.5
        level[here] = open_level * attack * fade * (1 - 0.18 * np.clip(since / 1.5, 0, 1))
        breath[here] = 0.06 * level[here] + burst * np.exp(-(((since - closure) / 0.012) ** 2))
        sung_to, previous = end, float(note.pitch)
    wander = (
        0.05 * np.sin(_TAU * 1.31 * steps)
        + 0.04 * np.sin(_TAU * 3.73 * steps + 1)
        + 0.03 * np.sin(_TAU * 9.1 * steps)
    )
    f0 = frequency(pitch + wander)
    level *= 1 + 0.05 * np.sin(_TAU * 4.9 * steps + 2)
    level, shape = _eased(level, 0.007), _eased(shape, 0.010)

    at = np.arange(n) / _CONTROL
    control = np.arange(steps.size)
    phase = _TAU * np.cumsum(np.interp(at, control, f0)) / RATE
    # a singer raises the first formant with the pitch, or high notes would lose their fundamental
    centre = shape[:, :, 0].copy()
    centre[:, 0] = np.maximum(centre[:, 0], f0)
    sung = np.zeros(n)
    for k in range(1, 41):
        f = k * f0
        gain = (
            10 ** (shape[:, :, 1] / 20)
            / np.sqrt(1 + (2 * (f[:, None] - centre) / (1.6 * shape[:, :, 2])) ** 2)
        ).sum(1)
        gain *= (1 + (f / 900) ** 2) ** -0.25 * np.clip((13000 - f) / 2000, 0, 1)
        sung += np.interp(at, control, gain * level) * np.sin(k * phase + 0.7 * k * k)
    air = filtered(rng.standard_normal(n), (2200, 8500), "bandpass", 1)
    return sung + 0.12 * air * np.interp(at, control, breath)


def _eased(control: Signal, seconds: float) -> Signal:
    """Let a control follow its steps with a time constant, as a mouth does; steps would click."""
    keep = float(np.exp(-_CONTROL / RATE / seconds))
    begin = keep * control[:1]
    return np.asarray(lfilter([1 - keep], [1, -keep], control, axis=0, zi=begin)[0])


def room(seconds: float, rng: np.random.Generator) -> Signal:
    """Impulse response of a small hall, stereo (2, n), of unit energy a side: decaying noise, darker as it decays."""
    t = _seconds(1.4 * seconds)
    noise = rng.standard_normal((2, t.size))
    bright, dark = filtered(noise, (300, 7000), "bandpass", 1), filtered(noise, (250, 2200), "bandpass", 1)
    tail = bright * np.exp(-6.9 * t / (0.6 * seconds)) + 1.3 * dark * np.exp(-6.9 * t / seconds)
    tail *= np.minimum(t / 0.012, 1) * np.clip((t[-1] - t) / (0.3 * seconds), 0, 1)
    tail = np.concatenate([np.zeros((2, int(0.016 * RATE))), tail], axis=1)
    return np.asarray(tail / np.linalg.norm(tail, axis=1, keepdims=True))


def in_room(dry: Signal, response: Signal, wet: float) -> Signal:
    """Add the room to a stereo signal (2, n); the lows stay dry."""
    hall = fftconvolve(filtered(dry, 220, "highpass", 1), response, axes=1)
    return np.asarray(dry + wet * hall[:, : dry.shape[1]])
