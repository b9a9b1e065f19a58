"""Options that several commands share, and the checks that come before long work."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.errors import BadRecipe, StemStudioError

if TYPE_CHECKING:
    from stemstudio.audio.channels import ChannelChoice
    from stemstudio.audio.formats import FileFormat
    from stemstudio.audio.reading import SongInfo

Json = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Out = Annotated[Path, typer.Option(help="Folder to write into; made if it is missing.", metavar="DIR")]
Format = Annotated[str, typer.Option(help="wav, flac, aiff, mp3, m4a, ogg or opus.", metavar="FORMAT")]
Subtype = Annotated[
    str | None,
    typer.Option(
        help="16, 24 or float; bit rates such as 320 for lossy formats. By default the most exact.",
        metavar="…",
    ),
]
Channels = Annotated[
    str | None,
    typer.Option(
        help="For songs with more than two channels: downmix, or a pair such as 1+2.", metavar="HOW"
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        help="At another tempo, each stem stretched by itself: 0.8 is 80 %; the pitch stays, curves and moves follow.",
        min=0.25,
        max=2.0,
    ),
]
Key = Annotated[int, typer.Option(help="Semitones higher than recorded; the tempo stays.", min=-12, max=12)]
Song = Annotated[Path | None, typer.Option(help="Where the song is now, if it was moved.", metavar="SONG")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files of the same names.")]


def sound_format(name: str, subtype: str | None, sample_rate: int, channels: int) -> tuple[FileFormat, str]:
    """The format and quality asked for, float or else the format's first by default; refused if it cannot hold the sound."""
    from stemstudio.audio.formats import file_format, why_not

    kind = file_format(name)
    names = [each.name for each in kind.subtypes]
    quality = kind.subtype(subtype or ("float" if "float" in names else None)).name
    reason, way_on = why_not(kind, sample_rate, channels)
    if reason:
        raise StemStudioError(f"{reason[:1].upper()}{reason[1:]}.", way_on)
    return kind, quality


def spare_song(folder: Path, names: Iterable[str], song: Path) -> None:
    """Refuse to write over the song that is being read, whatever may be replaced."""
    from stemstudio.audio.targets import spare

    spare(song, (folder / name for name in names))


def channel_choice(words: str | None, info: SongInfo) -> ChannelChoice | None:
    """What becomes of the channels of a song; refused when it has more than two and nobody said."""
    from stemstudio.audio.channels import ChannelChoice

    if info.channels <= 2:
        return None
    if words is None:
        raise StemStudioError(
            f"“{info.path.name}” has {info.channels} channels.",
            "Say --channels downmix to fold them down to stereo, or which two to take, as in --channels 1+2.",
        )
    choice = ChannelChoice.parse(words)
    choice.matrix(info.channels)
    return choice


def settings_from(words: Iterable[str], option: str, example: str) -> dict[str, Any]:
    """Names and values from FIELD=VALUE."""
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise BadRecipe(
                f"{option} {word} does not say which parameter gets which value.",
                f"Say it as in {option} {example}.",
            )
        settings[name.strip().replace("-", "_")] = value.strip()
    return settings
