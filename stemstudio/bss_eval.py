"""BSSEval v3 for sources: how much of an estimate is its source, another source, or neither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress

FILTER_LENGTH = 512
"""Taps of the filter that BSSEval forgives an estimate."""

_BLOCK = 1 << 16


def bss_eval_sources(
    references: NDArray[np.floating],
    estimates: NDArray[np.floating],
    *,
    filter_length: int = FILTER_LENGTH,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Score every estimate against every reference by BSSEval v3 for sources.

    With ρ_ij the squared cosine between estimate j and the span of all shifts of reference i, and ρ_j that between
    it and the shifts of all references together: SDR = ρ_ij / (1 − ρ_ij), SAR = ρ_j / (1 − ρ_j) and SIR the same
    of ρ_ij / ρ_j. The matrices are those of `fast_bss_eval`; the correlations in them are gathered block by block,
    for over a whole song at once, as there, four stems of four minutes take more than 10 GB.

    Parameters
    ----------
    references : ndarray, shape (sources, samples)
    estimates : ndarray, shape (guesses, samples)
    filter_length : int
        Taps of the forgiven filter.
    progress : Progress, optional
        Told how far it is.

    Returns
    -------
    sdr, sir, sar : ndarray of float64, shape (sources, guesses)
        In dB. NaN where reference or estimate is silent; silent references also take no part in what interferes.

    References
    ----------
    Vincent, Gribonval & Févotte 2006, "Performance measurement in blind audio source separation".
    Scheibler 2022, "SDR – medium rare with fast computations": the measures as squared cosines.
    """
    from fast_bss_eval.numpy.linalg import block_toeplitz, toeplitz

    auto, cross, powers = _correlations(references, estimates, filter_length, progress or Progress())
    heard = np.flatnonzero(np.diagonal(auto[0]) > 0)
    auto, some = auto[:, heard[:, None], heard], cross[:, heard]
    rows = np.arange(heard.size)

    squared_cosine = np.full((references.shape[0], estimates.shape[0]), np.nan)
    for row, source in enumerate(heard):
        matrix = toeplitz(auto[:filter_length, row, row])
        squared_cosine[source] = _explained(matrix, some[:, row]) / powers
    together = np.full(estimates.shape[0], np.nan)
    if heard.size == 1:
        together = squared_cosine[heard[0]]
    elif heard.size:
        together = _explained(block_toeplitz(auto), some.reshape(filter_length * rows.size, -1)) / powers
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = squared_cosine / together
    sar = np.where(np.isnan(squared_cosine), np.nan, _decibels(together))
    return _decibels(squared_cosine), _decibels(ratio), sar


def _correlations(
    references: NDArray[np.floating], estimates: NDArray[np.floating], lags: int, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Correlations over `lags`, of references scaled to unit energy.

    Returns
    -------
    auto : ndarray of float64, shape (2 · lags, sources, sources)
        Σ_n r_i[n + l] r_j[n] for l = 0 … lags − 1, then for l = −lags … −1.
    cross : ndarray of float64, shape (lags, sources, guesses)
        Σ_n r_i[n] e_j[n + l].
    powers : ndarray of float64, shape (guesses,)
        Energies of the estimates; NaN where silent.
    """
    from scipy import fft

    count, length = references.shape
    size = fft.next_fast_len(_BLOCK + lags, real=True)
    spectrum = np.zeros((count, count + len(estimates), size // 2 + 1), np.complex128)
    energies = np.zeros(count + len(estimates))
    for start in range(0, length, _BLOCK):
        progress(start / length, "Comparing stems")
        # a block of the references against all that lies up to `lags` later
        block = fft.rfft(references[:, start : start + _BLOCK], size)
        reach = slice(start, start + _BLOCK + lags)
        ahead = np.concatenate([references[:, reach], estimates[:, reach]])
        later = fft.rfft(ahead, size)
        for i in range(count):
            spectrum[i] += block[i].conj() * later
        energies += np.square(ahead[:, :_BLOCK]).sum(axis=1)
    later = fft.irfft(spectrum, size)[..., : lags + 1]
    norms = np.sqrt(energies[:count])
    norms[norms == 0] = 1.0
    later /= norms[:, None, None]
    pairs = later[:, :count] / norms[:, None]
    # Σ r_i[n + l] r_j[n] is what pairs[j, i] holds at lag l, and pairs[i, j] at lag −l
    auto = np.concatenate([pairs.transpose(2, 1, 0)[:lags], pairs.transpose(2, 0, 1)[lags:0:-1]])
    cross = later[:, count:, :lags].transpose(2, 0, 1)
    powers = energies[count:]
    return auto, np.ascontiguousarray(cross), np.where(powers > 0, powers, np.nan)


def _explained(matrix: NDArray[np.float64], products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy of each estimate that lies in a span: pᵀ R⁻¹ p for each column p, with R the span's Gram matrix."""
    from scipy import linalg

    try:
        # R = L Lᵀ; the energy is |L⁻¹ p|²
        half = linalg.solve_triangular(linalg.cholesky(matrix, lower=True), products, lower=True)
    except linalg.LinAlgError:
        # references without any treble, or one reference twice: leave out the directions that are only rounding
        values, vectors = linalg.eigh(matrix)
        kept = values > values[-1] * len(matrix) * np.finfo(float).eps
        half = (vectors[:, kept].T @ products) / np.sqrt(values[kept])[:, None]
    return np.asarray(np.square(half).sum(axis=0))


def _decibels(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """10 log₁₀ of the energy inside a span to that outside, from the share inside; rounding past 1 is inf."""
    share = np.clip(share, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * (np.log10(share) - np.log10(1 - share)))
