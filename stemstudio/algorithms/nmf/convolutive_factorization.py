"""ConvolutiveFactorization: templates that last several frames, and the masks they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Groups, MaskEstimates, frozen
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf.convolutive import model
from stemstudio.algorithms.nmf.factorization import LONGEST_NAME, factors_of_record
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
LONGEST = 4096  # frames of a template in a file that is believed


class ConvolutiveFactorization(MaskEstimates):
    """V ≈ Σ_l W_l shift(H, l). A group of parts is masked by its share of that, as in a `Factorization`.

    Parameters
    ----------
    names
        Of the parts: the drums.
    templates
        W, float32 (length, bins, parts), ≥ 0.
    activations
        H, float32 (parts, frames), ≥ 0: a peak where a stroke begins.
    grid
        STFT settings that V was made with.
    mask_exponent
        α of the masks that it starts with.
    costs
        The cost after each iteration that was looked at; may be empty.
    """

    kind = "convolutive factorization"

    def __init__(
        self,
        names: Sequence[str],
        templates: Float,
        activations: Float,
        grid: StftSettings,
        mask_exponent: float = 1.0,
        costs: Sequence[float] = (),
    ) -> None:
        if (
            templates.ndim != 3
            or activations.ndim != 2
            or not 1 <= templates.shape[0] <= LONGEST
            or templates.shape[1:] != (grid.bins, len(names))
            or activations.shape[0] != len(names)
        ):
            raise ValueError(
                f"W {templates.shape} and H {activations.shape} do not fit {len(names)} names and {grid.bins} bins"
            )
        self.names = tuple(names)
        self.templates: Float = frozen(np.asarray(templates, dtype=np.float32))
        self.activations: Float = frozen(np.asarray(activations, dtype=np.float32))
        self.grid = grid
        self.masking = Masking(firmness=mask_exponent)
        self.costs = tuple(float(cost) for cost in costs)

    def models(self, groups: Groups, first: int, last: int) -> Float:
        frames = self.activations.shape[1]
        held = max(0, min(last, frames) - first)
        result = np.zeros((1 + len(groups), last - first, self.grid.bins), dtype=np.float32)
        if held:
            grouped = {part for group in groups for part in group}
            rest = [part for part in range(len(self.names)) if part not in grouped]
            for row, group in zip(result, (rest, *groups), strict=True):
                if group:
                    parts = list(group)
                    row[:held] = model(
                        self.templates[:, :, parts], self.activations[parts], first, first + held
                    )
        return result.transpose(0, 2, 1)

    def header(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "grid": self.grid.model_dump(),
            "mask_exponent": self.masking.firmness,
            "costs": list(self.costs),
        }

    def arrays(self) -> dict[str, Any]:
        return {"templates": self.templates, "activations": self.activations}

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> ConvolutiveFactorization:
        grid = StftSettings.model_validate(header["grid"])
        templates, activations, exponent = factors_of_record(header, arrays, grid.bins)
        names = [str(name)[:LONGEST_NAME] for name in header["names"]]
        costs = [float(cost) for cost in header.get("costs", [])]
        return cls(names, templates, activations, grid, exponent, costs)
