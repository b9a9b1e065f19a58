"""`stemstudio remix`: the mix of a project with other settings of its mixer, into a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, working
from stemstudio.cli.opened import stems_named
from stemstudio.cli.options import Json, Overwrite, Song, Subtype, settings_from, spare_song
from stemstudio.cli.values import as_level, as_number, checked, halves, leaf_named
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.mixing.remix import RemixReport
    from stemstudio.project.edits import Edit
    from stemstudio.project.history import History
    from stemstudio.project.project import Project, State
    from stemstudio.project.stem import Stem

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
    flip: Annotated[Words, _option("--flip", "Turn the phase over.", "STEM,…")] = None,
    mute: Annotated[Words, _option("--mute", "Stems that are not to be heard.", "STEM,…")] = None,
    solo: Annotated[Words, _option("--solo", "The only ones that are.", "STEM,…")] = None,
    solo_safe: Annotated[
        Words, _option("--solo-safe", "Stems that are heard whichever have solo.", "STEM,…")
    ] = None,
    eq: Annotated[
        Words,
        _option(
            "--eq",
            "A setting of the equaliser: low, mid, high in dB; low_at, mid_at, high_at, low_cut, high_cut in Hz (cuts: "
            "or “off”); mid_width.",
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
    envelope: Annotated[
        Words,
        _option(
            "--envelope",
            "A volume curve of a stem: seconds and dB, straight lines between them.",
            "STEM=SECOND:DB,…",
        ),
    ] = None,
    mixer: Annotated[
        str | None,
        typer.Option(help="Begin with the mixer under this letter; by default as saved.", metavar="LETTER"),
    ] = None,
    afresh: Annotated[bool, typer.Option("--afresh", help="Begin with all strips untouched.")] = False,
    tempo: Annotated[
        float, typer.Option(min=0.25, max=2.0, help="1 is as recorded, 0.5 half as fast; the pitch stays.")
    ] = 1.0,
    key: Annotated[
        int, typer.Option(min=-12, max=12, help="Semitones higher than recorded; the tempo stays.")
    ] = 0,
    subtype: Subtype = None,
    song: Song = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Mix the stems of a project anew.

    All but --effects, --mixer, --afresh, --tempo, --key and --out may come several times, and is laid over what the project has.
    """
    from stemstudio.audio.formats import file_format
    from stemstudio.audio.writing import FileExists
    from stemstudio.cli.opened import opened_with_song
    from stemstudio.mixing.remix import worded, write_remix
    from stemstudio.project.database import SUFFIX

    saves = out.suffix.lower() == SUFFIX
    if not saves:
        kind = file_format(SUFFIXES.get(out.suffix.lower(), out.suffix.lower().removeprefix(".") or "none"))
        kind.subtype(subtype)
    if out.exists() and not overwrite:
        raise FileExists(out)
    with (
        working(f"Opening {project.name}") as progress,
        opened_with_song(project, song, progress.part(0.0, 0.4)) as (opened, info),
    ):
        history = opened.history
        _begin(history, opened.project, mixer, afresh)
        change = _Changes(history, opened.project)
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
        change.silences(silence or ())
        change.envelopes(envelope or ())
        change.effects(settings_from(effects or (), "--effects", "reverb_seconds=2.5"))
        if saves:
            _practise(history, opened.project, tempo, key)
        state = opened.project.state
        if saves:
            opened.storage.save(out, progress.part(0.4, 1.0))
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
                tempo=tempo,
                semitones=key,
            )
    if json:
        _answer(state, out, report)
        return
    for note in () if report is None else report.notes:
        say(note)
    say(str(out) if report is None else worded(report))


def _answer(state: State, out: Path, report: RemixReport | None) -> None:
    from stemstudio.project.snapshots import StripRecord

    told: dict[str, Any] = {"file": str(out)}
    if report is not None:
        told |= {
            "peak": report.peak,
            "clipped_db": report.clipped_db,
            "lufs": report.lufs if math.isfinite(report.lufs) else None,
            "notes": list(report.notes),
        }
    strips = {leaf.name: StripRecord.of_strip(leaf).model_dump() for leaf in state.leaves()}
    answer({**told, "strips": strips, "effects": state.effects.model_dump()})


