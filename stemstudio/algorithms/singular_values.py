"""Thresholding of singular values through the Gram matrix: all eigenvectors, or the leading ones from known ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress, unhurried

Float = NDArray[np.floating[Any]]

SPARE = 16  # eigenvectors sought at least beyond those known
TURNS = 6  # of the subspace iteration
FEW = 7  # all eigenvectors together take no longer than this part of them


def thresholded(M: Float, threshold: float, known: Float | None, progress: Progress) -> tuple[Float, Float]:
    """U max(Σ − threshold, 0) Vᵀ of M = U Σ Vᵀ, and the singular vectors on the shorter side that remain.

    `known` are those of the step before, from which single precision finds these sooner.
    """
    from threadpoolctl import threadpool_limits

    narrow = M if M.shape[0] >= M.shape[1] else M.T
    gram = narrow.T @ narrow
    progress.check()
    # Several threads hand each other small pieces here, and on a busy machine wait for each other ten times as long.
    with threadpool_limits(limits=1, user_api="blas"):
        found = None
        if known is not None and M.dtype == np.float32:
            found = leading(gram, threshold**2, known, progress)
        powers, vectors = all_eigenvectors(gram, progress) if found is None else found
    singular = np.sqrt(np.maximum(powers, 0))
    kept = singular > threshold
    basis = np.ascontiguousarray(vectors[:, kept])
    share = (1 - threshold / singular[kept]).astype(M.dtype)
    if M is narrow:
        L = ((M @ basis) * share) @ basis.T
    else:
        L = (basis * share) @ (basis.T @ M)
    progress.check()
    return L, basis


def all_eigenvectors(gram: Float, progress: Progress) -> tuple[Float, Float]:
    """Eigenvalues, rising, and eigenvectors of a symmetric matrix, which is written over."""
    import scipy.linalg

    answer: tuple[Float, Float] = unhurried(
        lambda: scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False),
        progress.watched(),
    )
    return answer


def leading(gram: Float, threshold: float, known: Float, progress: Progress) -> tuple[Float, Float] | None:
    """Eigenvalues and eigenvectors above a threshold, and some below it, by subspace iteration from known ones.

    None where so many are above that all together are found sooner. Those near the threshold are the least exact,
    and they are shrunk to nearly nothing.
    """
    size = gram.shape[0]
    rng = np.random.default_rng(0)
    Q = known
    while True:
        wanted = Q.shape[1] + max(SPARE, Q.shape[1] // 2)
        if wanted > size // FEW:
            return None
        fresh = rng.standard_normal((size, wanted - Q.shape[1]), dtype=np.float32)
        Q = np.concatenate([Q, fresh], axis=1)
        for _ in range(TURNS):
            Q = np.linalg.qr(gram @ Q)[0]
            progress.check()
        powers, turns = np.linalg.eigh(Q.T @ gram @ Q)
        Q = Q @ turns
        if powers[0] < threshold:
            return powers, Q
