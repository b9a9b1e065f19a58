"""Oracle masks: what any mask could reach at best, knowing the true stems."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Audio, Samples, Sound
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Score, scores
from stemstudio.progress import Progress
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

KINDS = {"binary": "Ideal binary mask", "ratio": "Ideal ratio mask", "wiener": "Ideal Wiener mask"}
BLOCK_SECONDS = 20
TINY = np.float32(1e-20)


def ceilings(
    mixture: Sound,
    references: Mapping[str, Audio],
    grid: StftSettings | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, Score]]:
    """Scores of masks made from the true stems and laid on the mixture.

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
        `{kind: {name: score}}` for the kinds "binary" (1 where the stem is the loudest), "ratio" (|S_j| / Σ |S|) and
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
    truth = {name: reference.samples for name, reference in references.items()}
    found = {}
    for number, kind in enumerate(KINDS):
        part = progress.part(number / len(KINDS), (number + 1) / len(KINDS))
        best = masked(mixture, references, kind, grid, part.part(0, 0.4))
        found[kind] = scores(truth, best, progress=part.part(0.4, 1))
    return found


def masked(
    mixture: Sound,
    references: Mapping[str, Audio],
    kind: str,
    grid: StftSettings,
    progress: Progress,
) -> dict[str, Samples]:
    """What masks of one kind make of the mixture, float32 (channels, samples) by name; see `ceilings`."""
    sounds = {name: np.empty((mixture.channels, mixture.length), dtype=np.float32) for name in references}
    step = BLOCK_SECONDS * mixture.sample_rate
    for start in range(0, mixture.length, step):
        stop = min(start + step, mixture.length)
        first, last = grid.frames_touching(start, stop, mixture.length)
        mixed = forward(mixture, grid, first=first, last=last)
        true = [forward(reference, grid, first=first, last=last).values for reference in references.values()]
        masks = _masks(np.abs(np.stack(true)), kind)
        for sound, mask in zip(sounds.values(), masks, strict=True):
            progress.check()
            values = (mask * mixed.values).astype(np.complex64)
            sheet = Spectrogram(values, grid, mixed.sample_rate, first, mixture.length)
            sound[:, start:stop] = inverse(sheet, start, stop)
        progress(stop / mixture.length, "Ceilings of masks")
    return sounds


def _masks(levels: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Masks of one kind from magnitudes, float32 (stems, channels, bins, frames)."""
    if kind == "binary":
        loudest = levels.argmax(axis=0)
        return np.asarray(np.arange(len(levels))[:, None, None, None] == loudest, dtype=np.float32)
    power = levels if kind == "ratio" else np.square(levels)
    total = np.maximum(power.sum(axis=0), TINY)
    return np.asarray(power / total, dtype=np.float32)
