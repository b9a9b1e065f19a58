"""From atoms to stems: whose each atom probably is, judged by reference stems, by timbre, or by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.clustering import clusters
from stemstudio.algorithms.estimates import frozen
from stemstudio.algorithms.masking import TINY
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.timbre import descriptors, standardised
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.spectral.stft import forward

Wide = NDArray[np.float64]

STRIDE = 16  # frames of all atoms' masks held at a time
SWEEPS = 20  # over all atoms while assignments still improve


@dataclass(frozen=True, eq=False)
class Labels:
    """A suggested assignment.

    Attributes
    ----------
    owners
        For each atom, the number of its stem.
    probabilities
        float32 (atoms, stems), rows sum to 1, read-only.
    names
        A word for each stem: "Low", "Drums" …
    """

    owners: tuple[int, ...]
    probabilities: NDArray[np.float32]
    names: tuple[str, ...]


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


def by_timbre(
    factorization: Factorization,
    n: int,
    sample_rate: int,
    seed: int = 0,
    fixed: Mapping[int, int] | None = None,
) -> Labels:
    """Gather atoms that sound alike into n stems, the lowest first.

    Parameters
    ----------
    factorization
        The atoms.
    n
        How many stems; clusters may stay empty where there are fewer atoms.
    sample_rate
        In Hz.
    seed
        Of the clustering.
    fixed
        Stem by atom: what is settled already (locked, or assigned by hand). These atoms keep their stem, which is
        then no longer numbered by pitch, and draw what is like them.

    Returns
    -------
    Labels
        Owners, probabilities, and a name for each stem.
    """
    if n < 1:
        raise ValueError(f"the number of stems must be at least 1, not {n}")
    features = descriptors(factorization, sample_rate)
    held = {atom: stem for atom, stem in (fixed or {}).items() if 0 <= stem < n}
    probabilities = clusters(standardised(features.table), features.energy, n, seed, held)
    if not held:
        # Stems from low to high: by the energy-weighted mean of the logarithm of the centroid.
        weights = probabilities * (features.energy[:, None] + 1e-12)
        height = (weights * np.log2(features.centroid + 1.0)[:, None]).sum(axis=0) / (
            weights.sum(axis=0) + 1e-30
        )
        height[weights.sum(axis=0) <= 1e-9] = np.inf
        probabilities = probabilities[:, np.argsort(height, kind="stable")]
    owners = probabilities.argmax(axis=1)
    names = features.words(owners, n)
    return Labels(tuple(int(owner) for owner in owners), frozen(probabilities.astype(np.float32)), names)


def by_example(factorization: Factorization, sample_rate: int, given: Mapping[int, int], n: int) -> Labels:
    """Give every other atom to the stem whose given atoms it is most like.

    Parameters
    ----------
    given
        Stem by atom; the examples, which stay as they are.
    n
        How many stems there are; a stem without an example gets nothing.

    Returns
    -------
    Labels
        The probability is a softmax over the distances to the nearest example of every stem.
    """
    features = descriptors(factorization, sample_rate)
    table = standardised(features.table)
    distance = np.full((len(table), n), np.inf)
    for atom, stem in given.items():
        if 0 <= stem < n:
            distance[:, stem] = np.minimum(distance[:, stem], np.linalg.norm(table - table[atom], axis=1))
    if not np.isfinite(distance).any():
        raise ValueError("there is no example to go by")
    distance -= distance.min(axis=1, keepdims=True)
    probabilities = np.exp(-distance)
    for atom, stem in given.items():
        probabilities[atom] = np.arange(n) == stem
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    owners = probabilities.argmax(axis=1)
    return Labels(
        tuple(int(owner) for owner in owners),
        frozen(probabilities.astype(np.float32)),
        features.words(owners, n),
    )


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
