"""Masks: how every bit of a mixture is shared among stems, from what each stem is thought to hold there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress

Float = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]

BYTES = 4 * 2**20  # of one stem's values that the Wiener filter works on at a time


def binary_masks(models: Float, *, margin: float = 1.0, silence: float = 0.0) -> Float:
    """1 for the stem that dominates, 0 for all others.

    Parameters
    ----------
    models
        What each stem is thought to hold, (stems, …), ≥ 0: magnitudes or powers.
    margin
        ≥ 1: how far a stem must exceed the strongest other one; where none does, nobody gets anything and the
        residual does. At 1 the first of equals wins.
    silence
        Nobody gets anything where no model exceeds this.

    Returns
    -------
    ndarray
        (stems, …), of the models' dtype, each 0 or 1; their sum is 0 (also where all models are 0) or 1.
    """
    _check(models, margin)
    strongest = models[0].copy()
    second = np.zeros_like(strongest)
    winner = np.zeros_like(strongest, dtype=np.intp)
    for number, model in enumerate(models[1:], 1):
        winner[model > strongest] = number
        if margin > 1:
            np.maximum(second, np.minimum(strongest, model), out=second)
        np.maximum(strongest, model, out=strongest)
    clear = strongest > silence
    if margin > 1:
        clear &= strongest > margin * second
    masks = np.empty_like(models)
    for number, mask in enumerate(masks):
        np.logical_and(winner == number, clear, out=mask)
    return masks


def soft_masks(
    models: Float,
    *,
    exponent: float = 1.0,
    margin: float = 1.0,
    silence: float = 0.0,
    out: Float | None = None,
) -> Float:
    """Shares V_j^α / (V_j^α + β^α Σ_{i ≠ j} V_i^α).

    Parameters
    ----------
    models
        What each stem is thought to hold, V: (stems, …), ≥ 0. Powers with α = 1, or magnitudes with α = 2, give the
        Wiener filter.
    exponent
        α > 0: higher decides more firmly.
    margin
        β ≥ 1: above 1 the shares add up to less than 1, and what is not clearly anybody's is the residual's.
    silence
        Nobody gets anything where all models together do not exceed this.
    out
        Where the shares are put; may be the models themselves.

    Returns
    -------
    ndarray
        (stems, …), of the models' dtype, in [0, 1]; their sum is at most 1, and 0 where all models are 0.

    References
    ----------
    Liutkus & Badeau 2015, "Generalized Wiener filtering with fractional power spectrograms"; Driedger, Müller &
    Disch 2014, "Extending harmonic-percussive separation of audio signals", for the margin.
    """
    _check(models, margin)
    if not exponent > 0:
        raise ValueError(f"exponent must be positive, not {exponent}")
    if exponent == 1.0:
        if out is not models:
            out = np.positive(models, out=out)
        powers: Float = out
        total = powers.sum(axis=0)
        silent = total <= silence
    else:
        # Scaled by the largest, so that no power overflows and the sum is at least 1.
        largest = models.max(axis=0)
        silent = largest <= silence
        largest[silent] = 1
        powers = np.divide(models, largest, out=out)
        if exponent == 2.0:
            powers *= powers
        else:
            powers **= exponent
        total = powers.sum(axis=0)
    total[silent] = 1
    weight = margin**exponent
    for power in powers:
        power /= total if margin == 1 else power + weight * (total - power)
        power[silent] = 0
    return powers


def multichannel_wiener(
    mixture: Complex,
    models: Float,
    *,
    iterations: int = 1,
    eps: float | None = None,
    progress: Progress | None = None,
) -> Complex:
    """Stems by expectation–maximisation over their spectra and their places between the loudspeakers.

    Starts from x · V_j / Σ V. Each iteration takes from the stems' estimates y_j their powers v_j, the mean over the
    channels of |y_j|², and their spatial covariances R_j = Σ_t y_j y_jᴴ / Σ_t v_j, and then
    y_j = v_j R_j (Σ_i v_i R_i + √ε I)⁻¹ x.

    Parameters
    ----------
    mixture
        x, complex (channels, bins, frames).
    models
        V, what each stem is thought to hold: (stems, bins, frames), or (stems, channels, bins, frames), ≥ 0.
    iterations
        0 gives the start.
    eps
        ε against divisions by 0; by default the smallest step of the mixture's dtype. Larger gives more to nobody.
    progress
        Told how far it is.

    Returns
    -------
    ndarray
        complex (stems, channels, bins, frames), of the mixture's dtype. Their sum is nearly the mixture.

    References
    ----------
    Duong, Vincent & Gribonval 2010, "Under-determined reverberant audio source separation using a full-rank spatial
    covariance model"; Nugraha, Liutkus & Vincent 2016, "Multichannel audio source separation with deep neural
    networks". The same numbers as `norbert.wiener`.
    """
    if mixture.ndim != 3 or models.shape[1:] not in (mixture.shape, mixture.shape[1:]):
        raise ValueError(f"models {models.shape} do not fit a mixture of {mixture.shape}")
    if iterations < 0:
        raise ValueError(f"iterations must be 0 or more, not {iterations}")
    progress = progress or Progress()
    eps = float(np.finfo(mixture.real.dtype).eps) if eps is None else eps
    channels, bins, frames = mixture.shape
    # Large values would make ε too small beside them.
    scale = max(1.0, float(np.abs(mixture).max(initial=0.0)) / 10) if iterations else 1.0
    result = np.empty((len(models), channels, bins, frames), dtype=mixture.dtype)
    given = models if models.ndim == 4 else models[:, None]
    # Every bin has its own covariances, so that bins can be taken some at a time.
    step = max(1, BYTES // max(1, 16 * channels * frames))
    for first in range(0, bins, step):
        progress(first / bins, "placing the stems")
        cut = slice(first, first + step)
        if channels == 2:
            result[:, :, cut] = _stereo(mixture[:, cut], given[:, :, cut], iterations, eps, scale)
            continue
        x = mixture[:, cut].astype(np.complex128)
        V = given[:, :, cut].astype(np.float64)
        y = V / (eps + V.sum(axis=0)) * x
        x, y = x / scale, y / scale
        for _ in range(iterations):
            progress.check()
            y = _em_step(x, y, eps)
        result[:, :, cut] = y * scale
    progress(1.0)
    return result


def replaced(
    mixture: Complex,
    stems: Complex,
    *,
    iterations: int = 1,
    eps: float = 1e-10,
    progress: Progress | None = None,
) -> Complex:
    """Stems that there are, filtered by their spectra and their places between the loudspeakers.

    The same expectation–maximisation as `multichannel_wiener`, begun with the stems themselves.

    Parameters
    ----------
    mixture
        x, complex (channels, bins, frames).
    stems
        y, complex (stems, channels, bins, frames); what they leave of the mixture is best one of them.

    Returns
    -------
    ndarray
        complex (stems, channels, bins, frames), of the mixture's dtype. Their sum is nearly the mixture.

    References
    ----------
    Nugraha, Liutkus & Vincent 2016, "Multichannel audio source separation with deep neural networks".
    """
    if mixture.ndim != 3 or stems.shape[1:] != mixture.shape:
        raise ValueError(f"stems {stems.shape} do not fit a mixture of {mixture.shape}")
    progress = progress or Progress()
    channels, bins, frames = mixture.shape
    scale = max(1.0, float(np.abs(mixture).max(initial=0.0)) / 10)
    result = np.empty(stems.shape, dtype=mixture.dtype)
    step = max(1, BYTES // max(1, 16 * channels * frames))
    for first in range(0, bins, step):
        progress(first / bins, "placing the stems")
        cut = slice(first, first + step)
        x = mixture[:, cut].astype(np.complex128) / scale
        y: Complex = stems[:, :, cut].astype(np.complex128) / scale
        for _ in range(iterations):
            progress.check()
            y = _em_step(x, y, eps)
        result[:, :, cut] = y * scale
    progress(1.0)
    return result


def _stereo(mixture: Complex, models: Float, iterations: int, eps: float, scale: float) -> Complex:
    """Some bins of a stereo mixture, (stems, 2, bins, frames): all iterations in one go."""
    from stemstudio.spectral.wiener_kernel import wiener_stereo

    x = np.ascontiguousarray(mixture)
    found = np.empty((len(models), *x.shape), dtype=x.dtype)
    wiener_stereo(x, models.astype(x.real.dtype, copy=False), found, iterations, eps, scale)
    return found


def _em_step(x: Complex, y: Complex, eps: float) -> Complex:
    """New estimates (stems, channels, bins, frames) of stems from old ones."""
    v = np.square(np.abs(y)).mean(axis=1)
    products = np.einsum("jabt,jcbt->jacb", y, y.conj())
    R = products / (eps + v.sum(axis=-1))[:, None, None]
    channels = x.shape[0]
    covariance = np.einsum("jbt,jacb->acbt", v, R)
    for channel in range(channels):
        covariance[channel, channel] += np.sqrt(eps)
    z = _solved(covariance, x, eps)
    found: Complex = v[:, None] * np.einsum("jacb,cbt->jabt", R, z)
    return found


def _solved(matrix: Complex, x: Complex, eps: float) -> Complex:
    """M⁻¹ x in every bin and frame; M (channels, channels, bins, frames)."""
    solved: Complex
    if len(x) == 1:
        solved = x / (matrix[0] + eps)
        return solved
    if len(x) == 2:
        (a, b), (c, d) = matrix
        pair: Complex = np.stack([d * x[0] - b * x[1], a * x[1] - c * x[0]])
        pair /= a * d - b * c
        return pair
    solved = np.linalg.solve(matrix.transpose(2, 3, 0, 1), x.transpose(1, 2, 0)[..., None])
    return solved[..., 0].transpose(2, 0, 1)


def _check(models: Float, margin: float) -> None:
    if models.ndim < 1 or not len(models):
        raise ValueError("there are no stems to share among")
    if not margin >= 1:
        raise ValueError(f"margin must be 1 or more, not {margin}")
