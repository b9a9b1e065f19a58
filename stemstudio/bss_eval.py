"""BSSEval v3 for sources and images: how much of an estimate is its source, another source, or neither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress, unhurried

FILTER_LENGTH = 512
"""Taps of the filter that BSSEval forgives an estimate."""

_BLOCK = 1 << 14  # samples at a time: what is multiplied stays within the cache


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
    of ρ_ij / ρ_j. The correlations are gathered block by block: over a whole song at once, four stems of four
    minutes would take more than 10 GB.

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
    progress = progress or Progress()
    auto, cross, powers = _correlations(references, estimates, filter_length, progress)
    heard = np.flatnonzero(np.diagonal(auto[0]) > 0)
    auto, some = auto[:, heard[:, None], heard], cross[:, heard]
    rows = np.arange(heard.size)

    squared_cosine = np.full((references.shape[0], estimates.shape[0]), np.nan)
    for row, source in enumerate(heard):
        matrix = _gram(auto[:, row : row + 1, row : row + 1])
        squared_cosine[source] = _explained(matrix, some[:, row], progress) / powers
    together = np.full(estimates.shape[0], np.nan)
    if heard.size == 1:
        together = squared_cosine[heard[0]]
    elif heard.size:
        products = some.reshape(filter_length * rows.size, -1)
        together = _explained(_gram(auto), products, progress) / powers
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = squared_cosine / together
    sar = np.where(np.isnan(squared_cosine), np.nan, _decibels(together))
    return _decibels(squared_cosine), _decibels(ratio), sar


def bss_eval_images(
    references: NDArray[np.floating],
    estimates: NDArray[np.floating],
    *,
    filter_length: int = FILTER_LENGTH,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Score every estimate against every reference by BSSEval v3 for images, stems with all their channels.

    With s the reference, P its span (all shifts of its channels) and A that of all references, all of them channel
    by channel: an estimate e is s + (P e − s) + (A e − P e) + (e − A e), the image, what is wrong with its place,
    interference, and artefacts. SDR = |s|² / |e − s|², ISR = |s|² / |P e − s|², SIR = |P e|² / |A e − P e|² and
    SAR = |A e|² / |e − A e|². As P lies in A, and s in P, all follow from |P e|², |A e|² and ⟨s, e⟩.

    Parameters
    ----------
    references : ndarray, shape (sources, channels, samples)
    estimates : ndarray, shape (guesses, channels, samples)
    filter_length : int
        Taps of the forgiven filters.
    progress : Progress, optional
        Told how far it is.

    Returns
    -------
    sdr, isr, sir, sar : ndarray of float64, shape (sources, guesses)
        In dB. NaN where reference or estimate is silent; silent references also take no part in what interferes.

    References
    ----------
    Vincent, Sawada, Bofill, Makino & Rosca 2007, "First stereo audio source separation evaluation campaign".
    """
    (sources, channels, length), guesses = references.shape, len(estimates)
    if estimates.shape[1:] != (channels, length):
        raise ValueError(f"estimates {estimates.shape} do not fit references {references.shape}")
    # A channel that is another one over again adds nothing to a span and would make its Gram matrix singular.
    rows = [
        (source, channel)
        for source in range(sources)
        for channel in range(channels)
        if references[source, channel].any() and not _repeats(references[source], channel)
    ]
    owner = np.array([source for source, _ in rows], dtype=np.intp)
    flat = estimates.reshape(guesses * channels, length)
    spanning = np.array([references[row] for row in rows]).reshape(len(rows), length)
    image = np.square(references, dtype=np.float64).sum(axis=(1, 2))
    power = np.square(estimates, dtype=np.float64).sum(axis=(1, 2))
    image[image == 0], power[power == 0] = np.nan, np.nan
    together = np.einsum("scn,gcn->sg", references, estimates, dtype=np.float64, optimize=True)

    in_own = np.full((sources, guesses), np.nan)
    in_all = np.full(guesses, np.nan)
    progress = progress or Progress()
    if rows:
        auto, cross, _ = _correlations(spanning, flat, filter_length, progress)

        def explained(which: NDArray[np.intp]) -> NDArray[np.float64]:
            matrix = _gram(auto[:, which[:, None], which])
            products = cross[:, which].reshape(filter_length * which.size, -1)
            inside = _explained(matrix, products, progress).reshape(guesses, channels)
            return np.asarray(inside.sum(axis=1))

        in_all = explained(np.arange(len(rows)))
        for source in np.unique(owner):
            in_own[source] = explained(np.flatnonzero(owner == source))
    known = np.where(np.isnan(in_own) | np.isnan(power), np.nan, 1.0)
    whole = image[:, None] * known

    def decibels(signal: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            # What is left of nothing is rounding.
            clear = np.where(noise <= 1e-14 * signal, 0.0, noise)
            return np.asarray(10 * np.log10(signal / clear))

    return (
        decibels(whole, power - 2 * together + whole),
        decibels(whole, in_own - 2 * together + whole),
        decibels(in_own * known, np.maximum(in_all - in_own, 0)),
        decibels(in_all * known, np.maximum(power - in_all, 0)),
    )


def _repeats(channels: NDArray[np.floating], channel: int) -> bool:
    """Whether a channel is one before it over again."""
    return any(np.array_equal(channels[channel], channels[before]) for before in range(channel))


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
    product = np.empty_like(spectrum[0])
    energies = np.zeros(count + len(estimates))
    for start in range(0, length, _BLOCK):
        progress(start / length, "Comparing stems")
        # a block of the references against all that lies up to `lags` later
        block = fft.rfft(references[:, start : start + _BLOCK], size)
        reach = slice(start, start + _BLOCK + lags)
        ahead = np.concatenate([references[:, reach], estimates[:, reach]], dtype=np.float64)
        later = fft.rfft(ahead, size)
        for i, own in enumerate(block.conj()):
            spectrum[i] += np.multiply(own, later, out=product)
        energies += np.einsum("jn,jn->j", ahead[:, :_BLOCK], ahead[:, :_BLOCK])
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


def _gram(auto: NDArray[np.float64]) -> NDArray[np.float64]:
    """All inner products of all shifts of references, from what `_correlations` found of them."""
    lags, count = len(auto) // 2, auto.shape[1]
    shifts = np.arange(lags)
    blocks = auto[shifts - shifts[:, None]]  # lags below zero count from the end
    return np.asarray(blocks.swapaxes(1, 2).reshape(lags * count, lags * count))


def _explained(
    matrix: NDArray[np.float64], products: NDArray[np.float64], progress: Progress
) -> NDArray[np.float64]:
    """Energy of each estimate that lies in a span: pᵀ R⁻¹ p for each column p, with R the span's Gram matrix."""
    from scipy import linalg
    from threadpoolctl import threadpool_limits

    def solve() -> NDArray[np.float64]:
        try:
            # R = L Lᵀ; the energy is |L⁻¹ p|²
            return np.asarray(
                linalg.solve_triangular(linalg.cholesky(matrix, lower=True), products, lower=True)
            )
        except linalg.LinAlgError:
            # references without any treble, or one reference twice: leave out the directions that are only rounding
            values, vectors = linalg.eigh(matrix)
            kept = values > values[-1] * len(matrix) * np.finfo(float).eps
            return np.asarray((vectors[:, kept].T @ products) / np.sqrt(values[kept])[:, None])

    # Several threads hand each other small pieces here, and on a busy machine wait for each other ten times as long.
    with threadpool_limits(limits=1, user_api="blas"):
        half = unhurried(solve, progress.watched())
    return np.asarray(np.square(half).sum(axis=0))


def _decibels(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """10 log₁₀ of the energy inside a span to that outside, from the share inside; rounding past 1 is inf."""
    share = np.clip(share, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * (np.log10(share) - np.log10(1 - share)))
