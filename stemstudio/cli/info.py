"""`stemstudio info`: what a song or a project holds, without opening the window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stemstudio.cli.console import answer, say
from stemstudio.cli.opened import is_project
from stemstudio.cli.options import Json


def info(
    file: Annotated[Path, typer.Argument(help="A song or a project.", metavar="FILE")],
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
    if json:
        answer(found)
    else:
        for line in lines:
            say(line)


def _song(file: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from stemstudio.audio.reading import probe

    song = probe(file)
    tags = asdict(song.tags)
    cover, mime = tags.pop("cover"), tags.pop("cover_mime")
    return {
        "kind": "song",
        "path": str(file),
        "format": song.format,
        "codec": song.codec,
        "sample_rate": song.sample_rate,
        "channels": song.channels,
        "samples": song.frames_estimate,
        "duration": song.duration_estimate,
        "tags": {name: text for name, text in tags.items() if text},
        "cover": (mime or "image") if cover else None,
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
    return [*lines, *song["notes"]]


def _project_lines(project: dict[str, Any]) -> list[str]:
    song = project["song"]
    where = "carried inside" if song["embedded"] else song["path"]
    lines = [
        f"{song['title']}: {where}",
        f"{song['sample_rate']} Hz, {_clock(song['seconds'])}, {len(project['steps'])} steps, "
        f"{project['strokes']} strokes of paint",
    ]
    recipes = {split["stem"]: split["recipe"].get("algorithm", "") for split in project["splits"]}

    def below(parent: int | None, depth: int) -> None:
        for stem in project["stems"]:
            if stem["parent"] == parent:
                how = f" (split by {recipes[stem['id']]})" if stem["id"] in recipes else ""
                lines.append("  " * depth + stem["name"] + how)
                below(stem["id"], depth + 1)

    below(None, 0)
    return lines


def _clock(seconds: float) -> str:
    """Minutes and seconds."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"
