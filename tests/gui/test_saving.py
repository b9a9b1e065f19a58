"""A project comes back as it was: stems, paint, view; and nothing is lost by closing or by dying."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from stemstudio.algorithms.hpss import HPSS
from stemstudio.gui.comparing import Comparing
from stemstudio.gui.document import Document
from stemstudio.gui.opening import Opening
from stemstudio.gui.opinions import opinions_of
from stemstudio.gui.player import Player
from stemstudio.gui.saving import Saving
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import PaintStroke
from stemstudio.project.rendering import render_leaves
from stemstudio.project.session import sessions
from stemstudio.project.takes import answer_of, take_of
from stemstudio.spectral.brushes import Box, BrushStroke, Selection


@dataclass
class Studio:
    window: QWidget
    document: Document
    opening: Opening
    player: Player
    saving: Saving

    def close(self, *, crash: bool = False) -> None:
        self.opening.cancel()
        self.player.close()
        self.document.jobs.close()
        if crash and self.saving.storage is not None:
            self.saving.storage.flush()
            self.saving.storage.close(keep=True)
            self.saving.storage = None
        self.saving.close()


@pytest.fixture
def studios(qtbot):
    made: list[Studio] = []

    def make() -> Studio:
        window = QWidget()
        qtbot.addWidget(window)
        document, player = Document(), Player()
        opening = Opening(document)
        made.append(Studio(window, document, opening, player, Saving(window, document, opening, player)))
        return made[-1]

    yield make
    for studio in made:
        studio.close()


@pytest.fixture
def song(tmp_path) -> Path:
    rng = np.random.default_rng(5)
    soundfile.write(tmp_path / "song.wav", 0.1 * rng.standard_normal((4 * 44100, 2)), 44100, subtype="FLOAT")
    return tmp_path / "song.wav"


def open_song(qtbot, studio: Studio, path: Path) -> None:
    with qtbot.waitSignal(studio.opening.read, timeout=20_000):
        studio.opening.open(path)


def work_on_it(document: Document) -> None:
    document.do(edits.by_hand(document.project, "lead"))
    lead = document.state.children(0)[0].id
    stroke = BrushStroke(
        points=((1.0, 800.0), (1.5, 900.0)), width=0.2, height=1.0, hardness=0.5, strength=1.0
    )
    document.do(
        edits.paint(document.state, document.project.new_id(), PaintStroke(lead, False, stroke), "Brush lead")
    )
    document.do(edits.set_stem(document.state, lead, "Gain", gain_db=-6.0))


def same_sound(one: Document, other: Document) -> bool:
    length = one.state.mixture.length
    first, second = render_leaves(one.state, 0, length), render_leaves(other.state, 0, length)
    return first.keys() == second.keys() and all(np.array_equal(first[stem], second[stem]) for stem in first)


def test_save_and_open_bring_everything_back(qtbot, monkeypatch, studios, song, tmp_path):
    first = studios()
    open_song(qtbot, first, song)
    work_on_it(first.document)
    first.document.viewport.set_time(0.5, 2.0)
    first.document.viewport.set_frequency(100.0, 5000.0)
    first.document.set_selection(
        Selection().combined("replace", Box(start=1.0, stop=2.0, low=200.0, high=900.0))
    )
    first.document.set_look(view="mixture", colours="viridis")
    first.document.hints.set_strength(2.5)
    assert first.saving.unsaved
    target = tmp_path / "work"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(first.saving.opened, timeout=20_000):
        first.saving.save()
    assert first.saving.path == tmp_path / "work.stems"
    assert not first.saving.unsaved

    second = studios()
    with qtbot.waitSignal(second.opening.read, timeout=20_000):
        second.saving.open(tmp_path / "work.stems")
    assert same_sound(first.document, second.document)
    assert [stem.gain_db for stem in second.document.state.leaves()] == [-6.0, 0.0]
    view = second.document.viewport
    assert (view.start, view.stop) == pytest.approx((0.5, 2.0))
    assert (view.low, view.high) == pytest.approx((100.0, 5000.0))
    assert second.document.selection == first.document.selection
    assert second.document.look == first.document.look
    assert second.document.target == first.document.target
    assert second.document.hints.strength == 2.5
    assert not second.saving.unsaved
    assert "Brush lead" in second.document.earlier


def test_what_was_open_is_cleared_away_behind_the_window(qtbot, monkeypatch, studios, song):
    """SQLite puts a long recording's working copy together when it is closed, which takes seconds."""
    studio = studios()
    open_song(qtbot, studio, song)
    work_on_it(studio.document)
    folder, held = studio.saving.storage._folder.folder, threading.Event()
    reader, closing = studio.saving.storage.reader, threading.Event()

    def close() -> None:
        closing.set()
        held.wait(20.0)

    monkeypatch.setattr(reader, "close", close)
    open_song(qtbot, studio, song)  # does not wait
    assert closing.wait(20.0)
    assert folder.exists()
    open_song(qtbot, studio, song)
    held.set()
    studio.saving.close()
    assert not folder.exists()


