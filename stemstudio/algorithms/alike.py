"""Which atoms are alike: gathered by how they sound, by when they sound, or like those that have a stem already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.clustering import away, chances, gathered, how_many, spread
from stemstudio.algorithms.descriptors import Descriptors, descriptors
from stemstudio.algorithms.estimates import frozen
from stemstudio.algorithms.labelling import Labels
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.rhythm import rhythm_table

Wide = NDArray[np.float64]
Likeness = Literal["timbre", "rhythm"]


def by_likeness(
    factorization: Factorization,
    n: int | None,
    sample_rate: int,
    *,
    likeness: Likeness = "timbre",
    fixed: Mapping[int, int] | None = None,
) -> Labels:
    """Gather atoms that are alike into n stems, the lowest first.

    Parameters
    ----------
    factorization
        The atoms.
    n
        How many stems; some may stay empty where there are fewer atoms. None finds how many there seem to be.
    sample_rate
        In Hz.
    likeness
        What counts: "timbre", how they sound; "rhythm", when.
    fixed
        Stem by atom: what is settled already (locked, or assigned by hand). These atoms keep their stem, whose number
        then stands, and draw what is like them.

    Returns
    -------
    Labels
        Owners, probabilities, and a name for each stem.
    """
    if n is not None and n < 1:
        raise ValueError(f"the number of stems must be at least 1, not {n}")
    features = descriptors(factorization, sample_rate)
    table = features.table if likeness == "timbre" else rhythm_table(factorization, sample_rate)
    weights = np.sqrt(features.energy)  # loud atoms lead, quiet ones are still heard
    given = {atom: stem for atom, stem in (fixed or {}).items() if stem >= 0}
    if n is None:
        n = how_many(table, weights, least=max(given.values(), default=0) + 1)
    held = {atom: stem for atom, stem in given.items() if stem < n}
    owners = _low_first(gathered(table, weights, n, held), features, n, set(held.values()))
    found = chances(away(table, weights, owners, n), spread(table, weights))
    return _labels(found, features, held)


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
        The probability goes by the distances to the nearest example of every stem.
    """
    features = descriptors(factorization, sample_rate)
    table = features.table
    distance = np.full((len(table), n), np.inf)
    for atom, stem in given.items():
        if 0 <= stem < n:
            distance[:, stem] = np.minimum(distance[:, stem], np.linalg.norm(table - table[atom], axis=1))
    if not np.isfinite(distance).any():
        raise ValueError("there is no example to go by")
    found = chances(distance, spread(table, np.sqrt(features.energy)))
    return _labels(found, features, {atom: stem for atom, stem in given.items() if 0 <= stem < n})


def _labels(probabilities: Wide, features: Descriptors, settled: Mapping[int, int]) -> Labels:
    for atom, stem in settled.items():
        probabilities[atom] = np.arange(probabilities.shape[1]) == stem
    owners = probabilities.argmax(axis=1)
    names = features.words(owners, probabilities.shape[1])
    shown = frozen(probabilities.astype(np.float32))
    return Labels(tuple(int(owner) for owner in owners), shown, names)


def _low_first(
    owners: NDArray[np.intp], features: Descriptors, n: int, settled: set[int]
) -> NDArray[np.intp]:
    """The same stems, those that are not settled numbered from low to high by their loud atoms' pitch."""
    heights = np.full(n, np.inf)
    for stem in range(n):
        mine = owners == stem
        weight = features.energy[mine].sum()
        if weight > 0:
            heights[stem] = (features.energy * np.log2(features.centroid + 1.0))[mine].sum() / weight
    loose = [stem for stem in range(n) if stem not in settled]
    renamed = np.arange(n)
    for place, stem in zip(loose, sorted(loose, key=lambda stem: heights[stem]), strict=True):
        renamed[stem] = place
    return np.asarray(renamed[owners])
