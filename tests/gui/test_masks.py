"""The Masks panel: what is chosen there is heard, merges to one step, and says why where nothing can be chosen."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from small_projects import GRID, RATE, Slicer, atom_song, harmonic_atoms, song, split_song

from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.masking import Masking
from stemstudio.gui.views.masks import NO_MASKS, NO_STEMS, MasksPanel
from stemstudio.project import edits
from stemstudio.project.rendering import render_leaves


@pytest.fixture
def made(qtbot):
    def make(document) -> MasksPanel:
        panel = MasksPanel(document)
        qtbot.addWidget(panel)
        panel.resize(300, 320)
        panel.show()
        qtbot.waitExposed(panel)
        return panel

    return make


def choose(panel: MasksPanel, field, word: str) -> None:
    """Pick from a list with the keyboard, as a person does."""
    field.setFocus()
    while field.currentData() != word:
        before = field.currentIndex()
        QTest.keyClick(
            field, Qt.Key.Key_Down if field.findData(word) > field.currentIndex() else Qt.Key.Key_Up
        )
        assert field.currentIndex() != before


def heard(document) -> dict[str, np.ndarray]:
    state = document.state
    return {state.stems[leaf].name: wave for leaf, wave in render_leaves(state, RATE // 2, RATE).items()}


def test_a_kind_that_is_chosen_is_heard_and_one_step(made):
    document = atom_song()
    panel = made(document)
    before = heard(document)
    choose(panel, panel.kind, "binary")
    assert document.state.splits[0].masking == Masking(kind="binary")
    assert document.history.names[-1] == "Masks: binary"
    after = heard(document)
    assert np.abs(after["low"] - before["low"]).max() > 1e-3
    total = sum(wave.astype(np.float64) for wave in after.values())
    assert np.abs(total - document.state.mixture.read(RATE // 2, RATE)).max() < 1e-6
    assert not panel.firmness.isEnabled()
    assert panel.margin.isEnabled()
    document.undo()
    assert panel.kind.currentData() == "soft"
    for name, wave in heard(document).items():
        np.testing.assert_array_equal(wave, before[name])


def test_a_slider_that_is_dragged_is_one_step_and_never_runs_anything(made, monkeypatch):
    document = atom_song()
    panel = made(document)
    estimates, steps = document.state.splits[0].estimates, len(document.history.names)
    slider = panel.firmness
    start, stop = slider.x_of(slider.amount), slider.x_of(1.0)
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(start), 10))
    heard_on_the_way = set()
    for share in np.linspace(0, 1, 8):
        QTest.mouseMove(slider, QPoint(round(start + share * (stop - start)), 10))
        heard_on_the_way.add(document.state.splits[0].masking.firmness)
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(stop), 10))
    assert len(heard_on_the_way) > 4
    assert document.state.splits[0].masking.firmness == pytest.approx(2.0, rel=0.05)
    assert document.state.splits[0].estimates is estimates
    assert len(document.history.names) == steps + 1
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert len(document.history.names) == steps + 2
    document.undo()
    document.undo()
    assert document.state.splits[0].masking == Masking()
    assert slider.amount == 0.0


def test_a_margin_moves_light_to_the_residual_and_can_be_taken_back(made):
    document = atom_song()
    panel = made(document)
    before = heard(document)
    assert not panel.reset.isEnabled()
    panel.margin.setFocus()
    for _ in range(8):
        QTest.keyClick(panel.margin, Qt.Key.Key_Right)
    assert document.state.splits[0].masking.margin > 1.5
    assert np.square(heard(document)["residual"]).sum() > 1.2 * np.square(before["residual"]).sum()
    assert panel.reset.isEnabled()
    QTest.mouseClick(panel.reset, Qt.MouseButton.LeftButton)
    assert document.state.splits[0].own_masking is None
    assert not panel.reset.isEnabled()


def test_rounds_are_shown_where_they_mean_something(made):
    document = atom_song()
    panel = made(document)
    assert panel.iterations.isHidden()
    assert panel.phase_iterations.isHidden()
    assert panel.note.isHidden()
    choose(panel, panel.kind, "wiener")
    assert panel.iterations.isVisible()
    assert panel.note.isVisible()
    panel.iterations.stepUp()
    assert document.state.splits[0].masking == Masking(kind="wiener", iterations=2)
    choose(panel, panel.kind, "soft")
    choose(panel, panel.phase, "misi")
    assert panel.iterations.isHidden()
    assert panel.phase_iterations.isVisible()
    assert document.state.splits[0].masking.phase == "misi"


def test_without_masks_it_says_why(made):
    panel = made(song())
    assert panel.note.text() == NO_STEMS
    assert not panel.kind.isEnabled()
    panel = made(split_song())
    assert panel.note.text() == NO_MASKS
    for field in (panel.kind, panel.firmness, panel.margin, panel.phase):
        assert not field.isEnabled()
    assert panel.reset.isHidden()


def test_the_split_of_the_target_is_shown(made):
    document = atom_song()
    panel = made(document)
    assert panel.splits.isHidden()  # one split: nothing to choose
    low = document.state.leaves()[0].id
    document.do(
        edits.split(
            document.project,
            low,
            Slicer(),
            harmonic_atoms([110.0, 220.0], GRID.frames(4 * RATE)),
            stems=["a"],
            owners=[0, None],
        )
    )
    assert panel.splits.isVisible()
    inside = document.state.children(low)[0].id
    document.set_target(inside)
    assert panel.parent_stem == low
    choose(panel, panel.kind, "binary")
    assert document.state.splits[low].masking.kind == "binary"
    assert document.state.splits[0].masking.kind == "soft"
    assert document.history.names[-1] == "Masks of low: binary"
    outside = next(leaf.id for leaf in document.state.leaves() if leaf.parent == 0)
    document.set_target(outside)
    assert panel.parent_stem == 0
    document.undo()
    document.undo()
    assert panel.splits.isHidden()
    assert panel.parent_stem == 0


def test_a_run_that_starts_with_other_masks_is_shown_as_it_is(made):
    document = song()
    panel = made(document)
    grid = GRID
    values = np.full((2, grid.bins, grid.frames(document.state.mixture.length)), 0.5, dtype=np.float16)
    start = Masking(kind="binary", margin=6.0, firmness=12.0)
    document.do(edits.split(document.project, 0, Slicer(), Masks(("a", "b"), grid, values, start)))
    assert panel.kind.currentData() == "binary"
    assert "6.00" in panel._values["margin"].text()
    assert not panel.reset.isEnabled()
    assert document.history.names == [document.history.names[0]]  # showing changes nothing


def test_every_field_says_what_it_does(made):
    panel = made(atom_song())
    for name in ("kind", "firmness", "margin", "iterations", "phase", "phase_iterations", "splits"):
        field = getattr(panel, name)
        assert field.toolTip()
        assert field.accessibleName()
        assert field.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_what_nobody_sees_is_shown_when_it_is_seen(made):
    document = atom_song()
    panel = made(document)
    choose(panel, panel.kind, "binary")
    panel.hide()
    document.undo()
    panel.show()
    assert panel.kind.currentData() == "soft"
    panel.hide()
    document.redo()
    panel.show()
    assert panel.kind.currentData() == "binary"
