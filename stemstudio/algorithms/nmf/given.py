"""Given: atoms that come from outside, each with what is known of it and what of that must stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.informed import Start
from stemstudio.algorithms.nmf.starts import random_start
from stemstudio.errors import BadRecipe

Float = NDArray[np.float32]
Use = Literal["random", "given", "fixed"]
Part = Literal["both", "templates", "activations"]  # of an atom, that something is done to
RANDOM: Use = "random"


@dataclass(frozen=True, eq=False)
class Given:
    """Atoms to start from; the template and the activations of each are random, given, or given and fixed.

    Attributes
    ----------
    names
        Of the atoms.
    templates, activations
        W (bins, atoms) and H (atoms, frames), float32, ≥ 0, on the grid of the recipe that starts from them. Columns
        and rows of random ones are not looked at; None where all are random.
    template_uses, activation_uses
        For each atom: "random" is drawn from the recipe's seed, "given" is where the updates begin, "fixed" stays.
    pans
        q (channels, atoms) of atoms from a panned run, their columns summing to 1; H is then about the sum of the
        channels. None where they are not known.
    settled
        Whether these atoms belong together already, as those of an earlier run do: they are improved from just where
        they are, and the fast solver leaves out what it does to find a start.
    """

    names: tuple[str, ...]
    templates: Float | None
    activations: Float | None
    template_uses: tuple[Use, ...]
    activation_uses: tuple[Use, ...]
    pans: Float | None = None
    settled: bool = False

    def __post_init__(self) -> None:
        atoms = len(self.names)
        if atoms == 0:
            raise ValueError("there are no atoms to start from")
        for values, uses, axis, word in (
            (self.templates, self.template_uses, 1, "templates"),
            (self.activations, self.activation_uses, 0, "activations"),
        ):
            if len(uses) != atoms:
                raise ValueError(f"{len(uses)} uses of {word} do not fit {atoms} atoms")
            wanted = [place for place, use in enumerate(uses) if use != "random"]
            if not wanted:
                continue
            if values is None or values.ndim != 2 or values.shape[axis] != atoms:
                raise ValueError(f"{word} do not fit {atoms} atoms")
            known = np.take(values, wanted, axis=axis)
            if not np.isfinite(known).all() or (known < 0).any():
                raise ValueError(f"{word} must be finite and not negative")
        if self.pans is not None:
            if self.pans.ndim != 2 or self.pans.shape[1] != atoms:
                raise ValueError(f"pans do not fit {atoms} atoms")
            if not ((self.pans >= 0).all() and (self.pans <= 1).all()):
                raise ValueError("pans must be shares")

    @classmethod
    def free(cls, count: int) -> Given:
        """So many atoms of which nothing is known."""
        names = tuple(f"Free {number + 1}" for number in range(count))
        return cls(names, None, None, (RANDOM,) * count, (RANDOM,) * count)

    @property
    def fixed_templates(self) -> tuple[int, ...]:
        return tuple(place for place, use in enumerate(self.template_uses) if use == "fixed")

    @property
    def fixed_activations(self) -> tuple[int, ...]:
        return tuple(place for place, use in enumerate(self.activation_uses) if use == "fixed")

    def beside(self, other: Given) -> Given:
        """The atoms of both, the other's after these."""
        return Given(
            self.names + other.names,
            _joined(self.templates, other.templates, len(self.names), len(other.names), 1),
            _joined(self.activations, other.activations, len(self.names), len(other.names), 0),
            self.template_uses + other.template_uses,
            self.activation_uses + other.activation_uses,
            _beside(self, other),
            self.settled and other.settled,
        )

    def start(self, V: Float, seed: int, channels: int = 1) -> Start:
        """W and H for this V, the random ones drawn at its level.

        Parameters
        ----------
        V
            float32 (bins, frames), the mean of the channels.
        seed
            Of what is drawn.
        channels
            Of a panned model, which keeps the pans that are known; 1 for one model for all channels.

        Raises
        ------
        BadRecipe
            Where templates have other bins or activations other frames than V.
        """
        W, H = random_start(V, len(self.names), seed)
        spectra = [place for place, use in enumerate(self.template_uses) if use != "random"]
        if self.templates is not None and spectra:
            if self.templates.shape[0] != V.shape[0]:
                raise BadRecipe(
                    f"The given spectra have {self.templates.shape[0]} bins, and this recipe has {V.shape[0]}.",
                    "Take the FFT that they were made with.",
                )
            W[:, spectra] = self.templates[:, spectra]
        courses = [place for place, use in enumerate(self.activation_uses) if use != "random"]
        if self.activations is not None and courses:
            if self.activations.shape[1] != V.shape[1]:
                raise BadRecipe(
                    f"The given activations are {self.activations.shape[1]} frames long, "
                    f"and this sound is {V.shape[1]}.",
                    "Draw the activations anew: of atoms from another song only the spectra can be used.",
                )
            H[courses] = self.activations[courses]
        pans = self.pans
        if pans is not None and len(pans) != channels:
            # Activations of the sum of all channels become those of their mean.
            H[courses] /= np.float32(len(pans))
            pans = None
        elif pans is not None:
            new = [place for place in range(len(self.names)) if place not in {*spectra, *courses}]
            pans = pans.copy()
            pans[:, new] = np.float32(1 / channels)
            H[[place for place in range(len(H)) if place not in courses]] *= np.float32(channels)
        return Start(
            W,
            H,
            np.array([use == "fixed" for use in self.template_uses], dtype=np.bool_),
            np.array([use == "fixed" for use in self.activation_uses], dtype=np.bool_),
            self.names,
            pans,
        )


def _beside(one: Given, other: Given) -> Float | None:
    """Pans of both, in the middle where they are not known."""
    known = one.pans if one.pans is not None else other.pans
    if known is None:
        return None
    pair = [
        np.full((len(known), len(given.names)), 1 / len(known), dtype=np.float32)
        if given.pans is None
        else given.pans
        for given in (one, other)
    ]
    return np.concatenate(pair, axis=1)


def _joined(first: Float | None, second: Float | None, atoms: int, others: int, axis: int) -> Float | None:
    """Two sets of columns or rows as one, zeros where one is not known."""
    known = first if first is not None else second
    if known is None:
        return None

    def blank(count: int) -> Float:
        shape = (known.shape[0], count) if axis == 1 else (count, known.shape[1])
        return np.zeros(shape, dtype=np.float32)

    pair = (blank(atoms) if first is None else first, blank(others) if second is None else second)
    if pair[0].shape[1 - axis] != pair[1].shape[1 - axis]:
        raise ValueError(f"atoms of {pair[0].shape} and {pair[1].shape} do not fit beside each other")
    return np.concatenate(pair, axis=axis)
