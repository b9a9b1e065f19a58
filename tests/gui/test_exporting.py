"""Exporting in the window: in the background, with a report; the song itself is never written over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QWidget
from signals import mixture
from small_projects import StandInPlayer
from taken_apart import leaves, taken_apart

from stemstudio.audio.tags import Tags
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


def test_without_a_song_there_is_nothing_to_export(qtbot):
    document, window, said = Document(), QWidget(), []
    qtbot.addWidget(window)
    document.said.connect(said.append)
    Exporting(window, document, SimpleNamespace(song=None), StandInPlayer()).ask()
    assert said == ["There is nothing to export yet: open a song first."]
    document.jobs.close()
