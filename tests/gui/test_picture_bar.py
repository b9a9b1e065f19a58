"""The row above the spectrogram: what is chosen there is shown, and frames can be told by numbers."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QComboBox
from small_projects import RATE, song

from stemstudio.gui.dialogs.frames_by_numbers import FramesDialog
from stemstudio.gui.views.picture_bar import PictureBar, grid_for


@pytest.fixture
def bar(qtbot):
    document = song(1.0)
    made = PictureBar(document)
    qtbot.addWidget(made)
    made.document = document
    yield made
    document.jobs.close()


def choose(box: QComboBox, value: str) -> None:
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def test_what_is_chosen_is_how_the_song_is_shown(bar):
    choose(bar.view, "mixture")
    choose(bar.channel, "left")
    choose(bar.axis, "mel")
    look = bar.document.look
    assert (look.view, look.channel, bar.document.viewport.axis) == ("mixture", "left", "mel")
    assert not bar.colours.isHidden(), "loudness has colours of its own there"
    choose(bar.view, "dominant")
    assert bar.colours.isHidden()
    bar.document.set_project(None)
    assert not bar.isEnabled()


def test_another_fineness_is_a_step_that_can_be_undone(bar, qtbot):
    before = bar.document.state.grid
    choose(bar.fineness, "Fine time")
    qtbot.waitUntil(lambda: bar.document.state.grid == grid_for(1024, RATE), timeout=5000)
    assert bar.fineness.currentText() == "Fine time"
    bar.document.undo()
    assert bar.document.state.grid == before


def test_frames_by_numbers_are_taken_on_ok_alone(bar, qtbot, monkeypatch):
    before = bar.document.state.grid

    def answered(dialog: FramesDialog, good: bool) -> bool:
        dialog.fft.setCurrentIndex(dialog.fft.findData(8192))
        dialog.overlap.setCurrentIndex(dialog.overlap.findData(8))
        assert f"{1000 * 8192 / RATE:.0f} ms" in dialog.words.text()
        assert all(box.toolTip() and box.accessibleName() for box in dialog.findChildren(QComboBox))
        return good

    monkeypatch.setattr(FramesDialog, "exec", lambda dialog: answered(dialog, False))
    choose(bar.fineness, "numbers")
    assert bar.document.state.grid == before
    assert bar.fineness.currentText() != "By numbers…", "what is shown is what there is"
    monkeypatch.setattr(FramesDialog, "exec", lambda dialog: answered(dialog, True))
    choose(bar.fineness, "numbers")
    qtbot.waitUntil(lambda: bar.document.state.grid.fft == 8192, timeout=5000)
    assert bar.document.state.grid.hop == 1024
    assert bar.fineness.currentText() == "8192 / 1024 hann"
