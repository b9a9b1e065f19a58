"""Templates in the window: learned from a selection, a stem or a file; the library; a song taken apart with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QPushButton
from signals import mixture

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.nmf.learning import learn_templates
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.template_files import write_template
from stemstudio.algorithms.nmf.template_library import TemplateLibrary
from stemstudio.audio.audio import Audio
from stemstudio.gui.dialogs.learn_template import LearnTemplateDialog
from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.teaching import FREE_ATOMS
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.brushes import Box, Selection
from stemstudio.spectral.stft import StftSettings

LONG = 30_000


@pytest.fixture
def library(tmp_path, monkeypatch) -> TemplateLibrary:
    monkeypatch.setenv("STEMSTUDIO_TEMPLATES", str(tmp_path / "library"))
    return TemplateLibrary()


@pytest.fixture
def window(qtbot, library):
    """The window with a song of four stems, and a clean one of them."""
    QSettings().clear()
    window = MainWindow()
    mix, stems = mixture(seconds=2.0)
    window.document.set_project(Project(mix, SongReference("", "", "Tune"), StftSettings()))
    window.document.set_reading(mix.length, True)
    window.true = stems
    yield window
    window.document.history.mark_saved()
    window.close()
    window.deleteLater()


def dialog_of(window) -> LearnTemplateDialog:
    found = [each for each in window.findChildren(LearnTemplateDialog) if each.isVisible()]
    assert len(found) == 1
    return found[0]


def learn(qtbot, window, library, name: str, instrument: str = "") -> None:
    dialog = dialog_of(window)
    dialog.name.setText(name)
    dialog.instrument.setCurrentText(instrument)
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: any(entry.name == name for entry in library.entries()[0]), timeout=LONG)
    qtbot.waitUntil(lambda: window.teaching.library_dialog is not None, timeout=LONG)
    qtbot.waitUntil(
        lambda: [entry.name for entry in window.teaching.library_dialog.chosen] == [name], timeout=LONG
    )


def keep(library, *names: str) -> None:
    """Some templates that are there already."""
    _, stems = mixture(seconds=1.0)
    for name, sound in zip(names, stems.values(), strict=False):
        library.add(learn_templates(sound, name, atoms=2, instrument="thing", source="Tune"))


def opened(qtbot, window, count: int):
    window.bindings.actions["show_templates"].trigger()
    dialog = window.teaching.library_dialog
    qtbot.waitUntil(lambda: dialog.table.rowCount() == count, timeout=LONG)
    return dialog


def choose(dialog, *rows: int) -> None:
    dialog.table.clearSelection()
    model = dialog.table.selectionModel()
    for row in rows:
        model.select(
            dialog.table.model().index(row, 0), model.SelectionFlag.Select | model.SelectionFlag.Rows
        )


def test_a_selection_teaches_a_template(qtbot, window, library):
    action = window.bindings.actions["teach_selection"]
    assert not action.isEnabled()
    box = Box(start=0.5, stop=1.0, low=100.0, high=2000.0)
    window.document.set_selection(Selection().combined("replace", box))
    assert action.isEnabled()
    action.trigger()
    dialog = dialog_of(window)
    assert not dialog.learn.isEnabled()  # it has no name yet
    dialog.atoms.setValue(1)
    learn(qtbot, window, library, "Hit", "bell")
    kept = library.find("Hit").templates
    f = np.arange(kept.grid.bins) * kept.sample_rate / kept.grid.fft
    assert kept.atoms == 1
    assert kept.instrument == "bell"
    assert (kept.templates[(f < 100) | (f > 2000)] == 0).all()
    assert kept.source.startswith("Tune: 0:00.50 – 0:01.00, 100–2000 Hz of the song")
    assert kept.preview.size == pytest.approx(0.5 * kept.sample_rate, abs=2)


def test_a_stem_and_a_file_teach_templates(qtbot, window, library, tmp_path):
    document, stems = window.document, window.true
    waves = np.stack([audio.samples for audio in stems.values()])
    document.do(edits.split(document.project, 0, ByHand(), Waveforms(tuple(stems), waves)))
    document.set_target(next(leaf.id for leaf in document.state.leaves() if leaf.name == "drums"))
    window.bindings.actions["teach_stem"].trigger()
    assert dialog_of(window).name.text() == "drums"
    learn(qtbot, window, library, "drums")
    path = tmp_path / "my bass.wav"
    soundfile.write(path, stems["bass"].samples.T, stems["bass"].sample_rate)
    window.teaching.from_file(path)
    assert dialog_of(window).name.text() == "my bass"
    learn(qtbot, window, library, "my bass")
    assert [entry.name for entry in library.entries()[0]] == ["drums", "my bass"]
    again = learn_templates(stems["drums"], "x").templates
    kept = library.find("drums").templates.templates
    assert (
        float((again[:, 0] * kept[:, 0]).sum() / np.linalg.norm(again[:, 0]) / np.linalg.norm(kept[:, 0]))
        > 0.9
    )


def test_what_goes_wrong_is_said_in_the_dialog(qtbot, window, library, tmp_path):
    keep(library, "Kick")
    window.teaching.from_file(tmp_path / "missing.wav")
    dialog = dialog_of(window)
    dialog.name.setText("a,b")
    assert not dialog.learn.isEnabled()
    assert "cannot be a template's name" in dialog.note.text()
    qtbot.waitUntil(lambda: bool(dialog._taken), timeout=LONG)
    dialog.name.setText("kick")
    assert "will be replaced" in dialog.note.text()
    dialog.start()
    qtbot.waitUntil(lambda: dialog.learn.isEnabled(), timeout=LONG)
    assert "missing.wav" in dialog.note.text()
    assert dialog.learn.isDefault()
    others = [button for button in dialog.findChildren(QPushButton) if button is not dialog.learn]
    assert not any(button.autoDefault() for button in others), (
        "Return learns, wherever the focus went meanwhile"
    )
    assert library.find("Kick").templates.instrument == "thing"
    dialog.reject()


def test_learning_can_be_stopped(qtbot, window, library):
    window.bindings.actions["teach_stem"].trigger()
    dialog = dialog_of(window)
    dialog.name.setText("Never")
    dialog.start()
    dialog.reject()
    qtbot.waitUntil(lambda: not window.document.jobs.queue, timeout=LONG)
    assert library.entries()[0] == []


def test_the_library_shows_hears_renames_shares_and_removes(qtbot, window, library, tmp_path, monkeypatch):
    keep(library, "Kick", "Snare", "Hat")
    (library.folder / "broken.template").write_bytes(b"no")
    dialog = opened(qtbot, window, 3)
    assert "broken.template" in dialog.words.text()
    assert [dialog.table.item(row, 1).text() for row in range(3)] == ["Hat", "Kick", "Snare"]
    assert not dialog.use.isEnabled()
    choose(dialog, 1)
    heard = []
    monkeypatch.setattr(window.player, "audition", lambda buffer, start: heard.append(buffer))
    dialog.hear.click()
    qtbot.waitUntil(lambda: bool(heard), timeout=LONG)
    assert heard[0].shape[0] == 2
    assert np.abs(heard[0]).max() > 0.01
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("Bass drum", True))
    dialog.rename.click()
    qtbot.waitUntil(lambda: dialog.table.item(0, 1).text() == "Bass drum", timeout=LONG)
    assert [entry.name for entry in dialog.chosen] == ["Bass drum"]
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("Hat", True))
    dialog.rename.click()
    qtbot.waitUntil(lambda: "already" in dialog.words.text(), timeout=LONG)
    shared = tmp_path / "shared.template"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(shared), ""))
    dialog.share.click()
    qtbot.waitUntil(shared.exists, timeout=LONG)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    dialog.remove.click()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2, timeout=LONG)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(shared)], ""))
    dialog.bring.click()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 3, timeout=LONG)
    assert library.find("Bass drum").templates.atoms == 2
    dialog.take_in([tmp_path / "nothing.template"])
    qtbot.waitUntil(lambda: "nothing.template" in dialog.words.text(), timeout=LONG)


def test_the_instrument_can_be_said_later(qtbot, window, library, monkeypatch):
    keep(library, "Kick")
    dialog = opened(qtbot, window, 1)
    assert not dialog.call.isEnabled()
    choose(dialog, 0)
    offered = []
    monkeypatch.setattr(QInputDialog, "getItem", lambda *a, **_: (offered.extend(a[3][:2]), ("tom", True))[1])
    dialog.call.click()
    qtbot.waitUntil(lambda: dialog.table.item(0, 2).text() == "tom", timeout=LONG)
    assert offered == ["thing", ""], "what it is called now comes first, and it may be empty"
    assert (library.find("Kick").name, library.find("Kick").templates.instrument) == ("Kick", "tom")
    assert [entry.name for entry in dialog.chosen] == ["Kick"]


def test_one_wrong_file_does_not_keep_the_others_out_and_namesakes_are_asked_about(
    qtbot, window, library, tmp_path, monkeypatch
):
    keep(library, "Theirs")
    learned = library.find("Theirs").templates
    library.remove("Theirs")
    paths = [write_template(tmp_path / word, replace(learned, instrument=word)) for word in ("one", "two")]
    wrong = tmp_path / "letter.template"
    wrong.write_text("Dear friend")
    dialog = opened(qtbot, window, 0)
    asked = []
    monkeypatch.setattr(
        QMessageBox, "question", lambda *a: (asked.append(a[2]), QMessageBox.StandardButton.No)[1]
    )
    dialog.take_in([wrong, *paths])
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1, timeout=LONG)
    qtbot.waitUntil(lambda: "letter.template" in dialog.words.text(), timeout=LONG)
    assert len(asked) == 1
    assert library.find("Theirs").templates.instrument == "one", (
        "the second did not replace the first unasked"
    )


def test_an_empty_library_says_what_to_do(qtbot, window):
    dialog = opened(qtbot, window, 0)
    qtbot.waitUntil(lambda: "There are no templates yet" in dialog.words.text(), timeout=LONG)
    for button in (dialog.hear, dialog.rename, dialog.call, dialog.remove, dialog.share, dialog.use):
        assert not button.isEnabled()


def test_a_song_is_taken_apart_with_what_was_taught(qtbot, window, library):
    """Every stem taught from a clean take; the song falls into stems of those names, the rest in the residual."""
    for name, sound in window.true.items():
        library.add(learn_templates(sound, name.title()))
    dialog = opened(qtbot, window, 4)
    choose(dialog, 0, 2)
    names = [entry.name for entry in dialog.chosen]
    dialog.use.click()
    recipe = window.separate.recipe()
    assert isinstance(recipe, NMF)
    assert recipe.templates == ", ".join(names)
    assert (recipe.hold_templates, recipe.free) == (True, FREE_ATOMS)
    assert window.separate.form.isVisibleTo(window.separate)
    choose(dialog, 0, 1, 2, 3)
    dialog.free.setChecked(False)
    dialog.use.click()
    window.separate.run()
    qtbot.waitUntil(lambda: 0 in window.document.state.splits, timeout=LONG)
    state = window.document.state
    leaves = {leaf.name: leaf.id for leaf in state.leaves()}
    assert set(leaves) == {"Bass", "Chords", "Drums", "Lead", "residual"}
    split = state.splits[0]
    assert {state.stems[owner].name for owner in split.owners} == {"Bass", "Chords", "Drums", "Lead"}
    assert [name.split()[0] for name in split.estimates.names] == [
        state.stems[owner].name for owner in split.owners
    ]


def test_free_atoms_wait_in_the_residual(qtbot, window, library):
    library.add(learn_templates(window.true["drums"], "Drums"))
    window.teaching.use(["Drums"], True, True)
    window.menus.separate.run()
    qtbot.waitUntil(lambda: 0 in window.document.state.splits, timeout=LONG)
    split, state = window.document.state.splits[0], window.document.state
    names = [state.stems[owner].name for owner in split.owners]
    assert names.count("residual") == FREE_ATOMS
    assert set(names) == {"Drums", "residual"}


def test_a_file_from_a_friend_of_another_rate_works_here(qtbot, window, library, tmp_path):
    sound = window.true["bass"]
    other = Audio(sound.samples[:, ::2].copy(), sound.sample_rate // 2)
    path = write_template(tmp_path / "theirs", learn_templates(other, "Their bass"))
    dialog = opened(qtbot, window, 0)
    dialog.take_in([Path(path)])
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1, timeout=LONG)
    window.teaching.use(["Their bass"], True, True)
    assert window.separate.recipe().templates == "Their bass"
