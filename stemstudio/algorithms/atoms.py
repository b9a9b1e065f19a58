"""Atoms: the estimates whose parts have templates and activations, as against stems, masks and waveforms."""

from __future__ import annotations

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.spliced import Spliced

Atoms = Factorization | Spliced


def atoms_of(estimates: Estimates | None) -> Atoms | None:
    """The same estimates where their parts are atoms that can be shown; None for all others."""
    return estimates if isinstance(estimates, Factorization | Spliced) and estimates.atoms else None
