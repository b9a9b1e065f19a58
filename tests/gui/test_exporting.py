"""Exporting in the window: in the background, with a report; the song itself is never written over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import soundfile
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QWidget
from signals import mixture
from small_projects import RATE, StandInPlayer, split_song
from taken_apart import leaves, taken_apart

from stemstudio.audio.tags import Tags
from stemstudio.gui.dialogs.export import ExportDialog
from stemstudio.gui.dialogs.export_form import ExportForm
from stemstudio.gui.document import Document
from stemstudio.gui.exporting import Exporting
from stemstudio.mixing.export import ExportOrder


@pytest.fixture
def exporting(qtbot, tmp_path):
    """Exports of a song of its own file."""
    audio = mixture(0.5, 44100)[0]
    project = taken_apart(audio)
    soundfile.write(tmp_path / "song.wav", audio.samples.T, 44100)
    document = Document()
    document.set_project(project)
    document.set_reading(audio.length, True)
    window = QWidget()
    qtbot.addWidget(window)
    info = SimpleNamespace(path=tmp_path / "song.wav", tags=Tags(title="Song"))
    saving = SimpleNamespace(song=SimpleNamespace(info=info))
    yield Exporting(window, document, saving, StandInPlayer())
    document.jobs.close()


def test_a_package_is_reported(qtbot, exporting, tmp_path):
    stems = leaves(exporting._document.project)
    order = ExportOrder(tmp_path / "out", stems, package="stem-mp4")
    with qtbot.waitSignal(exporting.finished, timeout=20_000):
        exporting.run(order)
    box = exporting._window.findChild(QMessageBox)
    assert box.text() == f"1 file is in {tmp_path / 'out'}."
    assert "Decks have four stems: 1 of them is silent." in box.informativeText()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert not box.isVisible()


def test_the_song_itself_is_spared(qtbot, exporting, tmp_path):
    before = (tmp_path / "song.wav").read_bytes()
    order = ExportOrder(tmp_path, mix=True, template="song", overwrite=True)
    with qtbot.waitSignal(exporting.failed, timeout=20_000) as failed:
        exporting.run(order)
    assert str(failed.args[0]) == "“song.wav” was not written: it is the song itself. Choose another folder."
    assert (tmp_path / "song.wav").read_bytes() == before


def test_the_dialog_is_built_in_turns_of_its_own(qtbot, exporting, tmp_path, monkeypatch):
    """A form, what is around it, and its first picture: no one of them in the turn of another."""
    built: list[str] = []
    for kind in (ExportForm, ExportDialog):
        make = kind.__init__

        def made(self, *given, make=make, kind=kind, **named):
            built.append(kind.__name__)
            make(self, *given, **named)

        monkeypatch.setattr(kind, "__init__", made)
    show = ExportDialog.show
    monkeypatch.setattr(ExportDialog, "show", lambda self: built.append("shown") or show(self))
    counts: list[int] = []
    turns = QTimer(exporting, interval=0)
    turns.timeout.connect(lambda: counts.append(len(built)))
    turns.start()
    exporting.ask()
    exporting.ask()  # Ctrl+E twice is one dialog
    assert built == ["ExportForm"]
    qtbot.waitUntil(lambda: "shown" in built)
    turns.stop()
    assert built == ["ExportForm", "ExportDialog", "shown"]
    assert {1, 2} <= set(counts), "other work has its turn in between"
    dialog = exporting._window.findChild(ExportDialog)
    assert dialog.isModal()
    dialog.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(exporting.finished, timeout=20_000) as finished:
        dialog.export.click()
    assert all(path.exists() for path in finished.args[0].files.values())
    assert exporting._window.findChild(QMessageBox) is not None
    qtbot.waitUntil(lambda: exporting._window.findChild(ExportDialog) is None)


def test_a_song_closed_while_the_dialog_is_built_is_not_asked_about(qtbot, exporting):
    exporting.ask()
    exporting._document.set_project(None)
    turns: list[bool] = []
    QTimer.singleShot(20, exporting, lambda: turns.append(True))
    qtbot.waitUntil(lambda: bool(turns))
    assert exporting._window.findChild(ExportDialog) is None


def test_tab_goes_through_the_dialog_from_left_to_right(qtbot):
    document = split_song()
    form = ExportForm(RATE, None)
    dialog = ExportDialog(document, "Lithium", form=form)
    qtbot.addWidget(dialog)
    order, widget = [], dialog.nextInFocusChain()
    while widget is not dialog:
        order.append(widget)
        widget = widget.nextInFocusChain()
    wanted = [dialog.parts, dialog.presets.list, form.package, form.tags, dialog.folder, dialog.export]
    assert sorted(wanted, key=order.index) == wanted


def test_without_a_song_there_is_nothing_to_export(qtbot):
    document, window, said = Document(), QWidget(), []
    qtbot.addWidget(window)
    document.said.connect(said.append)
    Exporting(window, document, SimpleNamespace(song=None), StandInPlayer()).ask()
    assert said == ["There is nothing to export yet: open a song first."]
    document.jobs.close()
