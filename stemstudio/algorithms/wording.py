"""Wording: the default and the range of a parameter as people read them, in the command line and the help."""

from __future__ import annotations

from typing import Any

from stemstudio.algorithms.algorithm import Parameter


def value_words(value: Any) -> str:
    """A value as one would give it: "true", "0.4", "soft"; empty text is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def range_words(parameter: Parameter) -> str:
    """What a parameter may be: "0 … 10 s", "soft · binary", "any"."""
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.kind == "choice":
        return " · ".join(parameter.choices)
    if parameter.kind == "bool":
        return "true · false"
    if parameter.low is None and parameter.high is None:
        return "any" + (f" number of{unit}" if unit else "")
    low = "" if parameter.low is None else value_words(parameter.low)
    high = "" if parameter.high is None else value_words(parameter.high)
    if low and high:
        return f"{low} … {high}{unit}"
    return (f"from {low}" if low else f"up to {high}") + unit
