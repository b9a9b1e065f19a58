"""Panned NMF: one model for all channels in which every atom has its place between them.

V_c ≈ Σ_k q_ck w_k h_kᵀ is a non-negative tensor factorisation. Given W and q, the update of H falls apart into frames,
as in NMF. What W and q need of V is the same, N_c = (V_c P_c^(β−2)) Hᵀ and D_c = P_c^(β−1) Hᵀ: with them the bound
that the multiplicative updates minimise can be written for W and q together, as a function of (w q) / (w̃ q̃), and
lowered first in W, then in q. So one pass over V serves all three, and the cost does not rise.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from stemstudio.algorithms.nmf.divergence import divergence
from stemstudio.algorithms.nmf.momentum import momentum, move_on
from stemstudio.algorithms.nmf.penalties import Penalties, PenaltiesAt, balanced
from stemstudio.algorithms.nmf.solver import THREADS, Fit, mean, one_blas_thread
from stemstudio.algorithms.nmf.updates import (
    BLOCK_BYTES,
    FLOOR,
    LANES,
    NOTHING,
    Flags,
    Float,
    Model,
    descending_exponent,
    multiply,
)
from stemstudio.progress import Progress


def panned_updates(
    V: Float,
    W: Float,
    H: Float,
    q: Float,
    *,
    beta: float = 1.0,
    iterations: int = 100,
    cost_every: int = 10,
    progress: Progress | None = None,
    watch: Callable[[Fit], None] | None = None,
    fixed_templates: Flags | None = None,
    fixed_activations: Flags | None = None,
    fixed_pans: Flags | None = None,
    penalties: Penalties | None = None,
    accelerated: bool = False,
) -> Fit:
    """Lower Σ_c D_β(V_c | W diag(q_c) H), plus penalties, by multiplicative updates of H, W and q.

    The costs told never rise, entries stay non-negative, and zeros stay zeros. The inputs are not written to.

    Parameters
    ----------
    V
        float32 (channels, bins, frames), ≥ 0. Fastest where frames follow each other in memory; may be a memory map.
    W, H, q
        Where to start: (bins, atoms), (atoms, frames) and (channels, atoms), ≥ 0.
    fixed_templates, fixed_activations, fixed_pans
        bool (atoms,): what stays as it is given. An atom of which both template and activations are fixed, but not
        its pans, keeps its activations but for their level, which is found with the pans.
    accelerated
        Whether to move on in the direction of the last step before each one, as the fast solver does.

    See `multiplicative_updates` for the other parameters and the errors.

    References
    ----------
    FitzGerald, Cranitch & Coyle 2005, "Non-negative tensor factorisation for sound source separation"; Févotte &
    Ozerov 2010, "Notes on nonnegative tensor factorization of the spectrogram for audio source separation".
    """
    channels, bins, frames = V.shape
    atoms = W.shape[1]
    if W.shape != (bins, atoms) or H.shape != (atoms, frames) or q.shape != (channels, atoms):
        raise ValueError(f"W {W.shape}, H {H.shape} and q {q.shape} do not fit V {V.shape}")
    if not 0.0 <= beta <= 2.0:
        raise ValueError(f"beta must lie in [0, 2], not {beta}")
    progress = progress or Progress()
    by_frame = V.transpose(0, 2, 1)
    level = float(np.mean([mean(channel) for channel in by_frame]))
    silent = not (level > 0.0 and np.isfinite(level))
    if silent or 1e-2 <= level <= 1e2:
        level = 1.0
    # The order of memory is by atom within a frame, as the updates read it.
    activations = np.array(H.T, dtype=np.float32, order="C") * np.float32(1.0 / level)
    pans = np.array(q, dtype=np.float32)
    fit = Fit(np.array(W, dtype=np.float32), activations.T, pans=pans)
    if silent:
        quiet = slice(None) if fixed_activations is None else ~fixed_activations
        fit.activations[quiet] = 0
        progress(1.0)
        return fit
    work = PannedWork(
        by_frame,
        (fit.templates, activations, pans),
        beta,
        np.float32(1.0 / level),
        progress,
        [_some(flags) for flags in (fixed_templates, fixed_activations, fixed_pans)],
        penalties.for_level(level, beta) if penalties else None,
    )
    with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        path = Path(work) if accelerated and not penalties else None
        for iteration in range(1, iterations + 1):
            look = iteration == 1 or iteration == iterations or iteration % cost_every == 0
            if path is not None:
                path.move_on()
            cost = work.iterate(pool, look)
            if path is not None and look:
                cost = path.better(cost)
            fit.iteration = iteration
            if look:
                fit.costs.append(cost * level**beta)
                fit.looked_at.append(iteration)
            if watch is not None:
                watch(_shown(fit, pans, level))
            progress(
                iteration / iterations,
                f"iteration {iteration} of {iterations}, {atoms} atoms with pans, cost {fit.costs[-1]:.4g}",
            )
    return _shown(fit, pans, level)


class PannedWork:
    """One run: V (channels, frames, bins) times a scale, and W, Hᵀ and q (channels, atoms), updated in place."""

    def __init__(
        self,
        V: Float,
        values: tuple[Float, Float, Float],
        beta: float,
        scale: np.float32,
        progress: Progress,
        fixed: list[Flags | None],
        penalties: Penalties | None,
    ) -> None:
        self.V, self.beta, self.scale, self.progress = V, beta, scale, progress
        self.templates, self.activations, self.pans = values
        self.fixed = fixed
        self.fixed_templates, self.fixed_activations, self.fixed_pans = fixed
        self.penalties = penalties
        descending = (descending_exponent(beta),) * 2 if penalties is None else penalties.exponents(beta)
        self.gamma, self.templates_gamma = descending
        self.normalised = False
        frames, bins = V.shape[1:]
        size = max(8, BLOCK_BYTES // (4 * bins))
        lanes = max(1, min(LANES, frames // size))
        edges = np.linspace(0, frames, lanes + 1).astype(int)
        self.lanes = [
            [(start, min(stop, start + size)) for start in range(low, stop, size)]
            for low, stop in pairwise(edges)
        ]
        self.normalise()

    def iterate(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """Update H, then W and q; the cost between if it is asked for."""
        model = Model(self.templates, self.beta)
        penal = self._penalties()
        done = list(pool.map(lambda lane: self._lane(lane, model, look, penal), self.lanes))
        numerators, denominators = done[0][:2]
        for lane in done[1:]:
            numerators, denominators = numerators + lane[0], denominators + lane[1]
        cost = float(sum(lane[2] for lane in done))
        if self.penalties is not None:
            penal = self._penalties()
            assert penal is not None
            cost += penal.cost() if look else 0.0
        if self.beta == 2.0:
            # D_c = W diag(q_c) HᵀH
            denominators = np.stack([(self.templates * q) @ denominators for q in self.pans])
        elif self.beta == 1.0:
            denominators = np.broadcast_to(denominators, numerators.shape)
        self._update_templates_and_pans(numerators, denominators, penal)
        self.normalise()
        return cost

    def normalise(self) -> None:
        """Pans sum to 1 and so do columns of W; the scale goes to H, but where that is fixed."""
        shares, norms = self.pans.sum(axis=0), self.templates.sum(axis=0, dtype=np.float64).astype(np.float32)
        held = [np.zeros(len(norms), dtype=np.bool_) if flags is None else flags for flags in self.fixed]
        # The pans of an atom of which all else is fixed carry its level.
        shares[held[2] | (held[0] & held[1]) | (shares <= NOTHING)] = 1
        # Fixed columns are normalised once: rounding must not move them after that.
        norms[held[1] | (held[0] & self.normalised) | (norms <= NOTHING)] = 1
        self.normalised = True
        self.pans /= shares
        self.templates *= np.where(held[1] & ~held[0], shares, 1) / norms
        self.activations *= np.where(held[1], 1, shares * norms)
        self.templates[self.templates < NOTHING] = 0
        self.activations[self.activations < NOTHING] = 0

    def _penalties(self) -> PenaltiesAt | None:
        """The penalties of templates that have the loudness of all channels."""
        if self.penalties is None:
            return None
        return self.penalties.at(self.templates * self.pans.sum(axis=0), self.activations)

    def _lane(
        self, blocks: list[tuple[int, int]], model: Model, look: bool, penal: PenaltiesAt | None
    ) -> tuple[Float, Float, float]:
        W, beta = self.templates, self.beta
        channels, atoms = self.pans.shape
        whole = (channels, *W.shape)
        shapes: dict[float, tuple[int, ...]] = {1.0: (atoms,), 2.0: (atoms, atoms)}
        numerators: Float = np.zeros(whole, dtype=np.float32)
        denominators: Float = np.zeros(shapes.get(beta, whole), dtype=np.float32)
        cost = 0.0
        rows = max((stop - start for start, stop in blocks), default=0)
        first, second, third = (np.empty((rows, W.shape[0]), dtype=np.float32) for _ in range(3))
        for start, stop in blocks:
            n = stop - start
            H = self.activations[start:stop]
            numerator, denominator = np.zeros_like(H), np.zeros_like(H)
            for channel, q in enumerate(self.pans):
                self.progress.check()
                V = self._scaled(channel, start, stop, third[:n])
                own = H * q
                if model.gram is not None:
                    numerator += (V @ W) * q
                    denominator += (own @ model.gram) * q
                else:
                    model.weigh(V, own, first[:n], second[:n])
                    numerator += (first[:n] @ W) * q
                    denominator += (model.sums if beta == 1.0 else second[:n] @ W) * q
            if penal is not None:
                over, under = penal.activations_terms(start, stop)
                numerator += over
                denominator += under
            multiply(H, numerator, denominator, np.float32(self.gamma), self.fixed_activations)
            for channel, q in enumerate(self.pans):
                V = self._scaled(channel, start, stop, third[:n])
                own = H * q
                if beta == 2.0:
                    numerators[channel] += V.T @ H
                    if look:
                        cost += divergence(V, np.matmul(own, model.transposed, out=second[:n]), 2.0)
                    continue
                model.weigh(V, own, first[:n], second[:n])
                numerators[channel] += first[:n].T @ H
                if beta != 1.0:
                    denominators[channel] += second[:n].T @ H
                if look:
                    P = np.matmul(own, model.transposed, out=second[:n])
                    P += FLOOR
                    cost += divergence(V, P, beta)
            if beta == 2.0:
                denominators += H.T @ H
            elif beta == 1.0:
                denominators += H.sum(axis=0)
        return numerators, denominators, cost

    def _scaled(self, channel: int, start: int, stop: int, out: Float) -> Float:
        V = self.V[channel, start:stop]
        if self.scale != 1 or self.beta == 0.0:
            V = np.multiply(V, self.scale, out=out)
        if self.beta == 0.0:
            V += FLOOR
        return V

    def _update_templates_and_pans(self, N: Float, D: Float, penal: PenaltiesAt | None) -> None:
        """Lower the bound Σ w̃ q̃ (−N r^(β−1) / (β−1) + D r^e / e), r = w q / (w̃ q̃), e = max(1, β), in W, then in q."""
        before = self.templates.copy()
        shares = self.pans.sum(axis=0)
        numerator = np.einsum("cfk,ck->fk", N, self.pans)
        denominator = np.einsum("cfk,ck->fk", D, self.pans)
        if penal is not None:
            denominator = balanced(numerator, denominator, penal.templates_pull() * shares, self.beta)
        multiply(
            self.templates, numerator, denominator, np.float32(self.templates_gamma), self.fixed_templates
        )
        moved = np.divide(self.templates, before, out=np.zeros_like(before), where=before > 0)
        heard = moved > 0
        up = np.power(moved, np.float32(self.beta - 1.0), out=np.zeros_like(moved), where=heard)
        down = moved if self.beta <= 1.0 else np.power(moved, np.float32(self.beta))
        numerator = np.einsum("cfk,fk->ck", N, before * up)
        denominator = np.einsum("cfk,fk->ck", D, before * down)
        if self.penalties is not None:
            changed = self._penalties()
            assert changed is not None
            denominator = denominator + (self.templates * changed.templates_pull()).sum(axis=0)
        multiply(self.pans, numerator, denominator, np.float32(self.gamma), self.fixed_pans)


class Path:
    """Momentum for a run, and the best state looked at so far, to go back to where momentum led astray."""

    def __init__(self, work: PannedWork) -> None:
        self.work = work
        self.values = (work.templates, work.activations, work.pans)
        self.kept = [value.copy() for value in self.values]
        self.cost = np.inf
        self.before: list[Float] | None = None
        self.done = 0
        # The first steps prove their descent; what comes from a settled start must not be led away from it.
        self.calm = True
        self.exponent = work.gamma

    def move_on(self) -> None:
        """Go on in the direction of the last step: x ← x (x / x_before)^b."""
        here = [value.copy() for value in self.values]
        if self.before is not None and not self.calm:
            b = np.float32(momentum(self.done))
            for value, before in zip(self.values, self.before, strict=True):
                move_on(value, before, b)
        self.before = here
        self.done += 1

    def better(self, cost: float) -> float:
        """Keep the present state, or go back to the one that is kept if that costs less; the lower cost."""
        astray = not cost <= self.cost
        if astray:
            for value, kept in zip(self.values, self.kept, strict=True):
                value[...] = kept
        else:
            self.cost = cost
            for value, kept in zip(self.values, self.kept, strict=True):
                kept[...] = value
        if astray or self.calm:
            self.before, self.done = None, 0
        self.calm = astray
        self.work.gamma = self.work.templates_gamma = self.exponent if astray else 1.0
        return self.cost


def _some(flags: Flags | None) -> Flags | None:
    return flags if flags is not None and flags.any() else None


def _shown(fit: Fit, pans: Float, level: float) -> Fit:
    """The fit at V's own level, with pans that sum to 1 also where everything else of an atom is fixed."""
    shares = pans.sum(axis=0)
    activations = fit.activations * (np.float32(level) * shares)[:, None]
    even = np.float32(1.0 / len(pans))
    shown = np.where(shares > NOTHING, pans / np.maximum(shares, NOTHING), even)
    return Fit(fit.templates, activations, fit.iteration, fit.costs, fit.looked_at, shown)
