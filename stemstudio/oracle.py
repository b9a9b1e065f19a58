"""Oracle masks: what any mask could reach at best, knowing the true stems."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Audio, Sound
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

KINDS = {"binary": "ideal binary mask", "ratio": "ideal ratio mask", "wiener": "ideal Wiener mask"}
BLOCK_SECONDS = 20
TINY = np.float32(1e-20)


def ceilings(
    mixture: Sound,
    references: Mapping[str, Audio],
    grid: StftSettings | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, float]]:
    """Plain SDR of masks made from the true stems and laid on the mixture.

    Parameters
    ----------
    mixture
        What is taken apart.
    references
        The true stems by name, of the mixture's rate, channels and (to within padding) length.
    grid
        STFT settings of the masks; 4096 / 1024 by default.
    progress
        Told how far it is.

    Returns
    -------
    dict
        `{kind: {name: dB}}` for the kinds "binary" (1 where the stem is the loudest), "ratio" (|S_j| / Σ |S|) and
        "wiener" (|S_j|² / Σ |S|²); NaN for a silent stem.

    Raises
    ------
    StemStudioError
        If a stem has another rate or other channels than the mixture.

    References
    ----------
    Vincent, Gribonval & Plumbley 2007, "Oracle estimators for the benchmarking of source separation algorithms".
    """
    grid, progress = grid or StftSettings(), progress or Progress()
    for name, reference in references.items():
        if (reference.sample_rate, reference.channels) != (mixture.sample_rate, mixture.channels):
            raise StemStudioError(
                f"“{name}” has {reference.channels} channels at {reference.sample_rate} Hz, "
                f"the song {mixture.channels} at {mixture.sample_rate} Hz.",
                "Compare with stems of the same song.",
            )
    names = list(references)
    signal = np.zeros(len(names))
    noise = {kind: np.zeros(len(names)) for kind in KINDS}
    step = BLOCK_SECONDS * mixture.sample_rate
    for start in range(0, mixture.length, step):
        stop = min(start + step, mixture.length)
        first, last = grid.frames_touching(start, stop, mixture.length)
        mixed = forward(mixture, grid, first=first, last=last)
        sheets = [forward(references[name], grid, first=first, last=last).values for name in names]
        levels = np.abs(np.stack(sheets))
        progress(0.2 * (stop / mixture.length))
        truth = [references[name].read(start, stop).astype(np.float64) for name in names]
        signal += [float(np.sum(samples**2)) for samples in truth]
        for kind in KINDS:
            for row, mask in enumerate(_masks(levels, kind)):
                progress.check()
                values = (mask * mixed.values).astype(np.complex64)
                sheet = Spectrogram(values, grid, mixed.sample_rate, first, mixture.length)
                noise[kind][row] += float(np.sum((truth[row] - inverse(sheet, start, stop)) ** 2))
        progress(stop / mixture.length, "Ceilings of masks")
    return {
        kind: {name: _decibels(s, n) for name, s, n in zip(names, signal, missed, strict=True)}
        for kind, missed in noise.items()
    }


def _masks(levels: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Masks of one kind from magnitudes, float32 (stems, channels, bins, frames)."""
    if kind == "binary":
        loudest = levels.argmax(axis=0)
        return np.asarray(np.arange(len(levels))[:, None, None, None] == loudest, dtype=np.float32)
    power = levels if kind == "ratio" else np.square(levels)
    total = np.maximum(power.sum(axis=0), TINY)
    return np.asarray(power / total, dtype=np.float32)


def _decibels(signal: float, noise: float) -> float:
    if signal <= 0:
        return math.nan
    return math.inf if noise <= 0 else 10 * math.log10(signal / noise)
