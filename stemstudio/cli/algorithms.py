"""`stemstudio algorithms`: the recipes, with every parameter's default, range and help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, show_table, tell

if TYPE_CHECKING:
    from stemstudio.algorithms.algorithm import Algorithm
    from stemstudio.algorithms.parameters import Parameters


def algorithms(
    name: Annotated[str | None, typer.Argument(help="Show this one with all its parameters.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """List the ways of taking a song apart.

    With a NAME: its parameters, their defaults, ranges and help.
    """
    from stemstudio.algorithms import ALGORITHMS, algorithm
    from stemstudio.algorithms.masking import Masking

    chosen = (algorithm(name),) if name is not None else ALGORITHMS
    if json:
        answer({recipe.name: _described(recipe) for recipe in chosen})
    elif name is None:
        show_table(
            ("name", "", ""), [(recipe.name, recipe.title, recipe.summary) for recipe in chosen], whole=2
        )
        tell("\n“stemstudio algorithms NAME” shows the parameters of one.")
    else:
        recipe = chosen[0]
        tell(f"{recipe.title}\n{recipe.summary}\n")
        rows = _rows(recipe)
        if not rows:
            tell("It has no parameters.")
            return
        show_table(("parameter", "default", "range", ""), rows)
        first, value = rows[0][:2]
        setting = f"{first}={value}" if " " not in value else f'"{first}={value}"'  # as a shell wants it
        tell(
            f"\nGive them as in: stemstudio separate SONG --algorithm {recipe.name} --set {setting} --out DIR\n"
            f"What it is good for, and what each parameter does to the sound: stemstudio help {recipe.name}"
        )
        if recipe.masked:
            tell("\nMasks are made of what it found:\n")
            show_table(("parameter", "default", "range", ""), _rows(Masking))
            tell("\nGive them as in: --mask binary --mask margin=2")


def _rows(declared: type[Parameters]) -> list[tuple[str, str, str, str]]:
    from stemstudio.algorithms.wording import range_words, value_words

    return [
        (each.name, value_words(each.default), range_words(each), f"{each.help}." if each.help else "")
        for each in declared.parameters()
    ]


def _described(recipe: type[Algorithm]) -> dict[str, Any]:
    from stemstudio.algorithms.masking import Masking

    return {
        "title": recipe.title,
        "summary": recipe.summary,
        "parameters": _listed(recipe),
        "masks": _listed(Masking) if recipe.masked else [],
    }


def _listed(declared: type[Parameters]) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "kind": each.kind,
            "default": each.default,
            "low": each.low,
            "high": each.high,
            "choices": list(each.choices),
            "unit": each.unit,
            "help": each.help,
            "advanced": each.advanced,
        }
        for each in declared.parameters()
    ]
