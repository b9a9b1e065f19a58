"""Atoms made by hand: a bass, a lead and drums, of which everybody knows what belongs together."""

from __future__ import annotations

import numpy as np

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Audio
from stemstudio.spectral.stft import StftSettings, forward

GRID = StftSettings()
RATE = 44100


def harmonic_template(pitch: float, partials: int = 12, decay: float = 0.7) -> np.ndarray:
    t = np.arange(GRID.fft * 4) / RATE
    wave = sum(
        decay**n * np.sin(2 * np.pi * pitch * (n + 1) * t + n)
        for n in range(partials)
        if pitch * (n + 1) < RATE / 2
    )
    return np.abs(forward(Audio(wave[None].astype(np.float32), RATE), GRID, first=6, last=7).values[0, :, 0])


def noise_template(low: float, high: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    frequencies = np.arange(GRID.bins) * RATE / GRID.fft
    return (rng.rayleigh(1.0, GRID.bins) * ((frequencies >= low) & (frequencies <= high))).astype(np.float32)


def band() -> tuple[Factorization, list[str]]:
    """Atoms of a bass, a lead and drums, shuffled, and whose they are."""
    frames = 400
    rng = np.random.default_rng(0)
    atoms = []
    for number, pitch in enumerate((41.2, 49.0, 55.0, 61.7)):
        h = np.zeros(frames)
        h[number * 100 : number * 100 + 80] = 1.0
        atoms.append(("bass", harmonic_template(pitch, 6, 0.5), h))
    for number, pitch in enumerate((880.0, 987.8, 1174.7, 1318.5)):
        h = np.convolve(rng.random(frames) > 0.97, np.hanning(30))[:frames] + 0.01 * number
        atoms.append(("lead", harmonic_template(pitch, 10, 0.8), h))
    for number in range(4):
        h = np.convolve(np.arange(frames) % (20 + 5 * number) == 0, 0.5 ** np.arange(12))[:frames]
        atoms.append(("drums", noise_template(3000 + 500 * number, 18000, number), h))
    order = rng.permutation(len(atoms))
    names = [atoms[place][0] for place in order]
    W = np.stack([atoms[place][1] / atoms[place][1].sum() for place in order], axis=1)
    H = np.stack([atoms[place][2] for place in order])
    return Factorization(W, H, GRID), names
