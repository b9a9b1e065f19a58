"""`stemstudio algorithms` says what the recipes say."""

from __future__ import annotations

from typing import Any

import pytest
from signals import mixture

from stemstudio.algorithms import ALGORITHMS
from stemstudio.algorithms.masking import Masking
from stemstudio.progress import Progress

QUICK = {"nmf": {"components": 2, "iterations": 2}}


def test_all_recipes_with_all_their_fields(command: Any) -> None:
    listed = command("algorithms", "--json").json
    assert list(listed) == [recipe.name for recipe in ALGORITHMS]
    for recipe in ALGORITHMS:
        fields = {each["name"]: each for each in listed[recipe.name]["parameters"]}
        assert list(fields) == list(recipe.model_fields)
        assert {name: each["default"] for name, each in fields.items()} == recipe().model_dump(mode="json")
        assert all(each["help"] for each in fields.values())
        masks = {each["name"]: each["default"] for each in listed[recipe.name]["masks"]}
        assert masks == (Masking().model_dump(mode="json") if recipe.masked else {})


def test_the_parameters_of_one(command: Any) -> None:
    listed = command("algorithms", "nmf", "--json").json
    assert list(listed) == ["nmf"]
    components = next(each for each in listed["nmf"]["parameters"] if each["name"] == "components")
    assert (components["kind"], components["low"]) == ("int", 1)
    assert components["high"] >= 64
    assert "seed" in {each["name"] for each in listed["nmf"]["parameters"]}


@pytest.mark.parametrize("recipe", ALGORITHMS, ids=lambda recipe: recipe.name)
def test_what_was_asked_for_goes_to_stdout(command: Any, recipe: Any) -> None:
    assert recipe.title in " ".join(command("algorithms").stdout.split())
    ran = command("algorithms", recipe.name)
    assert ran.code == 0
    assert ran.stderr == ""
    for name in recipe.model_fields:
        assert f"\n{name} " in ran.stdout
    assert ("\nphase_iterations " in ran.stdout) == recipe.masked


@pytest.mark.parametrize(
    "recipe", [each for each in ALGORITHMS if each.name in ("hpss", "nmf")], ids=lambda each: each.name
)
def test_a_recipe_says_beforehand_whether_it_finds_atoms(recipe: Any) -> None:
    assert (
        recipe.from_settings(QUICK.get(recipe.name, {})).run(mixture(0.5, 8000)[0], Progress()).atoms
        == recipe.atoms
    )


def test_an_example_can_be_pasted_into_a_shell(command: Any) -> None:
    """What holds a space is one word."""
    import shlex

    line = next(line for line in command("algorithms", "ensemble").stdout.splitlines() if "as in" in line)
    words = shlex.split(line)
    assert words[words.index("--set") + 1] == "members=htdemucs, umxhq"
    assert words[-2] == "--out"
