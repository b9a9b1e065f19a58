"""`stemstudio export`: the stems of a project, or its mix as heard, into files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemstudio.cli.console import answer, say, working
from stemstudio.cli.options import Format, Json, Out, Overwrite, Subtype, sound_format, spare_song
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.project.project import State


def export(
    project: Annotated[Path, typer.Argument(help="The project's file.", metavar="PROJECT")],
    out: Out,
    stems: Annotated[
        list[str] | None,
        typer.Option(
            "--stems", help="Names of stems, with commas or several times; by default all.", metavar="NAME,…"
        ),
    ] = None,
    mix: Annotated[
        bool, typer.Option("--mix", help="The mix as it is heard: gain, pan, mute and solo as in the mixer.")
    ] = False,
    atoms: Annotated[
        Path | None,
        typer.Option(
            help="Also write the atoms of the song to this file, for “separate --set given=FILE” to start from.",
            metavar="FILE",
        ),
    ] = None,
    format: Format = "wav",
    subtype: Subtype = None,
    template: Annotated[
        str, typer.Option(help="File names, from {song}, {stem} and {number}.", metavar="WORDS")
    ] = "{song} - {stem}",
    peak: Annotated[
        float | None,
        typer.Option(
            help="Give all files the one gain that brings the loudest to this level, in dB of full scale.",
            metavar="DB",
            max=0.0,
        ),
    ] = None,
    song: Annotated[
        Path | None, typer.Option(help="Where the song is now, if it was moved.", metavar="SONG")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the stems of a project, or its mix."""
    from stemstudio.cli.atoms import write_atoms_of
    from stemstudio.cli.opened import opened_with_song
    from stemstudio.mixing.export import ExportOrder, file_names
    from stemstudio.mixing.export import export as write

    with (
        working(f"Opening {project.name}") as progress,
        opened_with_song(project, song, progress.part(0.0, 0.4)) as (opened, info),
    ):
        state = opened.project.state
        kind, quality = sound_format(format, subtype, state.mixture.sample_rate, state.mixture.channels)
        chosen = _chosen(state, stems or ()) if stems or not mix else ()
        order = ExportOrder(
            out,
            chosen,
            mix,
            format=kind.name,
            subtype=quality,
            template=template,
            gain="keep" if peak is None else "common peak",
            peak_db=0.0 if peak is None else peak,
            overwrite=overwrite,
        )
        title = opened.project.song.title
        spare_song(out, file_names(order, state, title).values(), info.path)
        if atoms is not None:
            atoms = write_atoms_of(atoms, state, overwrite=overwrite)
        report = write(state, order, info.tags, progress.part(0.4, 1.0), song=title)
    names = {key: "mix" if key == "mix" else state.stems[key].name for key in report.files}
    for note in report.notes:
        say(note)
    if json:
        answer(
            {
                "files": {names[key]: str(path) for key, path in report.files.items()},
                **({} if atoms is None else {"atoms_file": str(atoms)}),
                "peaks": {names[key]: value for key, value in report.peaks.items()},
                "clipped_db": {names[key]: value for key, value in report.clipped_db.items()},
                "gain_db": report.gain_db,
                "null_db": report.null_db,
                "notes": list(report.notes),
            }
        )
        return
    for key, path in report.files.items():
        say(f"{names[key]}: {path}")
    if report.null_db is not None:
        say(f"The stems add up to the song to within {report.null_db:.0f} dB of full scale.")


def _chosen(state: State, words: Iterable[str]) -> tuple[int, ...]:
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
