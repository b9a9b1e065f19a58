"""HTDemucs and its relatives: a neural network that knows drums, bass, vocals and the rest."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import numpy as np

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.devices import chosen
from stemstudio.algorithms.neural.forward import Precision
from stemstudio.algorithms.neural.parameters import (
    LOADING,
    DeviceName,
    device_parameter,
    places_parameter,
    precision_parameter,
    seed_parameter,
)
from stemstudio.algorithms.neural.places import separated
from stemstudio.algorithms.neural.separation import Ensemble, How, network_of, stems_named
from stemstudio.algorithms.neural.weights import load, weights_of
from stemstudio.algorithms.streaming import Playhead, Streaming, at_the_start
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress, unhurried

LOADED = 0.02  # of the whole work
SKETCH_EFFORT = 0.6


class HTDemucs(Streaming):
    """Hybrid transformer Demucs through the `demucs` package, on weights that are on this machine."""

    name: ClassVar[str] = "htdemucs"
    title: ClassVar[str] = "Four stems (HTDemucs)"
    summary: ClassVar[str] = (
        "A neural network that knows drums, bass, vocals and the rest; the best start for most songs."
    )
    speed: ClassVar[float] = 2.0
    context: ClassVar[float] = 4.0
    masked: ClassVar[bool] = False

    model: Literal[
        "htdemucs",
        "htdemucs_ft",
        "htdemucs_6s",
        "hdemucs_mmi",
        "mdx",
        "mdx_extra",
        "mdx_q",
        "mdx_extra_q",
        "sketch",
    ] = parameter(
        "htdemucs",
        "Which network: ft is finer and four times slower, 6s also knows guitar and piano, sketch is an instant preview that "
        "needs no download",
    )
    shifts: int = parameter(
        1,
        "How often to separate at slightly shifted times and average: slower, a little better",
        unit="times",
        ge=0,
        le=20,
    )
    overlap: float = parameter(
        0.25, "How much of a segment its neighbours share", ge=0.0, le=0.95, advanced=True
    )
    segment: float = parameter(
        0.0,
        "Length of a segment, never above the network's own; 0 takes the network's own",
        unit="s",
        ge=0.0,
        le=60.0,
        advanced=True,
    )
    seed: int = seed_parameter()
    stems: str = parameter(
        "",
        "Only these stems, such as “vocals”: all else stays together in the residual, and what no network is needed "
        "for is not computed; empty takes all",
        max_length=200,
    )
    iterations: int = places_parameter()
    device: DeviceName = device_parameter()
    precision: Precision = precision_parameter()

    @property
    def effort(self) -> float:
        """Networks times shifts; Sketch is a small one."""
        each = SKETCH_EFFORT if self.model == "sketch" else 1.0
        return each * len(MODELS[self.model].networks) * max(1, self.shifts)

    def run(self, signal: Sound, progress: Progress, playhead: Playhead = at_the_start) -> Waveforms:
        """The network's sources as waveforms of the song's own rate, channels and length."""
        model = MODELS[self.model]
        paths = weights_of(model)
        device = unhurried(lambda: chosen(self.device), progress, LOADING)
        networks = []
        for number, path in enumerate(paths):
            networks.append(network_of(unhurried(partial(load, path, model), progress, LOADING)))
            progress(LOADED * (number + 1) / len(paths), LOADING)
        weights = np.ones((len(paths), len(networks[0].stems)))
        ensemble = Ensemble(tuple(networks), np.array(model.weights) if model.weights else weights)
        how = How(
            device,
            self.overlap,
            self.shifts,
            self.seed,
            self.segment,
            self.precision,
            playhead,
        )
        wanted = stems_named(self.stems, ensemble.stems)
        return separated(signal, ensemble, wanted, how, self.iterations, progress.part(LOADED, 1.0))
