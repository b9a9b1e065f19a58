"""Open-Unmix: a small network a stem, whose answers a Wiener filter joins."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import numpy as np

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.devices import chosen
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.parameters import LOADING, DeviceName, device_parameter
from stemstudio.algorithms.neural.separation import Ensemble, How, separate, stems_named
from stemstudio.algorithms.neural.weights import load, weights_of
from stemstudio.algorithms.streaming import Playhead, Streaming, at_the_start
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress, unhurried

RATE = 44100
LOADED = 0.02  # of the whole work


class OpenUnmix(Streaming):
    """Open-Unmix with the published weights."""

    name: ClassVar[str] = "openunmix"
    title: ClassVar[str] = "Four stems, small (Open-Unmix)"
    summary: ClassVar[str] = (
        "A small neural network for vocals, drums, bass and the rest: several times quicker than HTDemucs, and less clean."
    )
    speed: ClassVar[float] = 8.0
    masked: ClassVar[bool] = False

    model: Literal["umxhq", "umxl"] = parameter(
        "umxhq", "Which weights: umxl is cleaner, and may not be used to earn money"
    )
    iterations: int = parameter(
        1,
        "How often the filter that joins the stems looks for their places between the loudspeakers: 0 leaves them as the "
        "network gives them",
        unit="rounds",
        ge=0,
        le=10,
    )
    stems: str = parameter(
        "",
        "Only these stems, such as “vocals”: all else stays together in the residual; empty takes all",
        max_length=200,
    )
    segment: float = parameter(
        30.0, "How much of the song is heard at once", unit="s", ge=5.0, le=300.0, advanced=True
    )
    overlap: float = parameter(
        0.1, "How much of a segment its neighbours share", ge=0.0, le=0.95, advanced=True
    )
    device: DeviceName = device_parameter()

    def run(self, signal: Sound, progress: Progress, playhead: Playhead = at_the_start) -> Waveforms:
        """The stems as waveforms of the song's own rate, channels and length.

        The filter needs all stems, so that all of them are computed whatever is wanted.

        References
        ----------
        Stöter, Uhlich, Liutkus & Mitsufuji 2019, "Open-Unmix – A reference implementation for music source separation".
        """
        model = MODELS[self.model]
        paths = weights_of(model)
        device = unhurried(lambda: chosen(self.device), progress, LOADING)
        from stemstudio.algorithms.neural.unmix_network import Unmix

        targets = {}
        for number, (name, path) in enumerate(zip(model.stems, paths, strict=True)):
            targets[name] = unhurried(partial(load, path, model), progress, LOADING)
            progress(LOADED * (number + 1) / len(paths), LOADING)
        network = Network(
            Unmix(targets, self.iterations).eval(),
            model.stems,
            RATE,
            2,
            self.segment,
            fixed_length=False,
            levelled=False,
        )
        ensemble = Ensemble((network,), np.ones((1, len(model.stems))))
        how = How(device, self.overlap, shifts=0, playhead=playhead)
        wanted = stems_named(self.stems, ensemble.stems)
        return separate(signal, ensemble, wanted, how, progress.part(LOADED, 1.0))
