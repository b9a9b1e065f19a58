"""How pages of help look in the window: their Markdown as HTML in the theme's colours, with pictures and places to jump to."""

from __future__ import annotations

import re
from functools import cache
from string import Template

from stemstudio.gui import theme
from stemstudio.manual import FOLDER, START, NoSuchPage, page, page_names
from stemstudio.resources import resource


def fetch() -> None:
    """Read all pages, and fetch what makes HTML of one; called on a thread, before somebody asks for help."""
    for name in page_names():
        page(name)
    page_html(START)


def page_name(address: str) -> str:
    """Name of the page that an address such as "hpss.html" leads to."""
    return address.rpartition("/")[2].partition("#")[0].rpartition(".")[0]


def page_html(name: str) -> str:
    """The page of that name in today's theme; for a name that there is not, a sentence that says so."""
    return f"<style>{style_of_pages()}</style><body>{_body(name)}</body>"


@cache
def _body(name: str) -> str:
    from markdown_it import MarkdownIt

    try:
        text = page(name).text
    except NoSuchPage as error:
        text = f"# Nothing here\n\n{error}"
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inside is not None:
            token.attrSet("id", place_of(inside.content))
        elif token.type == "table_open":
            token.attrSet("cellpadding", "6")
        elif token.type == "code_block":
            token.content = token.content.rstrip()
    body = markdown.renderer.render(tokens, markdown.options, {})
    # Qt's reader of HTML breaks lines by itself and takes pages by their own names.
    return re.sub(r'href="([\w-]+)\.md(#[\w-]+)?"', r'href="\1.html\2"', body)


def place_of(heading: str) -> str:
    """Where a link leads that names a heading: “Harmonic length” is #harmonic-length."""
    return re.sub(r"[^\w]+", "-", heading.casefold()).strip("-")


def picture(address: str) -> str:
    """Path of a picture on a page; "" where there is none."""
    try:
        return str(resource(f"{FOLDER}/{address.rpartition('/')[2]}"))
    except FileNotFoundError:
        return ""


def style_of_pages() -> str:
    """The style sheet of the pages in today's theme."""
    look = theme.current()
    return Template(_STYLE).substitute(
        text=look.text, muted=look.muted, link=look.link, raised=look.raised, border=look.border
    )


_STYLE = """
body { color: $text; }
h1 { font-size: 21px; font-weight: 700; margin-top: 4px; margin-bottom: 10px; }
h2 { font-size: 16px; font-weight: 700; margin-top: 24px; margin-bottom: 6px; }
h3 { font-size: 14px; font-weight: 700; margin-top: 18px; margin-bottom: 4px; }
p { margin-top: 6px; margin-bottom: 8px; line-height: 135%; }
li { margin-top: 3px; margin-bottom: 3px; line-height: 130%; }
a { color: $link; text-decoration: none; }
code { font-family: monospace; background-color: $raised; }
pre { font-family: monospace; background-color: $raised; }
th { color: $muted; font-weight: 600; text-align: left; }
table { border: 1px solid $border; border-collapse: collapse; margin-top: 8px; margin-bottom: 10px; }
"""
