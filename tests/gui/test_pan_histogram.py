"""The pan histogram: it shows where sounds are, and its window is what the recipe takes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from stemstudio.algorithms import algorithm
from stemstudio.audio.audio import Audio
from stemstudio.gui.document import Document
from stemstudio.gui.views.separate import SeparatePanel
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.brushes import Box, Selection
from stemstudio.spectral.stft import StftSettings

RATE = 22050


@pytest.fixture
def panel(qtbot):
    """The stereo recipe's form, for a song with one sound half left, and in its second half another far right."""
    t = np.arange(2 * RATE) / RATE
    theta = np.pi / 8  # halfway between left and the middle
    left = 0.3 * np.sin(2 * np.pi * 440 * t)
    right = np.where(t < 1, 0, 0.3 * np.sin(2 * np.pi * 1000 * t))
    sides = np.stack([np.cos(theta) * left, np.sin(theta) * left + right])
    song = Audio(sides.astype(np.float32), RATE)
    document = Document()
    document.set_project(Project(song, SongReference("", "", "song"), StftSettings()))
    document.set_reading(song.length, True)
    made = SeparatePanel(document)
    qtbot.addWidget(made)
    made.resize(340, 700)
    made.show()
    made.fill_in(algorithm("stereo")())
    qtbot.waitUntil(lambda: made.places.histogram is not None, timeout=10_000)
    yield made
    document.jobs.close()


def peaks(panel) -> list[float]:
    found = panel.places.histogram
    return [float(place) for place, share in zip(found.places, found.energy, strict=True) if share > 0.2]


def drag(view, start: float, stop: float) -> None:
    """From one place to another, −1 to 1."""
    points = [QPoint(round(view._x(place)), 20) for place in (start, (start + stop) / 2, stop)]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        QTest.mouseMove(view, point)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=points[-1])


def test_the_window_is_dragged_onto_a_sound_and_made_wider(panel):
    view = panel.places
    assert view.isVisible()
    assert peaks(panel)[0] == pytest.approx(-0.5, abs=0.02)
    assert peaks(panel)[-1] > 0.9
    drag(view, 0.0, -0.5)
    assert panel.recipe().centre == pytest.approx(-0.5, abs=0.02)
    assert panel.recipe().width == pytest.approx(0.3)
    drag(view, -0.35, -0.25)
    assert panel.recipe().width == pytest.approx(0.5, abs=0.03)
    assert panel.recipe().centre == pytest.approx(-0.5, abs=0.02)
    drag(view, 0.4, 0.8)  # pressed where the window is not, it comes there
    assert panel.recipe().centre == pytest.approx(0.8, abs=0.02)
    drag(view, 0.8, 3.0)
    assert panel.recipe().centre == 1.0


def test_by_keys_and_by_numbers_it_is_the_same_window(panel):
    view = panel.places
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Left)
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert (panel.recipe().centre, panel.recipe().width) == (pytest.approx(-0.05), pytest.approx(0.35))
    panel.form.fields["centre"].setValue(0.5)
    assert view.centre == pytest.approx(0.5)
    for _ in range(20):
        QTest.keyClick(view, Qt.Key.Key_Down)
    assert 0 < panel.recipe().width <= 0.051
    picture = view.grab().toImage()
    assert picture.pixelColor(round(view._x(-0.5)), view.height() - 20) != picture.pixelColor(
        round(view._x(-0.2)), view.height() - 20
    ), "the sound is to be seen"


def test_it_is_of_the_selection_where_only_that_is_taken_and_only_of_this_recipe(panel, qtbot):
    document = panel._document
    document.set_selection(Selection().combined("replace", Box(start=0.0, stop=0.8, low=0.0, high=RATE / 2)))
    panel.selection_only.setChecked(True)
    qtbot.waitUntil(lambda: peaks(panel) and max(peaks(panel)) < -0.4, timeout=10_000)
    panel.selection_only.setChecked(False)
    qtbot.waitUntil(lambda: max(peaks(panel)) > 0.9, timeout=10_000)
    panel.fill_in(algorithm("hpss")())
    assert not panel.places.isVisible()
