"""Native Instruments Stems as they lie in an MP4 file: what its `stem` box says, and the sound of its streams."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.audio.decoders import open_container, plain, planar
from stemstudio.audio.mp4_boxes import BadBoxes, put_user_data, user_data
from stemstudio.audio.reading import finite
from stemstudio.errors import UnreadableSong
from stemstudio.progress import Progress

SUFFIX = ".stem.mp4"
STEMS = 4
LARGEST = 1 << 20  # bytes of what the box says
# Decks have a compressor and a limiter for the sum of the stems; ours add up to the song as they are.
MASTERING = {
    "compressor": {
        "enabled": False,
        "input_gain": 0.5,
        "output_gain": 0.5,
        "threshold": 0,
        "dry_wet": 50,
        "attack": 0.003,
        "release": 0.3,
        "ratio": 3,
        "hp_cutoff": 300,
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}


@dataclass(frozen=True)
class StemEntry:
    """A stem as the box names it.

    Attributes
    ----------
    name
        As decks show it.
    colour
        "#rrggbb"; empty where the file gives none that is one.
    """

    name: str
    colour: str


def write_entries(path: Path, entries: Sequence[StemEntry]) -> None:
    """Put the names and colours of the four stems into a finished file."""
    stems = [{"name": entry.name, "color": entry.colour.upper()} for entry in entries]
    told = {"mastering_dsp": MASTERING, "version": 1, "stems": stems}
    put_user_data(path, b"stem", json.dumps(told, separators=(",", ":")).encode())


def read_entries(path: Path) -> tuple[StemEntry, ...]:
    """The stems that a file says it holds; none where it is no such file.

    Raises
    ------
    UnreadableSong
        Where there is a `stem` box that says nothing sensible, or the file's boxes are damaged.
    """
    try:
        content = user_data(path, b"stem")
    except (OSError, BadBoxes) as error:
        raise UnreadableSong(path, plain(error)) from None
    if content is None:
        return ()
    try:
        told = json.loads(content[:LARGEST].rstrip(b"\0").decode("utf-8"))
        stems = told["stems"]
        if not isinstance(stems, list) or not 1 <= len(stems) <= STEMS:
            raise ValueError("no list of stems")
        return tuple(_entry(stem, number) for number, stem in enumerate(stems, 1))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableSong(path, "what it says of its stems is damaged") from None


def decode_stems(
    path: Path, count: int, channels: int, rate: int, length: int, progress: Progress
) -> tuple[Samples, tuple[str, ...]]:
    """The sound of the streams after the first, in one pass.

    Parameters
    ----------
    count
        How many of them.
    channels, rate, length
        Of the song, which is the first stream; a stem that is shorter ends in silence, one that is longer is cut.

    Returns
    -------
    ndarray, tuple
        float32 (count, channels, length); sentences about what was lived with.

    Raises
    ------
    UnreadableSong
        If there are not as many streams, one has another sample rate, or nothing can be decoded of one.
    """
    import av

    try:
        with open_container(path) as container:
            streams = list(container.streams.audio)[1 : 1 + count]
            if len(streams) < count:
                raise UnreadableSong(path, f"it names {count} stems and holds {len(streams)}")
            found = np.zeros((count, channels, length), dtype=np.float32)
            places, notes = [0] * count, []
            rows = {stream.index: row for row, stream in enumerate(streams)}
            begins: dict[int, float] = {}
            damaged = 0
            for frame, index in _frames(container, streams):
                if frame is None:
                    damaged += 1
                    continue
                row = rows[index]
                if frame.time is not None:
                    begun = begins.setdefault(row, 0.0 if damaged else frame.time)
                    if damaged:  # what cannot be decoded stays silent, and the rest in time
                        places[row] = max(places[row], round((frame.time - begun) * rate))
                if frame.sample_rate != rate:
                    raise UnreadableSong(path, "its stems have a sample rate of their own")
                block, bad = finite(_fitting(planar(frame), channels))
                if bad:
                    notes.append(f"{bad} samples of a stem were no numbers and became silence.")
                place = places[row]
                kept = block[:, : max(0, length - place)]
                found[row, :, place : place + kept.shape[1]] = kept
                places[row] += block.shape[1]
                progress(min(places) / length, "Reading stems")
    except av.error.FFmpegError as error:
        raise UnreadableSong(path, plain(error)) from error
    if damaged:
        notes.append("The file is damaged in places; there is silence in its stems there.")
    if not all(places):
        raise UnreadableSong(path, f"nothing could be decoded of its stem {places.index(0) + 1}")
    short = min(places)
    if short < length - rate // 10:
        notes.append(
            f"A stem ends {(length - short) / rate:.1f} s before the song; the rest of it is silent."
        )
    return found, tuple(notes)


def _frames(container: Any, streams: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """Decoded frames with their stream's index; None for what could not be decoded."""
    for packet in container.demux(streams):
        try:
            frames = packet.decode()
        except _damage():
            yield None, packet.stream.index
            continue
        for frame in frames:
            yield frame, packet.stream.index


def _fitting(block: Samples, channels: int) -> Samples:
    if block.shape[0] == channels:
        return block
    middle = block.mean(axis=0, keepdims=True)
    return np.repeat(middle, channels, axis=0)


def _entry(stem: Any, number: int) -> StemEntry:
    if not isinstance(stem, dict):
        raise ValueError("no stem")
    name, colour = str(stem.get("name", "")), str(stem.get("color", ""))
    words = "".join(sign for sign in name if sign.isprintable()).strip()[:100]
    return StemEntry(
        words or f"Stem {number}", colour.lower() if re.fullmatch("#[0-9a-fA-F]{6}", colour) else ""
    )


def _damage() -> type[Exception]:
    import av

    return av.error.FFmpegError
