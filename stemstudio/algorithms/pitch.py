"""The pitch of a melody over time: probabilistic YIN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.spectral.lines import pitch_at

Float = NDArray[np.float64]

BLOCK = 128  # frames looked at between two looks at whether to go on
STEPS = 5  # of pitch, in a semitone
FASTEST = 36.0  # octaves a second that a voice glides at most
SWITCH = 0.01  # chance that a melody begins or ends in a frame
NOTHING_BELOW = 0.01  # what the deepest trough counts where no threshold lies above it


def melody_pitch(
    signal: Sound, hop: int, *, low: float = 65.0, high: float = 1000.0, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Fundamental frequency of the loudest single voice, frame by frame.

    Parameters
    ----------
    signal
        Its channels are heard together.
    hop
        Samples from one frame to the next; frame m is centred at m · hop.
    low, high
        Range of the melody in Hz.
    progress
        Told how far it is.

    Returns
    -------
    ndarray
        float32 (frames,), in Hz; 0 where nobody sings. As many frames as an STFT with this hop has.

    References
    ----------
    de Cheveigné & Kawahara 2002, "YIN, a fundamental frequency estimator"; Mauch & Dixon 2014, "pYIN: a fundamental
    frequency estimator using probabilistic threshold distributions".
    """
    progress = progress or Progress()
    frames = -(-signal.length // hop) + 1
    bins = int(np.ceil(12 * STEPS * np.log2(high / low))) + 1
    chances = np.zeros((frames, bins), dtype=np.float32)
    pitches = np.zeros((frames, bins), dtype=np.float32)
    for first in range(0, frames, BLOCK):
        progress(0.7 * first / frames, "listening for the melody")
        last = min(frames, first + BLOCK)
        found, chance, frame = _candidates(signal, hop, first, last, low, high)
        step = np.clip(np.rint(12 * STEPS * np.log2(found / low)), 0, bins - 1).astype(np.intp)
        np.add.at(chances, (first + frame, step), chance)
        pitches[first + frame, step] = found
    path = _likeliest_path(chances, FASTEST * 12 * STEPS * hop / signal.sample_rate, progress.part(0.7, 1.0))
    sung = path >= 0
    result = np.zeros(frames, dtype=np.float32)
    exact = pitches[np.arange(frames), path]
    middle = low * 2 ** (path / (12 * STEPS))
    result[sung] = np.where(exact > 0, exact, middle)[sung]
    progress(1.0)
    return result


def given_pitch(
    points: Sequence[tuple[float, float]], frames: int, seconds_a_frame: float
) -> NDArray[np.float32]:
    """Pitch frame by frame from points (seconds, Hz): straight lines in pitch; 0 Hz ends the line before.

    Returns
    -------
    ndarray
        float32 (frames,), in Hz; 0 before the first point, after the last, and from a point of 0 Hz to the next.
    """
    return pitch_at(points, np.arange(frames) * seconds_a_frame)


def difference(frames: Float, window: int, lags: int) -> Float:
    """YIN's cumulative mean normalised difference, (…, lags + 1), of frames (…, ≥ window + lags); eq. 6 and 8.

    1 at lag 0 and wherever a frame is silent.
    """
    import scipy.fft

    size = scipy.fft.next_fast_len(window + lags, real=True)
    ahead = frames[..., : window + lags]
    spectrum = scipy.fft.rfft(ahead, size)
    product = scipy.fft.irfft(scipy.fft.rfft(frames[..., :window], size).conj() * spectrum, size)
    sums = np.cumsum(np.square(ahead), axis=-1)
    energy = sums[..., window - 1 :].copy()
    energy[..., 1:] -= sums[..., :lags]
    apart = np.maximum(energy[..., :1] + energy - 2 * product[..., : lags + 1], 0)
    # What is left of a perfect match is rounding of the energies.
    apart[apart < 1e-12 * energy[..., :1]] = 0
    apart[..., 0] = 0
    mean = np.cumsum(apart, axis=-1)
    result: Float = np.ones_like(apart)
    np.divide(apart * np.arange(lags + 1), mean, out=result, where=mean > 1e-20)
    result[..., 0] = 1
    return result


def _candidates(
    signal: Sound, hop: int, first: int, last: int, low: float, high: float
) -> tuple[Float, Float, NDArray[np.intp]]:
    """Pitches in Hz that frames [first, last) may have, how likely each is, and in which frame, counted from `first`."""
    rate = signal.sample_rate
    shortest, longest = max(2, int(rate / high)), int(np.ceil(rate / low))
    lags = longest + 1
    window = 2 * longest
    length = window + lags
    # Two stretches are compared, a period apart: their common middle, for a period in the middle of the range.
    start = first * hop - round((window + np.sqrt(shortest * longest)) / 2)
    samples = signal.read(start, start + (last - first - 1) * hop + length).mean(axis=0, dtype=np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    all_lags = difference(frames, window, lags)
    y = all_lags[:, shortest : longest + 1]
    before, after = all_lags[:, shortest - 1 : longest], all_lags[:, shortest + 1 : longest + 2]
    trough = (y < before) & (y <= after)
    depth = np.where(trough, y, np.inf)
    shallower = np.full_like(depth, 1.0)
    shallower[:, 1:] = np.minimum(1.0, np.minimum.accumulate(depth, axis=1)[:, :-1])
    # The first trough below a threshold is taken; thresholds have the density Beta(2, 18).
    chance = np.where(trough, np.maximum(_below(shallower) - _below(np.minimum(depth, 1.0)), 0), 0)
    deepest = np.argmin(depth, axis=1)
    rows = np.arange(len(depth))
    chance[rows, deepest] += NOTHING_BELOW * np.where(
        np.isfinite(depth[rows, deepest]), _below(np.minimum(depth[rows, deepest], 1.0)), 0
    )
    row, lag = np.nonzero(chance > 1e-4)
    a, b, c = before[row, lag], y[row, lag], after[row, lag]
    bend = a - 2 * b + c
    shift = np.where(bend > 0, 0.5 * (a - c) / np.where(bend > 0, bend, 1), 0)
    return rate / (shortest + lag + shift), chance[row, lag], row


def _below(threshold: Any) -> Any:
    """How many thresholds of the density Beta(2, 18) lie below."""
    return 1 - (1 - threshold) ** 18 * (1 + 18 * threshold)


def _likeliest_path(chances: NDArray[np.float32], reach: float, progress: Progress) -> NDArray[np.intp]:
    """Viterbi over pitch × (sung, silent): the step of pitch in each frame, −1 where silent."""
    frames, bins = chances.shape
    half = max(1, int(reach / 2))
    move = np.log1p(-np.abs(np.arange(-half, half + 1)) / (half + 1))
    stay, switch = np.log(1 - SWITCH), np.log(SWITCH)
    silent = np.log(np.maximum(1 - chances.sum(axis=1), 1e-6) / bins)
    value = np.full((2, bins), -np.log(2 * bins))
    padded = np.full((2, bins + 2 * half), -np.inf)
    came_from = np.empty((frames, 2, bins), dtype=np.int16)
    for frame in range(frames):
        if frame % BLOCK == 0:
            progress(frame / frames, "following the melody")
        padded[:, half:-half] = value
        moves = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=1) + move
        best = moves.argmax(axis=2)
        gained = np.take_along_axis(moves, best[..., None], axis=2)[..., 0]
        source = best + np.arange(bins) - half
        # Numbers up to `bins` are sung states, those from there on silent ones.
        source[1] += bins
        kept, changed = gained + stay, gained[::-1] + switch
        came_from[frame] = np.where(kept >= changed, source, source[::-1])
        value = np.maximum(kept, changed)
        value[0] += np.log(np.maximum(chances[frame], 1e-6))
        value[1] += silent[frame]
        value -= value.max()
    path = np.empty(frames, dtype=np.intp)
    state = int(value.argmax())
    for frame in range(frames - 1, -1, -1):
        path[frame] = state if state < bins else -1
        state = int(came_from[frame].reshape(-1)[state])
    return path
