"""How near stems come to the true ones: SDR, SIR, SAR (BSSEval v3), SI-SDR and plain SDR."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from stemstudio.bss_eval import bss_eval_sources
from stemstudio.distortion import Sums, within
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress

Match = Literal["name", "best", "either"]
Stems = Mapping[str, NDArray[np.floating]]

_BLOCK = 1 << 18  # samples taken at a time


class Figures:
    """What one estimate reaches, all in dB; NaN where a figure has no meaning, inf where nothing is wrong.

    Attributes
    ----------
    estimate
        Name of the estimate.
    """

    estimate: str

    @property
    def figures(self) -> dict[str, float]:
        """The figures by name."""
        return {name: value for name, value in vars(self).items() if name != "estimate"}

    def as_json(self) -> dict[str, float | None]:
        """Return the figures by name, None for those that JSON has no number for (NaN and infinity)."""
        return {name: value if math.isfinite(value) else None for name, value in self.figures.items()}


class Measure(Protocol):
    """Scores by the references' names: `scores`, or `image_scores`."""

    def __call__(
        self, references: Stems, estimates: Stems, *, match: Match, progress: Progress
    ) -> Mapping[str, Figures]: ...


@dataclass(frozen=True)
class Score(Figures):
    """What one estimate reaches, all in dB; NaN where a figure has no meaning, inf where nothing is wrong.

    Attributes
    ----------
    sdr, sir, sar
        BSSEval v3 for sources, on the mean of the channels: signal to distortion, to interference, to artefacts.
        With a single reference there is nothing to interfere, and `sir` is inf.
    si_sdr
        Scale-invariant SDR over all channels.
    sdr_plain
        10 log₁₀ |s|² / |s − ŝ|² over all channels.
    estimate
        Name of the estimate.
    """

    sdr: float
    sir: float
    sar: float
    si_sdr: float
    sdr_plain: float
    estimate: str = ""


def scores(
    references: Stems, estimates: Stems, *, match: Match = "name", progress: Progress | None = None
) -> dict[str, Score]:
    """Score estimates against reference stems.

    Everything is cut, or padded with silence, to the length of the longest reference, so that a codec's extra
    samples cost nothing and missing ones count as silence. A mono signal counts as the same in every channel of its
    counterpart.

    Parameters
    ----------
    references, estimates : mapping of str to ndarray, shape (channels, samples)
        Stems by name, at one sample rate. There may be more estimates than references.
    match : {"name", "best", "either"}
        Which estimate belongs to a reference: the one of its name, or the one in the permutation with the highest
        mean SIR (the highest mean SDR where there is a single reference). "either" takes those of the same name,
        in whatever case, and shares the rest out as "best" does; what finds no estimate is left out.
    progress : Progress, optional
        Told how far it is.

    Returns
    -------
    dict of str to Score
        By the references' names, in their order. A silent reference scores NaN throughout; a silent estimate scores
        0 dB of plain SDR and NaN else.

    Raises
    ------
    StemStudioError
        If a reference has no estimate, a signal is not a number somewhere, or channels do not go together.

    References
    ----------
    Le Roux, Wisdom, Erdogan & Hershey 2019, "SDR – half-baked or well done?".
    """
    progress = progress or Progress()
    chosen = candidates(references, estimates, match)
    if not chosen:
        return {}
    length = max(signal.shape[-1] for signal in references.values())
    sources = mono(references, length, progress)
    guesses = mono({name: estimates[name] for name in chosen}, length, progress)
    sdr, sir, sar = bss_eval_sources(sources, guesses, progress=progress.part(0, 0.9))
    result = {}
    for at in pairs(list(references), chosen, match, sdr, sir):
        name, estimate = list(references)[at[0]], chosen[at[1]]
        direct = _direct(name, references[name], estimates[estimate], length, progress)
        figures = float(sdr[at]), float(sir[at]), float(sar[at]), direct.si_sdr, direct.sdr_plain
        result[name] = Score(*figures, estimate)
    progress(1.0, "Scored")
    return result


