"""Factorization: templates W, activations H, and the masks they make; atoms are its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Groups, MaskEstimates, frozen
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
TINY = np.float32(1e-20)


class Factorization(MaskEstimates):
    """V ≈ W H. Atom k is the pair (w_k, h_k); a group of atoms has the mask V_g^α / Σ V^α with V_g = W_g H_g.

    Atoms in no group form one more stem of the denominator, the residual's.

    Parameters
    ----------
    templates
        W, float32 (bins, atoms), ≥ 0.
    activations
        H, float32 (atoms, frames), ≥ 0.
    grid
        STFT settings that V was made with.
    mask_exponent
        α: 2 on magnitudes is the Wiener mask.
    costs
        The cost after each iteration that was looked at, for the curve; may be empty.

    References
    ----------
    Liutkus & Badeau 2015, "Generalized Wiener filtering with fractional power spectrograms".
    """

    kind = "factorization"
    atoms = True

    def __init__(
        self,
        templates: Float,
        activations: Float,
        grid: StftSettings,
        mask_exponent: float = 1.0,
        costs: Sequence[float] = (),
    ) -> None:
        if templates.shape[0] != grid.bins or templates.shape[1] != activations.shape[0]:
            raise ValueError(f"W {templates.shape} and H {activations.shape} do not fit {grid.bins} bins")
        self.templates: Float = frozen(np.asarray(templates, dtype=np.float32))
        self.activations: Float = frozen(np.asarray(activations, dtype=np.float32))
        self.grid = grid
        self.mask_exponent = float(mask_exponent)
        self.costs = tuple(float(cost) for cost in costs)
        self.names = tuple(f"Atom {number + 1}" for number in range(templates.shape[1]))

    def masks(self, groups: Groups, first: int, last: int) -> Float:
        held = min(last, self.activations.shape[1])
        result = np.zeros((len(groups), self.grid.bins, last - first), dtype=np.float32)
        if held <= first:
            return result
        grouped = {part for group in groups for part in group}
        rest = [part for part in range(len(self.names)) if part not in grouped]
        total = self._model(rest, first, held)
        if self.mask_exponent != 1.0 and rest:
            total **= self.mask_exponent
        for row, group in zip(result, groups, strict=True):
            part = self._model(list(group), first, held)
            if self.mask_exponent != 1.0:
                part **= self.mask_exponent
            row[:, : held - first] = part
            total += part
        inverse = np.where(total > TINY, 1.0 / np.maximum(total, TINY), np.float32(0))
        result[..., : held - first] *= inverse
        return result

    def _model(self, atoms: list[int], first: int, last: int) -> Float:
        if not atoms:
            return np.zeros((self.grid.bins, last - first), dtype=np.float32)
        return self.templates[:, atoms] @ self.activations[atoms, first:last]

    def header(self) -> dict[str, Any]:
        return {"grid": self.grid.model_dump(), "mask_exponent": self.mask_exponent, "costs": list(self.costs)}

    def arrays(self) -> dict[str, Any]:
        return {"templates": self.templates, "activations": self.activations}

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Factorization:
        grid = StftSettings.model_validate(header["grid"])
        templates, activations = np.asarray(arrays["templates"][:]), np.asarray(arrays["activations"][:])
        if not (np.isfinite(templates).all() and np.isfinite(activations).all()):
            raise ValueError("templates or activations are not finite")
        if (templates < 0).any() or (activations < 0).any():
            raise ValueError("templates or activations are negative")
        costs = [float(cost) for cost in header.get("costs", [])]
        return cls(templates, activations, grid, float(header["mask_exponent"]), costs)
