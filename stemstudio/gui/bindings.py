"""Bindings: the commands as Qt actions, their keys, and the keys a person has chosen instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import cast

from PySide6.QtCore import QEvent, QKeyCombination, QObject, QSettings, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.gui.menus.needs import Needs
from stemstudio.gui.views.spectrogram import SpectrogramView

TYPING = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)
SETTINGS = "keys"


class Bindings(QObject):
    """One action a command. Commands that are held, and Space, are watched for being let go.

    Signals
    -------
    changed
        Keys were bound anew.
    """

    changed = Signal()

    def __init__(self, window: QWidget, menus: Iterable[Menu]) -> None:
        super().__init__(window)
        self.actions: dict[str, QAction] = {}
        self._window = window
        self._menus: dict[Command, Menu] = {}
        self._held: dict[int, Command] = {}
        self._there: Mapping[Needs, bool] = {}
        self._space_clean = False
        for menu in menus:
            for command in menu.commands:
                self._menus[command] = menu
                self._add(command)
        self._bind_all()
        # Only what has the keyboard is watched: all events of the program are hundreds where stems appear, and each that
        # passes through Python takes its time.
        window.installEventFilter(self)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_moved)
        application.applicationStateChanged.connect(self._let_go_of_all)

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands, in the order of the menus."""
        return tuple(self._menus)

    def keys(self, command: Command) -> tuple[str, ...]:
        """The keys of a command: those chosen, else its own."""
        chosen = QSettings().value(f"{SETTINGS}/{command.id}")
        return command.keys if chosen is None else tuple(key for key in str(chosen).split(" ; ") if key)

    def bind(self, command: Command, key: str) -> Command | None:
        """Give a command one key ("" for none); returns the command that had it before and has lost it."""
        loser = self.owner(key) if key else None
        if loser is command:
            loser = None
        settings = QSettings()
        if loser is not None:
            rest = [other for other in self.keys(loser) if not same_key(other, key)]
            settings.setValue(f"{SETTINGS}/{loser.id}", " ; ".join(rest))
        settings.setValue(f"{SETTINGS}/{command.id}", key)
        self._bind_all()
        return loser

    def reset(self) -> None:
        """All keys as they come with the program."""
        QSettings().remove(SETTINGS)
        self._bind_all()

    def owner(self, key: str) -> Command | None:
        """The command that a key belongs to."""
        return next((one for one in self.commands if any(same_key(key, own) for own in self.keys(one))), None)

    def set_enabled(self, there: Mapping[Needs, bool]) -> None:
        """Grey out the commands whose needs are not there."""
        if there != self._there:
            self._there = dict(there)
            for command in self.commands:
                if command.needs:
                    self.actions[command.id].setEnabled(there[command.needs])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = type(event)  # looked at first, as asking for its type takes far longer
        if kind is QKeyEvent:
            if event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                return self._key(cast("QKeyEvent", event))
        elif kind is QMouseEvent:
            if event.type() == QEvent.Type.MouseButtonPress:
                self._space_clean = False
        elif kind is QEvent and event.type() == QEvent.Type.WindowDeactivate:
            self._let_go_of_all()
        return False

    def _focus_moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        self._space_clean = False
        if now is not None:
            now.installEventFilter(self)  # once more where it is already is as good as once

    def _key(self, event: QKeyEvent) -> bool:
        if QApplication.activeModalWidget() is not None or isinstance(QApplication.focusWidget(), TYPING):
            return False
        if QApplication.activeWindow() is not self._window:
            return False
        pressed = event.type() == QEvent.Type.KeyPress
        if not pressed:
            if event.key() in self._held:
                if not event.isAutoRepeat():
                    self._end(event.key())
                return True
            if event.key() == Qt.Key.Key_Space and self._space_clean and not event.isAutoRepeat():
                self._space_clean = False
                command = self.owner("Space")
                if command is not None and self.actions[command.id].isEnabled():
                    self.actions[command.id].trigger()
                return True
            return False
        combination = QKeySequence(QKeyCombination(event.modifiers(), Qt.Key(event.key()))).toString()
        if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            # Space plays when it is let go, because held down it drags the view.
            if isinstance(QApplication.focusWidget(), QComboBox | SpectrogramView):
                return False
            if not event.isAutoRepeat():
                self._space_clean = True
            return True
        for command in self.commands:
            if command.end is not None and any(same_key(combination, key) for key in self.keys(command)):
                if not event.isAutoRepeat() and self.actions[command.id].isEnabled():
                    self._held[event.key()] = command
                    self._method(command.do, command)()
                return True
        return False

    def _end(self, key: int) -> None:
        command = self._held.pop(key)
        assert command.end is not None
        self._method(command.end, command)()

    def _let_go_of_all(self, *_: object) -> None:
        for key in tuple(self._held):
            self._end(key)

    def _add(self, command: Command) -> None:
        action = QAction(command.text, self._window)
        action.setToolTip(command.tip)
        action.setStatusTip(command.tip)
        action.setObjectName(command.id)
        slot = self._method(command.do, command)
        if command.end is not None:
            # From the menu, with no key to let go of: on and off.
            action.setCheckable(True)
            end = self._method(command.end, command)
            action.toggled.connect(lambda on: slot() if on else end())
        elif command.checkable:
            action.setCheckable(True)
            action.triggered.connect(lambda on: slot(on))
        elif command.argument >= 0:
            action.triggered.connect(lambda *_: slot(command.argument))
        else:
            action.triggered.connect(lambda *_: slot())
        self._window.addAction(action)
        self.actions[command.id] = action

    def _method(self, do: Callable[..., None], command: Command) -> Callable[..., None]:
        return MethodType(do, self._menus[command])

    def _bind_all(self) -> None:
        for command in self.commands:
            keys = self.keys(command)
            action = self.actions[command.id]
            watched = command.end is not None or any(same_key(key, "Space") for key in keys)
            action.setShortcuts([] if watched else [QKeySequence(key) for key in keys])
            if watched and keys:
                action.setText(f"{command.text}\t{keys[0]}")
            tip = command.tip or command.text.replace("&", "")
            action.setToolTip(f"{tip} ({keys[0]})" if keys else tip)
        self.changed.emit()


def same_key(one: str, other: str) -> bool:
    """Whether two texts mean the same key."""
    return QKeySequence(one) == QKeySequence(other)
