"""Robust PCA: the band as few patterns that come again (low rank), the voice as what stands out (sparse)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.framing import Framed, fft_parameter, hop_parameter
from stemstudio.algorithms.hpss import magnitude
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.singular_values import thresholded
from stemstudio.audio.audio import Sound
from stemstudio.audio.scratch import scratch
from stemstudio.progress import Progress, load

Float = NDArray[np.floating[Any]]

NAMES = ("background", "voice")
READ = 256  # frames transformed between two looks at whether to go on
GROWTH = 1.5  # ρ: of the penalty from one iteration to the next; 2 ends 30 dB further from the answer
TINY = np.float32(1e-20)


@dataclass(frozen=True, eq=False)
class Decomposition:
    """V = L + S.

    Attributes
    ----------
    low_rank, sparse
        L and S, of V's shape and dtype, read-only; their sum is V to its precision.
    rank
        Of L.
    iterations
        How many it took.
    """

    low_rank: Float
    sparse: Float
    rank: int
    iterations: int


class RPCA(Framed):
    """Robust principal component analysis of the magnitudes, by stretches that are faded into each other."""

    name: ClassVar[str] = "rpca"
    title: ClassVar[str] = "Voice over a band (RPCA)"
    summary: ClassVar[str] = (
        "Takes a few patterns that come again and again as the band, and what stands out of them as the voice."
    )
    speed: ClassVar[float] = 12.0

    strictness: float = parameter(
        1.0,
        "How much must stand out to count as voice: higher keeps the voice thinner and the band fuller",
        gt=0.0,
        le=10.0,
    )
    mask: Literal["soft", "binary"] = parameter(
        "soft", "Share every bit of sound (soft), or give it to one side (binary)"
    )
    firmness: float = parameter(
        2.0, "How firmly the soft mask decides: higher is cleaner but rougher", gt=0.0, le=8.0
    )
    gain: float = parameter(
        1.0,
        "How much louder than the band the voice must be where it is given to one side; above 1 takes less",
        ge=0.1,
        le=10.0,
        advanced=True,
    )
    tolerance: float = parameter(
        0.5,
        "When to stop: how many thousandths of the song may still be unexplained; fewer take longer",
        unit="‰",
        ge=0.01,
        le=100.0,
        advanced=True,
    )
    stretch: float = parameter(
        60.0,
        "How much of the song is looked at together; longer finds patterns that come again later",
        unit="s",
        ge=5.0,
        le=120.0,
        advanced=True,
    )
    fft: int = fft_parameter(2048, le=4096)
    hop: int = hop_parameter(512, le=2048)

    def run(self, signal: Sound, progress: Progress) -> Masks:
        """Shares of the low-rank and the sparse part of the channels' mean power, and the masks that the recipe makes of them."""
        grid, frames = self.grid, self.grid.frames(signal.length)
        wanted = max(2, round(self.stretch * signal.sample_rate / grid.hop))
        values = scratch((2, frames, grid.bins), np.float16)
        stretches = cut(frames, wanted, wanted // 12)
        progress(0.0, "listening to the song")
        done_before = 0
        for first, last in stretches:
            V = np.empty((last - first, grid.bins), dtype=np.float32)
            for begin in range(first, last, READ):
                progress.check()
                end = min(last, begin + READ)
                V[begin - first : end - first] = magnitude(signal, grid, begin, end).T
            step = progress.part(first / frames, last / frames)
            found = rpca(V, factor=self.strictness, tolerance=self.tolerance / 1000, progress=step)
            for begin in range(first, last, READ):
                progress.check()
                end = min(last, begin + READ)
                rows = slice(begin - first, end - first)
                voice = self._voice_share(found.low_rank[rows], found.sparse[rows])
                # Where the stretch before reaches in, it fades out while this one fades in.
                shared = max(0, min(end, done_before) - begin)
                if shared:
                    fade = (np.arange(begin, begin + shared) - first + 1.0) / (done_before - first + 1)
                    weight = fade[:, None].astype(np.float32)
                    before = values[1, begin : begin + shared].astype(np.float32)
                    voice[:shared] = weight * voice[:shared] + (1 - weight) * before
                values[1, begin:end] = voice
                values[0, begin:end] = 1 - voice
            done_before = last
        progress(1.0)
        masking = Masking(kind=self.mask, firmness=self.firmness)
        return Masks(NAMES, grid, values.transpose(0, 2, 1), masking)

    def _voice_share(self, low_rank: Float, sparse: Float) -> NDArray[np.float32]:
        """|S| / (|L| + |S|); 0 where both are silent. The gain is in it where the voice gets all or nothing."""
        band, voice = np.abs(low_rank), np.abs(sparse)
        if self.mask == "binary":
            band *= self.gain
        total = band + voice
        silent = total <= TINY
        total[silent] = 1
        share: NDArray[np.float32] = (voice / total).astype(np.float32)
        share[silent] = 0
        return share


def rpca(
    V: Float,
    *,
    factor: float = 1.0,
    tolerance: float = 5e-4,
    growth: float = GROWTH,
    most: int = 500,
    progress: Progress | None = None,
) -> Decomposition:
    """Split a matrix into one of low rank and one that is mostly zero: min ‖L‖_* + λ‖S‖₁ with L + S = V.

    By the inexact augmented Lagrangian, λ = factor / √max(shape). The thresholding of singular values goes through
    the eigenvectors of the smaller Gram matrix; in float32 it cannot tell singular values below a three-thousandth
    of the largest from rounding, which is about where the default tolerance stops.

    Parameters
    ----------
    V
        float32 or float64, any shape; float64 for tolerances below 1e-4.
    factor
        Of λ: higher makes S sparser and the rank of L higher.
    tolerance
        ‖V − L − S‖ / ‖V‖ at which to stop; what is left over then is given to S.
    growth
        ρ, of the penalty μ from one iteration to the next.
    most
        Iterations at most.
    progress
        Told how far it is.

    References
    ----------
    Lin, Chen & Ma 2009, "The augmented Lagrange multiplier method for exact recovery of corrupted low-rank
    matrices", algorithm 5; Huang et al. 2012, "Singing-voice separation from monaural recordings using RPCA".
    """
    progress = progress or Progress()
    load("stemstudio.algorithms.rpca_kernel", progress)
    from stemstudio.algorithms.rpca_kernel import clip_and_sum

    progress(0.0, "looking for patterns that come again")
    V = np.ascontiguousarray(V)
    kind = V.dtype.type
    total = float(np.linalg.norm(V))
    if total == 0:
        return _decomposition(V, np.zeros_like(V), 0, 0)
    weight = factor / np.sqrt(max(V.shape))
    norm = _spectral_norm(V, progress)
    penalty = 1.25 / norm
    # Y is kept divided by μ throughout.
    Y = V / kind(max(norm, float(np.abs(V).max()) / weight) * penalty)
    L = np.zeros_like(V)
    M = np.clip(V + Y, kind(-weight / penalty), kind(weight / penalty))
    basis: Float | None = None
    iterations = 0
    started = 0.0
    for iterations in range(1, most + 1):
        L, basis = thresholded(M, 1 / penalty, basis, progress)
        following = min(penalty * growth, 1e7 / norm)
        missed = clip_and_sum(V, L, Y, M, kind(penalty / following), kind(weight / following))
        penalty = following
        error = max(float(np.sqrt(missed)) / total, 1e-30)
        if error <= tolerance:
            break
        # The error falls by about the same factor each time.
        started = started or max(error, 10 * tolerance)
        passed = np.log(started / error) / np.log(started / tolerance)
        progress(
            max(0.02 * iterations / (1 + 0.02 * iterations), float(passed)),
            "looking for patterns that come again",
        )
    progress(1.0, "looking for patterns that come again")
    return _decomposition(V, L, 0 if basis is None else basis.shape[1], iterations)


def cut(frames: int, wanted: int, shared: int) -> list[tuple[int, int]]:
    """Cut frames into even stretches of at most about `wanted`, each sharing some frames with the next."""
    count = max(1, -(-(frames - shared) // max(1, wanted - shared)))
    step = -(-(frames - shared) // count)
    return [(number * step, min(frames, (number + 1) * step + shared)) for number in range(count)]


def _decomposition(V: Float, L: Float, rank: int, iterations: int) -> Decomposition:
    S = V - L
    for array in (L, S):
        array.flags.writeable = False
    return Decomposition(L, S, rank, iterations)


def _spectral_norm(V: Float, progress: Progress) -> float:
    """The largest singular value, by the power method; V's are ≥ 0, so that it starts near."""
    narrow = V if V.shape[0] >= V.shape[1] else V.T
    vector = np.abs(narrow).sum(axis=0, dtype=V.dtype)
    norm = 0.0
    for _ in range(100):
        progress.check()
        vector /= np.linalg.norm(vector)
        along = narrow @ vector
        before, norm = norm, float(np.linalg.norm(along))
        if norm - before <= 1e-6 * norm:
            break
        vector = narrow.T @ along
    return norm
