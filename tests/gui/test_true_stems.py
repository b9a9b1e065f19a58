"""Scores of stems beside ceilings, several runs in one table."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from signals import mixture

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Audio
from stemstudio.gui.dialogs.true_stems import TrueStemsDialog
from stemstudio.gui.document import Document
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings


@pytest.fixture
def studio(qtbot, tmp_path):
    """A song of three stems, of which the true ones lie in a folder, and 20 dB worse ones in the project."""
    _, stems = mixture(seconds=1.0)
    rng = np.random.default_rng(0)
    stems = {  # with a little of everything in them, so that their Gram matrices are not singular, which takes long
        name: Audio(
            stems[name].samples + 1e-3 * rng.standard_normal(stems[name].samples.shape).astype(np.float32),
            stems[name].sample_rate,
        )
        for name in ("bass", "drums", "lead")
    }
    mix = Audio(sum(audio.samples for audio in stems.values()), stems["bass"].sample_rate)
    for name, audio in stems.items():
        soundfile.write(tmp_path / f"{name}.wav", audio.samples.T, audio.sample_rate, subtype="FLOAT")
    document = Document()
    document.set_project(Project(mix, SongReference("", "", "song"), StftSettings()))
    document.set_reading(mix.length, True)
    waves = 0.9 * np.stack([audio.samples for audio in stems.values()])
    document.do(edits.split(document.project, 0, ByHand(), Waveforms(tuple(stems), waves), name="Near stems"))
    dialog = TrueStemsDialog(document)
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
    dialog.show()
    blue = [button for button in dialog.findChildren(QPushButton) if button.isDefault()]
    assert not blue, "only scoring stands out"
    assert not dialog.copy.isEnabled(), "there is nothing to copy yet"
    dialog.load(folder)
    qtbot.waitUntil(dialog.score.isEnabled, timeout=20_000)
    masks = ["Ideal binary mask", "Ideal ratio mask", "Ideal Wiener mask"]
    before = rows(dialog)
    assert [row[1] for row in before] == masks * 4
    assert all(float(figure) > 0 for row in before for figure in row[3:]), "ceilings of every figure"
    dialog.run()
    qtbot.waitUntil(lambda: len(rows(dialog)) > len(before), timeout=30_000)
    by_stem = [row[:3] for row in rows(dialog)]
    assert by_stem[:4] == [*(["bass", mask, ""] for mask in masks), ["bass", "1. Near stems", "bass"]]
    assert by_stem[-1] == ["mean", "1. Near stems", ""]
    assert dialog.table.rowSpan(0, 0) == 4
    assert rows(dialog)[3][3] == rows(dialog)[-1][3] == "20.0"
    dialog.run()
    qtbot.waitUntil(lambda: rows(dialog)[-1][1].startswith("2."), timeout=30_000)
    dialog.copy.click()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Stem\tRun\tYours\tSDR")
    assert lines[5].split("\t")[:4] == ["bass", "2. Near stems", "bass", "20.0"]


def test_fewer_stems_under_other_names_are_scored_as_far_as_they_go(qtbot, studio):
    """The residual, which is rounding here, stands for none of them."""
    dialog, document, folder = studio
    state = document.state
    truth = {leaf.name: state.splits[0].estimates.waves[n] for n, leaf in enumerate(state.children(0)[:-1])}
    names, length = ("Drums", "low"), state.mixture.length
    low = state.mixture.read(0, length) - truth["drums"] / 0.9
    waves = np.stack([truth["drums"] / 0.9, low])
    document.do(edits.split(document.project, 0, ByHand(), Waveforms(names, waves), name="Two"))
    dialog.load(folder)
    qtbot.waitUntil(dialog.score.isEnabled, timeout=20_000)
    dialog.run()
    qtbot.waitUntil(lambda: bool(dialog._comparison.runs), timeout=30_000)
    yours = {row[0]: row[2] for row in rows(dialog) if row[1] == "1. Two" and row[2]}
    assert yours.pop("drums") == "Drums"
    assert list(yours.values()) == ["low"]
    assert dialog.words.text().startswith("No stem is left for “")
    assert rows(dialog)[-1][3:] == [""] * 5, "a mean over other stems could not be compared"


def test_when_the_song_is_closed_so_is_the_table(qtbot, studio):
    dialog, document, folder = studio
    dialog.show()
    dialog.load(folder)
    comparison = dialog._comparison
    other = Project(document.state.mixture, SongReference("", "", "other"), StftSettings())
    document.set_project(other)
    assert not dialog.isVisible()
    qtbot.waitUntil(lambda: not document.jobs.queue, timeout=10_000)
    assert not comparison.references
    assert not dialog.references
    assert dialog.choose.isEnabled()
    assert not rows(dialog)


def test_a_folder_without_stems_is_one_sentence(qtbot, studio, tmp_path):
    dialog, _, _ = studio
    (tmp_path / "empty").mkdir()
    dialog.load(tmp_path / "empty")
    qtbot.waitUntil(dialog.choose.isEnabled, timeout=10_000)
    assert "no stems" in dialog.words.text() or "empty" in dialog.words.text()
