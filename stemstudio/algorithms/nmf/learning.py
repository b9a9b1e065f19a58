"""Learning templates from an example: a hit, a note, a stretch of a stem, whatever sounds on its own somewhere."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.fast import fast_updates
from stemstudio.algorithms.nmf.spectrum import mean_power, room_for
from stemstudio.algorithms.nmf.starts import components_for_coverage, random_start
from stemstudio.algorithms.nmf.templates import MOST_ATOMS, PREVIEW_SECONDS, BadTemplate, TemplateSet
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Float = NDArray[np.float32]

COVERAGE = 0.98  # of the example's energy, that the suggested number of atoms can hold
MOST_SUGGESTED = 16  # more taught nothing further in `study_supervised.py`
ITERATIONS = 100
STRIDE = 256  # frames transformed at a time
FADE_SECONDS = 0.005
BLOCK = 20  # tenths of a second read at a time


@dataclass(frozen=True)
class Example:
    """Where in a sound the example is.

    Attributes
    ----------
    start, stop
        Seconds; the end of the sound if `stop` is None.
    low, high
        Hz; everything if None.
    weights
        Says for frames [first, last) of the sound, on the grid that is learned on, what of each bin counts: float32
        (bins, last − first) in [0, 1], of a selection of any shape; None for the rectangle.
    """

    start: float = 0.0
    stop: float | None = None
    low: float | None = None
    high: float | None = None
    weights: Callable[[int, int], Float] | None = None

    def frames(self, sound: Sound, grid: StftSettings) -> tuple[int, int]:
        """The frames whose centres lie inside, and at least the nearest: what is next to it stays out."""
        frames, rate = grid.frames(sound.length), sound.sample_rate / grid.hop
        end = sound.length / sound.sample_rate
        if self.start >= end:
            raise BadTemplate(
                f"The song ends at {end:.1f} s, before the example begins.", "Choose another place."
            )
        stop = end if self.stop is None else self.stop
        if not stop > self.start:
            raise BadTemplate(f"There is nothing between {self.start:g} s and {stop:g} s to learn from.")
        first, last = int(np.ceil(self.start * rate)), int(np.floor(stop * rate)) + 1
        if last <= first:
            first = round((self.start + stop) / 2 * rate)
            last = first + 1
        first = max(0, min(first, frames - 1))
        last = max(first + 1, min(last, frames))
        return first, last

    def mask(self, grid: StftSettings, sample_rate: int, first: int, last: int) -> Float | None:
        """What of each bin counts: float32 (bins, last − first) or (bins, 1); None where everything does."""
        mask = None if self.weights is None else self.weights(first, last)
        if self.low is not None or self.high is not None:
            f = np.arange(grid.bins) * (sample_rate / grid.fft)
            half = sample_rate / grid.fft / 2
            low = -np.inf if self.low is None else self.low
            high = np.inf if self.high is None else self.high
            if not (low < high and low < sample_rate / 2):
                raise BadTemplate(f"There is nothing between {low:g} Hz and {high:g} Hz to learn from.")
            band = ((f > low - half) & (f < high + half)).astype(np.float32)[:, None]
            mask = band if mask is None else mask * band
        return mask


def learn_templates(
    sound: Sound,
    name: str,
    *,
    example: Example | None = None,
    instrument: str = "",
    atoms: int = 0,
    grid: StftSettings | None = None,
    exponent: float = 1.0,
    beta: float = 1.0,
    seed: int = 0,
    source: str = "",
    progress: Progress | None = None,
) -> TemplateSet:
    """The templates of what sounds in an example, by NMF of it alone.

    Parameters
    ----------
    sound
        Read by range; the channels' mean power is learned.
    name, instrument, source
        Words of the set.
    example
        Which part of the sound; all of it by default.
    atoms
        How many; 0 for `suggested_atoms`. A single atom is the mean spectrum, as fits one hit or one held note.
    grid, exponent, beta
        Of V = |X|^exponent and the divergence; the NMF recipe's defaults.
    seed
        Of the start.

    Returns
    -------
    TemplateSet
        The loudest atom first; zero outside the example's band.

    Raises
    ------
    BadTemplate
        Where there is no sound in the example.

    References
    ----------
    Smaragdis, Raj & Shashanka 2007, "Supervised and semi-supervised separation of sounds from single-channel
    mixtures".
    """
    example, grid, progress = example or Example(), grid or StftSettings(), progress or Progress()
    if not 0 <= atoms <= MOST_ATOMS:
        raise BadTemplate(f"A template can have 1 to {MOST_ATOMS} atoms, not {atoms}.")
    V = _example(sound, example, grid, exponent, progress.part(0.0, 0.2))
    if not float(V.max(initial=0.0)) > 1e-6:
        raise BadTemplate(
            "It is silent there: nothing can be learned.", "Mark a place where the sound is heard."
        )
    atoms = atoms or suggested_atoms(V, seed, progress.part(0.2, 0.3))
    atoms = min(atoms, V.shape[1])
    fit = fast_updates(
        V, *random_start(V, atoms, seed), beta=beta, iterations=ITERATIONS, progress=progress.part(0.3, 0.95)
    )
    loudness = fit.activations.sum(axis=1, dtype=np.float64)  # the columns of W sum to 1
    order = np.argsort(-loudness, kind="stable")
    order = order[loudness[order] > 1e-6 * loudness.max()]
    found = TemplateSet(
        name,
        instrument.strip(),
        np.ascontiguousarray(fit.templates[:, order]),
        grid,
        sound.sample_rate,
        exponent,
        preview(sound, example, grid, progress.part(0.95, 1.0)),
        source,
        datetime.date.today().isoformat(),
    )
    progress(1.0, f"{found.atoms} atoms learned")
    return found


def suggested_atoms(V: Float, seed: int = 0, progress: Progress | None = None) -> int:
    """How many atoms an example (bins, frames) asks for: 1 for one hit, up to 16 for a stem that plays many things."""
    most = min(MOST_SUGGESTED, *V.shape)
    return components_for_coverage(V, COVERAGE, most, seed, progress or Progress())


def preview(sound: Sound, example: Example, grid: StftSettings, progress: Progress | None = None) -> Float:
    """The loudest 3 s of an example in mono, masked as it is: float32 (samples,)."""
    rate, end = sound.sample_rate, sound.length / sound.sample_rate
    stop = end if example.stop is None else min(example.stop, end)
    begin = max(0, round(example.start * rate))
    finish = max(begin + 1, min(sound.length, max(round(stop * rate), begin + grid.hop)))
    longest = int(PREVIEW_SECONDS * rate)
    if finish - begin > longest:
        begin = _loudest(sound, begin, finish, longest, progress or Progress())
        finish = begin + longest
    first, last = grid.frames_touching(begin, finish, sound.length)
    mask = example.mask(grid, rate, first, last)
    if mask is None:
        mono = sound.read(begin, finish).mean(axis=0)
    else:
        values = forward(sound, grid, first=first, last=last).values * mask
        masked = Spectrogram(values.astype(np.complex64), grid, rate, first, sound.length)
        mono = inverse(masked, begin, finish).mean(axis=0)
    faded = np.array(mono, dtype=np.float32)
    fade = min(round(FADE_SECONDS * rate), faded.size // 2)
    if fade:
        ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
        faded[:fade] *= ramp
        faded[-fade:] *= ramp[::-1]
    return faded


def _example(
    sound: Sound, example: Example, grid: StftSettings, exponent: float, progress: Progress
) -> Float:
    """V of the example alone: float32 (bins, frames), its transpose contiguous."""
    first, last = example.frames(sound, grid)
    values = room_for((last - first, grid.bins))
    for begin in range(first, last, STRIDE):
        end = min(last, begin + STRIDE)
        progress((begin - first) / (last - first), "listening to the example")
        power = mean_power(sound, grid, begin, end)
        mask = example.mask(grid, sound.sample_rate, begin, end)
        if mask is not None:
            power = power * np.square(mask)
        values[begin - first : end - first] = np.power(power.T, np.float32(exponent / 2))
    progress(1.0, "listening to the example")
    return values.T


def _loudest(sound: Sound, begin: int, finish: int, longest: int, progress: Progress) -> int:
    """Where the loudest stretch of `longest` samples begins, to a tenth of a second."""
    step = max(1, sound.sample_rate // 10)
    powers: list[float] = []
    for start in range(begin, finish, BLOCK * step):
        progress((start - begin) / (finish - begin), "looking for the loudest moment")
        power = np.square(sound.read(start, min(finish, start + BLOCK * step))).sum(axis=0)
        powers.extend(np.add.reduceat(power, np.arange(0, power.size, step)).tolist())
    wide = max(1, longest // step)
    sums = np.convolve(powers, np.ones(min(wide, len(powers))), mode="valid")
    return min(begin + int(np.argmax(sums)) * step, finish - longest)
