"""How near stems come to the true ones with all their channels, place included: BSSEval v3 for images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.bss_eval import bss_eval_images
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Figures, Match, Stems, candidates, pairs
from stemstudio.progress import Progress


@dataclass(frozen=True)
class ImageScore(Figures):
    """What one estimate reaches as an image, all in dB.

    Attributes
    ----------
    sdr, isr, sir, sar
        Signal to all distortion, to what is wrong with its place, to interference, to artefacts. With a single
        reference there is nothing to interfere, and `sir` is inf.
    estimate
        Name of the estimate.
    """

    sdr: float
    isr: float
    sir: float
    sar: float
    estimate: str = ""


def image_scores(
    references: Stems, estimates: Stems, *, match: Match = "name", progress: Progress | None = None
) -> dict[str, ImageScore]:
    """Score estimates against reference stems as images; lengths, mono signals and matching as in `scores`.

    Returns
    -------
    dict of str to ImageScore
        By the references' names, in their order; NaN for a silent reference or estimate.

    Raises
    ------
    StemStudioError
        If a reference has no estimate, a signal is not a number somewhere, or channels do not go together.
    """
    progress = progress or Progress()
    chosen = candidates(references, estimates, match)
    length = max(signal.shape[-1] for signal in references.values())
    channels = max(len(signal) for signal in (*references.values(), *(estimates[name] for name in chosen)))
    found = bss_eval_images(
        np.stack([_image(name, signal, channels, length) for name, signal in references.items()]),
        np.stack([_image(name, estimates[name], channels, length) for name in chosen]),
        progress=progress,
    )
    sdr, _, sir, _ = found
    result = {}
    for at in pairs(list(references), chosen, match, sdr, sir):
        own = [float(figure[at]) for figure in found]
        result[list(references)[at[0]]] = ImageScore(own[0], own[1], own[2], own[3], chosen[at[1]])
    return result


def _image(name: str, signal: NDArray[np.floating], channels: int, length: int) -> NDArray[np.float64]:
    """All channels of a stem, float64 (channels, length); a mono one in every channel."""
    if len(signal) not in (1, channels):
        raise StemStudioError(
            f"The stem “{name}” has {len(signal)} channels and others {channels}.",
            "Give all the same number of channels, or one.",
        )
    image = np.zeros((channels, length))
    image[:, : signal.shape[1]] = signal[:, :length]
    if not np.isfinite(image.sum()):
        raise StemStudioError(f"The stem “{name}” holds samples that are not numbers.", "Export it again.")
    return image
