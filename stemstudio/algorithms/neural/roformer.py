"""Band-split RoPE transformers (BS-RoFormer, Mel-Band RoFormer) from checkpoints that you have."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.devices import chosen
from stemstudio.algorithms.neural.parameters import (
    LOADING,
    DeviceName,
    device_parameter,
    places_parameter,
    seed_parameter,
)
from stemstudio.algorithms.neural.places import separated
from stemstudio.algorithms.neural.separation import Ensemble, How, stems_named
from stemstudio.algorithms.streaming import Playhead, Streaming, at_the_start
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress, unhurried

LOADED = 0.02  # of the whole work


class RoFormer(Streaming):
    """A band-split RoPE transformer, from a checkpoint and the YAML that comes with it."""

    name: ClassVar[str] = "roformer"
    title: ClassVar[str] = "A model of yours (RoFormer)"
    summary: ClassVar[str] = (
        "BS-RoFormer and Mel-Band RoFormer: the cleanest voices and stems that there are, slowly, from a file you add."
    )
    speed: ClassVar[float] = 0.2
    context: ClassVar[float] = 4.0
    masked: ClassVar[bool] = False

    model: str = parameter(
        "",
        "Which of the models that you added, by the name of its file; empty takes the first",
        max_length=200,
    )
    stems: str = parameter(
        "",
        "Only these stems, such as “vocals”: all else stays together in the residual; empty takes all",
        max_length=200,
    )
    overlap: float = parameter(
        0.5,
        "How much of a segment its neighbours share: more is smoother, and slower",
        ge=0.0,
        le=0.95,
        advanced=True,
    )
    shifts: int = parameter(
        0,
        "How often to separate at slightly shifted times and average: slower, a little better",
        unit="times",
        ge=0,
        le=20,
        advanced=True,
    )
    segment: float = parameter(
        0.0,
        "Length of a segment, never above what the network was taught with, which 0 takes",
        unit="s",
        ge=0.0,
        le=120.0,
        advanced=True,
    )
    seed: int = seed_parameter()
    iterations: int = places_parameter()
    device: DeviceName = device_parameter()
    precision: Literal["full", "half"] = parameter(
        "full",
        "Full is exact; half is faster where the processor or the card is made for it, and differs by less than the ear can "
        "tell",
        advanced=True,
    )

    @property
    def called(self) -> str:
        asked = self.stems.strip()
        return f"{asked or 'Stems'} ({self.model})" if self.model else self.title

    def resolved(self) -> Algorithm:
        """With the model's name, where the first is to be taken."""
        from stemstudio.algorithms.neural.own_models import own_models

        first = next(iter(own_models()), "")
        return self if self.model or not first else self.model_copy(update={"model": first})

    def run(self, signal: Sound, progress: Progress, playhead: Playhead = at_the_start) -> Waveforms:
        """The network's stems as waveforms of the song's own rate, channels and length.

        References
        ----------
        Lu, Wang, Kong & Hung 2024, "Music source separation with band-split RoPE transformer"; Wang, Lu & Won 2023,
        "Mel-Band RoFormer for music source separation".
        """
        from stemstudio.algorithms.neural.own_models import load_own, own_model

        model = own_model(self.model)
        device = unhurried(lambda: chosen(self.device), progress, LOADING)
        network = unhurried(lambda: load_own(model), progress, LOADING)
        progress(LOADED, LOADING)
        ensemble = Ensemble((network,), np.ones((1, len(network.stems))))
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
