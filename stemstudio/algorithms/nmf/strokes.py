"""Strokes: what a drum's atoms are like when all that is known is when it is struck.

One spectrum cannot be a drum: its click, its body and its tail differ. So a drum has three atoms that begin together at
every stroke and die away at different rates, as NMFD's templates do, yet as free as NMF's: a stroke may be louder than
the last, or ring longer. At first, all strokes of a drum are taken to be equally loud, and only spectra are found.
Where two drums sound together once and one of them alone elsewhere, that tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]

# Seconds until the sound of each atom has fallen to 1/e; from `study_supervised.py`, by the mean over many loops.
DECAYS = {" attack": 0.02, "": 0.1, " tail": 0.4}
EQUAL_ROUNDS = 30
SILENCE = 1e-3  # what is quieter than this part of the stroke is silent, and stays so


def stroke_rows(
    onsets: Sequence[float], tolerance: float, grid: StftSettings, sample_rate: int, frames: int
) -> Float:
    """Activations of a drum's atoms, all strokes alike: float32 (atoms, frames), 1 at a stroke, zero before it.

    A stroke begins `tolerance` seconds before its place in the score, and not later than the first frame that hears
    it, half a window before.
    """
    before = max(tolerance, 0.5 * grid.fft / sample_rate)
    rate = sample_rate / grid.hop
    rows = np.zeros((len(DECAYS), frames))
    for row, decay in zip(rows, DECAYS.values(), strict=True):
        reach = -decay * np.log(SILENCE)
        for onset in onsets:
            first, last = int(np.ceil((onset - before) * rate)), int(np.floor((onset + reach) * rate)) + 1
            if last <= first:
                first = round(onset * rate)
                last = first + 1
            first, last = max(0, first), min(frames, last)
            if last > first:
                after = np.maximum(np.arange(first, last) / rate - onset, 0.0)
                row[first:last] = np.maximum(row[first:last], np.exp(-after / decay))
    return rows.astype(np.float32)
