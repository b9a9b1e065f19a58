"""What NMF may be asked for beside a good match: few activations, smooth ones, templates that do not overlap.

With s_k = Σ_f w_fk, n_k = ‖w_k‖ and a_k = Σ_t h_kt, added to the divergence are

    λ Σ_kt φ(n_k h_kt)  +  μ/2 Σ_k s_k² Σ_t (h_kt − h_k,t−1)²  +  ν/2 Σ_{k≠j} a_k a_j w_kᵀ w_j,

which do not change when scale is moved between w_k and h_k, so that normalising W's columns costs nothing. With
φ(x) = x the first is the L1 norm of H for templates of length 1 (Le Roux, Weninger & Hershey 2015, "Sparse NMF –
half-baked or well done?"): light that one atom holds is shorter than the same light on several, while sums of W would
add up to the same however it is shared, and under Kullback–Leibler to nothing but a quieter model. For β < 1 the match
asks for ratios, and so does φ(x) = ((x + ε)^β − ε^β) / β, for β = 0 ln(x + ε) − ln ε, with ε a faint sound (the log of
Lefèvre, Bach & Févotte 2011, "Itakura-Saito nonnegative matrix factorization with group sparsity", atom by atom).

Each term has an upper bound that separates over the entries and touches it at the present point: linear terms are
bounded by powers, φ by its tangent, n by ½ Σ_f w_f² / ñ + ½ ñ with ñ the present length, (h_t − h_{t−1})² by
½(2h_t − σ)² + ½(2h_{t−1} − σ)² with σ the present sum, products x y by squares. So the multiplicative updates with
these terms in numerator and denominator cannot raise the sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Wide = NDArray[np.float64]

FIRM = 0.1  # of the match's pull, what sparsity 1 has: about half as many atoms at a time, at nearly the same match
FAINT = 1e-3  # of the length of a frame


@dataclass(frozen=True)
class Penalties:
    """Weights of the three terms, each ≥ 0.

    Attributes
    ----------
    sparsity
        λ, for few activations at a time.
    smoothness
        μ, for activations that change little from frame to frame.
    decorrelation
        ν, for templates that share no bins.
    power, faint
        Of φ: β where that is below 1, and ε; 1 for φ(x) = x.
    """

    sparsity: float = 0.0
    smoothness: float = 0.0
    decorrelation: float = 0.0
    power: float = 1.0
    faint: float = 0.0

    def __post_init__(self) -> None:
        if min(self.sparsity, self.smoothness, self.decorrelation) < 0:
            raise ValueError(f"penalties must not be negative: {self}")

    def __bool__(self) -> bool:
        return max(self.sparsity, self.smoothness, self.decorrelation) > 0

    def exponents(self, beta: float) -> tuple[float, float]:
        """Of the multiplicative updates of H and of W with these terms: 1 / (p + q) of bounds −A (h̃/h)^p and B (h/h̃)^q.

        What W's update needs under Kullback–Leibler is solved for exactly, see `balanced`.
        """
        templates = 1.0 if beta == 1.0 else 1.0 / (3.0 - beta)
        if self.smoothness or self.decorrelation:
            return 1.0 / (1.0 + max(1.0, 2.0 - beta)), templates
        return 1.0 / (2.0 - beta) if beta < 1.0 else 1.0, templates

    def for_level(self, level: float, beta: float) -> Penalties:
        """The weights that mean the same for V / level."""
        squared = level ** (2.0 - beta)
        return replace(
            self,
            sparsity=self.sparsity * level ** (self.power - beta),
            smoothness=self.smoothness * squared,
            decorrelation=self.decorrelation * squared,
            faint=self.faint / level,
        )

    def for_channels(self, channels: int) -> Penalties:
        """The weights that mean the same where one V stood for so many: the activations are so many times higher."""
        return replace(
            self,
            sparsity=self.sparsity * channels ** (1.0 - self.power),
            smoothness=self.smoothness / channels,
            decorrelation=self.decorrelation / channels,
            faint=self.faint * channels,
        )

    def relative_to(self, V: Float, components: int, beta: float) -> Penalties:
        """The weights for this V, where 1 is strong, at any level of the song.

        The match's pull on h_kt is about v̄^(β−1); that of the terms is λ n φ', 4 μ h̄ and ν Σ V / bins, where n and φ'
        are taken to be those of an atom that is all of a usual frame.
        """
        bins, frames = V.shape
        total, squares = 0.0, np.zeros(frames)
        for row in V:
            total += float(row.sum(dtype=np.float64))
            squares += np.square(row, dtype=np.float64)
        if total <= 0:
            return self
        pull = (total / (bins * frames)) ** (beta - 1.0)
        level = total / (components * frames)
        length = np.sqrt(squares).mean(keepdims=True)
        shape = replace(self, power=min(1.0, beta), faint=FAINT * float(length[0]) if beta < 1.0 else 0.0)
        return replace(
            shape,
            sparsity=self.sparsity * FIRM * pull * (total / frames) / float(shape.felt(length)[0]),
            smoothness=self.smoothness * pull / (4.0 * level),
            decorrelation=self.decorrelation * pull * bins / total,
        )

    def felt(self, lengths: Wide) -> Wide:
        """φ of lengths."""
        if self.power == 1.0:
            return lengths
        louder = lengths / self.faint + 1.0
        if self.power == 0.0:
            return np.log(louder)
        felt: Wide = self.faint**self.power / self.power * (louder**self.power - 1.0)
        return felt

    def at(self, W: Float, H: Float) -> PenaltiesAt:
        """The terms and what they add to the updates at W (bins, atoms) and Hᵀ (frames, atoms)."""
        return PenaltiesAt(self, W, H)


class PenaltiesAt:
    """The penalties at one point; H is copied where they look at other frames than the one that is updated."""

    def __init__(self, penalties: Penalties, W: Float, H: Float) -> None:
        self.weights = penalties
        self.W = W
        self.sizes = W.sum(axis=0, dtype=np.float64)
        self.lengths = np.sqrt(np.einsum("fk,fk->k", W, W, dtype=np.float64))
        self.amounts = H.sum(axis=0, dtype=np.float64)
        self.now = H
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
            self._cost_of_activity()
            + 0.5 * weights.smoothness * (self.sizes**2 @ self.changes)
            + 0.5 * weights.decorrelation * (self.amounts @ self.overlap @ self.amounts)
        )

    def activations_terms(self, start: int, stop: int) -> tuple[Float | float, Float]:
        """For frames [start, stop): what is added to numerator and denominator of Hᵀ's update."""
        weights = self.weights
        linear: Float = (weights.decorrelation * (self.overlap @ self.amounts)).astype(np.float32)
        if weights.sparsity:
            linear = linear + self._pull(self.now[start:stop]) * self.lengths.astype(np.float32)
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

    def templates_pull(self) -> Float:
        """The slope of these terms in the entries of W, (bins, atoms)."""
        weights = self.weights
        added: Float = np.broadcast_to(
            (weights.smoothness * self.sizes * self.changes).astype(np.float32), self.W.shape
        )
        if weights.sparsity:
            felt = (self._pull(self.now) * self.now).sum(axis=0, dtype=np.float64)
            unit = felt / np.where(self.lengths > 0, self.lengths, 1.0)
            added = added + self.W * unit.astype(np.float32)
        if weights.decorrelation:
            loud = self.W * self.amounts.astype(np.float32)
            others = loud.sum(axis=1, keepdims=True) - loud
            added = added + others * (weights.decorrelation * self.amounts).astype(np.float32)
        return added

    def _pull(self, H: Float) -> Float:
        """λ φ'(n h) for some frames."""
        weights = self.weights
        if weights.power == 1.0:
            return np.full(1, weights.sparsity, dtype=np.float32)
        slope: Float = H * self.lengths.astype(np.float32)
        slope += np.float32(weights.faint)
        np.power(slope, np.float32(weights.power - 1.0), out=slope)
        slope *= np.float32(weights.sparsity)
        return slope

    def _cost_of_activity(self) -> float:
        """λ Σ φ(n h)."""
        weights = self.weights
        if not weights.sparsity:
            return 0.0
        if weights.power == 1.0:
            return float(weights.sparsity * (self.lengths @ self.amounts))
        return weights.sparsity * float(weights.felt(self.now * self.lengths).sum())


def balanced(numerator: Float, denominator: Float, pull: Float, beta: float) -> Float:
    """The denominator of W's update with the pull of penalties, where those are numerator and denominator without it.

    All bounds are quadratic in x = w / w̃. Under Kullback–Leibler −A/x + B + C x = 0 has x = A / (B/2 + √(B²/4 + A C)),
    to be taken as it is; otherwise A / (B + C) is taken to a power.
    """
    if beta != 1.0:
        return denominator + pull
    half: Float = np.float32(0.5) * denominator
    solved: Float = half + np.sqrt(half * half + numerator * pull)
    return solved
