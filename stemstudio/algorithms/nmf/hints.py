"""Hints: multiplicative updates that are told, in some bins, whose the light is.

A hint says "the light here belongs to stem k, with weight w". Together the hints make a field A_k ∈ [0, 1] a stem, and

    M_j = exp(−λ Σ_{k ≠ j} A_k),   Z = Σ_j M_j ∘ (W_j H_j)

where λ is the strength: what others are told to have, stem j gets little credit for. The updates are those of
Kullback–Leibler NMF with M_j ∘ V / Z in the place of V / (W H), and cannot raise

    J = Σ V log(V / Z) − V + W H

M is 1 wherever nothing is hinted at. Only blocks of frames with a hint need the general form; all others take the plain
updates, so that a few strokes on a long song cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.penalties import PenaltiesAt
from stemstudio.algorithms.nmf.solver import THREADS, Fit, one_blas_thread, prepare
from stemstudio.algorithms.nmf.updates import FLOOR, Flags, Float, Model, Sums, Work, multiply
from stemstudio.progress import Progress
from stemstudio.spectral.tiles import Patch

STRENGTH = 6.0  # λ: exp(−6) is −52 dB


@dataclass(frozen=True, eq=False)
class Hint:
    """What some bins are said to be.

    Attributes
    ----------
    stem
        The number of the stem that they belong to.
    patch
        Which bins and frames.
    weights
        (bins, frames) of the patch, in [0, 1]: how sure that is. Hints that overlap add up to 1 at most.
    """

    stem: int
    patch: Patch
    weights: NDArray[np.floating]


def hinted_updates(
    V: Float,
    W: Float,
    H: Float,
    stems: Sequence[int],
    hints: Sequence[Hint],
    *,
    strength: float = STRENGTH,
    iterations: int = 50,
    cost_every: int = 10,
    progress: Progress | None = None,
    watch: Callable[[Fit], None] | None = None,
    fixed_templates: Flags | None = None,
    fixed_activations: Flags | None = None,
) -> Fit:
    """Lower J by multiplicative updates of H and W in turn, for any number of stems.

    J never rises, entries stay non-negative, and zeros of W and H stay zeros. Without hints these are the plain updates
    of `multiplicative_updates` with β = 1, bit for bit. The inputs are not written to.

    Parameters
    ----------
    V
        float32 (bins, frames), ≥ 0. Fastest where `V.T` is contiguous; may be a memory map.
    W, H
        Where to start: (bins, atoms) and (atoms, frames), ≥ 0; best the present factorisation.
    stems
        For each atom, the number of its stem: any numbers.
    hints
        What is known; one for a stem without atoms changes nothing, as no atom could take the light.
    strength
        λ ≥ 0: 0 is no hints at all.
    iterations, cost_every, progress, watch, fixed_templates, fixed_activations
        As `multiplicative_updates` has them; the costs told are J.

    Returns
    -------
    Fit
        W with columns that sum to 1 and the scale in H, except for atoms of fixed activations.

    Raises
    ------
    ValueError
        When shapes do not fit, a hint lies outside V or is no weight, or the strength is negative.
    Cancelled
        When asked to stop, within a block.

    References
    ----------
    Bryan & Mysore 2013, "An efficient posterior regularized latent variable model for interactive sound source
    separation".
    """
    if len(stems) != W.shape[1]:
        raise ValueError(f"{len(stems)} stems do not fit {W.shape[1]} atoms")
    if not strength >= 0:
        raise ValueError(f"the strength of hints must not be negative, as {strength} is")
    problem = prepare(V, W, H, 1.0, fixed_templates, fixed_activations)
    field = Field(hints, stems, V.shape, strength)
    progress = progress or Progress()
    fit, level = problem.fit, problem.level
    if level == 0.0:
        progress(1.0)
        return fit
    work = problem.work(HintedWork, progress)
    work.field = field
    with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        for iteration in range(1, iterations + 1):
            look = iteration == 1 or iteration == iterations or iteration % cost_every == 0
            cost = work.iterate(pool, look)
            fit.iteration = iteration
            if look:
                fit.costs.append(cost * level)
                fit.looked_at.append(iteration)
            if watch is not None:
                watch(problem.shown())
            progress(iteration / iterations, f"learning from hints, round {iteration} of {iterations}")
    work.activations *= np.float32(level)
    return fit


@dataclass(frozen=True, eq=False)
class Credit:
    """M over a block: where it is not 1, and what it is there.

    Attributes
    ----------
    low, high
        The bins outside which M is 1.
    groups
        Atoms that share an M: numbers of atoms, and float32 (frames, high − low).
    """

    low: int
    high: int
    groups: tuple[tuple[NDArray[np.intp], Float], ...]


class Field:
    """The hints of a factorisation, laid out for asking block by block."""

    def __init__(
        self, hints: Sequence[Hint], stems: Sequence[int], shape: tuple[int, int], strength: float
    ) -> None:
        for hint in hints:
            patch = hint.patch
            inside = (
                patch.bin0 >= 0 and patch.bin1 <= shape[0] and patch.frame0 >= 0 and patch.frame1 <= shape[1]
            )
            if not inside or hint.weights.shape != patch.shape:
                raise ValueError(
                    f"a hint on {patch} with weights {hint.weights.shape} does not fit V {shape}"
                )
            if hint.weights.size and not (hint.weights.min() >= 0 and hint.weights.max() <= 1):
                raise ValueError("weights of a hint lie outside [0, 1]")
        self._hints = [hint for hint in hints if strength > 0 and not hint.patch.empty]
        self._strength = np.float32(strength)
        labels = np.asarray(stems)
        self.named = sorted({hint.stem for hint in self._hints})
        self._atoms = {stem: np.flatnonzero(labels == stem) for stem in self.named}
        self._others = np.flatnonzero(~np.isin(labels, self.named))

    def touches(self, start: int, stop: int) -> bool:
        """Whether anything is hinted at in frames [start, stop)."""
        return any(hint.patch.frame0 < stop and hint.patch.frame1 > start for hint in self._hints)

    def over(self, start: int, stop: int) -> Credit:
        """M over frames [start, stop) that a hint touches."""
        here = [hint for hint in self._hints if hint.patch.frame0 < stop and hint.patch.frame1 > start]
        low, high = min(hint.patch.bin0 for hint in here), max(hint.patch.bin1 for hint in here)
        said = {hint.stem: np.zeros((stop - start, high - low), dtype=np.float32) for hint in here}
        for hint in here:
            patch = hint.patch
            first, last = max(start, patch.frame0), min(stop, patch.frame1)
            piece = hint.weights[:, first - patch.frame0 : last - patch.frame0]
            said[hint.stem][first - start : last - start, patch.bin0 - low : patch.bin1 - low] += piece.T
        total = sum(said.values(), start=np.zeros((stop - start, high - low), dtype=np.float32))
        groups = []
        for stem, own in said.items():
            groups.append((self._atoms[stem], self._mask(total - own)))
        silent = [self._atoms[stem] for stem in self.named if stem not in said]
        groups.append((np.concatenate([self._others, *silent]), self._mask(total)))
        return Credit(low, high, tuple((atoms, M) for atoms, M in groups if atoms.size))

    def _mask(self, weights: Float) -> Float:
        np.clip(weights, 0.0, 1.0, out=weights)
        weights *= -self._strength
        return np.exp(weights, out=weights)


class HintedWork(Work):
    """A run in which blocks with hints are updated stem by stem."""

    field: Field

    def _lane(
        self, blocks: list[tuple[int, int]], model: Model, look: bool, penal: PenaltiesAt | None
    ) -> Sums:
        plain = [block for block in blocks if not self.field.touches(*block)]
        lane = super()._lane(plain, model, look, penal)
        for block in blocks:
            if self.field.touches(*block):
                self.progress.check()
                self._block(*block, self.field.over(*block), model, lane, look)
        return lane

    def _block(self, start: int, stop: int, credit: Credit, model: Model, lane: Sums, look: bool) -> None:
        V, H, W = self.V[start:stop], self.activations[start:stop], self.templates
        if self.scale != 1:
            V = V * self.scale
        numerator = np.empty_like(H)
        for atoms, ratio in _ratios(V, H, model, credit):
            numerator[:, atoms] = ratio @ W[:, atoms]
        multiply(H, numerator, model.sums, self.gamma, self.fixed_activations)
        for atoms, ratio in _ratios(V, H, model, credit):
            lane.numerator[:, atoms] += ratio.T @ H[:, atoms]
        lane.denominator += H.sum(axis=0)
        if look:
            P, Z = _models(H, model, credit)
            lane.cost += divergence(V, Z, 1.0)
            box = slice(credit.low, credit.high)
            lane.cost += float(np.sum(P[:, box], dtype=np.float64) - np.sum(Z[:, box], dtype=np.float64))


def _models(H: Float, model: Model, credit: Credit) -> tuple[Float, Float]:
    """W H and Z over a block, (frames, bins)."""
    P = H @ model.transposed
    P += FLOOR
    Z = P.copy()
    box = Z[:, credit.low : credit.high]
    box[:] = FLOOR
    for atoms, M in credit.groups:
        share = H[:, atoms] @ model.transposed[atoms, credit.low : credit.high]
        share *= M
        box += share
    return P, Z


def _ratios(V: Float, H: Float, model: Model, credit: Credit) -> list[tuple[NDArray[np.intp], Float]]:
    """M_j ∘ V / Z for every group of atoms that share an M."""
    _, Z = _models(H, model, credit)
    whole = np.divide(V, Z, out=Z)
    ratios = []
    for atoms, M in credit.groups:
        ratio = whole.copy()
        ratio[:, credit.low : credit.high] *= M
        ratios.append((atoms, ratio))
    return ratios
