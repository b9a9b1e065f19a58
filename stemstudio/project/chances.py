"""Chances: whose each part of a split probably is, as the suggestion had it that gave the parts to stems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Estimates


@dataclass(frozen=True, eq=False)
class Chances:
    """Whose each part probably is.

    Attributes
    ----------
    estimates
        The parts that it is said of; of others it says nothing.
    stems
        Ids of the stems that the columns stand for, the residual's among them where a part may be in none. Some may
        be gone by now.
    probabilities
        float32 (parts, stems), rows sum to 1, read-only.
    """

    estimates: Estimates
    stems: tuple[int, ...]
    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        wanted = (len(self.estimates.names), len(self.stems))
        if self.probabilities.shape != wanted:
            raise ValueError(f"chances of the form {self.probabilities.shape} do not fit {wanted}")

    def of(self, part: int) -> dict[int, float]:
        """Probability by stem."""
        return {stem: float(p) for stem, p in zip(self.stems, self.probabilities[part], strict=True)}

    def same(self, other: Chances | None) -> bool:
        """Whether the other says the same of the same parts."""
        return (
            other is not None
            and other.estimates is self.estimates
            and other.stems == self.stems
            and np.array_equal(other.probabilities, self.probabilities)
        )
