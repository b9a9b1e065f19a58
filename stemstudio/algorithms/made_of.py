"""Made of: how estimates that hold other estimates tell them in a record, and have them again from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from stemstudio.algorithms.estimates import Estimates

Value = TypeVar("Value")


def held_record(estimates: Estimates) -> dict[str, Any]:
    """Held estimates as a part of a header."""
    return {"kind": estimates.kind, "header": estimates.header()}


def held_arrays(estimates: Estimates) -> dict[str, Any]:
    """The arrays of all that estimates are made of, each name behind the word for what it belongs to: "base/waves"."""
    return {
        f"{word}/{name}": array
        for word, held in estimates.made_of().items()
        for name, array in held.arrays().items()
    }


def behind(word: str, named: Mapping[str, Value]) -> dict[str, Value]:
    """What stands behind a word, by its own names."""
    start = f"{word}/"
    return {name[len(start) :]: value for name, value in named.items() if name.startswith(start)}


def restored(record: Mapping[str, Any], arrays: Mapping[str, Any], word: str, holder: str) -> Estimates:
    """Held estimates from what `held_record` and `held_arrays` gave; ValueError for those of `holder`'s own, or an unknown, kind."""
    from stemstudio.algorithms import ESTIMATES

    kind = record["kind"]
    if kind not in ESTIMATES or kind == holder:
        raise ValueError(f"it holds parts of an unknown kind, “{str(kind)[:40]}”")
    return ESTIMATES[kind].from_record(record["header"], behind(word, arrays))
