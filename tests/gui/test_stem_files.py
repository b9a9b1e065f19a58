"""A stem goes to another program as a file: written off the window's thread, the stem itself, and written once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from signals import mixture
from taken_apart import taken_apart

from stemstudio.audio.tags import Tags
from stemstudio.gui import stem_files
from stemstudio.gui.document import Document
from stemstudio.gui.stem_files import StemFiles, forget_old
from stemstudio.gui.views.mixer import MixerView
from stemstudio.mixing.export import export
from stemstudio.project import edits
from stemstudio.project.rendering import render_leaves


@pytest.fixture
def document(qtbot, home):
    document = Document()
    project = taken_apart(mixture(1.0, 44100)[0], ("voice", "band"))
    document.set_project(project)
    document.set_reading(project.state.mixture.length, True)
    yield document
    document.jobs.close()


@pytest.fixture
def bench(qtbot, document, monkeypatch):
    """A mixer whose drags are kept instead of carried out, and the paths that they carried."""
    view = MixerView(document)
    qtbot.addWidget(view)
    view.resize(900, 200)
    view.show()
    files = StemFiles(document, lambda: ("Song", Tags(artist="Nobody")), view)
    view.drag_wanted.connect(files.drag)
    view.copy_wanted.connect(files.copy)
    carried: list[Path] = []
    monkeypatch.setattr(
        stem_files, "carry", lambda drag: carried.append(Path(drag.mimeData().urls()[0].toLocalFile()))
    )
    return view, files, carried


def pull(strip: QWidget) -> None:
    """Press on the strip's name and move the mouse away, still held."""
    at = strip.name_label.geometry().center()
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(strip, at + QPoint(40, 0))


def test_a_strip_is_dragged_out_as_its_stem(qtbot, document, bench, monkeypatch):
    view, _, carried = bench
    threads = []

    def watched(*args, **options):
        threads.append(threading.current_thread())
        return export(*args, **options)

    monkeypatch.setattr(stem_files, "export", watched)
    monkeypatch.setattr(QGuiApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
    voice = document.state.leaves()[0]
    pull(view.strip_of(voice.id))
    qtbot.waitUntil(lambda: bool(carried), timeout=10_000)
    assert threads[0] is not threading.main_thread()
    assert carried[0].name == "Song - voice.wav"
    written = soundfile.read(carried[0], dtype="float32")[0].T
    sound = render_leaves(document.state, 0, document.state.mixture.length)[voice.id]
    assert np.abs(written - sound).max() < 2**-22
    assert QGuiApplication.overrideCursor() is None
    QTest.mouseRelease(view.strip_of(voice.id), Qt.MouseButton.LeftButton)

    # the same stem again is there at once; once it sounds different it is written anew
    pull(view.strip_of(voice.id))
    assert len(carried) == 2
    assert carried[1] == carried[0]
    document.do(edits.merge(document.state, [voice.id, document.state.leaves()[1].id]))
    pull(view.strip_of(voice.id))
    qtbot.waitUntil(lambda: len(carried) == 3, timeout=10_000)
    assert carried[2] != carried[0]


def test_a_click_drags_nothing(document, bench):
    view, _, carried = bench
    strip = view.strips[1]
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.name_label.geometry().center())
    QTest.mouseMove(strip, QPoint(5, 5))
    assert document.target == strip.stem.id
    assert not carried


def test_who_lets_go_too_early_is_told(qtbot, document, bench, monkeypatch):
    _, files, carried = bench
    said = []
    document.said.connect(said.append)
    monkeypatch.setattr(QGuiApplication, "mouseButtons", lambda: Qt.MouseButton.NoButton)
    files.drag(document.state.leaves()[0].id)
    assert said == ["Writing voice: keep the mouse held."]
    qtbot.waitUntil(lambda: len(said) == 2, timeout=10_000)
    assert said[1] == "voice is written: drag it once more."
    assert not carried


def test_a_stem_is_copied_by_its_menu(qtbot, document, bench):
    view, _, _ = bench
    voice = document.state.leaves()[0].id
    view.open_menu(voice, QPoint(0, 0))
    menu = next(child for child in view.children() if child.metaObject().className() == "QMenu")
    action = next(action for action in menu.actions() if action.text() == "Copy as a sound file")
    action.trigger()
    menu.close()
    clipboard = QGuiApplication.clipboard()
    qtbot.waitUntil(lambda: bool(clipboard.mimeData() and clipboard.mimeData().hasUrls()), timeout=10_000)
    path = Path(clipboard.mimeData().urls()[0].toLocalFile())
    assert path.exists()
    assert path.name == "Song - voice.wav"
    clipboard.clear()


def test_what_cannot_be_written_is_said(qtbot, document, bench, monkeypatch, tmp_path):
    _, files, carried = bench
    (tmp_path / "full").write_bytes(b"")
    monkeypatch.setattr(stem_files, "dragged_home", lambda: tmp_path / "full")
    with qtbot.waitSignal(files.failed, timeout=10_000) as failed:
        files.drag(document.state.leaves()[0].id)
    assert "cannot be made" in str(failed.args[0])
    assert QGuiApplication.overrideCursor() is None
    assert not carried


def test_old_files_are_taken_away(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "x.wav").write_bytes(b"")
    os.utime(old, (1000, 1000))
    forget_old(tmp_path)
    assert not old.exists()
    assert new.exists()
    forget_old(tmp_path / "nowhere")
