"""Stretches: masks and phases that look beyond their own moment, worked out a stretch of the song at a time.

The song is cut at fixed places into stretches of about six seconds, or two where only a phase is looked for. Each is worked out as a whole, with some context
on either side, and faded into its neighbours, so that every range sounds as it does in the whole song, whatever range
is asked for and in whatever order. The Wiener filter thus learns where a stem stands from a stretch, not from the
whole song; the phase, which looks a few frames around, is the same except near the seams.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.masking import TINY, Masking
from stemstudio.audio.audio import Audio, Sound
from stemstudio.progress import Cancelled, here
from stemstudio.spectral.masks import multichannel_wiener
from stemstudio.spectral.phase import griffin_lim, misi
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Float = NDArray[np.float32]
Complex = NDArray[np.complex64]
Groups = Sequence[Sequence[int]]
Masks = Callable[[Groups, int, int, Masking], Float]

SECONDS = 6.0  # of a stretch
SHORT = 2.0  # of one where only a phase is looked for: nothing is learned from it, and it is heard sooner
FADE = 0.25  # seconds over which neighbours are faded into each other
CONTEXT = 0.5  # seconds that a stretch hears beyond what it answers for
KEPT = 24  # stretches
WAITING = 0.1  # seconds in which one who waits for another looks whether to stop
NOTHING = 1e-3  # a share that is rounding


@dataclass(frozen=True)
class Cut:
    """How a sound is cut, in samples."""

    hop: int
    every: int
    fade: int  # half of it lies on either side of a seam
    context: int
    length: int

    @classmethod
    def of(cls, grid: StftSettings, sample_rate: int, length: int, masking: Masking) -> Cut:
        """The cut of a sound of `length` samples for these masks."""
        seconds = SECONDS if masking.kind == "wiener" else SHORT
        fade = 2 * round(FADE * sample_rate / 2)
        every = grid.hop * max(8, round(seconds * sample_rate / grid.hop))
        return cls(grid.hop, every, fade, max(round(CONTEXT * sample_rate), grid.fft), length)

    @property
    def count(self) -> int:
        """How many stretches there are; the last is from half as long to one and a half times as long as the others."""
        return max(1, round(self.length / self.every))

    @property
    def reach(self) -> int:
        """How far a change of the sound can be heard at most."""
        return self.every * 3 // 2 + self.fade + self.context + self.hop

    def core(self, number: int) -> tuple[int, int]:
        """Samples [start, stop) of a stretch with its fades."""
        half = self.fade // 2
        start = 0 if number == 0 else number * self.every - half
        return start, self.length if number == self.count - 1 else (number + 1) * self.every + half

    def heard(self, number: int) -> tuple[int, int]:
        """Samples [start, stop) that a stretch is worked out from; it starts on a frame."""
        start, stop = self.core(number)
        first = max(0, start - self.context) // self.hop * self.hop
        return first, min(self.length, stop + self.context)

    def touching(self, start: int, stop: int) -> range:
        """The stretches that reach into samples [start, stop)."""
        half, last = self.fade // 2, self.count - 1
        if stop <= start:
            return range(0)
        first = min(last, max(0, (start - half) // self.every))
        return range(first, min(last, max(0, (stop - 1 + half) // self.every)) + 1)

    def weights(self, number: int, start: int, stop: int) -> Float:
        """How much of samples [start, stop) a stretch has: 1 within, fading at its seams."""
        places = np.arange(start, stop)
        weights = np.ones(stop - start, dtype=np.float32)
        for seam, rising in ((number, True), (number + 1, False)):
            if 0 < seam < self.count:
                ramp = (places - (seam * self.every - self.fade // 2) + 0.5) / max(1, self.fade)
                ramp = np.clip(ramp, 0, 1).astype(np.float32)
                weights *= ramp if rising else 1 - ramp
        return weights


class Stretches:
    """Works stretches out, and keeps those lately asked for; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[Float]] = OrderedDict()

    def render(
        self,
        masks: Masks,
        grid: StftSettings,
        masking: Masking,
        parent: Sound,
        groups: Groups,
        start: int,
        stop: int,
    ) -> Float:
        """Sound of groups over samples [start, stop): float32 (groups, channels, stop − start).

        Parameters
        ----------
        masks
            `masks(groups, first, last, masking)` are those to start from.
        grid
            Of the masks.
        masking
            What becomes of them.
        parent
            What was taken apart; equal parents must sound the same.
        """
        cut = Cut.of(grid, parent.sample_rate, parent.length, masking)
        low, high = max(0, start), min(parent.length, stop)
        result = np.zeros((len(groups), parent.channels, stop - start), dtype=np.float32)
        for number in cut.touching(low, high):
            key = (masking, tuple(map(tuple, groups)), parent, number)

            def work(number: int = number) -> Float:
                return _stretch(masks, grid, masking, parent, groups, cut, number)

            wave = self._one(key, work)
            core = cut.core(number)
            first, last = max(low, core[0]), min(high, core[1])
            piece = wave[..., first - core[0] : last - core[0]]
            result[..., first - start : last - start] += cut.weights(number, first, last) * piece
        return result

    def _one(self, key: Hashable, work: Callable[[], Float]) -> Float:
        """What is kept under a key, or will be: whoever asks first works it out, the others wait.

        Where the first is stopped, the next works it out.
        """
        while True:
            with self._lock:
                future = self._kept.get(key)
                first = future is None
                if future is None:
                    future = self._kept[key] = Future()
                self._kept.move_to_end(key)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            if first:
                try:
                    future.set_result(work())
                except BaseException as error:
                    with self._lock:
                        self._kept.pop(key, None)
                    future.set_exception(error)
                    raise
            while not wait((future,), WAITING).done:
                here().check()
            if not isinstance(future.exception(), Cancelled):
                return future.result()


