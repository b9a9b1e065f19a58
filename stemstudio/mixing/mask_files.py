"""Masks as files: every stem's share of the song in every bin, as numbers (.npz) or as a picture (.png)."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemstudio.progress import Progress, stoppable
from stemstudio.project.project import State
from stemstudio.project.showing import levels, net_mask

Float = NDArray[np.float32]

FRAMES = 32  # made at a time
PACKED = 16  # of them packed between two looks whether to stop
WIDEST = 32_000  # pixels; a longer song has several frames in one
SILENT = 1e-9


def write_masks(path: Path, state: State, progress: Progress) -> None:
    """All masks in one NumPy archive, frame by frame, so that an hour needs no more memory than a minute.

    It holds `masks`, float16 (frames, stems, bins) with Σ over the stems = 1 wherever the song sounds; `names`; `fft`,
    `hop` and `sample_rate`, which say where each of them lies.
    """
    leaves = state.leaves()
    shape = (state.frames, len(leaves), state.grid.bins)
    small = {
        "names": np.array([leaf.name for leaf in leaves]),
        "fft": np.int64(state.grid.fft),
        "hop": np.int64(state.grid.hop),
        "sample_rate": np.int64(state.mixture.sample_rate),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, value in small.items():
            held = io.BytesIO()
            np.lib.format.write_array(held, np.asarray(value), allow_pickle=False)
            archive.writestr(f"{name}.npy", held.getvalue())
        with archive.open("masks.npy", "w", force_zip64=True) as member:
            header = {"descr": "<f2", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for block in _shares(state, progress):
                frames = block.transpose(2, 0, 1).astype("<f2")
                for first in range(0, len(frames), PACKED):
                    progress.check()
                    member.write(frames[first : first + PACKED].tobytes())


def write_pictures(paths: dict[int, Path], state: State, progress: Progress) -> None:
    """A grey picture for each leaf: a column for each frame, a row for each bin, low notes at the bottom, 255 for all of it.

    Parameters
    ----------
    paths
        By the leaf's id.
    """
    leaves = state.leaves()
    wide = -(-state.frames // WIDEST)
    columns = -(-state.frames // wide)
    pictures = np.zeros((len(leaves), state.grid.bins, columns), dtype=np.uint8)
    first = 0
    for block in _shares(state, progress.part(0.0, 0.8), FRAMES * wide):
        if block.shape[2] % wide:
            block = np.pad(block, ((0, 0), (0, 0), (0, -block.shape[2] % wide)), mode="edge")
        shrunk = block.reshape(*block.shape[:2], -1, wide).mean(axis=3)
        pictures[:, :, first : first + shrunk.shape[2]] = np.rint(255 * shrunk)
        first += shrunk.shape[2]
    for number, (leaf, picture) in enumerate(zip(leaves, pictures, strict=True)):
        progress.part(0.8, 1.0)(number / len(leaves), "Writing pictures")
        if leaf.id in paths:
            paths[leaf.id].write_bytes(grey_png(picture[::-1]))


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture of 8-bit grey, (rows, columns), as a PNG file (ISO/IEC 15948)."""
    rows, columns = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = np.zeros((rows, columns + 1), dtype=np.uint8)  # each row behind a 0, for no filter
    lines[:, 1:] = pixels
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _shares(state: State, progress: Progress, step: int = FRAMES) -> Iterator[Float]:
    """The masks of all leaves over some frames at a time: float32 (leaves, bins, frames), summing to 1.

    Where the stems are masks these are they; elsewhere each stem's share of all the stems' magnitudes.
    """
    leaves = [leaf.id for leaf in state.leaves()]
    for first in range(0, state.frames, step):
        progress(first / state.frames, "Writing masks")
        last = min(state.frames, first + step)
        held: dict[int, Float] = {}
        masks = [net_mask(state, leaf, first, last, held) for leaf in leaves]
        known = [mask for mask in masks if mask is not None]
        if len(known) == len(leaves):
            yield np.clip(np.stack(known), 0.0, 1.0)
            continue
        with stoppable(progress):
            found = np.nan_to_num(levels(state, leaves, first, last), posinf=0.0)  # no share without a number
        total = found.sum(axis=0)
        yield np.where(total > SILENT, found / np.maximum(total, SILENT), np.float32(0))
