"""`stemstudio info`: what a song or a project holds, without opening the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, tell, working
from stemstudio.cli.opened import is_project, opened_with_song
from stemstudio.cli.options import Json
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.audio.audio import Sound
    from stemstudio.progress import Progress
    from stemstudio.project.beat_grid import BeatGrid


def info(
    file: Annotated[Path, typer.Argument(help="A song or a project.", metavar="FILE")],
    beats: Annotated[
        bool,
        typer.Option(
            "--beats", help="Beats a minute and key as well: those of the project, or found by listening."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Say what a song or a project holds."""
    if is_project(file):
        from stemstudio.project.opening import info as project_info

        found = project_info(file)
        lines = _project_lines(found)
    else:
        found = _song(file)
        lines = _song_lines(found)
    if beats:
        found["beats"] = _beats(file, found["kind"] == "project")
        lines.append(_beats_line(found["beats"]))
    if json:
        answer(found)
    else:
        for line in lines:
            tell(line)


def _beats(file: Path, project: bool) -> dict[str, Any]:
    """Tempo, bars and key: as the project has them, else by listening to the song."""
    with working(f"Listening to {file.name}") as progress:
        if project:
            with opened_with_song(file, None, progress.part(0.0, 0.5)) as (opened, _):
                state = opened.project.state
                grid = state.beats or _found(state.mixture, progress.part(0.5, 1.0))
        else:
            from stemstudio.audio.reading import read_song

            grid = _found(read_song(file, progress.part(0.0, 0.5)), progress.part(0.5, 1.0))
    return {
        "bpm": grid.bpm,
        "key": grid.key or None,
        "metre": grid.metre if grid else None,
        "count": len(grid.beats),
        "first_bar": next((beat for beat, one in zip(grid.beats, grid.strong, strict=True) if one), None),
    }


def _found(sound: Sound, progress: Progress) -> BeatGrid:
    from stemstudio.algorithms.beats import find_timing
    from stemstudio.project.beat_grid import BeatGrid

    timing = find_timing(sound, progress)
    return BeatGrid(beats=tuple(timing.beats.tolist()), metre=timing.metre, one=timing.one, key=timing.key)


def _beats_line(beats: dict[str, Any]) -> str:
    if beats["bpm"] is None:
        return "no beats were found"
    key = f", {beats['key']}" if beats["key"] else ""
    return f"{beats['bpm']:.1f} beats a minute, {beats['metre']} a bar, the first bar at {_clock(beats['first_bar'] or 0)}{key}"


def _song(file: Path) -> dict[str, Any]:
    from stemstudio.audio.reading import probe
    from stemstudio.audio.stem_streams import read_entries

    song = probe(file)
    stems = read_entries(file)
    return {
        "kind": "song",
        "path": str(file),
        "format": song.format,
        "codec": song.codec,
        "sample_rate": song.sample_rate,
        "channels": song.channels,
        "samples": song.frames_estimate,
        "duration": song.duration_estimate,
        "tags": song.tags.texts,
        "cover": (song.tags.cover_mime or "image") if song.tags.cover else None,
        "stems": [{"name": stem.name, "colour": stem.colour} for stem in stems],
        "notes": list(song.notes),
    }


def _song_lines(song: dict[str, Any]) -> list[str]:
    channels = {1: "mono", 2: "stereo"}.get(song["channels"], f"{song['channels']} channels")
    length = "length unknown until it is decoded" if song["duration"] is None else _clock(song["duration"])
    lines = [
        Path(song["path"]).name,
        f"{song['format']} ({song['codec']}), {song['sample_rate']} Hz, {channels}, {length}",
        *(f"{name.replace('_', ' ')}: {text}" for name, text in song["tags"].items()),
    ]
    if song["cover"]:
        lines.append(f"cover: {song['cover']}")
    if song["stems"]:
        lines.append(f"brings its stems: {', '.join(stem['name'] for stem in song['stems'])}")
    return [*lines, *song["notes"]]


def _project_lines(project: dict[str, Any]) -> list[str]:
    song = project["song"]
    where = "carried inside" if song["embedded"] else song["path"]
    lines = [
        f"{song['title']}: {where}",
        f"{song['sample_rate']} Hz, {_clock(song['seconds'])}, {len(project['steps'])} steps, "
        f"{project['strokes']} strokes of paint",
    ]
    recipes = {split["stem"]: _called(split["recipe"]) for split in project["splits"]}

    def below(parent: int | None, depth: int) -> None:
        for stem in project["stems"]:
            if stem["parent"] == parent:
                how = f" (split by {recipes[stem['id']]})" if stem["id"] in recipes else ""
                lines.append("  " * depth + stem["name"] + how)
                below(stem["id"], depth + 1)

    below(None, 0)
    return lines


def _called(record: dict[str, Any]) -> str:
    """A recipe in words; as it was written down where this version does not know it."""
    from stemstudio.algorithms import recipe_from_record

    try:
        return recipe_from_record(record).called
    except StemStudioError:
        return str(record.get("algorithm", ""))


def _clock(seconds: float) -> str:
    """Minutes and seconds."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"
