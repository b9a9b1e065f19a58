"""A random walk over the real window: whatever is clicked in whatever order, nothing breaks and the stems add up."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, QSettings, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QMenu, QMessageBox
from signals import mixture

from stemstudio.algorithms import algorithm
from stemstudio.errors import StemStudioError
from stemstudio.gui import main_window
from stemstudio.gui.main_window import MainWindow
from stemstudio.gui.views.strip_menu import stem_menu
from stemstudio.project import edits
from stemstudio.project.project import State
from stemstudio.project.rendering import render_leaves

STEPS = 60
KEYS = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier)
LEFT = Qt.MouseButton.LeftButton
DIALOGS = (
    "quit",
    "open",
    "open_demo",
    "export",
    "show_keys",
    "show_about",
    "teach_file",
    "run",
    "run_recipe_again",
)  # what asks, or takes long


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    """Songs of all sorts, a file that is none, and one that is not there."""
    paths = []
    for name, seconds, rate, channels in (
        ("stereo", 3.0, 44100, 2),
        ("mono", 2.0, 48000, 1),
        ("low", 3.0, 8000, 2),
        ("high", 1.0, 192000, 2),
        ("six", 1.0, 44100, 6),
        ("tenth", 0.1, 44100, 2),
    ):
        sound, _ = mixture(seconds=seconds, rate=rate, channels=channels)
        paths.append(tmp_path / f"{name}.wav")
        soundfile.write(paths[-1], sound.samples.T, rate, subtype="FLOAT")
    paths += [tmp_path / name for name in ("silent.wav", "short.wav", "bad.mp3", "gone.wav")]
    soundfile.write(paths[-4], np.zeros((22050, 2)), 44100)
    soundfile.write(paths[-3], 0.5 * np.ones((22, 2)), 44100)
    paths[-2].write_bytes(b"no song")
    return paths


class Walker:
    """Takes one random step after another."""

    def __init__(self, window: MainWindow, songs: list[Path], folder: Path, seed: int) -> None:
        self.window, self.document, self.songs, self.folder = window, window.document, songs, folder
        self.random = random.Random(seed)
        self.first: tuple[Any, Any] = (None, None)
        self.document.opened.connect(self._opened)
        self.steps: list[Callable[[], None]] = [
            step
            for step, weight in (
                (self.open, 3), (self.separate, 6), (self.suggest, 3), (self.stroke, 12), (self.menu, 6),
                (self.assign, 5), (self.travel, 8), (self.look, 4), (self.command, 14), (self.fader, 4),
                (self.save, 2), (self.reopen, 2), (self.size, 1), (self.take, 3), (self.listen, 4),
            )
            for _ in range(weight)
        ]  # fmt: skip

    def step(self) -> str:
        step = self.random.choice(self.steps)
        if self.document.state is not None or step == self.open:
            step()
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()
        QTest.qWait(self.random.choice((0, 10, 40)))
        return step.__name__

    # steps

    def open(self) -> None:
        for path in self.random.sample(self.songs, self.random.choice((1, 1, 2))):
            self.window.open_path(path)
            QTest.qWait(self.random.choice((0, 5, 300)))

    def reopen(self) -> None:
        kept = sorted(self.folder.glob("*.stems"))
        if kept:
            self.window.open_path(self.random.choice(kept))

    def save(self) -> None:
        self.window.menus.file.save()

    def separate(self) -> None:
        name, settings = self.random.choice(
            [
                ("hpss", {}),
                ("nmf", {"components": 4, "iterations": 8}),
                ("nmf", {"components": 6, "iterations": 900}),
            ]
        )
        stem = self.random.choice(list(self.document.state.stems))
        tick = self.window.separate.selection_only
        tick.setChecked(tick.isEnabled() and self.random.random() < 0.5)
        self.window.menus.separate.run_recipe(stem, algorithm(name).from_settings(settings), {})
        QTest.qWait(self.random.choice((0, 400)))

    def take(self) -> None:
        stem = self.random.choice(list(self.document.state.stems))
        recipe = algorithm("hpss").from_settings({"margin": self.random.uniform(1, 4)})
        self.window.menus.separate.try_recipe(stem, recipe, {})
        waiting = self.window.separate.running.waiting.rows
        if waiting and self.random.random() < 0.3:
            QTest.mouseClick(self.random.choice(waiting)[1], LEFT)

    def listen(self) -> None:
        comparing, dialog = self.window.comparing, self.window.compare_takes()
        dialog.setVisible(self.random.random() < 0.8)
        if comparing.entries:
            comparing.choose(self.random.choice(comparing.entries))
            QTest.qWait(self.random.choice((0, 30, 300)))
            if comparing.roles:  # the takes may have ended meanwhile
                comparing.set_role(self.random.choice(comparing.roles))
            dialog.rest.setChecked(self.random.random() < 0.5)
        self.random.choice(
            (dialog.keep.click, dialog.drop.click, dialog.play.click, dialog.here.click, comparing.stop)
        )()

    def suggest(self) -> None:
        self.window.atoms.suggest_bar.count.setValue(self.random.randint(1, 6))
        self.window.menus.atoms.suggest_atoms()

    def stroke(self) -> None:
        sheet, tools = self.window.sheet.spectrogram, self.window.tools
        tools.choose(self.random.choice(tools.tools).name)
        keys = self.random.choice(KEYS)
        point = QPoint(self.random.randrange(sheet.width()), self.random.randrange(sheet.height()))
        QTest.mousePress(sheet, LEFT, keys, point)
        for _ in range(4):
            point += QPoint(self.random.randint(-60, 60), self.random.randint(-40, 40))
            QTest.mouseMove(sheet, point)
        self.random.choice(
            (lambda: None,) * 6 + (self.document.undo, self.window.menus.edit.escape, self.menu)
        )()
        QTest.mouseRelease(sheet, LEFT, keys, point)

    def menu(self) -> None:
        leaf = self.random.choice(self.document.state.leaves())
        self.document.set_target(leaf.id)
        menu = stem_menu(
            self.document,
            leaf.id,
            self.window.menus.separate.rename_stem,
            lambda: None,
            lambda: None,
            self.window,
        )
        self._trigger_one(menu, ("Other…",))

    def assign(self) -> None:
        split = self.document.atom_split
        if split is not None:
            count = len(split.owners)
            self.document.select_atoms(self.random.sample(range(count), self.random.randint(1, count)))
            self.window.atoms.assign_to_number(self.random.randint(1, 6))
        rows = self.window.atoms.rows
        QTest.mouseClick(
            rows,
            LEFT,
            self.random.choice(KEYS),
            QPoint(rows.width() // 2, self.random.randrange(rows.height())),
        )

    def travel(self) -> None:
        history = self.document.history
        self.random.choice(
            (
                self.document.undo,
                self.document.redo,
                lambda: self.document.jump(self.random.randint(0, len(history.edits))),
            )
        )()

    def look(self) -> None:
        bar = self.window.picture_bar
        box = self.random.choice((bar.view, bar.axis, bar.channel, bar.colours, bar.fineness))
        place = self.random.randrange(3)
        if box.isEnabled():
            box.setCurrentIndex(place)
            box.activated.emit(place)

    def command(self) -> None:
        actions = self.window.bindings.actions
        names = [name for name, action in actions.items() if action.isEnabled() and name not in DIALOGS]
        actions[self.random.choice(names)].trigger()

    def fader(self) -> None:
        stem = self.random.choice(self.document.state.leaves()).id
        field = self.random.choice(("gain_db", "pan"))
        self.document.do(
            edits.set_stem(self.document.state, stem, "Move", **{field: self.random.uniform(-1, 1)})
        )

    def size(self) -> None:
        self.window.resize(self.random.randint(900, 1500), self.random.randint(650, 1000))
        self.window.menus.view.set_theme(self.random.choice(("dark", "light")))

    # what has to hold

    def check(self) -> None:
        document, state = self.document, self.document.state
        if state is None:
            return
        leaves = [leaf.id for leaf in state.leaves()]
        assert document.target in leaves
        assert [strip.stem.id for strip in self.window.mixer.strips] == leaves
        assert len({stem.name for stem in state.stems.values()}) == len(state.stems)
        for parent, split in state.splits.items():
            assert {*split.owners, split.residual} <= {child.id for child in state.children(parent)}
        if document.atoms:
            assert max(document.atoms) < len(document.atom_split.owners)
        self._check_sum(state)
        if self.random.random() < 0.2:
            self._check_history()

    def _check_sum(self, state: State) -> None:
        length = state.mixture.length
        start = self.random.randrange(max(1, length))
        stop = min(length, start + 10_000)
        total = sum(sound.astype(np.float64) for sound in render_leaves(state, start, stop).values())
        assert np.abs(total - state.mixture.read(start, stop)).max(initial=0) < 1e-6

    def _check_history(self) -> None:
        document, history = self.document, self.document.history
        project, first = self.first
        if document.project is not project:
            return
        place, now = history.place, _held(document.state)
        document.jump(0)
        assert _held(document.state) == first
        document.jump(place)
        assert _held(document.state) == now

    def _opened(self) -> None:
        state = self.document.state
        self.first = (self.document.project, None if state is None else _held(state))

    def _trigger_one(self, menu: QMenu, but: tuple[str, ...]) -> None:
        actions, menus = [], [menu]
        while menus:
            for action in menus.pop().actions():
                if action.menu() is not None:
                    menus.append(action.menu())
                elif action.isEnabled() and not action.isSeparator() and action.text() not in but:
                    actions.append(action)
        self.random.choice(actions).trigger()
        menu.deleteLater()


def _held(state: State) -> tuple[Any, ...]:
    """What a person would notice to be different."""
    splits = {stem: (split.owners, split.locked, id(split.estimates)) for stem, split in state.splits.items()}
    paint = {stem: mask for stem, mask in state.paint.items() if mask}
    return state.grid, dict(state.stems), splits, dict(state.strokes), paint


@pytest.fixture
def complaints(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Everything that nobody caught, that Qt complains of, or that was shown as a bug of ours."""
    found: list[str] = []

    def said(kind: QtMsgType, _context: object, words: str) -> None:
        if kind != QtMsgType.QtDebugMsg and "does not support" not in words:
            found.append(words)

    def shown(_parent: object, error: BaseException) -> None:
        if not isinstance(error, StemStudioError):
            found.append(repr(error))

    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(repr(error)))
    monkeypatch.setattr(main_window, "show_error", shown)
    before = qInstallMessageHandler(said)
    yield found
    qInstallMessageHandler(before)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_breaks_whatever_is_done(qtbot, monkeypatch, songs, tmp_path, complaints, seed):
    buttons = QMessageBox.StandardButton
    chance = random.Random(seed + 100)
    monkeypatch.setattr(
        QMessageBox, "exec", lambda _: chance.choice((buttons.Discard, buttons.Discard, buttons.Cancel))
    )
    monkeypatch.setattr(QMessageBox, "question", lambda *_: chance.choice((buttons.Yes, buttons.No)))
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / f"{chance.randint(1, 2)}.stems"), "")
    )
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: "")
    monkeypatch.setattr(
        QInputDialog, "getText", lambda *_, **__: (chance.choice(("Lead", " ", "<b>Bäss</b>")), True)
    )
    monkeypatch.setattr(QInputDialog, "getItem", lambda *args: (chance.choice(args[3]), True))
    monkeypatch.setattr(QInputDialog, "getDouble", lambda *args: (chance.uniform(args[4], args[5]), True))
    QSettings().clear()
    window = MainWindow()
    window.resize(1300, 850)
    window.show()
    walker = Walker(window, songs, tmp_path, seed)
    window.open_path(songs[0])
    qtbot.waitUntil(lambda: window.document.complete, timeout=20_000)
    taken = []
    for _ in range(STEPS):
        taken.append(walker.step())
        assert not complaints, taken[-8:]
        walker.check()
    monkeypatch.setattr(QMessageBox, "exec", lambda _: buttons.Discard)
    window.close()
    assert not complaints
    assert not window.document.jobs.queue or all(job.over for job in window.document.jobs.queue)
    window.deleteLater()
