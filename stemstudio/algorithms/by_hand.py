"""By hand: nothing is estimated; the stems hold what is painted into them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Estimates, Masks
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings


class ByHand(Algorithm):
    """No parts at all: everything starts in the residual, and paint moves it to empty stems."""

    name: ClassVar[str] = "by-hand"
    title: ClassVar[str] = "By hand"
    summary: ClassVar[str] = "Starts with an empty stem; you paint into it what belongs there."
    speed: ClassVar[float] = 1e6
    masked: ClassVar[bool] = False

    def run(self, signal: Sound, progress: Progress) -> Estimates:
        progress(0.0, "Nothing to estimate")
        grid = StftSettings()
        progress(1.0)
        return Masks((), grid, np.zeros((0, grid.bins, 0), dtype=np.float16))
