"""Stand-ins for neural stems, where there are no weights: true stems made worse in ways that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from stemstudio.audio.audio import Audio
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

GRID = StftSettings(fft=4096, hop=1024)


def leaking(stems: Mapping[str, Audio], leak: float = 0.15) -> dict[str, Audio]:
    """Every stem keeps 1 − `leak` of itself and has its share of what the others lose; together they are the song."""
    share = leak / (len(stems) - 1)
    total = sum(stem.samples for stem in stems.values())
    return {
        name: Audio((1 - leak - share) * stem.samples + share * total, stem.sample_rate)
        for name, stem in stems.items()
    }


def blurred(
    stems: Mapping[str, Audio], mix: Audio, frames: int = 9, bins: int = 9, power: float = 2.0
) -> dict[str, Audio]:
    """What masks give that see the truth only blurred over some frames and bins; together they are the song."""
    from scipy.ndimage import uniform_filter

    X = forward(mix, GRID).values
    models = []
    for stem in stems.values():
        S = forward(stem, GRID).values
        loud = (np.square(S.real) + np.square(S.imag)).sum(axis=0)
        models.append(uniform_filter(loud, (bins, frames)) ** (power / 2) + 1e-12)
    whole = np.sum(models, axis=0)
    made = {}
    for name, model in zip(stems, models, strict=True):
        masked = Spectrogram((model / whole * X).astype(np.complex64), GRID, mix.sample_rate, 0, mix.length)
        made[name] = Audio(inverse(masked, 0, mix.length), mix.sample_rate)
    return made


STANDINS: Mapping[str, Callable[[Mapping[str, Audio], Audio], dict[str, Audio]]] = {
    "leaking": lambda stems, mix: leaking(stems, 0.3),
    "blurred": lambda stems, mix: blurred(stems, mix, 17, 17, 1.4),
}
