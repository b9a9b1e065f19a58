"""Pictures of the window at work, taken with the demo song; `--screenshots DIR` keeps them to be looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.nmf.learning import learn_templates
from stemstudio.algorithms.nmf.template_library import TemplateLibrary
from stemstudio.audio.reading import read_song
from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.tools.painting import give_selection
from stemstudio.gui.views.atom_detail import AtomDetail
from stemstudio.project import edits
from stemstudio.resources import resource
from stemstudio.spectral.brushes import Box, Selection
from stemstudio.stem_folders import read_folder

SIZE = (1600, 1000)


@pytest.fixture
def folder(request, tmp_path) -> Path:
    chosen = request.config.getoption("--screenshots")
    path = Path(chosen) if chosen else tmp_path
    path.mkdir(parents=True, exist_ok=True)
    return path


def shoot(qtbot, window: MainWindow, path: Path) -> np.ndarray:
    """Take a picture when the sheet is drawn; its pixels (height, width, 3)."""
    QTest.qWait(300)
    qtbot.waitUntil(lambda: window.light.idle, timeout=60_000)
    QTest.qWait(50)
    picture = window.grab()
    assert picture.save(str(path))
    image = picture.toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def sheet_of(window: MainWindow, picture: np.ndarray) -> np.ndarray:
    """The spectrogram's part of a picture."""
    sheet = window.sheet.spectrogram
    corner = sheet.mapTo(window, QPoint(0, 0))
    return picture[corner.y() : corner.y() + sheet.height(), corner.x() : corner.x() + sheet.width()]


def hues(picture: np.ndarray) -> int:
    """How many sixths of the colour circle clearly coloured pixels fill."""
    colours = picture.reshape(-1, 3).astype(int)
    clear = colours[colours.max(axis=1) - colours.min(axis=1) > 60]
    if not clear.size:
        return 0
    order = clear.argmax(axis=1) * 2 + (clear[:, 0] > clear[:, 2])
    return int((np.bincount(order, minlength=6) > 0.004 * len(colours)).sum())


def test_pictures_of_a_session(qtbot, folder):
    QSettings().clear()
    window = MainWindow()
    window.resize(*SIZE)
    window.show()
    qtbot.waitExposed(window)
    document = window.document

    empty = shoot(qtbot, window, folder / "1-empty.png")
    assert window.sheet.spectrogram.drop_zone.isVisible()

    with qtbot.waitSignal(window.opening.read, timeout=30_000):
        window.menus.file.open_demo()
    opened = shoot(qtbot, window, folder / "2-song-open.png")
    assert sheet_of(window, opened).mean() > 2 * sheet_of(window, empty).mean()

    window.menus.separate.run_recipe(0, algorithm("nmf").from_settings({"components": 24}), {})
    qtbot.waitUntil(lambda: 0 in document.state.splits, timeout=120_000)
    window.menus.atoms.suggest_atoms()
    qtbot.waitUntil(lambda: len(document.state.leaves()) == 5, timeout=30_000)
    document.set_target(document.state.leaves()[0].id)
    assigned = shoot(qtbot, window, folder / "3-atoms-assigned.png")
    assert hues(sheet_of(window, assigned)) >= 2

    document.select_atoms((0,))
    shoot(qtbot, window, folder / "4-one-atom.png")
    rows = window.findChild(AtomDetail).stem_rows
    assert [row.visibleRegion().boundingRect().height() for row in rows] == [row.height() for row in rows], (
        "whose it probably is of four stems and the residual, without scrolling"
    )
    document.select_atoms(())

    window.tools.choose("brush")
    window.tools.set_value("width", 0.5)
    window.tools.set_value("height", 0.8)
    sheet, view = window.sheet.spectrogram, document.viewport
    view.set_time(8.0, 20.0)
    QTest.qWait(300)
    points = [(10.0 + 0.4 * n, 600.0 * 2 ** (0.2 * n)) for n in range(10)]
    pixels = [
        QPoint(round(view.x_of(t, sheet.width())), round(view.y_of(f, sheet.height()))) for t, f in points
    ]
    QTest.mousePress(sheet, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, pixels[0])
    for pixel in pixels[1:]:
        QTest.mouseMove(sheet, pixel)
        QTest.qWait(10)
    painting = shoot(qtbot, window, folder / "5-painting.png")
    assert not np.array_equal(sheet_of(window, painting), sheet_of(window, assigned))
    QTest.mouseRelease(sheet, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, pixels[-1])
    assert document.history.names[-1].startswith("Brush")

    window.menus.view.zoom_fit()
    window.player.seek(int(9.0 * 44100))
    window.player.play()
    qtbot.waitUntil(lambda: window.player.position > 11.0 * 44100, timeout=30_000)
    shoot(qtbot, window, folder / "6-mixer-playing.png")
    assert window.player.meters().master_peak.max() > 0.01
    window.player.pause()

    window.resize(1280, 800)
    shoot(qtbot, window, folder / "7-small-window.png")
    window.resize(*SIZE)
    window.menus.view.set_theme("light")
    shoot(qtbot, window, folder / "8-light-theme.png")
    window.menus.view.set_theme("dark")
    document.history.mark_saved()
    window.close()


