"""How loud a sound is to the ear, and how high its true peaks go."""

from __future__ import annotations

import numpy as np

from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress

SECONDS_A_BLOCK = 10
SURROUND_WEIGHT = 1.41
WEIGHTS = {
    5: (1.0, 1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
    6: (1.0, 1.0, 1.0, 0.0, SURROUND_WEIGHT, SURROUND_WEIGHT),
}


def integrated_lufs(audio: Sound, progress: Progress | None = None) -> float:
    """Integrated loudness in LUFS after ITU-R BS.1770-4, −inf for silence and for less than 0.4 s.

    The K-weighting filters are pyloudnorm's; the sound is read in pieces, so that an hour needs no more memory than
    a minute. Channels count 1, the surrounds of 5 and 5.1 channels 1.41, the low-frequency channel nothing.

    Parameters
    ----------
    audio
        Any sound that reads by range.
    """
    import pyloudnorm
    from scipy.signal import lfilter

    rate = audio.sample_rate
    # Blocks of 400 ms every 100 ms are sums of four steps.
    edges = (0.1 * np.arange(int(audio.length / rate * 10) + 2) * rate).astype(np.int64)
    edges = edges[edges <= audio.length]
    if len(edges) < 5:
        return -float("inf")
    energy = np.zeros((audio.channels, len(edges) - 1))
    filters = [(each.b, each.a) for each in pyloudnorm.Meter(rate)._filters.values()]
    states = [np.zeros((audio.channels, max(len(a), len(b)) - 1)) for b, a in filters]
    steps_a_block = 10 * SECONDS_A_BLOCK
    for first in range(0, len(edges) - 1, steps_a_block):
        if progress is not None:
            progress(first / len(edges))
        inner = edges[first : first + steps_a_block + 1]
        weighted = audio.read(int(inner[0]), int(inner[-1])).astype(np.float64)
        for index, (b, a) in enumerate(filters):
            weighted, states[index] = lfilter(b, a, weighted, axis=1, zi=states[index])
        starts = inner[:-1] - inner[0]
        energy[:, first : first + len(starts)] = np.add.reduceat(weighted**2, starts, axis=1)
    blocks = np.lib.stride_tricks.sliding_window_view(energy, 4, axis=1).sum(axis=2) / (0.4 * rate)
    weights = np.array(WEIGHTS.get(audio.channels, (1.0,) * audio.channels))
    power = weights @ blocks
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(power):
        return -float("inf")
    gated = power[power > np.mean(power) * 0.1]
    return float(-0.691 + 10 * np.log10(np.mean(gated)))


def true_peak_db(audio: Sound, progress: Progress | None = None) -> float:
    """True peak in dBTP after ITU-R BS.1770-4 annex 2, −inf for silence.

    Four times oversampled below 96 kHz, twice below 192 kHz, the samples themselves above.

    Parameters
    ----------
    audio
        Any sound that reads by range.
    """
    import soxr

    rate = audio.sample_rate
    factor = 4 if rate < 96_000 else 2 if rate < 192_000 else 1
    size = SECONDS_A_BLOCK * rate
    stream = soxr.ResampleStream(rate, factor * rate, audio.channels, dtype="float32", quality="HQ")
    peak = 0.0
    for start in range(0, audio.length, size):
        if progress is not None:
            progress(start / audio.length)
        stop = min(start + size, audio.length)
        samples = np.ascontiguousarray(audio.read(start, stop).T)
        peak = max(peak, float(np.max(np.abs(samples), initial=0.0)))
        if factor > 1:
            between = stream.resample_chunk(samples, last=stop == audio.length)
            peak = max(peak, float(np.max(np.abs(between), initial=0.0)))
    return 20 * float(np.log10(peak)) if peak > 0 else -float("inf")
