"""Batch: one song of many, from its file to the files of its stems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.streaming import Said
from stemstudio.audio.channels import ChannelChoice
from stemstudio.audio.reading import decode, probe, song_hash
from stemstudio.mixing.export import export
from stemstudio.mixing.order import ExportOrder
from stemstudio.progress import Progress
from stemstudio.project.project import Project, SongReference
from stemstudio.project.stem import MIXTURE
from stemstudio.project.takes import answer_of
from stemstudio.spectral.stft import StftSettings


@dataclass(frozen=True)
class Wish:
    """What is wanted of every song.

    Attributes
    ----------
    recipe
        What takes it apart.
    together
        Stem by part, where parts are to be one stem.
    format, subtype
        Of the files, as `ExportOrder` has them.
    """

    recipe: Algorithm
    together: Mapping[str, str] = field(default_factory=dict)
    format: str = "wav"
    subtype: str | None = None


@dataclass(frozen=True)
class Written:
    """What came of a song: its files, and what there is to say about them."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def own_folders(songs: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """A folder a song, called like it; with a number where there is one of that name, so that nothing is replaced."""
    found: list[Path] = []
    for song in songs:
        names = (song.stem, *(f"{song.stem} {number}" for number in range(2, 10_000)))
        taken = {path.name.casefold() for path in found}
        found.append(
            next(
                folder / name
                for name in names
                if name.casefold() not in taken and not (folder / name).exists()
            )
        )
    return tuple(found)


def separate_song(song: Path, folder: Path, wish: Wish, progress: Progress) -> Written:
    """Take a song apart and write all its stems, the residual included; songs of many channels are folded down to stereo.

    Atoms that nobody can assign here are gathered into stems by their timbre.
    """
    info = probe(song)
    notes = list(info.notes)
    choice = ChannelChoice.downmix() if info.channels > 2 else None
    if choice is not None:
        notes.append(f"Its {info.channels} channels were folded down to stereo.")
    audio = decode(info, progress.part(0.0, 0.05), channels=choice, on_note=notes.append)
    reference = SongReference(str(song.absolute()), song_hash(song), info.tags.title or song.stem)
    project = Project(audio, reference, StftSettings())

    def said(found: object) -> None:
        if isinstance(found, Said):
            notes.append(found.words)

    answer = answer_of(
        project.state,
        MIXTURE,
        wish.recipe,
        progress.part(0.05, 0.85, hand_on=said),
        together=wish.together,
        gather=True,
    )
    answer.edit(project).do(project)
    leaves = tuple(leaf.id for leaf in project.state.leaves())
    order = ExportOrder(folder, leaves, format=wish.format, subtype=wish.subtype, template="{stem}")
    report = export(project.state, order, info.tags, progress.part(0.85, 1.0), song=reference.title)
    progress(1.0, "done")
    return Written(tuple(report.files.values()), (*notes, *report.notes))
