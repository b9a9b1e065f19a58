"""The place that sound is written to: looked at first, claimed beside, moved to when whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from stemstudio.audio.formats import FileFormat, Subtype
from stemstudio.errors import UnwritableFile

MARGIN_BYTES = 2**20


class FileExists(UnwritableFile):
    """There is a file of that name already."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "there is a file of that name already", "Choose another name, or allow replacing it."
        )


def check_name(path: Path, overwrite: bool) -> None:
    """Raise `UnwritableFile` where a folder has that name, `FileExists` where a file has that may not be replaced."""
    if path.is_dir():
        raise UnwritableFile(path, "there is a folder of that name", "Choose another name.")
    if path.exists() and not overwrite:
        raise FileExists(path)


def check_target(
    path: Path, kind: FileFormat, quality: Subtype, rate: int, channels: int, length: int, overwrite: bool
) -> None:
    """Raise `FileExists` or `UnwritableFile` if the sound cannot go there, for want of a folder, a name or room."""
    try:
        check_name(path, overwrite)
        if not path.parent.is_dir():
            raise UnwritableFile(
                path, f"there is no folder “{path.parent}”", "Make it first, or choose another."
            )
    except OSError as error:
        raise UnwritableFile(path, why(error)) from error
    if length < 1:
        raise UnwritableFile(path, "there is no sound to write", "")
    need = expected_bytes(kind, quality, rate, channels, length)
    if kind.name == "aiff" and need >= 2**32 - 2**16:
        raise UnwritableFile(path, "AIFF holds at most 4 GB", "Choose WAV or FLAC.")
    check_room(path, need)


def spare(song: Path, targets: Iterable[Path]) -> None:
    """Refuse to write over the song that is being read, whatever may be replaced."""
    for path in targets:
        if path.exists() and song.exists() and path.samefile(song):
            raise UnwritableFile(path, "it is the song itself", "Choose another folder.")


def check_room(path: Path, need: int, what: str = "it needs") -> None:
    """Raise `UnwritableFile` if so many bytes have no room beside `path`, the file that is named."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise UnwritableFile(path, why(error)) from error
    if free < need + MARGIN_BYTES:
        raise UnwritableFile(
            path,
            f"{what} {-(-(need + MARGIN_BYTES) // 2**20)} MB and the disk has {free // 2**20} MB left",
            "Free some space, or choose another folder.",
        )


def expected_bytes(kind: FileFormat, quality: Subtype, rate: int, channels: int, length: int) -> int:
    """About how large a file of sound will be; FLAC is taken for 70 % of WAV, lossy formats for what their words say."""
    if kind.lossless:
        exact = length * channels * (quality.bits or 32) // 8
        return exact * 7 // 10 if kind.name == "flac" else exact
    rated = re.search(r"(\d+) kbit/s", quality.words)
    return int(length / rate * (int(rated[1]) if rated else 256) * 125 * channels / 2)


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


class WholeFile:
    """A file in the making that is no sound: `write` fills it, `place` gives it its name, `discard` takes it away.

    Attributes
    ----------
    path
        The file.
    part
        What is filled until then, in the same folder.
    """

    def __init__(self, path: Path, overwrite: bool) -> None:
        self.path = path
        self._overwrite = overwrite
        check_name(path, overwrite)
        self.part = claim_part(path)

    def write(self, fill: Callable[[Path], None]) -> None:
        """Let `fill(part)` write it; what the disk says becomes one sentence."""
        try:
            fill(self.part)
            sync(self.part)
        except OSError as error:
            raise UnwritableFile(self.path, why(error)) from error

    def place(self) -> None:
        """Give the finished file its name."""
        try:
            if self.path.exists() and not self._overwrite:
                raise FileExists(self.path)
            os.replace(self.part, self.path)
        except OSError as error:
            raise UnwritableFile(self.path, why(error)) from error

    def discard(self) -> None:
        """Take the unfinished file away; nothing happens once it has its name."""
        with suppress(OSError):
            self.part.unlink()


class Placeable(Protocol):
    """A finished file without its name."""

    @property
    def path(self) -> Path: ...

    def place(self) -> None: ...


def place_all(files: Iterable[Placeable]) -> None:
    """Give finished files their names; if one will not take it, the new ones before it go away again."""
    new: list[Path] = []
    try:
        for file in files:
            fresh = not file.path.exists()
            file.place()
            if fresh:
                new.append(file.path)
    except BaseException:
        for path in new:
            with suppress(OSError):
                path.unlink()
        raise


def why(error: OSError) -> str:
    """What the system said, as the end of a sentence."""
    return (error.strerror or str(error)).strip().rstrip(".").lower()
