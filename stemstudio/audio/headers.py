"""What the headers of WAV, AIFF, Ogg and MP4 files say, read without a decoder; and which loudspeakers a WAV is for."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

LARGEST_PAGE = 65_307  # bytes of an Ogg page
UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # what programs write that stream to a pipe


def missing_share(path: Path) -> float:
    """The share of the sound that a WAV, RF64 or AIFF header promises and the file lacks, in [0, 1].

    libsndfile reads such a file short without a word. 0 for other formats and for headers that leave the size open.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            return _missing(file, size, "<I", b"data")
        if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            return _missing(file, size, ">I", b"SSND")
    return 0.0


def channel_mask(path: Path) -> int | None:
    """The loudspeakers that the channels of a WAV or RF64 file are for, as bits; None where it does not say."""
    with path.open("rb") as file:
        place = _mask_place(file)
        if place is None:
            return None
        file.seek(place)
        return int(struct.unpack("<I", file.read(4))[0])


def set_channel_mask(path: Path, mask: int) -> None:
    """Say which loudspeakers the channels of an extensible WAV or RF64 file are for; nothing happens to others.

    libsndfile says nothing for five channels, and of eight that three pairs stand in front.
    """
    with path.open("rb+") as file:
        place = _mask_place(file)
        if place is not None:
            file.seek(place)
            file.write(struct.pack("<I", mask))


def _mask_place(file: BinaryIO) -> int | None:
    """Where the channel mask lies: 20 bytes into the format chunk of WAVE_FORMAT_EXTENSIBLE."""
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:12] != b"WAVE":
        return None
    for _ in range(1000):
        head = file.read(8)
        if len(head) < 8:
            return None
        name, (size,) = head[:4], struct.unpack("<I", head[4:])
        if name == b"fmt ":
            body = file.tell()
            extensible = size >= 40 and file.read(2) == b"\xfe\xff"
            return body + 20 if extensible else None
        file.seek(size + size % 2, 1)
    return None


def _missing(file: BinaryIO, file_size: int, number: str, sound_name: bytes) -> float:
    long_size = 0
    for _ in range(1000):
        head = file.read(8)
        if len(head) < 8:
            return 0.0
        name, (size,) = head[:4], struct.unpack(number, head[4:])
        if name == sound_name:
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            elif size in UNKNOWN_SIZES:
                return 0.0
            present = file_size - file.tell()
            return float(max(0.0, (size - present) / size))
        if name == b"ds64":
            body = file.read(min(size, 28))
            if len(body) >= 16:
                long_size = struct.unpack("<Q", body[8:16])[0]
            file.seek(size - len(body) + size % 2, 1)
        else:
            file.seek(size + size % 2, 1)
    return 0.0


def ends_without_end(path: Path) -> bool:
    """Whether an Ogg file lacks the page that ends its stream, or a part of it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, size - 2 * LARGEST_PAGE))
        tail = file.read()
    start = tail.rfind(b"OggS")
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]) or not page[5] & 4


def movie_timescale(path: Path) -> int | None:
    """Units a second in which an MP4 file states the length of its tracks; None where there is no such header."""
    with path.open("rb") as file:
        end = path.stat().st_size
        inside = False
        for _ in range(1000):
            start = file.tell()
            head = file.read(8)
            if len(head) < 8 or start >= end:
                return None
            size, name = struct.unpack(">I4s", head)
            if size == 1:
                size = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0]
            if not inside and name == b"moov":
                inside = True
                continue
            if inside and name == b"mvhd":
                body = file.read(32)
                offset = 20 if body[:1] == b"\1" else 12
                return int(struct.unpack(">I", body[offset : offset + 4])[0]) if len(body) == 32 else None
            if size < 8:
                return None
            file.seek(start + size)
    return None