def candidates(references: Mapping[str, object], estimates: Mapping[str, object], match: Match) -> list[str]:
    """Names of the estimates to look at; for a match by name, one for each reference in order."""
    if not references:
        raise StemStudioError("There are no reference stems to score against.")
    if match == "name":
        missing = [name for name in references if name not in estimates]
        if missing:
            listed = ", ".join(f"“{name}”" for name in missing)
            raise StemStudioError(
                f"There is no estimate of {listed}; there are {', '.join(estimates) or 'none at all'}.",
                "Name the estimates like the references, or match them by what sounds nearest: --match best on the command line.",
            )
        return list(references)
    if match == "best" and len(estimates) < len(references):
        raise StemStudioError(
            f"There are {len(references)} reference stems and only {len(estimates)} estimates.",
            "Give an estimate for every reference.",
        )
    return list(estimates)


def mono(stems: Stems, length: int, progress: Progress) -> NDArray[np.float64]:
    """The mean of each stem's channels, float64 (stems, length), with silence after its end."""
    means = np.zeros((len(stems), length))
    for mean, (name, signal) in zip(means, stems.items(), strict=True):
        if signal.ndim != 2 or not signal.shape[0]:
            raise ValueError(f"{name} must be (channels, samples), not {signal.shape}")
        for channel in signal:
            progress.check()
            mean[: signal.shape[1]] += channel[:length]
        progress.check()
        mean /= len(signal)
        if not np.isfinite(mean.sum()):
            raise StemStudioError(
                f"The stem “{name}” holds samples that are not numbers.", "Export it again."
            )
    return means


def _direct(
    name: str,
    reference: NDArray[np.floating],
    estimate: NDArray[np.floating],
    length: int,
    progress: Progress,
) -> Sums:
    """The sums of SI-SDR and plain SDR over all channels."""
    channels = {reference.shape[0], estimate.shape[0]} - {1}
    if len(channels) > 1:
        raise StemStudioError(
            f"“{name}” has {reference.shape[0]} channels as a reference and {estimate.shape[0]} as an estimate.",
            "Give both the same number of channels, or one.",
        )
    sums = Sums()
    for start in range(0, length, _BLOCK):
        progress.check()
        stop = min(start + _BLOCK, length)
        sums.add(within(reference, start, stop), within(estimate, start, stop))
    return sums


def pairs(
    references: list[str],
    chosen: list[str],
    match: Match,
    sdr: NDArray[np.float64],
    sir: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Which estimate is whose: rows and columns of the figures (references, estimates), in the references' order."""
    if match == "name":
        return [(row, row) for row in range(len(references))]
    fixed = _same_names(references, chosen) if match == "either" else {}
    return sorted(_best_pairs(sir if len(references) > 1 else sdr, fixed).items())


def _same_names(references: list[str], estimates: list[str]) -> dict[int, int]:
    """Number of the estimate by that of the reference of the same name, in whatever case."""
    known = {name.strip().casefold(): column for column, name in enumerate(estimates)}
    names = [name.strip().casefold() for name in references]
    return {row: known[name] for row, name in enumerate(names) if name in known}


def _best_pairs(sir: NDArray[np.float64], fixed: Mapping[int, int]) -> dict[int, int]:
    """The estimate of every reference in the assignment with the highest sum; `fixed` are decided."""
    from scipy.optimize import linear_sum_assignment

    # beyond ±1000 dB a figure says no more than "perfect" or "nothing of it"; undefined is worst
    gain = np.clip(np.nan_to_num(sir, nan=-2000.0, posinf=1000.0, neginf=-1000.0), -2000.0, 1000.0)
    rows = [row for row in range(gain.shape[0]) if row not in fixed]
    columns = [column for column in range(gain.shape[1]) if column not in fixed.values()]
    pairs = zip(*linear_sum_assignment(gain[np.ix_(rows, columns)], maximize=True), strict=True)
    return {**fixed, **{rows[row]: columns[column] for row, column in pairs}}
