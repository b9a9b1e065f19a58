"""Sound into a file: whole or not at all, nothing overwritten, normalised or clipped without a word."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, cast

import numpy as np

from stemstudio.audio.audio import Samples, Sound
from stemstudio.audio.encoders import Encoder, PyAVEncoder, SoundfileEncoder
from stemstudio.audio.formats import FORMATS, FileFormat, Subtype, file_format, why_not
from stemstudio.audio.reading import finite
from stemstudio.audio.tags import Tags, write_tags
from stemstudio.errors import UnwritableFile
from stemstudio.progress import Progress

__all__ = ["FORMATS", "FileExists", "WriteReport", "write_audio"]

Blocks = Iterable[Samples] | Callable[[], Iterable[Samples]]
BLOCK = 2**15  # samples a channel
MARGIN_BYTES = 2**20


class FileExists(UnwritableFile):
    """There is a file of that name already."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "there is a file of that name already", "Choose another name, or allow replacing it."
        )


@dataclass(frozen=True)
class WriteReport:
    """What was written.

    Attributes
    ----------
    path
        The file.
    frames
        Samples a channel.
    peak
        Largest absolute sample, after the gain and before any clipping; 1 is full scale.
    clipped_db
        By how many dB the sound must be turned down for nothing to be clipped; 0 if nothing was.
    notes
        Sentences about what was lived with.
    """

    path: Path
    frames: int
    peak: float
    clipped_db: float
    notes: tuple[str, ...] = ()


