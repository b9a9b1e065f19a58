"""From atoms to stems: what a suggested assignment is, and the best one where the true stems are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.masking import TINY
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.spliced import Spliced
from stemstudio.audio.audio import Sound, Stretch
from stemstudio.progress import Progress
from stemstudio.spectral.stft import forward

Wide = NDArray[np.float64]

STRIDE = 16  # frames of all atoms' masks held at a time
UNSURE = 0.6  # an atom whose best stem is less probable than that could go either way
SWEEPS = 20  # over all atoms while assignments still improve


@dataclass(frozen=True, eq=False)
class Labels:
    """A suggested assignment.

    Attributes
    ----------
    owners
        For each atom, the number of its stem; None where it is in none of them.
    probabilities
        float32 (atoms, stems), rows sum to 1, read-only; one column more where an atom may be in none.
    names
        A word for each stem: "Low", "Drums" …
    """

    owners: tuple[int | None, ...]
    probabilities: NDArray[np.float32]
    names: tuple[str, ...]

    @property
    def doubtful(self) -> int:
        """How many atoms could go either way."""
        return sum(float(row.max()) < UNSURE for row in self.probabilities)


def labelled(estimates: Estimates) -> bool:
    """Whether there are atoms among the parts that `by_stems` can give to stems."""
    return any(isinstance(source, Factorization) for source in _sources(estimates))


def by_stems(
    estimates: Estimates,
    mixture: Sound,
    stems: Mapping[str, Sound],
    progress: Progress | None = None,
) -> Labels:
    """Whose each atom is by stems that somebody else made of the same sound, such as a network's.

    p(j | k) = Σ_ft (w_fk h_kt)² s_j(f, t) / Σ_ft (w_fk h_kt)², where s_j is stem j's share of all the stems' power in a
    bin, and what the stems leave of the mixture is one more stem, the last column. An atom goes where it most
    probably belongs. Against moving single atoms for the best ratios to those stems, as `by_references` does, this
    is as good and does not follow the stems in what they leak (`tests/benchmarks/study_labelling.py`).

    Parameters
    ----------
    estimates
        A factorisation of the mixture; or with pieces, where those of selections that were factorised are asked about
        their own stretch, and parts that are no atoms are in none.
    mixture
        What was factorised.
    stems
        By name; of the mixture's rate.
    """
    progress = progress or Progress()
    sources = _sources(estimates)
    rows = []
    for number, source in enumerate(sources):
        part = progress.part(number / len(sources), (number + 1) / len(sources))
        if not isinstance(source, Factorization):
            rows.append(np.eye(1, len(stems) + 1, len(stems)).repeat(len(source.names), axis=0))
        elif number == 0:
            rows.append(_shared(source, mixture, stems, part))
        else:
            assert isinstance(estimates, Spliced)
            piece = estimates.pieces[number - 1]
            own = {name: Stretch(stem, piece.offset, piece.length) for name, stem in stems.items()}
            rows.append(_shared(source, Stretch(mixture, piece.offset, piece.length), own, part))
    probabilities = np.concatenate(rows).astype(np.float32)
    probabilities.flags.writeable = False
    best = probabilities.argmax(axis=1)
    progress(1.0)
    return Labels(
        tuple(int(stem) if stem < len(stems) else None for stem in best), probabilities, tuple(stems)
    )


def _sources(estimates: Estimates) -> tuple[Estimates, ...]:
    return estimates.sources if isinstance(estimates, Spliced) else (estimates,)


def _shared(
    factorization: Factorization, mixture: Sound, stems: Mapping[str, Sound], progress: Progress
) -> Wide:
    """p(j | k) of every atom: float64 (atoms, stems + 1), rows sum to 1."""
    W, H, grid = factorization.templates, factorization.activations, factorization.grid
    atoms, frames = H.shape
    found = np.zeros((atoms, len(stems) + 1))
    for first in range(0, frames, STRIDE):
        progress(first / max(1, frames), "comparing with the stems")
        last = min(frames, first + STRIDE)
        rest = forward(mixture, grid, first=first, last=last).values.copy()
        powers = np.empty((len(stems) + 1, grid.bins, last - first), dtype=np.float32)
        for row, stem in zip(powers, stems.values(), strict=False):
            S = forward(stem, grid, first=first, last=last).values
            row[:] = (np.square(S.real) + np.square(S.imag)).mean(axis=0)
            rest -= S
        powers[-1] = (np.square(rest.real) + np.square(rest.imag)).mean(axis=0)
        powers /= np.maximum(powers.sum(axis=0), TINY)
        # Σ_t h² (Σ_f w² s): the bins first, as a product of matrices.
        weighted = np.square(W).T @ powers  # (stems, atoms, frames)
        found += (weighted * np.square(H[:, first:last])).sum(axis=2, dtype=np.float64).T
    total = found.sum(axis=1, keepdims=True)
    found[total[:, 0] <= 0, -1] = 1.0  # an atom that never sounds is nobody's
    progress(1.0)
    return np.asarray(found / np.where(total > 0, total, 1.0))


def by_references(
    factorization: Factorization,
    mixture: Sound,
    references: Mapping[str, Sound],
    progress: Progress | None = None,
) -> list[str | None]:
    """The best assignment of atoms when the true stems are known.

    Every atom first goes to the reference with the largest share of power in the atom's bins; then single atoms
    move, to any stem or to none, as long as the sum of the stems' signal-to-distortion ratios in dB rises. With
    masks m_k that add up (α = 1) the distortion |S_j − Σ_k m_k X|² needs only the products of the atoms' sounds
    with each other and with the references, so a move costs next to nothing.

    Parameters
    ----------
    factorization
        Of the mixture.
    mixture
        What was factorised.
    references
        The true stems by name.

    Returns
    -------
    list
        For each atom the name of its stem, or None for the residual.
    """
    names = list(references)
    if not names:
        return [None] * len(factorization.names)
    products = _products(factorization, mixture, [references[name] for name in names], progress or Progress())
    owners = products.share.argmax(axis=0)
    owners[products.gram.diagonal() <= 0] = -1
    owners = _refined(products, owners)
    return [names[owner] if owner >= 0 else None for owner in owners]


@dataclass(frozen=True)
class _Products:
    """Inner products of the atoms' sounds, summed over bins, frames and channels.

    gram: (atoms, atoms) with each other; cross: (references, atoms) with the references; share: power of the
    references under the atoms' masks; energy: of the references.
    """

    gram: Wide
    cross: Wide
    share: Wide
    energy: Wide


def _products(
    factorization: Factorization, mixture: Sound, references: Sequence[Sound], progress: Progress
) -> _Products:
    W, H, grid = factorization.templates, factorization.activations, factorization.grid
    atoms, frames = H.shape
    gram, energy = np.zeros((atoms, atoms)), np.zeros(len(references))
    cross, share = np.zeros((len(references), atoms)), np.zeros((len(references), atoms))
    for first in range(0, frames, STRIDE):
        progress(first / max(1, frames), "comparing with the stems")
        last = min(frames, first + STRIDE)
        X = forward(mixture, grid, first=first, last=last).values
        power = np.sqrt((np.square(X.real) + np.square(X.imag)).sum(axis=0)).T.ravel()
        masks = H[:, first:last, None] * W.T[:, None, :]
        masks /= np.maximum(masks.sum(axis=0), TINY)
        flat = masks.reshape(atoms, -1)
        for row, reference in enumerate(references):
            S = forward(reference, grid, first=first, last=last).values
            own = (np.square(S.real) + np.square(S.imag)).sum(axis=0).T.ravel()
            both = (S.real * X.real + S.imag * X.imag).sum(axis=0).T.ravel()
            energy[row] += own.sum(dtype=np.float64)
            cross[row] += flat @ both
            share[row] += flat @ own
        flat *= power
        gram += flat @ flat.T
    return _Products(gram, cross, share, energy)


def _refined(products: _Products, owners: NDArray[np.intp]) -> NDArray[np.intp]:
    """Move single atoms while Σ_j 10 log₁₀ |S_j|² / |S_j − Ŝ_j|² rises; −1 is the residual."""
    gram, cross, energy = products.gram, products.cross, products.energy
    stems, atoms = cross.shape
    owners = owners.copy()
    member = np.equal.outer(np.arange(stems), owners).astype(np.float64)
    inside = member @ gram  # (stems, atoms): product of each stem's sum with each atom
    floor = 1e-12 * max(1e-30, float(energy.max(initial=0.0)))
    error = energy - 2 * (member * cross).sum(axis=1) + (member * inside).sum(axis=1)
    for _ in range(SWEEPS):
        moved = False
        for atom in range(atoms):
            own, diagonal = owners[atom], gram[atom, atom]
            joined = error - 2 * cross[:, atom] + 2 * inside[:, atom] + diagonal
            gains = np.log(np.maximum(error, floor)) - np.log(np.maximum(joined, floor))
            loss = 0.0
            if own >= 0:
                left = error[own] + 2 * cross[own, atom] - 2 * inside[own, atom] + diagonal
                loss = float(np.log(max(left, floor)) - np.log(max(error[own], floor)))
                gains[own] = loss
            best = int(gains.argmax())
            target = best if gains[best] > 0 else -1
            if target == own or max(float(gains[best]), 0.0) <= loss + 1e-9:
                continue
            if own >= 0:
                error[own] = left
                inside[own] -= gram[atom]
            if target >= 0:
                error[target] = joined[target]
                inside[target] += gram[atom]
            owners[atom] = target
            moved = True
        if not moved:
            break
    return owners
