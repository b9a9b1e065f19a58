"""`stemstudio help` shows the pages that the window shows."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from stemstudio.cli.manual import show_page
from stemstudio.manual import page, page_names


def test_a_list_of_all_pages(command: Any) -> None:
    ran = command("help")
    assert ran.code == 0
    assert ran.stderr == ""
    for name in page_names():
        assert f"\n{name} " in f"\n{ran.stdout}"
        assert page(name).title in ran.stdout


@pytest.mark.parametrize("name", page_names())
def test_a_page_goes_to_stdout_for_a_pager(command: Any, name: str) -> None:
    ran = command("help", name)
    assert ran.code == 0
    assert ran.stderr == ""
    assert ran.stdout.startswith(f"# {page(name).title}\n")
    assert ran.stdout.rstrip() == page(name).text.rstrip()


def test_a_page_on_a_terminal_is_set_in_type(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    show_page("# Title\n\n## More\n\nWords with `margin=2` and a [link](hpss.md).\n")
    shown = terminal.getvalue()
    assert "Title" in shown
    assert "##" not in shown
    assert "`" not in shown
    assert "hpss.md" not in shown


def test_a_page_that_there_is_not(command: Any) -> None:
    ran = command("help", "harmonic_length")
    assert ran.code == 2
    assert ran.stdout == ""
    assert "mentioned in: hpss" in ran.sentence


def test_algorithms_tells_of_the_page(command: Any) -> None:
    assert "stemstudio help hpss" in command("algorithms", "hpss").stdout
