"""Masking: how what each stem is thought to hold becomes its share of the sound; declared once, changed at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.parameters import Parameters, counted, parameter
from stemstudio.spectral.masks import binary_masks, soft_masks

Float = NDArray[np.float32]
CALLED = {"wiener": "Wiener", "griffin-lim": "Griffin–Lim", "misi": "MISI"}  # where a person reads it
TINY = 1e-20  # where all models together are no more than this, nobody is known to sound


class Masking(Parameters):
    """How masks are made of models V_j, and which phase the stems get.

    A part of how a stem is split, not of the algorithm that split it: changing it never runs the algorithm again.
    Shares are V_j^α / (V_j^α + β^α Σ_{i ≠ j} V_i^α), or 1 and 0 where V_j > β V_i for all others, or those of the
    multichannel Wiener filter, which starts from the first kind; α is the firmness, β the margin.
    """

    title: ClassVar[str] = "Masks"
    formerly: ClassVar[Mapping[str, str]] = {"exponent": "firmness"}

    kind: Literal["soft", "binary", "wiener"] = parameter(
        "soft",
        "Who gets a bit of sound that several stems claim: each its share (soft), the strongest alone (binary), or by "
        "their places in the stereo as well (wiener)",
    )
    firmness: float = parameter(
        1.0,
        "How firmly the stems are told apart: higher is cleaner but rougher, lower is softer with more bleed",
        gt=0.0,
        le=16.0,
    )
    margin: float = parameter(
        1.0,
        "How clearly a stem must stand out; above 1, what is not clearly anyone's goes to the residual",
        ge=1.0,
        le=20.0,
    )
    iterations: int = parameter(
        1, "How often the places in the stereo are looked at again (wiener)", unit="rounds", ge=1, le=20
    )
    phase: Literal["mixture", "griffin-lim", "misi"] = parameter(
        "mixture",
        "Where a stem's phase comes from: the song (mixture), the stem by itself (griffin-lim), or all stems together so "
        "that they still make the song (misi)",
    )
    phase_iterations: int = parameter(
        5, "How long the phase is looked for (griffin-lim, misi)", unit="rounds", ge=1, le=100
    )

    @property
    def local(self) -> bool:
        """Whether every frame of a stem follows from that frame alone."""
        return self.kind != "wiener" and self.phase == "mixture"

    @property
    def words(self) -> str:
        """For the history: what differs from the plainest masks, such as "binary, margin 1.5, phase MISI"."""
        said: list[str] = [CALLED.get(self.kind, self.kind)]
        if self.kind != "binary" and self.firmness != 1.0:
            said.append(f"firmness {self.firmness:g}")
        if self.margin != 1.0:
            said.append(f"margin {self.margin:g}")
        if self.kind == "wiener" and self.iterations != 1:
            said.append(counted(self.iterations, "rounds"))
        if self.phase != "mixture":
            said.append(f"phase {CALLED.get(self.phase, self.phase)}")
            if self.phase_iterations != type(self).model_fields["phase_iterations"].default:
                said.append(counted(self.phase_iterations, "rounds"))
        return ", ".join(said)

    def record(self) -> dict[str, Any]:
        """As plain JSON data."""
        return self.model_dump(mode="json")


def shares_of(models: Float, masking: Masking) -> Float:
    """Shares of every frame by itself.

    Parameters
    ----------
    models
        V, float32 (stems, …), ≥ 0; given away, as the result may lie in the same memory.
    masking
        Binary shares, or soft ones, which the Wiener filter starts from as well.

    Returns
    -------
    ndarray
        float32 (stems, …), in [0, 1]; their sum is at most 1.
    """
    if masking.kind == "binary":
        return binary_masks(models, margin=masking.margin, silence=TINY)
    return soft_masks(models, exponent=masking.firmness, margin=masking.margin, silence=TINY, out=models)
