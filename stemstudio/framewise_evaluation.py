"""How near stems come to the true ones window by window, and the median of that, as separation campaigns report it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stemstudio.distortion import within
from stemstudio.evaluation import Figures, Match, Measure, Stems, candidates
from stemstudio.progress import Progress


@dataclass(frozen=True)
class Course(Figures):
    """What one estimate reaches in the windows of a song; its own figures are their medians.

    Attributes
    ----------
    starts
        First sample of each window.
    windows
        What it reaches in each, NaN throughout where some stem is silent.
    estimate
        Name of the estimate.
    """

    starts: tuple[int, ...]
    windows: tuple[Figures, ...]
    estimate: str = ""

    @property
    def counted(self) -> int:
        """How many windows every stem sounds in."""
        return sum(not all(map(math.isnan, window.figures.values())) for window in self.windows)

    @property
    def figures(self) -> dict[str, float]:
        """The median of each figure over the windows that have one; NaN where none has."""
        medians = {}
        for name in self.windows[0].figures:
            values = np.array([window.figures[name] for window in self.windows])
            known = values[~np.isnan(values)]
            medians[name] = float(np.median(known)) if known.size else np.nan
        return medians


def framewise(
    measure: Measure,
    references: Stems,
    estimates: Stems,
    *,
    window: int,
    hop: int,
    match: Match = "name",
    progress: Progress | None = None,
) -> dict[str, Course]:
    """Score estimates against reference stems in one window after another.

    Which estimate belongs to which reference is found once for the whole song. As everywhere in the literature, a
    window counts only where every reference and every estimate sounds, an end that fills no window is left out, and a
    song too short for two windows is one.

    Parameters
    ----------
    measure
        `scores` or `image_scores`.
    references, estimates, match
        As there.
    window, hop
        Length of a window and the way to the next, in samples.
    progress
        Told how far it is.

    Returns
    -------
    dict of str to Course
        By the references' names, in their order.

    Raises
    ------
    StemStudioError
        As `measure` does.
    ValueError
        If window or hop is less than a sample.

    References
    ----------
    Vincent, Gribonval & Févotte 2006: the measures. Stöter, Liutkus & Ito 2018, "The 2018 signal separation evaluation
    campaign": their median over windows of a second; and Raffel et al. 2014, "mir_eval": which windows there are.
    """
    if window < 1 or hop < 1:
        raise ValueError(f"a window of {window} samples every {hop} is none")
    progress = progress or Progress()
    begun = 0.0
    if match == "name":
        owners = {name: name for name in candidates(references, estimates, match)}
    else:
        begun = 0.1
        whole = measure(references, estimates, match=match, progress=progress.part(0, begun))
        owners = {name: score.estimate for name, score in whole.items()}
    true = {name: references[name] for name in owners}
    guessed = {name: estimates[own] for name, own in owners.items()}

    length = max(signal.shape[-1] for signal in references.values())
    count = (length - window + hop) // hop
    if count < 2:
        count, window = 1, length
    starts = tuple(range(0, count * hop, hop))
    found: list[Mapping[str, Figures]] = []
    for number, start in enumerate(starts):
        done = [begun + (1 - begun) * each / count for each in (number, number + 1)]
        pieces = [
            {name: within(signal, start, start + window) for name, signal in stems.items()}
            for stems in (true, guessed)
        ]
        if not all(piece.any() for stems in pieces for piece in stems.values()):
            pieces = [{name: np.zeros((1, 1)) for name in owners}] * 2  # of silence no figure is known
        found.append(measure(*pieces, match="name", progress=progress.part(*done)))
    progress(1.0, "Scored")
    return {
        name: Course(starts, tuple(scored[name] for scored in found), own) for name, own in owners.items()
    }
