"""Values that options give to stems, as in STEM=NUMBER; what cannot be is said in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from stemstudio.cli.opened import stems_named
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stemstudio.project.project import State
    from stemstudio.project.stem import Stem

Model = TypeVar("Model", bound="BaseModel")


def leaf_named(state: State, name: str) -> Stem:
    """The one stem of that name; refused where it was split again."""
    found, *more = stems_named(state, [name])
    if more:
        raise StemStudioError(f"“{name}” names several stems.", "Say it for each of them.")
    stem = state.stems[found]
    if stem.id not in {leaf.id for leaf in state.leaves()}:
        raise StemStudioError(
            f"“{stem.name}” was split again and has no strip of its own.",
            f"Its parts have: {', '.join(leaf.name for leaf in state.leaves(stem.id))}.",
        )
    return stem


def halves(words: str, sign: str, example: str, *, last: bool = False) -> tuple[str, str]:
    """What is before and behind a sign, neither of them empty."""
    first, found, second = words.rpartition(sign) if last else words.partition(sign)
    if not found or not first.strip() or not second.strip():
        raise StemStudioError(f"“{words}” has no “{sign}” in its middle.", f"Say it as in {example}.")
    return first.strip(), second.strip()


def as_number(words: str) -> float:
    """A finite number."""
    try:
        value = float(words)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StemStudioError(f"“{words}” is not a number.")
    return value


def as_level(words: str) -> float:
    """In dB; “off” is −∞."""
    return -math.inf if words.strip().lower() in ("off", "-inf") else as_number(words.removesuffix("dB"))


def checked(kind: type[Model], values: Mapping[str, Any]) -> Model:
    """Values within their bounds, or one sentence."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise StemStudioError(
            f"{field} cannot be {first['input']}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        ) from None
