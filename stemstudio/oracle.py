"""Oracle masks: what any mask could reach at best, knowing the true stems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Audio, Samples, Sound
from stemstudio.bss_eval import bss_eval_sources
from stemstudio.distortion import Sums, within
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Score, mono
from stemstudio.progress import Progress
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

KINDS = {"binary": "Ideal binary mask", "ratio": "Ideal ratio mask", "wiener": "Ideal Wiener mask"}
BLOCK_SECONDS = 5
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
    length = max(reference.length for reference in references.values())
    truth = {name: reference.samples for name, reference in references.items()}
    sums = {kind: [Sums() for _ in truth] for kind in KINDS}
    # Their means of the channels, of all kinds at once: correlating with the true stems is then done once.
    guesses = np.zeros((len(KINDS), len(truth), length), dtype=np.float32)
    step = round(BLOCK_SECONDS * mixture.sample_rate)
    for start in range(0, length, step):
        stop = min(start + step, length)
        for row, (kind, sounds) in enumerate(masked(mixture, references, grid, start, stop, progress)):
            for each, true, sound in zip(sums[kind], truth.values(), sounds, strict=True):
                each.add(within(true, start, stop), sound)
            guesses[row, :, start:stop] = sounds.mean(axis=1)
        progress(0.6 * stop / length, "Ceilings of masks")
    sources, flat = mono(truth, length, progress), guesses.reshape(-1, length)
    figures = bss_eval_sources(sources, flat, progress=progress.part(0.6, 1))
    sdr, sir, sar = (figure.reshape(len(truth), len(KINDS), len(truth)) for figure in figures)
    found = {}
    for row, kind in enumerate(KINDS):
        found[kind] = {
            name: Score(
                sdr=float(sdr[number, row, number]),
                sir=float(sir[number, row, number]),
                sar=float(sar[number, row, number]),
                si_sdr=sums[kind][number].si_sdr,
                sdr_plain=sums[kind][number].sdr_plain,
                estimate=name,
            )
            for number, name in enumerate(references)
        }
    return found


def masked(
    mixture: Sound,
    references: Mapping[str, Audio],
    grid: StftSettings,
    start: int,
    stop: int,
    progress: Progress,
) -> Iterator[tuple[str, Samples]]:
    """What masks of each kind make of samples [start, stop) of the mixture, float32 (stems, channels, samples)."""
    result = np.zeros((len(references), mixture.channels, stop - start), dtype=np.float32)
    stop = min(stop, mixture.length)
    first, last = grid.frames_touching(start, stop, mixture.length)
    mixed = forward(mixture, grid, first=first, last=last)
    levels = np.empty((len(references), mixture.channels, last - first, grid.bins), dtype=np.float32)
    for level, reference in zip(levels, references.values(), strict=True):
        progress.check()
        np.abs(_by_frames(forward(reference, grid, first=first, last=last).values), out=level)
    for kind in KINDS:
        for number, mask in enumerate(_masks(levels, kind)):
            progress.check()
            values = _by_frames(mask * _by_frames(mixed.values))
            sheet = Spectrogram(values, grid, mixed.sample_rate, first, mixture.length)
            result[number, :, : stop - start] = inverse(sheet, start, stop)
        yield kind, result


def _by_frames(values: NDArray[Any]) -> NDArray[Any]:
    """Bins and frames the other way round: frames are whole in memory."""
    return values.swapaxes(1, 2)


def _masks(levels: NDArray[np.float32], kind: str) -> Iterator[NDArray[np.float32]]:
    """The mask of each stem, of one kind, from magnitudes: float32, as these are, or bool."""
    if kind == "binary":
        most = levels.max(axis=0)
        free = np.ones(most.shape, dtype=bool)  # where stems are alike, the first of them has it
        for level in levels:
            mask = free & (level == most)
            free &= ~mask
            yield mask
        return
    power = levels if kind == "ratio" else np.square(levels)
    share = 1 / np.maximum(power.sum(axis=0), TINY)
    for each in power:
        yield each * share
