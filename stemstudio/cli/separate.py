"""`stemstudio separate`: a song into stems, exactly as the window would do it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, tell, working
from stemstudio.cli.options import (
    Channels,
    Format,
    Json,
    Out,
    Overwrite,
    Subtype,
    channel_choice,
    settings_from,
    sound_format,
    spare_song,
)
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.algorithms.algorithm import Algorithm
    from stemstudio.cli.assignment import Assignment

RECORD = "separation.json"


def separate(
    songs: Annotated[
        list[Path],
        typer.Argument(
            help="The song; of several each gets a folder of its own in --out.",
            metavar="SONG…",
            show_default=False,
        ),
    ],
    algorithm: Annotated[str, typer.Option(help="“stemstudio algorithms” lists them.", metavar="NAME")],
    out: Out,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A parameter of the algorithm; may come several times.", metavar="FIELD=VALUE"
        ),
    ] = None,
    assign: Annotated[
        str | None,
        typer.Option(
            help="Which atoms make a stem: atoms (each its own), timbre:N (N stems of what sounds alike), rhythm:N (N "
            "stems of what sounds at like times), either without N to find how many, stems:DIR (what comes nearest to the "
            "stems in a folder), model:NAME (whose a trained network says they are), or templates (a stem for each taught "
            "sound and each drum or track of a score, the residual for all others). By default templates where there are some, "
            "otherwise timbre:4.",
            metavar="HOW",
        ),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            help="Take only the song from here on apart; the rest is in the residual.", metavar="SECONDS"
        ),
    ] = None,
    stop: Annotated[
        float | None, typer.Option(help="Take only the song up to here apart.", metavar="SECONDS")
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            help="How masks are made of what the algorithm found: soft, binary or wiener, or a parameter of the masks, "
            "such as margin=2 or phase=misi; may come several times. “stemstudio algorithms NAME” lists them.",
            metavar="KIND|FIELD=VALUE",
        ),
    ] = None,
    atoms: Annotated[
        Path | None,
        typer.Option(
            help="Also write the atoms to this file, for “--set given=FILE” to start from another time.",
            metavar="FILE",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="What computes a network: auto, cpu, cuda or mps; as --set device.", metavar="NAME"
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="full is exact, half is faster; as --set precision, for networks.", metavar="full|half"
        ),
    ] = None,
    format: Format = "wav",
    subtype: Subtype = None,
    channels: Channels = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Take a song, or one after another, apart into stems.

    Every stem is written, the residual included, with a record of how it was done in separation.json.
    """
    from stemstudio.algorithms import algorithm as algorithm_named
    from stemstudio.cli.assignment import check, parse_assignment
    from stemstudio.cli.separation import masking_of

    settings = settings_from(set_ or (), "--set", "seed=1")
    settings |= {
        name: value for name, value in (("device", device), ("precision", precision)) if value is not None
    }
    recipe = algorithm_named(algorithm).from_settings(settings)
    wanted = settings_from(
        (word if "=" in word else f"kind={word}" for word in mask or ()), "--mask", "margin=2"
    )
    masking_of(wanted, recipe)
    how = parse_assignment(assign)
    check(how, recipe)
    if len(songs) > 1 and atoms is not None:
        raise StemStudioError("--atoms writes the atoms of one song.", "Give the songs one by one.")
    order = _Order(recipe, how, wanted, (start, stop), atoms, (format, subtype), channels, overwrite, json)
    if len(songs) == 1:
        result = _take_apart(songs[0], out, order)
        if json:
            answer(result)
        return
    found: list[dict[str, Any]] = []
    for number, (song, folder) in enumerate(zip(songs, _folders(songs, out), strict=True), 1):
        if not json:
            say(f"{song.name} ({number} of {len(songs)})")
        try:
            found.append({"song": str(song), **_take_apart(song, folder, order)})
        except StemStudioError as error:  # the others need not wait for somebody to mend this one
            say(f"{error}")
            found.append({"song": str(song), "error": error.sentence})
    if json:
        answer(found)
    wrong = [each for each in found if "error" in each]
    if wrong:
        raise StemStudioError(f"{len(wrong)} of {len(songs)} songs could not be taken apart.")


