"""Phase: sound from magnitudes, alone (Griffin–Lim) or so that the stems keep adding up to the mixture (MISI)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Audio, Sound
from stemstudio.progress import Progress
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Float = NDArray[np.float32]
Complex = NDArray[np.complex64]


def griffin_lim(
    magnitude: Float,
    settings: StftSettings,
    sample_rate: int,
    length: int,
    *,
    iterations: int = 32,
    momentum: float = 0.0,
    phase: Complex | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Float:
    """Sound whose STFT has about the given magnitudes.

    Parameters
    ----------
    magnitude
        float32 (channels, bins, frames), all frames of the sound.
    settings
        How it was cut into frames.
    sample_rate, length
        Of the sound.
    iterations
        Each takes the sound of the present spectrum and gives its phases to the magnitudes.
    momentum
        0 is Griffin & Lim's, which never gets worse; 0.99 is the fast variant, which gets further in the same time.
    phase
        To start from: complex64 of the magnitudes' shape, only its angles count; drawn by `seed` otherwise.
    progress
        Told how far it is.

    Returns
    -------
    ndarray
        float32 (channels, length).

    References
    ----------
    Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform"; Perraudin, Balazs &
    Søndergaard 2013, "A fast Griffin-Lim algorithm".
    """
    progress = progress or Progress()
    if phase is None:
        angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitude.shape).astype(np.float32)
        phase = np.exp(1j * angles).astype(np.complex64)
    magnitude = _by_frame(magnitude)
    spectrum = _turned(phase, magnitude)
    before: Complex | None = None
    for iteration in range(iterations):
        progress(iteration / iterations, "finding the phase")
        sound = inverse(Spectrogram(spectrum, settings, sample_rate, 0, length))
        consistent = forward(Audio(sound, sample_rate), settings).values
        ahead = consistent
        if momentum and before is not None:
            ahead = consistent + np.float32(momentum) * (consistent - before)
        before = consistent if momentum else None
        spectrum = _turned(ahead, magnitude)
    progress(1.0)
    return inverse(Spectrogram(spectrum, settings, sample_rate, 0, length))


def misi(
    mixture: Sound,
    magnitudes: Float,
    settings: StftSettings,
    *,
    iterations: int = 10,
    phase: Complex | None = None,
    shares: Float | None = None,
    progress: Progress | None = None,
) -> Float:
    """Stems from their magnitudes: each gets a phase of its own, and together they are the mixture.

    Starts from the mixture's phase. Each iteration shares what the stems together miss of the mixture among them, and
    gives the phases of the results to the magnitudes.

    Parameters
    ----------
    mixture
        What the stems add up to.
    magnitudes
        float32 (stems, channels, bins, frames), or (stems, 1, bins, frames) for the same in all channels.
    settings
        How the mixture is cut into frames.
    iterations
        0 gives the stems with the phase they start from, and what they miss shared among them.
    phase
        To start from instead of the mixture's: complex64 (stems, channels, bins, frames), only its angles count.
    shares
        How what is missing is shared: float32 of the magnitudes' shape, adding up to 1. By default evenly, as in the
        paper, which lets every silent stem have a little of it.
    progress
        Told how far it is.

    Returns
    -------
    ndarray
        float32 (stems, channels, samples); their sum is the mixture to rounding.

    References
    ----------
    Gunawan & Sen 2010, "Iterative phase estimation for the synthesis of separated sources from single-channel
    mixtures", multiple input spectrogram inversion.
    """
    progress = progress or Progress()
    whole = mixture.read(0, mixture.length)
    mixed = forward(mixture, settings).values
    expected = mixed.shape[1:]
    if magnitudes.ndim != 4 or magnitudes.shape[2:] != expected or magnitudes.shape[1] not in (1, len(mixed)):
        raise ValueError(f"magnitudes {magnitudes.shape} do not fit a mixture of {mixed.shape}")
    stems = np.empty((len(magnitudes), *whole.shape), dtype=np.float32)
    rate, length = mixture.sample_rate, mixture.length
    wanted = [_by_frame(np.broadcast_to(magnitude, mixed.shape)) for magnitude in magnitudes]
    for number, (stem, magnitude) in enumerate(zip(stems, wanted, strict=True)):
        progress.check()
        start = _turned(mixed if phase is None else phase[number], magnitude)
        stem[:] = inverse(Spectrogram(start, settings, rate, 0, length))
    even = np.broadcast_to(np.float32(1 / len(stems)), mixed.shape)
    parts = (
        [even] * len(stems)
        if shares is None
        else [_by_frame(np.broadcast_to(share, mixed.shape)) for share in shares]
    )
    for iteration in range(iterations):
        missing = forward(Audio(whole - stems.sum(axis=0), rate), settings).values
        for number, (stem, magnitude, share) in enumerate(zip(stems, wanted, parts, strict=True)):
            progress((iteration + number / len(stems)) / iterations, "finding the phase")
            spectrum = forward(Audio(stem.copy(), rate), settings).values
            spectrum = _turned(spectrum, magnitude, share, missing)
            stem[:] = inverse(Spectrogram(spectrum, settings, rate, 0, length))
    if shares is not None:
        missing = forward(Audio(whole - stems.sum(axis=0), rate), settings).values
        for stem, share in zip(stems, parts, strict=True):
            progress.check()
            stem += inverse(Spectrogram(share * missing, settings, rate, 0, length))
    else:
        stems += (whole - stems.sum(axis=0)) / np.float32(len(stems))
    progress(1.0)
    return stems


def _by_frame(values: Float) -> Float:
    """The same, laid out frame by frame in memory, as spectrograms are."""
    return np.ascontiguousarray(values.swapaxes(-1, -2)).swapaxes(-1, -2)


def _turned(
    values: Complex, magnitude: Float, share: Float | None = None, missing: Complex | None = None
) -> Complex:
    """The magnitudes with the angles of `values`, or of `values + share · missing`; angle 0 where there is nothing."""
    from stemstudio.spectral.phase_kernel import turned

    result = np.array(values.swapaxes(-1, -2), dtype=np.complex64, order="C")
    nothing = np.broadcast_to(np.float32(0), result.shape)
    more = result if missing is None else missing.swapaxes(-1, -2)
    turned(result, nothing if share is None else share.swapaxes(-1, -2), more, magnitude.swapaxes(-1, -2))
    return result.swapaxes(-1, -2)