def _stretch(
    masks: Masks,
    grid: StftSettings,
    masking: Masking,
    parent: Sound,
    groups: Groups,
    cut: Cut,
    number: int,
) -> Float:
    """One stretch with its fades: float32 (groups, channels, samples)."""
    start, stop = cut.heard(number)
    sound = Audio(np.ascontiguousarray(parent.read(start, stop)), parent.sample_rate)
    first = start // grid.hop
    shares = masks(groups, first, first + grid.frames(sound.length), masking)
    core = cut.core(number)
    waves = separated(sound, shares, grid, masking)[..., core[0] - start : core[1] - start]
    waves = np.ascontiguousarray(waves)
    waves.flags.writeable = False
    return waves


def separated(sound: Sound, shares: Float, grid: StftSettings, masking: Masking) -> Float:
    """The stems of a whole sound, with Wiener filter and phase as a masking says.

    Parameters
    ----------
    sound
        What is taken apart.
    shares
        float32 (stems, bins, frames) or (stems, channels, bins, frames) of all its frames; what they leave over of 1
        is the residual's, which takes part as one more stem.
    grid
        How the sound is cut into frames.
    masking
        Its kind says whether the Wiener filter goes over the shares, its phase which phase they get.

    Returns
    -------
    ndarray
        float32 (stems, channels, samples).
    """
    shares = shares if shares.ndim == 4 else shares[:, None]
    count, length, rate = len(shares), sound.length, sound.sample_rate
    if not shares.any():
        return np.zeros((count, sound.channels, length), dtype=np.float32)
    mixture = forward(sound, grid).values
    rest = 1 - shares.sum(axis=0, keepdims=True)
    rest[rest < NOTHING] = 0
    parts = np.concatenate([shares, rest]) if rest.any() else shares
    spectra: Complex
    if masking.kind == "wiener":
        models = parts if parts.shape[1] == len(mixture) else parts[:, 0]
        spectra = multichannel_wiener(
            mixture, models, iterations=masking.iterations, progress=here().watched()
        )
    else:
        spectra = parts * mixture
    if masking.phase == "misi":
        powers = np.square(np.abs(spectra))
        total = powers.sum(axis=0)
        powers /= np.where(total > TINY, total, np.float32(1))
        return misi(
            sound,
            np.abs(spectra),
            grid,
            iterations=masking.phase_iterations,
            phase=spectra,
            shares=powers,
            progress=here().watched(),
        )[:count]
    waves = np.empty((count, len(mixture), length), dtype=np.float32)
    for wave, spectrum in zip(waves, spectra, strict=False):
        if masking.phase == "griffin-lim":
            iterations = masking.phase_iterations
            wave[:] = griffin_lim(
                np.abs(spectrum),
                grid,
                rate,
                length,
                iterations=iterations,
                phase=spectrum,
                progress=here().watched(),
            )
        else:
            wave[:] = inverse(Spectrogram(spectrum, grid, rate, 0, length))
    return waves
