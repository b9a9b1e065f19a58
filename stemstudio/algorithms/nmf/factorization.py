"""Factorization: templates W, activations H, and the masks they make; atoms are its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Groups, MaskEstimates, frozen
from stemstudio.algorithms.masking import Masking
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
LONGEST_NAME = 100
# OpenBLAS takes threads for a larger product; they wait by spinning, behind those of a factorisation that is running.
ONE_THREAD = 4 * 65536


class Factorization(MaskEstimates):
    """V ≈ W H. Atom k is the pair (w_k, h_k); a group of atoms has the model V_g = W_g H_g.

    Atoms in no group are one more stem of the masks' denominator, the residual's. With pans, channel c has models of its
    own, from V_c ≈ Σ_k q_ck w_k h_kᵀ.

    Parameters
    ----------
    templates
        W, float32 (bins, atoms), ≥ 0.
    activations
        H, float32 (atoms, frames), ≥ 0.
    grid
        STFT settings that V was made with.
    mask_exponent
        α of the masks that it starts with: 2 on magnitudes is the Wiener mask.
    costs
        The cost after each iteration that was looked at, for the curve; may be empty.
    names
        Of the atoms, such as the notes of a score; “Atom 1” … where there are none.
    pans
        q, float32 (channels, atoms): each atom's share in every channel, its column summing to 1; None where all
        channels share one model.
    held_templates, held_activations
        Atoms whose template or activations were given and fixed, and stay so when the factorisation goes on.
    families
        For each atom the taught sound or the drum that it is a part of, None for one that stands alone; None if all do.

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
        names: Sequence[str] | None = None,
        pans: Float | None = None,
        held_templates: Iterable[int] = (),
        held_activations: Iterable[int] = (),
        families: Sequence[str | None] | None = None,
    ) -> None:
        if templates.shape[0] != grid.bins or templates.shape[1] != activations.shape[0]:
            raise ValueError(f"W {templates.shape} and H {activations.shape} do not fit {grid.bins} bins")
        self.templates: Float = frozen(np.asarray(templates, dtype=np.float32))
        self.activations: Float = frozen(np.asarray(activations, dtype=np.float32))
        self.grid = grid
        self.masking = Masking(firmness=mask_exponent)
        self.costs = tuple(float(cost) for cost in costs)
        plain = tuple(numbered(atom) for atom in range(templates.shape[1]))
        self.names = plain if names is None else tuple(names)
        if len(self.names) != len(plain):
            raise ValueError(f"{len(self.names)} names do not fit {len(plain)} atoms")
        self.named = self.names != plain
        self.pans: Float | None = None if pans is None else frozen(np.asarray(pans, dtype=np.float32))
        if self.pans is not None and (self.pans.ndim != 2 or self.pans.shape[1] != len(plain)):
            raise ValueError(f"pans {self.pans.shape} do not fit {len(plain)} atoms")
        self.held_templates = frozenset(int(atom) for atom in held_templates)
        self.held_activations = frozenset(int(atom) for atom in held_activations)
        if not (self.held_templates | self.held_activations) <= set(range(len(plain))):
            raise ValueError("atoms are held that are not there")
        self.families = None if families is None else tuple(families)
        if self.families is not None and len(self.families) != len(plain):
            raise ValueError(f"{len(self.families)} families do not fit {len(plain)} atoms")

    def changed(self, **fields: Any) -> Factorization:
        """This one with some of its fields, as the constructor calls them, replaced."""
        own = {
            "templates": self.templates,
            "activations": self.activations,
            "grid": self.grid,
            "mask_exponent": self.mask_exponent,
            "costs": self.costs,
            "names": self.names,
            "pans": self.pans,
            "held_templates": self.held_templates,
            "held_activations": self.held_activations,
            "families": self.families,
        }
        if len(fields.get("templates", self.templates).T) != len(self.names):
            own["families"] = None  # they were said of other atoms
        return Factorization(**{**own, **fields})

    @property
    def mask_exponent(self) -> float:
        """α of the masks that it starts with."""
        return self.masking.firmness

    def models(self, groups: Groups, first: int, last: int) -> Float:
        return self._models(self.templates, groups, first, last)

    def channel_models(self, groups: Groups, first: int, last: int) -> Float:
        if self.pans is None:
            return self.models(groups, first, last)[:, None]
        channels = [self._models(self.templates * pan, groups, first, last) for pan in self.pans]
        return np.stack(channels, axis=1)

    def _models(self, templates: Float, groups: Groups, first: int, last: int) -> Float:
        held = max(0, min(last, self.activations.shape[1]) - first)
        # Frame by frame in memory, as spectrograms are: the product with one runs along both.
        result = np.zeros((1 + len(groups), last - first, self.grid.bins), dtype=np.float32)
        if held:
            grouped = {part for group in groups for part in group}
            rest = [part for part in range(len(self.names)) if part not in grouped]
            for row, group in zip(result, (rest, *groups), strict=True):
                self._model(templates, list(group), first, row[:held])
        return result.transpose(0, 2, 1)

    def _model(self, W: Float, atoms: list[int], first: int, out: Float) -> None:
        """W H of some atoms from frame `first` on into `out` (frames, bins)."""
        if not atoms:
            return
        activations = self.activations[atoms, first : first + out.shape[0]].T
        templates = W[:, atoms].T
        step = max(1, ONE_THREAD // templates.size)
        for begin in range(0, out.shape[0], step):
            np.matmul(activations[begin : begin + step], templates, out=out[begin : begin + step])

    def header(self) -> dict[str, Any]:
        more: dict[str, Any] = {"names": list(self.names)} if self.named else {}
        for word, held in (
            ("held_templates", self.held_templates),
            ("held_activations", self.held_activations),
        ):
            if held:
                more[word] = sorted(held)
        if self.families is not None:
            more["families"] = list(self.families)
        return {
            "grid": self.grid.model_dump(),
            "mask_exponent": self.masking.firmness,
            "costs": list(self.costs),
            **more,
        }

    def arrays(self) -> dict[str, Any]:
        arrays = {"templates": self.templates, "activations": self.activations}
        return arrays if self.pans is None else {**arrays, "pans": self.pans}

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Factorization:
        grid = StftSettings.model_validate(header["grid"])
        templates, activations, exponent = factors_of_record(header, arrays, grid.bins)
        costs = [float(cost) for cost in header.get("costs", [])]
        names = header.get("names")
        if names is not None:
            names = [str(name)[:LONGEST_NAME] for name in names]
        pans = np.asarray(arrays["pans"][:]) if "pans" in arrays else None
        if pans is not None and not (pans.ndim == 2 and (pans >= 0).all() and (pans <= 1).all()):
            raise ValueError("pans are not shares")
        held = [
            [int(atom) for atom in header.get(word, [])] for word in ("held_templates", "held_activations")
        ]
        families = header.get("families")
        if families is not None:
            families = [None if family is None else str(family)[:LONGEST_NAME] for family in families]
        return cls(templates, activations, grid, exponent, costs, names, pans, held[0], held[1], families)


def factors_of_record(
    header: Mapping[str, Any], arrays: Mapping[str, Any], bins: int
) -> tuple[Float, Float, float]:
    """W, H and the exponent of their masks, as a record has them.

    Parameters
    ----------
    bins
        Of the grid, for how many terms a cell of the model has.

    Raises
    ------
    ValueError
        Where a value is negative or not finite, or so large that a mask would not be.
    """
    templates, activations = np.asarray(arrays["templates"][:]), np.asarray(arrays["activations"][:])
    if not (np.isfinite(templates).all() and np.isfinite(activations).all()):
        raise ValueError("templates or activations are not finite")
    if (templates < 0).any() or (activations < 0).any():
        raise ValueError("templates or activations are negative")
    exponent = float(header["mask_exponent"])
    if not 0 < exponent <= 16:
        raise ValueError(f"the mask exponent is {exponent}")
    terms = max(1, templates.size // max(1, bins))
    loudest = float(templates.max(initial=0)) * float(activations.max(initial=0)) * terms
    if not loudest ** max(1.0, exponent) < 1e37:
        raise ValueError("templates or activations are too large")
    return templates, activations, exponent


def numbered(atom: int) -> str:
    """What an atom is called that nobody has given a name."""
    return f"Atom {atom + 1}"
