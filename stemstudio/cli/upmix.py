"""`stemstudio upmix`: the stems of a project, or of a song, spread over more than two loudspeakers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, show_table, tell, working
from stemstudio.cli.options import (
    Channels,
    Json,
    Key,
    Overwrite,
    Speed,
    Subtype,
    channel_choice,
    settings_from,
    spare_song,
)
from stemstudio.cli.places import lows_wished, moves_wished, places_wished, put_as_wished, shares_wished
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.audio.reading import SongInfo
    from stemstudio.mixing.surround import UpmixReport
    from stemstudio.progress import Progress
    from stemstudio.project.project import Project
    from stemstudio.project.storage import Storage

LOWEST_CROSSOVER, HIGHEST_CROSSOVER = 80.0, 120.0  # Hz
SUFFIXES = {".wav": "wav", ".wave": "wav", ".flac": "flac", ".aif": "aiff", ".aiff": "aiff"}


def upmix(
    source: Annotated[Path, typer.Argument(help="A project or a song.", metavar="PROJECT|SONG")],
    out: Annotated[
        Path,
        typer.Option(
            help="The file: .wav or .flac; or .stems for a project with its room so.", metavar="FILE"
        ),
    ],
    layout: Annotated[
        str | None,
        typer.Option(
            help="mono, stereo, quad, 5.0, 5.1, 5.1-side or 7.1; by default as in the project.",
            metavar="LAYOUT",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Places for all stems: stage, band, karaoke, drums or stereo. By default as in the project; a song is "
            "put on a stage.",
            metavar="NAME",
        ),
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option(
            "--place",
            help="Where a stem is: degrees (0 in front, 90 at the right, -90 at the left), its distance (1 on the "
            "circle, 0 all around) and its width in degrees; may come several times, as may the next four. They go "
            "over the preset, and over what the project has.",
            metavar="STEM=ANGLE[,DISTANCE[,WIDTH]]",
        ),
    ] = None,
    move: Annotated[
        list[str] | None,
        typer.Option(
            "--move",
            help="Where a stem goes from its place, and between which seconds, as in vocals=90,10-14.",
            metavar="STEM=ANGLE[,DISTANCE],FROM-TO",
        ),
    ] = None,
    diverge: Annotated[
        list[str] | None,
        typer.Option(
            "--diverge",
            help="How far the centre loudspeaker hands a stem on to left and right, 0 to 1.",
            metavar="STEM=SHARE",
        ),
    ] = None,
    ambience: Annotated[
        list[str] | None,
        typer.Option(
            "--ambience", help="How much of a stem's reverb comes from behind, 0 to 1.", metavar="STEM=SHARE"
        ),
    ] = None,
    lfe: Annotated[
        list[str] | None,
        typer.Option(
            "--lfe",
            help="How loud a stem's lows are in the low-frequency channel, in dB; “off” keeps them out. By default all "
            "are there, at 0.",
            metavar="STEM=DB",
        ),
    ] = None,
    fold_safe: Annotated[
        bool | None,
        typer.Option(
            "--fold-safe/--free",
            help="Keep every stem in what folds down to its stereo, or let it be anywhere; by default as in the project.",
        ),
    ] = None,
    apart: Annotated[bool, typer.Option("--apart", help="One mono file a loudspeaker.")] = False,
    crossover: Annotated[
        float | None,
        typer.Option(help="Up to which pitch the low-frequency channel plays, 80 to 120 Hz.", metavar="HZ"),
    ] = None,
    algorithm: Annotated[
        str,
        typer.Option(
            help="What separates a song, or a project without stems; “stemstudio algorithms” lists them.",
            metavar="NAME",
        ),
    ] = "hpss",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A parameter of the algorithm; may come several times.", metavar="FIELD=VALUE"
        ),
    ] = None,
    assign: Annotated[
        str | None, typer.Option(help="Which atoms make a stem, as in “separate”.", metavar="HOW")
    ] = None,
    speed: Speed = 1.0,
    key: Key = 0,
    subtype: Subtype = None,
    channels: Channels = None,
    song: Annotated[
        Path | None, typer.Option(help="Where the song of a project is now, if it was moved.", metavar="SONG")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Spread stems over the loudspeakers of a room.

    A song without stems is separated first. Says how the stereo fold-down compares with the stereo mix.
    """
    from stemstudio.audio.formats import file_format, why_not
    from stemstudio.audio.targets import check_name
    from stemstudio.mixing.arrangements import arrangement_named
    from stemstudio.mixing.folddown import as_record
    from stemstudio.mixing.layouts import LAYOUTS
    from stemstudio.mixing.pace import Pace
    from stemstudio.mixing.surround import upmix_files, write_upmix
    from stemstudio.project.database import SUFFIX
    from stemstudio.project.placing import put_in_places, set_room

    # All that can be wrong about the words is said before the long work begins.
    saves = out.suffix.lower() == SUFFIX
    if saves and apart:
        raise StemStudioError(
            "A project holds no files of its loudspeakers.", "--apart is for .wav or .flac."
        )
    pace = Pace(speed, key)
    if saves and pace.changed:
        raise StemStudioError(
            "A project keeps the song as it was recorded.",
            "--speed and --key are for .wav or .flac; “stemstudio remix --tempo --key” sets how a project is played.",
        )
    kind = file_format("wav" if saves else SUFFIXES.get(out.suffix.lower(), out.suffix or "none"))
    quality = subtype or ("float" if kind.name == "wav" else None)
    kind.subtype(quality)
    room = _room(layout, fold_safe, crossover)
    arrangement = None if preset is None else arrangement_named(preset)
    wishes = [
        *places_wished(place or ()),
        *moves_wished(move or ()),
        *shares_wished("divergence", diverge or ()),
        *shares_wished("ambience", ambience or ()),
        *lows_wished(lfe or ()),
    ]
    if kind.max_channels <= 2:
        raise StemStudioError(
            f"{kind.name.upper()} holds at most {kind.max_channels} channels.", "Choose .wav or .flac."
        )
    check_name(out, overwrite or apart)
    with working(f"Opening {source.name}") as progress:
        separated = _separated(source, song, algorithm, set_ or (), assign, channels, progress.part(0.0, 0.7))
        with separated as (project, info, storage):
            edits = [set_room(project.state, "Room", **room)]
            if arrangement is not None:
                places = arrangement.of(project.state)
                edits.append(put_in_places(project.state, places, arrangement.title))
            for edit in edits:
                if edit is not None:
                    edit.do(project)
            put_as_wished(project, wishes)
            report = None
            state = project.state
            if saves:
                _save(project, storage, info, out, progress.part(0.7, 1.0))
            else:
                chosen = LAYOUTS[state.room.layout]
                reason, way_on = why_not(kind, state.mixture.sample_rate, 1 if apart else chosen.channels)
                if reason:
                    raise StemStudioError(f"{reason[:1].upper()}{reason[1:]}.", way_on)
                spare_song(
                    out.parent, [each.name for each in upmix_files(out, chosen, apart=apart)], info.path
                )
                report = write_upmix(
                    state,
                    out,
                    info.tags,
                    progress.part(0.7, 1.0),
                    format=kind.name,
                    subtype=quality,
                    apart=apart,
                    overwrite=overwrite,
                    pace=pace,
                )
            places_told = _places(project)
    if report is None:
        if json:
            answer({"file": str(out), "layout": state.room.layout, "places": places_told})
        else:
            tell(str(out))
        return
    for note in report.notes:
        say(note)
    if json:
        answer(
            {
                "layout": chosen.name,
                "channels": [speaker.name for speaker in chosen.speakers],
                "channel_mask": f"0x{chosen.mask:X}",
                "fold_safe": state.room.fold_safe,
                "files": [str(file) for file in report.files],
                "peak": report.peak,
                "clipped_db": report.clipped_db,
                "places": places_told,
                "fold_down": as_record(report.fold),
                "notes": list(report.notes),
            }
        )
        return
    _tell(report)


