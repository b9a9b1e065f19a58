"""Parameters: fields declared once, with range, unit and one line of help, for form, command line, checks and record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stemstudio.errors import BadRecipe

Given = TypeVar("Given", bound="Parameters")


Chosen = Literal["", "file", "files", "folder"]


def parameter(
    default: Any,
    help: str,
    *,
    unit: str = "",
    advanced: bool = False,
    chooses: Chosen = "",
    endings: str = "",
    **limits: Any,
) -> Any:
    """Declare a field of a recipe: default, one line of help, unit, limits (`ge`, `le`, …) as pydantic has them.

    A text that names a file, several with commas between, or a folder says so with `chooses`, and how such files end
    (“.mid .midi”) with `endings`.
    """
    extra: dict[str, Any] = {"unit": unit, "advanced": advanced, "chooses": chooses, "endings": endings}
    return Field(default, description=help, json_schema_extra=extra, **limits)


@dataclass(frozen=True)
class Parameter:
    """One field of a recipe, as forms and command lines need it.

    Attributes
    ----------
    name, help, unit
        Words.
    kind
        "int", "float", "bool", "choice" or "text".
    default
        Its value when nobody says otherwise.
    low, high
        Limits, both inclusive; None where there is none.
    choices
        The values of a choice.
    advanced
        Whether it is shown only on request.
    chooses, endings
        What on the disk the text may name, and how such files end.
    """

    name: str
    help: str
    unit: str
    kind: Literal["int", "float", "bool", "choice", "text"]
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    advanced: bool
    chooses: Chosen = ""
    endings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        words = self.name.replace("_", " ")
        return words.upper() if words == "fft" else words[:1].upper() + words[1:]


def counted(number: float | str, unit: str) -> str:
    """With its unit: "3 rounds", "1 round", "0.1 s"."""
    many = len(unit) > 2 and unit.endswith("s")
    return f"{number} {unit[:-1] if many and str(number) == '1' else unit}".rstrip()


class Parameters(BaseModel):
    """Frozen, validated values whose fields are parameters.

    Class attributes
    ----------------
    title
        What messages call it.
    formerly
        Names that fields had once, and have now: old files, presets and commands say them still.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: ClassVar[str]
    formerly: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _as_they_are_called_now(cls, given: Any) -> Any:
        if not cls.formerly or not isinstance(given, Mapping):
            return given
        return {cls.formerly.get(name, name): value for name, value in given.items()}

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """The fields, in order."""
        return _parameters(cls)

    @classmethod
    def from_settings(cls: type[Given], settings: Mapping[str, Any]) -> Given:
        """These from names and values, which may be text; `BadRecipe` names the one that is wrong."""
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                known = ", ".join(cls.model_fields)
                raise BadRecipe(f"{cls.title} has no parameter “{where}”.", f"It has: {known}.") from None
            problem = first["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
            if not first[
                "loc"
            ]:  # of several that do not go together: which, and why, is what the reason says
                raise BadRecipe(f"{cls.title}: {problem}.") from None
            raise BadRecipe(
                f"{cls.title}: {where} = {first['input']!r} is not possible: {problem}."
            ) from None


@cache
def _parameters(kind: type[Parameters]) -> tuple[Parameter, ...]:
    return tuple(_parameter(name, info) for name, info in kind.model_fields.items())


def _parameter(name: str, info: Any) -> Parameter:
    schema = info.json_schema_extra or {}
    limits = {
        key: getattr(piece, key)
        for piece in info.metadata
        for key in ("ge", "le", "gt", "lt")
        if getattr(piece, key, None) is not None
    }
    annotation = info.annotation
    choices: tuple[str, ...] = ()
    kind: Literal["int", "float", "bool", "choice", "text"]
    if get_origin(annotation) is Literal:
        kind, choices = "choice", tuple(str(choice) for choice in get_args(annotation))
    elif annotation in (bool, int, float):
        kind = annotation.__name__
    else:
        kind = "text"
    return Parameter(
        name=name,
        help=info.description or "",
        unit=schema.get("unit", ""),
        kind=kind,
        default=info.default,
        low=limits.get("ge", limits.get("gt")),
        high=limits.get("le", limits.get("lt")),
        choices=choices,
        advanced=bool(schema.get("advanced", False)),
        chooses=schema.get("chooses", ""),
        endings=tuple(schema.get("endings", "").split()),
    )
