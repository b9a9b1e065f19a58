"""Fewer atoms of those that are there: merging several, and taking some away."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.factorization import LONGEST_NAME, Factorization, numbered
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.rework import Reworked
from stemstudio.errors import StemStudioError

Wide = NDArray[np.float64]

MERGE_ROUNDS = 200


def merge(recipe: NMF, found: Factorization, atoms: Sequence[int]) -> Reworked:
    """Several atoms made one, the best approximation of their sum that is one atom: exact where they are parallel.

    It takes the place of the first, and comes from the one that is loudest.

    Raises
    ------
    StemStudioError
        Where there are fewer than two.
    """
    chosen = sorted(set(atoms))
    if len(chosen) < 2:
        raise StemStudioError("It takes two atoms or more to merge.", "Name several.")
    W = found.templates[:, chosen].astype(np.float64)
    H = found.activations[chosen].astype(np.float64)
    q = None if found.pans is None else found.pans[:, chosen].astype(np.float64)
    w, h, pan = best_atom(W, H, q)
    first, gone = chosen[0], chosen[1:]
    loudness = W.sum(axis=0) * H.sum(axis=1)
    loudest = chosen[int(np.argmax(loudness))]
    templates, activations = found.templates.copy(), found.activations.copy()
    templates[:, first], activations[first] = w, h
    pans = found.pans
    if pans is not None and pan is not None:
        pans = pans.copy()
        pans[:, first] = pan
        pans = np.delete(pans, gone, axis=1)
    kept = [atom for atom in range(len(found.names)) if atom not in gone]
    names = _names_of(found, kept)
    named = [found.names[atom] for atom in chosen if found.names[atom] != numbered(atom)]
    if named:
        joined = " + ".join(found.names[atom] for atom in chosen)
        short = f"{named[0][:80]} + {len(gone)} more"
        names[first] = joined if len(joined) <= LONGEST_NAME else short
    return Reworked(
        found.changed(
            templates=np.delete(templates, gone, axis=1),
            activations=np.delete(activations, gone, axis=0),
            names=names,
            pans=pans,
            held_templates=_moved(found.held_templates - set(chosen), kept),
            held_activations=_moved(found.held_activations - set(chosen), kept),
        ),
        tuple(loudest if atom == first else atom for atom in kept),
        recipe,
    )


def delete(recipe: NMF, found: Factorization, atoms: Collection[int]) -> Reworked:
    """The others without some atoms, whose light goes to the atoms that sound in the same place.

    Raises
    ------
    StemStudioError
        Where none would be left.
    """
    kept = [atom for atom in range(len(found.names)) if atom not in atoms]
    if not kept:
        raise StemStudioError("The last atom cannot be deleted.", "Put the stem together again instead.")
    return Reworked(
        found.changed(
            templates=found.templates[:, kept],
            activations=found.activations[kept],
            names=_names_of(found, kept),
            pans=None if found.pans is None else found.pans[:, kept],
            held_templates=_moved(found.held_templates, kept),
            held_activations=_moved(found.held_activations, kept),
        ),
        tuple(kept),
        recipe,
    )


def _names_of(found: Factorization, kept: Sequence[int]) -> list[str]:
    """Names of the atoms that are kept: their own, or the number of the place that they have now."""
    return [
        numbered(place) if found.names[atom] == numbered(atom) else found.names[atom]
        for place, atom in enumerate(kept)
    ]


def _moved(held: Collection[int], kept: Sequence[int]) -> list[int]:
    """Numbers, among the atoms that are kept, of those that were held."""
    return [place for place, atom in enumerate(kept) if atom in held]


def best_atom(W: Wide, H: Wide, q: Wide | None) -> tuple[Wide, Wide, Wide | None]:
    """w, h and q of the best approximation Σ_k q_k ⊗ w_k ⊗ h_k ≈ q ⊗ w ⊗ h, in the least squares sense.

    The best w lies in the span of the w_k, and so on: all there is to find are a few coefficients, by the power method
    on their Gram matrices (De Lathauwer, De Moor & Vandewalle 2000).
    """
    factors = [W, H.T] if q is None else [W, H.T, q]
    grams = [factor.T @ factor for factor in factors]
    shares = [np.ones(W.shape[1]) for _ in factors]
    for _ in range(MERGE_ROUNDS):
        before = shares[0]
        for place in range(len(factors)):
            others = [grams[n] @ shares[n] for n in range(len(factors)) if n != place]
            own = np.prod(others, axis=0)
            length = np.sqrt(own @ grams[place] @ own)
            shares[place] = own / length if length > 0 else own
        if np.abs(shares[0] - before).max() <= 1e-12 * np.abs(before).max(initial=1e-300):
            break
    size = float(np.prod([gram @ share for gram, share in zip(grams, shares, strict=True)], axis=0).sum())
    w, h, *rest = (factor @ share for factor, share in zip(factors, shares, strict=True))
    h = h * size
    pan = rest[0] if rest else None
    if pan is not None:
        total = float(pan.sum())
        pan, h = (pan / total, h * total) if total > 0 else (np.full_like(pan, 1 / len(pan)), h * 0)
    total = float(w.sum())
    w, h = (w / total, h * total) if total > 0 else (w, h * 0)
    return w, h, pan
