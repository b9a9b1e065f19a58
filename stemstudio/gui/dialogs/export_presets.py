"""Presets of exports: what is ticked and how it is written, under a name, from one start of the program to the next."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from PySide6.QtCore import QSettings

PLACE = "export/presets"
MOST = 100


class ExportPreset(BaseModel):
    """One export, remembered by the names of stems, so that it fits another song.

    Attributes
    ----------
    name
        What the person calls it.
    how
        Fields of `ExportOrder`, as `ExportForm.values` has them.
    template
        Of file names.
    stems, without
        Names of stems; "*" stands for all of them.
    groups
        Names of groups, each with the names of its stems.
    other
        "mix", "upmix", "upmix apart" and names of data.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(max_length=100)
    how: dict[str, Any] = {}
    template: str = Field("{song} - {stem}", max_length=500)
    stems: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    groups: dict[str, tuple[str, ...]] = {}
    other: tuple[str, ...] = ()


LIST = TypeAdapter(list[ExportPreset])


def presets() -> list[ExportPreset]:
    """All that are remembered, in alphabetical order; none where what was kept is from another version."""
    kept = QSettings().value(PLACE)
    if not kept:
        return []
    try:
        return LIST.validate_json(str(kept))[:MOST]
    except ValidationError:
        QSettings().remove(PLACE)
        return []


def read_one(kept: str) -> ExportPreset:
    """The export that was made last, as it was kept; that of a first start where there was none."""
    try:
        return ExportPreset.model_validate_json(kept)
    except ValidationError:
        return ExportPreset(name="last")


def keep(preset: ExportPreset) -> None:
    """Remember a preset, in the place of one of the same name."""
    others = [each for each in presets() if each.name.casefold() != preset.name.casefold()]
    _store([*others, preset])


def forget(name: str) -> None:
    """Take a preset away."""
    _store([each for each in presets() if each.name != name])


def _store(found: list[ExportPreset]) -> None:
    found.sort(key=lambda preset: preset.name.casefold())
    QSettings().setValue(PLACE, LIST.dump_json(found[:MOST]).decode())
