"""Stems in a folder, one sound file each: read by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress

SUFFIXES = frozenset(
    [
        ".wav",
        ".w64",
        ".rf64",
        ".aif",
        ".aiff",
        ".aifc",
        ".au",
        ".caf",
        ".flac",
        ".alac",
        ".m4a",
        ".mp4",
        ".aac",
        ".mp3",
        ".ogg",
        ".oga",
        ".opus",
        ".wma",
    ]
)


def read_folders(
    reference: Path, estimate: Path, *, progress: Progress | None = None
) -> tuple[dict[str, Audio], dict[str, Audio]]:
    """Read the true stems and their estimates with all their channels; all must have one sample rate."""
    progress = progress or Progress()
    references = read_folder(reference, channels="all", progress=progress.part(0, 0.5))
    estimates = read_folder(estimate, channels="all", progress=progress.part(0.5, 1))
    rates = {audio.sample_rate for audio in (*references.values(), *estimates.values())}
    if len(rates) > 1:
        listed = " and ".join(f"{rate} Hz" for rate in sorted(rates))
        raise StemStudioError(
            f"The stems have different sample rates: {listed}.",
            "Export the estimates at the references' rate.",
        )
    return references, estimates


def read_folder(
    path: Path, *, channels: Literal["all"] | None = None, progress: Progress | None = None
) -> dict[str, Audio]:
    """Read the stems in a folder: every sound file in it by its name without suffix, except `mix` itself.

    Stems of more than two channels are read only where `channels` is "all", for those who can use them.

    Raises
    ------
    StemStudioError
        If there is no such folder, no sound in it, two files of one name, or a file that cannot be read.
    """
    from stemstudio.audio.reading import read_song

    progress = progress or Progress()
    if not path.is_dir():
        raise StemStudioError(f"There is no folder “{path}”.", "Give the folder that the stems are in.")
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() not in SUFFIXES or not file.is_file() or file.stem.lower() == "mix":
            continue
        if file.stem in files:
            raise StemStudioError(
                f"“{path.name}” holds the stem “{file.stem}” twice: {files[file.stem].name} and {file.name}.",
                "Keep one of them.",
            )
        files[file.stem] = file
    if not files:
        raise StemStudioError(f"There are no stems in “{path}”.", "Stems are sound files such as vocals.wav.")
    stems = {}
    for i, (name, file) in enumerate(files.items()):
        progress(i / len(files), f"Reading {file.name}")
        stems[name] = read_song(file, progress.part(i / len(files), (i + 1) / len(files)), channels)
    return stems
