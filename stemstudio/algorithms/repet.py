"""REPET-SIM: what a song repeats (the band), told apart from what changes over it (the voice)."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.framing import Framed, fft_parameter, hop_parameter
from stemstudio.algorithms.hpss import magnitude
from stemstudio.algorithms.masking import Masking
from stemstudio.audio.audio import Sound
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress, load

Float = NDArray[np.float32]

NAMES = ("repeating", "changing")
BLOCK = 64  # frames compared with all others at a time
READ = 256  # frames transformed between two looks at whether to go on
TINY = np.float32(1e-20)


class RepetSim(Framed):
    """Repeating background by the median over similar moments; what exceeds it is the foreground."""

    name: ClassVar[str] = "repet"
    title: ClassVar[str] = "Repeating and changing (REPET-SIM)"
    summary: ClassVar[str] = (
        "Finds moments that sound alike and keeps what they share: a voice over a band that plays patterns."
    )
    speed: ClassVar[float] = 20.0
    context: ClassVar[float] = 12.0  # repeats are looked for in it

    repeats: int = parameter(
        50,
        "How many similar moments are compared: more makes the repeating part steadier, fewer lets it vary",
        ge=2,
        le=200,
    )
    distance: float = parameter(
        1.0,
        "How far apart similar moments must be, so that a held note does not count as its own repetition",
        unit="s",
        ge=0.0,
        le=30.0,
    )
    similarity: float = parameter(
        0.0,
        "How alike two moments must be to count; higher takes only near copies",
        ge=0.0,
        le=1.0,
    )
    high_pass: float = parameter(
        100.0,
        "Below this pitch everything counts as repeating: a voice has nothing there, a bass has",
        unit="Hz",
        ge=0.0,
        le=2000.0,
    )
    firmness: float = parameter(
        1.0, "How firmly sound is given to one side: higher is cleaner but rougher", gt=0.0, le=8.0
    )
    reach: float = parameter(
        120.0,
        "How far before and after a moment its likes are looked for; longer takes more time",
        unit="s",
        ge=5.0,
        le=600.0,
        advanced=True,
    )
    fft: int = fft_parameter(le=16384)
    hop: int = hop_parameter(le=8192)

    def run(self, signal: Sound, progress: Progress) -> Masks:
        """Shares of what repeats and of what changes, from the channels' mean power, for masks of the recipe's firmness."""
        grid, frames = self.grid, self.grid.frames(signal.length)
        V, norms = scratch((frames, grid.bins)), np.empty(frames, dtype=np.float32)
        for first in range(0, frames, READ):
            progress(0.1 * first / frames, "listening to the song")
            last = min(frames, first + READ)
            V[first:last] = magnitude(signal, grid, first, last).T
            norms[first:last] = _norms(V[first:last])
        per_second = signal.sample_rate / grid.hop
        low_bins = min(grid.bins, round(self.high_pass * grid.fft / signal.sample_rate) + 1)
        values = scratch((2, frames, grid.bins), np.float16)
        for first in range(0, frames, BLOCK):
            progress(0.1 + 0.9 * first / frames, "looking for moments that sound alike")
            last = min(frames, first + BLOCK)
            background = repeating(
                V,
                repeats=self.repeats,
                distance=max(1, round(self.distance * per_second)),
                similarity=self.similarity,
                reach=round(self.reach * per_second),
                frames=slice(first, last),
                norms=norms,
                progress=progress,
            )
            share = repeating_share(V[first:last], background)
            if self.high_pass > 0:
                share[:, :low_bins] = 1
            values[0, first:last] = share
            values[1, first:last] = 1 - share
        progress(1.0)
        return Masks(NAMES, grid, values.transpose(0, 2, 1), Masking(firmness=self.firmness))


def repeating(
    V: Float,
    *,
    repeats: int,
    distance: int,
    similarity: float = 0.0,
    reach: int | None = None,
    frames: slice = slice(None),
    norms: Float | None = None,
    progress: Progress | None = None,
) -> Float:
    """The repeating spectrogram: each frame's median over the frames that are most similar to it.

    Parameters
    ----------
    V
        Magnitudes, float32 (frames, bins).
    repeats
        How many frames at most, the frame itself among them.
    distance
        Least distance of two similar frames, in frames, ≥ 1.
    similarity
        Least cosine of two similar frames.
    reach
        How many frames before and after are looked at; all by default.
    frames
        Which frames are wanted.
    norms
        Lengths of the frames as vectors, where they are known already.
    progress
        Asked between the steps whether to go on.

    Returns
    -------
    ndarray
        float32 (wanted frames, bins).

    References
    ----------
    Rafii & Pardo 2012, "Music/voice separation using the similarity matrix", sections 2.2 and 2.3.
    """
    progress = progress or Progress()
    load("stemstudio.algorithms.repet_kernels", progress)
    from stemstudio.algorithms.repet_kernels import medians, peaks

    norms = _norms(V) if norms is None else norms
    first, last, _ = frames.indices(V.shape[0])
    result = np.empty((last - first, V.shape[1]), dtype=np.float32)
    for begin in range(first, last, BLOCK):
        end = min(last, begin + BLOCK)
        low, high = (0, len(V)) if reach is None else (max(0, begin - reach), min(len(V), end + reach))
        cosines = V[begin:end] @ V[low:high].T
        cosines /= norms[begin:end, None]
        cosines /= norms[low:high]
        progress.check()
        found = np.zeros((end - begin, repeats), dtype=np.int64)
        counts = np.empty(end - begin, dtype=np.int64)
        for row, frame in enumerate(range(begin, end)):
            counts[row] = peaks(cosines[row], distance, similarity, repeats, frame - low, found[row])
        found += low
        progress.check()
        for count in np.unique(counts):
            which = np.flatnonzero(counts == count)
            chosen = np.ascontiguousarray(found[which, :count])
            medians(V, chosen, which + (begin - first), median_network(int(count)), result)
        progress.check()
    return result


def repeating_share(V: Float, background: Float) -> Float:
    """Share of the repeating part: U / V with U = min(background, V); 1 where V is silent.

    References
    ----------
    Rafii & Pardo 2012, section 2.3.
    """
    own = np.minimum(background, V)
    silent = V <= TINY
    own /= np.where(silent, np.float32(1), V)
    own[silent] = 1
    return own


@lru_cache(maxsize=256)
def median_network(count: int) -> NDArray[np.int32]:
    """Comparisons (low, high) that bring the middle one or two of `count` values into their places.

    Batcher's odd–even merge sort for the next power of two, without what lies beyond `count` (it would hold
    infinities, which never move) and without comparisons that the middle does not depend on.
    """
    pairs: list[tuple[int, int]] = []
    size = 1 << max(0, count - 1).bit_length()
    p = 1
    while p < size:
        k = p
        while k >= 1:
            for j in range(k % p, size - k, 2 * k):
                for i in range(min(k, size - j - k)):
                    low, high = i + j, i + j + k
                    if low // (2 * p) == high // (2 * p) and high < count:
                        pairs.append((low, high))
            k //= 2
        p *= 2
    needed = {count // 2, (count - 1) // 2}
    kept = []
    for pair in reversed(pairs):
        if needed.intersection(pair):
            needed.update(pair)
            kept.append(pair)
    network = np.array(kept[::-1], dtype=np.int32).reshape(-1, 2)
    network.flags.writeable = False
    return network


def _norms(V: Float) -> Float:
    norms: Float = np.sqrt(np.einsum("tf,tf->t", V, V))
    norms[norms <= TINY] = 1
    return norms
