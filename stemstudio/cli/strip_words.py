"""What is said of strips on the command line, as edits of a mixer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stemstudio.cli.opened import stems_named
from stemstudio.cli.values import as_level, as_number, checked, halves, leaf_named
from stemstudio.errors import StemStudioError
from stemstudio.project.snapshots import FURTHEST
from stemstudio.project.stem import FLAT

if TYPE_CHECKING:
    from stemstudio.project.edit import Edit
    from stemstudio.project.history import History
    from stemstudio.project.project import Project, State
    from stemstudio.project.stem import Stem


def do(history: History, edit: Edit | None) -> None:
    """Carry an edit out, if it changes anything."""
    if edit is not None:
        history.do(edit)


def begin(history: History, project: Project, letter: str | None, afresh: bool, *, fresh: bool) -> None:
    """Go to the mixer that the changes are laid over; a `fresh` letter may begin as a copy of the present one."""
    from stemstudio.project.effects import Effects
    from stemstudio.project.remixing import reset_strip, set_effects, switch
    from stemstudio.project.snapshots import LETTERS, OFFERED

    if letter is not None:
        snapshots = project.state.snapshots
        known = sorted({snapshots.current, *(each.letter for each in snapshots.kept)})
        if letter.upper() not in {*known, *(OFFERED if fresh else ())}:
            raise StemStudioError(
                f"There is no mixer {letter if letter.upper() in LETTERS else f'“{letter}”'}.",
                f"There is: {', '.join(known)}."
                + ("" if fresh else " Another one can be begun where --out is a project (.stems)."),
            )
        do(history, switch(project.state, letter.upper()))
    if afresh:
        for leaf in project.state.leaves():
            do(history, reset_strip(project.state, leaf.id))
        do(history, set_effects(project.state, "Effects", **dict(Effects())))


class StripChanges:
    """Changes of strips, from words to edits; what cannot be is said in one sentence."""

    def __init__(self, history: History, project: Project) -> None:
        self._history, self._project = history, project

    def numbers(self, field: str, words: str, given: Iterable[str], read: Callable[[str], float]) -> None:
        """STEM=NUMBER."""
        for each in given:
            stem, value = self._stem_and_value(each)
            self._set(stem, words, **{field: read(value)})

    def switches(self, field: str, words: str, given: Iterable[str]) -> None:
        """STEM,STEM… or STEM,STEM…=off."""
        for each in given:
            names, _, how = each.rpartition("=")
            turned = how.strip().casefold()
            if not names or turned not in ("on", "off"):
                names, turned = each, "on"
            for stem in stems_named(self._project.state, [names]):
                self._set(self._project.state.stems[stem], words, **{field: turned == "on"})

    def equalisers(self, given: Iterable[str]) -> None:
        """STEM.SETTING=VALUE, or STEM=flat."""
        for each in given:
            place, value = halves(each, "=", "vocals.high=+3")
            if value == "flat":
                self._set(leaf_named(self._project.state, place), "Flat", equaliser=FLAT)
                continue
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

    def silences(
        self, given: Iterable[str], change: Callable[[State, int, float, float], Edit | None]
    ) -> None:
        """STEM=FROM-TO, or STEM=all."""
        for each in given:
            stem, value = self._stem_and_value(each)
            start, stop = 0.0, FURTHEST
            if value != "all":
                start, stop = (as_number(part) for part in halves(value, "-", "12.5-14"))
            if not 0 <= start < stop:
                raise StemStudioError(f"Nothing lies between {start:g} s and {stop:g} s.")
            do(self._history, change(self._project.state, stem.id, start, stop))

    def envelopes(self, given: Iterable[str]) -> None:
        """STEM=SECOND:DB,SECOND:DB… or STEM=none."""
        from stemstudio.mixing.mixer import gain_of

        for each in given:
            stem, value = self._stem_and_value(each)
            points = []
            for part in value.split(",") if value != "none" else ():
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
            do(self._history, set_effects(self._project.state, name, **{name: as_number(value)}))

    def _set(self, stem: Stem, words: str, **fields: Any) -> None:
        from stemstudio.project.edits import set_stem
        from stemstudio.project.snapshots import StripRecord, strip_values

        changed = replace(stem, **fields)
        checked(StripRecord, strip_values(changed))
        self._history.do(set_stem(self._project.state, stem.id, f"{words} {stem.name}", **fields))

    def _stem_and_value(self, words: str) -> tuple[Stem, str]:
        name, value = halves(words, "=", "vocals=-3")
        return leaf_named(self._project.state, name), value