def test_takes_come_back_with_the_song_and_dropped_ones_do_not(qtbot, studios, song, tmp_path):
    def comparing_of(studio):
        comparing = Comparing(studio.document, studio.player)
        comparing.takes_changed.connect(lambda: studio.saving.keep_takes(comparing.takes))
        studio.saving.takes_read.connect(comparing.restore)
        return comparing

    one = studios()
    comparing = comparing_of(one)
    open_song(qtbot, one, song)
    state = one.document.state
    assert not one.saving.unsaved
    for margin in (1.0, 2.0, 3.0):
        comparing.add(take_of(state, answer_of(state, 0, HPSS(margin=margin), Progress())))
    assert one.saving.unsaved
    comparing.drop(comparing.entries[-2])
    one.saving.storage.save(tmp_path / "song.stems")
    titles = [take.title for take in comparing.takes]
    one.close()

    two = studios()
    comparing = comparing_of(two)
    with qtbot.waitSignal(two.opening.read, timeout=20_000):
        two.saving.open(tmp_path / "song.stems")
    assert [take.title for take in comparing.takes] == titles == [HPSS.title, f"{HPSS.title} · margin 3"]
    assert [entry.kind for entry in comparing.entries] == ["original", "take", "take"]
    assert not two.saving.unsaved
    assert comparing.roles == ["harmonic", "percussive", "residual"]
    comparing.keep(comparing.entries[1])
    assert [leaf.name for leaf in two.document.state.leaves()] == comparing.roles


def test_work_of_a_killed_program_is_offered(qtbot, monkeypatch, studios, song):
    first = studios()
    open_song(qtbot, first, song)
    work_on_it(first.document)
    state = first.document
    first.close(crash=True)
    assert len(sessions()) == 1

    second = studios()
    chosen = []

    def go_on(box: QMessageBox) -> int:
        chosen.append(box.text())
        button = next(one for one in box.buttons() if one.text() == "Go on")
        monkeypatch.setattr(QMessageBox, "clickedButton", lambda _: button)
        return 0

    monkeypatch.setattr(QMessageBox, "exec", go_on)
    with qtbot.waitSignal(second.opening.read, timeout=20_000):
        assert second.saving.offer_recovery()
    assert "song" in chosen[0]
    assert same_sound(state, second.document)
    assert second.saving.unsaved
    assert sessions() == []


def test_closing_asks_and_can_save(qtbot, monkeypatch, studios, song, tmp_path):
    studio = studios()
    open_song(qtbot, studio, song)
    assert studio.saving.allowed_to_close()
    work_on_it(studio.document)
    monkeypatch.setattr(QMessageBox, "exec", lambda _: QMessageBox.StandardButton.Cancel)
    assert not studio.saving.allowed_to_close()
    monkeypatch.setattr(QMessageBox, "exec", lambda _: QMessageBox.StandardButton.Save)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "closing.stems"), ""))
    assert studio.saving.allowed_to_close()
    assert (tmp_path / "closing.stems").exists()
    assert not studio.saving.unsaved


