"""The atoms: rows on the song's time axis, given to stems by key, drag, menu and suggestion."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from small_projects import GRID, RATE, Slicer, atom_song, harmonic_atoms, song, split_song, stem_called

from stemstudio.algorithms.alike import by_example
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.atom_detail import AtomDetail
from stemstudio.gui.views.atom_menu import lock
from stemstudio.gui.views.atom_painting import NUMBER
from stemstudio.gui.views.atom_pictures import pictured
from stemstudio.gui.views.atom_rows import AtomRows
from stemstudio.gui.views.atoms import AtomsView
from stemstudio.gui.views.stem_chips import NEW
from stemstudio.gui.views.suggestions import suggestion_edit
from stemstudio.project import edits
from stemstudio.project.stem import RESIDUAL_COLOUR


@pytest.fixture
def shown(qtbot):
    """Shows the atoms of a document, once they are drawn."""
    kept = []

    def show(document, width=1000, height=240):
        view = AtomsView(document)
        qtbot.addWidget(view)
        view.resize(width, height)
        view.show()
        if document.atom_split is not None:
            qtbot.waitUntil(lambda: view.rows.pictures is not None, timeout=5000)
        kept.append((view, document))
        return view

    yield show
    for _, document in kept:
        document.jobs.close()


def click_row(view, atom, modifiers=Qt.KeyboardModifier.NoModifier):
    at = QPoint(300, view.rows.area_of(atom).center().y())
    QTest.mouseClick(view.rows, Qt.MouseButton.LeftButton, modifiers, at)


def drop_on(widget, mime, at=None):
    at = at or QPoint(10, 8)
    where = (Qt.DropAction.MoveAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, QDragEnterEvent(at, *where))
    QApplication.sendEvent(widget, QDropEvent(QPointF(at), *where))


def owner(document, atom):
    split = document.atom_split
    return document.state.stems[split.owners[atom]].name


def test_without_atoms_the_way_to_them_is_said(shown):
    for document in (song(), split_song()):
        view = shown(document)
        assert "By hand, from atoms" in view.rows.empty_words
        assert not view.suggest_bar.suggest_button.isEnabled()


def test_an_activation_is_drawn_where_it_sounds_in_its_stems_colour(shown):
    document = atom_song()
    view = shown(document)
    view.rows.set_margins(120, 30)
    picture = view.rows.grab().toImage()
    ratio = picture.devicePixelRatio()
    area, row = view.rows.time_area, view.rows.area_of(1)
    assert (area.left(), area.right()) == (120, view.rows.width() - 31)
    # atom 2 begins after a quarter of the song, loudest first
    y = row.bottom() - 2

    def colour(seconds):
        x = area.left() + document.viewport.x_of(seconds, area.width())
        return picture.pixelColor(round(x * ratio), round(y * ratio))

    wanted = QColor(document.state.stems[stem_called(document, "high")].colour)
    seen = colour(1.3)
    assert abs(seen.hueF() - wanted.hueF()) < 0.03
    assert seen.valueF() > 0.6
    assert colour(0.7).valueF() < 0.15


def test_the_playhead_is_drawn_where_it_came_from_and_where_it_is_alone(shown, monkeypatch):
    document = atom_song()
    view, drawn = shown(document), []
    view.rows.set_margins(120, 30)
    QApplication.processEvents()
    monkeypatch.setattr(view.rows, "paintEvent", lambda event: drawn.append(event.region()))
    view.rows.move_playhead(1.0, 1.02)
    QApplication.processEvents()
    area, (region,) = view.rows.time_area, drawn
    for seconds in (1.0, 1.02):
        x = round(area.left() + document.viewport.x_of(seconds, area.width()))
        assert region.contains(QPoint(x, 5))
    assert region.boundingRect().width() < 40
    assert region.boundingRect().left() > area.left()


def test_zooming_keeps_to_the_songs_time(shown):
    document = atom_song()
    view = shown(document)
    document.viewport.set_time(0.9, 1.1)
    heights = view.rows.pictures.curves([1], 0.9, 1.1, 400)[0]
    assert heights[:160].max() < 0.05
    assert heights[240:].min() > 0.8


def test_curves_keep_every_peak_at_any_zoom():
    H = np.zeros((2, 5000), dtype=np.float32)
    H[0, 1234] = 1.0
    H[1] = 0.5
    atoms = Factorization(np.ones((GRID.bins, 2), dtype=np.float32), H, GRID)
    pictures = pictured(atoms, RATE)
    seconds = 5000 * GRID.hop / RATE
    at = 1234 * GRID.hop / RATE
    for width in (37, 300, 999):
        heights = pictures.curves([0], 0.0, seconds, width)[0]
        assert heights.max() == pytest.approx(1.0)
        assert int(heights.argmax()) == pytest.approx(at / seconds * width, abs=1.5)
    beyond = pictures.curves([1], seconds - 1, seconds + 1, 100)[0]
    assert beyond[20] == pytest.approx(1.0)
    assert beyond[80:].max() == 0.0


def test_256_atoms_of_ten_minutes_are_painted_as_fast_as_those_of_twenty_seconds(shown, qtbot):
    document = song(2.0)
    rng = np.random.default_rng(0)
    W = rng.random((GRID.bins, 256), dtype=np.float32)
    shown_rows = []
    for frames in (870, 26_000):
        H = rng.random((256, frames), dtype=np.float32)
        rows = AtomRows(document)
        qtbot.addWidget(rows)
        rows.resize(1200, 600)
        rows.show_atoms(pictured(Factorization(W, H, GRID), RATE), range(256))
        rows.show()
        rows.grab()
        shown_rows.append((rows, frames * GRID.hop / RATE))
    took: tuple[list[float], list[float]] = ([], [])
    for step in range(8):
        for (rows, seconds), times in zip(shown_rows, took, strict=True):
            document.viewport.set_song(seconds, RATE)
            document.viewport.set_time(0.001 * step * seconds, (0.5 + 0.01 * step) * seconds)
            began = time.perf_counter()
            rows.grab()
            times.append(time.perf_counter() - began)
    short, long = (sorted(times)[len(times) // 2] for times in took)
    assert long < 3 * short, took


def test_order_by_energy_pitch_and_stem(shown, qtbot):
    document = atom_song(pitches=(440.0, 110.0, 880.0, 220.0), stems=("first", "second"))
    view = shown(document)
    view.sort.setCurrentIndex(view.sort.findData("pitch"))
    assert view.rows.order == (1, 3, 0, 2)
    view.sort.setCurrentIndex(view.sort.findData("stem"))
    assert view.rows.order[:2] == (0, 1)
    view.sort.setCurrentIndex(view.sort.findData("energy"))
    energy = view.rows.pictures.energy
    assert list(energy[list(view.rows.order)]) == sorted(energy, reverse=True)
    view.sort.setCurrentIndex(view.sort.findData("similarity"))
    qtbot.waitUntil(lambda: view._similar is not None, timeout=20000)
    assert sorted(view.rows.order) == [0, 1, 2, 3]


def test_selecting_with_click_control_shift_and_keys(shown):
    document = atom_song()
    view = shown(document)
    first, second, third, fourth = view.rows.order
    click_row(view, first)
    assert document.atoms == (first,)
    click_row(view, third, Qt.KeyboardModifier.ShiftModifier)
    assert set(document.atoms) == {first, second, third}
    click_row(view, second, Qt.KeyboardModifier.ControlModifier)
    assert set(document.atoms) == {first, third}
    click_row(view, third)
    assert document.atoms == (third,), "a plain click on one of several selects it alone"
    QTest.keyClick(view.rows, Qt.Key.Key_Down)
    assert document.atoms == (fourth,)
    QTest.keyClick(view.rows, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert set(document.atoms) == {0, 1, 2, 3}


def test_number_keys_give_atoms_and_one_more_makes_a_stem(shown):
    document = atom_song()
    view = shown(document)
    click_row(view, 2)
    QTest.keyClick(view.rows, Qt.Key.Key_2)
    assert owner(document, 2) == "high"
    assert document.history.names[-1] == "Give atom 3 to high"
    click_row(view, 3)
    QTest.keyClick(view.rows, Qt.Key.Key_4)
    assert owner(document, 3) == "stem"
    assert len(document.state.leaves()) == 4
    document.undo()
    assert len(document.state.leaves()) == 3, "new stem and gift are one step"
    assert owner(document, 3) == "residual"
    told = []
    document.said.connect(told.append)
    view.assign_to_number(9)
    assert told == ["There is no stem 9; 4 makes a new one."]


def test_dropping_on_a_row_gives_to_that_rows_stem(shown):
    document = atom_song()
    view = shown(document)
    drop_on(view.rows, atom_drag.packed(0, [3]), view.rows.area_of(0).center())
    assert owner(document, 3) == "low"


def test_dropping_on_a_chip_and_on_new_stem(shown):
    document = atom_song()
    view = shown(document)
    chips = {chip.stem: chip for chip in view.chips.chips}
    drop_on(chips[stem_called(document, "high")], atom_drag.packed(0, [2, 3]))
    assert (owner(document, 2), owner(document, 3)) == ("high", "high")
    assert chips[stem_called(document, "high")].count == 3
    drop_on(chips[NEW], atom_drag.packed(0, [0]))
    assert owner(document, 0) == "stem"
    assert [chip.text() for chip in view.chips.chips] == ["low", "high", "stem", "residual", "+"]


def test_a_drag_carries_all_selected_atoms(shown):
    document = atom_song()
    view = shown(document)
    document.select_atoms((1, 3))
    mime = view.rows.drag().mimeData()
    assert atom_drag.unpacked(mime, document.state) == (0, (1, 3))


def test_a_drag_from_elsewhere_is_refused(shown):
    document = atom_song()
    shown(document)
    assert atom_drag.unpacked(atom_drag.packed(0, [99]), document.state) is None
    assert atom_drag.unpacked(atom_drag.packed(7, [0]), document.state) is None


def test_chips_select_their_atoms(shown):
    document = atom_song()
    view = shown(document)
    chip = next(chip for chip in view.chips.chips if chip.text() == "residual")
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert document.atoms == (2, 3)


def test_locked_atoms_stay(shown):
    document = atom_song()
    view = shown(document)
    document.select_atoms((0,))
    plain = view.rows.grab().toImage()
    lock(document, True)
    locked = view.rows.grab().toImage()
    assert locked != plain, "a lock is drawn"
    spectra = QRect(NUMBER, 0, view.rows.width() - NUMBER, view.rows.height())
    assert locked.copy(spectra) == plain.copy(spectra), "and its spectrum stays in sight"
    told = []
    document.said.connect(told.append)
    view.assign_to_number(2)
    assert owner(document, 0) == "low"
    assert told == ["1 locked atom stays where it is."]


def test_the_head_of_a_row_follows_its_atom(shown):
    document = atom_song()
    view = shown(document)

    def head():
        QApplication.processEvents()
        area = view.rows.area_of(0)
        return view.rows.grab(QRect(0, area.top(), 100, area.height())).toImage()

    before = head()
    assert head() == before
    document.do(edits.lock(document.state, 0, [0], True, "Lock"))
    locked = head()
    assert locked != before
    other = next(leaf.id for leaf in document.state.leaves() if leaf.name != owner(document, 0))
    document.undo()
    document.do(edits.assign(document.state, 0, {0: other}, "Move"))
    assert head() not in (before, locked)
    document.undo()
    assert head() == before


def test_menu_of_atoms(shown):
    document = atom_song()
    view = shown(document)
    document.select_atoms((2, 3))
    menu = view.menu()
    words = {action.text().split("\t")[0]: action for action in menu.actions()}
    give = {action.text().split("\t")[0]: action for action in words["Give to"].menu().actions()}
    give["high"].trigger()
    assert (owner(document, 2), owner(document, 3)) == ("high", "high")
    words["Lock: stays in its stem"].trigger()
    assert document.atom_split.locked == {2, 3}
    words["Select all of residual"].trigger()


def test_hearing_an_atom(shown, qtbot):
    document = atom_song()
    view = shown(document)
    with qtbot.waitSignal(view.hear_atom) as heard:
        QTest.mouseClick(view.rows, Qt.MouseButton.LeftButton, pos=view.rows.hear_area(2).center())
    assert heard.args == [0, 2]
    with qtbot.waitSignal(view.hear_atom) as heard:
        QTest.mouseDClick(
            view.rows, Qt.MouseButton.LeftButton, pos=QPoint(300, view.rows.area_of(1).center().y())
        )
    assert heard.args == [0, 1]


def alike_song():
    """Six atoms of two kinds: three low notes, three high ones; none has a stem."""
    document = song()
    frames = GRID.frames(document.state.mixture.length)
    atoms = harmonic_atoms([80.0, 1800.0, 90.0, 2000.0, 85.0, 1900.0], frames)
    document.do(edits.split(document.project, 0, Slicer(), atoms, name="Atoms"))
    return document


def test_suggest_makes_the_stems_and_is_one_step(shown, qtbot):
    document = alike_song()
    view = shown(document)
    detail = AtomDetail(document)
    qtbot.addWidget(detail)
    detail.show()
    told: list[str] = []
    document.said.connect(told.append)
    view.suggest_bar.count.setValue(2)
    QTest.mouseClick(view.suggest_bar.suggest_button, Qt.MouseButton.LeftButton)
    assert not view.suggest_bar.suggest_button.isEnabled()
    qtbot.waitUntil(lambda: len(document.history.edits) == 2, timeout=30000)
    assert document.history.names[-1] == "Suggest 2 stems by timbre"
    assert told == ["All 6 atoms are suggested with 60 % or more."]
    owners = [owner(document, atom) for atom in range(6)]
    assert owners[0] == owners[2] == owners[4] != owners[1] == owners[3] == owners[5]
    assert len(document.state.leaves()) == 3
    assert view.suggest_bar.suggest_button.isEnabled()
    document.select_atoms((1,))
    chances = {row.text(): row.chance for row in detail.stem_rows}
    assert chances[owners[1]] > 0.5
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
    document.undo()
    assert len(document.state.leaves()) == 1 or document.state.leaves()[0].name == "residual"


def test_suggest_leaves_locked_atoms_alone(shown, qtbot):
    document = alike_song()
    view = shown(document)
    edit, mine = edits.add_stem(document.project, 0, "mine")
    document.do(edit)
    document.do(edits.assign(document.state, 0, {1: mine}, "give"))
    document.select_atoms((1,))
    lock(document, True)
    steps = len(document.history.edits)
    view.suggest_bar.count.setValue(2)
    view.suggest_bar.suggest()
    qtbot.waitUntil(lambda: len(document.history.edits) > steps, timeout=30000)
    assert owner(document, 1) == "mine"
    assert owner(document, 3) == "mine", "what is like a locked atom joins it"
    assert owner(document, 0) != "mine"


def test_suggest_finds_how_many_stems_when_asked(shown, qtbot):
    document = alike_song()
    view = shown(document)
    view.suggest_bar.count.setValue(view.suggest_bar.count.minimum())
    assert view.suggest_bar.count.text() == "find it"
    view.suggest_bar.suggest()
    qtbot.waitUntil(lambda: len(document.history.edits) == 2, timeout=30000)
    owners = [owner(document, atom) for atom in range(6)]
    assert owners[0] == owners[2] == owners[4] != owners[1] == owners[3] == owners[5]
    assert document.history.names[-1] == f"Suggest {len(document.state.children(0)) - 1} stems by timbre"


def test_suggest_by_rhythm_gathers_what_sounds_together(shown, qtbot):
    document = song()
    frames = GRID.frames(document.state.mixture.length)
    atoms = harmonic_atoms([80.0, 1800.0, 90.0, 2000.0], frames)
    together = np.repeat(np.random.default_rng(0).random((2, frames)).astype(np.float32) ** 8, 2, axis=0)
    atoms = Factorization(atoms.templates, together, GRID)
    document.do(edits.split(document.project, 0, Slicer(), atoms, name="Atoms"))
    view = shown(document)
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("rhythm"))
    view.suggest_bar.count.setValue(2)
    view.suggest_bar.suggest()
    qtbot.waitUntil(lambda: len(document.history.edits) == 2, timeout=30000)
    assert document.history.names[-1] == "Suggest 2 stems by rhythm"
    owners = [owner(document, atom) for atom in range(4)]
    assert owners[0] == owners[1] != owners[2] == owners[3]


def test_suggest_like_mine_sends_the_rest_after_those_with_a_stem(shown, qtbot):
    document = alike_song()
    view = shown(document)
    told = []
    document.said.connect(told.append)
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("example"))
    assert not view.suggest_bar.count.isEnabled(), "there are the stems that there are"
    view.suggest_bar.suggest()
    assert "Give an atom or two" in told[-1]
    for name, atom in (("low", 0), ("high", 3)):
        edit, stem = edits.add_stem(document.project, 0, name)
        document.do(edit)
        document.do(edits.assign(document.state, 0, {atom: stem}, "give"))
    steps = len(document.history.edits)
    view.suggest_bar.suggest()
    qtbot.waitUntil(lambda: len(document.history.edits) > steps, timeout=30000)
    assert document.history.names[-1] == "Give the other atoms to what they are like"
    assert [owner(document, atom) for atom in range(6)] == ["low", "high"] * 3
    assert len(document.state.children(0)) == 3, "no stem is made"
    assert len(document.history.edits) == steps + 1
    document.history.undo()
    assert [owner(document, atom) for atom in (0, 3)] == ["low", "high"]
    assert not {owner(document, atom) for atom in (1, 2, 4, 5)} & {"low", "high"}


def test_letting_the_rest_follow_leaves_atoms_that_have_a_stem_by_then(shown):
    document = alike_song()
    shown(document)
    stems = {}
    for name, atom in (("low", 0), ("high", 3)):
        edit, stems[name] = edits.add_stem(document.project, 0, name)
        document.do(edit)
        document.do(edits.assign(document.state, 0, {atom: stems[name]}, "give"))
    labels = by_example(document.state.splits[0].estimates, RATE, {0: 0, 3: 1}, 2)
    document.do(edits.assign(document.state, 0, {2: stems["high"], 3: stems["low"]}, "give"))
    document.do(edits.lock(document.state, 0, [5], True, "Lock"))
    locked = owner(document, 5)
    edit = suggestion_edit(document.project, 0, labels, "example")
    document.do(edit)
    assert [owner(document, atom) for atom in range(5)] == ["low", "high", "high", "low", "low"]
    assert owner(document, 5) == locked


def test_detail_says_pitch_share_and_owner(shown, qtbot):
    document = atom_song()
    detail = AtomDetail(document)
    qtbot.addWidget(detail)
    detail.resize(340, 300)
    detail.show()
    assert "Click an atom" in detail.hint.text()
    assert not detail.spectrum.isVisible()
    document.select_atoms((3,))
    assert detail.title.text() == "Atom 4"
    assert detail.words.text().startswith("A4")
    assert "440 Hz" in detail.words.text()
    assert "% of the sound" in detail.words.text()
    assert [(row.text(), row.own) for row in detail.stem_rows] == [
        ("low", False), ("high", False), ("residual", True)
    ]  # fmt: skip
    QTest.mouseClick(detail.stem_rows[0], Qt.MouseButton.LeftButton)
    assert owner(document, 3) == "low"
    assert [row.own for row in detail.stem_rows] == [True, False, False]
    QTest.mouseClick(detail.lock, Qt.MouseButton.LeftButton)
    assert document.atom_split.locked == {3}
    assert detail.lock.text() == "Unlock"
    with qtbot.waitSignal(detail.hear_atom) as heard:
        QTest.mouseClick(detail.hear, Qt.MouseButton.LeftButton)
    assert heard.args == [0, 3]
    document.select_atoms((0, 1))
    assert detail.title.text() == "2 atoms"
    detail.resize(240, 300)
    detail.title.setText("Atom 1 · hi-hat attack of the second bar")
    qtbot.waitUntil(lambda: detail.width() == 240 and detail.title.cut)
    assert detail.lock.geometry().right() < 240, "long names leave the buttons their room"
    document.jobs.close()


def test_detail_without_atoms(qtbot):
    detail = AtomDetail(song())
    qtbot.addWidget(detail)
    assert "There are no atoms yet" in detail.hint.text()
    assert detail.stem_rows == []


def test_atoms_of_a_running_factorisation_are_shown(shown, qtbot):
    document = song()
    view = shown(document)
    frames = GRID.frames(document.state.mixture.length)
    view.show_preview(0, harmonic_atoms([110.0, 220.0], frames))
    qtbot.waitUntil(lambda: len(view.rows.order) == 2, timeout=5000)
    assert view.title.text() == "2 atoms, still running"
    assert not view.suggest_bar.suggest_button.isEnabled()
    document.do(edits.split(document.project, 0, Slicer(), harmonic_atoms([110.0] * 3, frames), name="Atoms"))
    qtbot.waitUntil(lambda: len(view.rows.order) == 3, timeout=5000)
    assert view.title.text() == "3 atoms"


def test_atoms_of_a_running_factorisation_are_in_no_stem_yet(shown, qtbot):
    document = atom_song()
    view = shown(document)
    view.suggest_bar.count.setValue(2)
    view.suggest_bar.suggest()
    made = document.atom_split.estimates
    qtbot.waitUntil(lambda: bool(view._suggestions.of(made, 0)) and bool(view.rows.order), timeout=5000)
    assert view.rows.colour_of(0).name() != RESIDUAL_COLOUR
    document.select_atoms((1,))
    frames = GRID.frames(document.state.mixture.length)
    more = len(made.names) + 2
    view.show_preview(0, harmonic_atoms([110.0 * (1 + atom) for atom in range(more)], frames))
    qtbot.waitUntil(lambda: len(view.rows.order) == more, timeout=5000)
    for how in ("energy", "doubt", "stem", "pitch"):
        view.sort.setCurrentIndex(view.sort.findData(how))
        assert sorted(view.rows.order) == list(range(more))
        view.rows.grab()
    assert {view.rows.colour_of(atom).name() for atom in range(more)} == {RESIDUAL_COLOUR}
    assert not any(view.rows._chances(atom) for atom in range(more))
    QTest.mouseClick(view.rows, Qt.MouseButton.LeftButton, pos=view.rows.area_of(view.rows.order[0]).center())
    QTest.keyClick(view.rows, Qt.Key.Key_Down)
    assert document.atoms == (1,)  # what is shown can't be chosen, and what was chosen stays
    view.end_preview()
    qtbot.waitUntil(lambda: len(view.rows.order) == len(made.names), timeout=5000)
    assert view.rows.colour_of(0).name() != RESIDUAL_COLOUR


def test_closing_the_song_leaves_nothing(shown):
    document = atom_song()
    view = shown(document)
    document.set_project(None)
    assert view.rows.order == ()
    assert view.chips.chips == []
    assert view.title.text() == "Atoms"


@pytest.mark.parametrize("width", [700, 1400])
def test_every_stem_of_the_atoms_is_in_sight_at_any_width(shown, width):
    document = atom_song(pitches=(440.0, 110.0, 880.0, 220.0), stems=("first", "second", "third"))
    view = shown(document)
    view.resize(width, 300)
    QTest.qWait(20)
    area = view.chips.parentWidget()
    for chip in view.chips.chips:
        corner = chip.mapTo(area, chip.rect().bottomRight())
        assert area.rect().contains(corner), chip.text()


def test_stems_that_come_by_suggestion_are_in_sight_at_once(shown):
    document = atom_song(pitches=(440.0, 110.0, 880.0, 220.0), stems=())
    view = shown(document, width=760)
    parent, project = document.atoms_of, document.project
    steps = []
    for atom in range(4):
        added, stem = edits.add_stem(project, parent, f"stem {atom}")
        steps += [added, edits.assign(document.state, parent, {atom: stem}, "")]
    document.do(edits.together("Suggest", steps))
    QTest.qWait(20)
    area = view.chips.parentWidget()
    assert len(view.chips.chips) >= 3
    for chip in view.chips.chips:
        assert area.rect().contains(chip.mapTo(area, chip.rect().bottomRight())), chip.text()
