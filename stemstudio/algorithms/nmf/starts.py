"""Where a factorisation starts: random or NNDSVD; and how many atoms a sound seems to ask for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress

Float = NDArray[np.float32]

STRIDE = 256  # frames of V taken at a time
OVERSAMPLING = 8
ROUNDING = 1e-6  # of the energy: singular values come from single precision


def random_start(V: Float, components: int, seed: int) -> tuple[Float, Float]:
    """W and H at random, positive, at the level of V: float32 (bins, components) and (components, frames).

    W's columns are random frames' worth of energy along frequency: the mean spectrum of V times noise, so that the
    first updates are not spent on finding that music has more low frequencies than high ones.
    """
    return _random(*_margins(V, None), components, seed)


def leftover_start(V: Float, W: Float, H: Float, components: int, seed: int) -> tuple[Float, Float]:
    """A random start for what the atoms of W and H leave over of V: as `random_start` of max(V − W H, 0).

    Started from all of V, free atoms learn again what the others know already, and share it with them.
    """
    return _random(*_margins(V, (W, H)), components, seed)


def _margins(V: Float, model: tuple[Float, Float] | None) -> tuple[NDArray[np.float64], Float]:
    """Sums of V, or of what a model leaves over of it, along time and along frequency."""
    bins, frames = V.shape
    spectrum = np.zeros(bins)
    loudness = np.zeros(frames, dtype=np.float32)
    for start in range(0, frames, STRIDE):
        block = V[:, start : start + STRIDE]
        if model is not None:
            block = np.maximum(block - model[0] @ model[1][:, start : start + STRIDE], 0)
        spectrum += block.sum(axis=1, dtype=np.float64)
        loudness[start : start + STRIDE] = block.sum(axis=0)
    return spectrum, loudness


def _random(
    spectrum: NDArray[np.float64], loudness: Float, components: int, seed: int
) -> tuple[Float, Float]:
    rng = np.random.default_rng(seed)
    total = spectrum.sum()
    shape = (spectrum / total if total > 0 else spectrum).astype(np.float32)
    W = (0.5 + rng.random((len(spectrum), components), dtype=np.float32)) * shape[:, None]
    H = (0.5 + rng.random((components, len(loudness)), dtype=np.float32)) * (loudness / components)
    return W.astype(np.float32, copy=False), H.astype(np.float32, copy=False)


def nndsvd_start(V: Float, components: int, seed: int, progress: Progress) -> tuple[Float, Float]:
    """W and H from the leading singular vectors of V: the larger of each pair's positive and negative part.

    Exact zeros of NNDSVD would stay zeros for ever, so they are filled with a little noise (NNDSVDar). Components
    beyond the rank of V start at random.

    References
    ----------
    Boutsidis & Gallopoulos 2008, "SVD based initialization: a head start for nonnegative matrix factorization".
    """
    W, H = random_start(V, components, seed)
    U, S, Vt = leading_svd(V, components, seed, progress)
    W *= np.float32(0.01)
    H *= np.float32(0.01)
    for k, value in enumerate(S):
        u, v = U[:, k], Vt[k]
        up, vp, un, vn = np.maximum(u, 0), np.maximum(v, 0), np.maximum(-u, 0), np.maximum(-v, 0)
        positive = np.linalg.norm(up) * np.linalg.norm(vp)
        negative = np.linalg.norm(un) * np.linalg.norm(vn)
        left, right = (up, vp) if positive >= negative else (un, vn)
        column = left.sum()
        if value <= 0 or column <= 0:
            continue
        # W's columns sum to about 1; the pair u v has length √(value · larger), and its product must stay.
        size = value * max(positive, negative) / (np.linalg.norm(left) * np.linalg.norm(right))
        W[:, k] += left / column
        H[k] += right * np.float32(size * column)
    return W, H


def leading_svd(V: Float, rank: int, seed: int, progress: Progress) -> tuple[Float, Float, Float]:
    """The first singular triplets of V by random projection: U (bins, r), S (r,), Vᵀ (r, frames), float32.

    References
    ----------
    Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithms 4.4 and 5.1.
    """
    bins, frames = V.shape
    wanted = min(rank, bins, frames)
    width = min(wanted + OVERSAMPLING, bins, frames)
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((bins, width)).astype(np.float32))[0]
    projected = np.empty((width, frames), dtype=np.float32)
    passes = 3
    for number in range(passes):
        product = np.zeros((bins, width), dtype=np.float32)
        for start in range(0, frames, STRIDE):
            progress((number + start / frames) / (passes + 1))
            block = V[:, start : start + STRIDE]
            product += block @ (block.T @ basis)
        basis = np.linalg.qr(product)[0]
    for start in range(0, frames, STRIDE):
        progress((passes + start / frames) / (passes + 1))
        projected[:, start : start + STRIDE] = basis.T @ V[:, start : start + STRIDE]
    # The small side's Gram matrix: no copy of anything as long as the song.
    values, vectors = np.linalg.eigh(projected.astype(np.float64) @ projected.T.astype(np.float64))
    order = np.argsort(values)[::-1][:wanted]
    S = np.sqrt(np.maximum(values[order], 0))
    rotated = vectors[:, order]
    safe = np.where(S[:1].max(initial=0) * 1e-7 < S, S, np.inf)
    right = (rotated.T / safe[:, None]).astype(np.float32) @ projected
    progress(1.0)
    return (basis @ rotated).astype(np.float32), S.astype(np.float32), right


def components_for_coverage(V: Float, coverage: float, most: int, seed: int, progress: Progress) -> int:
    """The smallest rank whose best approximation of V has at least `coverage` of its energy, in 1…most.

    The share of the first K singular values in the sum of all squares: no K atoms can cover more (Eckart & Young
    1936), and NNDSVD starts from just these.
    """
    if not 0.0 < coverage <= 1.0:
        raise ValueError(f"coverage must lie in (0, 1], not {coverage}")
    energy = 0.0
    for start in range(0, V.shape[1], STRIDE):
        block = V[:, start : start + STRIDE]
        energy += float(np.sum(np.square(block), dtype=np.float64))
    if energy <= 0:
        return 1
    values = leading_svd(V, most, seed, progress)[1].astype(np.float64)
    reached = np.flatnonzero(np.cumsum(values**2) >= coverage * energy * (1 - ROUNDING))
    return int(reached[0]) + 1 if reached.size else most
