"""What is fetched on a thread while the person still looks: colours, dialogs and help are there when they are wanted."""

from __future__ import annotations

import importlib
import importlib.util

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QDialog

from stemstudio.gui import colouring, theme
from stemstudio.gui.application import DIALOGS
from stemstudio.gui.dialogs import help_pages, help_window
from stemstudio.manual import START, page, page_names


def test_every_dialog_that_is_fetched_is_there():
    for name in DIALOGS:
        module = importlib.import_module(f"stemstudio.gui.dialogs.{name}")
        assert any(isinstance(each, type) and issubclass(each, QDialog) for each in vars(module).values()), (
            name
        )


def test_help_and_colours_are_read_beforehand():
    page.cache_clear()
    help_pages._body.cache_clear()
    colouring._palette.cache_clear()
    help_pages.fetch()
    colouring.fetch()
    assert page.cache_info().currsize == len(page_names())
    assert colouring._palette.cache_info().currsize == len(colouring.MAPS)
    before = page.cache_info().misses
    assert "<body>" in help_pages.page_html("nmf")
    assert page.cache_info().misses == before


def test_the_colours_of_the_stems_are_made_once():
    colours = {1: "#3366ff", 2: "#ffaa00"}
    first = colouring.hue_table(colours, -80.0, 0.0, "#07080b")
    assert colouring.hue_table(dict(colours), -80.0, 0.0, "#07080b") is first
    other = colouring.hue_table({1: "#3366ff", 2: "#ffaa01"}, -80.0, 0.0, "#07080b")
    assert (other != first).any()


def test_the_first_picture_of_the_help_makes_its_page_once(qtbot, monkeypatch):
    made: list[str] = []
    page_html = help_window.page_html
    monkeypatch.setattr(help_window, "page_html", lambda name: made.append(name) or page_html(name))
    window = help_window.HelpWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.changeEvent(QEvent(QEvent.Type.PaletteChange))
    assert made == [START]
    monkeypatch.setattr(theme, "_current", theme.LIGHT if theme.current() is theme.DARK else theme.DARK)
    window.changeEvent(QEvent(QEvent.Type.PaletteChange))
    assert made == [START, START]
    assert theme.current().link in window.reader.document().toHtml(), "and it wears the new theme"
