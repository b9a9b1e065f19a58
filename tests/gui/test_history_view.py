"""The history: every step by name, where we are, what was saved; a click goes there."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from small_projects import song, split_song, stem_called

from stemstudio.gui.views.history import HistoryView
from stemstudio.project import edits


@pytest.fixture
def document():
    document = split_song()
    for gain in (-3.0, -6.0):
        vocals = stem_called(document, "vocals")
        document.do(edits.set_stem(document.state, vocals, f"Gain vocals {gain}", gain_db=gain))
        document.settle()
    return document


@pytest.fixture
def view(qtbot, document):
    made = HistoryView(document)
    qtbot.addWidget(made)
    made.resize(300, 200)
    made.show()
    return made


def click(view, row):
    item = view.list.visualItemRect(view.list.item(row))
    QTest.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=item.center())


def test_every_step_is_there_and_the_present_one_is_marked(view, document):
    assert view.rows() == [
        ("Open Lithium", "done"), ("Slicer", "done"), ("Gain vocals -3.0", "done"), ("Gain vocals -6.0", "now"),
    ]  # fmt: skip
    document.undo()
    assert [standing for _, standing in view.rows()] == ["done", "done", "now", "undone"]


def test_a_click_goes_there_and_back(view, document):
    vocals = stem_called(document, "vocals")
    click(view, 1)
    assert document.state.stems[vocals].gain_db == 0.0
    assert [standing for _, standing in view.rows()] == ["done", "now", "undone", "undone"]
    click(view, 3)
    assert document.state.stems[vocals].gain_db == -6.0
    click(view, 0)
    assert len(document.state.leaves()) == 1


def test_keyboard_goes_there_too(view, document):
    view.list.setFocus()
    QTest.keyClick(view.list, Qt.Key.Key_Up)
    QTest.keyClick(view.list, Qt.Key.Key_Return)
    assert document.history.place == 2


def test_a_new_step_replaces_what_was_undone(view, document):
    document.jump(1)
    document.do(edits.set_stem(document.state, stem_called(document, "bass"), "Mute bass", mute=True))
    assert view.rows() == [("Open Lithium", "done"), ("Slicer", "done"), ("Mute bass", "now")]


def test_the_saved_step_carries_a_mark(view, document):
    plain = view.grab().toImage()
    document.history.mark_saved()
    document.history_changed.emit()
    assert view.grab().toImage() != plain
    assert view.list.item(3).toolTip() == "Gain vocals -6.0 · saved"


def test_a_long_history_shows_where_we_are(view, document):
    vocals = stem_called(document, "vocals")
    for n in range(60):
        document.do(edits.set_stem(document.state, vocals, f"Pan {n}", pan=n / 100))
        document.settle()
    last = view.list.visualItemRect(view.list.item(view.list.count() - 1))
    assert view.list.viewport().rect().contains(last.center())


def test_without_a_song(qtbot):
    document = song()
    document.set_project(None)
    view = HistoryView(document)
    qtbot.addWidget(view)
    ((words, _),) = view.rows()
    assert words == "Nothing yet: open a song."


def test_steps_of_earlier_sessions_are_shown_and_cannot_be_clicked(view, document):
    project, history = document.project, document.history
    document.set_project(project, history, ["Open Lithium", "Brush vocals 2.0 s"])
    assert view.rows()[:3] == [
        ("Open Lithium", "earlier"), ("Brush vocals 2.0 s", "earlier"), ("Open Lithium", "done"),
    ]  # fmt: skip
    place = history.place
    click(view, 1)
    assert history.place == place
    click(view, 2)
    assert history.place == 0
    assert [standing for _, standing in view.rows()][:4] == ["earlier", "earlier", "now", "undone"]
