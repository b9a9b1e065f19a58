"""What NMF may be asked for beside a good match: few activations, smooth ones, templates that do not overlap.

With s_k = Σ_f w_fk and a_k = Σ_t h_kt, added to the divergence are

    λ Σ_k s_k a_k  +  μ/2 Σ_k s_k² Σ_t (h_kt − h_k,t−1)²  +  ν/2 Σ_{k≠j} a_k a_j w_kᵀ w_j,

which do not change when scale is moved between w_k and h_k, so that normalising W's columns costs nothing. Each term
has an upper bound that separates over the entries and touches it at the present point: linear terms are bounded by
powers, (h_t − h_{t−1})² by ½(2h_t − σ)² + ½(2h_{t−1} − σ)² with σ the present sum, products x y by squares. So the
multiplicative updates with these terms in numerator and denominator cannot raise the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Penalties:
    """Weights of the three terms, each ≥ 0.

    Attributes
    ----------
    sparsity
        λ, for few and quiet activations.
    smoothness
        μ, for activations that change little from frame to frame.
    decorrelation
        ν, for templates that share no bins.
    """

    sparsity: float = 0.0
    smoothness: float = 0.0
    decorrelation: float = 0.0

    def __post_init__(self) -> None:
        if min(self.sparsity, self.smoothness, self.decorrelation) < 0:
            raise ValueError(f"penalties must not be negative: {self}")

    def __bool__(self) -> bool:
        return max(self.sparsity, self.smoothness, self.decorrelation) > 0

    def exponent(self, beta: float) -> float:
        """Of the multiplicative updates with these terms: 1 / (p + q) of the bounds −A (h̃/h)^p and B (h/h̃)^q."""
        if self.smoothness or self.decorrelation:
            return 1.0 / (1.0 + max(1.0, 2.0 - beta))
        return 1.0 / (2.0 - beta) if beta < 1.0 else 1.0

    def for_level(self, level: float, beta: float) -> Penalties:
        """The weights that mean the same for V / level."""
        squared = level ** (2.0 - beta)
        return Penalties(
            self.sparsity * level ** (1.0 - beta), self.smoothness * squared, self.decorrelation * squared
        )

    def relative_to(self, V: Float, components: int, beta: float) -> Penalties:
        """The weights for this V, where 1 makes a term about as strong as the match, at any level of the song.

        The match's pull on h_kt is about v̄^(β−1); that of the terms is λ, 4 μ h̄ and ν Σ V / bins.
        """
        total = float(sum(row.sum(dtype=np.float64) for row in V))
        if total <= 0:
            return self
        bins, frames = V.shape
        pull = (total / (bins * frames)) ** (beta - 1.0)
        level = total / (components * frames)
        return Penalties(
            self.sparsity * pull,
            self.smoothness * pull / (4.0 * level),
            self.decorrelation * pull * bins / total,
        )

    def at(self, W: Float, H: Float) -> PenaltiesAt:
        """The terms and what they add to the updates at W (bins, atoms) and Hᵀ (frames, atoms)."""
        return PenaltiesAt(self, W, H)


class PenaltiesAt:
    """The penalties at one point; H is copied where it is needed frame by frame."""

    def __init__(self, penalties: Penalties, W: Float, H: Float) -> None:
        self.weights = penalties
        self.W = W
        self.sizes = W.sum(axis=0, dtype=np.float64)
        self.amounts = H.sum(axis=0, dtype=np.float64)
        self.H = H.copy() if penalties.smoothness else None
        self.changes = np.zeros(W.shape[1])
        if self.H is not None and len(H) > 1:
            self.changes = np.square(np.diff(self.H, axis=0)).sum(axis=0, dtype=np.float64)
        self.overlap = np.zeros((W.shape[1],) * 2)
        if penalties.decorrelation:
            self.overlap = (W.T @ W).astype(np.float64)
            np.fill_diagonal(self.overlap, 0.0)

    def cost(self) -> float:
        """What is added to the divergence."""
        weights = self.weights
        return float(
            weights.sparsity * (self.sizes @ self.amounts)
            + 0.5 * weights.smoothness * (self.sizes**2 @ self.changes)
            + 0.5 * weights.decorrelation * (self.amounts @ self.overlap @ self.amounts)
        )

    def activations_terms(self, start: int, stop: int) -> tuple[Float | float, Float]:
        """For frames [start, stop): what is added to numerator and denominator of Hᵀ's update."""
        weights = self.weights
        constant = weights.sparsity * self.sizes + weights.decorrelation * (self.overlap @ self.amounts)
        linear = constant.astype(np.float32)
        if self.H is None:
            return 0.0, linear
        H, frames = self.H, len(self.H)
        here = H[start:stop]
        beside = np.zeros_like(here)
        count = np.zeros((stop - start, 1), dtype=np.float32)
        low, high = max(start, 1), min(stop, frames - 1)
        beside[low - start :] += H[low - 1 : stop - 1]
        count[low - start :] += 1
        beside[: high - start] += H[start + 1 : high + 1]
        count[: high - start] += 1
        strength = (weights.smoothness * self.sizes**2).astype(np.float32)
        own = count * here
        return strength * (own + beside), linear + 2 * strength * own

    def templates_denominator(self) -> Float:
        """What is added to the denominator of W's update, (bins, atoms)."""
        weights = self.weights
        constant = weights.sparsity * self.amounts + weights.smoothness * self.sizes * self.changes
        added: Float = np.broadcast_to(constant.astype(np.float32), self.W.shape)
        if weights.decorrelation:
            loud = self.W * self.amounts.astype(np.float32)
            others = loud.sum(axis=1, keepdims=True) - loud
            added = added + others * (weights.decorrelation * self.amounts).astype(np.float32)
        return added
