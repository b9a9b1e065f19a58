"""A whole session in the real window: open, separate, give atoms, paint, undo, listen, save, export."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QEvent, QObject, QPoint, QSettings, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from signals import mixture
from small_recipes import write_tiny_weights

from stemstudio.algorithms import algorithm
from stemstudio.gui.main_window import MainWindow
from stemstudio.mixing.export import ExportOrder
from stemstudio.project.rendering import render_leaves


@pytest.fixture
def window(qtbot):
    QSettings().clear()
    window = MainWindow()
    window.resize(1400, 900)
    window.show()
    qtbot.waitExposed(window)
    yield window
    if window.document.history is not None:
        window.document.history.mark_saved()
    window.close()
    window.deleteLater()


@pytest.fixture
def song(tmp_path) -> Path:
    mix, _ = mixture(seconds=6.0)
    soundfile.write(tmp_path / "song.wav", mix.samples.T, mix.sample_rate, subtype="FLOAT")
    return tmp_path / "song.wav"


def open_song(qtbot, window: MainWindow, path: Path) -> None:
    with qtbot.waitSignal(window.opening.read, timeout=20_000):
        window.open_path(path)


def separate(qtbot, window: MainWindow, name: str, **settings) -> None:
    window.menus.separate.run_recipe(0, algorithm(name).from_settings(settings), {})
    qtbot.waitUntil(lambda: 0 in window.document.state.splits, timeout=60_000)


def drag(window: MainWindow, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """Drag on the spectrogram between two points of (seconds, Hz)."""
    sheet = window.sheet.spectrogram
    view = window.document.viewport

    def at(point: tuple[float, float]) -> QPoint:
        return QPoint(round(view.x_of(point[0], sheet.width())), round(view.y_of(point[1], sheet.height())))

    QTest.mousePress(sheet, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(start))
    for share in (0.25, 0.5, 0.75, 1.0):
        step = (start[0] + share * (stop[0] - start[0]), start[1] + share * (stop[1] - start[1]))
        QTest.mouseMove(sheet, at(step))
        QTest.qWait(5)
    QTest.mouseRelease(sheet, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(stop))


def test_the_first_line_that_is_said_moves_nothing(qtbot, window):
    height = window.sheet.height()
    window.document.said.emit("Something happened.")
    QApplication.processEvents()
    assert window.statusBar().currentMessage() == "Something happened."
    assert window.sheet.height() == height


def test_words_that_change_while_it_plays_lay_nothing_out_anew(qtbot, window):
    asked = []

    class Watch(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            asked.append(event.type() == QEvent.Type.LayoutRequest)
            return False

    window.mixer.setVisible(True)
    QTest.qWait(50)  # until what was begun is laid out
    watch = Watch(window)
    for part in (window, window.transport, window.mixer):
        part.installEventFilter(watch)
    window.transport.position.setText("0:01.234 / 1:02.3")
    window.transport.selection.setText("0:01.00–0:02.50 · 1.50 s · 110 Hz–1.02 kHz")
    window.mixer.master.null.setText("−101 dB")
    window.mixer.master.peak.setText("peak −4.3 dBFS")
    for value in window.mixer.master.loudness.values.values():
        value.setText("−22.8")
    QApplication.processEvents()
    assert not any(asked)
    master = window.mixer.master
    for label in (window.transport.position, master.null, master.peak, *master.loudness.values.values()):
        room = label.fontMetrics().horizontalAdvance(label.text())
        assert room <= label.width(), "nothing of it is cut"


def test_a_job_that_begins_moves_nothing(qtbot, window):
    go, height = threading.Event(), window.sheet.height()
    window.document.jobs.run("Long work", lambda progress: go.wait(5), lambda _: None)
    qtbot.waitUntil(lambda: bool(window.document.jobs.queue) and window.document.jobs.queue[0].running)
    QApplication.processEvents()
    assert window.menu_bar.job_status._stop.isVisible()
    assert window.menu_bar.job_status.width() >= window.menu_bar.job_status.sizeHint().width(), (
        "there is room for all its words"
    )
    assert window.sheet.height() == height
    go.set()
    qtbot.waitUntil(lambda: not window.document.jobs.queue)


def test_the_spectrogram_has_the_height_until_there_are_atoms(qtbot, window, song):
    open_song(qtbot, window, song)
    alone, shares = window.sheet.height(), window.sheet_and_atoms.shares
    assert window.atoms.height() < shares[1] / 1.5
    assert window.atoms.rows.height() >= 2 * window.fontMetrics().height(), "the way to atoms can be read"

    separate(qtbot, window, "nmf", components=4, iterations=5)
    qtbot.waitUntil(lambda: window.sheet.height() < alone)
    height = sum(window.sheet_and_atoms.sizes())
    assert window.atoms.height() == pytest.approx(height * shares[1] / sum(shares), abs=2)

    window.sheet_and_atoms.moveSplitter(height // 2, 1)  # as the mouse does
    drawn = window.sheet_and_atoms.shares
    window.document.undo()
    qtbot.waitUntil(lambda: window.sheet.height() >= alone)
    window.remembered.store()
    window.remembered.as_delivered()
    window.remembered.restore()
    window.document.redo()
    qtbot.waitUntil(lambda: window.sheet_and_atoms.sizes()[1] > alone // 3)
    top, bottom = window.sheet_and_atoms.sizes()
    assert bottom / (top + bottom) == pytest.approx(drawn[1] / sum(drawn), abs=0.01), (drawn, top, bottom)


def test_a_whole_session(qtbot, monkeypatch, window, song, tmp_path):
    document = window.document
    open_song(qtbot, window, song)
    assert "song" in window.windowTitle()
    separate(qtbot, window, "nmf", components=8, iterations=30)
    assert len(document.atom_split.owners) == 8

    window.menus.atoms.suggest_atoms()
    qtbot.waitUntil(lambda: len(document.state.leaves()) == 5, timeout=20_000)
    leaves = document.state.leaves()
    assert len(window.mixer.strips) == 5

    # an atom by key
    owner = document.atom_split.owners[0]
    number = 2 if owner != leaves[1].id else 1
    document.select_atoms((0,))
    window.activateWindow()
    QTest.keyClick(window.atoms.rows, Qt.Key(Qt.Key.Key_0 + number))
    assert document.atom_split.owners[0] == leaves[number - 1].id
    moved = document.history.names[-1]
    document.select_atoms(())

    # a stroke by mouse
    document.set_target(leaves[0].id)
    window.tools.choose("brush")
    drag(window, (2.0, 600.0), (2.6, 1200.0))
    assert document.history.names[-1].startswith(f"Brush {leaves[0].name}")
    assert leaves[0].id in document.state.paint
    painted = document.state.paint[leaves[0].id]

    # undo, redo, jump
    document.undo()
    assert not document.state.paint.get(leaves[0].id)
    document.undo()
    assert document.atom_split.owners[0] == owner
    document.redo()
    document.redo()
    assert document.state.paint[leaves[0].id] == painted
    assert moved in document.history.names

    # solo is heard: the others are silent in the mix
    window.menus.play.solo_number(1)
    assert document.state.stems[leaves[0].id].solo
    window.player.set_loop(0, document.state.mixture.length)
    window.player.play()
    qtbot.waitUntil(lambda: window.player.position > 0.3 * 44100, timeout=30_000)
    QTest.qWait(100)
    window.player.meters()
    peaks = np.zeros((5, 2))
    for _ in range(40):  # the mixer's strips read the meters too, and each reading starts them afresh
        QTest.qWait(20)
        peaks = np.maximum(peaks, window.player.meters().stem_peak)
    assert peaks[0].max() > 1e-4
    assert peaks[1:].max() < 1e-6
    window.player.pause()
    window.menus.play.solo_number(1)

    # save and open again
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "session.stems"), ""))
    assert window.saving.save(wait=True)
    state = document.state
    with qtbot.waitSignal(window.opening.read, timeout=20_000):
        window.open_path(tmp_path / "session.stems")
    assert document.state is not state
    assert document.state.paint[leaves[0].id] == painted
    assert document.state.splits[0].owners == state.splits[0].owners

    # export: the stems add up to the song
    monkeypatch.setattr(QMessageBox, "open", lambda _: None)
    stems = tuple(leaf.id for leaf in document.state.leaves())
    with qtbot.waitSignal(window.exporting.finished, timeout=30_000) as finished:
        window.exporting.run(ExportOrder(tmp_path / "out", stems, format="wav", subtype="float"))
    report = finished.args[0]
    assert report.null_db < -120
    total = sum(soundfile.read(path, dtype="float64")[0] for path in report.files.values())
    original, _ = soundfile.read(song, dtype="float64")
    assert 20 * np.log10(np.abs(total - original).max()) < -120


def test_stop_leaves_everything_as_it_was(qtbot, window, song):
    open_song(qtbot, window, song)
    state = window.document.state
    window.menus.separate.run_recipe(
        0, algorithm("nmf").from_settings({"components": 64, "iterations": 5000}), {}
    )
    job = window.document.jobs.queue[0]
    qtbot.waitUntil(lambda: job.fraction > 0, timeout=20_000)
    with qtbot.waitSignal(job.stopped, timeout=2000):
        window.menus.separate.stop_job()
    assert window.document.state is state
    assert window.document.history.names == []


def test_a_stem_can_be_split_again_and_put_together(qtbot, window, song):
    document = window.document
    open_song(qtbot, window, song)
    separate(qtbot, window, "hpss")
    harmonic = next(leaf for leaf in document.state.leaves() if leaf.name == "harmonic")
    window.menus.separate.run_recipe(
        harmonic.id, algorithm("nmf").from_settings({"components": 4, "iterations": 20}), {}
    )
    qtbot.waitUntil(lambda: harmonic.id in document.state.splits, timeout=30_000)
    assert document.atoms_of == harmonic.id
    window.atoms.assign_to_number(1)
    leaves = document.state.leaves()
    assert harmonic.id not in [leaf.id for leaf in leaves]
    document.set_target(next(leaf.id for leaf in leaves if leaf.parent == harmonic.id))
    window.menus.separate.join_stem()
    assert harmonic.id in [leaf.id for leaf in document.state.leaves()]


def test_the_target_is_heard_alone_while_painting(qtbot, window, song):
    document = window.document
    open_song(qtbot, window, song)
    separate(qtbot, window, "hpss")
    leaves = document.state.leaves()
    document.set_target(leaves[1].id)
    window.tools.choose("brush")
    window.player.play()
    qtbot.waitUntil(lambda: window.player.position > 4000, timeout=30_000)
    sheet = window.sheet.spectrogram
    middle = QPoint(sheet.width() // 2, sheet.height() // 2)
    QTest.mousePress(sheet, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    QTest.mouseMove(sheet, middle + QPoint(20, 0))
    assert window.player.playing
    assert sheet._live is not None
    heard = [gain.max() > 0 for gain in window.player._deck._strips.gains]
    assert heard == [False, True, False]
    QTest.mouseRelease(
        sheet, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle + QPoint(20, 0)
    )
    assert all(gain.max() > 0 for gain in window.player._deck._strips.gains)
    window.player.pause()


def test_keys_reach_their_commands(qtbot, window, song):
    document = window.document
    open_song(qtbot, window, song)
    separate(qtbot, window, "hpss")
    leaves = document.state.leaves()
    window.activateWindow()
    window.sheet.spectrogram.setFocus()
    focus = window.sheet.spectrogram
    QTest.keyClick(focus, Qt.Key.Key_2)
    assert document.target == leaves[1].id
    QTest.keyClick(focus, Qt.Key.Key_M)
    assert document.state.stems[leaves[1].id].mute
    QTest.keyClick(focus, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not document.state.stems[leaves[1].id].mute
    QTest.keyClick(focus, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert document.selection.bounds.stop == pytest.approx(document.duration)
    QTest.keyClick(focus, Qt.Key.Key_Return)
    assert "Give" in document.history.names[-1]
    QTest.keyClick(focus, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.player.playing, timeout=5000)
    QTest.keyClick(focus, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not window.player.playing, timeout=5000)
    QTest.keyPress(focus, Qt.Key.Key_Bar, Qt.KeyboardModifier.ShiftModifier)
    assert window.player.source == "original"
    QTest.keyRelease(focus, Qt.Key.Key_Bar, Qt.KeyboardModifier.ShiftModifier)
    assert window.player.source == "stems"


def test_letters_take_tools_and_brackets_change_the_brush(qtbot, window, song):
    open_song(qtbot, window, song)
    window.activateWindow()
    focus, tools = window.sheet.spectrogram, window.tools
    focus.setFocus()
    for letter, name in (("b", "brush"), ("r", "rectangle"), ("h", "hand"), ("e", "eraser")):
        QTest.keyClick(focus, letter)
        assert tools.tool.name == name
    width, hardness, strength = tools.value("width"), tools.value("hardness"), tools.value("strength")
    QTest.keyClick(focus, Qt.Key.Key_BracketRight)
    assert tools.value("width") > width
    QTest.keyClick(focus, Qt.Key.Key_BracketLeft)
    assert tools.value("width") == pytest.approx(width)
    QTest.keyClick(focus, Qt.Key.Key_BraceLeft, Qt.KeyboardModifier.ShiftModifier)
    assert tools.value("hardness") == pytest.approx(hardness - 0.1)
    QTest.keyClick(focus, Qt.Key.Key_Comma)
    assert tools.value("strength") == pytest.approx(strength - 0.1)


def test_a_key_can_be_given_to_another_command(qtbot, window, song):
    open_song(qtbot, window, song)
    window.activateWindow()
    focus, bindings = window.sheet.spectrogram, window.bindings
    focus.setFocus()
    eraser = next(command for command in bindings.commands if "E" in command.keys)
    loser = bindings.bind(eraser, "B")
    assert loser is not None
    assert loser.keys == ("B",)
    QTest.keyClick(focus, "b")
    assert window.tools.tool.name == "eraser"
    assert bindings.keys(loser) == ()
    bindings.reset()
    QTest.keyClick(focus, "b")
    assert window.tools.tool.name == "brush"


def test_no_two_commands_share_a_key(window):
    keys = [QKeySequence(key).toString() for command in window.bindings.commands for key in command.keys]
    assert len(keys) == len(set(keys))


def test_every_panel_can_be_hidden_and_comes_back(qtbot, window):
    assert not window.docks["Room"].isVisible(), "as delivered"
    window.transport.room.click()
    assert window.docks["Room"].isVisible()
    assert not window.docks["Separate"].isVisible(), "in a window that is not wide enough for both"
    window.menus.view.show_room()
    for part in (*window.docks.values(), *window.bars.values()):
        there = part.isVisible()
        action = part.toggleViewAction()
        action.trigger()
        assert part.isVisible() != there
        action.trigger()
        assert part.isVisible() == there


def test_a_dropped_song_is_opened(qtbot, window, song):
    from PySide6.QtCore import QMimeData, QPointF, QUrl
    from PySide6.QtGui import QDropEvent

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(song))])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(window.opening.read, timeout=20_000):
        window.dropEvent(event)
    assert window.document.project.song.title == "song"
    assert window.recent.paths[0] == song


def test_a_bad_file_is_one_sentence(qtbot, monkeypatch, window, tmp_path):
    (tmp_path / "bad.mp3").write_bytes(b"no song at all")
    shown: list[str] = []
    monkeypatch.setattr(QMessageBox, "open", lambda box: shown.append(box.text()))
    with qtbot.waitSignal(window.opening.failed, timeout=20_000):
        window.open_path(tmp_path / "bad.mp3")
    qtbot.waitUntil(lambda: bool(shown), timeout=2000)
    assert "bad.mp3" in shown[0]
    assert window.document.project is None


def test_vocals_and_band_by_htdemucs(qtbot, monkeypatch, window, song, tmp_path):
    """On small weights of our own making: the goal joins what is no voice, and the stems add up."""
    (tmp_path / "models").mkdir()
    write_tiny_weights(tmp_path / "models")
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path / "models"))
    document = window.document
    open_song(qtbot, window, song)
    window.separate._look_for_weights()
    card = next(card for card in window.separate.cards if card.goal.title == "Vocals and band")
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert window.separate.run_button.isEnabled()
    QTest.mouseClick(window.separate.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: 0 in document.state.splits, timeout=60_000)
    assert [leaf.name for leaf in document.state.leaves()] == ["band", "vocals", "residual"]
    rendered = render_leaves(document.state, 0, document.state.mixture.length)
    left_over = sum(rendered.values()) - document.state.mixture.read(0, document.state.mixture.length)
    assert np.abs(left_over).max() < 1e-6
