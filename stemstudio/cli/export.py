"""`stemstudio export`: the stems of a project, its mix, or all of it for a DAW or a deck, into files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, tell, working
from stemstudio.cli.opened import stems_named
from stemstudio.cli.options import (
    Format,
    Json,
    Key,
    Overwrite,
    Song,
    Speed,
    Subtype,
    sound_format,
    spare_song,
)
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.audio.reading import SongInfo
    from stemstudio.mixing.order import Data, Group, Label, PackageName
    from stemstudio.progress import Progress
    from stemstudio.project.project import Project, State


def export(
    project: Annotated[
        Path,
        typer.Argument(
            help="The project's file, or a song that brings its stems (.stem.mp4).", metavar="PROJECT"
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write into; made if it is missing. For a package it may be the file itself.",
            metavar="PATH",
        ),
    ],
    as_: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            help="What to write, with commas or several times: folder (sound files that all begin at 0), stem-mp4 (with "
            "--subtype aac or alac), dawproject or rpp for decks and DAWs; atoms, midi, masks, pictures, labels, report. "
            "By default folder.",
            metavar="KIND,…",
        ),
    ] = None,
    stems: Annotated[
        list[str] | None,
        typer.Option(
            "--stems", help="Names of stems, with commas or several times; by default all.", metavar="NAME,…"
        ),
    ] = None,
    mix: Annotated[
        bool,
        typer.Option(
            "--mix",
            help="The mix as it is heard: gain, pan, mute and solo as in the mixer; in a DAW it is a muted "
            "track beside the stems.",
        ),
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="The song without each of these stems.", metavar="NAME,…"),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            help="Stems in one file, as in --group rhythm=drums,bass; instrumental and acappella find their own.",
            metavar="WORD=NAME,…",
        ),
    ] = None,
    atoms: Annotated[
        Path | None,
        typer.Option(
            help="Also write the atoms of the song to this file, for “separate --set given=FILE” to start from.",
            metavar="FILE",
        ),
    ] = None,
    format: Format = "wav",
    subtype: Subtype = None,
    rate: Annotated[
        int | None, typer.Option(help="Sample rate in Hz; the song's own by default.", min=1000, metavar="HZ")
    ] = None,
    start: Annotated[
        float | None, typer.Option(help="From here on only.", metavar="SECONDS", min=0.0)
    ] = None,
    stop: Annotated[float | None, typer.Option(help="Up to here only.", metavar="SECONDS", min=0.0)] = None,
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
    lufs: Annotated[
        float | None,
        typer.Option(
            help="Give all files the one gain that brings the loudest to this loudness.",
            metavar="LUFS",
            min=-70.0,
            max=0.0,
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="With --peak or --lufs: a gain of its own for every file.")
    ] = False,
    tempo: Annotated[
        float | None,
        typer.Option(
            help="The song's own beats a minute, for DAWs and notes.", metavar="BPM", min=10.0, max=1000.0
        ),
    ] = None,
    speed: Speed = 1.0,
    key: Key = 0,
    song: Song = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the stems of a project, its mix, or a package for a DAW or a deck."""
    from stemstudio.cli.atoms import write_atoms_of
    from stemstudio.mixing.export import ExportOrder, file_names
    from stemstudio.mixing.export import export as write
    from stemstudio.mixing.pace import Pace

    if peak is not None and lufs is not None:
        raise StemStudioError("--peak and --lufs exclude each other.", "Say one of them.")
    if each and peak is None and lufs is None:
        raise StemStudioError("--each needs a level.", "Say --peak or --lufs.")
    package, data, sounds = _kinds(as_ or ())
    folder, name = _place(out, package)
    gain = "keep" if peak is None and lufs is None else "loudness" if peak is None else "peak"
    with (
        working(f"Opening {project.name}") as progress,
        _opened(project, song, progress.part(0.0, 0.4)) as (opened, view, info),
    ):
        state = opened.state
        own = state.mixture.sample_rate
        name_of, quality = format, subtype
        if package != "stem-mp4":
            kind, quality = sound_format(format, subtype, rate or own, state.mixture.channels)
            name_of = kind.name
        beside = mix and package not in ("rpp", "dawproject")  # there it is one more track
        other = beside or without or group
        chosen = stems_named(state, stems or ()) if sounds and (stems or not other) else ()
        order = ExportOrder(
            folder,
            chosen,
            mix,
            format=name_of,
            subtype=quality,
            template=template,
            start=None if start is None else round(start * own),
            stop=None if stop is None else round(stop * own),
            gain=gain if gain == "keep" else f"{'each' if each else 'common'} {gain}",  # type: ignore[arg-type]
            peak_db=0.0 if peak is None else peak,
            lufs=-14.0 if lufs is None else lufs,
            overwrite=overwrite,
            without=stems_named(state, without) if without else (),
            groups=tuple(_group(state, words) for words in group or ()),
            data=data,
            package=package,
            rate=None if rate == own else rate,
            name=name,
            labels=_labels(view),
            tempo=tempo,
            pace=Pace(speed, key),
        )
        title = opened.song.title
        spare_song(folder, file_names(order, state, title).values(), info.path)
        if atoms is not None:
            atoms = write_atoms_of(atoms, state, overwrite=overwrite)
        report = write(state, order, info.tags, progress.part(0.4, 1.0), song=title)
    for note in report.notes:
        say(note)
    names = report.names
    if json:
        answer(
            {
                "files": {names[part]: str(path) for part, path in report.files.items()},
                **({} if atoms is None else {"atoms_file": str(atoms)}),
                "peaks": {names[part]: value for part, value in report.peaks.items()},
                "clipped_db": {names[part]: value for part, value in report.clipped_db.items()},
                "gain_db": report.gain_db,
                "gains_db": {names[part]: value for part, value in report.gains_db.items()},
                "null_db": report.null_db,
                "notes": list(report.notes),
            }
        )
        return
    for part, path in report.files.items():
        tell(f"{names[part]}: {path}")
    if report.null_db is not None:
        exact = report.null_db <= -399
        null = "exactly" if exact else f"to within {report.null_db:.0f} dB of full scale".replace("-", "−")
        tell(f"The stems add up to the song {null}.")


