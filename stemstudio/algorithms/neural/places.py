"""Places: a network's stems filtered by where each of them stands between the loudspeakers, a stretch at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.separation import Ensemble, How, separate
from stemstudio.algorithms.neural.song import channel_groups
from stemstudio.audio.audio import Audio, Sound, read_padded
from stemstudio.audio.sample_store import SampleStore, frozen
from stemstudio.progress import Progress
from stemstudio.spectral.masks import replaced
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Float = NDArray[np.float32]

FRAME = 0.093  # seconds, about
STRETCH = 12.0  # seconds over which a stem stands in one place
FADE = 1.0  # seconds over which two stretches are faded into each other
FILTERED = 0.1  # of the work of a separation that ends with the filter


def separated(
    sound: Sound, ensemble: Ensemble, wanted: Sequence[str], how: How, iterations: int, progress: Progress
) -> Waveforms:
    """Stems of a song by networks, as `separate` makes them, and then `placed` for so many rounds, 0 for not at all."""
    share = FILTERED if iterations else 0.0
    how = replace(how, settled=not iterations)
    stems = separate(sound, ensemble, wanted, how, progress.part(0.0, 1.0 - share))
    return placed(sound, stems, iterations, progress.part(1.0 - share, 1.0))


def placed(sound: Sound, stems: Waveforms, iterations: int, progress: Progress) -> Waveforms:
    """The stems after the multichannel Wiener filter by expectation–maximisation over their spectra and places.

    What the stems leave of the sound is one more stem to the filter, and stays the residual's. Pairs of channels are
    filtered together.

    Parameters
    ----------
    sound
        What was taken apart.
    stems
        By a network, or by whoever; of the sound's channels and length.
    iterations
        0 leaves them as they are.

    References
    ----------
    Nugraha, Liutkus & Vincent 2016, "Multichannel audio source separation with deep neural networks"; as
    Stöter et al. 2019 let Open-Unmix end.
    """
    rate, length = sound.sample_rate, sound.length
    if not iterations or not length or not stems.names:
        return stems
    fft = 2 ** round(math.log2(FRAME * rate))
    grid = StftSettings(fft=fft, hop=fft // 4)
    count = len(stems.names)
    room = SampleStore(count * sound.channels, length).array[:, :length]
    room = room.reshape(count, sound.channels, length)
    step, fade = round(STRETCH * rate), round(FADE * rate)
    starts = range(0, max(1, length - fade), step)
    groups = channel_groups(sound.channels)
    for number, start in enumerate(starts):
        part = progress.part(number / len(starts), (number + 1) / len(starts))
        stop = length if number == len(starts) - 1 else start + step + fade
        low, high = start - fft, stop + fft
        mix = read_padded_sound(sound, low, high)
        waves = read_padded(stems.waves, low, high)
        ramp = _ramp(stop - start, fade if start else 0, fade if stop < length else 0)
        for place, taken in enumerate(groups):
            channels = list(taken)
            found = _filtered(
                mix[channels],
                waves[:, channels],
                grid,
                rate,
                iterations,
                part.part(place / len(groups), (place + 1) / len(groups)),
            )
            inside = found[..., fft : fft + stop - start] * ramp
            for row, channel in enumerate(channels):
                room[:, channel, start:stop] += inside[:, row]
    progress(1.0)
    return Waveforms(stems.names, frozen(room))


def read_padded_sound(sound: Sound, start: int, stop: int) -> Float:
    """Samples of a sound, and zeros outside it: float32 (channels, stop − start)."""
    low, high = max(0, start), min(sound.length, stop)
    result = np.zeros((sound.channels, stop - start), dtype=np.float32)
    if high > low:
        result[:, low - start : high - start] = sound.read(low, high)
    return result


def _filtered(
    mix: Float, waves: Float, grid: StftSettings, rate: int, iterations: int, progress: Progress
) -> Float:
    """One stretch: float32 (stems, channels, samples)."""
    progress.check()
    length = mix.shape[-1]
    X = forward(Audio(np.ascontiguousarray(mix), rate), grid).values
    Y = np.empty((len(waves) + 1, *X.shape), dtype=X.dtype)
    for row, wave in zip(Y, waves, strict=False):
        progress.check()
        row[:] = forward(Audio(np.ascontiguousarray(wave), rate), grid).values
    np.subtract(X, Y[:-1].sum(axis=0), out=Y[-1])
    found = replaced(X, Y, iterations=iterations, progress=progress.part(0.1, 0.9))[:-1]
    result = np.empty(waves.shape, dtype=np.float32)
    for row, spectra in zip(result, found, strict=True):
        progress.check()
        sheet = Spectrogram(np.ascontiguousarray(spectra), grid, rate, 0, length)
        row[:] = inverse(sheet, 0, length)
    progress(1.0)
    return result


def _ramp(length: int, rise: int, fall: int) -> Float:
    ramp = np.ones(length, dtype=np.float32)
    if rise:
        ramp[:rise] = np.arange(rise) / rise
    if fall:
        ramp[length - fall :] = 1 - np.arange(fall) / fall
    return ramp
