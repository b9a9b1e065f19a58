"""Whose atom is it, where the true stems are known."""

from __future__ import annotations

import numpy as np
import signals

from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.progress import Progress


def test_references_win_over_any_single_move():
    """No single atom given elsewhere makes the stems better: tried by rendering, not by the labelling's own sums."""
    mix, stems = signals.mixture(seconds=6.0)
    # Masks that add up, as the labelling's sums suppose.
    found = NMF(components=16, iterations=100, solver="multiplicative", mask_exponent=1).run(mix, Progress())
    owners = by_references(found, mix, stems)
    assert set(owners) - {None} == set(stems)

    atoms = found.render(mix, [[atom] for atom in range(16)], 0, mix.length).astype(float)

    def total(owned):
        waves = [sum(atoms[atom] for atom, owner in enumerate(owned) if owner == name) for name in stems]
        return sum(
            10 * np.log10((stem.samples.astype(float) ** 2).sum() / ((stem.samples - wave) ** 2).sum())
            for stem, wave in zip(stems.values(), waves, strict=True)
        )

    best = total(owners)
    for atom in range(16):
        for name in (*stems, None):
            assert (
                total([name if number == atom else owner for number, owner in enumerate(owners)])
                <= best + 0.05
            )


def test_references_may_leave_atoms_to_the_residual():
    mix, stems = signals.mixture(seconds=3.0)
    found = NMF(components=8, iterations=40).run(mix, Progress())
    owners = by_references(found, mix, {"bass": stems["bass"]})
    assert "bass" in owners
    assert None in owners
    assert by_references(found, mix, {}) == [None] * 8
