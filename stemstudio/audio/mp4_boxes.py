"""Boxes of an MP4 file: found by their path, and one put into the file's user data."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST_MOOV = 256 << 20
MOST_BOXES = 100_000


class BadBoxes(ValueError):
    """A file whose boxes do not lie in each other as they say."""


@dataclass(frozen=True)
class Box:
    """A box.

    Attributes
    ----------
    kind
        Its four letters.
    start, body, stop
        Where it begins, where its content begins, and where it ends.
    """

    kind: bytes
    start: int
    body: int
    stop: int


def boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """The boxes in a row of bytes, one behind the other; `BadBoxes` where one is larger than what it lies in."""
    end = len(data) if stop is None else stop
    for _ in range(MOST_BOXES):
        if end - start < 8:  # what is left over may be a zero that ends a list of user data
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            raise BadBoxes(f"the box {kind!r} is larger than what it lies in")
        yield Box(kind, start, body, start + size)
        start += size


def box_at(data: bytes, *path: bytes) -> Box | None:
    """The first box along a path of kinds, or None."""
    start, stop = 0, len(data)
    found = None
    for kind in path:
        found = next((box for box in boxes(data, start, stop) if box.kind == kind), None)
        if found is None:
            return None
        start, stop = found.body, found.stop
    return found


def read_moov(path: Path) -> tuple[int, bytes] | None:
    """Where a file's `moov` box begins, and all of it; None where there is none, `BadBoxes` where it is cut off."""
    end = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        for _ in range(MOST_BOXES):
            file.seek(start)
            head = file.read(16)
            if len(head) < 8:
                return None
            size, kind = struct.unpack_from(">I4s", head)
            if size == 1 and len(head) == 16:
                (size,) = struct.unpack_from(">Q", head, 8)
            elif size == 0:
                size = end - start
            if size < 8:
                return None
            if kind == b"moov":
                if start + size > end or size > LARGEST_MOOV:
                    raise BadBoxes("the box b'moov' is larger than the file")
                file.seek(start)
                return start, file.read(size)
            start += size
    return None


def user_data(path: Path, kind: bytes) -> bytes | None:
    """The content of `moov/udta/KIND`, or None where there is none; `BadBoxes` and OSError where it cannot be read."""
    found = read_moov(path)
    if found is None:
        return None
    moov = found[1]
    box = box_at(moov, b"moov", b"udta", kind)
    return None if box is None else moov[box.body : box.stop]


def put_user_data(path: Path, kind: bytes, content: bytes) -> None:
    """Put a box into `moov/udta` of a file whose `moov` is its last box, so that no sound has to move."""
    found = read_moov(path)
    if found is None or found[0] + len(found[1]) != path.stat().st_size:
        raise BadBoxes("the box b'moov' is not the last one")
    start, moov = found
    inner = [moov[box.start : box.stop] for box in boxes(moov, 8)]
    added = packed(kind, content)
    place = next((number for number, box in enumerate(inner) if box[4:8] == b"udta"), None)
    if place is None:
        inner.append(packed(b"udta", added))
    else:
        held = [box for box in boxes(inner[place], 8) if box.kind != kind]
        kept = b"".join(inner[place][box.start : box.stop] for box in held)
        inner[place] = packed(b"udta", kept + added)
    with path.open("rb+") as file:
        file.seek(start)
        file.write(packed(b"moov", b"".join(inner)))
        file.truncate()


def packed(kind: bytes, content: bytes) -> bytes:
    """A box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content