@dataclass(frozen=True)
class _Order:
    """What is to be done with each song."""

    recipe: Algorithm
    how: Assignment
    wanted: Mapping[str, Any]
    span: tuple[float | None, float | None]
    atoms: Path | None
    format: tuple[str, str | None]
    channels: str | None
    overwrite: bool
    json: bool


def _folders(songs: Sequence[Path], out: Path) -> list[Path]:
    """A folder a song, called like it; with a number where two are called alike."""
    names: list[str] = []
    for song in songs:
        same = (song.stem, *(f"{song.stem} {number}" for number in range(2, len(songs) + 2)))
        names.append(next(name for name in same if name.casefold() not in map(str.casefold, names)))
    return [out / name for name in names]


def _take_apart(song: Path, out: Path, wish: _Order) -> dict[str, Any]:
    """Take one song apart, and say what was written."""
    from stemstudio.audio.reading import decode, probe, song_hash
    from stemstudio.audio.targets import check_name
    from stemstudio.cli.atoms import atoms_target, write_split_atoms
    from stemstudio.cli.separation import record, selected, split_song
    from stemstudio.mixing.export import ExportOrder, export, file_names
    from stemstudio.project.project import SongReference
    from stemstudio.project.stem import MIXTURE

    began = time.monotonic()
    recipe, atoms, overwrite = wish.recipe, wish.atoms, wish.overwrite
    start, stop = wish.span
    if atoms is not None:
        target = atoms_target(atoms, recipe, whole=start is None and stop is None, overwrite=overwrite)
    info = probe(song)
    choice = channel_choice(wish.channels, info)
    kind, quality = sound_format(*wish.format, info.sample_rate, min(2, info.channels))
    check_name(out / RECORD, overwrite)
    for note in info.notes:
        say(note)
    with working(f"Opening {song.name}") as progress:
        audio = decode(info, progress.part(0.0, 0.05), channels=choice, on_note=say)
        reference = SongReference(
            str(song.absolute()), song_hash(song), info.tags.title or song.stem, wish.channels or "all"
        )
        selection = selected(start, stop, audio.duration)
        project = split_song(
            audio, reference, recipe, wish.how, wish.wanted, progress.part(0.05, 0.8), selection
        )
        leaves = project.state.leaves()
        order = ExportOrder(
            out,
            tuple(leaf.id for leaf in leaves),
            format=kind.name,
            subtype=quality,
            template="{stem}",
            overwrite=overwrite,
        )
        spare_song(out, file_names(order, project.state, reference.title).values(), song)
        report = export(project.state, order, info.tags, progress.part(0.8, 1.0))
        if atoms is not None:
            write_split_atoms(target, project.state.splits[MIXTURE], audio.sample_rate, overwrite=overwrite)
    seconds = time.monotonic() - began
    taken = project.state.splits[MIXTURE].recipe
    files = {leaf.name: report.files[leaf.id] for leaf in leaves}
    result: dict[str, Any] = {
        "stems": {name: str(path) for name, path in files.items()},
        "recipe": taken.record(),
        "null_db": round(report.null_db, 2) if report.null_db is not None else None,
        "seconds": round(seconds, 3),
        "duration": audio.duration,
    }
    if selection is not None:
        result["selection"] = list(selection)
    if atoms is not None:
        result["atoms_file"] = str(target)
    for note in report.notes:
        say(note)
    record(out / RECORD, project, result, files, wish.how)
    if not wish.json:
        tell(f"Separated by {taken.called}.")
        for name, path in files.items():
            tell(f"{name}: {path}")
        null = f"{report.null_db:.0f}".replace("-", "−")
        tell(f"The stems add up to the song to within {null} dB of full scale; it took {seconds:.1f} s.")
    return result
