"""A saved project opened with its song's sound, for commands that work on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stemstudio.cli.console import say
from stemstudio.errors import BadProject, StemStudioError
from stemstudio.progress import Progress

if TYPE_CHECKING:
    from stemstudio.audio.reading import SongInfo
    from stemstudio.project.opening import Opened
    from stemstudio.project.project import Project, State


@contextmanager
def opened_with_song(
    project: Path, song: Path | None, progress: Progress
) -> Iterator[tuple[Opened, SongInfo]]:
    """The project, its song decoded, and what the song's file says; its working copy is gone afterwards.

    `song` is where the song lies now, if it was moved.
    """
    from stemstudio.audio.channels import ChannelChoice
    from stemstudio.audio.reading import decode, probe
    from stemstudio.project.opening import open_project

    opened = open_project(project, progress=progress.part(0.0, 0.25))
    try:
        if song is not None:
            opened.storage.relink(song, progress.part(0.25, 0.4))
        found = song or opened.song
        if found is None:
            raise BadProject(
                f"The song of “{project.name}” is not at {opened.project.song.path} any more.",
                "Say where it is now with --song PATH.",
            )
        info = probe(found)
        taken = opened.project.song.channels_taken
        choice = ChannelChoice.parse(taken) if info.channels > 2 and taken != "all" else None
        audio = decode(info, progress.part(0.4, 1.0), channels=choice, on_note=say)
        form = opened.project.state.mixture
        if (audio.sample_rate, audio.channels, audio.length) != (
            form.sample_rate,
            form.channels,
            form.length,
        ):
            raise BadProject(f"“{found.name}” is not as long as when “{project.name}” was made of it.")
        opened.project.set_mixture(audio)
        yield opened, info
    finally:
        opened.storage.close()


def with_own_stems_of(file: Path, progress: Progress) -> tuple[Project, SongInfo]:
    """A song that brings its stems along (`.stem.mp4`), as a project that is saved nowhere."""
    from stemstudio.algorithms.own_stems import OwnStems
    from stemstudio.audio.reading import decode, probe
    from stemstudio.project.own_stems import with_own_stems
    from stemstudio.project.project import Project, SongReference
    from stemstudio.spectral.stft import StftSettings

    info = probe(file)
    audio = decode(info, progress.part(0.0, 0.3), on_note=say)
    recipe = OwnStems(file=str(file.absolute()))
    estimates, entries, notes = recipe.read(audio, progress.part(0.3, 1.0))
    for note in notes:
        say(note)
    reference = SongReference(
        str(file.absolute()), "", info.tags.title or file.name.removesuffix(".stem.mp4")
    )
    project = Project(audio, reference, StftSettings())
    with_own_stems(project, recipe, estimates, entries).do(project)
    return project, info


def is_project(file: Path) -> bool:
    """Whether a file is a project, by its name or by how it begins."""
    from stemstudio.project.database import SUFFIX

    if file.suffix.lower() == SUFFIX:
        return True
    try:
        with file.open("rb") as start:
            return start.read(16) == b"SQLite format 3\0"
    except (OSError, ValueError):
        return False  # reading it as a song says why


def stems_named(state: State, words: Iterable[str]) -> tuple[int, ...]:
    """Ids of stems by their names; all leaves if none is named."""
    by_name = {stem.name.casefold(): stem.id for stem in state.stems.values() if stem.parent is not None}
    chosen: list[int] = []
    for word in words:
        for name in [word] if word.casefold() in by_name else word.split(","):
            if name.strip().casefold() not in by_name:
                listed = ", ".join(stem.name for stem in state.stems.values() if stem.parent is not None)
                raise StemStudioError(
                    f"There is no stem “{name.strip()}”.", f"There are: {listed or 'none yet'}."
                )
            chosen.append(by_name[name.strip().casefold()])
    return tuple(dict.fromkeys(chosen)) or tuple(leaf.id for leaf in state.leaves())