def _places(project: Project) -> dict[str, Any]:
    return {leaf.name: leaf.place.model_dump() for leaf in project.state.leaves()}


def _save(project: Project, storage: Storage | None, info: SongInfo, out: Path, progress: Progress) -> None:
    """As a project: a copy of the one that was opened, or a new one of a song that was separated."""
    if storage is not None:
        storage.save(out, progress)
        return
    from stemstudio.project.history import History
    from stemstudio.project.storage import Storage

    made = Storage.create(project, History(project), tags=info.tags.texts)
    try:
        made.save(out, progress)
    finally:
        made.close()


def _tell(report: UpmixReport) -> None:
    for file in report.files:
        tell(str(file))
    tell(f"Channels: {' '.join(speaker.name for speaker in report.layout.speakers)}")
    tell("Folded down to stereo (ITU-R BS.775), compared with the stereo mix:")
    show_table(
        ["", "stereo dB", "fold-down dB", "louder by", "largest octave", "difference dB"],
        [
            [
                row.name,
                _level(row.stereo_db),
                _level(row.fold_db),
                f"{round(row.level_db, 1) + 0.0:+.1f}".replace("-", "−"),
                f"{round(row.spectrum_db, 1) + 0.0:+.1f}".replace("-", "−"),
                _level(row.null_db),
            ]
            for row in report.fold
        ],
        numbers=True,
    )


