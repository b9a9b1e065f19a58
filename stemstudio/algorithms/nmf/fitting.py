"""From a start to a fit: which updates a recipe asks for, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.informed import Start
from stemstudio.algorithms.nmf.panned import panned_updates
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.solver import Fit, multiplicative_updates
from stemstudio.algorithms.nmf.spectrum import Float, spectra
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

SHARED_SHARE = 0.3  # of the work of a panned fit, what the shared model before it takes


@dataclass(frozen=True)
class Fitting:
    """How atoms are fitted.

    Attributes
    ----------
    solver, beta, iterations
        As the recipe has them.
    penalties
        Relative to V, as `Penalties.relative_to` takes them.
    settled
        Whether the start is where an earlier run ended.
    """

    solver: Literal["fast", "multiplicative"]
    beta: float
    iterations: int
    penalties: Penalties
    settled: bool = False

    def shared(self, V: Float, start: Start, progress: Progress, watch: Callable[[Fit], None]) -> Fit:
        """One model for all channels: V (bins, frames) ≈ W H."""
        updates = multiplicative_updates
        if self.solver == "fast":
            updates = partial(fast_updates, settled=self.settled)
        return updates(
            V,
            start.templates,
            start.activations,
            beta=self.beta,
            iterations=self.iterations,
            progress=progress,
            watch=watch,
            fixed_templates=start.fixed_templates,
            fixed_activations=start.fixed_activations,
            penalties=self._weights(V, start),
        )

    def panned(
        self,
        sound: Sound,
        grid: StftSettings,
        exponent: float,
        V: Float,
        start: Start,
        progress: Progress,
        watch: Callable[[Fit], None],
    ) -> Fit:
        """One model with a pan for every atom: half the rounds for the shared model, then half for the panned one.

        The shared model finds most of what there is to find at a fraction of the price; where the start has pans
        already, or is settled, all rounds are the panned model's.
        """
        iterations, pans = self.iterations, start.pans
        channels = np.float32(sound.channels)
        if pans is None:
            if not self.settled and iterations > 1:
                half = replace(self, iterations=iterations // 2)

                def without_costs(fit: Fit) -> None:
                    # They are of one spectrum, those that follow of every channel's: no curve runs through both.
                    watch(replace(fit, costs=[], looked_at=[]))

                fit = half.shared(V, start, progress.part(0.0, SHARED_SHARE), without_costs)
                start = replace(start, templates=fit.templates, activations=fit.activations)
                progress = progress.part(SHARED_SHARE, 1.0)
                iterations -= half.iterations
            # The shared model is about the mean of the channels, and pans share out their sum.
            start = replace(start, activations=start.activations * channels)
        weights = self._weights(V, start)
        even = np.full((sound.channels, start.templates.shape[1]), 1 / channels, dtype=np.float32)
        each = spectra(sound, grid, exponent, progress.part(0.0, 0.05))
        return panned_updates(
            each,
            start.templates,
            start.activations,
            even if pans is None else pans,
            beta=self.beta,
            iterations=iterations,
            progress=progress.part(0.05, 1.0),
            watch=watch,
            fixed_templates=start.fixed_templates,
            fixed_activations=start.fixed_activations,
            fixed_pans=None if pans is None else start.fixed_templates & start.fixed_activations,
            penalties=weights and weights.for_channels(sound.channels),
            accelerated=self.solver == "fast",
        )

    def _weights(self, V: Float, start: Start) -> Penalties | None:
        if not self.penalties:
            return None
        return self.penalties.relative_to(V, start.templates.shape[1], self.beta)