def test_a_moved_song_is_asked_for_and_a_wrong_one_refused(qtbot, monkeypatch, studios, song, tmp_path):
    first = studios()
    open_song(qtbot, first, song)
    work_on_it(first.document)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "work.stems"), ""))
    assert first.saving.save(wait=True)
    (tmp_path / "elsewhere").mkdir()
    moved = song.rename(tmp_path / "elsewhere" / "other name.wav")
    wrong = tmp_path / "wrong.wav"
    soundfile.write(wrong, np.zeros((4 * 44100, 2)), 44100, subtype="FLOAT")

    second = studios()
    asked: list[str] = []

    def find(box: QMessageBox) -> int:
        asked.append(box.text())
        button = next(one for one in box.buttons() if one.text().startswith("Find"))
        monkeypatch.setattr(QMessageBox, "clickedButton", lambda _: button)
        return 0

    answers = iter([(str(wrong), ""), (str(moved), "")])
    monkeypatch.setattr(QMessageBox, "exec", find)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: next(answers))
    with qtbot.waitSignal(second.opening.read, timeout=20_000):
        second.saving.open(tmp_path / "work.stems")
    assert len(asked) == 2
    assert "wrong.wav" in asked[1] or "not" in asked[1]
    assert same_sound(first.document, second.document)


def test_an_embedded_song_needs_no_file(qtbot, monkeypatch, studios, song, tmp_path):
    first = studios()
    open_song(qtbot, first, song)
    work_on_it(first.document)
    first.saving.set_embedded(True)
    qtbot.waitUntil(lambda: first.saving.storage.embedded, timeout=10_000)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "whole.stems"), ""))
    assert first.saving.save(wait=True)
    song.unlink()
    second = studios()
    with qtbot.waitSignal(second.opening.read, timeout=20_000):
        second.saving.open(tmp_path / "whole.stems")
    assert same_sound(first.document, second.document)


def test_a_damaged_project_is_one_sentence(qtbot, studios, tmp_path):
    (tmp_path / "bad.stems").write_bytes(b"this is no project")
    studio = studios()
    with qtbot.waitSignal(studio.saving.failed, timeout=10_000) as failed:
        studio.saving.open(tmp_path / "bad.stems")
    assert "bad.stems" in str(failed.args[0])
    assert studio.document.project is None


def test_doubt_is_there_again_when_a_song_is_opened(qtbot, studios, song, tmp_path):
    def opinions_in(studio):
        opinions = opinions_of(studio.document)
        opinions.kept.connect(lambda found, asked: studio.saving.keep_opinions(found, asked=asked))
        studio.saving.opinions_read.connect(opinions.restore)
        return opinions

    one = studios()
    opinions = opinions_in(one)
    open_song(qtbot, one, song)
    project = one.document.project
    for margin in (1.0, 2.0):
        recipe = HPSS(margin=margin)
        one.document.do(edits.split(project, 0, recipe, recipe.run(project.state.mixture, Progress())))
    one.document.history.mark_saved(one.document.history.here())
    opinions.ask(0, HPSS(margin=3.0), "a third")
    qtbot.waitUntil(lambda: len(opinions.comparisons) == 2, timeout=20_000)
    assert one.saving.unsaved
    titles = [each.title for each in opinions.of(0)]
    assert titles == ["a third", f"{HPSS.title}, as it was"]
    one.saving.storage.save(tmp_path / "song.stems")
    one.close()

    two = studios()
    opinions = opinions_in(two)
    with qtbot.waitSignal(two.opening.read, timeout=20_000):
        two.saving.open(tmp_path / "song.stems")
    qtbot.waitUntil(lambda: len(opinions.comparisons) == 2, timeout=20_000)
    assert [each.title for each in opinions.of(0)] == titles
    assert not two.saving.unsaved
