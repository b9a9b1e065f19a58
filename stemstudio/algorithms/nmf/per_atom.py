"""What a recipe says of single atoms: which keep what they are given, and of which it is found anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stemstudio.algorithms.nmf.atoms_file import read_atoms
from stemstudio.algorithms.nmf.given import Given
from stemstudio.algorithms.nmf.informed import Start
from stemstudio.errors import BadRecipe
from stemstudio.spectral.stft import StftSettings

RANGE = re.compile(r"(\d{1,6})(?:\s*[-–]\s*(\d{1,6}))?")


@dataclass(frozen=True)
class PerAtom:
    """Numbers of atoms in words, “1-4, 7” or “all”, as the fields of the recipe have them.

    Attributes
    ----------
    fixed_templates, fixed_activations
        Atoms that keep their template or their activations.
    new_templates, new_activations
        Atoms of a file of which it is drawn.
    """

    fixed_templates: str = ""
    fixed_activations: str = ""
    new_templates: str = ""
    new_activations: str = ""

    def given(
        self,
        path: Path,
        grid: StftSettings,
        sample_rate: int,
        exponent: float,
        frames: int,
        *,
        free: int,
        most: int,
    ) -> Given:
        """The atoms of a file with `free` ones beside them, `most` in all; `BadRecipe` where that cannot be."""
        file = read_atoms(path)
        atoms = len(file.names)
        if atoms + free > most:
            raise BadRecipe(
                f"That would be {atoms + free} atoms, and there can be {most} at most.",
                "Take fewer free atoms.",
            )
        numbers = {name: atom_numbers(words, atoms, name) for name, words in self._words().items()}
        for part in ("templates", "activations"):
            both = numbers[f"fixed_{part}"] & numbers[f"new_{part}"]
            if both:
                raise BadRecipe(
                    f"Atom {min(both) + 1} cannot be kept and found anew at once.",
                    f"Name it in fixed_{part} or in new_{part}.",
                )
        given = file.given(
            grid, sample_rate, exponent, frames, numbers["new_templates"], numbers["new_activations"]
        )
        return given.beside(Given.free(free)) if free else given

    def held(self, start: Start, free: int) -> Start:
        """The start with the atoms fixed that are named; the last `free` ones have nothing to keep."""
        words = self._words()
        if not (self.fixed_templates.strip() or self.fixed_activations.strip()):
            return start
        if start.names is None:
            raise BadRecipe(
                "Atoms that start from chance have nothing to keep.",
                "Fix atoms of a file, of templates, of a score or of a harmonic start.",
            )
        places = np.arange(len(start.names))
        held = [
            np.isin(places, list(atom_numbers(words[name], len(places) - free, name)))
            for name in ("fixed_templates", "fixed_activations")
        ]
        return replace(
            start,
            fixed_templates=start.fixed_templates | held[0],
            fixed_activations=start.fixed_activations | held[1],
        )

    def _words(self) -> Mapping[str, str]:
        return vars(self)


def check_numbers(words: str) -> str:
    """The words, if they are numbers of atoms; ValueError otherwise. How many atoms there are is not known yet."""
    _ranges(words)
    return words


def atom_numbers(words: str, atoms: int, field: str) -> frozenset[int]:
    """Which atoms are meant, counted from 0.

    Raises
    ------
    BadRecipe
        Where there are not so many.
    """
    if words.strip().casefold() == "all":
        return frozenset(range(atoms))
    ranges = _ranges(words)
    highest = max((last for _, last in ranges), default=0)
    if highest > atoms:
        raise BadRecipe(f"{field} names atom {highest}, and there are {atoms}.", "Name atoms from 1 on.")
    return frozenset(number - 1 for first, last in ranges for number in range(first, last + 1))


def _ranges(words: str) -> list[tuple[int, int]]:
    if words.strip().casefold() in ("", "all"):
        return []
    found: list[tuple[int, int]] = []
    for piece in words.split(","):
        match = RANGE.fullmatch(piece.strip())
        first = int(match[1]) if match else 0
        last = int(match[2] or match[1]) if match else 0
        if not 1 <= first <= last:
            raise ValueError(f"“{piece.strip()}” is no atom; say numbers such as 1-4, 7, or all")
        found.append((first, last))
    return found
