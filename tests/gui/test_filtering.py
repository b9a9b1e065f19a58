"""Stems told apart once more, from the window."""

from __future__ import annotations

import threading

import pytest
from small_projects import atom_song, split_song, stem_called

from stemstudio.gui.filtering import CHANGED, NOT_THESE, Filtering


@pytest.fixture
def filtering(qtbot):
    """Builds one for a document."""
    kept = []

    def build(document):
        made = Filtering(document)
        kept.append(document)
        return made

    yield build
    for document in kept:
        document.jobs.close()


def test_a_round_of_the_filter_is_one_step(filtering, qtbot):
    document = split_song()
    made = filtering(document)
    document.set_target(stem_called(document, "drums"))
    before = document.state.splits[0].estimates
    steps = len(document.history.edits)
    made.by_places()
    qtbot.waitUntil(lambda: len(document.history.edits) > steps, timeout=20_000)
    assert document.state.splits[0].estimates is not before
    assert document.history.names[-1] == "Tell stems apart by their places"
    document.undo()
    assert document.state.splits[0].estimates is before


def test_stems_become_atoms_that_are_shown(filtering, qtbot):
    document = split_song(("a", "b"))
    made = filtering(document)
    document.set_target(stem_called(document, "a"))
    made.as_atoms()
    qtbot.waitUntil(lambda: document.atoms_of == 0, timeout=60_000)
    assert document.atom_split.estimates.families
    assert [stem.name for stem in document.state.children(0)] == ["a", "b", "residual"]


def test_atoms_are_not_filtered_and_it_says_so(filtering, qtbot):
    document = atom_song()
    made = filtering(document)
    with qtbot.waitSignal(document.said) as said:
        made.by_places()
    assert said.args == [NOT_THESE]


def test_a_split_that_was_replaced_meanwhile_stays(filtering, qtbot):
    document = split_song()
    made = filtering(document)
    document.set_target(stem_called(document, "drums"))
    made.by_places()
    document.undo()
    with qtbot.waitSignal(document.said, timeout=20_000, check_params_cb=lambda words: words == CHANGED):
        pass
    assert 0 not in document.state.splits


def test_nobody_waits_for_the_stems_of_a_song_that_is_closed(filtering, qtbot, monkeypatch):
    begun = threading.Event()

    def endless(_state, _parent, progress):
        begun.set()
        while True:
            progress.check()

    monkeypatch.setattr("stemstudio.gui.filtering.by_places", endless)
    document, told = split_song(), []
    made = filtering(document)
    document.set_target(stem_called(document, "drums"))
    document.said.connect(told.append)
    made.by_places()
    assert begun.wait(5)
    document.set_project(None)
    qtbot.waitUntil(lambda: not document.jobs.queue, timeout=2000)
    assert not told
