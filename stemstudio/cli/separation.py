"""A song split by a recipe in a project of its own, and the record of it that lies beside the stems."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stemstudio import __version__
from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.masking import Masking
from stemstudio.audio.audio import Audio, Stretch
from stemstudio.cli.assignment import Assignment, assigned
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.project.splicing import Found, cut_out, splice
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import Box
from stemstudio.spectral.stft import StftSettings

LIBRARIES = ("numpy", "scipy", "numba", "soundfile", "torch", "demucs")


def masking_of(wanted: Mapping[str, Any], recipe: Algorithm, start: Masking | None = None) -> Masking | None:
    """The masking that a recipe starts with, with some of its parameters in other ways; None where nothing is wanted.

    Refused, before any work, where the recipe makes no masks or a value is impossible.
    """
    if not wanted:
        return None
    if not recipe.masked:
        raise StemStudioError(
            f"{recipe.title} makes stems without masks, so there is nothing to set about them.",
            "Leave out --mask.",
        )
    return Masking.from_settings({**(start or Masking()).record(), **wanted})


def selected(start: float | None, stop: float | None, duration: float) -> tuple[float, float] | None:
    """The seconds that are to be taken apart; None for the whole song."""
    if start is None and stop is None:
        return None
    low, high = max(0.0, start or 0.0), duration if stop is None else min(stop, duration)
    if not low < high:
        raise StemStudioError(
            f"There is no sound between {low:g} s and {high:g} s.",
            f"The song lasts {duration:.1f} s; say a --start before a --stop within it.",
        )
    return low, high


def split_song(
    audio: Audio,
    song: SongReference,
    recipe: Algorithm,
    how: Assignment,
    wanted: Mapping[str, Any],
    progress: Progress,
    selection: tuple[float, float] | None = None,
) -> Project:
    """Take a song, or some seconds of it alone, apart and gather what came out into stems, with masks as wanted."""
    recipe = recipe.resolved()
    if selection is None:
        estimates = recipe.run(audio, progress.part(0.0, 0.85))
        stems, owners, likely = assigned(how, estimates, audio, progress.part(0.85, 1.0))
        project = Project(audio, song, estimates.grid or StftSettings())
        edits.split(project, MIXTURE, recipe, estimates, stems=stems, owners=owners, probabilities=likely).do(
            project
        )
    else:
        box = Box(start=selection[0], stop=selection[1], low=0.0, high=audio.sample_rate / 2)
        piece = cut_out(audio, recipe, box, progress.part(0.0, 0.85))
        estimates, heard = piece.estimates, Stretch(audio, piece.offset, piece.length)
        stems, owners, likely = assigned(how, estimates, heard, progress.part(0.85, 1.0))
        project = Project(audio, song, estimates.grid or StftSettings())
        found = Found(piece, tuple(stems), tuple(owners), (None,) * len(stems), likely)
        splice(project, MIXTURE, found).do(project)
    masking = masking_of(wanted, recipe, estimates.masking)
    changed = None if masking is None else edits.mask(project.state, MIXTURE, masking)
    if changed is not None:
        changed.do(project)
    return project


def record(
    path: Path, project: Project, result: Mapping[str, Any], files: Mapping[str, Path], how: Assignment
) -> None:
    """Write down what was done with what, whole or not at all."""
    state = project.state
    split = state.splits[MIXTURE]
    names = {stem.id: stem.name for stem in state.stems.values()}
    entry: dict[str, Any] = {
        "song": {
            "path": project.song.path,
            "sha256": project.song.sha256,
            "title": project.song.title,
            "channels_taken": project.song.channels_taken,
            "sample_rate": state.mixture.sample_rate,
            "channels": state.mixture.channels,
            "samples": state.mixture.length,
        },
        **result,
        "stems": {name: file.name for name, file in files.items()},
        "residual": names[split.residual],
    }
    if split.estimates.atoms:
        entry["assign"] = str(how)
        entry["atoms"] = [names[owner] for owner in split.owners]
        if split.chances is not None:
            entry["chances"] = [
                {names[stem]: round(p, 6) for stem, p in split.chances.of(atom).items()}
                for atom in range(len(split.owners))
            ]
    if split.recipe.masked:
        entry["masks"] = split.masking.record()
    entry["versions"] = _versions()
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(entry, ensure_ascii=False, indent=2) + "\n", "utf-8", "backslashreplace")
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UnwritableFile(path, (error.strerror or str(error)).lower()) from error


def _versions() -> dict[str, str]:
    found = {"stemstudio": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
