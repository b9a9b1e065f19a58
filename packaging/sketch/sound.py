"""Sound: oscillators, envelopes and filters that the instruments of the invented songs are made of.

All signals are float32 at `RATE`; stereo is (2, samples). Chance comes from the generator passed in.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt  # noqa: TID253 - not part of the program

Signal = NDArray[np.float32]
Chance = np.random.Generator

RATE = 44100
TAU = 2 * np.pi
CYCLE = 4096
HIGHEST = 17000.0
"""Hz above which no oscillator sounds, so that none folds back."""


def frequency(pitch: float | NDArray[np.floating]) -> NDArray[np.float64]:
    """Hz of a MIDI pitch."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch, np.float64) - 69) / 12))


def clock(length: float) -> Signal:
    """Times in seconds of the samples of a sound of `length` seconds, at least one."""
    return (np.arange(max(1, int(length * RATE))) / RATE).astype(np.float32)


def between(chance: Chance, low: float, high: float) -> float:
    """A number as likely anywhere between two."""
    return float(chance.uniform(low, high))


def scaled(chance: Chance, low: float, high: float) -> float:
    """A positive number whose logarithm is as likely anywhere between two."""
    return float(np.exp(chance.uniform(np.log(low), np.log(high))))


def cycle(amplitudes: NDArray[np.floating], phases: NDArray[np.floating]) -> Signal:
    """One period of a sound of some harmonics: (CYCLE,)."""
    spectrum = np.zeros(CYCLE // 2 + 1, complex)
    count = min(len(amplitudes), CYCLE // 2 - 1)
    spectrum[1 : count + 1] = amplitudes[:count] * np.exp(1j * phases[:count])
    return (np.fft.irfft(spectrum, CYCLE) * CYCLE / 2).astype(np.float32)


def played(
    cycles: Signal, hertz: NDArray[np.floating] | float, place: Signal | float, n: int, phase: float
) -> Signal:
    """Read periods (count, CYCLE) at a pitch that may move, at a `place` between the first (0) and the last (count − 1)."""
    if np.ndim(hertz):
        turns = np.cumsum(np.asarray(hertz, np.float64)) / RATE + phase
    else:
        turns = np.arange(n) * (float(hertz) / RATE) + phase
    at = (turns % 1.0) * CYCLE
    left = at.astype(np.int32) % CYCLE
    part = (at - left).astype(np.float32)
    right = (left + 1) % CYCLE
    if len(cycles) == 1:
        only = cycles[0]
        return only[left] * (1 - part) + only[right] * part
    where = np.clip(np.broadcast_to(np.asarray(place, np.float32), (n,)), 0, len(cycles) - 1.001)
    low = where.astype(np.int32)
    share = where - low
    flat = cycles.reshape(-1)
    a = flat[low * CYCLE + left] * (1 - part) + flat[low * CYCLE + right] * part
    b = flat[(low + 1) * CYCLE + left] * (1 - part) + flat[(low + 1) * CYCLE + right] * part
    result: Signal = a + share * (b - a)
    return result


def envelope(n: int, held: float, attack: float, decay: float, sustain: float, release: float) -> Signal:
    """Rise, fall to a level, and fade once the note is let go after `held` seconds."""
    t = np.arange(n, dtype=np.float32) / RATE
    level = np.minimum(t / max(attack, 1e-4), 1) * (
        sustain + (1 - sustain) * np.exp(-np.maximum(t - attack, 0) / max(decay, 1e-3))
    )
    return (level * np.exp(-np.maximum(t - held, 0) / max(release / 3, 1e-3))).astype(np.float32)


def ended(x: Signal, length: float = 0.01) -> Signal:
    """Fade the end of a sound out, in place, so that it stops without a click."""
    n = min(x.shape[-1], max(2, int(length * RATE)))
    x[..., x.shape[-1] - n :] *= np.linspace(1, 0, n, dtype=np.float32)
    return x


def filtered(x: Signal, band: float | tuple[float, float], kind: str, order: int = 2) -> Signal:
    """Butterworth filter along the last axis."""
    return sosfilt(butter(order, band, kind, fs=RATE, output="sos"), x).astype(np.float32)


def noise(chance: Chance, n: int) -> Signal:
    """White noise of deviation 1."""
    return chance.standard_normal(n, dtype=np.float32)


def wander(chance: Chance, n: int, rate: float) -> Signal:
    """A slow smooth walk around 0, of deviation 1, that turns about `rate` times a second."""
    points = max(4, int(n / RATE * rate) + 4)
    values = chance.standard_normal(points)
    at = np.linspace(0, points - 3, n)
    first = at.astype(int)
    share = at - first
    share = share * share * (3 - 2 * share)
    return (values[first] * (1 - share) + values[first + 1] * share).astype(np.float32)


def place(track: Signal, sound: Signal, seconds: float, gain: float | Signal = 1.0) -> None:
    """Add a sound to a track at a time; what reaches beyond its ends is cut."""
    at = round(seconds * RATE)
    begin = max(0, -at)
    room = min(sound.shape[-1], track.shape[-1] - at)
    if room > begin:
        track[..., at + begin : at + room] += gain * sound[..., begin:room]


def panned(sound: Signal, pan: float) -> Signal:
    """Mono to stereo, from −1 (left) to 1 (right), with the same power everywhere."""
    angle = (pan + 1) * np.pi / 4
    return np.stack([np.cos(angle) * sound, np.sin(angle) * sound]).astype(np.float32)