@contextmanager
def _opened(
    source: Path, song: Path | None, progress: Progress
) -> Iterator[tuple[Project, Mapping[str, Any], SongInfo]]:
    """The project, how it was looked at, and what the song's file says."""
    from stemstudio.audio.stem_streams import read_entries
    from stemstudio.cli.opened import is_project, opened_with_song, with_own_stems_of
    from stemstudio.mixing.order import PACKAGES

    if source.is_file() and not is_project(source):
        if read_entries(source):
            project, info = with_own_stems_of(source, progress)
            yield project, {}, info
            return
        if source.name.lower().endswith(PACKAGES["stem-mp4"].suffix):
            raise StemStudioError(
                f"“{source.name}” brings no stems along: it is damaged, or was made without them.",
                "Take it once more from where it came, or open it as a song.",
            )
    with opened_with_song(source, song, progress) as (opened, info):
        yield opened.project, opened.view, info


def _kinds(words: Iterable[str]) -> tuple[PackageName, tuple[Data, ...], bool]:
    """The package, the data, and whether any sound is wanted."""
    from stemstudio.mixing.order import DATA, PACKAGES

    wanted = [name.strip() for word in words for name in word.split(",") if name.strip()] or ["folder"]
    packages = ["files" if name == "folder" else name for name in wanted if name not in DATA]
    for name in packages:
        if name not in PACKAGES:
            listed = ", ".join(("folder", *(each for each in PACKAGES if each != "files"), *DATA))
            raise StemStudioError(f"Nothing is written as “{name}”.", f"There are: {listed}.")
    if len(set(packages)) > 1:
        raise StemStudioError(
            f"{packages[0]} and {packages[1]} are not written in one go.", "Say one of them, then the other."
        )
    package = PACKAGES[packages[0] if packages else "files"].name
    return package, tuple(DATA[name].key for name in dict.fromkeys(wanted) if name in DATA), bool(packages)


def _place(out: Path, package: str) -> tuple[Path, str]:
    """Folder and name of what is written: `out` may be the package's own file."""
    from stemstudio.mixing.order import PACKAGES

    suffix = PACKAGES[package].suffix
    if suffix and out.name.lower().endswith(suffix) and not out.is_dir():
        return out.parent, out.name[: -len(suffix)]
    return out, ""


def _group(state: State, words: str) -> Group:
    from stemstudio.mixing.order import Group
    from stemstudio.mixing.plan import suggested_groups

    name, equals, stems = words.partition("=")
    if equals and name.strip() and stems.strip():
        return Group(name.strip(), stems_named(state, [stems]))
    suggested = {group.name.replace(" ", ""): group for group in suggested_groups(state)}
    found = suggested.get(words.replace(" ", "").replace("-", "").casefold())
    if found is None:
        raise StemStudioError(
            f"--group {words} does not say which stems.",
            "Say it as in --group rhythm=drums,bass."
            if suggested
            else "No stem is called a voice here: say it as in --group instrumental=drums,bass.",
        )
    return found


def _labels(view: Mapping[str, Any]) -> tuple[Label, ...]:
    """The selection that the project was saved with."""
    from pydantic import ValidationError

    from stemstudio.mixing.order import Label
    from stemstudio.spectral.brushes import Selection

    try:
        box = Selection.model_validate(view.get("selection", {})).bounds
    except ValidationError:
        return ()
    return () if box is None else (Label(box.start, box.stop, "selection", box.low, box.high),)
