"""Scores of stems beside ceilings, several runs in one table."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from PySide6.QtGui import QGuiApplication
from signals import mixture

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.gui.document import Document
from stemstudio.gui.evaluation_dialog import Comparison, EvaluationDialog
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings


@pytest.fixture
def studio(qtbot, tmp_path):
    """A song of four stems, of which the true ones lie in a folder, and 20 dB worse ones in the project."""
    mix, stems = mixture(seconds=2.0)
    for name, audio in stems.items():
        soundfile.write(tmp_path / f"{name}.wav", audio.samples.T, audio.sample_rate, subtype="FLOAT")
    document = Document()
    document.set_project(Project(mix, SongReference("", "", "song"), StftSettings()))
    document.set_reading(mix.length, True)
    waves = 0.9 * np.stack([audio.samples for audio in stems.values()])
    document.do(edits.split(document.project, 0, ByHand(), Waveforms(tuple(stems), waves), name="Near stems"))
    dialog = EvaluationDialog(document, Comparison(document.project))
    qtbot.addWidget(dialog)
    yield dialog, document, tmp_path
    document.jobs.close()


def rows(dialog) -> list[list[str]]:
    table = dialog.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_ceilings_then_runs(qtbot, studio):
    dialog, _, folder = studio
    assert not dialog.score.isEnabled()
    dialog.load(folder)
    qtbot.waitUntil(dialog.score.isEnabled, timeout=20_000)
    assert {row[0] for row in rows(dialog)} == {
        "Ideal binary mask", "Ideal ratio mask", "Ideal Wiener mask",
    }  # fmt: skip
    before = len(rows(dialog))
    dialog.run()
    qtbot.waitUntil(lambda: len(rows(dialog)) > before, timeout=30_000)
    scored = rows(dialog)[before:]
    assert [row[1] for row in scored][-1] == "mean"
    assert all(row[0] == "1. Near stems" for row in scored)
    assert scored[0][2] == "20.0"
    dialog.run()
    qtbot.waitUntil(lambda: rows(dialog)[-1][0].startswith("2."), timeout=30_000)
    dialog._copy()
    assert QGuiApplication.clipboard().text().splitlines()[0].startswith("Run\tStem\tSDR")


def test_a_folder_without_stems_is_one_sentence(qtbot, studio, tmp_path):
    dialog, _, _ = studio
    (tmp_path / "empty").mkdir()
    dialog.load(tmp_path / "empty")
    qtbot.waitUntil(dialog.choose.isEnabled, timeout=10_000)
    assert "no stems" in dialog.words.text() or "empty" in dialog.words.text()
