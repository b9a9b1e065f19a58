"""Manual: the pages of help, written by hand and joined with what the recipes say about their own parameters.

A page is a file in `resources/help`. That of a separator, or of the masks, has the section “What its parameters do” with one heading a
parameter, by its name in the code (`### margin`), or several that belong together (`### fft, hop`). Below each such
heading go the default, the range and the line of help that the recipe declares, so that they are always today's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from stemstudio.algorithms import ALGORITHMS
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.parameters import Parameter, Parameters
from stemstudio.algorithms.wording import range_words, value_words
from stemstudio.errors import StemStudioError
from stemstudio.resources import resource

FOLDER = "help"
START = "start"
# Headings of the contents, and the pages below each; the first page needs none above it.
CHAPTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", (START,)),
    ("Ways of taking a song apart", tuple(recipe.name for recipe in ALGORITHMS)),
    (
        "Working on the stems",
        (
            "atoms",
            "assigning",
            "teaching",
            "painting",
            "hints",
            "masks",
            "doubt",
            "listening",
            "remix",
            "practice",
            "room",
            "export",
            "comparing",
            "keys",
        ),
    ),
)
# What has parameters, by the page that is about it.
DECLARED: dict[str, type[Parameters]] = {**{recipe.name: recipe for recipe in ALGORITHMS}, "masks": Masking}
PARAMETERS = "What its parameters do"
ROOM = 70  # characters that an excerpt shows to either side of what was looked for

_HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*`|]+|^#+ |^[-:| ]+$|^[-0-9.]+ ", re.MULTILINE)


class NoSuchPage(StemStudioError):
    """A page of help that there is not."""


@dataclass(frozen=True)
class Page:
    """One page of help.

    Attributes
    ----------
    name
        Of its file, and of the separator that it is about.
    title
        Its first heading.
    text
        The whole page as Markdown, with what the recipe declares.
    recipe
        What its parameters are those of, most often a separator; None where it is about none.
    """

    name: str
    title: str
    text: str
    recipe: type[Parameters] | None = None

    @property
    def plain(self) -> str:
        """The page's words without Markdown's marks."""
        return _plain(self.text)


@dataclass(frozen=True)
class Found:
    """A page that holds what was looked for, and the words around the first place."""

    page: Page
    excerpt: str


def page_names() -> tuple[str, ...]:
    """Names of all pages, in the order of the contents."""
    return tuple(name for _, names in CHAPTERS for name in names)


@cache
def page(name: str) -> Page:
    """The page of that name; `NoSuchPage` says what there is."""
    if name not in page_names():
        mentioned = [found.page.name for found in search(name)]
        hint = f"“{name}” is mentioned in: {', '.join(mentioned)}. " if mentioned else ""
        raise NoSuchPage(f"There is no page “{name}”.", f"{hint}There are: {', '.join(page_names())}.")
    recipe = DECLARED.get(name)
    text = resource(f"{FOLDER}/{name}.md").read_text(encoding="utf-8")
    first = _HEADING.match(text)
    title = first.group(2) if first else name
    return Page(name, title, text if recipe is None else joined(text, recipe), recipe)


def search(words: str) -> list[Found]:
    """Pages on which every one of `words` occurs: titles and headings first, then those that say it most often."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    ranked = []
    for place, name in enumerate(page_names()):
        candidate = page(name)
        text = candidate.plain
        folded = text.casefold()
        if not all(word in folded for word in wanted):
            continue
        headings = " ".join(match.group(2) for match in _HEADING.finditer(candidate.text)).casefold()
        rank = (
            -sum(word in candidate.title.casefold() or word == name for word in wanted),
            -sum(word in headings for word in wanted),
            -sum(folded.count(word) for word in wanted),
            place,
        )
        ranked.append((rank, Found(candidate, _excerpt(candidate, wanted[0]))))
    return [found for _, found in sorted(ranked, key=lambda pair: pair[0])]


def sections(text: str) -> dict[str, str]:
    """What a page says of parameters: prose by the words of its heading, as written in the file."""
    start = text.find(f"\n## {PARAMETERS}\n")
    if start < 0:
        return {}
    end = text.find("\n## ", start + 4)
    chapter = text[start : end if end >= 0 else len(text)]
    pieces = re.split(r"^### (.+)$", chapter, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], (prose.strip() for prose in pieces[2::2]), strict=True))


def names_in(heading: str) -> tuple[str, ...]:
    """The parameters that a heading is about."""
    return tuple(name.strip() for name in heading.split(","))


def joined(text: str, recipe: type[Parameters]) -> str:
    """A page of a separator, with the recipe's own declaration below the heading of each parameter."""
    known = {parameter.name: parameter for parameter in recipe.parameters()}

    def declared(match: re.Match[str]) -> str:
        parameters = [known[name] for name in names_in(match.group(1)) if name in known]
        if not parameters:
            return match.group(0)
        return f"### {heading_words(parameters)}\n\n" + "\n".join(map(_declaration, parameters))

    return re.sub(r"^### (.+)$", declared, text, flags=re.MULTILINE)


def heading_words(parameters: Sequence[Parameter]) -> str:
    """What stands above the prose of some parameters: their labels, as in the form."""
    words = [parameters[0].label, *(_uncapitalised(each.label) for each in parameters[1:])]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _declaration(parameter: Parameter) -> str:
    unit = f" {parameter.unit}" if parameter.unit and parameter.kind in ("int", "float") else ""
    default = value_words(parameter.default)
    words = [f"`{parameter.name}`", f"at first {default}{unit}" if default else "at first empty"]
    if parameter.kind != "text":
        words.append(f"possible: {range_words(parameter)}")
    sentence = parameter.help if parameter.help.endswith((".", "?")) else f"{parameter.help}."
    return f"- {' — '.join(words)}. *{sentence}*"


def _uncapitalised(label: str) -> str:
    return label if label.isupper() else label[:1].lower() + label[1:]


def _excerpt(found: Page, word: str) -> str:
    """The words around the first heading that has a word, or else around its first place; cut at spaces, on one line."""
    lines = found.text.splitlines()
    has_it = [at for at, line in enumerate(lines) if word in _plain(line).casefold()]
    above = [at for at in has_it if lines[at].startswith("##")]
    first = (above or has_it or [0])[0]
    before = _plain("\n".join(lines[:first])) if not above else ""
    text = " ".join(f"{before}\n{_plain(chr(10).join(lines[first:]))}".split())
    before = " ".join(before.split())
    place = text.casefold().find(word, len(before))
    start, stop = max(0, place - ROOM), min(len(text), place + ROOM)
    start = text.find(" ", start) + 1 if start else 0
    stop = text.rfind(" ", 0, stop) if stop < len(text) else stop
    opening = "… " if start or above else ""
    return f"{opening}{text[start:stop]}{' …' if stop < len(text) else ''}"


def _plain(text: str) -> str:
    """Words of Markdown without its marks."""
    return _MARKS.sub("", _LINK.sub(r"\1", text))
