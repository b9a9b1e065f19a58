"""`stemstudio remix`: the mix of a project with other settings of its mixer, into a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, tell, working
from stemstudio.cli.options import Json, Overwrite, Song, Subtype, settings_from, spare_song
from stemstudio.cli.values import as_level, as_number
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.mixing.remix import RemixReport
    from stemstudio.project.project import State

Words = list[str] | None
SUFFIXES = {".wave": "wav", ".aif": "aiff", ".oga": "ogg", ".mp4": "m4a"}


def _option(name: str, words: str, metavar: str) -> Any:
    return typer.Option(name, help=words, metavar=metavar)


def remix(
    project: Annotated[Path, typer.Argument(help="The project's file.", metavar="PROJECT")],
    out: Annotated[
        Path,
        typer.Option(
            help="The mix: .wav, .flac, .mp3 … ; or .stems for a project with the mixer so.", metavar="FILE"
        ),
    ],
    gain: Annotated[Words, _option("--gain", "Fader of a stem in dB; “off” is silence.", "STEM=DB")] = None,
    pan: Annotated[Words, _option("--pan", "From -1 (left) to 1 (right).", "STEM=PAN")] = None,
    width: Annotated[
        Words, _option("--width", "Of the stereo picture: 0 is mono, 2 as wide as can be.", "STEM=WIDTH")
    ] = None,
    flip: Annotated[Words, _option("--flip", "Turn the phase over; with =off, back.", "STEM,…[=off]")] = None,
    mute: Annotated[
        Words, _option("--mute", "Stems that are not to be heard; with =off, heard again.", "STEM,…[=off]")
    ] = None,
    solo: Annotated[
        Words, _option("--solo", "The only ones that are; with =off, no more.", "STEM,…[=off]")
    ] = None,
    solo_safe: Annotated[
        Words, _option("--solo-safe", "Stems that are heard whichever have solo.", "STEM,…[=off]")
    ] = None,
    eq: Annotated[
        Words,
        _option(
            "--eq",
            "A setting of the equaliser: low, mid, high in dB; low_at, mid_at, high_at, low_cut, high_cut in Hz (cuts: "
            "or “off”); mid_width. STEM=flat puts all of it back.",
            "STEM.SETTING=VALUE",
        ),
    ] = None,
    reverb: Annotated[Words, _option("--reverb", "How much goes to the reverb, in dB.", "STEM=DB")] = None,
    delay: Annotated[Words, _option("--delay", "How much goes to the delay, in dB.", "STEM=DB")] = None,
    effects: Annotated[
        Words,
        _option(
            "--effects",
            "A setting of reverb and delay: reverb_seconds, reverb_damping, reverb_before, reverb_level, delay_ms, "
            "delay_feedback, delay_damping, delay_level.",
            "SETTING=VALUE",
        ),
    ] = None,
    silence: Annotated[
        Words, _option("--silence", "Silence a stem between two times in seconds.", "STEM=FROM-TO")
    ] = None,
    hear: Annotated[
        Words,
        _option("--hear", "Hear a silenced stem again there, or with STEM=all everywhere.", "STEM=FROM-TO"),
    ] = None,
    envelope: Annotated[
        Words,
        _option(
            "--envelope",
            "A volume curve of a stem: seconds and dB, straight lines between them; STEM=none takes it away.",
            "STEM=SECOND:DB,…",
        ),
    ] = None,
    mixer: Annotated[
        str | None,
        typer.Option(
            help="Begin with the mixer under this letter; by default as saved. In a project (.stems) an empty letter "
            "begins as a copy.",
            metavar="LETTER",
        ),
    ] = None,
    afresh: Annotated[bool, typer.Option("--afresh", help="Begin with all strips untouched.")] = False,
    match: Annotated[
        bool, typer.Option("--match", help="As loud as the song, so that mixers can be compared by ear.")
    ] = False,
    tempo: Annotated[
        float | None,
        typer.Option(min=0.25, max=2.0, help="1 is as recorded, 0.5 half as fast; the pitch stays."),
    ] = None,
    key: Annotated[
        int | None, typer.Option(min=-12, max=12, help="Semitones higher than recorded; the tempo stays.")
    ] = None,
    practice: Annotated[
        Words,
        _option(
            "--practice",
            "How a project (.stems) is played along to: loop=12.5-20 (seconds, or off), click=on, click_db=-6, count_in=2, "
            "pre_roll=1 (bars), snap=on.",
            "SETTING=VALUE",
        ),
    ] = None,
    beats: Annotated[
        Words,
        _option(
            "--beats",
            "The beats of a project (.stems), one change after another: find, none, double, half, even=BPM@SECOND, "
            "metre=BEATS, bar=SECOND (a bar begins there), move=SECOND (the nearest beat), key=KEY such as “F# minor”.",
            "HOW",
        ),
    ] = None,
    subtype: Subtype = None,
    song: Song = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Mix the stems of a project anew.

    What is said of stems, effects, practice and beats may come several times, and is laid over what the project has.
    """
    from stemstudio.audio.formats import file_format
    from stemstudio.audio.targets import check_name
    from stemstudio.cli.opened import opened_with_song
    from stemstudio.cli.strip_words import StripChanges, begin
    from stemstudio.mixing.pace import Pace
    from stemstudio.mixing.remix import worded, write_remix
    from stemstudio.project.database import SUFFIX
    from stemstudio.project.remixing import silence as silenced
    from stemstudio.project.remixing import sound_again

    saves = out.suffix.lower() == SUFFIX
    if saves and match:
        raise StemStudioError("A project plays as loud as it is mixed.", "--match is for a sound file.")
    if not saves:
        if practice or beats:
            raise StemStudioError(
                "Metronome and beats are kept in a project.",
                "Say --out FILE.stems, or leave --practice and --beats.",
            )
        kind = file_format(SUFFIXES.get(out.suffix.lower(), out.suffix.lower().removeprefix(".") or "none"))
        kind.subtype(subtype)
    check_name(out, overwrite)
    with (
        working(f"Opening {project.name}") as progress,
        opened_with_song(project, song, progress.part(0.0, 0.4)) as (opened, info),
    ):
        history = opened.history
        begin(history, opened.project, mixer, afresh, fresh=saves)
        change = StripChanges(history, opened.project)
        change.numbers("gain_db", "Gain", gain or (), as_level)
        change.numbers("pan", "Pan", pan or (), as_number)
        change.numbers("width", "Width", width or (), as_number)
        change.numbers("reverb_db", "Reverb", reverb or (), as_level)
        change.numbers("delay_db", "Delay", delay or (), as_level)
        change.switches("flip", "Turn the phase of", flip or ())
        change.switches("mute", "Mute", mute or ())
        change.switches("solo", "Solo", solo or ())
        change.switches("solo_safe", "Solo-safe", solo_safe or ())
        change.equalisers(eq or ())
        change.silences(silence or (), silenced)
        change.silences(hear or (), sound_again)
        change.envelopes(envelope or ())
        change.effects(settings_from(effects or (), "--effects", "reverb_seconds=2.5"))
        if saves:
            from stemstudio.cli.practice_words import change_beats, practise

            practise(history, opened.project, tempo, key, practice or ())
            change_beats(history, opened.project, beats or (), progress.part(0.4, 0.8))
        state = opened.project.state
        if saves:
            opened.storage.save(out, progress.part(0.8, 1.0))
            report = None
        else:
            spare_song(out.parent, [out.name], info.path)
            report = write_remix(
                state,
                out,
                info.tags,
                progress.part(0.4, 1.0),
                format=kind.name,
                subtype=subtype or ("float" if kind.name == "wav" else None),
                overwrite=overwrite,
                pace=Pace(1.0 if tempo is None else tempo, key or 0),
                match=match,
            )
    if json:
        _answer(state, out, report)
        return
    for note in () if report is None else report.notes:
        say(note)
    tell(str(out) if report is None else worded(report))


def _answer(state: State, out: Path, report: RemixReport | None) -> None:
    from stemstudio.project.snapshots import StripRecord

    told: dict[str, Any] = {"file": str(out)}
    if report is not None:
        told |= {
            "peak": report.peak,
            "clipped_db": report.clipped_db,
            **{name: value if math.isfinite(value) else None for name, value in vars(report.levels).items()},
            "notes": list(report.notes),
        }
    else:
        told |= {"practice": state.practice.model_dump(), "beats": state.beats.model_dump()}
    strips = {leaf.name: StripRecord.of_strip(leaf).model_dump() for leaf in state.leaves()}
    answer({**told, "strips": strips, "effects": state.effects.model_dump()})
