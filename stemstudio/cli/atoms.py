"""The file of atoms that a command writes beside its stems."""

from __future__ import annotations

from pathlib import Path

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.nmf.atoms_file import SUFFIX, write_atoms
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.targets import check_name
from stemstudio.errors import StemStudioError
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE, Split

NO_ATOMS = "There are no atoms to write: {} finds none that could be started from."


def atoms_target(path: Path, recipe: Algorithm, *, whole: bool, overwrite: bool) -> Path:
    """The file that the atoms of a recipe will be written to; refused before any work where that cannot be."""
    if not isinstance(recipe, NMF):
        raise StemStudioError(NO_ATOMS.format(recipe.title), "Leave out --atoms, or take --algorithm nmf.")
    if not whole:
        raise StemStudioError(
            "Atoms of some seconds alone are not written.", "Leave out --atoms, or --start and --stop."
        )
    target = path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)
    check_name(target, overwrite)
    return target


def write_split_atoms(path: Path, split: Split, sample_rate: int, *, overwrite: bool) -> Path:
    """Write the atoms of a split."""
    found, recipe = split.estimates, split.recipe
    if not isinstance(found, Factorization) or not isinstance(recipe, NMF):
        raise StemStudioError(
            "There are no atoms of a whole stem to write.", "Take the whole song apart, with Atoms (NMF)."
        )
    return write_atoms(path, found, sample_rate, recipe.exponent, overwrite=overwrite)


def write_atoms_of(path: Path, state: State, *, overwrite: bool) -> Path:
    """Write the atoms that the song itself was taken apart into."""
    if MIXTURE not in state.splits:
        raise StemStudioError("There are no atoms to write: the song has not been taken apart.")
    return write_split_atoms(path, state.splits[MIXTURE], state.mixture.sample_rate, overwrite=overwrite)