def _begin(history: History, project: Project, letter: str | None, afresh: bool) -> None:
    """Go to the mixer that the changes are laid over."""
    from stemstudio.project.effects import Effects
    from stemstudio.project.remixing import reset_strip, set_effects, switch
    from stemstudio.project.snapshots import LETTERS

    if letter is not None:
        snapshots = project.state.snapshots
        known = sorted({snapshots.current, *(each.letter for each in snapshots.kept)})
        if letter.upper() not in known:
            raise StemStudioError(
                f"There is no mixer {letter if letter.upper() in LETTERS else f'“{letter}”'}.",
                f"There is: {', '.join(known)}.",
            )
        _do(history, switch(project.state, letter.upper()))
    if afresh:
        for leaf in project.state.leaves():
            _do(history, reset_strip(project.state, leaf.id))
        _do(history, set_effects(project.state, "Effects", **dict(Effects())))


def _practise(history: History, project: Project, tempo: float, key: int) -> None:
    """A project that is saved plays so."""
    from stemstudio.project.practising import set_practice

    if (tempo, key) != (1.0, 0):
        _do(history, set_practice(project.state, tempo=tempo, semitones=key))


def _do(history: History, edit: Edit | None) -> None:
    if edit is not None:
        history.do(edit)


class _Changes:
    """Changes of strips, from words to edits; what cannot be is said in one sentence."""

    def __init__(self, history: History, project: Project) -> None:
        self._history, self._project = history, project

    def numbers(self, field: str, words: str, given: Iterable[str], read: Callable[[str], float]) -> None:
        """STEM=NUMBER."""
        for each in given:
            stem, value = self._stem_and_value(each)
            self._set(stem, words, **{field: read(value)})

    def switches(self, field: str, words: str, given: Iterable[str]) -> None:
        """STEM,STEM…"""
        for each in given:
            for stem in stems_named(self._project.state, [each]):
                self._set(self._project.state.stems[stem], words, **{field: True})

    def equalisers(self, given: Iterable[str]) -> None:
        """STEM.SETTING=VALUE."""
        for each in given:
            place, value = halves(each, "=", "vocals.high=+3")
            name, setting = halves(place, ".", "vocals.high=+3", last=True)
            stem = leaf_named(self._project.state, name)
            field = setting.strip().replace("-", "_")
            if field not in type(stem.equaliser).model_fields:
                raise StemStudioError(
                    f"An equaliser has no “{setting}”.",
                    f"It has: {', '.join(type(stem.equaliser).model_fields)}.",
                )
            number = None if field.endswith("_cut") and value.strip() == "off" else as_number(value)
            values = {**dict(stem.equaliser), field: number}
            self._set(stem, "Equaliser", equaliser=checked(type(stem.equaliser), values))

    def silences(self, given: Iterable[str]) -> None:
        """STEM=FROM-TO."""
        from stemstudio.project.remixing import silence

        for each in given:
            stem, value = self._stem_and_value(each)
            start, stop = (as_number(part) for part in halves(value, "-", "12.5-14"))
            if not 0 <= start < stop:
                raise StemStudioError(f"Nothing lies between {start:g} s and {stop:g} s.")
            _do(self._history, silence(self._project.state, stem.id, start, stop))

    def envelopes(self, given: Iterable[str]) -> None:
        """STEM=SECOND:DB,SECOND:DB…"""
        from stemstudio.mixing.mixer import gain_of

        for each in given:
            stem, value = self._stem_and_value(each)
            points = []
            for part in value.split(","):
                second, level = halves(part, ":", "10:0,20:-6")
                points.append((as_number(second), gain_of(as_level(level))))
            self._set(stem, "Envelope", envelope=tuple(sorted(points)))

    def effects(self, given: Mapping[str, str]) -> None:
        """SETTING=VALUE."""
        from stemstudio.project.effects import Effects
        from stemstudio.project.remixing import set_effects

        for name, value in given.items():
            if name not in Effects.model_fields:
                raise StemStudioError(
                    f"Reverb and delay have no “{name}”.", f"They have: {', '.join(Effects.model_fields)}."
                )
            checked(Effects, {name: as_number(value)})
            _do(self._history, set_effects(self._project.state, name, **{name: as_number(value)}))

    def _set(self, stem: Stem, words: str, **fields: Any) -> None:
        from stemstudio.project.edits import set_stem
        from stemstudio.project.snapshots import StripRecord, strip_values

        changed = replace(stem, **fields)
        checked(StripRecord, strip_values(changed))
        self._history.do(set_stem(self._project.state, stem.id, f"{words} {stem.name}", **fields))

    def _stem_and_value(self, words: str) -> tuple[Stem, str]:
        name, value = halves(words, "=", "vocals=-3")
        return leaf_named(self._project.state, name), value