def write_audio(
    path: Path | str,
    source: Sound | Blocks,
    sample_rate: int | None = None,
    channels: int | None = None,
    *,
    format: str,
    subtype: str | None = None,
    tags: Tags | None = None,
    dither_seed: int = 0,
    gain: float = 1.0,
    length: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> WriteReport:
    """Write sound to a file of the same rate, channels and length.

    The file appears under its name when it is whole; until then it is `<name>.part` in the same folder, which is
    taken away again on any error and on `Cancelled`. May run in several threads at once.

    How exact the length is: to the sample for all formats, read back with `stemstudio.audio.reading`. MP3 carries
    its encoder's delay and padding in a LAME header, M4A in its edit list, Ogg Vorbis and Opus in their last page;
    players that heed none of these add up to 0.05 s of silence at the ends. MP3, M4A, Vorbis and Opus change the
    samples; WAV, AIFF and FLAC only round them. The sample rate is never changed: a rate that the format cannot keep
    (44 100 Hz in Opus) is refused with the formats that can.

    Parameters
    ----------
    path
        Where to; its suffix is taken as it is.
    source
        An `Audio`, anything else that reads by range, or blocks float32 (channels, n) of any length (an iterable, or
        a function that gives one), for which `sample_rate`, `channels` and `length` must be said.
    format, subtype
        Names in `FORMATS`.
    tags
        Carried into the file. A failure is a note in the report and does not stop the writing.
    dither_seed
        Of the triangular dither that is added where samples are rounded to 16 or 24 bits; same seed, same file.
    gain
        Factor on all samples.
    length
        Samples a channel.
    overwrite
        Whether a file of that name may be replaced.

    Raises
    ------
    FileExists
        If there is one and `overwrite` is False.
    UnwritableFile
        If the format cannot hold the sound, or the disk will not take it.
    ValueError
        If the blocks are not as long, or not as many channels, as was said.
    """
    path = Path(path)
    progress = progress or Progress()
    kind = file_format(format)
    quality = kind.subtype(subtype)
    if not np.isfinite(gain):
        raise ValueError(f"gain must be a number, not {gain}")
    if _reads(source):
        sample_rate, channels, length = source.sample_rate, source.channels, source.length
    if sample_rate is None or channels is None or length is None:
        raise ValueError("sample_rate, channels and length must be given for blocks")
    reason, way_on = why_not(kind, sample_rate, channels)
    if reason:
        raise UnwritableFile(path, reason, way_on)
    _check_target(path, kind, quality, sample_rate, channels, length, overwrite)
    part = _claim_part(path)
    try:
        peak, bad = _encode(
            part, source, sample_rate, channels, length, kind, quality, dither_seed, gain, progress
        )
        notes = [f"{bad} samples were no numbers and became silence."] if bad else []
        tag_note = write_tags(part, tags, kind.name) if tags else ""
        notes += [tag_note] if tag_note else []
        clipped_db = 20 * float(np.log10(peak)) if quality.bits and peak > 1.0 else 0.0
        if clipped_db:
            notes.append(f"The sound is clipped: turn it down by {clipped_db:.1f} dB, or write 32-bit float.")
        elif peak > 1.0 and not kind.lossless:
            over = 20 * float(np.log10(peak))
            notes.append(f"The sound goes {over:.1f} dB over full scale, which most players will clip.")
        _sync(part)
        progress.check()
        if path.exists() and not overwrite:
            raise FileExists(path)
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            raise UnwritableFile(path, _why(error)) from error
        raise
    progress(1.0, f"Wrote {path.name}")
    return WriteReport(path, length, peak, clipped_db, tuple(notes))


def _encode(
    part: Path,
    source: Sound | Blocks,
    rate: int,
    channels: int,
    length: int,
    kind: FileFormat,
    quality: Subtype,
    seed: int,
    gain: float,
    progress: Progress,
) -> tuple[float, int]:
    import soundfile

    message = f"Writing {part.name.removesuffix('.part')}"
    peak, bad, position = 0.0, 0, 0
    encoder: Encoder | None = None
    try:
        if kind.encoder == "pyav":
            encoder = PyAVEncoder(part, kind, quality, rate, channels)
        else:
            encoder = SoundfileEncoder(part, kind, quality, rate, channels, length, seed)
        try:
            for block in _even(source, channels, length):
                progress(0.98 * position / max(1, length), message)
                block, unusable = finite(block)
                bad += unusable
                if gain != 1.0:
                    block = block * np.float32(gain)
                peak = max(peak, float(np.max(np.abs(block), initial=0.0)))
                encoder.write(block)
                position += block.shape[1]
        finally:
            encoder.close()
        if position != length:
            raise ValueError(f"{length} samples were promised and {position} came")
        if kind.encoder == "soundfile" and kind.lossless:
            with soundfile.SoundFile(part) as file:
                if file.frames != length:  # what a full disk leaves behind can look like a whole file
                    raise OSError("the disk did not take all of it")
    except (soundfile.LibsndfileError, AssertionError) as error:
        # soundfile asserts that libsndfile took every sample
        raise OSError("the disk may be full or gone") from error
    return peak, bad


def _even(source: Sound | Blocks, channels: int, length: int) -> Iterator[Samples]:
    """The source in blocks of `BLOCK` samples, however it came: dither and memory do not depend on its pieces."""
    if _reads(source):
        for start in range(0, length, BLOCK):
            yield source.read(start, min(start + BLOCK, length))
        return
    waiting: list[Samples] = []
    size = 0
    for block in source() if callable(source) else cast("Iterable[Samples]", source):
        if block.ndim != 2 or block.shape[0] != channels:
            raise ValueError(f"blocks must be ({channels}, n), not {block.shape}")
        for start in range(0, block.shape[1], BLOCK):
            piece = np.asarray(block[:, start : start + BLOCK], dtype=np.float32)
            if size + piece.shape[1] >= BLOCK:
                cut = BLOCK - size
                yield np.concatenate([*waiting, piece[:, :cut]], axis=1)
                waiting, size, piece = [], 0, piece[:, cut:]
            waiting.append(piece.copy())  # the giver may reuse its array
            size += piece.shape[1]
    if size:
        yield np.concatenate(waiting, axis=1)


def _reads(source: Sound | Blocks) -> TypeGuard[Sound]:
    return hasattr(source, "read") and hasattr(source, "length")


def _check_target(
    path: Path, kind: FileFormat, quality: Subtype, rate: int, channels: int, length: int, overwrite: bool
) -> None:
    if path.is_dir():
        raise UnwritableFile(path, "there is a folder of that name", "Choose another name.")
    if path.exists() and not overwrite:
        raise FileExists(path)
    if not path.parent.is_dir():
        raise UnwritableFile(
            path, f"there is no folder “{path.parent}”", "Make the folder first, or choose another."
        )
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
    free = shutil.disk_usage(path.parent).free
    if free < need + MARGIN_BYTES:
        raise UnwritableFile(
            path,
            f"it needs {need / 2**20:.0f} MB and the disk has {free / 2**20:.0f} MB left",
            "Free some space.",
        )


def _claim_part(path: Path) -> Path:
    """A new, empty file beside the target; never one that somebody else has made."""
    for number in range(1, 1000):
        part = path.with_name(f"{path.name}.part" if number == 1 else f"{path.name}.{number}.part")
        try:
            part.touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise UnwritableFile(path, _why(error)) from error
        return part
    raise UnwritableFile(
        path, "the folder is full of unfinished files of that name", "Remove its .part files."
    )


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).strip().rstrip(".").lower()