def test_pictures_of_takes_and_of_a_selection(qtbot, folder):
    """Three recipes side by side with scores by the true stems, and one selection taken apart alone."""
    QSettings().clear()
    window = MainWindow()
    window.resize(*SIZE)
    window.show()
    qtbot.waitExposed(window)
    document, comparing = window.document, window.comparing
    with qtbot.waitSignal(window.opening.read, timeout=30_000):
        window.menus.file.open_demo()
    true = read_folder(resource("demo/stems"))
    window.menus.separate.compare()
    evaluation = window.menus.separate._true_stems
    evaluation._comparison.references = true
    evaluation.close()
    box = Box(start=20.0, stop=28.0, low=0.0, high=22050.0)
    document.set_selection(Selection().combined("replace", box))
    drums = {"percussive": "drums", "harmonic": "band"}
    for settings in ({"harmonic_length": 0.15}, {"margin": 2.0}):
        window.menus.separate.try_recipe(0, algorithm("hpss").from_settings(settings), drums)
    window.menus.separate.try_recipe(
        0, algorithm("nmf").from_settings({"components": 8, "iterations": 30}), {}
    )
    shoot(qtbot, window, folder / "9-queue.png")
    assert document.jobs.queue
    qtbot.waitUntil(lambda: len(comparing.takes) == 3, timeout=120_000)
    comparing.set_role("drums")
    qtbot.waitUntil(lambda: comparing.ready and comparing._job is None, timeout=30_000)
    comparing.choose(comparing.entries[1])
    dialog = window.compare_takes()
    QTest.qWait(100)
    assert dialog.grab().save(str(folder / "10-compare-by-ear.png"))
    assert not dialog.table.isColumnHidden(5)
    comparing.keep(comparing.entries[1])
    dialog.close()

    window.atoms.hide()  # the spectrogram is as high without atoms as with them
    kept = shoot(qtbot, window, folder / "11-kept.png")
    window.separate.selection_only.setChecked(True)
    window.menus.separate.run_recipe(
        0, algorithm("nmf").from_settings({"components": 8, "iterations": 30}), {}
    )
    qtbot.waitUntil(lambda: document.atom_split is not None, timeout=60_000)
    alone = shoot(qtbot, window, folder / "12-selection-alone.png")
    sheet = window.sheet.spectrogram
    left = round(document.viewport.x_of(19.8, sheet.width()))
    before, after = sheet_of(window, kept), sheet_of(window, alone)
    assert np.array_equal(before[:, 2 : left - 2], after[:, 2 : left - 2]), (
        "outside the selection nothing changed"
    )
    document.history.mark_saved()
    window.close()


