"""A selection taken apart alone, in the real window: by the panel's tick, with its atoms to be given to stems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from signals import mixture

from stemstudio.algorithms import algorithm
from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.tools.atom_picker import atoms_at
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.brushes import Box, Selection

RATE = 22050
BOX = Box(start=2.0, stop=3.5, low=0.0, high=RATE / 2)


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    QSettings().clear()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: pytest.fail("asked"))
    mix, _ = mixture(seconds=5.0, rate=RATE)
    path: Path = tmp_path / "song.wav"
    soundfile.write(path, mix.samples.T, mix.sample_rate, subtype="FLOAT")
    window = MainWindow()
    window.resize(1400, 900)
    window.show()
    qtbot.waitExposed(window)
    with qtbot.waitSignal(window.opening.read, timeout=20_000):
        window.open_path(path)
    yield window
    window.document.history.mark_saved()
    window.close()
    window.deleteLater()


def test_by_the_tick_in_the_panel_and_with_its_atoms(qtbot, window):
    document, panel = window.document, window.separate
    window.menus.separate.run_recipe(0, algorithm("hpss").from_settings({"fft": 2048, "hop": 512}), {})
    qtbot.waitUntil(lambda: 0 in document.state.splits, timeout=60_000)
    before = document.state
    document.set_selection(Selection().combined("replace", BOX))
    QTest.mouseClick(panel.selection_only, Qt.MouseButton.LeftButton)
    assert panel.selection_only.isChecked()
    recipe = algorithm("nmf").from_settings({"components": 8, "iterations": 30, "fft": 2048, "hop": 512})
    panel.run_wanted.emit(0, recipe, {})  # the split is not replaced, so that nobody is asked
    qtbot.waitUntil(lambda: document.atom_split is not None, timeout=60_000)
    assert len(document.atom_split.owners) == 10
    assert document.history.names[-1] == "Atoms (NMF), 8 atoms, selection at 2.0 s"
    start, stop = round(BOX.start * RATE), round(BOX.stop * RATE)
    one, two = (render_leaves(state, 0, state.mixture.length) for state in (before, document.state))
    for leaf, sound in one.items():
        assert np.array_equal(sound[:, :start], two[leaf][:, :start])
        assert np.array_equal(sound[:, stop:], two[leaf][:, stop:])

    # The atoms can be picked, looked at, heard, given and gathered; what is no atom stays where it is.
    found = atoms_at(document, 2.8, 880.0)
    assert found
    assert found[0][0] >= 2
    outside = atoms_at(document, 1.0, 880.0)
    assert all(atom < 2 for atom, _ in outside)
    hear = window.bindings.actions["hear_atom"]
    document.select_atoms(())
    assert not hear.isEnabled()
    document.select_atoms((found[0][0],))
    assert hear.isEnabled()
    window.menus.atoms.hear_atom()
    qtbot.waitUntil(lambda: window.player.source == "audition", timeout=10_000)
    window.player.stop()
    residual = document.atom_split.residual
    window.atoms.assign_to_number([leaf.id for leaf in document.state.leaves()].index(residual) + 1)
    assert document.atom_split.owners[found[0][0]] == residual
    fixed = document.atom_split.owners[:2]
    place = document.history.place
    window.menus.atoms.suggest_atoms()
    qtbot.waitUntil(lambda: document.history.place > place, timeout=20_000)
    assert document.atom_split.owners[:2] == fixed
    qtbot.waitUntil(lambda: window.light.idle, timeout=30_000)
    while document.history.place > 1:
        document.undo()
    assert document.state.splits[0].estimates is before.splits[0].estimates


def test_takes_queue_up_and_are_compared_in_the_window(qtbot, window):
    document, panel = window.document, window.separate
    before = document.state
    for margin in (1.0, 3.0):
        recipe = algorithm("hpss").from_settings({"fft": 2048, "hop": 512, "margin": margin})
        panel.take_wanted.emit(0, recipe, {})
    qtbot.waitUntil(lambda: len(window.comparing.takes) == 2, timeout=60_000)
    dialog = window.compare_takes()
    assert dialog.isVisible()
    qtbot.waitUntil(lambda: window.comparing.ready, timeout=30_000)
    assert document.state is before
    window.player.warm()
    qtbot.waitUntil(lambda: window.player.warmed, timeout=180_000)
    QTest.keyClick(dialog, Qt.Key.Key_3)
    assert window.comparing.listening
    QTest.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
    assert [leaf.name for leaf in document.state.leaves()] == ["harmonic", "percussive", "residual"]
    assert "margin 3" in document.history.names[-1]
    document.undo()
    assert document.state.leaves()[0].id == 0
    dialog.close()
    window.bindings.actions["compare_by_ear"].trigger()
    assert dialog.isVisible()


def test_stop_in_the_menu_ends_the_running_job_and_the_next_goes_on(qtbot, window):
    done, stopped, jobs = [], [], window.document.jobs

    def endless(progress):
        while True:
            progress.check()

    stop = window.bindings.actions["stop_job"]
    assert not stop.isEnabled(), "nothing runs"
    jobs.run("Long", endless, done.append, stopped=lambda: stopped.append("Long"))
    jobs.run("Next", lambda progress: "next", done.append, stopped=lambda: stopped.append("Next"))
    assert stop.isEnabled()
    stop.trigger()
    qtbot.waitUntil(lambda: not jobs.queue, timeout=10_000)
    assert not stop.isEnabled()
    assert (done, stopped) == (["next"], ["Long"])
