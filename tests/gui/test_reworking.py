"""Atoms worked on in the window: the old ones stay until the new ones are there, and one step undoes it all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from small_projects import GRID, song

from stemstudio.algorithms.nmf.atoms_file import read_atoms
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.errors import UnwritableFile
from stemstudio.gui.menus.atoms import AtomsMenu
from stemstudio.gui.reworking import NOT_SAVED, reworkable, reworking_of
from stemstudio.gui.views.atom_detail import AtomDetail
from stemstudio.gui.views.atoms import AtomsView
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.reworking import NO_ATOMS


def nmf_song(**settings):
    """A song in six atoms that NMF found: the first three in “low”, two in “high”, one in the residual."""
    document = song()
    recipe = NMF(components=6, iterations=8, fft=GRID.fft, hop=GRID.hop, **settings)
    found = recipe.run(document.state.mixture, Progress())
    document.do(
        edits.split(document.project, 0, recipe, found, stems=["low", "high"], owners=[0, 0, 0, 1, 1, None])
    )
    document.show_atoms_of(0)
    return document


@pytest.fixture
def atoms(qtbot):
    document = nmf_song()
    document.heard = []
    document.said.connect(document.heard.append)
    yield document
    document.jobs.close()


def finish(qtbot, document):
    qtbot.waitUntil(lambda: not reworking_of(document).running, timeout=10_000)


def owners(document):
    split = document.atom_split
    return [document.state.stems[owner].name for owner in split.owners]


def test_continue_improves_all_atoms_in_one_step(qtbot, atoms):
    before = atoms.atom_split
    atoms.select_atoms((2,))
    reworking_of(atoms).go_on(20)
    assert atoms.atom_split is before  # until the new ones are there
    assert [job.title for job in atoms.jobs.queue] == ["Continue · Mixture"]
    finish(qtbot, atoms)
    after = atoms.atom_split
    assert after.estimates.costs[-1] < before.estimates.costs[-1]
    assert after.owners == before.owners
    assert atoms.atoms == (2,)
    assert atoms.history.edits[-1].name == "20 more rounds"
    atoms.undo()
    assert atoms.atom_split is before


def test_draw_anew_keeps_locked_atoms_and_else_the_selected_ones(qtbot, atoms):
    before = atoms.atom_split.estimates
    reworking_of(atoms).draw_others_anew()
    assert atoms.heard == ["Lock or select the atoms that are to stay; all others are drawn anew."]
    atoms.select_atoms((1, 3))
    atoms.do(edits.lock(atoms.state, 0, [4], True, "Lock"))
    reworking_of(atoms).draw_others_anew()
    finish(qtbot, atoms)
    after = atoms.atom_split
    np.testing.assert_allclose(after.estimates.activations[4], before.activations[4], rtol=1e-5)
    assert owners(atoms) == ["residual"] * 4 + ["high", "residual"]
    assert after.locked == {4}
    assert after.recipe.seed == 1
    assert "5 atoms drawn anew" in atoms.heard[-1]
    atoms.undo()
    atoms.do(edits.lock(atoms.state, 0, [4], False, "Unlock"))
    atoms.select_atoms((1, 3))
    reworking_of(atoms).draw_others_anew()
    finish(qtbot, atoms)
    assert owners(atoms) == ["residual", "low", "residual", "high", "residual", "residual"]


def test_split_selects_the_two_halves_in_the_parents_stem(qtbot, atoms):
    reworking_of(atoms).split()
    assert atoms.heard == ["Select one atom to split it in two."]
    atoms.select_atoms((3,))
    reworking_of(atoms).split()
    finish(qtbot, atoms)
    assert owners(atoms) == ["low", "low", "low", "high", "high", "residual", "high"]
    assert atoms.atoms == (3, 6)
    assert atoms.history.edits[-1].name == "Split atom 4 in two"
    assert atoms.heard[-1] == "Atom 4 became atoms 4 and 7."


def test_an_atom_of_a_selection_is_split_where_it_was_found(qtbot, atoms):
    from stemstudio.project.splicing import separate_range, splice
    from stemstudio.spectral.brushes import Box

    recipe = atoms.atom_split.recipe.model_copy(update={"components": 2})
    box = Box(start=1.0, stop=2.0, low=0.0, high=22050.0)
    found = separate_range(atoms.state, 0, recipe, box, Progress())
    atoms.do(splice(atoms.project, 0, found))
    assert reworkable(atoms.atom_split)
    atoms.select_atoms((2,))
    reworking_of(atoms).split()
    finish(qtbot, atoms)
    assert atoms.heard[-1] == "Atom 3 became atoms 3 and 7."
    assert atoms.atoms == (2, 6)
    assert len(atoms.atom_split.estimates.pieces[0].estimates.names) == 2
    reworking_of(atoms).save(Path("atoms.npz"))
    assert atoms.heard[-1] == NOT_SAVED


def test_merge_and_delete_are_steps_of_their_own(qtbot, atoms):
    atoms.select_atoms((4,))
    reworking_of(atoms).merge()
    assert atoms.heard == ["Select two atoms or more to merge them."]
    atoms.select_atoms((1, 4))
    reworking_of(atoms).merge()
    finish(qtbot, atoms)
    assert len(atoms.atom_split.owners) == 5
    assert atoms.atoms == (1,)
    assert atoms.history.edits[-1].name == "Merge 2 atoms"
    atoms.do(edits.lock(atoms.state, 0, [0], True, "Lock"))
    atoms.select_atoms((0, 2))
    reworking_of(atoms).delete()
    finish(qtbot, atoms)
    assert len(atoms.atom_split.owners) == 4
    assert atoms.atom_split.locked == {0}
    assert atoms.atoms == ()
    assert atoms.history.edits[-1].name == "Delete atom 3"
    assert atoms.heard[-1] == "1 locked atom stays."
    for _ in range(3):
        atoms.undo()
    assert len(atoms.atom_split.owners) == 6


def test_it_can_be_stopped_and_nothing_has_changed(qtbot, atoms):
    before = atoms.atom_split
    reworking_of(atoms).go_on(10_000)
    qtbot.waitUntil(lambda: atoms.jobs.queue and atoms.jobs.queue[0].fraction > 0.01, timeout=10_000)
    atoms.jobs.queue[0].stop()
    finish(qtbot, atoms)
    assert atoms.atom_split is before
    assert atoms.heard == ["Stopped; the atoms are as they were."]


def test_owners_given_meanwhile_are_kept_and_a_split_made_anew_is_left_alone(qtbot, atoms):
    high = atoms.atom_split.owners[3]
    reworking_of(atoms).go_on(30)
    atoms.do(edits.assign(atoms.state, 0, {0: high}, "Give"))
    reworking_of(atoms).merge()
    finish(qtbot, atoms)
    assert owners(atoms)[0] == "high"
    reworking_of(atoms).go_on(30)
    old = atoms.atom_split
    atoms.do(edits.split(atoms.project, 0, old.recipe, old.estimates.changed(), name="Again"))
    again = atoms.atom_split
    finish(qtbot, atoms)
    assert atoms.atom_split is again
    assert "in the meantime" in atoms.heard[-1]


def test_what_cannot_be_done_is_said_in_a_sentence(qtbot, atoms):
    silent = atoms.atom_split.estimates.changed(
        activations=np.zeros_like(atoms.atom_split.estimates.activations)
    )
    atoms.do(edits.refactorise(atoms.state, 0, silent, range(6), "Silence"))
    atoms.select_atoms((0,))
    reworking_of(atoms).split()
    finish(qtbot, atoms)
    assert atoms.heard[-1] == "Atom 1 is silent: there is nothing to split."
    atoms.select_atoms(range(6))
    reworking_of(atoms).delete()
    finish(qtbot, atoms)
    assert "last atom" in atoms.heard[-1]


def test_atoms_of_other_recipes_are_left_alone(qtbot):
    from small_projects import atom_song

    document = atom_song()
    document.show_atoms_of(0)
    heard = []
    document.said.connect(heard.append)
    assert not reworkable(document.atom_split)
    reworking_of(document).go_on()
    assert heard == [NO_ATOMS]
    view = AtomsView(document)
    qtbot.addWidget(view)
    assert not view.work_button.isEnabled()
    document.jobs.close()


def test_atoms_are_saved_to_start_from_another_time(qtbot, atoms, tmp_path):
    reworking_of(atoms).save(tmp_path / "mine.npz")
    qtbot.waitUntil(lambda: bool(atoms.heard), timeout=10_000)
    assert atoms.heard == [f"The atoms are in {tmp_path / 'mine.npz'}."]
    again = read_atoms(tmp_path / "mine.npz")
    np.testing.assert_array_equal(again.templates, atoms.atom_split.estimates.templates)
    broken = []
    reworking_of(atoms).failed.connect(broken.append)
    reworking_of(atoms).save(tmp_path / "nowhere" / "mine.npz")
    qtbot.waitUntil(lambda: bool(broken), timeout=10_000)
    assert isinstance(broken[0], UnwritableFile)


def entries(menu):
    return {action.text().split("\t")[0]: action.isEnabled() for action in menu.actions() if action.text()}


def test_the_menus_offer_what_the_selection_allows(qtbot, atoms):
    view = AtomsView(atoms)
    qtbot.addWidget(view)
    view.show()
    qtbot.waitUntil(lambda: view.rows.pictures is not None, timeout=5000)
    view.work_menu.aboutToShow.emit()
    offered = entries(view.work_menu)
    assert offered == {
        "Continue (100 rounds)": True,
        "Continue for…": True,
        "Draw the others anew": False,
        "Split in two": False,
        "Merge": False,
        "Delete": False,
    }
    atoms.select_atoms((2,))
    offered = entries(view.menu())
    assert offered["Split atom 3 in two"]
    assert offered["Delete atom 3"]
    assert offered["Draw the others anew"]
    assert not offered["Merge"]
    atoms.select_atoms((2, 3))
    offered = entries(view.menu())
    assert offered["Merge 2 atoms"]
    assert offered["Delete 2 atoms"]
    assert not offered["Split in two"]
    next(action for action in view.menu().actions() if action.text().startswith("Merge")).trigger()
    assert view.work_button.text() == "Working…"
    finish(qtbot, atoms)
    assert view.work_button.text() == "Work on them"
    assert len(atoms.atom_split.owners) == 5


def test_the_menu_draws_the_others_anew_and_keeps_the_selected_ones(qtbot, atoms):
    view = AtomsView(atoms)
    qtbot.addWidget(view)
    before = atoms.atom_split.estimates
    atoms.select_atoms((2,))
    next(action for action in view.menu().actions() if action.text().startswith("Draw the others")).trigger()
    finish(qtbot, atoms)
    after = atoms.atom_split.estimates
    np.testing.assert_allclose(after.activations[2], before.activations[2], rtol=1e-5)
    assert np.abs(after.activations[[0, 1, 3, 4, 5]] - before.activations[[0, 1, 3, 4, 5]]).max() > 1e-3
    assert atoms.history.edits[-1].name == "Draw 5 atoms anew"


def test_the_keys_of_the_menus_are_those_of_the_commands(qtbot, atoms):
    view = AtomsView(atoms)
    qtbot.addWidget(view)
    view.work_menu.aboutToShow.emit()
    keys = [action.text().split("\t")[1] for action in view.work_menu.actions() if "\t" in action.text()]
    own = {command.do: command.keys[0] for command in AtomsMenu.commands if command.keys}
    names = (AtomsMenu.go_on_atoms, AtomsMenu.redraw_atoms, AtomsMenu.split_atom, AtomsMenu.merge_atoms)
    assert keys == [own[name] for name in (*names, AtomsMenu.delete_atoms)]


def test_the_atom_pane_splits_merges_and_tells_the_place(qtbot):
    document = nmf_song(stereo="panned")
    pane = AtomDetail(document)
    qtbot.addWidget(pane)
    pane.show()
    document.select_atoms((0,))
    assert pane.split.isVisible()
    assert not pane.merge.isVisible()
    pans = document.atom_split.estimates.pans[:, 0]
    place = round(100 * abs(float(pans[1] - pans[0])))
    words = "C" if place == 0 else f"{'L' if pans[0] > pans[1] else 'R'} {place}"
    assert pane.words.text().endswith(f"· {words}")
    QTest.mouseClick(pane.split, Qt.MouseButton.LeftButton)
    finish(qtbot, document)
    assert len(document.atom_split.owners) == 7
    assert pane.title.text() == "2 atoms"
    assert pane.merge.isVisible()
    QTest.mouseClick(pane.merge, Qt.MouseButton.LeftButton)
    finish(qtbot, document)
    assert len(document.atom_split.owners) == 6
    document.jobs.close()


def test_what_an_atom_sounds_like_is_kept_while_all_improve(qtbot, atoms):
    """By the menu at the atom, in its words; and one step lets it change again."""
    before = atoms.atom_split
    atoms.select_atoms((2,))
    panel = AtomDetail(atoms)
    qtbot.addWidget(panel)
    panel._fill_keep()
    actions = {action.text(): action for action in panel.keep_menu.actions()}
    actions["Keep what it sounds like"].trigger()
    finish(qtbot, atoms)
    assert atoms.history.edits[-1].name == "Keep what atom 3 sounds like"
    assert atoms.atom_split.owners == before.owners
    reworking_of(atoms).go_on(7)
    finish(qtbot, atoms)
    after = atoms.atom_split.estimates
    np.testing.assert_allclose(after.templates[:, 2], before.estimates.templates[:, 2], rtol=1e-6)
    assert np.abs(after.templates[:, 1] / before.estimates.templates[:, 1] - 1).max() > 1e-3
    assert reworking_of(atoms).rounds == 7, "Continue goes by it from now on"
    panel._fill_keep()
    (kept,) = (action for action in panel.keep_menu.actions() if action.isChecked())
    kept.trigger()
    finish(qtbot, atoms)
    assert not atoms.atom_split.estimates.held_templates


@pytest.mark.parametrize("part", ["templates", "activations", "both"])
def test_the_selected_atoms_are_drawn_anew_beside_the_others(qtbot, atoms, part):
    before = atoms.atom_split
    atoms.select_atoms((0, 4))
    reworking_of(atoms).draw_anew(part)
    finish(qtbot, atoms)
    after, old = atoms.atom_split.estimates, before.estimates
    others = [1, 2, 3, 5]
    np.testing.assert_array_equal(after.templates[:, others], old.templates[:, others])
    np.testing.assert_array_equal(after.activations[others], old.activations[others])
    for atom in (0, 4):
        assert np.array_equal(after.templates[:, atom], old.templates[:, atom]) == (part == "activations")
        assert np.array_equal(after.activations[atom], old.activations[atom]) == (part == "templates")
    waiting = ["residual"] if part == "both" else ["low"]
    assert owners(atoms)[:1] == waiting
    assert atoms.atoms == (0, 4)
    atoms.select_atoms(range(6))
    reworking_of(atoms).draw_anew()
    assert "not all" in atoms.heard[-1]
