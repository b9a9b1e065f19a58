"""The room panel: stems are dragged, typed and moved on; every gesture is one step, and the fold-down is shown."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QLineF, QObject, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea
from small_projects import Slicer, song, split_song, stem_called

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.gui import theme
from stemstudio.gui.views.floor_plan import DISC
from stemstudio.gui.views.room import ONE, RoomPanel
from stemstudio.mixing.arrangements import arrangement_named
from stemstudio.mixing.folddown import FoldRow
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.project import edits
from stemstudio.project.placing import set_place
from stemstudio.project.room import Move, Place


class StandInSound(QObject):
    """Keeps how the room is to be heard."""

    ear_changed = Signal()
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.ear = None

    def set_ear(self, ear) -> None:
        if ear == "loudspeakers":  # nobody here has so many
            self.refused.emit("5.1 needs 6 outputs, and “Box” has 2.")
        else:
            self.ear = ear
        self.ear_changed.emit()


@pytest.fixture
def made(qtbot):
    panels = []

    def make(document) -> RoomPanel:
        panel = RoomPanel(document, StandInSound())
        panels.append(panel)
        qtbot.addWidget(panel)
        panel.resize(320, 800)
        panel.show()
        qtbot.wait(20)
        return panel

    yield make
    for panel in panels:
        panel._document.jobs.close()


@pytest.fixture
def dressed(qapp):
    """Widgets as large as in the program."""
    theme.apply(qapp)
    yield
    qapp.setStyleSheet("")


def pixel(floor, azimuth: float, distance: float = 1.0) -> QPoint:
    return floor.plan.point_of(azimuth, distance).toPoint()


def disc_of(floor, stem: int) -> QPoint:
    return next(disc.at for disc in floor.plan.discs() if disc.stem.id == stem and not disc.arrival).toPoint()


def drag(floor, start: QPoint, *stops: QPoint) -> None:
    QTest.mousePress(floor, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for stop in stops:
        QTest.mouseMove(floor, stop)
    QTest.mouseRelease(floor, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, stops[-1])


def test_stems_on_loudspeakers_leave_their_names_in_sight(made):
    document = split_song()
    floor = made(document).floor
    bass = stem_called(document, "bass")
    for speaker in LAYOUTS["5.1"].speakers:
        if speaker.azimuth is None:
            continue
        document.do(set_place(document.state, bass, "There", azimuth=speaker.azimuth, distance=1.0))
        label = floor.plan.label_of(speaker)
        apart = QLineF(QPointF(disc_of(floor, bass)), label.center()).length()
        assert apart > DISC + 10.0
        assert QRectF(floor.rect()).contains(label)


def test_a_stem_is_dragged_to_its_place_as_one_step(made):
    document = split_song()
    panel = made(document)
    bass = stem_called(document, "bass")
    steps = len(document.history.edits)
    # All five stand side by side where stereo is.
    assert len({(disc.at.x(), disc.at.y()) for disc in panel.floor.plan.discs()}) == 5
    start = disc_of(panel.floor, bass)
    beside = start - pixel(panel.floor, 0.0)
    drag(panel.floor, start, pixel(panel.floor, 60.0, 0.7) + beside, pixel(panel.floor, 90.0, 0.5) + beside)
    place = document.state.stems[bass].place
    assert place.azimuth == pytest.approx(90.0, abs=2.0)
    assert place.distance == pytest.approx(0.5, abs=0.03)
    assert document.target == bass
    assert len(document.history.edits) == steps + 1
    assert panel.place.fields["azimuth"].value() == pytest.approx(place.azimuth)
    assert panel.place.fields["distance"].value() == pytest.approx(100 * place.distance)
    assert panel.place.name.text() == "bass"
    drag(panel.floor, disc_of(panel.floor, bass), pixel(panel.floor, 111.0, 0.99))
    assert document.state.stems[bass].place.azimuth == 110.0, "drawn to the loudspeaker"
    assert document.state.stems[bass].place.distance == 1.0
    document.undo()
    assert document.state.stems[bass].place == place
    QTest.mouseDClick(panel.floor, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, disc_of(panel.floor, bass))  # fmt: skip
    assert document.state.stems[bass].place == Place()


def test_numbers_and_keys_do_the_same(made):
    document = split_song()
    panel = made(document)
    drums = stem_called(document, "drums")
    document.set_target(drums)
    for name, typed, expected in (
        ("azimuth", "-45", -45.0), ("distance", "80", 0.8), ("width", "120", 120.0),
        ("divergence", "25", 0.25), ("ambience", "100", 1.0),
    ):  # fmt: skip
        field = panel.place.fields[name]
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert getattr(document.state.stems[drums].place, name) == pytest.approx(expected), name
    assert document.history.names[-1] == "Ambience of drums"
    assert document.state.stems[drums].place.lfe_db == 0.0, "all stems go there"
    for kept in (None, 0.0):
        QTest.mouseClick(
            panel.place.lfe, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.place.lfe.height() // 2)
        )
        assert document.state.stems[drums].place.lfe_db == kept
    panel.place.lfe_db.setValue(-6.0)
    assert document.state.stems[drums].place.lfe_db == -6.0
    panel.floor.setFocus()
    document.settle()
    QTest.keyClick(panel.floor, Qt.Key.Key_Right)
    QTest.keyClick(panel.floor, Qt.Key.Key_Down)
    QTest.keyClick(panel.floor, Qt.Key.Key_Minus)
    place = document.state.stems[drums].place
    assert (place.azimuth, place.distance, place.width) == (-40.0, 0.75, 110.0)
    QTest.keyClick(panel.floor, Qt.Key.Key_Backspace)
    assert document.state.stems[drums].place == Place(lfe_db=-6.0), (
        "the low-frequency channel is another matter"
    )


def test_a_stem_moves_between_two_places(made):
    document = split_song()
    panel = made(document)
    vocals = stem_called(document, "vocals")
    document.set_target(vocals)
    assert not panel.place.leaves.isVisible()
    QTest.mouseClick(
        panel.place.moves, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.place.moves.height() // 2)
    )
    move = document.state.stems[vocals].place.move
    assert (move.azimuth, move.start, move.stop) == (180.0, 0.0, 4.0)
    assert panel.place.leaves.isVisible()
    arrival = next(disc for disc in panel.floor.plan.discs() if disc.arrival)
    drag(panel.floor, arrival.at.toPoint(), pixel(panel.floor, -90.0))
    panel.place.leaves.setValue(6.0)
    move = document.state.stems[vocals].place.move
    assert move.azimuth == pytest.approx(-90.0, abs=2.0)
    assert move.start == 6.0
    assert move.stop > move.start
    assert document.state.stems[vocals].place.azimuth == 0.0, "where it starts has not moved"
    QTest.mouseClick(
        panel.place.moves, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.place.moves.height() // 2)
    )
    assert document.state.stems[vocals].place.move is None


def test_presets_layouts_and_fold_safe_are_steps(made):
    document = split_song()
    panel = made(document)
    panel.arrange(arrangement_named("band"))
    assert document.history.names[-1] == "Room: In the band"
    assert document.state.stems[stem_called(document, "drums")].place.azimuth == 180.0
    panel.layouts.setCurrentIndex(panel.layouts.findData("quad"))
    panel.layouts.activated.emit(panel.layouts.currentIndex())
    assert document.state.room.layout == "quad"
    assert not panel.place.lfe.isEnabled(), "quad has no such channel"
    assert not panel.place.fields["divergence"].isEnabled()
    QTest.mouseClick(panel.fold_safe, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.fold_safe.height() // 2))
    assert document.state.room.fold_safe
    document.undo()
    assert not panel.fold_safe.isChecked()
    document.undo()
    assert panel.layouts.currentData() == "5.1"


def test_the_fold_down_is_measured_and_shown(qtbot, made):
    document = song()
    rng = np.random.default_rng(0)
    waves = (0.1 * rng.standard_normal((1, 2, document.state.mixture.length))).astype(np.float32)
    document.do(edits.split(document.project, 0, Slicer(), Waveforms(["vocals"], waves), stems=["vocals"]))
    panel = made(document)
    panel.arrange(arrangement_named("band"))
    panel._set_room("Fold-safe", fold_safe=True)
    QTest.mouseClick(panel.fold.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.fold.table.isVisible(), timeout=60_000)
    shown = [[panel.fold.table.item(row, column).text() for column in range(4)] for row in range(3)]
    assert [row[0] for row in shown] == ["vocals", "residual", "All together"]
    for row in shown:
        assert row[1:3] == ["0.0", "0.0"], row
        assert row[3] == "−∞" or float(row[3].replace("−", "-")) < -100
    assert "1 kHz" in panel.fold.table.item(0, 2).toolTip()
    qtbot.waitUntil(panel.fold.check.isEnabled, timeout=5000)
    panel.arrange(arrangement_named("stage"))
    assert not panel.fold.table.isEnabled()
    assert "Changed" in panel.fold.note.text()


@pytest.mark.parametrize(("width", "height"), [(316, 780), (316, 570), (960, 680)])
def test_all_of_it_is_in_sight(qtbot, dressed, made, width, height):
    """In its column in a window of 1600 x 1000 and of 1280 x 800, and apart; with a stem that moves, and a table."""
    document = split_song()
    panel = made(document)
    document.do(
        set_place(document.state, document.target, "Moves", move=Move(azimuth=90.0, start=0.0, stop=2.0))
    )
    panel.fold.table.show_rows(
        [FoldRow(leaf.name, -20.0, -20.0, (0.0,) * 10, -80.0) for leaf in document.state.leaves()]
    )
    panel.fold.table.show()
    frame = QScrollArea()
    qtbot.addWidget(frame)
    frame.setWidgetResizable(True)
    frame.setWidget(panel)
    frame.setFrameShape(QScrollArea.Shape.NoFrame)
    frame.resize(width, height)
    frame.show()
    qtbot.wait(20)
    assert panel.height() <= frame.viewport().height(), "nothing has to be scrolled to"
    assert panel.width() <= frame.viewport().width()
    assert panel.floor.width() >= 230
    assert panel.floor.height() >= 230
    for part in (
        panel.layouts,
        panel.ears,
        panel.presets,
        panel.fold_safe,
        *panel.place.fields.values(),
        panel.place.to_azimuth,
    ):
        assert part.isVisible()
        assert panel.rect().contains(
            part.geometry().translated(part.parentWidget().mapTo(panel, QPoint(0, 0)))
        ), part.toolTip()
    if panel.pages.isVisible():
        panel.pages.setCurrentIndex(1)
        assert not panel.place.isVisible()
    assert panel.fold.check.isVisible()
    assert panel.fold.table.isVisible()
    assert (panel.floor.width() > 450) == (width > 900), "numbers stand beside a large floor"
    frame.takeWidget()


def test_a_stem_that_is_moved_unheard_says_how_to_hear_it(made):
    document = split_song()
    panel = made(document)
    assert not panel.hear.isVisible()
    before = panel.floor.geometry()
    panel.arrange(arrangement_named("band"))
    assert panel.hear.isVisible()
    assert panel.floor.geometry() == before, "the floor stays under the hand"
    QTest.mouseClick(panel.hear, Qt.MouseButton.LeftButton)
    assert panel._sound.ear == "fold-down"
    assert not panel.hear.isVisible()


def test_how_it_is_heard_goes_back_where_the_device_cannot(made):
    document = split_song()
    panel = made(document)
    for ear, kept in (("headphones", "headphones"), (None, None), ("loudspeakers", None)):
        panel.ears.setCurrentIndex(panel.ears.findData(ear))
        panel.ears.activated.emit(panel.ears.currentIndex())
        assert panel._sound.ear == kept
        assert panel.ears.currentData() == kept
    assert panel.note.text() == "5.1 needs 6 outputs, and “Box” has 2."
    QTest.mouseClick(panel.headphones, Qt.MouseButton.LeftButton)
    assert panel.ears.currentData() == "headphones"
    assert not panel.headphones.isVisible()
    assert not panel.note.isVisible()


def test_without_a_song_and_with_one_stem(made):
    document = song(1.0)
    panel = made(document)
    assert panel.note.text() == ONE
    (only,) = panel.floor.plan.discs()
    assert only.stem.id == 0
    drag(panel.floor, only.at.toPoint(), pixel(panel.floor, 180.0))
    assert abs(document.state.stems[0].place.azimuth) == pytest.approx(180.0, abs=2.0)
    document.set_project(None)
    assert panel.floor.plan.discs() == []
    assert not panel.fold.check.isEnabled()
    QTest.keyClick(panel.floor, Qt.Key.Key_Left)
    drag(panel.floor, QPoint(100, 100), QPoint(120, 120))
    panel.arrange(arrangement_named("stage"))
    assert panel.grab().width() == panel.width()
    assert panel.floor.plan.place_at(panel.floor.plan.centre) == (0.0, 0.0)
