"""Template sets: the spectra of one sound, learned once and of use in any song, whatever its sample rate or grid."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import frozen
from stemstudio.errors import StemStudioError
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
Wide = NDArray[np.float64]

MOST_ATOMS = 64
LONGEST_WORDS = 80  # of a name, an instrument
LONGEST_SOURCE = 300
PREVIEW_SECONDS = 3.0
HIGHEST_RATE = 768_000


class BadTemplate(StemStudioError):
    """A template set that cannot be what it says it is."""


@dataclass(frozen=True, eq=False)
class TemplateSet:
    """What one sound looks like: its templates, and a moment of it to hear.

    Attributes
    ----------
    name
        What its atoms and its stem are called.
    instrument
        A word for what it is; may be empty.
    templates
        W, float32 (bins, atoms), ≥ 0, every column summing to 1, the loudest atom first; read-only.
    grid
        STFT settings it was learned with.
    sample_rate
        Of the sound it was learned from, in Hz.
    exponent
        p of |X|^p, of which the columns are the shapes.
    preview
        float32 (samples,) at `sample_rate`, at most 3 s; may be empty; read-only.
    source
        Where it was learned, in words: the song and the seconds.
    learned
        The day, as 2026-11-27; may be empty.

    Raises
    ------
    BadTemplate
        With the reason, where something is out of its range.
    """

    name: str
    instrument: str
    templates: Float
    grid: StftSettings
    sample_rate: int
    exponent: float
    preview: Float
    source: str = ""
    learned: str = ""

    def __post_init__(self) -> None:
        reason = self._fault()
        if reason:
            raise BadTemplate(f"The template “{self.name[:LONGEST_WORDS]}” cannot be used: {reason}.")
        object.__setattr__(self, "name", checked_name(self.name))
        sums = self.templates.sum(axis=0, dtype=np.float64)
        object.__setattr__(self, "templates", frozen((self.templates / sums).astype(np.float32)))
        object.__setattr__(self, "preview", frozen(np.asarray(self.preview, dtype=np.float32)))

    @property
    def atoms(self) -> int:
        return int(self.templates.shape[1])

    @property
    def atom_names(self) -> tuple[str, ...]:
        """“Kick” for a single atom, otherwise “Kick 1”, “Kick 2” …"""
        if self.atoms == 1:
            return (self.name,)
        return tuple(f"{self.name} {number + 1}" for number in range(self.atoms))

    def on(self, grid: StftSettings, sample_rate: int, exponent: float) -> Float:
        """The templates as a song of another grid, sample rate or exponent sees them: float32 (bins, atoms)."""
        return converted(
            self.templates, (self.grid, self.sample_rate, self.exponent), (grid, sample_rate, exponent)
        )

    def _fault(self) -> str:
        W, preview = self.templates, self.preview
        if W.ndim != 2 or W.shape[0] != self.grid.bins:
            return f"its spectra {W.shape} do not fit {self.grid.bins} bins"
        if not 1 <= W.shape[1] <= MOST_ATOMS:
            return f"it has {W.shape[1]} atoms, and there can be 1 to {MOST_ATOMS}"
        if not (np.isfinite(W).all() and (W >= 0).all() and float(W.max()) < 1e30):
            return "its spectra hold values that no spectrum has"
        if not (W.sum(axis=0, dtype=np.float64) > 1e-30).all():
            return "one of its atoms is empty"
        if not 1 <= self.sample_rate <= HIGHEST_RATE:
            return f"its sample rate is {self.sample_rate} Hz"
        if not 0.1 <= self.exponent <= 2.0:
            return f"its exponent is {self.exponent:g}"
        if preview.ndim != 1 or preview.size > PREVIEW_SECONDS * self.sample_rate + 1:
            return "its preview is too long"
        if not np.isfinite(preview).all() or float(np.abs(preview).max(initial=0.0)) > 100.0:
            return "its preview is no sound"
        return ""


def checked_name(name: str) -> str:
    """The name without what surrounds it; `BadTemplate` for one that cannot stand in a list of names."""
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if not name:
        raise BadTemplate("A template needs a name.")
    if len(name) > LONGEST_WORDS:
        raise BadTemplate(f"“{name[:20]}…” is too long for a name: {LONGEST_WORDS} letters are the most.")
    odd = [sign for sign in name if sign in ",/\\" or unicodedata.category(sign).startswith("C")]
    if odd:
        raise BadTemplate(
            f"“{name}” cannot be a template's name because of “{odd[0]}”.",
            "Leave out commas, slashes and signs that cannot be seen.",
        )
    return name


def converted(
    templates: Float,
    source: tuple[StftSettings, int, float],
    target: tuple[StftSettings, int, float],
) -> Float:
    """Spectra learned on one grid, at one sample rate and exponent, as they look on another.

    A spectrum is a density over frequency, known at every bin's centre and taken to be straight in between. A bin of
    the target sees its mean power over a bin's width (the wider of both grids'), so that a partial between two bins
    of a coarser grid is not lost; the same grid gives the same spectrum. What is above the highest frequency that
    the source knows goes on as it ended.

    Parameters
    ----------
    templates
        float32 (bins, atoms), ≥ 0.
    source, target
        Grid, sample rate in Hz and exponent of V, of both.

    Returns
    -------
    ndarray
        float32 (bins of the target, atoms), every column summing to 1.
    """
    old_grid, old_rate, old_exponent = source
    grid, rate, exponent = target
    if (old_grid.fft, old_rate, old_exponent) == (grid.fft, rate, exponent):
        return templates
    old_step, step = old_rate / old_grid.fft, rate / grid.fft
    power: Wide = np.power(templates.astype(np.float64), 2.0 / old_exponent)
    if old_step != step:
        power = _means(power, old_step, np.arange(grid.bins, dtype=np.float64) * step, max(step, old_step))
    elif len(power) < grid.bins:
        power = np.concatenate([power, np.repeat(power[-1:], grid.bins - len(power), axis=0)])
    found = np.power(power[: grid.bins], exponent / 2.0)
    sums = found.sum(axis=0)
    # Nothing of it may be left below a much lower sample rate: flat, then, which claims nothing in particular.
    found = np.where(sums > 0, found / np.where(sums > 0, sums, 1.0), 1.0 / grid.bins)
    return found.astype(np.float32)


def _means(power: Wide, step: float, at: Wide, width: float) -> Wide:
    """Mean over [f − width/2, f + width/2] of what runs straight between values `step` apart, from 0 Hz on."""
    half = width / 2
    low, high = np.maximum(at - half, 0.0), at + half
    total = np.zeros_like(power)
    total[1:] = np.cumsum(0.5 * (power[1:] + power[:-1]), axis=0) * step

    def integral(f: Wide) -> Wide:
        place = np.minimum(f / step, len(power) - 1)
        left = np.minimum(place.astype(np.intp), len(power) - 2)
        share = (place - left)[:, None]
        slope = power[left + 1] - power[left]
        inside = total[left] + step * share * (power[left] + 0.5 * share * slope)
        beyond = np.maximum(f - step * (len(power) - 1), 0.0)[:, None]
        result: Wide = inside + beyond * power[-1]
        return result

    mean: Wide = (integral(high) - integral(low)) / (high - low)[:, None]
    return np.maximum(mean, 0.0)


def together(sets: Sequence[TemplateSet]) -> tuple[TemplateSet, ...]:
    """The sets, each once; `BadTemplate` where two different ones have one name."""
    found: dict[str, TemplateSet] = {}
    for each in sets:
        other = found.setdefault(each.name.casefold(), each)
        if other is not each:
            raise BadTemplate(
                f"There are two templates of the name “{each.name}”.", "Rename one of them, or leave it out."
            )
    return tuple(found.values())
