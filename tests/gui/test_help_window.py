"""Help ▸ Contents: pages, links, the way back, and the search."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSettings, Qt, QUrl
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from stemstudio.algorithms import ALGORITHMS
from stemstudio.gui import theme
from stemstudio.gui.dialogs.help_pages import page_html, page_name
from stemstudio.gui.dialogs.help_window import HelpWindow
from stemstudio.gui.dialogs.keyboard import POINTER
from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.menus.menu import Menu
from stemstudio.gui.views.goals import GOALS
from stemstudio.manual import FOLDER, page, page_names
from stemstudio.resources import resource

KEY = re.compile(r"(?:(?:Ctrl|Shift|Alt)\+)*(?:[A-Z0-9\[\]\\,.]|[+-]|Space|Return|Home|Esc|F\d+)")


@pytest.fixture
def help_window(qtbot):
    made = HelpWindow()
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def rows(window):
    return [window.list.item(row).text().strip() for row in range(window.list.count())]


def test_the_contents_list_every_page(help_window):
    assert help_window.reader.shown == "start"
    titles = rows(help_window)
    assert [title for title in titles if title in {page(name).title for name in page_names()}] == [
        page(name).title for name in page_names()
    ]


def test_pages_are_shown_whole(help_window):
    for name in page_names():
        help_window.open_page(name)
        text = help_window.reader.toPlainText()
        assert text.startswith(page(name).title)
        assert help_window.list.currentItem().text() == page(name).title
        assert not any(mark in text for mark in ("](", "**", "|---")), name
        recipe = page(name).recipe
        for each in recipe.parameters() if recipe is not None else ():
            assert each.help in text


def test_links_lead_on_and_back_leads_back(help_window, qtbot):
    reader = help_window.reader
    assert not help_window.back.isEnabled()
    help_window.open_page("hpss")
    reader.anchorClicked.emit(QUrl("hpss2.html"))
    reader.setSource(QUrl("hpss2.html"))
    assert reader.shown == "hpss2"
    assert help_window.list.currentItem().text() == page("hpss2").title
    QTest.mouseClick(help_window.back, Qt.MouseButton.LeftButton)
    assert reader.shown == "hpss"
    assert reader.toPlainText().startswith(page("hpss").title)
    QTest.keyClick(reader, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert reader.shown == "start"
    QTest.mouseClick(help_window.forward, Qt.MouseButton.LeftButton)
    assert reader.shown == "hpss"


def test_every_link_of_every_page_is_a_page_here():
    for name in page_names():
        for target in re.findall(r'href="([^"]*)"', page_html(name)):
            assert page_name(target) in page_names(), f"{name}: {target}"


def test_a_heading_can_be_jumped_to(help_window):
    help_window.reader.setSource(QUrl("hpss.html#margin"))
    assert help_window.reader.verticalScrollBar().value() > 0


def test_searching_lists_pages_and_marks_the_words(help_window):
    QTest.keyClick(help_window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert help_window.wanted.hasFocus()
    QTest.keyClicks(help_window.wanted, "one-shots")
    assert rows(help_window)[0].startswith(page("nmfd").title)
    QTest.keyClick(help_window.wanted, Qt.Key.Key_Return)
    assert help_window.reader.shown == "nmfd"
    marks = help_window.reader.extraSelections()
    assert len(marks) > 3
    assert {mark.cursor.selectedText().casefold() for mark in marks} == {"one-shots"}
    assert help_window.reader.hasFocus()
    help_window.wanted.setText("xylophonquatsch")
    assert rows(help_window) == ["No page has “xylophonquatsch”"]
    assert help_window.reader.extraSelections() == []
    help_window.wanted.clear()
    assert page("stereo").title in rows(help_window)


def test_pages_can_be_read_in_both_themes(help_window):
    for name in ("light", "dark"):
        theme.apply(QApplication.instance(), name)
        QApplication.processEvents()
        look = theme.current()
        assert look.text in page_html("hpss")
        back = help_window.reader.palette().color(QPalette.ColorRole.Base)
        for role in ("text", "muted", "link"):
            assert theme.contrast(look.colour(role), QColor(look.panel)) >= 4.5
        cursor = help_window.reader.document().find("harmonic")
        assert theme.contrast(cursor.charFormat().foreground().color(), QColor(look.panel)) >= 4.5, back


def test_the_question_mark_opens_the_page_of_what_is_chosen(qtbot):
    QSettings().clear()
    window = MainWindow()
    window.show()
    qtbot.waitExposed(window)
    panel = window.separate
    for goal, card in zip(GOALS, panel.cards, strict=True):
        panel._pick(card)
        QTest.mouseClick(panel.help_button, Qt.MouseButton.LeftButton)
        assert window.menus.help._help.reader.shown == goal.name
    panel.all.setChecked(True)
    panel.algorithms.setCurrentIndex(panel.algorithms.findData("stereo"))
    panel.algorithms.activated.emit(panel.algorithms.currentIndex())
    QTest.mouseClick(panel.help_button, Qt.MouseButton.LeftButton)
    shown = window.menus.help._help
    assert shown.isVisible()
    assert shown.reader.shown == "stereo"
    assert not shown.isModal(), "it is read beside the song"
    window.bindings.actions["show_help"].trigger()
    assert window.menus.help._help is shown
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()
    window.close()


def test_keys_on_pages_are_the_keys_that_there_are():
    """What stands bold and looks like a key is the key of a command; what is in italics is a word or the pointer's."""
    keys = {key for menu in Menu.__subclasses__() for command in menu.commands for key in command.keys}
    keys |= {"Ctrl+F"}  # of the pages themselves
    for name in page_names():
        text = resource(f"{FOLDER}/{name}.md").read_text(encoding="utf-8").replace("\\\\", "\\")
        for bold in re.findall(r"\*\*([^*]+)\*\*", text):
            if KEY.fullmatch(bold) and bold not in ("Shift", "Ctrl"):
                assert bold in keys, f"{name}: no command has the key {bold}"
    assert any("wheel" in keys for _, keys in POINTER)


def test_menus_on_pages_are_the_menus_that_there_are():
    menus = {menu.words.replace("&", ""): menu.commands for menu in Menu.__subclasses__()}
    texts = {
        f"{title} ▸ {command.text.replace('&', '').removesuffix('…').removesuffix(' (hold)')}"
        for title, commands in menus.items()
        for command in commands
        if command.listed
    }
    for name in page_names():
        words = page(name).plain
        for menu in menus:
            for at in re.finditer(rf"\b{menu} ▸ ", words):
                path = words[at.start() :]
                assert any(path.startswith(text) for text in texts), f"{name}: {path[:60]}"


def test_every_separator_is_on_the_first_page():
    text = page("start").text
    linked = {"atoms" if recipe.name == "nmf" else recipe.name for recipe in ALGORITHMS}
    assert all(f"({name}.md)" in text for name in linked)