def test_pictures_of_a_score_of_templates_and_of_hints(qtbot, folder, tmp_path, monkeypatch, shared_audio):
    """A drum loop by its score; its kick taught and kept; and two hints, one of which cannot be followed."""
    QSettings().clear()
    monkeypatch.setenv("STEMSTUDIO_TEMPLATES", str(tmp_path / "library"))
    drums = shared_audio / "stems" / "drums"
    window = MainWindow()
    window.resize(*SIZE)
    window.show()
    qtbot.waitExposed(window)
    document = window.document
    with qtbot.waitSignal(window.opening.read, timeout=30_000):
        window.opening.open(drums / "runningExample_FunkyMixture.wav")
    score = drums / "runningExample_FunkyDrums.txt"
    recipe = algorithm("nmf").from_settings({"score": str(score), "iterations": 20, "firmness": 2.0})
    window.menus.separate.run_recipe(0, recipe, {})
    qtbot.waitUntil(lambda: 0 in document.state.splits, timeout=60_000)
    names = [stem.name for stem in document.state.leaves()]
    assert {"kick", "snare", "hi-hat"} <= {name.casefold() for name in names}
    informed = shoot(qtbot, window, folder / "13-score-informed.png")
    assert hues(sheet_of(window, informed)) >= 2

    true = tmp_path / "true stems"
    true.mkdir()
    for part, name in {"Kick": "kick", "Snare": "snare", "Hihat": "hi-hat"}.items():
        shutil.copyfile(drums / f"runningExample_Funky{part}.wav", true / f"{name}.wav")
    window.menus.separate.compare()
    evaluation = window.menus.separate._true_stems
    evaluation.load(true)
    qtbot.waitUntil(evaluation.score.isEnabled, timeout=60_000)
    evaluation.run()
    qtbot.waitUntil(
        lambda: bool(evaluation._comparison.runs) and evaluation.score.isEnabled(), timeout=60_000
    )
    QTest.qWait(100)
    assert evaluation.grab().save(str(folder / "16-evaluation.png"))
    table = evaluation.table
    assert table.rowCount() == 4 * 4, "three ceilings and the run, of every stem and their mean"
    header, view = table.horizontalHeader(), table.viewport().width()
    assert header.length() <= view, "every figure is in sight"
    evaluation.close()

    library = TemplateLibrary()
    for part in ("Kick", "Snare", "Hihat"):
        sound = read_song(drums / f"runningExample_Funky{part}.wav")
        library.add(learn_templates(sound, part, atoms=3, instrument="drums", source="Funky loop"))
    window.teaching.show_library(["Kick"])
    dialog = window.teaching.library_dialog
    qtbot.waitUntil(lambda: [entry.name for entry in dialog.chosen] == ["Kick"], timeout=30_000)
    QTest.qWait(100)
    assert dialog.grab().save(str(folder / "14-template-library.png"))
    dialog.close()

    stems = {stem.name.casefold(): stem.id for stem in document.state.leaves()}
    kicks = document.state.splits[0].parts_of(stems["kick"])
    document.do(
        edits.lock(document.state, 0, kicks, True, "Lock the kick")
    )  # so that the second hint cannot be followed
    document.hints.set_strength(0.5)
    boxes = {"snare": (0.3, 0.5, 200.0, 5000.0), "hi-hat": (2.3, 2.9, 40.0, 120.0)}
    for name, (start, stop, low, high) in boxes.items():
        document.set_target(stems[name])
        document.set_selection(
            Selection().combined("replace", Box(start=start, stop=stop, low=low, high=high))
        )
        assert give_selection(document, hint=True)
    document.set_selection(Selection())
    window.tools.choose("brush")
    window.tools.set_mode("hint")
    window.menus.separate.refine()
    qtbot.waitUntil(
        lambda: not document.jobs.queue and not document.hints.busy and not document.hints.fresh,
        timeout=60_000,
    )
    shoot(qtbot, window, folder / "15-hints-not-followed.png")
    assert len(document.hints.missed) == 1
    paint_hard = window.tool_options.hints.paint_hard
    assert paint_hard.visibleRegion().boundingRect().size() == paint_hard.size(), "what to do is in sight"
    document.history.mark_saved()
    window.close()
