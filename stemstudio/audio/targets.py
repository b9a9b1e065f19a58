"""The place that sound is written to: looked at first, claimed beside, moved to when whole."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from stemstudio.audio.formats import FileFormat, Subtype
from stemstudio.errors import UnwritableFile

MARGIN_BYTES = 2**20


class FileExists(UnwritableFile):
    """There is a file of that name already."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "there is a file of that name already", "Choose another name, or allow replacing it."
        )


def check_target(
    path: Path, kind: FileFormat, quality: Subtype, rate: int, channels: int, length: int, overwrite: bool
) -> None:
    """Raise `FileExists` or `UnwritableFile` if the sound cannot go there, for want of a folder, a name or room."""
    try:
        if path.is_dir():
            raise UnwritableFile(path, "there is a folder of that name", "Choose another name.")
        if path.exists() and not overwrite:
            raise FileExists(path)
        if not path.parent.is_dir():
            raise UnwritableFile(
                path, f"there is no folder “{path.parent}”", "Make it first, or choose another."
            )
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise UnwritableFile(path, why(error)) from error
    if length < 1:
        raise UnwritableFile(path, "there is no sound to write")
    seconds = length / rate
    if kind.lossless:
        need = length * channels * (quality.bits or 32) // 8
        need = need * 7 // 10 if kind.name == "flac" else need
    else:
        need = int(seconds * 16_000 * channels)
    if kind.name == "aiff" and need >= 2**32 - 2**16:
        raise UnwritableFile(path, "AIFF holds at most 4 GB", "Choose WAV or FLAC.")
    if free < need + MARGIN_BYTES:
        raise UnwritableFile(
            path,
            f"it needs {need / 2**20:.0f} MB and the disk has {free / 2**20:.0f} MB left",
            "Free some space.",
        )


def claim_part(path: Path) -> Path:
    """A new, empty file beside the target; never one that somebody else has made."""
    for number in range(1, 1000):
        part = path.with_name(f"{path.name}.part" if number == 1 else f"{path.name}.{number}.part")
        try:
            part.touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise UnwritableFile(path, why(error)) from error
        return part
    raise UnwritableFile(
        path, "the folder is full of unfinished files of that name", "Remove its .part files."
    )


def sync(path: Path) -> None:
    """Have the disk take it now, so that a file that has its name is whole."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_whole(path: Path, data: bytes) -> None:
    """Put these bytes into a file, whole or not at all; what was there is replaced. `UnwritableFile` says why not."""
    part = claim_part(path)
    try:
        part.write_bytes(data)
        sync(part)
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UnwritableFile(path, why(error)) from error


def why(error: OSError) -> str:
    """What the system said, as the end of a sentence."""
    return (error.strerror or str(error)).strip().rstrip(".").lower()