def _level(level: float) -> str:
    return f"{level:.1f}".replace("-", "−") if math.isfinite(level) else "−∞" if level < 0 else "–"


def _room(layout: str | None, fold_safe: bool | None, crossover: float | None) -> dict[str, Any]:
    """What was said about the room, checked."""
    from stemstudio.mixing.layouts import LAYOUTS

    if layout is not None and layout not in LAYOUTS:
        raise StemStudioError(f"There is no layout “{layout}”.", f"There are: {', '.join(LAYOUTS)}.")
    if crossover is not None and not LOWEST_CROSSOVER <= crossover <= HIGHEST_CROSSOVER:
        raise StemStudioError(
            f"The low-frequency channel cannot play up to {crossover:g} Hz.",
            f"Say {LOWEST_CROSSOVER:g} to {HIGHEST_CROSSOVER:g} Hz.",
        )
    said = {"layout": layout, "fold_safe": fold_safe, "crossover": crossover}
    return {name: value for name, value in said.items() if value is not None}


@contextmanager
def _separated(
    source: Path,
    song: Path | None,
    algorithm: str,
    settings: Sequence[str],
    assign: str | None,
    channels: str | None,
    progress: Progress,
) -> Iterator[tuple[Project, SongInfo, Storage | None]]:
    """A project with stems: the one that was saved, with its storage, or one made of the song by the recipe."""
    from stemstudio.algorithms import algorithm as algorithm_named
    from stemstudio.audio.reading import decode, probe, song_hash
    from stemstudio.audio.stem_streams import read_entries
    from stemstudio.cli.assignment import check, parse_assignment
    from stemstudio.cli.opened import is_project, opened_with_song, with_own_stems_of
    from stemstudio.cli.separation import split_song
    from stemstudio.mixing.arrangements import arrangement_named
    from stemstudio.project.placing import put_in_places
    from stemstudio.project.project import SongReference
    from stemstudio.project.stem import MIXTURE

    recipe = algorithm_named(algorithm).from_settings(settings_from(settings, "--set", "seed=1"))
    how = parse_assignment(assign)
    check(how, recipe)
    if is_project(source):
        with opened_with_song(source, song, progress.part(0.0, 0.5)) as (opened, info):
            project = opened.project
            if MIXTURE in project.state.splits:
                yield project, info, opened.storage
                return
            say(f"The project has no stems yet: separated by {recipe.called}.")
            audio = decode(info, progress.part(0.5, 0.55), on_note=say)
            yield split_song(audio, project.song, recipe, how, {}, progress.part(0.55, 1.0)), info, None
        return
    if source.is_file() and read_entries(source):
        project, info = with_own_stems_of(source, progress)
    else:
        info = probe(source)
        choice = channel_choice(channels, info)
        say(f"Separated by {recipe.called}.")
        audio = decode(info, progress.part(0.0, 0.1), channels=choice, on_note=say)
        reference = SongReference(
            str(source.absolute()), song_hash(source), info.tags.title or source.stem, channels or "all"
        )
        project = split_song(audio, reference, recipe, how, {}, progress.part(0.1, 1.0))
    places = put_in_places(project.state, arrangement_named("stage").of(project.state), "Stage")
    if places is not None:
        places.do(project)
    yield project, info, None
