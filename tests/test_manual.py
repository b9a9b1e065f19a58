"""The pages of help: one for every separator, of exactly its parameters, with settings, links and commands that work."""

from __future__ import annotations

import re
import shlex

import pytest

from stemstudio.algorithms import ALGORITHMS
from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.wording import range_words
from stemstudio.cli.program import program
from stemstudio.manual import (
    DECLARED,
    FOLDER,
    PARAMETERS,
    NoSuchPage,
    joined,
    names_in,
    page,
    page_names,
    search,
    sections,
)
from stemstudio.resources import resource

LEAST_PROSE = 60  # characters that a parameter's effect on the sound takes to be told


def source(name: str) -> str:
    return resource(f"{FOLDER}/{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*(recipe.name for recipe in ALGORITHMS), "masks"])
def test_every_separator_has_a_page_of_exactly_its_parameters(name: str) -> None:
    assert name in page_names()
    recipe = DECLARED[name]
    headings = re.findall(r"^### (.+)$", source(name), re.MULTILINE)
    assert len(headings) == len(set(headings)), "told twice"
    written = sections(source(name))
    named = [name for heading in written for name in names_in(heading)]
    fields = list(recipe.model_fields)
    assert [each for each in fields if each not in named] == [], "parameters that the page says nothing of"
    assert [each for each in named if each not in fields] == [], "parameters that there are not"
    assert len(named) == len(set(named))
    for heading, prose in written.items():
        assert len(prose) >= LEAST_PROSE, f"{name}: “{heading}” says too little"


@pytest.mark.parametrize("name", DECLARED)
def test_a_page_shows_what_is_declared(name: str) -> None:
    shown, recipe = page(name), DECLARED[name]
    if issubclass(recipe, Algorithm):
        assert shown.title == recipe.title
    for each in recipe.parameters():
        assert f"`{each.name}`" in shown.text
        assert each.help in shown.text
        if each.kind != "text":
            assert range_words(each) in shown.text
    assert f"\n## {PARAMETERS}\n" in shown.text


def test_the_declared_part_is_the_recipe_s_own() -> None:
    class Fader(Algorithm):
        name = "fader"
        title = "Fader"
        summary = "Fades."

        slope: float = parameter(0.25, "How steep", unit="dB", ge=0.0, le=6.0)
        gentle: bool = parameter(False, "Whether it is gentle")

    text = f"# Fader\n\n## {PARAMETERS}\n\n### slope, gentle\n\nSteep is sudden.\n"
    assert sections(text) == {"slope, gentle": "Steep is sudden."}
    made = joined(text, Fader)
    assert "### Slope and gentle\n" in made
    assert "- `slope` — at first 0.25 dB — possible: 0 … 6 dB. *How steep.*" in made
    assert "- `gentle` — at first false — possible: true · false. *Whether it is gentle.*" in made
    assert made.endswith("Steep is sudden.\n")


@pytest.mark.parametrize("name", page_names())
def test_settings_on_pages_are_possible(name: str) -> None:
    """`margin=2` in code is a setting of what the page is about; those of one line are taken by it together."""
    recipe = page(name).recipe
    for line in source(name).splitlines():
        codes = re.findall(r"`([a-z_]+=[^`]+)`", line)
        assert recipe is not None or not codes, f"{name} gives a setting and is about no separator"
        if codes and recipe is not None:
            settings = dict(code.split("=", 1) for code in codes)
            made = recipe.from_settings(settings)
            assert set(settings) <= set(made.model_dump())


@pytest.mark.parametrize("name", page_names())
def test_commands_on_pages_are_understood(name: str) -> None:
    """Commands stand indented by four; their options exist, and their settings are possible."""
    import typer

    group = typer.main.get_command(program())
    for line in re.findall(r"^    (stemstudio .+)$", source(name), re.MULTILINE):
        _, word, *words = shlex.split(line)
        command = group.commands[word]
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for each in command.params for option in each.opts}
        assert {each for each in words if each.startswith("--")} <= known, line
        if word == "separate":
            chosen = words[words.index("--algorithm") + 1]
            recipe = next(each for each in ALGORITHMS if each.name == chosen)
            settings = dict(words[at + 1].split("=", 1) for at, each in enumerate(words) if each == "--set")
            recipe.from_settings(settings)


@pytest.mark.parametrize("name", page_names())
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    text = source(name)
    for picture, target in re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", text):
        if picture:
            assert resource(f"{FOLDER}/{target}").is_file()
        else:
            assert target.endswith(".md"), target
            assert target.removesuffix(".md") in page_names(), f"{name}: {target}"


def test_no_file_is_left_over() -> None:
    folder = resource(FOLDER)
    assert sorted(path.stem for path in folder.glob("*.md")) == sorted(page_names())
    shown = "\n".join(source(name) for name in page_names())
    assert [path.name for path in folder.glob("*.png") if f"({path.name})" not in shown] == []


def test_every_page_can_be_reached_from_the_first() -> None:
    seen, waiting = set(), ["start"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += re.findall(r"\]\((\w+)\.md\)", source(name))
    assert sorted(set(page_names()) - seen) == []


def test_searching_finds_the_page_that_is_about_it() -> None:
    assert search("margin")[0].page.name in ("hpss", "masks")
    assert search("HPSS two-stage")[0].page.name == "hpss2"
    assert "repet" in [found.page.name for found in search("singer")] or search("voice")
    found = search("one-shots")
    assert found[0].page.name == "nmfd"
    assert "one-shots" in found[0].excerpt.casefold()
    assert "`" not in found[0].excerpt
    assert "\n" not in found[0].excerpt
    assert search("xylophonquatsch") == []
    assert search("  ") == []


def test_a_page_that_there_is_not_says_which_there_are() -> None:
    with pytest.raises(NoSuchPage) as missing:
        page("harmonic_length")
    assert "mentioned in: hpss" in str(missing.value)
    assert "There are: start, htdemucs" in str(missing.value)
