"""Atom files: the atoms of a factorisation in a NumPy .npz, to start another one from; reading trusts nothing in it."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from stemstudio.algorithms.nmf.factorization import LONGEST_NAME, Factorization
from stemstudio.algorithms.nmf.given import Given, Use
from stemstudio.algorithms.nmf.spectrum import Float
from stemstudio.audio.targets import check_name, why, write_whole
from stemstudio.errors import BadRecipe
from stemstudio.spectral.stft import StftSettings

SUFFIX = ".npz"
LARGEST = 1 << 30  # bytes, unpacked
MOST_ATOMS = 256
LOUDEST = 1e30
MEMBERS = ("names", "templates", "activations", "pans", "fft", "hop", "sample_rate", "exponent")


class UnreadableAtoms(BadRecipe):
    """A file of atoms that is missing, damaged, or something else."""

    def __init__(self, path: Path, reason: str, way_on: str = "") -> None:
        super().__init__(
            f"The atoms of “{path.name}” cannot be used: {reason}.",
            way_on or "Take a file that “separate --atoms” or Atoms ▸ Save atoms has written.",
        )


@dataclass(frozen=True, eq=False)
class AtomsFile:
    """What lies in a file of atoms.

    Attributes
    ----------
    path
        Of the file.
    names, templates, activations, pans, grid
        As `Factorization` has them.
    sample_rate
        Of the song they are of.
    exponent
        p of the |X|^p that they make up.
    """

    path: Path
    names: tuple[str, ...]
    templates: Float
    activations: Float
    pans: Float | None
    grid: StftSettings
    sample_rate: int
    exponent: float

    def given(
        self,
        grid: StftSettings,
        sample_rate: int,
        exponent: float,
        frames: int,
        new_templates: Collection[int] = (),
        new_activations: Collection[int] = (),
    ) -> Given:
        """The atoms as a start, some templates and activations being drawn anew; `UnreadableAtoms` if they do not fit."""
        atoms = range(len(self.names))
        if len(set(new_templates)) < len(atoms):
            for what, own, wanted, unit in (
                ("slices of", self.grid.fft, grid.fft, " samples"),
                ("a sample rate of", self.sample_rate, sample_rate, " Hz"),
                ("an exponent of", self.exponent, exponent, ""),
            ):
                if own != wanted:
                    raise UnreadableAtoms(
                        self.path,
                        f"they were found with {what} {own:g}{unit}, and here it is {wanted:g}{unit}",
                        "Say the same in the recipe."
                        if what != "a sample rate of"
                        else "Take a song of the same rate.",
                    )
        if len(set(new_activations)) < len(atoms):
            held = self.activations.shape[1]
            if (self.grid.hop, held) != (grid.hop, frames):
                raise UnreadableAtoms(
                    self.path,
                    f"they sound for {held} steps of {self.grid.hop} samples, and this song has {frames} of {grid.hop}",
                    "Take their spectra alone: set new_activations to all.",
                )

        def uses(new: Collection[int]) -> tuple[Use, ...]:
            return tuple("random" if atom in new else "given" for atom in atoms)

        return Given(
            self.names,
            self.templates,
            self.activations,
            uses(new_templates),
            uses(new_activations),
            self.pans,
        )


def write_atoms(
    path: Path, found: Factorization, sample_rate: int, exponent: float, *, overwrite: bool = False
) -> Path:
    """Write the atoms of a factorisation to a file, whole or not at all; the suffix is added where there is none.

    Raises
    ------
    UnwritableFile
        With the reason; `FileExists` where there is one already and it may not be replaced.
    """
    path = path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)
    check_name(path, overwrite)
    write_whole(path, packed_atoms(found, sample_rate, exponent))
    return path


def packed_atoms(found: Factorization, sample_rate: int, exponent: float) -> bytes:
    """The atoms of a factorisation as they lie in a file."""
    members: dict[str, Any] = {
        "names": np.array(found.names, dtype=f"<U{LONGEST_NAME}"),
        "templates": found.templates,
        "activations": found.activations,
        "fft": np.int64(found.grid.fft),
        "hop": np.int64(found.grid.hop),
        "sample_rate": np.int64(sample_rate),
        "exponent": np.float64(exponent),
    }
    if found.pans is not None:
        members["pans"] = found.pans
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **members)
    return data.getvalue()


def read_atoms(path: Path) -> AtomsFile:
    """The atoms in a file, every value checked.

    Raises
    ------
    UnreadableAtoms
        In one sentence, when the file is missing, damaged, too large, or no file of atoms.
    """
    path = Path(path).expanduser()
    try:
        if not path.is_file():
            raise UnreadableAtoms(path, "it is not a file" if path.exists() else "it is not there")
        with zipfile.ZipFile(path) as archive:
            inside = archive.infolist()
            if not {entry.filename for entry in inside} <= {f"{name}.npy" for name in MEMBERS}:
                raise UnreadableAtoms(path, "it holds something else")
            if sum(entry.file_size for entry in inside) > LARGEST or len(inside) > len(MEMBERS):
                raise UnreadableAtoms(path, f"it is larger than {LARGEST >> 20} MB")
            members = {entry.filename[: -len(".npy")]: _array(archive, entry) for entry in inside}
    except OSError as error:
        raise UnreadableAtoms(path, why(error)) from None
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, NotImplementedError, SyntaxError):
        raise UnreadableAtoms(path, "it is damaged, or no file of atoms") from None
    except Exception as error:
        # zlib and lzma have errors of their own, which are no subclasses of anything above.
        if type(error).__module__ not in ("zlib", "_lzma", "lzma"):
            raise
        raise UnreadableAtoms(path, "it is damaged") from None
    return _checked(path, members)


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Any:
    with archive.open(entry) as file:
        # No more than the archive says: a member may unpack to more than it admits.
        data = file.read(entry.file_size + 1)
    if len(data) > entry.file_size:
        raise ValueError("larger than it says")
    # What the header claims is compared with what is there before any memory is taken for it.
    member = io.BytesIO(data)
    version = np.lib.format.read_magic(member)
    headers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in headers:
        raise ValueError("of an unknown version")
    shape, by_column, dtype = headers[version](member)
    values = data[member.tell() :]
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError("not as large as it says")
    if not values:
        return np.zeros(shape, dtype=dtype)
    return np.frombuffer(values, dtype=dtype).reshape(shape, order="F" if by_column else "C")


def _checked(path: Path, members: Mapping[str, Any]) -> AtomsFile:
    missing = [name for name in MEMBERS if name not in members and name != "pans"]
    if missing:
        raise UnreadableAtoms(path, f"its {missing[0].replace('_', ' ')} is missing")
    W, H, pans, names = (members.get(name) for name in ("templates", "activations", "pans", "names"))
    if not isinstance(names, np.ndarray) or names.dtype.kind != "U" or names.ndim != 1:
        raise UnreadableAtoms(path, "its names are no words")
    atoms = len(names)
    if not 1 <= atoms <= MOST_ATOMS:
        raise UnreadableAtoms(path, f"it holds {atoms} atoms, and 1 to {MOST_ATOMS} can be used")
    if any(members[name].shape != () for name in ("fft", "hop", "sample_rate", "exponent")):
        raise UnreadableAtoms(path, "what it says of itself makes no sense")
    try:
        grid = StftSettings(fft=int(members["fft"]), hop=int(members["hop"]))
        rate, exponent = int(members["sample_rate"]), float(members["exponent"])
    except (ValueError, TypeError, OverflowError, ValidationError):
        raise UnreadableAtoms(path, "what it says of itself makes no sense") from None
    if not 100 <= rate <= 1_000_000 or not 0.1 <= exponent <= 2.0:
        raise UnreadableAtoms(path, "what it says of itself makes no sense")
    for values, shape, most, what in (
        (W, (grid.bins, atoms), LOUDEST, "spectra"),
        (H, (atoms, None), LOUDEST, "activations"),
        (pans, (None, atoms), 1.0, "pans"),
    ):
        if values is None and what == "pans":
            continue
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim != 2:
            raise UnreadableAtoms(path, f"its {what} are no numbers")
        if any(wanted not in (None, size) for wanted, size in zip(shape, values.shape, strict=True)):
            raise UnreadableAtoms(path, f"its {what} do not fit its {atoms} atoms")
        if not ((values >= 0) & (values <= most)).all():
            raise UnreadableAtoms(path, f"its {what} are negative, too large, or not numbers")
    words = tuple("".join(sign for sign in str(name) if sign.isprintable())[:LONGEST_NAME] for name in names)
    assert isinstance(W, np.ndarray)
    assert isinstance(H, np.ndarray)
    return AtomsFile(
        path,
        words,
        W.astype(np.float32),
        H.astype(np.float32),
        None if pans is None else pans.astype(np.float32),
        grid,
        rate,
        exponent,
    )
