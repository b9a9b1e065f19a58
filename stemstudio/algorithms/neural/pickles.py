"""Pickles: what torch wrote into a .th, .pth or .ckpt file, read without trust.

torch's own restricted unpickler runs no code of a file's, but calls some builders with whatever arguments the file
gives them, unpacks what is compressed, and believes the shapes that a file tells. So the file is looked at first: what
it may name, and how much it holds.
"""

from __future__ import annotations

import pickletools
import struct
import threading
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from stemstudio.errors import BadModel

LARGEST_FILE = 8 * 2**30  # bytes; published networks take some hundred million
LARGEST_PICKLE = 64 * 2**20  # bytes of names and shapes
PICKLES = 5  # one after another in a file of torch's older kind
ZIP = b"PK\x03\x04"
MORE = "it holds more than weights, or is damaged"
NAMED = frozenset(
    {
        "collections.OrderedDict",
        "collections.Counter",
        "_codecs.encode",
        "torch.Size",
        "torch.device",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "fractions.Fraction",
        "numpy.dtype",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
    }
)
# Kinds of numpy's, and as `struct` calls them.
NUMBERS = {"f4": "f", "f8": "d", "i4": "i", "i8": "q", "b1": "?"}

_one_at_a_time = threading.Lock()  # torch keeps what is allowed for the whole program


@dataclass(frozen=True)
class Named:
    """A class that a file names. It stands for the class, and cannot be called by the file."""

    name: str


def unpickled(path: Path, classes: Iterable[str] = ()) -> Any:
    """What torch wrote into a file; `BadModel` if it is anything but weights and plain values.

    Parameters
    ----------
    classes
        Full names of classes that it may name as well; each comes as a `Named`.
    """
    import torch

    known = frozenset(classes)
    check_file(path)
    allowed: list[Any] = [(Named(name), name) for name in known]
    allowed += [(_fraction, "fractions.Fraction"), (_Kind, "numpy.dtype")]
    allowed += [(_number, f"numpy.{inner}.multiarray.scalar") for inner in ("core", "_core")]
    try:
        for name in _names(path):
            module, _, last = name.rpartition(".")
            data = last.endswith("Storage") or isinstance(getattr(torch, last, None), torch.dtype)
            if name not in NAMED and name not in known and not (module == "torch" and data):
                raise BadModel(path, MORE)
        with _one_at_a_time, warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
            warnings.simplefilter("ignore")  # torch grumbles about the pickle's protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except (BadModel, OSError, MemoryError):
        raise
    except Exception as error:  # whatever a parser of torch's stumbles over
        raise BadModel(path, MORE) from error


def check_file(path: Path) -> None:
    """`BadModel` for what is no file, or larger than any network."""
    if not path.is_file():
        raise BadModel(path, "it is no file" if path.exists() else "it is not there any more")
    if path.stat().st_size > LARGEST_FILE:
        raise BadModel(path, "it is larger than any network that is known here")


def check_held(path: Path, tensors: Iterable[Any]) -> None:
    """`BadModel` where tensors claim to be larger than the file that they come from."""
    if sum(each.numel() * each.element_size() for each in tensors) > path.stat().st_size:
        raise BadModel(path, "its weights claim to be larger than the file itself")


def check_state(path: Path, state: Any) -> None:
    """`BadModel` for anything but weights by their names, as large as the file at most."""
    import torch

    if not isinstance(state, dict):
        raise BadModel(path, "it holds no weights")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            where = key[:60] if isinstance(key, str) else "a name that is none"
            raise BadModel(path, f"it holds something else than weights, at {where}")
        if value.layout is not torch.strided or value.device.type != "cpu":
            raise BadModel(path, f"its weights are of a kind that is not known here, at {key[:60]}")
    check_held(path, state.values())


def _fraction(told: int | str, below: int = 1) -> Fraction:
    """As `Fraction`, for numbers that are written out: “1e999999999” would be worked out for hours."""
    if isinstance(told, str):
        above, _, under = told.partition("/")
        told, below = int(above), int(under or "1")
    return Fraction(int(told), int(below))


class _Kind:
    """A dtype of numpy's, of which no more is believed than its code and the order of its bytes.

    Demucs' own files of HTDemucs hold numbers of numpy's among their settings.
    """

    def __init__(self, code: object, *_: object) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _number(kind: _Kind, data: bytes) -> float:
    """A single number of numpy's."""
    value: float = struct.unpack(kind.order + NUMBERS[str(kind.code)], data)[0]
    return value


def _names(path: Path) -> Iterator[str]:
    """All that a file names, as “module.name”."""
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
        file.seek(0)
        if not zipped:
            for _ in range(PICKLES):
                yield from _named(file)
            return
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            if len(names) < len(entries) or sum(each.file_size for each in entries) > path.stat().st_size:
                raise BadModel(path, "it would grow beyond its own size when it is unpacked")
            for entry in entries:
                if entry.filename.endswith(".pkl"):
                    if entry.file_size > LARGEST_PICKLE:
                        raise BadModel(path, MORE)
                    yield from _named(BytesIO(archive.read(entry)))


def _named(file: IO[bytes]) -> Iterator[str]:
    for code, argument, _ in pickletools.genops(file):
        if code.name == "GLOBAL":
            yield str(argument).replace(" ", ".")
