"""How near stems come to the true ones with all their channels, place included: BSSEval v3 for images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemstudio.bss_eval import bss_eval_images
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Figures, Match, best_pairs, candidates, read_folders
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
    references: Mapping[str, NDArray[np.floating]],
    estimates: Mapping[str, NDArray[np.floating]],
    *,
    match: Match = "name",
    progress: Progress | None = None,
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
    channels = max(len(signal) for signal in (*references.values(), *estimates.values()))
    found = bss_eval_images(
        np.stack([_image(name, signal, channels, length) for name, signal in references.items()]),
        np.stack([_image(name, estimates[name], channels, length) for name in chosen]),
        progress=progress,
    )
    sdr, _, sir, _ = found
    columns = best_pairs(sir if len(references) > 1 else sdr, {}) if match == "best" else None
    result = {}
    for row, name in enumerate(references):
        column = row if columns is None else columns[row]
        own = [float(figure[row, column]) for figure in found]
        result[name] = ImageScore(own[0], own[1], own[2], own[3], chosen[column])
    return result


def evaluate_images(
    reference: Path, estimate: Path, *, match: Match = "name", progress: Progress | None = None
) -> dict[str, ImageScore]:
    """Score the stems in one folder against those in another as images; see `image_scores` and `read_folder`."""
    progress = progress or Progress()
    references, estimates = read_folders(reference, estimate, progress=progress.part(0, 0.4))
    return image_scores(
        {name: audio.samples for name, audio in references.items()},
        {name: audio.samples for name, audio in estimates.items()},
        match=match,
        progress=progress.part(0.4, 1),
    )


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
